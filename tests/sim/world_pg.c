/* A model of Postgres behind scheduler/pg.h: connections that break before, within or after a commit, the lake's lock that
 * goes with a connection, and who is let in. Its rows are world_db.c's. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/journal_batch.h"
#include "scheduler/locks.h"
#include "scheduler/pg.h"
#include "tests/sim/world.h"

struct group {
	struct pg *pg;
	bool in_use, has_tick, has_where, done_there, refused;
	bool locked;          /* what journal_lock says there */
	int64_t epoch, tick;  /* of journal_tick; of the scheduler's row, for journal_where */
	int first_month, end_month; /* of journal_months */
	uint64_t next_fence;
	const struct journal_batch *batch;
	pg_done done;
	void *ctx;
	char sqlstate[6];
};

struct pg {
	struct pg_hooks hooks;
	uint32_t host;
	bool up, closed;
	struct group group; /* the journal has one transaction under way at a time */
	void (*on_closed)(void *ctx);
	void *closed_ctx;
};

enum { CONNECTIONS = 16 };
static struct pg *connections[CONNECTIONS]; /* of schedulers that are alive, by their number */

void connections_reset(void)
{
	memset(connections, 0, sizeof connections);
}

static struct pg **connection_of(uint32_t host)
{
	return &connections[host % CONNECTIONS];
}

static void apply(struct group *g)
{
	g->done_there = true;
	g->refused = !g->has_tick && trouble(TROUBLE_DB, 30);
	snprintf(g->sqlstate, sizeof g->sqlstate, "57P03");
	if (!g->has_tick) {
		g->locked = !g->refused && world.now_us >= db.lock_until_us && (!world.many || !db.lock_host || db.lock_host == g->pg->host);
		if (g->locked)
			db.lock_host = g->pg->host;
		g->epoch = db.epoch;
		g->tick = db.tick;
		return;
	}
	g->refused = true;
	if (g->epoch != db.epoch) {
		snprintf(g->sqlstate, sizeof g->sqlstate, "ST001");
	} else if (g->tick <= db.tick) {
		snprintf(g->sqlstate, sizeof g->sqlstate, "ST002");
	} else if (trouble(TROUBLE_DB, 10)) {
		snprintf(g->sqlstate, sizeof g->sqlstate, "53100"); /* its disk is full */
	} else if (trouble(TROUBLE_DB, 1)) {
		snprintf(g->sqlstate, sizeof g->sqlstate, "23514"); /* it does not take such rows, ever */
	} else {
		trace("  committed tick %" PRId64, g->tick);
		g->refused = false;
		db.tick = g->tick;
		db_apply(g->batch, g->next_fence, g->first_month, g->end_month);
	}
}

static int64_t latency(void)
{
	return trouble(TROUBLE_DB, 20) ? 1000 * (20 + (int64_t)below(3000)) : 100 + (int64_t)below(3000);
}

static void answer(struct pg *pg, enum pg_status status)
{
	struct group g = pg->group;
	PGresult *list[] = {result_new(1, 1), result_new(1, 2)};
	struct pg_reply reply = {.status = status, .results = list, .nresults = 2};
	pg->group = (struct group){0};
	if (status == PG_REFUSED)
		memcpy(reply.sqlstate, g.sqlstate, sizeof reply.sqlstate);
	snprintf(reply.message, sizeof reply.message, "refused: %s", g.sqlstate);
	result_put(list[0], 0, 0, g.locked ? "t" : "f");
	result_put_int(list[1], 0, 0, g.epoch);
	result_put_int(list[1], 0, 1, g.tick);
	g.done(g.ctx, &reply);
	PQclear(list[0]);
	PQclear(list[1]);
}

static void on_reconnected(void *ctx)
{
	struct pg *pg = ctx;
	world_cross("database up");
	if (world.now_us < db.away_until_us) { /* it tries again, and does not know how long */
		world_later(1000 * (1000 + (int64_t)below(2000)), OF_SCHEDULER, on_reconnected, pg, "reconnect");
		return;
	}
	pg->up = true;
	pg->hooks.up(pg->hooks.ctx);
}

static void on_killed(void *ctx)
{
	(void)ctx;
	world_die("its successor has waited for it");
}

/* Somebody else's command finds the lock free. It leads from now on; but it touches nothing before this process is gone
 * (workspace_hold), which it kills when that takes too long. Epoch and tick must do without: where flock does not reach
 * the other, it has done its work already. */
static void on_taken(void *ctx)
{
	if (world.now_us < db.lock_until_us)
		return;
	db.epoch++;
	trace("  another scheduler: epoch %" PRId64, db.epoch);
	if (chance(50)) {
		db.tick += 1 + (int64_t)below(3); /* its own transactions */
		return;
	}
	db.lock_until_us = INT64_MAX;
	world_later(1000 * (int64_t)LOCKS_GRACE_MS, OF_SCHEDULER, on_killed, ctx, "hold");
}

static void lose(struct pg *pg)
{
	pg->up = false;
	bool long_away = trouble(TROUBLE_DB, 60);
	world_forget(&pg->group);
	if (pg->group.in_use)
		answer(pg, PG_LOST);
	pg->hooks.down(pg->hooks.ctx, "the connection broke");
	int64_t away = 1000 * (long_away ? 50000 + (int64_t)below(30000) : 20 + (int64_t)below(800));
	if (db.lock_host && db.lock_host == pg->host) { /* the server may see it later */
		db.lock_host = 0;
		if (trouble(TROUBLE_DB, 300))
			db.lock_until_us = world.now_us + 1000 * (int64_t)below(3000);
		db_lock_free();
	}
	if (!world.many && trouble(TROUBLE_DB, 100))
		world_later((int64_t)below((uint32_t)away), OF_SCHEDULER, on_taken, pg, "somebody looks at the lake");
	world_later(away, OF_SCHEDULER, on_reconnected, pg, "reconnect");
}

static void on_lost(void *ctx)
{
	struct pg *pg = ctx;
	world_cross("database down");
	if (pg->up)
		lose(pg);
}

static void on_answer(void *ctx)
{
	struct pg *pg = ((struct group *)ctx)->pg;
	world_cross("database answers");
	answer(pg, pg->group.refused ? PG_REFUSED : PG_DONE);
}

/* The server goes on with what it was sent though nobody listens; until then it holds the lock. */
static void linger(struct pg *pg)
{
	struct group g = pg->group;
	db.lock_until_us = world.now_us + 1000 * (int64_t)below(600);
	apply(&g);
	on_lost(pg);
}

static void on_server(void *ctx)
{
	struct pg *pg = ((struct group *)ctx)->pg;
	if (trouble(TROUBLE_DB, 15)) {
		on_lost(pg);
	} else if (trouble(TROUBLE_DB, 15)) {
		linger(pg);
	} else {
		apply(&pg->group);
		world_later(latency(), OF_SCHEDULER, on_answer, &pg->group, "answer");
	}
}

struct pg *pg_new(uv_loop_t *loop, const char *conninfo, const struct pg_hooks *hooks)
{
	(void)loop;
	(void)conninfo;
	struct pg *pg = mem_alloc(sizeof *pg);
	pg->hooks = *hooks;
	pg->host = world.host;
	*connection_of(pg->host) = pg;
	return pg;
}

int pg_adopt(struct pg *pg, PGconn *conn)
{
	(void)conn;
	if ((world.many && db.lock_host != pg->host) || trouble(TROUBLE_DB, 10)) { /* it broke meanwhile */
		world_later((int64_t)below(300000), OF_SCHEDULER, on_reconnected, pg, "reconnect");
		return -1;
	}
	pg->up = true;
	if (trouble(TROUBLE_DB, 200))
		world_later((int64_t)below(2000000), OF_SCHEDULER, on_lost, pg, "the connection breaks");
	return 0;
}

bool pg_is_up(const struct pg *pg)
{
	return pg->up;
}

void pg_prepare(struct pg *pg, const struct pg_statement *list, size_t n)
{
	(void)list;
	(void)n;
	CHECK(pg->up);
}

void pg_begin(struct pg *pg)
{
	CHECK(!pg->group.in_use && pg->up);
	world_cross("begin");
	pg->group = (struct group){.pg = pg, .in_use = true};
}

/* "2013-04-01" */
static int month_named(const char *text)
{
	return ((int)strtol(text, NULL, 10) - 2000) * 12 + (int)strtol(text + 5, NULL, 10) - 1;
}

void pg_add(struct pg *pg, const struct pg_statement *s, const struct pg_param *params, int nparams)
{
	struct group *g = &pg->group;
	if (str_eq(s->name, "journal_tick")) {
		CHECK(nparams == 4);
		g->has_tick = true;
		g->epoch = strtoll(params[1].data, NULL, 10);
		g->tick = strtoll(params[2].data, NULL, 10);
		g->next_fence = strtoull(params[3].data, NULL, 10);
	} else if (str_eq(s->name, "journal_where")) {
		g->has_where = true;
	} else if (str_eq(s->name, "journal_months")) {
		g->first_month = month_named(params[0].data);
		g->end_month = month_named(params[1].data) + 1;
	}
}

void __wrap_batch_send(const struct journal_batch *b, int lake_id, struct pg *pg);
void __wrap_batch_send(const struct journal_batch *b, int lake_id, struct pg *pg)
{
	(void)lake_id;
	pg->group.batch = b;
}

void pg_end(struct pg *pg, pg_done done, void *ctx)
{
	CHECK(pg->group.in_use && (pg->group.has_tick ? pg->group.batch != NULL : pg->group.has_where));
	pg->group.done = done;
	pg->group.ctx = ctx;
	world_later(latency(), OF_SCHEDULER, on_server, &pg->group, "server");
	world_cross("commit sent");
}

static void on_pg_closed(void *ctx)
{
	struct pg *pg = ctx;
	void (*closed)(void *) = pg->on_closed;
	void *closed_ctx = pg->closed_ctx;
	if (*connection_of(pg->host) == pg)
		*connection_of(pg->host) = NULL;
	free(pg);
	if (closed)
		closed(closed_ctx);
}

static void hang_up(struct pg *pg)
{
	if (pg->group.in_use && !pg->group.done_there && chance(50))
		apply(&pg->group);
	world_forget(&pg->group);
	world_forget(pg);
	if (db.lock_host && db.lock_host == pg->host) {
		db.lock_host = 0;
		db_lock_free();
	}
}

void pg_cut(struct pg *pg)
{
	(void)pg; /* the world breaks connections itself */
}

void pg_close(struct pg *pg, void (*closed)(void *ctx), void *ctx)
{
	world_cross("database closed");
	hang_up(pg);
	if (pg->group.in_use)
		answer(pg, PG_LOST);
	pg->on_closed = closed;
	pg->closed_ctx = ctx;
	world_later(0, OF_SCHEDULER, on_pg_closed, pg, "pg closed");
}

void db_crash(uint32_t host)
{
	struct pg **pg = connection_of(host);
	if (*pg)
		hang_up(*pg);
	*pg = NULL;
	if (!world.many)
		db.lock_until_us = 0;
}

void db_cut(uint32_t host)
{
	struct pg *pg = *connection_of(host);
	if (pg && pg->up)
		world_later_of(host, 0, on_lost, pg, "the connection breaks");
}
