/* A task: how it ended or stands, its tries with their stages, checks, what it read, and its SQL with the error's line
 * marked. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "core/date.h"
#include "core/states.h"
#include "scheduler/try_build.h"
#include "ui-tui/listing_panel.h"
#include "ui-tui/text_panel.h"

enum { PAGE_MAX = 4 << 20 };

static void number_field(struct buf *out, const char *label, int64_t n)
{
	if (n != PG_NULL64)
		buf_addf(out, "  %-*s%" PRId64 "\n", PAGE_LABEL, label, n);
}

static void time_field(struct buf *out, const char *label, int64_t us)
{
	char text[32];
	time_t at = (time_t)(us / 1000000);
	struct tm tm;
	if (!us)
		return;
	localtime_r(&at, &tm);
	strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
	page_field(out, label, text);
}

static void stage(struct buf *out, const char *name, int64_t us)
{
	char text[32];
	if (us != PG_NULL64)
		buf_addf(out, "%s %s  ", name, us < 1000 ? "<1 ms" : clock_human(text, sizeof text, us));
}

static void write_task(const struct task_row *t, struct buf *out)
{
	struct listing_cell size = {.text = ""};
	const struct sign *sign = sign_of_task(t->state, t->result, t->wait);
	buf_addf(out, "%s%s%s\n", t->table, *t->partition ? " " : "", t->partition);
	page_field(out, "state", sign->word);
	page_field(out, "built for", t->reason);
	page_field(out, "cause", t->cause);
	number_field(out, "rows", t->rows);
	cell_bytes(&size, t->bytes);
	page_field(out, "size", size.text);
	time_field(out, "ready", t->ready_us);
	time_field(out, "started", t->started_us);
	time_field(out, "ended", t->ended_us);
	time_field(out, "next try", t->retry_us);
}

static void write_try(const struct try_row *t, struct buf *out)
{
	char took[32] = "";
	if (t->running_us && t->ended_us)
		clock_human(took, sizeof took, t->ended_us - t->running_us);
	buf_addf(out, "\nTry %d: %s%s%s%s%s\n", t->try_no, t->state, *t->outcome ? ", " : "", t->outcome, *took ? " after " : "", took);
	time_field(out, "started", t->started_us);
	page_field(out, "worker", t->worker);
	if (t->prepare_us != PG_NULL64 || t->load_us != PG_NULL64) {
		buf_addf(out, "  %-*s", PAGE_LABEL, "stages");
		stage(out, "prepare", t->prepare_us);
		stage(out, "load", t->load_us);
		stage(out, "validate", t->validate_us);
		stage(out, "commit", t->commit_us);
		stage(out, "cleanup", t->cleanup_us);
		buf_adds(out, "\n");
	}
	page_field(out, "log", t->log_path);
	page_field(out, "kept", t->staging);
	page_field(out, "note", t->note);
	if (*t->error && t->error_line != PG_NULL32 && t->error_line)
		buf_addf(out, "> line %d, column %d: %s\n", t->error_line, t->error_col, t->error);
	else if (*t->error)
		buf_addf(out, "> %s\n", t->error);
}

static int write_checks(const struct query *q, const struct place *at, struct buf *out, struct err *err)
{
	struct check_row *checks;
	size_t n;
	bool any = false;
	int rc = query_checks(q, at->run, &checks, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (strcmp(checks[i].table, at->table) != 0 || strcmp(checks[i].partition, at->partition) != 0)
			continue;
		buf_addf(out, "%s%s %s: %s%s%s\n", any ? "" : "\nChecks\n", strcmp(checks[i].status, "failed") == 0 ? ">" : " ", checks[i].name,
		         checks[i].status, *checks[i].detail ? ", " : "", checks[i].detail);
		any = true;
	}
	return rc;
}

/* What the published version was made from, if this task published it. */
static int write_inputs(const struct query *q, const struct place *at, struct buf *out, struct err *err)
{
	struct lineage_row *rows;
	size_t n;
	int rc = query_lineage_up(q, at->table, at->partition, &rows, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (i == 0)
			buf_addf(out, "\nWhat the published version %" PRId64 " was made from\n", rows[i].version);
		buf_addf(out, "  %s%s%s", rows[i].up_table, *rows[i].up_partition ? " " : "", rows[i].up_partition);
		if (rows[i].up_version)
			buf_addf(out, "  version %" PRId64, rows[i].up_version);
		if (rows[i].up_version && rows[i].up_version_now != rows[i].up_version && rows[i].up_version_now != PG_NULL64)
			buf_addf(out, ", now %" PRId64, rows[i].up_version_now);
		buf_adds(out, "\n");
	}
	return rc;
}

/* As it will run, with the line that an error named marked. A file that has changed or gone is no reason to show nothing. */
static void write_sql(const struct view_source *source, const struct place *at, int error_line, struct arena *arena, struct buf *out)
{
	const struct table *t = project_table(source->project, at->table);
	struct rendered sql = {0};
	struct err err = {0};
	int32_t day = DATE_NONE;
	if (!t || t->kind != TABLE_SQL)
		return;
	if (*at->partition && !date_parse(at->partition, &day))
		return;
	buf_addf(out, "\n%s\n", t->file);
	if (try_render(arena, source->project, t, day, at->run, &sql, &err) < 0) {
		buf_addf(out, "  %s\n", err.text);
		return;
	}
	int line = 1;
	for (const char *s = sql.text; *s; line++) {
		size_t n = strcspn(s, "\n");
		int file_line = line, col;
		rendered_line_position(&sql, line, 1, &file_line, &col);
		buf_addf(out, "%c %4d  %.*s\n", error_line && file_line == error_line ? '>' : ' ', file_line, (int)n, s);
		s += n + (s[n] == '\n');
	}
}

static int write_page(const struct place *at, const struct view_source *source, struct arena *arena, struct buf *out, struct err *err)
{
	const struct query *q = &source->query;
	struct task_row *tasks;
	struct try_row *tries;
	size_t ntasks, ntries;
	const struct task_row *task = NULL;
	int rc = query_tasks(q, at->run, at->table, &tasks, &ntasks, err);
	if (rc == 0)
		rc = query_tries(q, at->run, at->table, at->partition, &tries, &ntries, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < ntasks; i++) {
		if (strcmp(tasks[i].partition, at->partition) == 0)
			task = &tasks[i];
	}
	if (task)
		write_task(task, out);
	else
		buf_addf(out, "%s%s%s\n  The run has no row of it: it was fresh, or nothing has been said of it yet; e explains.\n", at->table,
		         *at->partition ? " " : "", at->partition);
	for (size_t i = ntries; i-- > 0;)
		write_try(&tries[i], out);
	rc = write_checks(q, at, out, err);
	if (rc == 0)
		rc = write_inputs(q, at, out, err);
	if (rc == 0)
		write_sql(source, at, ntries ? tries[ntries - 1].error_line : 0, arena, out);
	return rc;
}

static void *load(const struct view_request *rq, const struct view_source *source, struct arena *arena, struct err *err)
{
	struct buf out = BUF_INIT(PAGE_MAX);
	if (write_page(&rq->place, source, arena, &out, err) == 0)
		return text_page_of(&out, arena);
	buf_free(&out);
	return NULL;
}

static void command_line(const struct panel *p, struct buf *out)
{
	char task[TASK_WORD_SIZE];
	buf_addf(out, "strata show %s %s", p->request.place.run, place_task(&p->request.place, task));
}

const struct panel_class panel_task = {
	.name = "task",
	.title = "Task",
	.scopes = SCOPE_TEXT | SCOPE_TASK,
	.needs_edges = true,
	.state_size = sizeof(struct textview),
	.load = load,
	.command_line = command_line,
	TEXT_PAGE,
};
