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
#include "scheduler/run_progress.h"
#include "cli/state.h"
#include "cli/summary.h"
#include "scheduler/db.h"
#include "scheduler/queries.h"

enum { LOOK_MS = 1000, GAP_MS = 50, QUIET_US = 1000 * 1000 };

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

/* What is on the screen: on a terminal one line that lives, with what failed above it. */
struct screen {
	bool loud, live, drawn;
};

static void wipe(struct screen *screen)
{
	if (screen->drawn)
		fputs("\r\033[K", stderr);
	screen->drawn = false;
}

static void draw(struct screen *screen, const struct run_row *run)
{
	char text[RUN_PROGRESS_SIZE];
	struct run_progress p;
	if (!screen->live)
		return;
	wipe(screen);
	run_progress_of(run, true, &p);
	fprintf(stderr, "run %s: %s%s", run->run_id, run_progress_text(text, &p), run->paused ? ", paused" : "");
	fflush(stderr);
	screen->drawn = true;
}

/* Tries that have ended since the last look. */
static int say_tries(const struct workspace *ws, struct screen *screen, const char *run_id, char since[64], int *ret_n, struct err *err)
{
	static const char sql[] = "SELECT table_name, partition, outcome, coalesce(rows, 0), error, note, ended_at::text FROM strata.try"
	                          " WHERE lake_id = $1::integer AND run_id = $2 AND ended_at > $3::timestamptz ORDER BY ended_at, fence";
	char lake[12];
	snprintf(lake, sizeof lake, "%d", ws->db.lake_id);
	const char *const values[] = {lake, run_id, since};
	PGresult *r;
	int rc = db_query(ws->db.conn, sql, 3, values, false, &r, err);
	if (rc < 0)
		return rc;
	*ret_n = PQntuples(r);
	for (int i = 0; i < *ret_n; i++) {
		bool good = strcmp(PQgetvalue(r, i, 2), try_outcome_name(OUTCOME_SUCCESS)) == 0;
		const char *day = PQgetvalue(r, i, 1);
		snprintf(since, 64, "%s", PQgetvalue(r, i, 6));
		if (good && screen->live)
			continue;
		wipe(screen);
		fprintf(stderr, "%s %s%s%s", good ? "done  " : "failed", PQgetvalue(r, i, 0), *day ? " " : "", day);
		if (good)
			fprintf(stderr, "  %s rows\n", PQgetvalue(r, i, 3));
		else
			fprintf(stderr, "  %s: %s\n", PQgetvalue(r, i, 2), PQgetvalue(r, i, 4));
	}
	PQclear(r);
	return 0;
}

/* Which sources are waited for, one line a table. */
static int say_waits(const struct workspace *ws, const char *run_id, struct err *err)
{
	static const char sql[] = "SELECT table_name, min(partition), count(*), (array_agg(reason ORDER BY partition))[1] FROM strata.task"
	                          " WHERE lake_id = $1::integer AND run_id = $2 AND state = 'waiting' AND wait = 'source' GROUP BY 1 ORDER BY 1";
	char lake[12];
	snprintf(lake, sizeof lake, "%d", ws->db.lake_id);
	const char *const values[] = {lake, run_id};
	PGresult *r;
	int rc = db_query(ws->db.conn, sql, 2, values, false, &r, err);
	if (rc < 0)
		return rc;
	for (int i = 0; i < PQntuples(r); i++) {
		const char *day = PQgetvalue(r, i, 1), *n = PQgetvalue(r, i, 2);
		fprintf(stderr, "waits  %s%s%s  %s", PQgetvalue(r, i, 0), *day ? " " : "", day, PQgetvalue(r, i, 3));
		if (strcmp(n, "1") != 0)
			fprintf(stderr, " (%s dates wait)", n);
		fputc('\n', stderr);
	}
	PQclear(r);
	return 0;
}

static int cancel(struct workspace *ws, const char *run_id, struct err *err)
{
	struct control c = {.conn = ws->db.conn, .lake_id = ws->db.lake_id, .requested_by = state_user()};
	int64_t id;
	fprintf(stderr, "strata: canceling run %s\n", run_id);
	return control_send(&c, "cancel", json_pack("{s:s}", "name", run_id), &id, err);
}

static int say_end(const struct run_row *run)
{
	char took[32];
	fprintf(stderr, "run %s: %s, %" PRId64 " tasks, %" PRId64 " fresh, %s\n", run->run_id, run->result, run->tasks, run->fresh,
	        clock_human(took, sizeof took, run->started_us ? run->ended_us - run->started_us : 0));
	if (strcmp(run->result, run_result_name(RUN_SUCCESS)) == 0)
		return 0;
	return strcmp(run->result, run_result_name(RUN_CANCELED)) == 0 ? EXIT_INTERRUPTED : EXIT_FAILED;
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

static int watch(const struct invocation *inv, struct workspace *ws, const char *run_id, struct err *err)
{
	char since[64] = "-infinity";
	struct screen screen = {.loud = inv->globals->verbosity >= 0};
	screen.live = screen.loud && isatty(STDERR_FILENO);
	int64_t quiet_since = clock_mono_us();
	bool waits_said = false;
	int told = 0, ended = 0, rc = listen_for_changes(ws, err);
	while (rc == 0) {
		struct arena arena = {0};
		struct run_row run;
		struct query q = {.conn = ws->db.conn, .lake_id = ws->db.lake_id, .arena = &arena};
		rc = query_run(&q, run_id, &run, err);
		if (rc == 0 && screen.loud)
			rc = say_tries(ws, &screen, run_id, since, &ended, err);
		if (ended) {
			quiet_since = clock_mono_us();
			waits_said = false;
		}
		bool done = rc == 0 && strcmp(run.state, run_state_name(RUN_DONE)) == 0;
		if (done)
			wipe(&screen);
		int status = done ? say_end(&run) : 0;
		if (done)
			rc = summary_of_record(inv, &q, run_id, &run, err);
		if (rc == 0 && !done && screen.loud && !waits_said && clock_mono_us() - quiet_since > QUIET_US) { /* it may wait for long: for what? */
			wipe(&screen);
			rc = say_waits(ws, run_id, err);
			waits_said = true;
		}
		if (rc == 0 && !done)
			draw(&screen, &run);
		arena_free(&arena);
		if (done)
			return rc < 0 ? rc : status;
		if (rc == 0 && interrupts > told) {
			told++;
			wipe(&screen);
			if (interrupts > 1)
				return err_set(err, ERR_CANCELED, "no longer following run %s; 'strata show %s' tells about it", run_id, run_id);
			rc = cancel(ws, run_id, err);
		}
		if (rc == 0)
			wait_for_change(ws->db.conn);
	}
	wipe(&screen);
	return rc;
}

int follow_run(const struct invocation *inv, struct workspace *ws, const char *run_id, struct err *err)
{
	struct sigaction before_int, before_term, sa = {.sa_handler = on_interrupt};
	sigaction(SIGINT, &sa, &before_int);
	sigaction(SIGTERM, &sa, &before_term);
	int rc = watch(inv, ws, run_id, err);
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
