/* What the scheduler that stays up says to Postgres itself, statement by statement, to the letter: a statement that is
 * not in the table at the end is refused, so that no new one goes unseen. Rows of runs, tasks and tries are world_db.c's. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/db.h"
#include "tests/sim/daemon.h"

struct daemon_db ddb;

static const char *keep(const char *s)
{
	return arena_strdup(&world.arena, s);
}

void ddb_reset(void)
{
	for (size_t i = 0; i < ddb.nschedules; i++)
		free(ddb.schedules[i].ledger);
	free(ddb.schedules);
	free(ddb.commands);
	ddb = (struct daemon_db){0};
}

bool ddb_away(void)
{
	return world.now_us < db.away_until_us;
}

struct db_schedule *ddb_schedule(const char *name)
{
	for (size_t i = 0; i < ddb.nschedules; i++) {
		if (str_eq(ddb.schedules[i].name, name))
			return &ddb.schedules[i];
	}
	return NULL;
}

size_t ddb_intervals_until(const struct db_schedule *s, int64_t at)
{
	size_t lo = 0, hi = s->nledger;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->ledger[mid].at <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* ---- the trigger run_of_schedule ---- */

void world_run_inserted(const struct db_run *run)
{
	struct arena arena = {0};
	struct order order;
	struct err err;
	json_t *params = json_loads(run->params, 0, NULL);
	CHECK(params && order_decode(&arena, params, &order, &err) == 0 && str_eq(order.run_id, run->id));
	CHECK(order.first == run->first && order.last == run->last);
	if (order.schedule) {
		struct db_schedule *s = ddb_schedule(order.schedule);
		CHECK(s);
		size_t n = ddb_intervals_until(s, order.interval);
		CHECK(n == 0 || s->ledger[n - 1].at != order.interval); /* the primary key: no interval has two runs */
		MEM_GROW(s->ledger, s->nledger, s->cap_ledger);
		memmove(&s->ledger[n + 1], &s->ledger[n], (s->nledger++ - n) * sizeof *s->ledger);
		s->ledger[n] = (struct db_interval){order.interval, run->id};
		story->firings++;
	}
	check_run_inserted(run, order.paused);
	story->runs++;
	json_decref(params);
	arena_free(&arena);
}

/* ---- commands ---- */

int64_t ddb_command(const char *kind, const char *name, json_t *args)
{
	char *text = json_dumps(args, JSON_COMPACT);
	MEM_GROW(ddb.commands, ddb.ncommands, ddb.cap_commands);
	struct db_command *c = &ddb.commands[ddb.ncommands];
	*c = (struct db_command){.id = (int64_t)++ddb.ncommands, .kind = kind, .args = keep(text), .outcome = "", .detail = "",
	                         .name = keep(name), .asked_us = world.now_us, .edition = disk->number};
	trace("command %" PRId64 ": %s %s", c->id, kind, name);
	free(text);
	json_decref(args);
	story->commands++;
	wake_mail();
	return c->id;
}

static bool leads(const char *epoch)
{
	return strtoll(epoch, NULL, 10) == db.epoch;
}

static PGresult *end_command(const char *const *v)
{
	size_t id = (size_t)strtoll(v[2], NULL, 10);
	CHECK(id > 0 && id <= ddb.ncommands);
	struct db_command *c = &ddb.commands[id - 1];
	if (*c->outcome || !leads(v[1]))
		return result_new(1, 1);
	CHECK(str_eq(v[3], "done") || str_eq(v[3], "refused") || str_eq(v[3], "failed"));
	c->outcome = keep(v[3]);
	c->detail = keep(v[4]);
	c->ended_us = world.now_us;
	trace("command %" PRId64 " is %s: %s", c->id, c->outcome, c->detail);
	check_answer(c);
	return result_new(1, 1);
}

static PGresult *open_commands(const char *const *v)
{
	(void)v;
	int n = 0;
	for (size_t i = 0; i < ddb.ncommands; i++)
		n += !*ddb.commands[i].outcome;
	struct pg_result *r = result_new(n, 4);
	n = 0;
	for (size_t i = 0; i < ddb.ncommands; i++) {
		const struct db_command *c = &ddb.commands[i];
		if (*c->outcome)
			continue;
		result_put_int(r, n, 0, c->id);
		result_put(r, n, 1, c->kind);
		result_put(r, n, 2, c->args);
		result_put(r, n++, 3, "somebody");
	}
	return r;
}

/* ---- schedules ---- */

static PGresult *remember(const char *const *v)
{
	struct db_schedule *s = ddb_schedule(v[1]);
	if (!s) {
		MEM_GROW(ddb.schedules, ddb.nschedules, ddb.cap_schedules);
		s = &ddb.schedules[ddb.nschedules++];
		*s = (struct db_schedule){.name = keep(v[1]), .seen = strtoll(v[2], NULL, 10)};
	}
	struct pg_result *r = result_new(1, 2);
	result_put(r, 0, 0, s->paused ? "t" : "f");
	result_put_int(r, 0, 1, s->seen);
	return r;
}

static PGresult *last_interval(const char *const *v)
{
	const struct db_schedule *s = ddb_schedule(v[1]);
	size_t n = s ? ddb_intervals_until(s, strtoll(v[2], NULL, 10)) : 0;
	struct pg_result *r = result_new(1, 1);
	if (n)
		result_put_int(r, 0, 0, s->ledger[n - 1].at);
	return r;
}

static PGresult *pause_schedule(const char *const *v)
{
	struct db_schedule *s = ddb_schedule(v[1]);
	if (s) {
		s->paused = str_eq(v[2], "t");
		s->touched_us = world.now_us;
	}
	return result_new(0, 0);
}

static PGresult *was_canceled(const char *const *v)
{
	int n = 0;
	for (size_t i = 0; i < ddb.ncommands && n == 0; i++) {
		const struct db_command *c = &ddb.commands[i];
		n = str_eq(c->kind, "cancel") && str_eq(c->outcome, "done") && str_eq(c->name, v[1]);
	}
	return result_new(n, 0);
}

/* It has no row yet: its order says it. */
static PGresult *pause_order(const char *const *v)
{
	size_t id = (size_t)strtoll(v[0], NULL, 10);
	CHECK(id > 0 && id <= ddb.ncommands);
	struct db_command *c = &ddb.commands[id - 1];
	json_t *args = json_loads(c->args, 0, NULL);
	json_object_set_new(args, "paused", json_boolean(str_eq(v[1], "t")));
	char *text = json_dumps(args, JSON_COMPACT);
	c->args = keep(text);
	free(text);
	json_decref(args);
	return result_new(0, 0);
}

static PGresult *say_state(const char *const *v)
{
	(void)v;
	return result_new(0, 0);
}

/* ---- db.h ---- */

static const struct {
	const char *sql;
	PGresult *(*answer)(const char *const *values);
} statements[] = {
	{"UPDATE strata.scheduler SET daemon = true, project_error = $3, draining = $4::boolean,"
	 " project_read_at = now() WHERE lake_id = $1::integer AND epoch = $2::bigint", say_state},
	{"INSERT INTO strata.schedule AS s (lake_id, name, seen_at) VALUES ($1::integer, $2, to_timestamp($3::bigint))"
	 " ON CONFLICT (lake_id, name) DO UPDATE SET updated_at = now()"
	 " RETURNING paused, extract(epoch FROM seen_at)::bigint", remember},
	{"SELECT extract(epoch FROM max(at))::bigint FROM strata.schedule_interval WHERE lake_id = $1::integer"
	 " AND schedule = $2 AND at <= to_timestamp($3::bigint)", last_interval},
	{"UPDATE strata.schedule SET paused = $3::boolean, updated_at = now() WHERE lake_id = $1::integer AND name = $2", pause_schedule},
	{"SELECT FROM strata.command WHERE lake_id = $1::integer AND kind = 'cancel' AND outcome = 'done'"
	 " AND args->>'name' = $2 LIMIT 1", was_canceled},
	{"UPDATE strata.command SET args = args || jsonb_build_object('paused', $2::boolean)"
	 " WHERE command_id = $1::bigint", pause_order},
	{"SELECT strata.deadline_passed($1::integer, $2::bigint, $3)", say_state},
	{"SELECT strata.command_end($1::integer, $2::bigint, $3::bigint, $4, $5)", end_command},
	{"WITH ended AS (UPDATE strata.command c SET outcome = $4, detail = $5, ended_at = now() WHERE lake_id = $1::integer AND command_id ="
	 " $3::bigint AND outcome = '' AND EXISTS (SELECT FROM strata.scheduler s WHERE s.lake_id = c.lake_id AND s.epoch = $2::bigint)"
	 " RETURNING command_id) SELECT pg_notify('strata_answer_' || $1, command_id::text) FROM ended", end_command},
	{"SELECT command_id, kind, args, requested_by FROM strata.command WHERE lake_id = $1::integer"
	 " AND outcome = '' ORDER BY command_id", open_commands},
};

/* A question takes a while, and may find nobody. */
static int reach(struct err *err)
{
	world_cross("sql");
	if (trouble(TROUBLE_DB, 50))
		world_pass(world.now_us + 1000 * (1 + (int64_t)below(200)));
	if (ddb_away() || trouble(TROUBLE_DB, 4))
		return err_set(err, ERR_STATE, "the database is away");
	return 0;
}

void db_close(struct db *of)
{
	free(of->conninfo);
	of->conninfo = NULL;
}

int db_revive(struct db *of, bool start, struct err *err)
{
	(void)of;
	CHECK(!start); /* it would wait for a server that starts */
	return ddb_away() ? err_set(err, ERR_STATE, "the database is away") : 0;
}

int db_query(PGconn *conn, const char *sql, int n, const char *const *values, bool binary, PGresult **ret_rows, struct err *err)
{
	(void)conn;
	(void)n;
	CHECK(!binary);
	for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
		if (strcmp(sql, statements[i].sql) != 0)
			continue;
		int rc = reach(err);
		if (rc == 0)
			*ret_rows = statements[i].answer(values);
		if (rc == 0)
			world_cross("sql answered");
		return rc;
	}
	fprintf(stderr, "a statement that tests/sim/daemon_db.c does not know: %s\n", sql);
	CHECK(!"a known statement");
	return -1;
}

int db_exec_params(PGconn *conn, const char *sql, int n, const char *const *values, struct err *err)
{
	PGresult *r = NULL;
	int rc = db_query(conn, sql, n, values, false, &r, err);
	PQclear(r);
	return rc;
}
