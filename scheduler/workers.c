/* See workers.h: the queue, the choice of a worker, and the answers. One process is worker.c's. */
#include "scheduler/workers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/protocol.h"
#include "scheduler/worker.h"

struct workers {
	struct workers_config config;
	char *program, *lake, *lock_dir;
	struct list queue; /* requests not yet given to a worker */
	struct list alive; /* workers, also those that are on their way out */
	uint32_t nalive, spawned;
	uint64_t last_id;
	uint64_t gathering; /* what is asked is of this batch; 0: of none */
	uint64_t last_batch;
	uint32_t kept;      /* workers that modest requests do not get */
	bool modest;        /* what is asked is so */
	uint32_t spawn_failures; /* in a row; too many fail the queue instead of spinning */
	char engine_version[32], version[32];
	bool closing;
	void (*on_death)(void *ctx); /* or NULL */
	void *death_ctx;
};

enum {
	SPAWN_FAILURES_MAX = 3,
	LIVES = 2, /* the second worker that dies of the same request is hardly killed by chance, the third never */
};

static void dispatch(struct workers *w);

static struct request *request_of(struct list *link)
{
	return LIST_ENTRY(link, struct request, link);
}

static struct worker *worker_of(struct list *link)
{
	return LIST_ENTRY(link, struct worker, link);
}

static void request_free(struct request *r)
{
	free(r->line);
	free(r);
}

static void answer_with(struct request *r, int code, const char *text, struct worker_answer a)
{
	struct err err = {0};
	err_set(&err, code, "%s", text);
	a.err = &err;
	r->on_answer(r->ctx, &a);
	request_free(r);
}

static void answer_error(struct request *r, int code, const char *text)
{
	answer_with(r, code, text, (struct worker_answer){0});
}

/* A worker would take such a line for a broken peer, and end. */
static void answer_unsendable(struct request *r)
{
	char text[128] = "the request holds bytes that are no UTF-8";
	if (r->line)
		snprintf(text, sizeof text, "the request is %zu bytes long, and a line of the protocol may have %d", r->size,
		         (int)PROTOCOL_LINE_MAX);
	answer_error(r, ERR_USAGE, text);
}

static void fail_first(struct workers *w, int code, const char *text)
{
	struct request *r = request_of(w->queue.next);
	list_remove(&r->link);
	answer_error(r, code, text);
}

static void on_hello(struct worker *worker, const char *engine_version, const char *version)
{
	struct workers *w = worker->pool;
	w->spawn_failures = 0;
	if (!w->engine_version[0])
		snprintf(w->engine_version, sizeof w->engine_version, "%s", engine_version);
	if (!w->version[0])
		snprintf(w->version, sizeof w->version, "%s", version);
	dispatch(w);
}

static void on_reply(struct worker *worker, struct request *r, const json_t *reply)
{
	struct workers *w = worker->pool;
	const json_t *error = json_object_get(reply, "error");
	dispatch(w); /* what the answer means can wait, the worker need not */
	if (error) {
		struct err err = {0};
		const char *message = json_string_value(json_object_get(error, "message"));
		err_set(&err, ERR_ENGINE, "%s", message ? message : "the worker reported an error without a message");
		r->on_answer(r->ctx, &(struct worker_answer){.err = &err, .error = error});
	} else {
		r->on_answer(r->ctx, &(struct worker_answer){.reply = reply});
	}
	request_free(r);
	dispatch(w);
}

/* What only looks, or may be done twice. A try is never given twice: its fence is recorded for one worker. */
static bool is_repeatable(const char *op)
{
	static const char *const ops[] = {"analyze", "bind", "check", "probe", "sweep"};
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
		if (str_eq(op, ops[i]))
			return true;
	}
	return false;
}

/* The process and everything below it is gone. */
static void on_gone(struct worker *worker, const char *why)
{
	struct workers *w = worker->pool;
	uint64_t guilty = list_empty(&worker->held) ? 0 : worker_at_work(worker)->id;
	list_remove(&worker->link);
	w->nalive--;
	if (!worker->greeted)
		w->spawn_failures++;
	if (w->on_death && (worker->exit_signal || worker->exit_status))
		w->on_death(w->death_ctx);
	while (!list_empty(&worker->held)) {
		struct request *r = request_of(worker->held.next);
		list_remove(&r->link);
		if (r->lives && !r->canceled && !w->closing) {
			r->lives--;
			list_append(w->queue.next, &r->link);
			continue;
		}
		answer_with(r, ERR_PROTOCOL, why, (struct worker_answer){.died = true, .blameless = r->id != guilty});
	}
	while (w->spawn_failures >= SPAWN_FAILURES_MAX && !list_empty(&w->queue))
		fail_first(w, ERR_PROTOCOL, why);
	worker_free(worker);
	dispatch(w);
}

static const struct worker_hooks hooks = {on_hello, on_reply, on_gone};

static int spawn(struct workers *w, struct err *err)
{
	char name[32];
	snprintf(name, sizeof name, "w%u-%lx", ++w->spawned, (long)getpid());
	struct worker *worker = worker_spawn(&w->config, w, name, &hooks, err);
	if (!worker)
		return -1;
	list_append(&w->alive, &worker->link);
	w->nalive++;
	return 0;
}

static struct worker *idle_worker(struct workers *w)
{
	LIST_FOR_EACH(it, &w->alive) {
		struct worker *worker = worker_of(it);
		if (worker_idle(worker))
			return worker;
	}
	return NULL;
}

static uint32_t count_starting(const struct workers *w)
{
	uint32_t n = 0;
	LIST_FOR_EACH(it, &w->alive)
		n += !worker_of(it)->greeted && !worker_of(it)->leaving;
	return n;
}

/* How many more workers may have modest requests; those of a batch are all so, or none. */
static uint32_t room_for_modest(const struct workers *w)
{
	uint32_t room = w->config.most > w->kept ? w->config.most - w->kept : 1;
	LIST_FOR_EACH(it, &w->alive) {
		const struct worker *worker = worker_of(it);
		room -= room && !list_empty(&worker->held) && request_of(worker->held.next)->modest;
	}
	return room;
}

/* Workers that the queue would keep busy. */
static uint32_t queue_length(const struct workers *w, uint32_t most)
{
	uint32_t n = 0, room = room_for_modest(w);
	uint64_t batch = 0;
	for (struct list *it = w->queue.next; it != &w->queue && n < most; it = it->next) {
		const struct request *r = request_of(it);
		bool first = !r->batch || r->batch != batch;
		batch = r->batch;
		if (!first || (r->modest && !room))
			continue;
		room -= r->modest;
		n++;
	}
	return n;
}

/* The first of the queue that may be given to a worker; NULL: none may. */
static struct list *first_in_queue(struct workers *w)
{
	bool room = room_for_modest(w) > 0;
	LIST_FOR_EACH(it, &w->queue) {
		if (room || !request_of(it)->modest)
			return it;
	}
	return NULL;
}

/* From `it` on, with those of its batch. */
static void take(struct workers *w, struct list *it, struct list *out)
{
	uint64_t batch = request_of(it)->batch;
	list_init(out);
	do {
		struct list *next = it->next;
		list_remove(it);
		list_append(out, it);
		it = next;
	} while (batch && it != &w->queue && request_of(it)->batch == batch);
}

static void dismiss_all(struct workers *w)
{
	LIST_FOR_EACH(it, &w->alive)
		worker_dismiss(worker_of(it));
}

static void dispatch(struct workers *w)
{
	struct worker *worker;
	if (w->gathering)
		return;
	for (struct list *first; (worker = idle_worker(w)) && (first = first_in_queue(w));) {
		struct list taken;
		take(w, first, &taken);
		worker_give(worker, &taken);
	}
	while (w->nalive < w->config.most && queue_length(w, w->config.most) > count_starting(w)) {
		struct err err = {0};
		if (spawn(w, &err) == 0)
			continue;
		log_event(LOG_ERROR, "worker.spawn_failed", "error", err.text, NULL);
		if (w->nalive)
			break; /* those that live take what waits */
		fail_first(w, err.code, err.text);
	}
	if (w->closing)
		dismiss_all(w);
}

struct workers *workers_new(const struct workers_config *config)
{
	struct workers *w = mem_alloc(sizeof *w);
	w->config = *config;
	w->config.program = w->program = mem_strdup(config->program);
	w->config.lake = w->lake = mem_strdup(config->lake);
	w->config.lock_dir = w->lock_dir = mem_strdup(config->lock_dir);
	list_init(&w->queue);
	list_init(&w->alive);
	return w;
}

uint64_t workers_ask(struct workers *w, json_t *body, bool urgent, worker_event_fn on_event,
                     worker_answer_fn on_answer, void *ctx)
{
	struct request *r = mem_alloc(sizeof *r);
	*r = (struct request){.id = ++w->last_id, .batch = w->gathering, .modest = w->modest, .on_event = on_event, .on_answer = on_answer, .ctx = ctx};
	r->lives = is_repeatable(json_string_value(json_object_get(body, "op"))) ? LIVES : 0;
	json_object_set_new(body, "id", json_integer((json_int_t)r->id));
	r->line = worker_line(body, &r->size);
	json_decref(body);
	uint64_t id = r->id;
	if (!r->line || r->size + WORKER_MORE_MAX >= PROTOCOL_LINE_MAX) {
		answer_unsendable(r);
		return id;
	}
	list_append(urgent ? w->queue.next : &w->queue, &r->link);
	dispatch(w);
	return id;
}

void workers_gather(struct workers *w, bool on)
{
	w->gathering = on ? ++w->last_batch : 0;
	dispatch(w);
}

void workers_keep(struct workers *w, uint32_t kept)
{
	w->kept = kept;
	dispatch(w);
}

void workers_modest(struct workers *w, bool on)
{
	w->modest = on;
}

void workers_cancel(struct workers *w, uint64_t id)
{
	LIST_FOR_EACH(it, &w->queue) {
		struct request *r = request_of(it);
		if (r->id == id) {
			list_remove(&r->link);
			answer_error(r, ERR_CANCELED, "canceled before a worker had it");
			return;
		}
	}
	LIST_FOR_EACH(it, &w->alive) {
		struct worker *worker = worker_of(it);
		struct request *r = worker_held(worker, id);
		if (r) {
			worker_interrupt(worker, r);
			return;
		}
	}
}

void workers_on_death(struct workers *w, void (*fn)(void *ctx), void *ctx)
{
	w->on_death = fn;
	w->death_ctx = ctx;
}

const char *workers_holder(const struct workers *w, uint64_t id)
{
	LIST_FOR_EACH(it, &w->alive) {
		struct worker *worker = worker_of(it);
		if (worker_held(worker, id))
			return worker->name;
	}
	return NULL;
}

void workers_list(const struct workers *w, void (*fn)(void *ctx, const struct worker_info *info), void *ctx)
{
	LIST_FOR_EACH(it, &w->alive) {
		const struct worker *worker = worker_of(it);
		const struct request *r = worker_at_work(worker);
		fn(ctx, &(struct worker_info){.name = worker->name, .pid = uv_process_get_pid(&worker->process), .request = r ? r->id : 0});
	}
}

const char *workers_engine_version(const struct workers *w)
{
	return w->engine_version;
}

const char *workers_version(const struct workers *w)
{
	return w->version;
}

void workers_kill(struct workers *w)
{
	LIST_FOR_EACH(it, &w->alive)
		worker_kill(worker_of(it));
}

void workers_close(struct workers *w)
{
	w->closing = true;
	dismiss_all(w);
}

bool workers_gone(const struct workers *w)
{
	return w->nalive == 0;
}

void workers_free(struct workers *w)
{
	if (!w)
		return;
	free(w->program);
	free(w->lake);
	free(w->lock_dir);
	free(w);
}

const char *workers_find_program(char *out, size_t size, struct err *err)
{
	const char *named = getenv("STRATA_WORKER");
	if (named) {
		snprintf(out, size, "%s", named);
	} else {
		char self[4096];
		ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
		self[n < 0 ? 0 : n] = '\0';
		char *slash = strrchr(self, '/');
		if (slash)
			*slash = '\0';
		path_join(out, size, self, "strata-worker");
	}
	if (access(out, X_OK) == 0)
		return out;
	err_errno(err, ERR_IO, "the worker program '%s' cannot be started (build it, or set STRATA_WORKER)", out);
	return NULL;
}
