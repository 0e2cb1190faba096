/* A model worker process: a try goes through its stages in virtual time, as executor/attempt.c, batch.c and server.c have
 * them. It looks whether it is to stop between stages and right before the exchange; an exchange that has begun is finished.
 * The tries of a batch are staged one after the other, and then published together. */
#include <string.h>

#include "tests/sim/world_worker.h"

struct proc procs[WORLD_PROCS];

static void on_step(void *ctx);

static int64_t took(void)
{
	return trouble(TROUBLE_PAUSE, 30) ? 1000 * (int64_t)below(3000) : world.slow * (50 + (int64_t)below(world.calm ? 2000 : 20000));
}

static void next_step(struct proc *p, int64_t delay_us)
{
	world_later(delay_us, OF_WORLD, on_step, p, p->name);
}

static struct job *job_of(struct proc *p)
{
	return &p->jobs[p->at];
}

static void finish(struct job *j)
{
	if (j->over)
		return;
	arena_free(&j->arena);
	json_decref(j->request);
	j->over = true;
}

void proc_die(struct proc *p)
{
	trace("  %s dies", p->name);
	world_forget(p);
	for (size_t i = 0; i < p->njobs; i++)
		finish(&p->jobs[i]);
	p->njobs = 0;
	p->busy = false;
	p->killed = true;
	pool_gone(p);
}

static void on_hello(void *ctx)
{
	struct proc *p = ctx;
	if (trouble(TROUBLE_DEATH, 10))
		proc_die(p);
	else if (p->eof)
		proc_die(p);
	else
		pool_hear(p, json_pack("{s:i}", "id", 0));
}

struct proc *proc_spawn(struct workers *pool)
{
	size_t i = 0;
	while (i < WORLD_PROCS && procs[i].exists)
		i++;
	CHECK(i < WORLD_PROCS);
	struct proc *p = &procs[i];
	*p = (struct proc){.exists = true, .pool = pool};
	snprintf(p->name, sizeof p->name, "w%u-%u", pool ? pool->spawned : 0, pool ? pool->life : world.life);
	world_later(2000 + (int64_t)below(20000), OF_WORLD, on_hello, p, p->name);
	return p;
}

static void on_eof(void *ctx)
{
	struct proc *p = ctx;
	if (p->paused_until_us > world.now_us) {
		world_later(p->paused_until_us - world.now_us, OF_WORLD, on_eof, p, "eof later");
		return;
	}
	p->eof = true;
	if (!p->busy)
		proc_die(p);
}

void proc_eof(struct proc *p)
{
	world_later((int64_t)below(2000), OF_WORLD, on_eof, p, "eof");
}

static void on_cancel(void *ctx)
{
	struct proc *p = ctx;
	for (size_t i = 0; i < p->njobs; i++)
		p->jobs[i].canceled = p->jobs[i].cancel_asked;
}

/* SIGTERM and SIGKILL come to who does not answer. */
static void on_grace_over(void *ctx)
{
	struct proc *p = ctx;
	if (p->busy && job_of(p)->cancel_asked)
		proc_die(p);
}

void proc_cancel(struct proc *p, uint64_t id)
{
	struct job *j = p->jobs;
	while (j < p->jobs + p->njobs && j->id != id)
		j++;
	if (j == p->jobs + p->njobs || j->cancel_asked)
		return;
	j->cancel_asked = true;
	int64_t paused = p->paused_until_us - world.now_us;
	world_later((paused > 0 ? paused : 0) + (int64_t)below(3000), OF_WORLD, on_cancel, p, "canceled");
	world_later(10 * 1000 * 1000, OF_WORLD, on_grace_over, p, "grace over");
}

static bool to_stop(const struct proc *p, const struct job *j)
{
	return p->eof || j->canceled;
}

/* ---- requests that take one step ---- */

static json_t *answer_other(const json_t *request, const char *op)
{
	if (str_eq(op, "probe"))
		return lake_answer_probe(request);
	CHECK(str_eq(op, "sweep"));
	return json_pack("{s:I}", "removed", (json_int_t)lake_sweep(request));
}

static void reply(struct proc *p, struct job *j, json_t *body)
{
	json_object_set_new(body, "ok", json_true());
	json_object_set_new(body, "id", json_integer((json_int_t)j->id));
	finish(j);
	if (p->eof)
		json_decref(body);
	else
		pool_hear(p, body);
}

/* An error of the request, not of what it asked for. */
static void refuse(struct proc *p, struct job *j, const char *class)
{
	reply(p, j, json_pack("{s:{s:s, s:s}}", "error", "class", class, "message", "it could not be asked"));
}

/* ---- a try ---- */

static void say(struct proc *p, const struct job *j, const char *event)
{
	bool staged = str_eq(event, "staged");
	pool_hear(p, json_pack("{s:I, s:s, s:s*}", "id", (json_int_t)j->id, "event", staged ? "stage" : event, "stage", staged ? event : NULL));
}

static void end_with(struct job *p, enum try_outcome outcome)
{
	p->result.outcome = outcome;
	p->stage = STAGE_CLEANUP;
}

static void put_check(struct job *p, const char *status)
{
	struct manifest_check *check = arena_alloc(&p->arena, sizeof *check);
	*check = (struct manifest_check){"columns", status, ""};
	p->result.manifest.checks = check;
	p->result.manifest.nchecks = 1;
}

static void fail(struct job *p, const char *class, const char *message)
{
	p->result.error = (struct try_error){.class = class, .message = message};
	end_with(p, OUTCOME_ERROR);
}

static void draw_fate(struct proc *proc)
{
	struct job *p = job_of(proc);
	static const char *const classes[] = {"sql", "transient", "transient", "permanent", "check"};
	p->dies_at = p->fails_at = STAGES;
	p->dies_after_exchange = chance(50);
	p->rows_none = chance(8) && (world.options.trouble & TROUBLE_ERROR) && (!world.calm || p->rq.allow_empty);
	p->check_fails = chance(20) && (world.options.trouble & TROUBLE_ERROR) && !world.calm;
	p->class = classes[below(5)];
	if (world.now_us < world.plague_until_us || trouble(TROUBLE_DEATH, 60))
		p->dies_at = (enum stage)below(STAGES);
	if (trouble(TROUBLE_ERROR, 120))
		p->fails_at = (enum stage)below(STAGE_CLEANUP);
	if (trouble(TROUBLE_PAUSE, 25))
		proc->paused_until_us = world.now_us + 1000 * (int64_t)below(20000);
}

static bool makes_nothing(const struct job *j)
{
	return j->rq.output_none || j->rq.check_only;
}

/* What a check finds in place of what it was told to look at: without rows there is only the record of it. */
static bool is_empty_itself(const struct job *p, const struct lake_part *part, const char *expected)
{
	return p->rq.check_only && !*expected && !part->published && part->empty_record;
}

/* What it reads is what it was told to read, unless others were there: then what is there, or an error. */
static bool pin_inputs(struct job *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->rq.ninputs; i++)
		n += p->rq.inputs[i].npartitions;
	struct manifest_input *inputs = arena_array(&p->arena, n, sizeof *inputs);
	n = 0;
	for (size_t i = 0; i < p->rq.ninputs; i++) {
		const struct try_input *in = &p->rq.inputs[i];
		for (size_t k = 0; k < in->npartitions; k++) {
			const struct lake_part *part = lake_part(in->qname, in->partitions[k]);
			bool empty = is_empty_itself(p, part, in->try_ids[k]);
			CHECK(part->hand || world.many || empty || (part->published && str_eq(part->try_id, in->try_ids[k]))); /* of many: another run's */
			if ((!part->published && !empty) || part->hand == HAND_DAMAGED) {
				fail(p, part->published ? "permanent" : "transient", "what it reads is not there");
				return false;
			}
			inputs[n++] = (struct manifest_input){in->qname, in->partitions[k], part->version,
			                                      arena_strdup(&p->arena, part->try_id)};
		}
	}
	p->result.manifest.inputs = inputs;
	p->result.manifest.ninputs = n;
	return true;
}

static void check_alone(const struct job *own)
{
	for (size_t i = 0; i < WORLD_PROCS; i++) {
		const struct proc *other = &procs[i];
		for (size_t k = 0; other->exists && !other->killed && k < other->njobs; k++) {
			const struct job *j = &other->jobs[k];
			if (j == own || !j->is_run || !j->begun || j->over || j->stage >= STAGE_REPLY)
				continue;
			CHECK(!str_eq(j->rq.qname, own->rq.qname) || !str_eq(j->rq.partition, own->rq.partition));
		}
	}
}

static void begin_job(struct proc *p)
{
	struct job *j = job_of(p);
	j->begun = true;
	j->result.load_us = 1 + (int64_t)below(30000); /* of its own; what it waits for is not told */
	draw_fate(p);
	next_step(p, 30 + (int64_t)below(200));
}

/* The next of the batch, or what waits of it is published, or it is idle. */
static void next_job(struct proc *p)
{
	bool staged = false;
	while (++p->at < p->njobs && p->publishing && !p->jobs[p->at].staged)
		;
	if (p->at < p->njobs && !p->publishing) {
		begin_job(p);
		return;
	}
	for (size_t i = 0; i < p->njobs && !p->publishing; i++) {
		if (p->jobs[i].staged && !staged)
			p->at = i;
		staged = staged || p->jobs[i].staged;
	}
	if (staged || (p->publishing && p->at < p->njobs)) {
		p->publishing = true;
		next_step(p, took());
		return;
	}
	p->busy = p->publishing = false;
	p->njobs = 0;
	if (p->eof)
		proc_die(p);
}

static void enter(struct proc *proc, struct job *p)
{
	switch (p->stage) {
	case STAGE_PREPARE:
		say(proc, p, "running");
		check_alone(p);
		lake_stage(p->rq.try_id, true);
		if (!pin_inputs(p))
			return;
		break;
	case STAGE_VALIDATE:
		if (p->rq.check_only) {
			put_check(p, p->check_fails ? "failed" : "passed");
			if (p->check_fails) {
				fail(p, "check", "it is there twice");
				return;
			}
			break;
		}
		put_check(p, p->rows_none ? "failed" : "passed");
		if (p->rows_none && !p->rq.allow_empty && !p->rq.output_none) {
			fail(p, "check", "no rows");
			return;
		}
		break;
	case STAGE_COMMIT:
		if (p->rq.check_only) {
			p->result.checked = p->result.manifest.inputs[0].try_id;
			story->checks++;
		}
		if (makes_nothing(p))
			end_with(p, OUTCOME_SUCCESS);
		else
			end_with(p, lake_publish(p) ? OUTCOME_SUCCESS : OUTCOME_FENCED);
		return;
	default:
		break;
	}
	p->stage++;
}

/* Its folders are durable, what it left is removed, and it says so. */
static void answer(struct proc *p, struct job *j)
{
	if (j->result.outcome == OUTCOME_SUCCESS && !makes_nothing(j))
		lake_synced(lake_part(j->rq.qname, j->rq.partition));
	lake_stage(j->rq.try_id, false);
	j->stage = STAGE_REPLY;
	if (j->result.outcome == OUTCOME_ERROR && trouble(TROUBLE_ERROR, 100))
		refuse(p, j, j->class);
	else
		reply(p, j, try_result_encode(&j->result));
}

/* One exchange a step; the last one is followed by the sync and the answers of all. */
static void publish(struct proc *p)
{
	struct job *j = job_of(p);
	check_alone(j);
	bool dies = j->dies_at == STAGE_COMMIT || j->dies_at == STAGE_CLEANUP;
	if (dies && !j->dies_after_exchange) {
		proc_die(p);
		return;
	}
	if (to_stop(p, j))
		end_with(j, OUTCOME_KILLED);
	else
		enter(p, j);
	bool last = true;
	for (size_t i = p->at + 1; i < p->njobs; i++)
		last = last && !p->jobs[i].staged;
	if (dies) {
		proc_die(p);
		return;
	}
	for (size_t i = 0; last && i < p->njobs; i++) {
		if (p->jobs[i].staged)
			answer(p, &p->jobs[i]);
	}
	next_job(p);
}

static void work(struct proc *p)
{
	struct job *j = job_of(p);
	check_alone(j);
	if (p->njobs > 1 && j->stage == STAGE_COMMIT && !makes_nothing(j) && j->fails_at != STAGE_COMMIT) {
		j->staged = true;
		say(p, j, "staged");
		next_job(p);
		return;
	}
	if (j->dies_at == j->stage && !(j->stage == STAGE_COMMIT && j->dies_after_exchange)) {
		proc_die(p);
		return;
	}
	if (j->stage < STAGE_CLEANUP && to_stop(p, j)) {
		end_with(j, OUTCOME_KILLED);
	} else if (j->fails_at == j->stage) {
		fail(j, j->class, "it went wrong");
	} else if (j->stage < STAGE_CLEANUP) {
		bool commits = j->stage == STAGE_COMMIT;
		enter(p, j);
		if (commits && j->dies_at == STAGE_COMMIT) {
			proc_die(p);
			return;
		}
	} else if (j->stage == STAGE_CLEANUP) {
		if (j->result.outcome == OUTCOME_SUCCESS && !makes_nothing(j))
			lake_synced(lake_part(j->rq.qname, j->rq.partition));
		lake_stage(j->rq.try_id, false);
		j->stage++;
	} else {
		if (j->result.outcome == OUTCOME_ERROR && trouble(TROUBLE_ERROR, 100))
			refuse(p, j, j->class);
		else
			reply(p, j, try_result_encode(&j->result));
		next_job(p);
		return;
	}
	next_step(p, took());
}

static void on_step(void *ctx)
{
	struct proc *p = ctx;
	struct job *j = job_of(p);
	if (p->paused_until_us > world.now_us) {
		next_step(p, p->paused_until_us - world.now_us);
		return;
	}
	if (p->publishing) {
		publish(p);
	} else if (j->is_run) {
		work(p);
	} else if (j->dies_at < STAGES || p->eof) {
		proc_die(p);
	} else {
		reply(p, j, answer_other(j->request, json_string_value(json_object_get(j->request, "op"))));
		next_job(p);
	}
}

void proc_take(struct proc *p, const struct ask *asks)
{
	struct err err = {0};
	CHECK(!p->busy && !p->killed);
	p->busy = true;
	p->publishing = false;
	p->njobs = p->at = 0;
	for (const struct ask *a = asks; a; a = a->next) {
		CHECK(p->njobs < WORLD_BATCH);
		struct job *j = &p->jobs[p->njobs++];
		*j = (struct job){.id = a->id, .is_run = a->is_run, .request = json_incref(a->body), .dies_at = STAGES, .fails_at = STAGES,
		                  .result = {.cleared_rows = -1}};
		if (j->is_run)
			CHECK(try_request_decode(&j->arena, a->body, &j->rq, &err) == 0);
	}
	begin_job(p);
	struct job *first = job_of(p);
	if (!first->is_run && first->dies_at < STAGES && world.now_us >= world.plague_until_us && chance(50))
		first->dies_at = STAGES;
}
