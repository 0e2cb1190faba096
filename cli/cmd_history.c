/* strata history TABLE: the past builds of one table, newest first. */
#include "cli/commands.h"
#include "cli/select.h"
#include "cli/state.h"
#include "cli/task_name.h"
#include "scheduler/queries_screen.h"

enum { LIMIT_MAX = 100000 };

static const struct output_column columns[] = {
	{.name = "ended", .help = "when it was published"},
	{.name = "partition", .help = "its date; empty where it has none"},
	{.name = "rows", .right = true, .help = "that were published"},
	{.name = "bytes", .right = true, .help = "that were published"},
	{.name = "duration", .right = true, .help = "of the try, in microseconds"},
	{.name = "run", .help = "the run that built it"},
	{0},
};

static int run(const struct invocation *inv, struct err *err)
{
	struct state s;
	/* A table that is gone from the project has a past all the same. */
	const struct table *known = NULL;
	struct past_row *rows;
	size_t n = 0;
	long limit;
	int rc = options_number(inv->options, "limit", 20, 1, LIMIT_MAX, &limit, err);
	if (rc < 0)
		return rc;
	rc = state_open(inv, &s, err);
	if (rc == 0) {
		char table[TASK_NAME_MAX];
		rc = query_past(&s.query, project_full_name(s.ws.project, inv->operands[0], table, sizeof table), limit, &rows, &n, err);
	}
	if (rc == 0 && n == 0)
		rc = select_table(inv, s.ws.project, &known, err);
	if (rc == 0) {
		struct output out;
		output_begin(&out, inv->globals->output, columns);
		for (size_t i = 0; i < n; i++) {
			output_time(&out, rows[i].ended_us);
			output_text(&out, rows[i].partition);
			state_number(&out, rows[i].rows);
			state_number(&out, rows[i].bytes);
			state_duration(&out, rows[i].ended_us - rows[i].took_us, rows[i].ended_us);
			output_text(&out, rows[i].run_id);
		}
		output_end(&out);
	}
	state_close(&s);
	return rc;
}

static const struct option options[] = {
	{.name = "limit", .letter = 'n', .value = "N", .help = "the newest N; default: 20"},
	{0},
};

const struct command command_history = {
	.name = "history",
	.group = "Look at what happened",
	.synopsis = "TABLE [--limit N]",
	.summary = "the builds of a table, newest first",
	.details = "Each partition each time that it was built, with what it had: how rows and times have grown. Of the last thousand runs; what was fresh was not built.",
	.examples = "strata history dwd_flights\n"
	            "strata history ads_delay_league --limit 365 --output csv",
	.options = options,
	.least_operands = 1,
	.most_operands = 1,
	.completes = {COMPLETES_TABLE},
	.answers = {{.form = ANSWER_ROWS, .fields = columns}},
	.run = run,
};
