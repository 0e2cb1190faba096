/* strata render: the SQL of one table as it will run. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/dates.h"
#include "cli/open.h"
#include "cli/select.h"
#include "core/date.h"
#include "scheduler/try_build.h"

static const struct output_column fields[] = {
	{.name = "table", .help = "layer.table"},
	{.name = "partition", .help = "its date; empty where it has none"},
	{.name = "file", .help = "of the project"},
	{.name = "sql", .help = "as it will run"},
	{0},
};

static int print(const struct project *p, const struct table *t, int32_t day, enum output_format format, struct err *err)
{
	struct arena arena = {0};
	struct rendered sql = {0};
	day = table_partitioned(t) ? day : DATE_NONE;
	int r = try_render(&arena, p, t, day, "RUN_ID", &sql, err);
	if (r == 0 && format != OUTPUT_TABLE) {
		char date[DATE_SIZE];
		output_document(format, fields, json_pack("{s:s, s:s, s:s, s:s}", "table", t->qname, "partition", date_format(date, day),
		                                          "file", t->file, "sql", sql.text));
	} else if (r == 0) {
		output_write(sql.text, sql.len);
		if (sql.len && sql.text[sql.len - 1] != '\n')
			putchar('\n');
	}
	arena_free(&arena);
	return r;
}

static int run(const struct invocation *inv, struct err *err)
{
	struct workspace ws;
	struct date_range dates;
	const struct table *t = NULL;
	open_workspace(inv, 0, &ws);
	int r = open_project(inv, &ws, err);
	if (r == 0)
		r = select_table(inv, ws.project, &t, err);
	if (r == 0)
		r = dates_read(inv->options, &dates, err);
	if (r == 0 && t->kind != TABLE_SQL)
		r = err_set(err, ERR_USAGE, "'%s' is made by no SQL%s%s", t->qname, t->file ? " but by " : "", t->file ? t->file : "");
	if (r == 0)
		r = print(ws.project, t, dates.first, inv->globals->output, err);
	workspace_close(&ws);
	return r;
}

static const struct option options[] = {OPTION_DATE, {0}};

const struct command command_render = {
	.name = "render",
	.elsewhere = "compile",
	.group = "Look at the project",
	.synopsis = "TABLE [--date D]",
	.summary = "a table's SQL as it will run",
	.details = "Prints the file with ${PARTITION_DATE}, ${ENV}, ${LAYER} and ${TABLE} filled in. ${RUN_ID} becomes the word RUN_ID: only a run has one.",
	.examples = "strata render dwd_flights --date 2013-01-03\n"
	            "strata render dwd.dwd_flights --output json",
	.options = options,
	.least_operands = 1,
	.most_operands = 1,
	.completes = {COMPLETES_TABLE},
	.answers = {{.form = ANSWER_OBJECT, .fields = fields}},
	.run = run,
};
