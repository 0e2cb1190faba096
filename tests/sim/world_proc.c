/* A model worker process: a try goes through its stages in virtual time, as executor/attempt.c and server.c have
 * them. It looks at `stop` between stages and right before the exchange; an exchange that has begun is finished. */
#include <string.h>

#include "tests/sim/world_worker.h"

struct proc procs[WORLD_PROCS];

static void on_step(void *ctx);

static int64_t took(void)
{
	return trouble(TROUBLE_PAUSE, 30) ? 1000 * (int64_t)below(3000) : 50 + (int64_t)below(world.calm ? 2000 : 20000);
}

static void next_step(struct proc *p, int64_t delay_us)
{
	world_later(delay_us, OF_WORLD, on_step, p, p->name);
}

static void forget_request(struct proc *p)
{
	arena_free(&p->arena);
	json_decref(p->request);
	p->request = NULL;
	p->busy = p->is_run = p->stop = false;
}

void proc_die(struct proc *p)
{
	trace("  %s dies", p->name);
	world_forget(p);
	forget_request(p);
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
	*p = (struct proc){.exists = true, .pool = pool, .dies_at = STAGES, .fails_at = STAGES};
	snprintf(p->name, sizeof p->name, "w%u-%u", pool ? pool->spawned : 0, world.life);
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
	p->eof = p->stop = true;
	if (!p->busy)
		proc_die(p);
}

void proc_eof(struct proc *p)
{
	world_later((int64_t)below(2000), OF_WORLD, on_eof, p, "eof");
}

static bool is_canceled(const struct proc *p)
{
	return p->busy && p->held && p->held->id == p->canceled;
}

static void on_cancel(void *ctx)
{
	struct proc *p = ctx;
	if (is_canceled(p))
		p->stop = true;
}

/* SIGTERM and SIGKILL come to who does not answer. */
static void on_grace_over(void *ctx)
{
	struct proc *p = ctx;
	if (is_canceled(p))
		proc_die(p);
}

void proc_cancel(struct proc *p)
{
	if (p->canceled == p->held->id)
		return;
	p->canceled = p->held->id;
	int64_t paused = p->paused_until_us - world.now_us;
	world_later((paused > 0 ? paused : 0) + (int64_t)below(3000), OF_WORLD, on_cancel, p, "canceled");
	world_later(10 * 1000 * 1000, OF_WORLD, on_grace_over, p, "grace over");
}

/* ---- requests that take one step ---- */

static json_t *answer_other(const json_t *request, const char *op)
{
	if (str_eq(op, "probe"))
		return lake_answer_probe(request);
	CHECK(str_eq(op, "sweep"));
	return json_pack("{s:I}", "removed", (json_int_t)lake_sweep(request));
}

static void reply(struct proc *p, json_t *body)
{
	json_object_set_new(body, "ok", json_true());
	json_object_set(body, "id", json_object_get(p->request, "id"));
	forget_request(p);
	if (p->eof) {
		json_decref(body);
		proc_die(p);
		return;
	}
	pool_hear(p, body);
}

/* An error of the request, not of what it asked for. */
static void refuse(struct proc *p, const char *class)
{
	reply(p, json_pack("{s:{s:s, s:s}}", "error", "class", class, "message", "it could not be asked"));
}

/* ---- a try ---- */

static void say(struct proc *p, const char *event)
{
	pool_hear(p, json_pack("{s:O, s:s}", "id", json_object_get(p->request, "id"), "event", event));
}

static void end_with(struct proc *p, enum try_outcome outcome)
{
	p->result.outcome = outcome;
	p->stage = STAGE_CLEANUP;
}

static void put_check(struct proc *p, const char *status)
{
	struct manifest_check *check = arena_alloc(&p->arena, sizeof *check);
	*check = (struct manifest_check){"columns", status, ""};
	p->result.manifest.checks = check;
	p->result.manifest.nchecks = 1;
}

static void fail(struct proc *p, const char *class, const char *message)
{
	p->result.error = (struct try_error){.class = class, .message = message};
	end_with(p, OUTCOME_ERROR);
}

static void draw_fate(struct proc *p)
{
	static const char *const classes[] = {"sql", "transient", "transient", "permanent", "check"};
	p->dies_at = p->fails_at = STAGES;
	p->dies_after_exchange = chance(50);
	p->rows_none = chance(8) && (world.options.trouble & TROUBLE_ERROR) && (!world.calm || p->rq.allow_empty);
	p->class = classes[below(5)];
	if (world.now_us < world.plague_until_us || trouble(TROUBLE_DEATH, 60))
		p->dies_at = (enum stage)below(STAGES);
	if (trouble(TROUBLE_ERROR, 120))
		p->fails_at = (enum stage)below(STAGE_CLEANUP);
	if (trouble(TROUBLE_PAUSE, 25))
		p->paused_until_us = world.now_us + 1000 * (int64_t)below(20000);
}

/* What it reads is what it was told to read, unless others were there: then what is there, or an error. */
static bool pin_inputs(struct proc *p)
{
	struct manifest_input *inputs = arena_array(&p->arena, WORLD_TABLES * WORLD_DATES, sizeof *inputs);
	size_t n = 0;
	for (size_t i = 0; i < p->rq.ninputs; i++) {
		const struct try_input *in = &p->rq.inputs[i];
		for (size_t k = 0; k < in->npartitions; k++) {
			const struct lake_part *part = lake_part(in->qname, in->partitions[k]);
			CHECK(part->hand || (part->published && str_eq(part->try_id, in->try_ids[k])));
			if (!part->published || part->hand == HAND_DAMAGED) {
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

static void check_alone(const struct proc *p)
{
	for (size_t i = 0; i < WORLD_PROCS; i++) {
		const struct proc *other = &procs[i];
		if (other == p || !other->exists || other->killed || !other->busy || !other->is_run || other->stage >= STAGE_REPLY)
			continue;
		CHECK(!str_eq(other->rq.qname, p->rq.qname) || !str_eq(other->rq.partition, p->rq.partition));
	}
}

static void enter(struct proc *p)
{
	switch (p->stage) {
	case STAGE_PREPARE:
		say(p, "running");
		check_alone(p);
		lake_stage(p->rq.try_id, true);
		if (!pin_inputs(p))
			return;
		break;
	case STAGE_VALIDATE:
		put_check(p, p->rows_none ? "failed" : "passed");
		if (p->rows_none && !p->rq.allow_empty && !p->rq.output_none) {
			fail(p, "check", "no rows");
			return;
		}
		break;
	case STAGE_COMMIT:
		if (p->rq.output_none)
			end_with(p, OUTCOME_SUCCESS);
		else
			end_with(p, lake_publish(p) ? OUTCOME_SUCCESS : OUTCOME_FENCED);
		return;
	default:
		break;
	}
	p->stage++;
}

static void work(struct proc *p)
{
	check_alone(p);
	if (p->dies_at == p->stage && !(p->stage == STAGE_COMMIT && p->dies_after_exchange)) {
		proc_die(p);
		return;
	}
	if (p->stage < STAGE_CLEANUP && p->stop)
		end_with(p, OUTCOME_KILLED);
	else if (p->fails_at == p->stage)
		fail(p, p->class, "it went wrong");
	else if (p->stage < STAGE_CLEANUP) {
		bool commits = p->stage == STAGE_COMMIT;
		enter(p);
		if (commits && p->dies_at == STAGE_COMMIT) {
			proc_die(p);
			return;
		}
	} else if (p->stage == STAGE_CLEANUP) {
		if (p->result.outcome == OUTCOME_SUCCESS && !p->rq.output_none)
			lake_synced(lake_part(p->rq.qname, p->rq.partition));
		lake_stage(p->rq.try_id, false);
		p->stage++;
	} else {
		if (p->result.outcome == OUTCOME_ERROR && trouble(TROUBLE_ERROR, 100))
			refuse(p, p->class);
		else
			reply(p, try_result_encode(&p->result));
		return;
	}
	next_step(p, took());
}

static void on_step(void *ctx)
{
	struct proc *p = ctx;
	if (p->paused_until_us > world.now_us) {
		next_step(p, p->paused_until_us - world.now_us);
		return;
	}
	if (p->is_run) {
		work(p);
	} else if (p->dies_at < STAGES || p->eof) {
		proc_die(p);
	} else {
		reply(p, answer_other(p->request, json_string_value(json_object_get(p->request, "op"))));
	}
}

void proc_take(struct proc *p, struct ask *ask)
{
	struct err err = {0};
	CHECK(!p->busy && !p->killed);
	p->busy = true;
	p->request = json_incref(ask->body);
	p->is_run = ask->is_run;
	p->stage = STAGE_PREPARE;
	p->result = (struct try_result){.cleared_rows = -1};
	if (p->is_run)
		CHECK(try_request_decode(&p->arena, ask->body, &p->rq, &err) == 0);
	draw_fate(p);
	if (!p->is_run && p->dies_at < STAGES && world.now_us >= world.plague_until_us && chance(50))
		p->dies_at = STAGES;
	next_step(p, 30 + (int64_t)below(200));
}
