/* strata sql: one query over what is published, whoever publishes meanwhile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/excerpt.h"
#include "cli/open.h"
#include "cli/rows.h"
#include "core/protocol.h"
#include "scheduler/catalog.h"

enum { SQL_MAX = PROTOCOL_LINE_MAX / 2, ROWS_MAX = 1000000000 };

/* The query that was typed, or with "-" what comes on stdin. */
static int read_query(const char *operand, struct buf *out, struct err *err)
{
	int rc = 0;
	if (strcmp(operand, "-") == 0)
		rc = file_read(AT_FDCWD, "/dev/stdin", out, err);
	else
		buf_adds(out, operand);
	if (rc == 0 && out->overflow)
		rc = err_set(err, ERR_USAGE, "the query is longer than %d bytes", SQL_MAX);
	if (rc == 0 && strspn(buf_cstr(out), " \t\r\n;") == out->len)
		rc = err_set(err, ERR_USAGE, "the query is empty");
	return rc;
}

/* A table, or the macro of its partitions, that DuckDB does not find. */
struct missing {
	char name[256]; /* as the query has it, of a macro without its "_dt"; DuckDB keeps no schema of a macro */
	bool macro;
};

static bool find_missing(const char *message, struct missing *ret)
{
	static const char table[] = "Table with name ", macro[] = "Table Function with name ";
	const char *at = strstr(message, table);
	ret->macro = !at;
	if (!at && !(at = strstr(message, macro)))
		return false;
	at += ret->macro ? strlen(macro) : strlen(table);
	at += *at == '"';
	snprintf(ret->name, sizeof ret->name, "%.*s", (int)strcspn(at, "\" !"), at);
	if (!ret->macro)
		return true;
	if (!str_has_suffix(ret->name, "_dt"))
		return false; /* some other function */
	ret->name[strlen(ret->name) - strlen("_dt")] = '\0';
	return true;
}

/* What is known of a table that was built (catalog_tables), else NULL. */
static const json_t *built(const json_t *tables, const struct table *t)
{
	size_t i;
	json_t *one;
	json_array_foreach(tables, i, one) {
		if (t && str_eq(json_string_value(json_object_get(one, "qname")), t->qname))
			return one;
	}
	return NULL;
}

/* DuckDB knows of the published tables only that the query mentions; the project knows them all. */
static void name_table(const struct project *p, const json_t *tables, struct err *err)
{
	struct missing m;
	if (!find_missing(err->text, &m))
		return;
	const struct table *t = project_table(p, m.name);
	const char *near = t ? NULL : project_nearest(p, m.name);
	const json_t *known = built(tables, t);
	if (!t && near)
		err_set(err, err->code, "there is no table '%s' (did you mean '%s'?)", m.name, near);
	else if (!t)
		err_set(err, err->code, "there is no table '%s'; 'strata list' shows them", m.name);
	else if (!known)
		err_set(err, err->code, "table '%s' was never built; strata run +%s", t->qname, t->name);
	else if (m.macro && !table_partitioned(t))
		err_set(err, err->code, "table '%s' is not partitioned: read '%s' itself", t->qname, t->qname);
	else if (strcmp(m.name, t->name) == 0)
		err_set(err, err->code, "'%s%s' is named without its layer: write '%s%s'", t->name, m.macro ? "_dt" : "", t->qname,
		        m.macro ? "_dt" : "");
	else if (json_array_size(json_object_get(known, "columns")))
		err_set(err, err->code, "'%s' in quotes is one name: write %s without them", m.name, t->qname);
	else
		err_set(err, err->code, "table '%s' has no rows yet whose columns are known; strata run %s", t->qname, t->name);
}

/* On a terminal the line of the query stands above what is wrong with it. */
static void show_place(const char *sql, struct rows_place at)
{
	struct buf text = BUF_INIT(SQL_MAX);
	if (isatty(STDERR_FILENO))
		excerpt_add(&text, sql, at.line, at.col, output_terminal_width(stderr), output_may_color(stderr));
	fputs(buf_cstr(&text), stderr);
	buf_free(&text);
}

static int ask(const struct invocation *inv, struct workspace *ws, const char *sql, long limit, struct err *err)
{
	json_t *tables = NULL, *reply = NULL;
	struct rows_place at;
	int rc = catalog_tables(ws, &tables, err);
	if (rc < 0)
		return rc;
	const struct project *p = ws->project;
	rc = rows_ask(ws, json_pack("{s:s, s:s, s:O, s:o, s:I}", "op", "sql", "sql", sql, "tables", tables, "views",
	                            try_views_encode(p->views_order, p->nviews_order), "limit", (json_int_t)limit),
	              &reply, &at, err);
	if (rc < 0)
		name_table(p, tables, err);
	if (rc < 0 && at.line)
		show_place(sql, at);
	if (rc < 0 && at.line)
		err_wrap(err, "line %d, column %d", at.line, at.col);
	if (rc == 0)
		rows_print(reply, inv->globals);
	json_decref(reply);
	json_decref(tables);
	return rc;
}

static int run(const struct invocation *inv, struct err *err)
{
	struct workspace ws;
	struct buf sql = BUF_INIT(SQL_MAX);
	long limit;
	int rc = options_number(inv->options, "limit", 0, 1, ROWS_MAX, &limit, err);
	if (rc < 0 || (rc = read_query(inv->operands[0], &sql, err)) < 0) {
		buf_free(&sql);
		return rc;
	}
	open_workspace(inv, 1, &ws);
	rc = workspace_project(&ws, true, err);
	/* What is published can be asked, whatever is wrong with a file. */
	if (rc == 0 || (rc == ERR_PROJECT && ws.project))
		rc = open_db(inv, &ws, err);
	if (rc == 0)
		rc = ask(inv, &ws, buf_cstr(&sql), limit, err);
	workspace_close(&ws);
	buf_free(&sql);
	return rc;
}

static const struct option options[] = {
	{.name = "limit", .value = "N", .help = "at most so many rows"},
	{0},
};

const struct command command_sql = {
	.name = "sql",
	.group = "Look at the data",
	.synopsis = "'SELECT ...' [--limit N]",
	.summary = "one query over the published tables",
	.details = "Each table is a view 'layer.table', with 'dt' as text where it is partitioned, and the macro layer.table_dt('2013-01-03') is one partition of it. The query has the versions that were published when it began, whatever a run publishes meanwhile, and it cannot change anything. '-' reads the query from stdin.\n"
	           "\n"
	           "An error of the engine is told with its line and column, and the exit status is 1. For more than an answer of a megabyte, open .strata/catalog.duckdb of the lake with any DuckDB.",
	.examples = "strata sql 'SELECT dt, count(*) FROM dwd.dwd_flights GROUP BY dt ORDER BY dt'\n"
	            "strata sql \"FROM ods.ods_flights_dt('2013-01-03')\" --limit 5 --output csv\n"
	            "strata sql - --output json < query.sql",
	.options = options,
	.least_operands = 1,
	.most_operands = 1,
	.answers = {{.form = ANSWER_QUERY}},
	.run = run,
};
