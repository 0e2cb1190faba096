/* See server.h. Only the main thread writes replies; only the reader thread reads. While a query is at work, and the main thread
 * has nothing to write, the reader tells how far it is. The queue between them, struct stop and struct progress are what they share. */
#include "executor/server.h"

#include <duckdb.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "executor/batch.h"
#include "executor/ops.h"
#include "executor/spawn.h"
#include "executor/staging.h"

enum { QUEUE_MAX = 4096 };

struct request {
	json_t *json;
	json_int_t id;
	bool canceled;
};

/* A try that is staged and waits for its batch. */
struct waiting {
	json_int_t id;
	atomic_bool canceled;
};

struct server {
	int in, out;
	struct worker worker;
	bool ready; /* hello was answered */
	pthread_mutex_t mutex;
	pthread_cond_t more;
	struct request *queue; /* [head, head + len) of a ring of QUEUE_MAX */
	size_t head, len;
	json_int_t current;  /* the request at work; -1: none */
	struct waiting waiting[BATCH_MAX];
	size_t nwaiting;
	bool closed;
};

/* --- the reader thread --- */

static void take_cancel(struct server *s, json_int_t id)
{
	pthread_mutex_lock(&s->mutex);
	if (s->current == id)
		stop_ask(&s->worker.stop, false);
	for (size_t i = 0; i < s->nwaiting; i++) {
		if (s->waiting[i].id == id)
			atomic_store(&s->waiting[i].canceled, true);
	}
	for (size_t i = 0; i < s->len; i++) {
		struct request *r = &s->queue[(s->head + i) % QUEUE_MAX];
		r->canceled = r->canceled || r->id == id;
	}
	pthread_mutex_unlock(&s->mutex);
}

static bool enqueue(struct server *s, json_t *json, json_int_t id)
{
	pthread_mutex_lock(&s->mutex);
	bool room = s->len < QUEUE_MAX;
	if (room) {
		s->queue[(s->head + s->len++) % QUEUE_MAX] = (struct request){.json = json, .id = id};
		pthread_cond_signal(&s->more);
	}
	pthread_mutex_unlock(&s->mutex);
	return room;
}

/* One line; false: the peer broke the protocol and the pipe is as good as closed. */
static bool take_line(struct server *s, const char *line, size_t n)
{
	json_error_t why;
	json_t *json = json_loadb(line, n, JSON_REJECT_DUPLICATES, &why);
	const json_t *id = json_object_get(json, "id");
	const char *op = json_string_value(json_object_get(json, "op"));
	if (!json_is_integer(id) || !op) {
		fprintf(stderr, "strata-worker: a request without op and id: %s\n", json ? "" : why.text);
		json_decref(json);
		return false;
	}
	if (strcmp(op, "cancel") == 0) {
		take_cancel(s, json_integer_value(id));
		json_decref(json);
		return true;
	}
	if (enqueue(s, json, json_integer_value(id)))
		return true;
	json_decref(json);
	return false;
}

static bool take_lines(struct server *s, struct buf *b)
{
	size_t start = 0;
	char *end;
	while (start < b->len && (end = memchr(b->data + start, '\n', b->len - start))) {
		size_t n = (size_t)(end - (b->data + start));
		if (!take_line(s, b->data + start, n))
			return false;
		start += n + 1;
	}
	buf_drop(b, start);
	if (b->len >= PROTOCOL_LINE_MAX)
		fprintf(stderr, "strata-worker: a request is longer than %d bytes\n", PROTOCOL_LINE_MAX);
	return b->len < PROTOCOL_LINE_MAX;
}

/* The request at work cannot change here: its main thread waits for progress_end. Never blocks, for who reads must hear a cancel. */
static bool send_progress(void *ctx, const struct query_progress *now)
{
	struct server *s = ctx;
	struct pollfd p = {.fd = s->out, .events = POLLOUT};
	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
		return false;
	char line[192];
	pthread_mutex_lock(&s->mutex);
	int n = snprintf(line, sizeof line, "{\"id\":%" JSON_INTEGER_FORMAT ",\"event\":\"progress\"", s->current);
	pthread_mutex_unlock(&s->mutex);
	if (now->percent >= 0)
		n += snprintf(line + n, sizeof line - (size_t)n, ",\"percent\":%d,\"of_rows\":%" PRId64, now->percent, now->of_rows);
	n += snprintf(line + n, sizeof line - (size_t)n, ",\"written\":%" PRId64 "}\n", now->written);
	return file_write_all(s->out, line, (size_t)n) == 0;
}

/* How long the reader may sleep: without end while nothing is at work, and none came that the main thread has not seen. */
static int patience(struct server *s, bool poke)
{
	pthread_mutex_lock(&s->mutex);
	bool busy = s->len > 0 || s->current >= 0;
	pthread_mutex_unlock(&s->mutex);
	return poke || stop_wanted(&s->worker.stop) ? STOP_POKE_MS : busy ? PROGRESS_EVERY_MS : -1;
}

static void *reader(void *ctx)
{
	struct server *s = ctx;
	struct buf b = BUF_INIT(PROTOCOL_LINE_MAX + 65536);
	char chunk[65536];
	bool poke = false;
	for (;;) {
		struct pollfd p = {.fd = s->in, .events = POLLIN};
		int n = poll(&p, 1, patience(s, poke));
		poke = stop_poke(&s->worker.stop);
		progress_look(&s->worker.progress, send_progress, s);
		if (n <= 0)
			continue;
		ssize_t r = read(s->in, chunk, sizeof chunk);
		if (r < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (r > 0)
			buf_add(&b, chunk, (size_t)r);
		if (r <= 0 || !take_lines(s, &b))
			break;
		poke = stop_wanted(&s->worker.stop);
	}
	buf_free(&b);
	pthread_mutex_lock(&s->mutex);
	s->closed = true;
	stop_ask(&s->worker.stop, true);
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->mutex);
	for (;;) { /* until the main thread ends the process */
		poll(NULL, 0, STOP_POKE_MS);
		stop_poke(&s->worker.stop);
	}
	return NULL;
}

/* --- the main thread --- */

/* Wait for a request; false: the pipe has ended. */
static bool next(struct server *s, struct request *ret)
{
	pthread_mutex_lock(&s->mutex);
	s->current = -1;
	while (s->len == 0 && !s->closed)
		pthread_cond_wait(&s->more, &s->mutex);
	bool open = !s->closed;
	if (open) {
		*ret = s->queue[s->head];
		s->head = (s->head + 1) % QUEUE_MAX;
		s->len--;
		s->current = ret->id;
		stop_reset(&s->worker.stop);
		if (ret->canceled)
			stop_ask(&s->worker.stop, false);
	}
	pthread_mutex_unlock(&s->mutex);
	return open;
}

/* A scheduler that does not listen any more closes the other pipe too; the reader sees that. */
static void send_reply(struct server *s, json_t *reply)
{
	char *text = json_dumps(reply, JSON_COMPACT);
	size_t n = text ? strlen(text) : 0;
	if (n >= PROTOCOL_LINE_MAX) {
		free(text);
		json_t *small = json_pack("{s:O, s:{s:s, s:s}}", "id", json_object_get(reply, "id"), "error", "class", "permanent",
		                          "message", "the reply is longer than a line of the protocol may be");
		text = json_dumps(small, JSON_COMPACT);
		n = strlen(text);
		json_decref(small);
	}
	text = mem_realloc(text, n + 1, 1);
	text[n] = '\n';
	(void)file_write_all(s->out, text, n + 1);
	free(text);
}

static void send_stage(void *ctx, json_int_t id, const char *stage, int64_t rows)
{
	struct server *s = ctx;
	char line[160];
	bool running = strcmp(stage, "running") == 0;
	int n = running ? snprintf(line, sizeof line, "{\"id\":%" JSON_INTEGER_FORMAT ",\"event\":\"running\"", id)
	                : snprintf(line, sizeof line, "{\"id\":%" JSON_INTEGER_FORMAT ",\"event\":\"stage\",\"stage\":\"%s\"", id, stage);
	if (rows >= 0)
		n += snprintf(line + n, sizeof line - (size_t)n, ",\"rows\":%" PRId64, rows);
	n += snprintf(line + n, sizeof line - (size_t)n, "}\n");
	(void)file_write_all(s->out, line, (size_t)n);
}

static void send_event(void *ctx, const char *stage, int64_t rows)
{
	struct server *s = ctx;
	send_stage(s, s->current, stage, rows);
}

/* The request at work leaves its place to the next one. A cancel that came for it already is its own from here on. */
static const atomic_bool *be_staged(void *ctx)
{
	struct server *s = ctx;
	pthread_mutex_lock(&s->mutex);
	struct waiting *w = &s->waiting[s->nwaiting++];
	w->id = s->current;
	atomic_store(&w->canceled, stop_take(&s->worker.stop));
	s->current = -1;
	pthread_mutex_unlock(&s->mutex);
	return &w->canceled;
}

static void send_result(void *ctx, json_int_t id, json_t *reply)
{
	struct server *s = ctx;
	json_object_set_new(reply, "ok", json_true());
	json_object_set_new(reply, "id", json_integer(id));
	send_reply(s, reply);
	json_decref(reply);
}

static void be_published(void *ctx)
{
	struct server *s = ctx;
	pthread_mutex_lock(&s->mutex);
	s->nwaiting = 0;
	pthread_mutex_unlock(&s->mutex);
}

static void send_rows(void *ctx, json_t *rows)
{
	struct server *s = ctx;
	json_t *event = json_pack("{s:I, s:s, s:o}", "id", s->current, "event", "rows", "rows", rows);
	send_reply(s, event);
	json_decref(event);
}

static void serve(struct server *s, struct request *r)
{
	const char *op = json_string_value(json_object_get(r->json, "op"));
	json_t *reply = NULL;
	struct op_error e = {.class = "permanent"};
	int rc = -1;
	if (strcmp(op, "hello") == 0)
		rc = s->ready ? err_set(&e.err, ERR_PROTOCOL, "hello was said already") : op_hello(&s->worker, r->json, &reply, &e);
	else if (!s->ready)
		err_set(&e.err, ERR_PROTOCOL, "'%s' before hello", op);
	else
		rc = op_run(&s->worker, op, r->json,
		            (struct op_events){.event = send_event, .rows = send_rows, .staged = be_staged, .stage_of = send_stage,
		                               .reply = send_result, .published = be_published, .ctx = s},
		            &reply, &e);
	s->ready = s->ready || (rc == 0 && strcmp(op, "hello") == 0);
	if (rc == 0 && !reply)
		return; /* it waits for its batch */
	if (rc == 0) {
		json_object_set_new(reply, "ok", json_true());
	} else {
		json_decref(reply);
		reply = json_pack("{s:{s:s, s:s, s:i, s:i}}", "error", "class", e.class, "message", e.err.text, "line", e.line,
		                  "col", e.col);
		if (!reply) /* a message that is no UTF-8 */
			reply = json_pack("{s:{s:s, s:s}}", "error", "class", e.class, "message", "(unprintable)");
	}
	json_object_set_new(reply, "id", json_integer(r->id));
	send_reply(s, reply);
	json_decref(reply);
}

int server_run(int fd_in, int fd_out)
{
	static struct server s;
	s = (struct server){.in = fd_in, .out = fd_out, .current = -1};
	s.queue = mem_array(QUEUE_MAX, sizeof *s.queue);
	pthread_mutex_init(&s.mutex, NULL);
	pthread_cond_init(&s.more, NULL);
	worker_init(&s.worker);
	signal(SIGPIPE, SIG_IGN);
	spawn_die_together();
	fcntl(fd_in, F_SETFD, FD_CLOEXEC);
	fcntl(fd_out, F_SETFD, FD_CLOEXEC);
	pthread_t thread;
	if (pthread_create(&thread, NULL, reader, &s) != 0) {
		fprintf(stderr, "strata-worker: no thread for the reader\n");
		return 1;
	}
	struct request r;
	while (next(&s, &r)) {
		serve(&s, &r);
		attempt_tidy(&s.worker);
		json_decref(r.json);
	}
	batch_drop(&s.worker);
	staging_rest(&s.worker);
	/* Nothing is left to write or to roll back: memory and locks go with the process. */
	_exit(0);
}
