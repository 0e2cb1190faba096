/* strata plan: what a run would build, and why. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/str.h"
#include "cli/commands.h"
#include "cli/dates.h"
#include "cli/open.h"
#include "cli/progress.h"
#include "cli/select.h"
#include "core/date.h"
#include "scheduler/planning.h"
#include "scheduler/zone.h"

enum { REASON_MAX = 1 << 16 };

static const struct output_column columns[] = {
	{.name = "table", .help = "layer.table"},
	{.name = "partition", .help = "its date; empty where it has none"},
	{.name = "action", .help = "'build', 'check', 'fresh' or 'fail'"},
	{.name = "reason", .help = "the first that holds"},
	{0},
};

static void row(struct output *out, const struct plan *p, uint32_t slot, uint32_t date, const struct plan_task *t)
{
	static const char *const actions[] = {"", "fresh", "build", "check", "fail"};
	static const enum output_style styles[] = {STYLE_PLAIN, STYLE_DIM, STYLE_GOOD, STYLE_GOOD, STYLE_BAD};
	char text[DATE_SIZE];
	struct buf reason = BUF_INIT(REASON_MAX);
	plan_reason_text(p, slot, t, &reason);
	output_text(out, p->in.project->tables[p->tables[slot]].qname);
	output_text(out, date_format(text, plan_day(p, slot, date)));
	output_styled(out, styles[t->verdict], actions[t->verdict]);
	output_text(out, buf_cstr(&reason));
	buf_free(&reason);
}

/* For people only what would run, unless --all: a fresh task is the normal case. */
static void print(const struct invocation *inv, const struct plan *p)
{
	bool all = inv->globals->output != OUTPUT_TABLE || options_flag(inv->options, "all");
	struct output out;
	if (plan_todo(p) || all) {
		output_begin(&out, inv->globals->output, columns);
		for (uint32_t s = 0; s < p->ntables; s++) {
			for (uint32_t d = 0; d < p->ndates; d++) {
				const struct plan_task *t = &p->tasks[(size_t)s * p->ndates + d];
				if (t->verdict != PLAN_NONE && (all || t->verdict != PLAN_FRESH))
					row(&out, p, s, d, t);
			}
		}
		output_end(&out);
	}
	if (inv->globals->verbosity < 0)
		return;
	char first[DATE_SIZE], last[DATE_SIZE], builds[32], checks[48] = "", fresh[32], n[32];
	date_format(first, p->in.first);
	date_format(last, p->in.last);
	output_flush();
	if (p->checks)
		snprintf(checks, sizeof checks, "%s to check, ", str_count(n, sizeof n, (int64_t)p->checks));
	fprintf(stderr, "%s%s%s (%s): %s to build, %s%s fresh\n", first, p->ndates > 1 ? " to " : "", p->ndates > 1 ? last : "", zone_name(),
	        str_count(builds, sizeof builds, (int64_t)p->builds), checks, str_count(fresh, sizeof fresh, (int64_t)p->fresh));
	if (p->fails)
		fprintf(stderr, "%" PRIu64 " cannot be built\n", p->fails);
}

static int run(const struct invocation *inv, struct err *err)
{
	struct workspace ws;
	bool *selected = NULL;
	struct date_range range;
	struct planning planning = {0};
	open_workspace(inv, 0, &ws);
	int rc = open_project(inv, &ws, err);
	if (rc == 0)
		rc = select_tables(inv, ws.project, &selected, err);
	if (rc == 0)
		rc = dates_read(inv->options, &range, err);
	if (rc == 0)
		rc = open_db(inv, &ws, err);
	size_t known = ws.diags.len;
	if (rc == 0)
		rc = planning_make(&ws,
		                   &(struct planning_request){.selected = selected,
		                                              .first = range.first,
		                                              .last = range.last,
		                                              .force = options_flag(inv->options, "force")},
		                   &planning, err);
	if (ws.diags.len > known)
		open_print_diags(inv, &ws, known);
	if (rc == 0)
		print(inv, planning.plan);
	planning_free(&planning);
	free(selected);
	workspace_close(&ws);
	return rc;
}

static const struct option options[] = {
	OPTION_DATE,
	OPTION_START,
	OPTION_END,
	OPTION_EXCLUDE,
	{.name = "force", .help = "as 'strata run --force' would"},
	{.name = "all", .letter = 'a', .help = "list what is fresh, too"},
	{0},
};

const struct command command_plan = {
	.name = "plan",
	.group = "Build tables",
	.synopsis = "[SELECT...] [--date D | --start D --end D]",
	.summary = "what a run would build, and why",
	.details = "The reason is the first that holds: new, sql changed, source changed, 'upstream changed: TABLE DATE', forced, and so on. 'upstream will rebuild' is decided when the run gets there. 'checks changed' builds nothing: what is published is checked as it is.\n"
	           "\n"
	           "Nothing runs and nothing is changed. JSON and CSV list every task, a table only what would be built or checked, unless --all.",
	.examples = "strata plan\n"
	            "strata plan +ads --start 2013-01-01 --end 2013-01-07\n"
	            "strata plan --date 2013-01-03 --output json",
	.options = options,
	.most_operands = SIZE_MAX,
	.completes = {COMPLETES_SELECTION, COMPLETES_SELECTION},
	.answers = {{.form = ANSWER_ROWS, .fields = columns}},
	.run = run,
};
