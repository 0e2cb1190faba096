/* A model of Postgres behind scheduler/pg.h: one row at a time, whole transactions, and a connection that
 * breaks before, within or after a commit. The real journal talks to it; its batches arrive as their C rows
 * (batch_send is wrapped), so that what is stored is what it meant to store. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/journal_batch.h"
#include "scheduler/locks.h"
#include "scheduler/pg.h"
#include "tests/sim/world.h"

struct db db;

/* What a fake PGresult says: one row of texts. */
struct pg_result {
	int rows;
	char values[2][24];
};

struct group {
	struct pg *pg;
	bool in_use, has_tick, has_where, done_there, refused;
	int64_t epoch, tick;
	uint64_t next_fence;
	const struct journal_batch *batch;
	pg_done done;
	void *ctx;
	char sqlstate[6];
};

struct pg {
	struct pg_hooks hooks;
	bool up, closed;
	struct group group; /* the journal has one transaction under way at a time */
	void (*on_closed)(void *ctx);
	void *closed_ctx;
};

static struct pg *connection; /* of the scheduler that is alive */

void db_reset(void)
{
	free(db.runs);
	free(db.tasks);
	free(db.tries);
	free(db.parts);
	db = (struct db){.next_fence = 1};
	connection = NULL;
}

static const char *keep(const char *s)
{
	return s ? arena_strdup(&world.arena, s) : "";
}

struct db_run *db_run(const char *id)
{
	for (size_t i = 0; i < db.nruns; i++) {
		if (str_eq(db.runs[i].id, id))
			return &db.runs[i];
	}
	return NULL;
}

struct db_task *db_task(const char *run, const char *table, const char *partition)
{
	for (size_t i = db.ntasks; i-- > 0;) {
		struct db_task *t = &db.tasks[i];
		if (str_eq(t->partition, partition) && str_eq(t->table, table) && str_eq(t->run, run))
			return t;
	}
	return NULL;
}

struct db_try *db_try(int64_t fence)
{
	for (size_t i = db.ntries; i-- > 0;) {
		if (db.tries[i].fence == fence)
			return &db.tries[i];
	}
	return NULL;
}

struct db_part *db_part(const char *table, const char *partition)
{
	for (size_t i = 0; i < db.nparts; i++) {
		if (str_eq(db.parts[i].partition, partition) && str_eq(db.parts[i].table, table))
			return &db.parts[i];
	}
	return NULL;
}

/* ---- one transaction ---- */

/* A run goes on: its machine begins anew with what is left to do, whatever the rows say. */
static void resume(struct db_run *run)
{
	run->anew = true;
	for (size_t i = 0; i < db.ntasks; i++) {
		struct db_task *t = &db.tasks[i];
		bool good = str_eq(t->result, "success") || str_eq(t->result, "empty") || str_eq(t->result, "fresh");
		if (str_eq(t->run, run->id) && (!good || world.todo[world_find(t->table)][world_date(t->partition)]))
			t->anew = true;
	}
}

static void apply_runs(const struct journal_batch *b)
{
	const struct journal_rows *rows = &b->tables[JOURNAL_RUN_NEW];
	for (size_t i = 0; i < rows->len; i++) {
		const struct run_new_row *r = &((const struct run_new_row *)(const void *)rows->rows)[i];
		struct db_run *known = db_run(r->run_id);
		if (known) {
			CHECK(known->resumed);
			resume(known);
			known->tasks = r->tasks;
			known->epoch = r->epoch;
			continue;
		}
		MEM_GROW(db.runs, db.nruns, db.cap_runs);
		db.runs[db.nruns++] = (struct db_run){keep(r->run_id), r->state, "", r->state, "", r->epoch, r->tasks, false, false};
	}
	rows = &b->tables[JOURNAL_RUN];
	for (size_t i = 0; i < rows->len; i++) {
		const struct run_row *r = &((const struct run_row *)(const void *)rows->rows)[i];
		struct db_run *run = db_run(r->run_id);
		CHECK(run);
		if (r->state) { /* else it only says how far it is */
			run->state = r->state;
			run->result = r->result;
		}
		run->epoch = r->epoch;
		if (r->counts)
			run->counts = keep(r->counts);
	}
}

static void apply_tasks(const struct journal_batch *b)
{
	const struct journal_rows *rows = &b->tables[JOURNAL_TASK];
	for (size_t i = 0; i < rows->len; i++) {
		const struct task_row *r = &((const struct task_row *)(const void *)rows->rows)[i];
		struct db_task *t = db_task(r->run_id, r->table, r->partition);
		if (!t) {
			MEM_GROW(db.tasks, db.ntasks, db.cap_tasks);
			t = &db.tasks[db.ntasks++];
			*t = (struct db_task){.run = keep(r->run_id), .table = keep(r->table), .partition = keep(r->partition), .seen = "waiting"};
		}
		t->state = r->state;
		t->result = r->result;
		t->tries = r->tries > t->tries ? r->tries : t->tries;
	}
	rows = &b->tables[JOURNAL_TRY];
	for (size_t i = 0; i < rows->len; i++) {
		const struct try_row *r = &((const struct try_row *)(const void *)rows->rows)[i];
		struct db_try *t = db_try(r->fence);
		if (!t) {
			CHECK((uint64_t)r->fence >= db.next_fence); /* a fence is used once */
			for (size_t k = 0; k < db.ntries; k++) /* and so is a number, also by a run that goes on */
				CHECK(db.tries[k].try_no != r->try_no || !str_eq(db.tries[k].run, r->run_id) ||
				      !str_eq(db.tries[k].table, r->table) || !str_eq(db.tries[k].partition, r->partition));
			MEM_GROW(db.tries, db.ntries, db.cap_tries);
			t = &db.tries[db.ntries++];
			*t = (struct db_try){.fence = r->fence, .id = keep(r->try_id), .run = keep(r->run_id), .table = keep(r->table),
			                     .partition = keep(r->partition), .try_no = r->try_no, .seen = "?", .worker = "", .log_path = ""};
		}
		CHECK(str_eq(t->table, r->table) && str_eq(t->partition, r->partition) && t->try_no == r->try_no);
		t->state = r->state;
		t->outcome = r->outcome;
		if (r->worker && *r->worker)
			t->worker = keep(r->worker);
	}
}

static void apply_parts(const struct journal_batch *b)
{
	const struct journal_rows *rows = &b->tables[JOURNAL_PARTITION];
	for (size_t i = 0; i < rows->len; i++) {
		const struct published_row *r = &((const struct published_row *)(const void *)rows->rows)[i];
		struct db_part *p = db_part(r->table, r->partition);
		if (!p) {
			MEM_GROW(db.parts, db.nparts, db.cap_parts);
			p = &db.parts[db.nparts++];
			*p = (struct db_part){.table = keep(r->table), .partition = keep(r->partition)};
		}
		if (p->fence >= r->fence)
			continue;
		CHECK(r->version > p->version);
		*p = (struct db_part){p->table, p->partition, keep(r->try_id), keep(r->run_id), keep(r->fingerprint),
		                      r->version, r->fence, r->rows, r->bytes, r->files, r->empty};
	}
	rows = &b->tables[JOURNAL_LINEAGE];
	for (size_t i = 0; i < rows->len; i++) {
		struct db_try *t = db_try(((const struct lineage_row *)(const void *)rows->rows)[i].fence);
		CHECK(t);
		t->lineage++;
	}
	rows = &b->tables[JOURNAL_STAT];
	for (size_t i = 0; i < rows->len; i++) {
		const struct stat_row *r = &((const struct stat_row *)(const void *)rows->rows)[i];
		if (r->schema)
			db.schemas[world_find(r->table)] = keep(r->schema);
	}
}

/* Each transition starts where the one before it ended, and the rows are where the last one ended. */
static void apply_events(const struct journal_batch *b)
{
	const struct journal_rows *rows = &b->tables[JOURNAL_EVENT];
	for (size_t i = 0; i < rows->len; i++) {
		const struct event_row *e = &((const struct event_row *)(const void *)rows->rows)[i];
		struct db_run *run = db_run(e->run_id);
		struct db_task *task = str_eq(e->object, "task") ? db_task(e->run_id, e->table, e->partition) : NULL;
		struct db_try *try = str_eq(e->object, "try") ? db_try(e->fence) : NULL;
		const char **seen = try ? &try->seen : task ? &task->seen : run ? &run->seen : NULL;
		CHECK(seen && (!e->seq || e->seq > db.last_seq));
		db.last_seq = e->seq ? e->seq : db.last_seq;
		bool *anew = try ? NULL : task ? &task->anew : &run->anew;
		if (anew && *anew && str_eq(e->from, task ? "waiting" : "planned"))
			*seen = e->from;
		if (anew)
			*anew = false;
		if (!str_eq(*seen, e->from ? e->from : ""))
			trace("%s %s %s %" PRId64 ": from %s, was %s", e->object, e->table, e->partition, e->fence, e->from, *seen);
		CHECK(str_eq(*seen, e->from ? e->from : ""));
		*seen = e->to;
	}
	for (size_t i = 0; i < rows->len; i++) {
		const struct event_row *e = &((const struct event_row *)(const void *)rows->rows)[i];
		const struct db_run *run = db_run(e->run_id);
		const struct db_task *task = str_eq(e->object, "task") ? db_task(e->run_id, e->table, e->partition) : NULL;
		const struct db_try *try = str_eq(e->object, "try") ? db_try(e->fence) : NULL;
		CHECK(try ? str_eq(try->seen, try->state) : task ? str_eq(task->seen, task->state) : str_eq(run->seen, run->state));
		if (try && str_eq(try->state, "ended") && str_eq(try->outcome, "success")) {
			const struct db_part *p = db_part(try->table, try->partition);
			CHECK(world.tables[world_find(try->table)].action ? !p : p && p->fence >= try->fence); /* a success comes with its partition */
		}
	}
}

static void apply(struct group *g)
{
	g->done_there = true;
	g->refused = !g->has_tick && trouble(TROUBLE_DB, 30);
	snprintf(g->sqlstate, sizeof g->sqlstate, "57P03");
	if (!g->has_tick)
		return;
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
		apply_runs(g->batch);
		apply_tasks(g->batch);
		apply_parts(g->batch);
		apply_events(g->batch);
		if (g->next_fence > db.next_fence)
			db.next_fence = g->next_fence;
	}
}

/* ---- the connection ---- */

static int64_t latency(void)
{
	return trouble(TROUBLE_DB, 20) ? 1000 * (20 + (int64_t)below(3000)) : 100 + (int64_t)below(3000);
}

static void answer(struct pg *pg, enum pg_status status)
{
	struct group g = pg->group;
	struct pg_result results[2] = {{.rows = 1}, {.rows = 1}};
	PGresult *list[] = {&results[0], &results[1]};
	struct pg_reply reply = {.status = status, .results = list, .nresults = 2};
	pg->group = (struct group){0};
	if (status == PG_REFUSED)
		memcpy(reply.sqlstate, g.sqlstate, sizeof reply.sqlstate);
	snprintf(reply.message, sizeof reply.message, "refused: %s", g.sqlstate);
	snprintf(results[0].values[0], sizeof results[0].values[0], "%s", world.now_us >= db.lock_until_us ? "t" : "f");
	snprintf(results[1].values[0], sizeof results[1].values[0], "%" PRId64, db.epoch);
	snprintf(results[1].values[1], sizeof results[1].values[1], "%" PRId64, db.tick);
	g.done(g.ctx, &reply);
}

int PQntuples(const PGresult *res)
{
	return res->rows;
}

char *PQgetvalue(const PGresult *res, int row, int column)
{
	CHECK(row == 0 && column < 2);
	return (char *)(uintptr_t)res->values[column];
}

static void on_reconnected(void *ctx)
{
	struct pg *pg = ctx;
	world_cross("database up");
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
	if (trouble(TROUBLE_DB, 100))
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
	connection = pg;
	return pg;
}

int pg_adopt(struct pg *pg, PGconn *conn)
{
	(void)conn;
	if (trouble(TROUBLE_DB, 10)) {
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
	if (connection == pg)
		connection = NULL;
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

void db_rebuild(void)
{
	db.nparts = 0;
	for (uint32_t t = 0; t < world.ntables; t++) {
		for (uint32_t d = 0; d < world_dates(t); d++) {
			const struct lake_part *part = &world.tables[t].parts[d];
			if ((!part->published && !part->empty_record) || part->hand == HAND_DAMAGED)
				continue;
			lake_synced(part); /* who writes down that it is published makes it stay */
			MEM_GROW(db.parts, db.nparts, db.cap_parts);
			db.parts[db.nparts++] = (struct db_part){
				world.tables[t].qname, world_partition(t, d), keep(part->try_id),
				keep(json_string_value(json_object_get(part->manifest, "run_id"))),
				keep(json_string_value(json_object_get(part->manifest, "fingerprint"))), (int64_t)part->version,
				(int64_t)part->fence, part->rows, part->published ? 100 : 0, part->published, part->empty_record};
		}
	}
	if (db.next_fence <= lake_largest_fence())
		db.next_fence = lake_largest_fence() + 1;
	trace("db rebuild: next fence %" PRIu64, db.next_fence);
}

void db_crash(void)
{
	if (connection)
		hang_up(connection);
	connection = NULL;
	db.lock_until_us = 0;
}

void db_lead(struct leader *ret)
{
	db.epoch++;
	db.lock_until_us = 0;
	db.last_seq = 0;
	*ret = (struct leader){.lake_id = 1, .epoch = db.epoch, .tick = db.tick, .next_fence = db.next_fence};
}
