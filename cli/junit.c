/* See junit.h. The form is that of Jenkins' JUnit plugin and of the Apache Ant task that it reads: testsuites, testsuite,
 * testcase with failure, error or skipped. A suite a layer; a case's class is the table, its name the partition. */
#include "cli/junit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "core/states.h"

enum { FILE_MAX = 256 << 20, PATH_SIZE = 4096 };

int junit_check(const char *path, struct err *err)
{
	char folder[PATH_SIZE] = ".";
	const char *slash = strrchr(path, '/');
	if (slash && (size_t)(slash - path) < sizeof folder)
		snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (!*path || (slash && !slash[1]))
		return err_set(err, ERR_USAGE, "'--junit %s' names no file", path);
	if (access(folder, W_OK | X_OK) < 0)
		return err_set(err, ERR_USAGE, "'--junit %s': cannot write there: %s", path, strerror(errno));
	return 0;
}

/* XML knows no other control characters than tab and newline, and what is no UTF-8 would make it none. */
static void add_text(struct buf *out, const char *s)
{
	struct text_piece piece;
	while (*s) {
		if (*s == '\n' || *s == '\t') {
			buf_addf(out, "&#%d;", *s++);
			continue;
		}
		s += text_next(s, &piece);
		switch (piece.bytes[0]) {
		case '&': buf_adds(out, "&amp;"); break;
		case '<': buf_adds(out, "&lt;"); break;
		case '>': buf_adds(out, "&gt;"); break;
		case '"': buf_adds(out, "&quot;"); break;
		default: buf_add(out, piece.bytes, piece.n); break;
		}
	}
}

static void attribute(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, " %s=\"", name);
	add_text(out, value);
	buf_addc(out, '"');
}

static void attribute_seconds(struct buf *out, int64_t start_us, int64_t end_us)
{
	int64_t us = start_us && end_us > start_us ? end_us - start_us : 0;
	buf_addf(out, " time=\"%" PRId64 ".%06" PRId64 "\"", us / 1000000, us % 1000000);
}

/* `check`: "" of a task. */
static void open_case(struct buf *out, const char *table, const char *partition, const char *check)
{
	struct buf name = BUF_INIT(4096);
	buf_adds(&name, *partition ? partition : "all");
	if (*check)
		buf_addf(&name, " %s", check);
	buf_adds(out, "    <testcase");
	attribute(out, "classname", table);
	attribute(out, "name", buf_cstr(&name));
	buf_free(&name);
}

/* The last try of a task, or NULL. Both are in the order of table and partition, so *at only goes on. */
static const struct try_row *last_try(const struct task_row *task, const struct try_row *tries, size_t n, size_t *at)
{
	const struct try_row *last = NULL;
	for (; *at < n; (*at)++) {
		int c = strcmp(tries[*at].table, task->table);
		if (c == 0)
			c = strcmp(tries[*at].partition, task->partition);
		if (c > 0)
			break;
		last = c == 0 ? &tries[*at] : NULL;
	}
	return last;
}

enum fate { FATE_GOOD, FATE_FAILED, FATE_SKIPPED };

static enum fate fate_of(const struct task_row *t)
{
	static const char *const good[] = {"success", "empty", "fresh"}, *const failed[] = {"failed", "timeout"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		if (strcmp(t->result, good[i]) == 0)
			return FATE_GOOD;
	}
	for (size_t i = 0; i < sizeof failed / sizeof *failed; i++) {
		if (strcmp(t->result, failed[i]) == 0)
			return FATE_FAILED;
	}
	return FATE_SKIPPED;
}

static void add_task(struct buf *out, const struct task_row *t, const struct try_row *tried)
{
	enum fate fate = fate_of(t);
	open_case(out, t->table, t->partition, "");
	attribute_seconds(out, t->started_us, t->ended_us);
	if (fate == FATE_GOOD) {
		buf_adds(out, "/>\n");
		return;
	}
	if (fate == FATE_SKIPPED) {
		struct buf why = BUF_INIT(8192);
		buf_addf(&why, "%s%s%s", *t->result ? t->result : t->state, *t->cause ? ": " : "", t->cause);
		buf_adds(out, "><skipped");
		attribute(out, "message", buf_cstr(&why));
		buf_adds(out, "/></testcase>\n");
		buf_free(&why);
		return;
	}
	buf_adds(out, "><failure");
	attribute(out, "message", *t->error ? t->error : t->result);
	attribute(out, "type", tried && *tried->error_class ? tried->error_class : t->result);
	buf_adds(out, ">");
	add_text(out, t->error);
	if (tried && tried->error_line != PG_NULL32 && tried->error_line)
		buf_addf(out, "&#10;line %d, column %d", tried->error_line, tried->error_col);
	if (tried && *tried->log_path) {
		buf_adds(out, "&#10;log: ");
		add_text(out, tried->log_path);
	}
	buf_adds(out, "</failure></testcase>\n");
}

static void add_check(struct buf *out, const struct check_row *c)
{
	open_case(out, c->table, c->partition, c->name);
	buf_adds(out, " time=\"0.000000\"");
	if (strcmp(c->status, "passed") == 0) {
		buf_adds(out, "/>\n");
		return;
	}
	bool failed = strcmp(c->status, "failed") == 0, error = strcmp(c->status, "error") == 0;
	buf_adds(out, failed ? "><failure type=\"check\"" : error ? "><error type=\"check\"" : "><skipped");
	attribute(out, "message", *c->detail ? c->detail : c->status);
	buf_adds(out, "/></testcase>\n");
}

struct report {
	const struct task_row *tasks; size_t ntasks;
	const struct try_row *tries; size_t ntries;
	const struct check_row *checks; size_t nchecks;
};

static size_t layer_length(const char *table)
{
	return strcspn(table, ".");
}

static bool in_layer(const char *table, const char *layer)
{
	return layer_length(table) == layer_length(layer) && strncmp(table, layer, layer_length(layer)) == 0;
}

struct counts {
	size_t cases, failed, errors, skipped;
};

static void add_suite_head(struct buf *out, const char *layer, const struct counts *n, int64_t started_us)
{
	char iso[CLOCK_ISO_SIZE], name[256];
	snprintf(name, sizeof name, "%.*s", (int)layer_length(layer), layer);
	buf_adds(out, "  <testsuite");
	attribute(out, "name", name);
	buf_addf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"", n->cases, n->failed, n->errors, n->skipped);
	attribute(out, "timestamp", clock_iso(iso, started_us));
	buf_adds(out, ">\n");
}

/* The tasks from `first` on that are of its layer, and their checks; returns where the next layer begins. Tables are sorted
 * by name, so a layer's are together. */
static size_t add_suite(struct buf *out, const struct report *r, size_t first, const struct run_row *run, size_t *at)
{
	const char *layer = r->tasks[first].table;
	struct buf cases = BUF_INIT(FILE_MAX);
	size_t i = first;
	struct counts n = {0};
	for (; i < r->ntasks && in_layer(r->tasks[i].table, layer); i++, n.cases++) {
		enum fate fate = fate_of(&r->tasks[i]);
		n.failed += fate == FATE_FAILED;
		n.skipped += fate == FATE_SKIPPED;
		add_task(&cases, &r->tasks[i], last_try(&r->tasks[i], r->tries, r->ntries, at));
	}
	for (size_t c = 0; c < r->nchecks; c++) {
		if (!in_layer(r->checks[c].table, layer))
			continue;
		n.cases++;
		n.failed += strcmp(r->checks[c].status, "failed") == 0;
		add_check(&cases, &r->checks[c]);
	}
	add_suite_head(out, layer, &n, run->started_us ? run->started_us : run->created_us);
	buf_addf(out, "%s  </testsuite>\n", buf_cstr(&cases));
	buf_free(&cases);
	return i;
}

static void add_head(struct buf *out, const char *name, int64_t started_us, int64_t ended_us)
{
	buf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
	attribute(out, "name", name);
	attribute_seconds(out, started_us, ended_us);
	buf_adds(out, ">\n");
}

static void add_report(struct buf *out, const struct run_row *run, const struct report *r)
{
	add_head(out, run->run_id, run->started_us, run->ended_us);
	size_t at = 0; /* in r->tries */
	for (size_t i = 0; i < r->ntasks;)
		i = add_suite(out, r, i, run, &at);
	buf_adds(out, "</testsuites>\n");
}

/* Takes what is in `out`. */
static int replace(struct buf *out, const char *path, struct err *err)
{
	int rc = out->overflow ? err_set(err, ERR_IO, "the report is larger than %d MB", FILE_MAX >> 20)
	                       : file_replace(AT_FDCWD, path, out->data, out->len, 0644, err);
	buf_free(out);
	return rc < 0 ? err_wrap(err, "write '%s'", path) : 0;
}

int junit_write_checks(const struct check_row *checks, size_t n, int64_t started_us, int64_t ended_us, const char *path, struct err *err)
{
	struct buf out = BUF_INIT(FILE_MAX);
	add_head(&out, "strata check", started_us, ended_us);
	for (size_t i = 0; i < n;) {
		const char *layer = checks[i].table;
		struct buf cases = BUF_INIT(FILE_MAX);
		struct counts counts = {0};
		for (; i < n && in_layer(checks[i].table, layer); i++, counts.cases++) {
			bool failed = strcmp(checks[i].status, "failed") == 0, error = strcmp(checks[i].status, "error") == 0;
			counts.failed += failed;
			counts.errors += error;
			counts.skipped += !failed && !error && strcmp(checks[i].status, "passed") != 0;
			add_check(&cases, &checks[i]);
		}
		add_suite_head(&out, layer, &counts, started_us);
		buf_addf(&out, "%s  </testsuite>\n", buf_cstr(&cases));
		buf_free(&cases);
	}
	buf_adds(&out, "</testsuites>\n");
	return replace(&out, path, err);
}

int junit_write(const struct query *q, const char *run_id, const char *path, struct err *err)
{
	struct run_row run;
	struct task_row *tasks;
	struct try_row *tries;
	struct check_row *checks;
	struct report r;
	int rc = query_run(q, run_id, &run, err);
	if (rc == 0)
		rc = query_tasks(q, run_id, NULL, &tasks, &r.ntasks, err);
	if (rc == 0)
		rc = query_tries(q, run_id, NULL, NULL, &tries, &r.ntries, err);
	if (rc == 0)
		rc = query_checks(q, run_id, &checks, &r.nchecks, err);
	if (rc < 0)
		return rc;
	r.tasks = tasks;
	r.tries = tries;
	r.checks = checks;
	struct buf out = BUF_INIT(FILE_MAX);
	add_report(&out, &run, &r);
	return replace(&out, path, err);
}
