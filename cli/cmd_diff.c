/* strata diff RUN [RUN]: what has changed from one run to another. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/run_diff.h"
#include "cli/state.h"
#include "scheduler/queries_diff.h"

static const struct output_column columns[] = {
	{.name = "table", .help = "layer.table of the later run; null: it is of the whole run"},
	{.name = "partition", .help = "its date; null: it is of the whole table, or that has none"},
	{.name = "what", .help = "commit, selection, dates, task, result, sql, config, engine, column, input, rows or time"},
	{.name = "before", .help = "in the earlier run, as text; null: absent"},
	{.name = "after", .help = "in the later run, as text; null: absent"},
	{0},
};

/* The two in the order in which they were made. */
static int find_runs(const struct invocation *inv, struct state *s, struct run_row *before, struct run_row *after, struct err *err)
{
	int rc = query_run(&s->query, inv->operands[inv->noperands - 1], after, err);
	if (rc < 0 || inv->noperands == 1)
		return rc < 0 ? rc : query_green_before(&s->query, after, before, err);
	rc = query_run(&s->query, inv->operands[0], before, err);
	if (rc == 0 && before->created_us > after->created_us) {
		struct run_row other = *before;
		*before = *after;
		*after = other;
	}
	return rc;
}

static void print(const struct globals *g, const struct run_difference *items, size_t n)
{
	struct output out;
	output_begin(&out, g->output, columns);
	for (size_t i = 0; i < n; i++) {
		output_text(&out, *items[i].table ? items[i].table : NULL);
		output_text(&out, *items[i].partition ? items[i].partition : NULL);
		output_text(&out, difference_name(items[i].what));
		output_text(&out, *items[i].before ? items[i].before : NULL);
		output_text(&out, *items[i].after ? items[i].after : NULL);
	}
	output_end(&out);
}

static int run(const struct invocation *inv, struct err *err)
{
	struct state s;
	struct run_row before, after;
	struct run_difference *items;
	size_t n;
	int rc = state_open(inv, &s, err);
	if (rc == 0)
		rc = find_runs(inv, &s, &before, &after, err);
	if (rc == 0)
		rc = run_diff(&s.query, &before, &after, &items, &n, err);
	if (rc == 0) {
		if (inv->globals->verbosity >= 0)
			fprintf(stderr, "from %s (%s) to %s (%s): %zu difference%s\n", before.run_id, before.result, after.run_id,
			        *after.result ? after.result : after.state, n, n == 1 ? "" : "s");
		print(inv->globals, items, n);
	}
	state_close(&s);
	return rc;
}

const struct command command_diff = {
	.name = "diff",
	.group = "Look at what happened",
	.synopsis = "[RUN] RUN",
	.summary = "what has changed from one run to another",
	.details = "With one RUN it is compared with the newest one before it that succeeded with the same selection: what changed since it was green. Told are the commit, what ended otherwise, SQL, configuration and engine that had changed, columns, versions of inputs, rows, and times that are twice as long or half. RUN is an id, the beginning of one, or 'latest'.\n"
	           "\n"
	           "Tasks are compared that stand at the same place: the same table, and a date as far from the last one of their run; so a run of today can be compared with one of yesterday. What was fresh has nothing to compare.",
	.examples = "strata diff latest\n"
	            "strata diff daily-20130106T113000Z daily-20130107T113000Z --output json",
	.least_operands = 1,
	.most_operands = 2,
	.completes = {COMPLETES_RUN, COMPLETES_RUN},
	.answers = {{.form = ANSWER_ROWS, .fields = columns}},
	.run = run,
};
