/* strata status: who schedules the lake, what its workers do, its schedules, the runs that are unfinished, and callbacks out of reach. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/commands.h"
#include "scheduler/run_progress.h"
#include "cli/state.h"
#include "scheduler/control.h"
#include "scheduler/db.h"
#include "scheduler/queries_screen.h"
#include "scheduler/zone.h"

enum { PROBLEM_MAX = 1 << 20 };

static const struct output_column columns[] = {
	{.name = "what", .help = "'scheduler', 'worker', 'lane', 'schedule', 'run', 'command' or 'callback'"},
	{.name = "name", .help = "its name"},
	{.name = "state", .help = "how it is"},
	{.name = "since", .help = "since when; of a schedule, when it came last"},
	{.name = "next", .help = "when a schedule comes next; null: it is paused, or this is none"},
	{.name = "detail", .help = "what more there is to say"},
	/* Of a worker at work, and of a lane: the same for programs. */
	{.name = "run", .detail = true, .help = "that a worker is at work for"},
	{.name = "table", .detail = true, .help = "that it makes"},
	{.name = "partition", .detail = true, .help = "the date of it"},
	{.name = "memory", .detail = true, .help = "bytes that a worker has"},
	{.name = "rows", .detail = true, .help = "that its try has made; null until its query is done"},
	{.name = "percent", .detail = true, .help = "how much of what the query is to read has been read, by DuckDB's estimate; null where it has none"},
	{.name = "of_rows", .detail = true, .help = "rows that 'percent' is of, by the same estimate"},
	{.name = "written", .detail = true, .help = "bytes of the result so far"},
	{.name = "used", .detail = true, .help = "of a lane: workers at work for its runs"},
	{.name = "slots", .detail = true, .help = "workers that its runs may have"},
	{.name = "kept", .detail = true, .help = "of these, that no other run gets"},
	{0},
};
enum { LANE_FIRST = 14 }; /* the column 'used' */

/* Nothing in the columns of a row that are left. */
static void rest_of(struct output *out)
{
	while (out->at)
		output_text(out, NULL);
}

static int scheduler_row(const struct state *s, struct output *out, bool *ret_leads, struct err *err)
{
	char lake[12];
	snprintf(lake, sizeof lake, "%d", s->ws.db.lake_id);
	const char *const values[] = {lake};
	struct control c = {.conn = s->ws.db.conn, .lake_id = s->ws.db.lake_id};
	struct leader_holder h;
	bool up;
	PGresult *r;
	int rc = control_find(&c, &up, &h, err);
	if (rc == 0)
		rc = db_query(s->ws.db.conn, "SELECT project_error, draining FROM strata.scheduler WHERE lake_id = $1::integer", 1, values, false, &r, err);
	if (rc < 0)
		return rc;
	*ret_leads = h.pid != 0;
	const char *problem = h.pid && PQntuples(r) ? PQgetvalue(r, 0, 0) : "";
	bool draining = PQntuples(r) && PQgetvalue(r, 0, 1)[0] == 't';
	char name[256];
	snprintf(name, sizeof name, "%ld on %s", h.pid, h.host);
	output_text(out, "scheduler");
	output_text(out, h.pid ? name : NULL);
	output_styled(out, up ? STYLE_GOOD : STYLE_WARN, !h.pid ? "none is up" : up ? "up" : draining ? "draining" : "a run in the foreground");
	output_time(out, h.pid ? h.since_us : 0);
	output_text(out, NULL);
	struct buf broken = BUF_INIT(PROBLEM_MAX);
	buf_addf(&broken, "the last good project goes on; the one on disk is broken: %s", problem);
	output_text(out, *problem ? buf_cstr(&broken) : h.pid ? h.command : "start one with 'strata scheduler'");
	buf_free(&broken);
	rest_of(out);
	PQclear(r);
	return 0;
}

/* An absent one is negative. */
static void number(struct output *out, int64_t n)
{
	if (n >= 0)
		output_int(out, n);
	else
		output_text(out, NULL);
}

static void worker_row(struct output *out, const struct worker_row *w)
{
	bool busy = *w->table;
	char far[WORKER_FAR_SIZE], memory[32], detail[768];
	worker_far(far, w);
	str_bytes(memory, sizeof memory, w->memory);
	snprintf(detail, sizeof detail, "%s%s%s  %s%s%s  %s", w->table, *w->partition ? " " : "", w->partition, far, *far ? "  " : "", memory, w->run_id);
	output_text(out, "worker");
	output_text(out, w->worker);
	output_styled(out, busy ? STYLE_PLAIN : STYLE_DIM, busy ? w->stage : "idle");
	output_time(out, w->since_us);
	output_text(out, NULL);
	output_text(out, busy ? detail : memory);
	output_text(out, busy ? w->run_id : NULL);
	output_text(out, busy ? w->table : NULL);
	output_text(out, *w->partition ? w->partition : NULL);
	number(out, w->memory ? w->memory : -1);
	number(out, w->rows);
	number(out, w->percent);
	number(out, w->of_rows);
	number(out, w->written);
	rest_of(out);
}

static void lane_row(struct output *out, const struct lane_slots *lane)
{
	char state[64], detail[64];
	snprintf(state, sizeof state, "%" PRIu32 " of %" PRIu32, lane->used, lane->slots);
	snprintf(detail, sizeof detail, "%" PRIu32 " kept for them", lane->kept);
	output_text(out, "lane");
	output_text(out, lane->runs);
	output_styled(out, lane->used >= lane->slots ? STYLE_WARN : STYLE_PLAIN, state);
	output_text(out, NULL);
	output_text(out, NULL);
	output_text(out, lane->kept ? detail : "");
	while (out->at < LANE_FIRST)
		output_text(out, NULL);
	output_int(out, lane->used);
	output_int(out, lane->slots);
	output_int(out, lane->kept);
}

/* Those of who leads: of a scheduler that is dead nothing is at work. */
static int worker_rows(const struct state *s, struct output *out, struct err *err)
{
	struct worker_row *rows;
	struct lanes_row lanes;
	struct lane_slots lane[LANES_MOST];
	size_t n;
	int rc = query_workers(&s->query, &rows, &n, &lanes, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		worker_row(out, &rows[i]);
	n = rc == 0 ? lanes_list(&lanes, lane) : 0;
	for (size_t i = 0; i < n; i++)
		lane_row(out, &lane[i]);
	return rc;
}

/* Where the project is broken on disk, what the scheduler knows of it goes on. */
static int schedule_rows(const struct state *s, struct output *out, struct err *err)
{
	const struct project *p = s->ws.project;
	struct schedule_row *rows;
	size_t n;
	int rc = query_schedules(&s->query, &rows, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		const struct schedule *known = NULL;
		for (size_t k = 0; k < p->nschedules && !known; k++)
			known = strcmp(p->schedules[k].name, rows[i].name) == 0 ? &p->schedules[k] : NULL;
		if (!known && s->ws.diags.errors == 0)
			continue; /* it has left the project */
		output_text(out, "schedule");
		output_text(out, rows[i].name);
		output_styled(out, rows[i].paused ? STYLE_WARN : STYLE_GOOD, rows[i].paused ? "paused" : "on");
		output_time(out, rows[i].last_us);
		output_time(out, known && !rows[i].paused ? zone_next_us(known, p, clock_wall_us()) : 0);
		output_text(out, *rows[i].last_run ? rows[i].last_run : known ? known->cron : "the project on disk is broken; 'strata validate'");
		rest_of(out);
	}
	return rc;
}

static int run_rows(const struct state *s, struct output *out, struct err *err)
{
	struct run_row *runs;
	size_t n;
	int rc = query_unfinished_runs(&s->query, INT64_MAX, &runs, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		output_text(out, "run");
		output_text(out, runs[i].run_id);
		output_styled(out, runs[i].paused || !runs[i].alive ? STYLE_WARN : STYLE_PLAIN, runs[i].paused ? "paused" : state_of_run(&runs[i]));
		output_time(out, runs[i].created_us);
		output_text(out, NULL);
		char text[RUN_PROGRESS_SIZE + 256];
		struct run_progress p;
		run_progress_of(&runs[i], runs[i].alive, &p);
		int n_said = snprintf(text, sizeof text - RUN_PROGRESS_SIZE, "%s%s", runs[i].selection, *runs[i].selection ? ": " : "");
		if (n_said > (int)sizeof text - RUN_PROGRESS_SIZE - 1)
			n_said = (int)sizeof text - RUN_PROGRESS_SIZE - 1;
		run_progress_text(text + n_said, &p);
		output_text(out, text);
		rest_of(out);
	}
	return rc;
}

/* What was asked for and is not answered: by a scheduler that is up in a moment, else by the next one. */
static int command_rows(const struct state *s, struct output *out, struct err *err)
{
	static const char sql[] = "SELECT kind, coalesce(args->>'name', args->>'run_id', ''), (extract(epoch FROM requested_at) * 1000000)::bigint,"
	                          " requested_by FROM strata.command WHERE lake_id = $1::integer AND outcome = '' ORDER BY command_id";
	char lake[12];
	snprintf(lake, sizeof lake, "%d", s->ws.db.lake_id);
	const char *const values[] = {lake};
	PGresult *r;
	int rc = db_query(s->ws.db.conn, sql, 1, values, false, &r, err);
	if (rc < 0)
		return rc;
	for (int i = 0; i < PQntuples(r); i++) {
		char name[256], by[256];
		snprintf(name, sizeof name, "%s %s", PQgetvalue(r, i, 0), PQgetvalue(r, i, 1));
		snprintf(by, sizeof by, "by %s", PQgetvalue(r, i, 3));
		output_text(out, "command");
		output_text(out, name);
		output_styled(out, STYLE_WARN, "waits");
		output_time(out, strtoll(PQgetvalue(r, i, 2), NULL, 10));
		output_text(out, NULL);
		output_text(out, by);
		rest_of(out);
	}
	PQclear(r);
	return 0;
}

/* Only those that somebody waits for, or waited for in vain since yesterday. */
static int callback_rows(const struct state *s, struct output *out, struct err *err)
{
	static const char sql[] =
		"SELECT callback, outcome, count(*), (extract(epoch FROM min(created_at)) * 1000000)::bigint, (array_agg(error ORDER BY error = '', seq DESC))[1]"
		" FROM strata.outbox WHERE lake_id = $1::integer AND (outcome = '' OR (outcome = 'given_up' AND ended_at > now() - interval '1 day'))"
		" GROUP BY callback, outcome ORDER BY callback, outcome";
	char lake[12], text[64];
	snprintf(lake, sizeof lake, "%d", s->ws.db.lake_id);
	const char *const values[] = {lake};
	PGresult *r;
	int rc = db_query(s->ws.db.conn, sql, 1, values, false, &r, err);
	if (rc < 0)
		return rc;
	for (int i = 0; i < PQntuples(r); i++) {
		bool given_up = *PQgetvalue(r, i, 1);
		snprintf(text, sizeof text, "%s %s", PQgetvalue(r, i, 2), given_up ? "given up" : "waiting");
		output_text(out, "callback");
		output_text(out, PQgetvalue(r, i, 0));
		output_styled(out, given_up ? STYLE_BAD : STYLE_WARN, text);
		output_time(out, strtoll(PQgetvalue(r, i, 3), NULL, 10));
		output_text(out, NULL);
		output_text(out, PQgetvalue(r, i, 4));
		rest_of(out);
	}
	PQclear(r);
	return 0;
}

static int run(const struct invocation *inv, struct err *err)
{
	struct state s;
	struct output out;
	bool leads = false;
	int rc = state_open(inv, &s, err);
	if (rc == 0) {
		output_begin(&out, inv->globals->output, columns);
		rc = scheduler_row(&s, &out, &leads, err);
		if (rc == 0 && leads)
			rc = worker_rows(&s, &out, err);
		if (rc == 0)
			rc = schedule_rows(&s, &out, err);
		if (rc == 0)
			rc = run_rows(&s, &out, err);
		if (rc == 0)
			rc = command_rows(&s, &out, err);
		if (rc == 0)
			rc = callback_rows(&s, &out, err);
		output_end(&out);
	}
	state_close(&s);
	return rc;
}

const struct command command_status = {
	.name = "status",
	.elsewhere = "ps state",
	.group = "Keep tables up to date",
	.synopsis = "",
	.summary = "the scheduler, its workers and schedules, and unfinished runs",
	.details = "SINCE is when the scheduler took the lake, a worker its task, the last interval of a schedule that was given a run, or when a run was made. Of an unfinished run DETAIL says how far it is, how fast it goes, and how long what is left takes at that rate; its numbers are at most a second old. So are those of the workers: while the query of a task runs, how much of what it is to read has been read, where DuckDB can tell, of how many rows by its own estimate, and what has been written of the result; after that, how many rows it has made. A lane is what scheduled runs, or others, have and may have of the workers. An unfinished run that nobody works on is 'interrupted' (its process is gone, and the next run or scheduler settles it) or has 'no scheduler' (the next one goes on with it). A command waits where no scheduler is up to take it. A project that is broken on disk is told with the scheduler, which goes on with the last good one. Callbacks are shown while something waits to be delivered to them; 'strata callbacks' lists it.",
	.examples = "strata status\nstrata status --output json",
	.answers = {{.form = ANSWER_ROWS, .fields = columns}},
	.run = run,
};
