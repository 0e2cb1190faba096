/* See pg.h. Invariant: `groups` has, in order, every group whose answer has not come; it is empty
 * unless the state is UP. */
#include "scheduler/pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "scheduler/db.h"

enum { BACKOFF_FIRST_MS = 20, BACKOFF_MOST_MS = 2000, ATTEMPT_LIMIT_MS = 10000, PARAMS_MAX = 40 };

enum pg_state { STATE_IDLE, STATE_CONNECTING, STATE_UP, STATE_WAITING, STATE_CLOSED };

struct group {
	struct list link;
	pg_done done; /* NULL: pg_prepare's */
	void *ctx;
	PGresult **results;
	size_t nresults, cap;
	struct pg_reply reply; /* first failure, if any */
};

struct pg {
	uv_loop_t *loop;
	char *conninfo;
	struct pg_hooks hooks;
	enum pg_state state;
	PGconn *conn;
	uv_poll_t *poll; /* on conn's socket; NULL: none */
	int events;      /* what poll waits for */
	uv_timer_t timer; /* WAITING: next attempt; CONNECTING: its limit */
	uint64_t backoff_ms;
	struct list groups;
	struct group *open; /* between pg_begin and pg_end */
	bool broken;        /* a send failed: the connection is given up from the loop */
	void (*closed)(void *ctx);
	void *closed_ctx;
};

static void on_poll(uv_poll_t *poll, int status, int events);
static void attempt(struct pg *pg);

static void free_handle(uv_handle_t *h)
{
	free(h);
}

/* The socket's file must still be open: libuv takes it out of epoll here. */
static void poll_drop(struct pg *pg)
{
	if (pg->poll)
		uv_close((uv_handle_t *)pg->poll, free_handle);
	pg->poll = NULL;
	pg->events = 0;
}

static int poll_for(struct pg *pg, int events)
{
	if (!pg->poll) {
		pg->poll = mem_alloc(sizeof *pg->poll);
		if (uv_poll_init(pg->loop, pg->poll, PQsocket(pg->conn)) < 0) {
			free(pg->poll);
			pg->poll = NULL;
			return -1;
		}
		pg->poll->data = pg;
	}
	if (events == pg->events)
		return 0;
	pg->events = events;
	return uv_poll_start(pg->poll, events, on_poll);
}

static void group_free(struct group *g)
{
	for (size_t i = 0; i < g->nresults; i++)
		PQclear(g->results[i]);
	free(g->results);
	free(g);
}

static void group_answer(struct group *g)
{
	g->reply.results = g->results;
	g->reply.nresults = g->nresults;
	if (g->done)
		g->done(g->ctx, &g->reply);
	else if (g->reply.status == PG_REFUSED)
		log_event(LOG_ERROR, "pg.prepare", "error", g->reply.message, NULL);
	group_free(g);
}

static void answer_lost(struct pg *pg)
{
	struct list lost;
	list_init(&lost);
	while (!list_empty(&pg->groups)) { /* a callback may look at pg */
		struct list *l = pg->groups.next;
		list_remove(l);
		list_append(&lost, l);
	}
	while (!list_empty(&lost)) {
		struct group *g = LIST_ENTRY(lost.next, struct group, link);
		list_remove(&g->link);
		g->reply.status = PG_LOST;
		group_answer(g);
	}
}

static void drop_connection(struct pg *pg)
{
	poll_drop(pg);
	if (pg->conn)
		PQfinish(pg->conn);
	pg->conn = NULL;
}

static void on_timer(uv_timer_t *timer)
{
	struct pg *pg = timer->data;
	if (pg->state == STATE_WAITING || pg->state == STATE_CONNECTING)
		attempt(pg);
}

static void wait_and_retry(struct pg *pg)
{
	drop_connection(pg);
	pg->state = STATE_WAITING;
	uv_timer_start(&pg->timer, on_timer, pg->backoff_ms, 0);
	pg->backoff_ms = pg->backoff_ms * 2 < BACKOFF_MOST_MS ? pg->backoff_ms * 2 : BACKOFF_MOST_MS;
}

static void lose(struct pg *pg)
{
	char why[1024];
	snprintf(why, sizeof why, "%s", db_message(pg->conn, NULL));
	if (!*why && !list_empty(&pg->groups)) /* the server said good-bye as the answer to a statement */
		snprintf(why, sizeof why, "%s", LIST_ENTRY(pg->groups.next, struct group, link)->reply.message);
	wait_and_retry(pg);
	answer_lost(pg);
	if (pg->hooks.down && pg->state != STATE_CLOSED)
		pg->hooks.down(pg->hooks.ctx, *why ? why : "connection lost");
}

static int become_up(struct pg *pg)
{
	if (PQsetnonblocking(pg->conn, 1) < 0 || PQenterPipelineMode(pg->conn) != 1)
		return -1;
	pg->state = STATE_UP;
	pg->broken = false;
	pg->backoff_ms = BACKOFF_FIRST_MS;
	uv_timer_stop(&pg->timer);
	return poll_for(pg, UV_READABLE);
}

static void connecting(struct pg *pg)
{
	PostgresPollingStatusType s = PQconnectPoll(pg->conn);
	/* libpq may have gone on to another socket, even with the same number. */
	poll_drop(pg);
	int rc = 0;
	if (s == PGRES_POLLING_OK)
		rc = become_up(pg);
	else if (s == PGRES_POLLING_FAILED)
		rc = -1;
	else
		rc = poll_for(pg, s == PGRES_POLLING_READING ? UV_READABLE : UV_WRITABLE);
	if (rc < 0)
		wait_and_retry(pg);
	else if (pg->state == STATE_UP && pg->hooks.up)
		pg->hooks.up(pg->hooks.ctx);
}

static void attempt(struct pg *pg)
{
	drop_connection(pg);
	const char *keys[DB_KEYWORDS], *values[DB_KEYWORDS];
	db_keywords(pg->conninfo, keys, values);
	pg->conn = PQconnectStartParams(keys, values, 1);
	if (!pg->conn || PQstatus(pg->conn) == CONNECTION_BAD) {
		wait_and_retry(pg);
		return;
	}
	db_be_quiet(pg->conn);
	pg->state = STATE_CONNECTING;
	uv_timer_start(&pg->timer, on_timer, ATTEMPT_LIMIT_MS, 0);
	/* As if PQconnectPoll had said WRITING (libpq's rule). */
	if (poll_for(pg, UV_WRITABLE) < 0)
		wait_and_retry(pg);
}

static void flush(struct pg *pg)
{
	int rc = pg->broken ? -1 : PQflush(pg->conn);
	if (rc < 0 || poll_for(pg, UV_READABLE | (rc > 0 ? UV_WRITABLE : 0)) < 0)
		/* The loss is reported from the loop, where the socket says so: never within a call. */
		poll_for(pg, UV_READABLE | UV_WRITABLE);
}

/* One result of the oldest group; a sync ends it. */
static void take_result(struct pg *pg, PGresult *r)
{
	struct group *g = LIST_ENTRY(pg->groups.next, struct group, link);
	ExecStatusType status = PQresultStatus(r);
	if (status == PGRES_PIPELINE_SYNC) {
		PQclear(r);
		list_remove(&g->link);
		group_answer(g);
		return;
	}
	MEM_GROW(g->results, g->nresults, g->cap);
	g->results[g->nresults++] = r;
	if (g->reply.status == PG_DONE && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
		const char *code = PQresultErrorField(r, PG_DIAG_SQLSTATE);
		g->reply.status = PG_REFUSED;
		snprintf(g->reply.sqlstate, sizeof g->reply.sqlstate, "%s", code ? code : "");
		snprintf(g->reply.message, sizeof g->reply.message, "%s", db_message(pg->conn, r));
	}
}

static bool take_notices(struct pg *pg)
{
	PGnotify *n;
	bool any = false;
	while ((n = PQnotifies(pg->conn))) {
		any = true;
		PQfreemem(n);
	}
	return any;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct pg *pg = poll->data;
	if (pg->state == STATE_CONNECTING) {
		connecting(pg);
		return;
	}
	bool lost = status < 0;
	if (!lost && (events & UV_READABLE))
		lost = !PQconsumeInput(pg->conn);
	while (pg->state == STATE_UP && !pg->broken && !list_empty(&pg->groups) && !PQisBusy(pg->conn)) {
		PGresult *r = PQgetResult(pg->conn);
		if (r)
			take_result(pg, r);
		else if (PQstatus(pg->conn) == CONNECTION_BAD)
			break;
	}
	if (pg->state == STATE_UP && pg->hooks.notified && take_notices(pg))
		pg->hooks.notified(pg->hooks.ctx);
	if (pg->state != STATE_UP)
		return; /* a callback closed it */
	if (lost || pg->broken || PQstatus(pg->conn) == CONNECTION_BAD)
		lose(pg);
	else
		flush(pg);
}

struct pg *pg_new(uv_loop_t *loop, const char *conninfo, const struct pg_hooks *hooks)
{
	struct pg *pg = mem_alloc(sizeof *pg);
	pg->loop = loop;
	pg->conninfo = mem_strdup(conninfo);
	pg->hooks = *hooks;
	pg->backoff_ms = BACKOFF_FIRST_MS;
	list_init(&pg->groups);
	uv_timer_init(loop, &pg->timer);
	pg->timer.data = pg;
	return pg;
}

void pg_connect(struct pg *pg)
{
	attempt(pg);
}

int pg_adopt(struct pg *pg, PGconn *conn)
{
	pg->conn = conn;
	if (become_up(pg) == 0)
		return 0;
	wait_and_retry(pg);
	return -1;
}

bool pg_is_up(const struct pg *pg)
{
	return pg->state == STATE_UP;
}

void pg_prepare(struct pg *pg, const struct pg_statement *list, size_t n)
{
	pg_begin(pg);
	for (size_t i = 0; i < n; i++)
		pg->broken |= !PQsendPrepare(pg->conn, list[i].name, list[i].sql, 0, NULL);
	pg_end(pg, NULL, NULL);
}

void pg_begin(struct pg *pg)
{
	pg->open = mem_alloc(sizeof *pg->open);
}

/* A send that fails means a broken connection: the group is then lost, which the loop reports. */
void pg_add(struct pg *pg, const struct pg_statement *s, const struct pg_param *params, int nparams)
{
	const char *values[PARAMS_MAX];
	int lengths[PARAMS_MAX], formats[PARAMS_MAX];
	for (int i = 0; i < nparams && i < PARAMS_MAX; i++) {
		values[i] = params[i].data;
		lengths[i] = params[i].size;
		formats[i] = params[i].format;
	}
	pg->broken |= !PQsendQueryPrepared(pg->conn, s->name, nparams, values, lengths, formats, 0);
}

void pg_cut(struct pg *pg)
{
	if (pg->conn && PQsocket(pg->conn) >= 0)
		shutdown(PQsocket(pg->conn), SHUT_RDWR);
}

void pg_end(struct pg *pg, pg_done done, void *ctx)
{
	struct group *g = pg->open;
	pg->open = NULL;
	g->done = done;
	g->ctx = ctx;
	list_append(&pg->groups, &g->link);
	pg->broken |= !PQpipelineSync(pg->conn);
	flush(pg);
}

static void on_closed(uv_handle_t *h)
{
	struct pg *pg = h->data;
	void (*closed)(void *) = pg->closed;
	void *ctx = pg->closed_ctx;
	free(pg->conninfo);
	free(pg);
	if (closed)
		closed(ctx);
}

void pg_close(struct pg *pg, void (*closed)(void *ctx), void *ctx)
{
	pg->state = STATE_CLOSED;
	drop_connection(pg);
	answer_lost(pg);
	pg->closed = closed;
	pg->closed_ctx = ctx;
	uv_close((uv_handle_t *)&pg->timer, on_closed);
}
