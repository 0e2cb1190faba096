/* strata runs: the runs of this lake, newest first. */
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "scheduler/run_progress.h"
#include "cli/state.h"
#include "core/date.h"
#include "core/states.h"

static const struct output_column columns[] = {
	{.name = "run", .help = "its id"},
	{.name = "kind", .help = "'manual', 'scheduled' or 'backfill'"},
	{.name = "state", .help = "'planned', 'running' or 'done'; in tables 'interrupted' or 'no scheduler' of one that nobody works on"},
	{.name = "result", .help = "'success', 'failed' or 'canceled'; null before its end"},
	{.name = "first_date", .help = "of its range"},
	{.name = "last_date", .help = "of its range, included"},
	{.name = "selection", .help = "as it was typed; empty: everything"},
	{.name = "tasks", .right = true, .help = "that had to be built or checked"},
	{.name = "done", .right = true, .help = "those of them that have ended"},
	{.name = "fresh", .right = true, .help = "tasks that were up to date already"},
	{.name = "created", .help = "when it was made"},
	{.name = "duration", .right = true, .help = "from start to end, or until now, in microseconds"},
	{.name = "ended", .detail = true, .help = "when it ended"},
	{.name = "alive", .detail = true, .help = "whether somebody works on it, or is up who will; null when it is done"},
	{.name = "force", .detail = true, .help = "whether --force was given"},
	{.name = "failed", .detail = true, .help = "tasks that failed"},
	{.name = "running", .detail = true, .help = "tasks that run now"},
	{.name = "per_hour", .detail = true, .help = "tasks an hour"},
	{.name = "left_us", .detail = true, .help = "how long the rest takes at that rate, in microseconds"},
	{.name = "git_commit", .detail = true, .help = "of the project, with -dirty where files had been changed"},
	{.name = "requested_by", .detail = true, .help = "who made it: user@host, or a schedule"},
	{0},
};

static enum output_style style_of(const char *result)
{
	if (strcmp(result, "success") == 0)
		return STYLE_GOOD;
	return strcmp(result, "failed") == 0 ? STYLE_BAD : STYLE_WARN;
}

static void row(struct output *out, const struct run_row *r)
{
	struct run_progress p;
	run_progress_of(r, r->alive, &p);
	char first[DATE_SIZE], last[DATE_SIZE];
	output_text(out, r->run_id);
	output_text(out, r->kind);
	bool over = strcmp(r->state, run_state_name(RUN_DONE)) == 0;
	output_shown(out, state_of_run(r), json_string(r->state));
	output_styled(out, style_of(r->result), *r->result ? r->result : NULL);
	output_text(out, r->first_day == DATE_NONE ? NULL : date_format(first, r->first_day));
	output_text(out, r->last_day == DATE_NONE ? NULL : date_format(last, r->last_day));
	output_text(out, r->selection);
	output_int(out, r->tasks);
	output_int(out, p.done);
	output_int(out, r->fresh);
	output_time(out, r->created_us);
	state_duration(out, r->started_us, r->ended_us);
	output_time(out, r->ended_us);
	if (over)
		output_text(out, NULL);
	else
		output_bool(out, r->alive);
	output_bool(out, r->force);
	output_int(out, p.failed);
	output_int(out, p.running);
	state_number(out, p.per_hour ? p.per_hour : PG_NULL64);
	state_number(out, p.left_us);
	output_text(out, r->git_commit);
	output_text(out, r->requested_by);
}

static int run(const struct invocation *inv, struct err *err)
{
	struct state s;
	struct run_row *rows;
	size_t n;
	long limit;
	int rc = options_number(inv->options, "limit", 20, 1, 1000000, &limit, err);
	if (rc < 0)
		return rc;
	rc = state_open(inv, &s, err);
	if (rc == 0)
		rc = query_runs(&s.query, limit, &rows, &n, err);
	if (rc == 0) {
		struct output out;
		output_begin(&out, inv->globals->output, columns);
		for (size_t i = 0; i < n; i++)
			row(&out, &rows[i]);
		output_end(&out);
	}
	state_close(&s);
	return rc;
}

static const struct option options[] = {
	{.name = "limit", .letter = 'n', .value = "N", .help = "so many at most; default: 20"},
	{0},
};

const struct command command_runs = {
	.name = "runs",
	.group = "Look at what happened",
	.synopsis = "[--limit N]",
	.summary = "the runs of this lake, newest first",
	.details = "TASKS counts what had to be built or checked, DONE those of them that have ended, FRESH what was up to date already. STATE is 'interrupted' of a run whose process is gone: the next run or scheduler settles it. It is 'no scheduler' of one that the next scheduler goes on with. JSON and CSV have for an unfinished run, too, what failed and what runs, the rate (tasks an hour), and how long the rest takes at that rate, in microseconds; null where that is not known.",
	.examples = "strata runs\n"
	            "strata runs --limit 100 --output json",
	.options = options,
	.answers = {{.form = ANSWER_ROWS, .fields = columns}},
	.run = run,
};
