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
	const struct progress *p = s->progress;
	for (size_t i = 0; i < p->nfailures && i < FAILURES_SHOWN; i++) {
		const struct failure *f = &p->failures[i];
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
	if (p->nfailures > FAILURES_SHOWN)
		printf("\n%zu more failed: strata tasks %s\n", p->nfailures - FAILURES_SHOWN, s->run_id);
}

static void print_counts(const struct summary *s)
{
	const struct run_counts *c = &s->run->counts;
	char n[32];
	uint64_t fresh = s->run->fresh + c->by_result[TASK_FRESH];
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
	if (!p->no_source_files)
		return;
	if (p->raw_first == DATE_NONE)
		printf("  no source of the selection has any file\n");
	else
		printf("  no source of the selection has files for these dates; RAW has %s to %s\n", date_format(first, p->raw_first),
		       date_format(last, p->raw_last));
}

static void print_text(const struct summary *s)
{
	const struct run_summary *r = s->run;
	char took[32], rows[32], bytes[32], parts[32];
	printf("run %s: %s in %s\n", s->run_id, run_result_name(r->result), clock_human(took, sizeof took, r->duration_us));
	print_counts(s);
	if (r->published)
		printf("  published %s partition%s, %s row%s, %s\n", str_count(parts, sizeof parts, (int64_t)r->published),
		       r->published == 1 ? "" : "s", str_count(rows, sizeof rows, r->rows), r->rows == 1 ? "" : "s",
		       str_bytes(bytes, sizeof bytes, r->bytes));
	if (r->cleared)
		printf("  cleared %" PRIu64 " partition%s that had rows (%s row%s)\n", r->cleared, r->cleared == 1 ? "" : "s",
		       str_count(rows, sizeof rows, r->cleared_rows), r->cleared_rows == 1 ? "" : "s");
	print_no_files(s->planning);
	print_failures(s);
	output_flush();
}

static json_t *json_of(const struct summary *s)
{
	const struct run_summary *r = s->run;
	json_t *results = json_object(), *failures = json_array();
	for (int k = TASK_SUCCESS; k < TASK_RESULTS_END; k++) {
		uint64_t n = r->counts.by_result[k] + (k == TASK_FRESH ? r->fresh : 0);
		json_object_set_new(results, task_result_name((enum task_result)k), json_integer((json_int_t)n));
	}
	for (size_t i = 0; i < s->progress->nfailures; i++) {
		const struct failure *f = &s->progress->failures[i];
		json_array_append_new(failures, json_pack("{s:s, s:s, s:s?, s:i, s:i, s:s?, s:s?}", "task", f->name, "error", f->error, "file",
		                                          f->file, "line", f->line, "column", f->col, "log", f->log_path, "staging",
		                                          f->staging));
	}
	return json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "run", s->run_id, "result", run_result_name(r->result),
	                 "tasks", results, "published", (json_int_t)r->published, "rows", (json_int_t)r->rows, "bytes",
	                 (json_int_t)r->bytes, "cleared", (json_int_t)r->cleared, "cleared_rows", (json_int_t)r->cleared_rows,
	                 "duration_us", (json_int_t)r->duration_us, "failures", failures);
}

const struct output_column summary_fields[] = {
	{.name = "run", .help = "its id"},
	{.name = "result", .help = "'success', 'failed' or 'canceled'; null: it has only been ordered (--detach)"},
	{.name = "tasks", .help = "an object: how many tasks ended with each result, those that were fresh included"},
	{.name = "published", .right = true, .help = "partitions"},
	{.name = "rows", .right = true, .help = "that were published"},
	{.name = "bytes", .right = true, .help = "that were published"},
	{.name = "cleared", .right = true, .help = "partitions that had rows and have none now"},
	{.name = "cleared_rows", .right = true, .help = "that those had"},
	{.name = "duration_us", .right = true, .help = "microseconds"},
	{.name = "failures", .help = "a list of {task, error, file, line, column, log, staging}"},
	{0},
};

void summary_print(const struct summary *s)
{
	if (s->inv->globals->output == OUTPUT_TABLE && (s->inv->globals->verbosity >= 0 || s->run->result != RUN_SUCCESS))
		print_text(s);
	if (s->inv->globals->output != OUTPUT_TABLE)
		output_document(s->inv->globals->output, summary_fields, json_of(s));
}

static int put_published(const struct query *q, const char *run_id, json_t *doc, struct err *err)
{
	static const char sql[] = "SELECT count(*) FILTER (WHERE rows > 0), coalesce(sum(rows), 0), coalesce(sum(bytes), 0),"
	                          " count(*) FILTER (WHERE cleared_rows > 0), coalesce(sum(cleared_rows), 0)"
	                          " FROM strata.try WHERE lake_id = $1::integer AND run_id = $2 AND outcome = 'success'";
	static const char *const names[] = {"published", "rows", "bytes", "cleared", "cleared_rows"};
	char lake[12];
	PGresult *r;
	snprintf(lake, sizeof lake, "%d", q->lake_id);
	const char *const values[] = {lake, run_id};
	int rc = db_query(q->conn, sql, 2, values, false, &r, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		json_object_set_new(doc, names[i], json_integer(strtoll(PQgetvalue(r, 0, (int)i), NULL, 10)));
	PQclear(r);
	return 0;
}

static int put_failures(const struct query *q, const char *run_id, json_t *doc, struct err *err)
{
	static const char sql[] = "SELECT DISTINCT ON (y.table_name, y.partition) concat_ws(' ', y.table_name, nullif(y.partition, '')), y.error,"
	                          " y.error_line, y.error_col, y.log_path, nullif(y.staging, '')"
	                          " FROM strata.task t JOIN strata.try y USING (lake_id, run_id, table_name, partition)"
	                          " WHERE t.lake_id = $1::integer AND t.run_id = $2 AND t.result IN ('failed', 'timeout')"
	                          " ORDER BY y.table_name, y.partition, y.fence DESC";
	char lake[12];
	PGresult *r;
	snprintf(lake, sizeof lake, "%d", q->lake_id);
	const char *const values[] = {lake, run_id};
	int rc = db_query(q->conn, sql, 2, values, false, &r, err);
	if (rc < 0)
		return rc;
	json_t *list = json_array();
	for (int i = 0; i < PQntuples(r); i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:n, s:I, s:I, s:s, s:s?}", "task", PQgetvalue(r, i, 0), "error", PQgetvalue(r, i, 1),
		                                      "file", "line", (json_int_t)strtoll(PQgetvalue(r, i, 2), NULL, 10), "column", (json_int_t)strtoll(PQgetvalue(r, i, 3), NULL, 10), "log",
		                                      PQgetvalue(r, i, 4), "staging", PQgetisnull(r, i, 5) ? NULL : PQgetvalue(r, i, 5)));
	json_object_set_new(doc, "failures", list);
	PQclear(r);
	return 0;
}

int summary_of_record(const struct invocation *inv, const struct query *q, const char *run_id, const struct run_row *run, struct err *err)
{
	int rc = 0;
	if (inv->globals->output == OUTPUT_TABLE)
		return 0;
	json_t *doc = json_pack("{s:s}", "run", run_id);
	if (run) {
		json_t *counts = json_loads(run->counts, 0, NULL);
		json_object_set_new(doc, "result", json_string(run->result));
		json_object_set_new(doc, "tasks", counts ? counts : json_object());
		json_object_set_new(doc, "duration_us", json_integer(run->started_us ? run->ended_us - run->started_us : 0));
		rc = put_published(q, run_id, doc, err);
		if (rc == 0)
			rc = put_failures(q, run_id, doc, err);
	}
	if (rc == 0)
		output_document(inv->globals->output, summary_fields, json_incref(doc));
	json_decref(doc);
	return rc;
}
