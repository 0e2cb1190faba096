/* See follow.h. */
#include "cli/follow.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/open.h"
#include "cli/progress.h"
#include "scheduler/run_progress.h"
#include "cli/state.h"
#include "cli/summary.h"
#include "scheduler/db.h"
#include "scheduler/queries.h"

enum { LOOK_MS = 1000, GAP_MS = 50, QUIET_US = 1000 * 1000, AWAY_MS = 250, AWAY_MAX_US = 60 * 1000 * 1000 };

static volatile sig_atomic_t interrupts;

static void on_interrupt(int signum)
{
	(void)signum;
	interrupts++;
}

int follow_order(const struct control *c, const struct order *o, struct err *err)
{
	struct control_answer answer;
	int64_t id;
	int rc = control_send(c, "order", order_encode(o), &id, err);
	if (rc == 0)
		rc = control_await(c, id, INT32_MAX, &answer, err);
	if (rc == 0 && answer.outcome != CONTROL_DONE)
		rc = err_set(err, answer.outcome == CONTROL_FAILED ? ERR_STATE : ERR_USAGE, "%s", answer.detail);
	return rc;
}

/* What a follower has said, so that it says each thing once. */
struct follower {
	const struct invocation *inv;
	struct workspace *ws;
	const char *run_id;
	struct progress progress;
	bool head_said, waits_said;
	char tries_since[64], tryless_since[64]; /* times of Postgres */
	int64_t failed;        /* tasks that had, when the tries were looked at */
	int64_t tryless;       /* tasks that were withheld or had failed when those without a try were said */
	int64_t quiet_since_us;
	int interrupts;        /* that were answered */
};

static int ask_of_run(const struct follower *f, const char *sql, const char *third, PGresult **ret, struct err *err)
{
	char lake[12];
	snprintf(lake, sizeof lake, "%d", f->ws->db.lake_id);
	const char *const values[] = {lake, f->run_id, third};
	return db_query(f->ws->db.conn, sql, third ? 3 : 2, values, false, ret, err);
}

static int64_t number_at(const PGresult *r, int row, int column)
{
	return strtoll(PQgetvalue(r, row, column), NULL, 10);
}

static enum try_outcome outcome_at(const PGresult *r, int row, int column)
{
	int o = OUTCOME_SUCCESS;
	while (o + 1 < TRY_OUTCOMES_END && strcmp(PQgetvalue(r, row, column), try_outcome_name((enum try_outcome)o)) != 0)
		o++;
	return (enum try_outcome)o;
}

static void say_try(struct follower *f, const PGresult *r, int i)
{
	const struct table *t = project_table(f->ws->project, PQgetvalue(r, i, 0));
	bool action = t && t->output_none, good = strcmp(PQgetvalue(r, i, 2), try_outcome_name(OUTCOME_SUCCESS)) == 0;
	bool checked = good && PQgetvalue(r, i, 9)[0] == 't';
	progress_ended(&f->progress, &(struct try_end){.name = PQgetvalue(r, i, 1),
	                                               .outcome = outcome_at(r, i, 2),
	                                               .action = action,
	                                               .empty = good && !action && !checked && number_at(r, i, 3) == 0,
	                                               .checked = checked,
	                                               .rows = number_at(r, i, 3),
	                                               .cleared_rows = number_at(r, i, 4),
	                                               .duration_us = number_at(r, i, 5),
	                                               .reason = PQgetvalue(r, i, 6),
	                                               .error = PQgetvalue(r, i, 7),
	                                               .note = PQgetvalue(r, i, 8)});
}

/* Tries that have ended since the last look, and those that are at work: one question. */
static int say_tries(struct follower *f, bool *ret_any, struct err *err)
{
	static const char sql[] =
		"SELECT y.table_name, concat_ws(' ', y.table_name, nullif(y.partition, '')), y.outcome, coalesce(y.rows, 0), coalesce(y.cleared_rows, -1),"
		" coalesce(nullif(coalesce(y.prepare_us, 0) + coalesce(y.load_us, 0) + coalesce(y.validate_us, 0) + coalesce(y.commit_us, 0)"
		" + coalesce(y.cleanup_us, 0), 0), (extract(epoch FROM y.ended_at - coalesce(y.running_at, y.started_at)) * 1000000)::bigint, 0),"
		" coalesce(t.reason, ''), y.error, y.note, y.rows IS NULL, y.ended_at::text"
		" FROM strata.try y LEFT JOIN strata.task t USING (lake_id, run_id, table_name, partition)"
		" WHERE y.lake_id = $1::integer AND y.run_id = $2 AND (y.ended_at > $3::timestamptz OR y.state <> 'ended')"
		" ORDER BY y.ended_at NULLS LAST, y.fence";
	enum { ENDED_AT = 10 };
	PGresult *r;
	int rc = ask_of_run(f, sql, f->tries_since, &r, err);
	if (rc < 0)
		return rc;
	*ret_any = false;
	progress_idle(&f->progress);
	for (int i = 0; i < PQntuples(r); i++) {
		if (PQgetisnull(r, i, ENDED_AT)) {
			progress_started(&f->progress, PQgetvalue(r, i, 1));
			continue;
		}
		snprintf(f->tries_since, sizeof f->tries_since, "%s", PQgetvalue(r, i, ENDED_AT));
		say_try(f, r, i);
		*ret_any = true;
	}
	PQclear(r);
	return 0;
}

/* -q tells only what failed: the tries are looked at when the run's row counts more of that, and in the end. */
static bool tries_are_news(struct follower *f, const struct run_progress *counted)
{
	bool more = counted->failed > f->failed;
	f->failed = counted->failed;
	return f->inv->globals->verbosity >= 0 || counted->over || more;
}

/* What is withheld, or fails as the plan has foreseen. Asked for only when the run's row counts more of them. */
static int say_tryless(struct follower *f, const struct run_progress *counted, struct err *err)
{
	static const char sql[] = "SELECT concat_ws(' ', table_name, nullif(partition, '')), cause, result = 'failed', error, ended_at::text FROM strata.task"
	                          " WHERE lake_id = $1::integer AND run_id = $2 AND (result = 'upstream_failed' OR (result = 'failed' AND tries = 0))"
	                          " AND ended_at > $3::timestamptz ORDER BY ended_at, table_name, partition";
	if (counted->failed <= f->tryless)
		return 0;
	PGresult *r;
	int rc = ask_of_run(f, sql, f->tryless_since, &r, err);
	if (rc < 0)
		return rc;
	f->tryless = counted->failed;
	for (int i = 0; i < PQntuples(r); i++) {
		if (PQgetvalue(r, i, 2)[0] == 't')
			progress_ended(&f->progress, &(struct try_end){.name = PQgetvalue(r, i, 0), .outcome = OUTCOME_ERROR, .error = PQgetvalue(r, i, 3)});
		else
			progress_withheld(&f->progress, PQgetvalue(r, i, 0), PQgetvalue(r, i, 1));
		snprintf(f->tryless_since, sizeof f->tryless_since, "%s", PQgetvalue(r, i, 4));
	}
	PQclear(r);
	return 0;
}

/* It may wait for long: for which sources? Asked for when nothing has ended for a while. */
static int say_waits(struct follower *f, struct err *err)
{
	static const char sql[] = "SELECT DISTINCT ON (table_name) table_name, concat_ws(' ', table_name, nullif(partition, '')), reason FROM strata.task"
	                          " WHERE lake_id = $1::integer AND run_id = $2 AND state = 'waiting' AND wait = 'source' ORDER BY table_name, partition";
	PGresult *r;
	if (f->waits_said || clock_mono_us() - f->quiet_since_us < QUIET_US)
		return 0;
	int rc = ask_of_run(f, sql, NULL, &r, err);
	if (rc < 0)
		return rc;
	f->waits_said = true;
	for (int i = 0; i < PQntuples(r); i++)
		progress_awaits(&f->progress, PQgetvalue(r, i, 0), PQgetvalue(r, i, 1), PQgetvalue(r, i, 2));
	PQclear(r);
	return 0;
}

static void say_how_far(struct follower *f, const struct run_row *run, const struct run_progress *p)
{
	/* Before it has begun nobody knows; one that is all fresh never begins. */
	bool planned = run->started_us || str_eq(run->result, run_result_name(RUN_SUCCESS));
	if (!f->head_said && planned && f->inv->globals->verbosity >= 0)
		progress_head(run->run_id, run->first_day, run->last_day, (uint64_t)run->tasks, (uint64_t)run->fresh);
	f->head_said = f->head_said || planned;
	f->progress.total = (uint64_t)p->total;
	f->progress.done = (uint64_t)p->done;
	f->progress.failed = (uint64_t)(p->failed - p->withheld);
	f->progress.paused = p->paused;
	f->progress.left_us = p->left_us == PG_NULL64 ? -1 : p->left_us;
}

static int cancel(struct workspace *ws, const char *run_id, struct err *err)
{
	struct control c = {.conn = ws->db.conn, .lake_id = ws->db.lake_id, .requested_by = state_user()};
	int64_t id;
	return control_send(&c, "cancel", json_pack("{s:s}", "name", run_id), &id, err);
}

/* The run is the scheduler's and would go on without this program: what is asked for by Ctrl-C is that it does not. */
static int on_interrupts(struct follower *f, struct err *err)
{
	if (interrupts == f->interrupts)
		return 0;
	bool again = f->interrupts > 0 || interrupts > 1;
	progress_wipe(&f->progress);
	if (f->interrupts == 0 && cancel(f->ws, f->run_id, err) < 0)
		return err->code;
	f->interrupts = interrupts;
	if (again)
		return err_set(err, ERR_CANCELED, "no longer following run %s, which the scheduler cancels; 'strata show %s' tells about it", f->run_id,
		               f->run_id);
	fprintf(stderr, "strata: canceling run %s; Ctrl-C once more, and the scheduler does it without being followed\n", f->run_id);
	return 0;
}

/* Sleeps until the scheduler has written something, a signal comes, or a second has passed: then who looks is not late for
 * long, whatever became of the notification. */
static void wait_for_change(PGconn *conn)
{
	struct pollfd p = {.fd = PQsocket(conn), .events = POLLIN};
	PGnotify *n;
	bool changed = false;
	PQconsumeInput(conn);
	while ((n = PQnotifies(conn))) {
		PQfreemem(n);
		changed = true;
	}
	/* A busy scheduler writes hundreds of times a second, and nobody reads that fast. */
	if (poll(changed ? NULL : &p, changed ? 0 : 1, changed ? GAP_MS : LOOK_MS) == 1)
		poll(NULL, 0, GAP_MS);
}

static int listen_for_changes(struct workspace *ws, struct err *err)
{
	char sql[64];
	snprintf(sql, sizeof sql, "LISTEN strata_changed_%d", ws->db.lake_id);
	return db_exec(ws->db.conn, sql, err);
}

/* One look at the run. 1: it is done, and *ret_status what it ends with. */
static int look(struct follower *f, int *ret_status, struct err *err)
{
	struct arena arena = {0};
	struct run_row run;
	struct run_progress counted = {0};
	bool any = false;
	const struct query q = {.conn = f->ws->db.conn, .lake_id = f->ws->db.lake_id, .arena = &arena};
	int rc = query_run(&q, f->run_id, &run, err);
	if (rc == 0) {
		run_progress_of(&run, true, &counted);
		say_how_far(f, &run, &counted);
	}
	if (rc == 0 && tries_are_news(f, &counted))
		rc = say_tries(f, &any, err);
	if (rc == 0)
		rc = say_tryless(f, &counted, err);
	if (any) {
		f->quiet_since_us = clock_mono_us();
		f->waits_said = false;
	}
	if (rc == 0 && counted.over) {
		progress_wipe(&f->progress);
		*ret_status = summary_of_record(f->inv, f->ws, &q, &run, err);
		rc = *ret_status < 0 ? *ret_status : 1;
	} else if (rc == 0) {
		rc = say_waits(f, err);
		progress_draw(&f->progress);
	}
	arena_free(&arena);
	return rc;
}

/* The run does not need this program, nor does its scheduler end with the database: as long as a run of one's own would wait. */
static int await_database(struct follower *f, struct err *err)
{
	struct db *db = &f->ws->db;
	int64_t since_us = clock_mono_us();
	int rc = ERR_STATE;
	progress_wipe(&f->progress);
	fprintf(stderr, "strata: the state database is away; run %s is the scheduler's and goes on; waiting for it\n", f->run_id);
	while (rc == ERR_STATE && interrupts == f->interrupts && clock_mono_us() - since_us < AWAY_MAX_US) {
		poll(NULL, 0, AWAY_MS);
		PQfinish(db->conn);
		db->conn = NULL;
		rc = db_connect(db->conninfo, &db->conn, err);
		if (rc == 0)
			rc = listen_for_changes(f->ws, err);
	}
	if (rc == 0)
		*err = (struct err){0};
	else if (interrupts != f->interrupts)
		rc = err_set(err, ERR_CANCELED, "no longer following run %s, which goes on: the state database is away; 'strata cancel %s' when it is back",
		             f->run_id, f->run_id);
	else
		err_wrap(err, "run %s is followed no longer, and goes on; 'strata show %s' tells about it", f->run_id, f->run_id);
	return rc;
}

static int watch(struct follower *f, struct err *err)
{
	int status = 0, rc = listen_for_changes(f->ws, err);
	while (rc == 0) {
		rc = look(f, &status, err);
		if (rc == ERR_STATE && PQstatus(f->ws->db.conn) != CONNECTION_OK)
			rc = await_database(f, err);
		if (rc == 0)
			rc = on_interrupts(f, err);
		if (rc == 0)
			wait_for_change(f->ws->db.conn);
	}
	return rc < 0 ? rc : status;
}

int follow_run(const struct invocation *inv, struct workspace *ws, const char *run_id, struct err *err)
{
	struct sigaction before_int, before_term, sa = {.sa_handler = on_interrupt};
	sigaction(SIGINT, &sa, &before_int);
	sigaction(SIGTERM, &sa, &before_term);
	struct follower f = {.inv = inv, .ws = ws, .run_id = run_id, .tries_since = "-infinity", .tryless_since = "-infinity",
	                     .quiet_since_us = clock_mono_us()};
	progress_begin(&f.progress, NULL, 0, inv->globals->verbosity < 0);
	int rc = watch(&f, err);
	progress_end(&f.progress);
	progress_free(&f.progress);
	sigaction(SIGINT, &before_int, NULL);
	sigaction(SIGTERM, &before_term, NULL);
	return rc;
}

static int ask(const struct invocation *inv, const char *kind, json_t *args, struct control_answer *ret, struct err *err)
{
	struct state s;
	struct leader_holder holder;
	bool up = false;
	int64_t id;
	int rc = state_open(inv, &s, err);
	struct control c = {.conn = s.ws.db.conn, .lake_id = s.ws.db.lake_id, .requested_by = state_user()};
	if (rc == 0)
		rc = control_find(&c, &up, &holder, err);
	if (rc == 0 && !up)
		rc = holder.pid ? err_set(err, ERR_LOCKED, "no scheduler takes commands now: '%s' (process %ld on %s) holds the lake; try again when it is done",
		                          holder.command, holder.pid, holder.host)
		                : err_set(err, ERR_LOCKED, "no scheduler is up for this lake; start one with 'strata scheduler'");
	if (rc == 0)
		rc = control_send(&c, kind, json_incref(args), &id, err);
	if (rc == 0)
		rc = control_await(&c, id, CONTROL_WAIT_MS, ret, err);
	if (rc == 0 && ret->outcome != CONTROL_DONE)
		rc = err_set(err, ret->outcome == CONTROL_FAILED ? ERR_STATE : ERR_USAGE, "%s", ret->detail);
	json_decref(args);
	state_close(&s);
	return rc;
}

int follow_command(const struct invocation *inv, const char *kind, json_t *args, struct err *err)
{
	struct control_answer answer;
	const char *subject = json_string_value(json_object_get(args, str_eq(kind, "order") ? "run_id" : "name"));
	char *name = mem_strdup(subject ? subject : "");
	int rc = ask(inv, kind, args, &answer, err);
	/* The name of a new run is a result, for who wants to go on with it. */
	if (rc == 0 && str_eq(kind, "order") && inv->globals->output == OUTPUT_TABLE)
		puts(answer.detail);
	else if (rc == 0)
		follow_answer(inv, name, "done", answer.detail);
	free(name);
	return rc;
}

const struct output_column follow_fields[] = {
	{.name = "command", .help = "the command"},
	{.name = "name", .help = "what it was about: a run, or a schedule; of a new run its id"},
	{.name = "outcome", .help = "'done', or 'left': no scheduler is up, and the next one is told"},
	{.name = "answer", .help = "what the scheduler answered; null where none is up"},
	{0},
};

void follow_answer(const struct invocation *inv, const char *name, const char *outcome, const char *answer)
{
	if (inv->globals->output != OUTPUT_TABLE)
		output_document(inv->globals->output, follow_fields,
		                json_pack("{s:s, s:s, s:s, s:s?}", "command", inv->command->name, "name", name, "outcome", outcome, "answer", answer));
	else if (answer && inv->globals->verbosity >= 0)
		fprintf(stderr, "strata: %s\n", answer);
}

int follow_question(const struct control *c, const char *kind, json_t *args, json_t **ret, struct leader_holder *ret_holder, struct err *err)
{
	struct control_answer answer;
	bool up = false;
	int64_t id;
	*ret = NULL;
	int rc = control_find(c, &up, ret_holder, err);
	if (rc == 0 && up)
		rc = control_send(c, kind, json_incref(args), &id, err);
	if (rc == 0 && up)
		rc = control_await(c, id, CONTROL_WAIT_MS, &answer, err);
	json_decref(args);
	if (rc < 0 || !up)
		return rc;
	if (answer.outcome != CONTROL_DONE)
		return err_set(err, answer.outcome == CONTROL_FAILED ? ERR_STATE : ERR_USAGE, "%s", answer.detail);
	*ret = json_loads(answer.detail, 0, NULL);
	return *ret ? 0 : err_set(err, ERR_STATE, "the scheduler's answer cannot be read; is it older than you? it says: %.200s", answer.detail);
}

void follow_selection(const struct invocation *inv, struct arena *arena, struct order *o)
{
	size_t n = 0;
	while (options_nth(inv->options, "exclude", n))
		n++;
	const char **exclude = arena_array(arena, n, sizeof *exclude);
	for (size_t i = 0; i < n; i++)
		exclude[i] = options_nth(inv->options, "exclude", i);
	o->select = inv->operands;
	o->nselect = inv->noperands;
	o->exclude = exclude;
	o->nexclude = n;
}
