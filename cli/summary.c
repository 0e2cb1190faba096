/* See summary.h. */
#include "cli/summary.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/excerpt.h"
#include "core/date.h"

enum { LINE_MAX_BYTES = 1 << 20, FAILURES_SHOWN = 20 };

/* The file may have changed since: the column is that of the text that ran. */
static void print_excerpt(const struct project *p, const struct failure *f)
{
	struct buf text = BUF_INIT(LINE_MAX_BYTES);
	excerpt_add_file(&text, p->dir, f->file, f->line, f->col, output_terminal_width(stdout), output_may_color(stdout));
	fputs(buf_cstr(&text), stdout);
	buf_free(&text);
}

static void print_error(const char *error)
{
	char *copy = mem_strdup(error), *save = NULL;
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		printf("    %s\n", line);
	free(copy);
}

/* A path below the current folder is shown as seen from there: what is shown can be opened. */
static const char *shorten(const char *path)
{
	char here[PATH_MAX];
	if (!getcwd(here, sizeof here))
		return path;
	size_t n = strlen(here);
	return strncmp(path, here, n) == 0 && path[n] == '/' ? path + n + 1 : path;
}

static void print_failures(const struct summary *s)
{
	for (size_t i = 0; i < s->nfailures && i < FAILURES_SHOWN; i++) {
		const struct failure *f = &s->failures[i];
		if (f->file && f->line)
			printf("\nfailed: %s  %s:%d:%d\n", f->name, f->file, f->line, f->col);
		else
			printf("\nfailed: %s%s%s\n", f->name, f->file ? "  " : "", f->file ? f->file : "");
		print_error(f->error);
		if (f->file && f->line)
			print_excerpt(s->ws->project, f);
		if (f->log_path)
			printf("    log: %s\n", shorten(f->log_path));
		if (f->staging) {
			char *staged = mem_printf("%s/%s", s->ws->lake.dir, f->staging);
			printf("    staged data: %s\n", shorten(staged));
			free(staged);
		}
	}
	if (s->nfailures > FAILURES_SHOWN)
		printf("\n%zu more failed: strata tasks %s\n", s->nfailures - FAILURES_SHOWN, s->run_id);
}

static void print_counts(const struct summary *s)
{
	const struct run_counts *c = &s->run.counts;
	char n[32];
	uint64_t fresh = s->run.fresh + c->by_result[TASK_FRESH];
	const char *separator = "  ";
	for (int r = TASK_SUCCESS; r < TASK_RESULTS_END; r++) {
		uint64_t count = r == TASK_FRESH ? fresh : c->by_result[r];
		if (!count)
			continue;
		printf("%s%s %s", separator, str_count(n, sizeof n, (int64_t)count), task_result_name((enum task_result)r));
		separator = ", ";
	}
	if (strcmp(separator, "  ") == 0)
		printf("  no tasks");
	putchar('\n');
}

static void print_no_files(const struct planning *p)
{
	char first[DATE_SIZE], last[DATE_SIZE];
	if (!p || !p->no_source_files)
		return;
	if (p->raw_first == DATE_NONE)
		printf("  no source of the selection has any file\n");
	else
		printf("  no source of the selection has files for these dates; RAW has %s to %s\n", date_format(first, p->raw_first),
		       date_format(last, p->raw_last));
}

static void print_text(const struct summary *s)
{
	const struct run_summary *r = &s->run;
	char took[32], rows[32], bytes[32], parts[32];
	printf("run %s: %s in %s\n", s->run_id, run_result_name(r->result), clock_human(took, sizeof took, r->duration_us));
	print_counts(s);
	if (r->published)
		printf("  published %s partition%s, %s row%s, %s\n", str_count(parts, sizeof parts, (int64_t)r->published),
		       r->published == 1 ? "" : "s", str_count(rows, sizeof rows, r->rows), r->rows == 1 ? "" : "s",
		       str_bytes(bytes, sizeof bytes, r->bytes));
	if (r->checked)
		printf("  checked %s partition%s as published\n", str_count(parts, sizeof parts, (int64_t)r->checked), r->checked == 1 ? "" : "s");
	if (r->cleared)
		printf("  cleared %" PRIu64 " partition%s that had rows (%s row%s)\n", r->cleared, r->cleared == 1 ? "" : "s",
		       str_count(rows, sizeof rows, r->cleared_rows), r->cleared_rows == 1 ? "" : "s");
	print_no_files(s->planning);
	print_failures(s);
	output_flush();
}

static json_t *json_of(const struct summary *s)
{
	const struct run_summary *r = &s->run;
	json_t *results = json_object(), *failures = json_array();
	for (int k = TASK_SUCCESS; k < TASK_RESULTS_END; k++) {
		uint64_t n = r->counts.by_result[k] + (k == TASK_FRESH ? r->fresh : 0);
		json_object_set_new(results, task_result_name((enum task_result)k), json_integer((json_int_t)n));
	}
	for (size_t i = 0; i < s->nfailures; i++) {
		const struct failure *f = &s->failures[i];
		json_array_append_new(failures, json_pack("{s:s, s:s, s:s?, s:i, s:i, s:s?, s:s?}", "task", f->name, "error", f->error, "file",
		                                          f->file, "line", f->line, "column", f->col, "log", f->log_path, "staging",
		                                          f->staging));
	}
	return json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "run", s->run_id, "result", run_result_name(r->result),
	                 "tasks", results, "published", (json_int_t)r->published, "rows", (json_int_t)r->rows, "bytes",
	                 (json_int_t)r->bytes, "checked", (json_int_t)r->checked, "cleared", (json_int_t)r->cleared, "cleared_rows", (json_int_t)r->cleared_rows,
	                 "duration_us", (json_int_t)r->duration_us, "failures", failures);
}

const struct output_column summary_fields[] = {
	{.name = "run", .help = "its id"},
	{.name = "result", .help = "'success', 'failed' or 'canceled'; null: it has only been ordered (--detach)"},
	{.name = "tasks", .help = "an object: how many tasks ended with each result, those that were fresh included"},
	{.name = "published", .right = true, .help = "partitions"},
	{.name = "rows", .right = true, .help = "that were published"},
	{.name = "bytes", .right = true, .help = "that were published"},
	{.name = "checked", .right = true, .help = "partitions of which only the checks were made, on what is published"},
	{.name = "cleared", .right = true, .help = "partitions that had rows and have none now"},
	{.name = "cleared_rows", .right = true, .help = "that those had"},
	{.name = "duration_us", .right = true, .help = "microseconds"},
	{.name = "failures", .help = "a list of {task, error, file, line, column, log, staging}"},
	{0},
};

void summary_print(const struct summary *s)
{
	if (s->inv->globals->output == OUTPUT_TABLE && (s->inv->globals->verbosity >= 0 || s->run.result != RUN_SUCCESS))
		print_text(s);
	if (s->inv->globals->output != OUTPUT_TABLE)
		output_document(s->inv->globals->output, summary_fields, json_of(s));
}

int summary_exit(enum run_result result)
{
	return result == RUN_SUCCESS ? 0 : result == RUN_CANCELED ? EXIT_INTERRUPTED : EXIT_FAILED;
}

void summary_ordered(const struct invocation *inv, const char *run_id)
{
	output_document(inv->globals->output, summary_fields, json_pack("{s:s}", "run", run_id));
}

/* ---- from the record ---- */

static int64_t number_at(const PGresult *r, int row, int column)
{
	return strtoll(PQgetvalue(r, row, column), NULL, 10);
}

static int read_published(const struct query *q, const char *run_id, struct run_summary *ret, struct err *err)
{
	static const char sql[] = "SELECT count(*) FILTER (WHERE rows > 0), coalesce(sum(rows), 0), coalesce(sum(bytes), 0),"
	                          " count(*) FILTER (WHERE cleared_rows > 0), coalesce(sum(cleared_rows) FILTER (WHERE cleared_rows > 0), 0), count(*) FILTER (WHERE rows IS NULL)"
	                          " FROM strata.try WHERE lake_id = $1::integer AND run_id = $2 AND outcome = 'success'";
	char lake[12];
	PGresult *r;
	snprintf(lake, sizeof lake, "%d", q->lake_id);
	const char *const values[] = {lake, run_id};
	int rc = db_query(q->conn, sql, 2, values, false, &r, err);
	if (rc < 0)
		return rc;
	ret->published = (uint64_t)number_at(r, 0, 0);
	ret->rows = number_at(r, 0, 1);
	ret->bytes = number_at(r, 0, 2);
	ret->cleared = (uint64_t)number_at(r, 0, 3);
	ret->cleared_rows = number_at(r, 0, 4);
	ret->checked = (uint64_t)number_at(r, 0, 5);
	PQclear(r);
	return 0;
}

/* The tasks that have failed, in the order in which they did, each with its last try. */
static int read_failures(const struct query *q, const struct project *p, const char *run_id, struct summary *s, struct err *err)
{
	static const char sql[] = "SELECT t.table_name, concat_ws(' ', t.table_name, nullif(t.partition, '')), coalesce(nullif(y.error, ''), nullif(t.error, ''),"
	                          " y.outcome, t.result), y.error_line, y.error_col, nullif(y.log_path, ''), nullif(y.staging, ''), y.fence"
	                          " FROM strata.task t LEFT JOIN LATERAL (SELECT * FROM strata.try y WHERE y.lake_id = t.lake_id AND y.run_id = t.run_id"
	                          " AND y.table_name = t.table_name AND y.partition = t.partition ORDER BY fence DESC LIMIT 1) y ON true"
	                          " WHERE t.lake_id = $1::integer AND t.run_id = $2 AND t.result IN ('failed', 'timeout')"
	                          " ORDER BY t.ended_at, t.table_name, t.partition";
	char lake[12];
	PGresult *r;
	snprintf(lake, sizeof lake, "%d", q->lake_id);
	const char *const values[] = {lake, run_id};
	int rc = db_query(q->conn, sql, 2, values, false, &r, err);
	if (rc < 0)
		return rc;
	s->nfailures = (size_t)PQntuples(r);
	struct failure *failures = arena_array(q->arena, s->nfailures, sizeof *failures);
	for (int i = 0; i < PQntuples(r); i++) {
		const struct table *t = p ? project_table(p, PQgetvalue(r, i, 0)) : NULL;
		failures[i] = (struct failure){.name = arena_strdup(q->arena, PQgetvalue(r, i, 1)),
		                               .error = arena_strdup(q->arena, PQgetvalue(r, i, 2)),
		                               .file = t && !PQgetisnull(r, i, 7) ? arena_strdup(q->arena, t->file) : NULL,
		                               .line = (int)number_at(r, i, 3),
		                               .col = (int)number_at(r, i, 4),
		                               .log_path = PQgetisnull(r, i, 5) ? NULL : arena_strdup(q->arena, PQgetvalue(r, i, 5)),
		                               .staging = PQgetisnull(r, i, 6) ? NULL : arena_strdup(q->arena, PQgetvalue(r, i, 6))};
	}
	s->failures = failures;
	PQclear(r);
	return 0;
}

static void read_counts(const struct run_row *run, struct run_summary *ret)
{
	json_t *counts = json_loads(run->counts, 0, NULL);
	for (int k = TASK_SUCCESS; k < TASK_RESULTS_END; k++)
		ret->counts.by_result[k] = (uint64_t)json_integer_value(json_object_get(counts, task_result_name((enum task_result)k)));
	for (int k = RUN_SUCCESS; k < RUN_RESULTS_END; k++) {
		if (str_eq(run->result, run_result_name((enum run_result)k)))
			ret->result = (enum run_result)k;
	}
	ret->fresh = (uint64_t)run->fresh;
	ret->duration_us = run->started_us ? run->ended_us - run->started_us : 0;
	json_decref(counts);
}

int summary_of_record(const struct invocation *inv, const struct workspace *ws, const struct query *q, const struct run_row *run,
                      struct err *err)
{
	struct summary s = {.inv = inv, .ws = ws, .run_id = run->run_id};
	read_counts(run, &s.run);
	int rc = read_published(q, run->run_id, &s.run, err);
	if (rc == 0)
		rc = read_failures(q, ws->project, run->run_id, &s, err);
	if (rc == 0)
		summary_print(&s);
	return rc < 0 ? rc : summary_exit(s.run.result);
}
