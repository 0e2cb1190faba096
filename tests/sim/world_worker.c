/* The pool of workers (scheduler/workers.h) over model processes: one queue, a process an idle slot, answers that
 * take time, and deaths that are told only when the process is gone. */
#include "tests/sim/world_worker.h"

#include <string.h>

#include "base/mem.h"
#include "scheduler/locks.h"

/* Something that a process said, on its way. */
struct message {
	struct proc *from;
	json_t *reply; /* NULL: it has died */
};

/* A scheduler that has lost the lake and lives: a machine's rules are not asked any more, as nothing of it becomes durable,
 * but what waits in its queue still goes to its workers. */
static struct {
	struct workers *pool; /* NULL: there is none */
	int64_t until_us;
} former;

static void dispatch(struct workers *w);

static void former_take(struct proc *p)
{
	struct ask **at = &former.pool->queue;
	while (*at && !(*at)->is_run)
		at = &(*at)->next;
	if (!*at)
		return;
	struct ask *a = *at;
	*at = a->next;
	a->next = NULL;
	proc_take(p, a);
}

static void former_dispatch(void)
{
	uint32_t alive = 0;
	for (size_t i = 0; former.pool && i < WORLD_PROCS; i++) {
		struct proc *p = &procs[i];
		alive += p->exists && p->former;
		if (p->exists && p->former && p->greeted && !p->busy && !p->killed)
			former_take(p);
	}
	if (former.pool && alive == 0 && former.pool->queue)
		proc_spawn(NULL)->former = true;
}

static void answer_with(struct workers *w, struct ask *a, int code, const char *text, struct worker_answer answer)
{
	struct err err = {0};
	err_set(&err, code, "%s", text);
	answer.err = &err;
	if (a->is_run)
		w->live_in_pool[a->pool]--;
	a->on_answer(a->ctx, &answer);
	json_decref(a->body);
	free(a);
}

static void answer_error(struct workers *w, struct ask *a, int code, const char *text)
{
	answer_with(w, a, code, text, (struct worker_answer){0});
}

static void answer_reply(struct workers *w, struct ask *a, const json_t *reply)
{
	const json_t *error = json_object_get(reply, "error");
	struct err err = {0};
	if (a->is_run)
		w->live_in_pool[a->pool]--;
	err_set(&err, ERR_ENGINE, "%s", error ? json_string_value(json_object_get(error, "message")) : "");
	if (error)
		a->on_answer(a->ctx, &(struct worker_answer){.err = &err, .error = error});
	else
		a->on_answer(a->ctx, &(struct worker_answer){.reply = reply});
	json_decref(a->body);
	free(a);
}

/* Where the list of what a process holds names it; the end of the list: nowhere. */
static struct ask **find_held(struct proc *p, uint64_t id)
{
	struct ask **at = &p->held;
	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

/* What its death is due to: what was at work, else the first. */
static uint64_t at_work(const struct proc *p)
{
	for (const struct ask *a = p->held; a; a = a->next) {
		if (a->running && !a->staged)
			return a->id;
	}
	return p->held ? p->held->id : 0;
}

static void on_message(void *ctx)
{
	struct message *m = ctx;
	struct proc *p = m->from;
	struct workers *w = p->pool;
	json_t *reply = m->reply;
	free(m);
	world_cross("a worker speaks");
	CHECK(world.many || w == world.pool);
	if (!p->greeted) {
		p->greeted = true;
		w->spawn_failures = 0;
	} else {
		struct ask **at = find_held(p, (uint64_t)json_integer_value(json_object_get(reply, "id"))), *a = *at;
		CHECK(a);
		if (json_object_get(reply, "event")) {
			const char *stage = json_string_value(json_object_get(reply, "stage"));
			a->running = true;
			a->staged = a->staged || (stage && str_eq(stage, "staged"));
			if (a->on_event)
				a->on_event(a->ctx, reply);
		} else {
			*at = a->next;
			answer_reply(w, a, reply);
		}
	}
	json_decref(reply);
	if (!w->gone)
		dispatch(w);
}

void pool_hear(struct proc *p, json_t *reply)
{
	if (!p->pool) {
		json_decref(reply);
		p->greeted = true;
		former_dispatch();
		return;
	}
	struct workers *w = p->pool;
	struct message *m = mem_alloc(sizeof *m);
	*m = (struct message){p, reply};
	int64_t at = world.now_us + 20 + (int64_t)below(200);
	p->heard_us = at > p->heard_us ? at : p->heard_us + 1; /* a pipe keeps the order */
	world_later_of(w->host, p->heard_us - world.now_us, on_message, m, "message");
}

static void on_gone(void *ctx)
{
	struct proc *p = ctx;
	struct workers *w = p->pool;
	world_cross("a worker is gone");
	uint64_t guilty = at_work(p);
	struct ask *held = p->held, *a;
	w->spawn_failures += !p->greeted;
	p->exists = false;
	p->held = NULL;
	while ((a = held)) {
		held = a->next;
		answer_with(w, a, ERR_PROTOCOL, "the worker died", (struct worker_answer){.died = true, .blameless = a->id != guilty});
	}
	while (w->spawn_failures >= 3 && w->queue) {
		a = w->queue;
		w->queue = a->next;
		answer_error(w, a, ERR_PROTOCOL, "no worker can be started");
	}
	dispatch(w);
}

/* Its replies arrive before the news of its death does. */
void pool_gone(struct proc *p)
{
	if (p->pool) {
		world_later_of(p->pool->host, (p->heard_us > world.now_us ? p->heard_us - world.now_us : 0) + 1 + (int64_t)below(3000), on_gone, p,
		               "gone");
		return;
	}
	p->exists = false;
	former_dispatch();
}

static struct proc *idle_proc(const struct workers *w)
{
	for (size_t i = 0; i < WORLD_PROCS; i++) {
		struct proc *p = &procs[i];
		if (p->exists && p->pool == w && p->greeted && !p->held && !p->leaving && !p->killed)
			return p;
	}
	return NULL;
}

static void count(const struct workers *w, uint32_t *ret_alive, uint32_t *ret_starting, uint32_t *ret_queued)
{
	*ret_alive = *ret_starting = *ret_queued = 0;
	for (size_t i = 0; i < WORLD_PROCS; i++) {
		bool ours = procs[i].exists && procs[i].pool == w;
		*ret_alive += ours;
		*ret_starting += ours && !procs[i].greeted;
	}
	uint64_t batch = 0;
	for (const struct ask *a = w->queue; a; a = a->next) {
		*ret_queued += !a->batch || a->batch != batch;
		batch = a->batch;
	}
}

static void dismiss_all(const struct workers *w)
{
	for (size_t i = 0; i < WORLD_PROCS; i++) {
		struct proc *p = &procs[i];
		if (!p->exists || p->pool != w || p->killed)
			continue;
		if (!p->held && p->greeted && !p->leaving)
			proc_eof(p);
		p->leaving = p->greeted && !p->held;
	}
}

static void dispatch(struct workers *w)
{
	struct proc *p;
	uint32_t alive, starting, queued;
	if (w->gathering)
		return;
	while (w->queue && (p = idle_proc(w))) {
		struct ask **end = &w->queue;
		do
			end = &(*end)->next;
		while (*end && (*end)->batch && (*end)->batch == w->queue->batch);
		p->held = w->queue;
		w->queue = *end;
		*end = NULL;
		world.batches += p->held->next != NULL;
		proc_take(p, p->held);
	}
	for (count(w, &alive, &starting, &queued); alive < w->most && queued > starting; count(w, &alive, &starting, &queued)) {
		if (trouble(TROUBLE_DEATH, 4)) { /* no process, no memory */
			if (alive)
				break; /* a living one will take it */
			struct ask *a = w->queue;
			w->queue = a->next;
			answer_error(w, a, ERR_IO, "start a worker");
			continue;
		}
		w->spawned++;
		proc_spawn(w);
	}
	if (w->closing)
		dismiss_all(w);
}

struct workers *workers_new(const struct workers_config *config)
{
	struct workers *w = mem_alloc(sizeof *w);
	w->most = config->most;
	w->host = world.host;
	w->life = world.life;
	return w;
}

uint64_t workers_ask(struct workers *w, json_t *body, bool urgent, worker_event_fn on_event, worker_answer_fn on_answer, void *ctx)
{
	struct ask *a = mem_alloc(sizeof *a);
	const char *op = json_string_value(json_object_get(body, "op"));
	*a = (struct ask){.id = ++w->last_id, .batch = w->gathering, .body = body, .on_event = on_event, .on_answer = on_answer, .ctx = ctx};
	json_object_set_new(body, "id", json_integer((json_int_t)a->id));
	a->is_run = str_eq(op, "run");
	if (a->is_run) {
		struct arena arena = {0};
		struct try_request rq;
		struct err err = {0};
		CHECK(try_request_decode(&arena, body, &rq, &err) == 0);
		trace("  run %s %s fence %" PRIu64, rq.qname, rq.partition, rq.fence);
		check_sent(&rq);
		a->pool = world.tables[world_find(rq.qname)].pool;
		CHECK(++w->live_in_pool[a->pool] <= world.pools[a->pool]);
		arena_free(&arena);
	}
	struct ask **at = &w->queue;
	while (*at && !urgent)
		at = &(*at)->next;
	a->next = *at;
	*at = a;
	uint64_t id = a->id;
	world_cross("ask");
	dispatch(w);
	return id;
}

void workers_gather(struct workers *w, bool on)
{
	w->gathering = on ? ++w->last_batch : 0;
	dispatch(w);
}

void workers_cancel(struct workers *w, uint64_t id)
{
	world_cross("cancel");
	for (struct ask **at = &w->queue; *at; at = &(*at)->next) {
		struct ask *a = *at;
		if (a->id == id) {
			*at = a->next;
			answer_error(w, a, ERR_CANCELED, "canceled before a worker had it");
			return;
		}
	}
	for (size_t i = 0; i < WORLD_PROCS; i++) {
		if (procs[i].exists && procs[i].pool == w && *find_held(&procs[i], id))
			proc_cancel(&procs[i], id);
	}
}

void workers_keep(struct workers *w, uint32_t kept)
{
	(void)w, (void)kept; /* who has a worker when is nobody's promise in this world */
}

void workers_modest(struct workers *w, bool on)
{
	(void)w, (void)on;
}

const char *workers_holder(const struct workers *w, uint64_t id)
{
	for (size_t i = 0; i < WORLD_PROCS; i++) {
		if (procs[i].exists && procs[i].pool == w && *find_held(&procs[i], id))
			return procs[i].name;
	}
	return NULL;
}

void workers_list(const struct workers *w, void (*fn)(void *ctx, const struct worker_info *info), void *ctx)
{
	(void)w, (void)fn, (void)ctx; /* who looks on is not in this world */
}

const char *workers_engine_version(const struct workers *w)
{
	(void)w;
	return "v1";
}

void workers_kill(struct workers *w)
{
	for (size_t i = 0; i < WORLD_PROCS; i++) {
		if (procs[i].exists && procs[i].pool == w && !procs[i].killed)
			proc_die(&procs[i]);
	}
}

void workers_close(struct workers *w)
{
	w->closing = true;
	dismiss_all(w);
}

bool workers_gone(const struct workers *w)
{
	uint32_t alive, starting, queued;
	count(w, &alive, &starting, &queued);
	return alive == 0;
}

void workers_free(struct workers *w)
{
	if (world.many)
		w->gone = true; /* a late message may still name it */
	else
		free(w);
}

/* ---- their scheduler's death, and the wait of the next one ---- */

void workers_reset(void)
{
	former.pool = NULL;
	for (size_t i = 0; i < WORLD_PROCS; i++) {
		for (size_t k = 0; k < procs[i].njobs; k++)
			arena_free(&procs[i].jobs[k].arena);
		procs[i] = (struct proc){.exists = false};
	}
}

void workers_cut_off(void)
{
	former.pool = world.pool;
	former.until_us = world.now_us + (int64_t)below(1000 * LOCKS_GRACE_MS);
	for (size_t i = 0; i < WORLD_PROCS; i++) {
		struct proc *p = &procs[i];
		if (!p->exists || !p->pool)
			continue;
		p->former = true;
		p->exists = !p->killed;
		p->pool = NULL;
		p->held = NULL;
	}
	former_dispatch();
}

void workers_hold(void)
{
	while (former.pool && world_dispatch(OF_WORLD, former.until_us))
		;
	former.pool = NULL;
	for (size_t i = 0; i < WORLD_PROCS; i++) {
		if (procs[i].exists && procs[i].former && !procs[i].killed)
			proc_eof(&procs[i]);
		procs[i].former = false;
	}
}

void workers_crash(const struct workers *w)
{
	for (size_t i = 0; i < WORLD_PROCS; i++) {
		struct proc *p = &procs[i];
		if (!p->exists || !p->pool || p->pool != w)
			continue;
		p->pool = NULL;
		p->held = NULL;
		if (p->killed)
			p->exists = false;
		else
			proc_eof(p);
	}
}

void workers_power_loss(void)
{
	former.pool = NULL;
	for (size_t i = 0; i < WORLD_PROCS; i++) {
		if (procs[i].exists && !procs[i].killed)
			proc_die(&procs[i]);
		procs[i].exists = false;
	}
}

uint32_t workers_orphans(void)
{
	uint32_t n = 0;
	for (size_t i = 0; i < WORLD_PROCS; i++)
		n += procs[i].exists && !procs[i].pool;
	return n;
}

bool worker_works_on(const char *try_id)
{
	for (size_t i = 0; i < WORLD_PROCS; i++) {
		const struct proc *p = &procs[i];
		for (size_t k = 0; p->exists && !p->killed && k < p->njobs; k++) {
			const struct job *j = &p->jobs[k];
			if (j->is_run && j->begun && !j->over && str_eq(j->rq.try_id, try_id) && j->stage < STAGE_REPLY)
				return true;
		}
	}
	return false;
}

int locks_await_all(const char *dir, int grace_ms, struct err *err)
{
	(void)dir;
	(void)err;
	int64_t until = world.now_us + 1000 * (int64_t)grace_ms;
	world_cross("locks");
	while (workers_orphans() && world_pass(until))
		world_cross("locks wait");
	for (size_t i = 0; i < WORLD_PROCS; i++) {
		if (procs[i].exists && !procs[i].pool)
			proc_die(&procs[i]);
	}
	return 0;
}
