/* strata preview: the first rows that a table's SQL gives now, on what is published. It is planned as a run
 * of that table alone would be, so that it reads the same partitions, and the worker leaves nothing behind. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/dates.h"
#include "cli/open.h"
#include "cli/rows.h"
#include "cli/select.h"
#include "core/date.h"
#include "scheduler/planning.h"
#include "scheduler/try_build.h"

enum { LIMIT_DEFAULT = 20, LIMIT_MAX = 1000000, REASON_MAX = 1 << 16 };

static int make_plan(const struct invocation *inv, struct workspace *ws, const bool *selected, int32_t day,
                     struct planning *ret, struct err *err)
{
	size_t known = ws->diags.len;
	struct planning_request rq = {.selected = selected, .first = day, .last = day, .force = true, .bind = true};
	int rc = planning_make(ws, &rq, ret, err);
	if (ws->diags.len > known)
		open_print_diags(inv, ws, known);
	if (rc < 0 || ret->plan->tasks[0].verdict != PLAN_FAIL)
		return rc;
	struct buf reason = BUF_INIT(REASON_MAX);
	plan_reason_text(ret->plan, 0, &ret->plan->tasks[0], &reason);
	rc = err_set(err, ERR_ENGINE, "%s", buf_cstr(&reason));
	buf_free(&reason);
	return rc;
}

static int show(const struct invocation *inv, struct workspace *ws, struct plan *plan, const struct table *t, long limit,
                struct err *err)
{
	struct arena arena = {0};
	struct try_request rq;
	struct rendered rendered;
	struct rows_place at;
	json_t *reply = NULL;
	int line, col;
	struct try_common common = {.run_id = "RUN_ID", .log_dir = "", .git_commit = ""};
	int rc = try_build(&arena, plan, 0, 0, &common, "preview", 0, 1, "", &rq, &rendered, err);
	if (rc == 0) {
		rc = rows_ask(ws, json_pack("{s:s, s:I, s:o}", "op", "sql", "limit", (json_int_t)limit, "try", try_request_encode(&rq)),
		              &reply, &at, err);
		rendered_line_position(&rendered, at.line, at.col, &line, &col);
		if (rc < 0 && line)
			err_wrap(err, "%s:%d:%d", t->file, line, col);
		else if (rc < 0)
			err_wrap(err, "%s", t->file);
	}
	if (rc == 0)
		rows_print(reply, inv->globals);
	json_decref(reply);
	arena_free(&arena);
	return rc;
}

static int preview(const struct invocation *inv, struct workspace *ws, const struct table *t, long limit, struct err *err)
{
	struct planning planning = {0};
	struct date_range dates;
	bool *selected = mem_array(ws->project->ntables, sizeof *selected);
	selected[t->index] = true;
	int rc = dates_read(inv->options, &dates, err);
	if (rc == 0)
		rc = open_db(inv, ws, err);
	if (rc == 0)
		rc = make_plan(inv, ws, selected, dates.first, &planning, err);
	if (rc == 0)
		rc = show(inv, ws, planning.plan, t, limit, err);
	planning_free(&planning);
	free(selected);
	return rc;
}

static int run(const struct invocation *inv, struct err *err)
{
	struct workspace ws;
	const struct table *t = NULL;
	long limit;
	int rc = options_number(inv->options, "limit", LIMIT_DEFAULT, 1, LIMIT_MAX, &limit, err);
	if (rc < 0)
		return rc;
	open_workspace(inv, 1, &ws);
	rc = open_project(inv, &ws, err);
	if (rc == 0)
		rc = select_table(inv, ws.project, &t, err);
	if (rc == 0 && t->kind != TABLE_SQL)
		rc = err_set(err, ERR_USAGE, "'%s' is made by no SQL%s%s", t->qname, t->file ? " but by " : "", t->file ? t->file : "");
	if (rc == 0)
		rc = preview(inv, &ws, t, limit, err);
	workspace_close(&ws);
	return rc;
}

static const struct option options[] = {
	OPTION_DATE,
	{.name = "limit", .value = "N", .help = "at most so many rows; default: 20"},
	{0},
};

const struct command command_preview = {
	.name = "preview",
	.elsewhere = "head",
	.group = "Look at the data",
	.synopsis = "TABLE [--date D] [--limit N]",
	.summary = "the first rows of a table's SQL, nothing published",
	.details = "The file as it is now runs on what is published now, with its source and exactly the partitions that a run would read. Nothing of it stays. Checks and the table's own published rows do not matter.",
	.examples = "strata preview dwd_flights --date 2013-01-03\n"
	            "strata preview ads_delay_league --limit 5 --output json",
	.options = options,
	.least_operands = 1,
	.most_operands = 1,
	.completes = {COMPLETES_TABLE},
	.answers = {{.form = ANSWER_QUERY}},
	.run = run,
};
