/* strata check: the declared checks on what is published now; nothing is built, published or recorded. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/dates.h"
#include "cli/junit.h"
#include "cli/open.h"
#include "cli/select.h"
#include "core/date.h"
#include "scheduler/checking.h"
#include "scheduler/zone.h"

enum { JOBS_MAX = 512 };

static const struct output_column columns[] = {
	{.name = "table", .help = "layer.table"},
	{.name = "partition", .help = "its date; empty where it has none"},
	{.name = "check", .help = "primary_keys, timestamp_col, columns or allow_empty; null where none was made"},
	{.name = "status", .help = "'passed', 'failed', 'error' (could not be read), 'empty' (without rows, so nothing to check), 'not published' or 'no checks'"},
	{.name = "detail", .help = "why, with how many rows and one of them"},
	{.name = "version", .right = true, .detail = true, .help = "that was checked"},
	{.name = "rows", .right = true, .detail = true, .help = "of that version"},
	{.name = "todo", .detail = true, .help = "what to do about it; null: nothing"},
	{0},
};

/* One line of the listing. */
struct line {
	const struct checked *of;
	const char *check, *status, *detail;
};

struct report {
	struct arena arena;
	struct checked *all;
	size_t nall;
	struct line *lines;
	size_t len, cap;
	int64_t passed, failed, errors, empty, absent, undeclared;
};

static void add(struct report *r, const struct checked *of, const char *check, const char *status, const char *detail, int64_t *count)
{
	MEM_GROW(r->lines, r->len, r->cap);
	r->lines[r->len++] = (struct line){of, check, status, detail};
	++*count;
}

static void add_partition(struct report *r, const struct checked *c)
{
	switch (c->state) {
	case CHECKED:
	case CHECKED_EMPTY:
		for (size_t i = 0; i < c->nchecks; i++) {
			bool failed = strcmp(c->checks[i].status, "failed") == 0;
			add(r, c, c->checks[i].name, c->checks[i].status, c->checks[i].detail, failed ? &r->failed : &r->passed);
		}
		if (c->nchecks == 0)
			add(r, c, "", "empty", "published without rows", &r->empty);
		break;
	case CHECKED_ABSENT: add(r, c, "", "not published", "nothing is published", &r->absent); break;
	case CHECKED_ERROR: add(r, c, "", "error", c->error, &r->errors); break;
	case CHECKED_UNDECLARED: add(r, c, "", "no checks", "tables.yaml declares none", &r->undeclared); break;
	case CHECKED_ACTION: add(r, c, "", "no checks", "output: none publishes nothing", &r->undeclared); break;
	}
}

/* What is to be done about one line, or about several of one table and the same status. NULL: nothing. */
static const char *advice(struct arena *arena, const struct line *line, int32_t first, int32_t last)
{
	char from[DATE_SIZE], to[DATE_SIZE];
	const struct table *t = line->of->table;
	const char *dates = first == DATE_NONE ? ""
	                    : first == last    ? arena_printf(arena, " --date %s", date_format(from, first))
	                                       : arena_printf(arena, " --start %s --end %s", date_format(from, first), date_format(to, last));
	if (str_eq(line->status, "failed"))
		return arena_printf(arena, "correct what it is made from, %s, or its checks in tables.yaml; then strata run %s%s", t->file, t->name, dates);
	if (str_eq(line->status, "error"))
		return arena_printf(arena, "strata run --force %s%s", t->name, dates);
	if (str_eq(line->status, "not published"))
		return arena_printf(arena, "strata run +%s%s", t->name, dates);
	return NULL;
}

static enum output_style style_of(const char *status)
{
	bool bad = str_eq(status, "failed") || str_eq(status, "error");
	return bad ? STYLE_BAD : str_eq(status, "passed") ? STYLE_GOOD : str_eq(status, "empty") ? STYLE_DIM : STYLE_WARN;
}

static bool is_good(const struct line *line)
{
	return str_eq(line->status, "passed") || str_eq(line->status, "empty");
}

/* `last`: the date of the last of several that are told in one line; else that of `line`. */
static void row(struct report *r, struct output *out, const struct line *line, int32_t last)
{
	char text[DATE_SIZE], to[DATE_SIZE];
	const struct checked *c = line->of;
	bool seen = c->state == CHECKED || c->state == CHECKED_EMPTY;
	output_text(out, c->table->qname);
	date_format(text, c->day);
	output_text(out, last == c->day ? text : arena_printf(&r->arena, "%s to %s", text, date_format(to, last)));
	output_text(out, *line->check ? line->check : NULL);
	output_styled(out, style_of(line->status), line->status);
	output_text(out, line->detail);
	if (seen) {
		output_int(out, (int64_t)c->version);
		output_int(out, c->rows);
	} else {
		output_text(out, NULL);
		output_text(out, NULL);
	}
	output_text(out, advice(&r->arena, line, c->day, last));
}

/* For people, a line a table and kind of trouble. Lines of a table are beside each other, but not those of a status. */
static void say_todo(struct report *r, const char *status)
{
	for (size_t i = 0; i < r->len;) {
		const struct table *t = r->lines[i].of->table;
		const struct line *one = NULL;
		int32_t first = DATE_NONE, last = DATE_NONE;
		for (; i < r->len && r->lines[i].of->table == t; i++) {
			if (!str_eq(r->lines[i].status, status))
				continue;
			last = r->lines[i].of->day;
			first = one ? first : last;
			one = &r->lines[i];
		}
		if (one)
			fprintf(stderr, "%s %s: %s\n", t->qname, status, advice(&r->arena, one, first, last));
	}
}

static void say_count(int64_t n, const char *of, const char *plural, const char *what, const char **sep)
{
	char text[32];
	if (n == 0)
		return;
	fprintf(stderr, "%s%s %s %s", *sep, str_count(text, sizeof text, n), n == 1 ? of : plural, what);
	*sep = ", ";
}

static void say_summary(struct report *r, const struct date_range *dates)
{
	static const char *const statuses[] = {"failed", "error", "not published"};
	char first[DATE_SIZE], last[DATE_SIZE];
	const char *sep = ": ";
	date_format(first, dates->first);
	date_format(last, dates->last);
	output_flush();
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
		say_todo(r, statuses[i]);
	fprintf(stderr, "%s%s%s (%s)", first, dates->first < dates->last ? " to " : "", dates->first < dates->last ? last : "", zone_name());
	say_count(r->passed, "check", "checks", "passed", &sep);
	say_count(r->failed, "check", "checks", "failed", &sep);
	say_count(r->errors, "partition", "partitions", "could not be read", &sep);
	say_count(r->empty, "partition", "partitions", "without rows", &sep);
	say_count(r->absent, "partition", "partitions", "not published", &sep);
	say_count(r->undeclared, "table", "tables", "without checks", &sep);
	fputc('\n', stderr);
}

/* Is this a date without a check, just after one of the same table that had the same fate? */
static bool goes_on(const struct line *before, const struct line *line)
{
	return !*line->check && line->of->day != DATE_NONE && line->of->table == before->of->table &&
	       line->of->day == before->of->day + 1 && line->of->state != CHECKED_ERROR && str_eq(line->status, before->status);
}

/* For people without what is as it should be, unless --all, and with what holds of many dates in one line. */
static void print(const struct invocation *inv, struct report *r, const struct date_range *dates)
{
	struct output out;
	bool table = inv->globals->output == OUTPUT_TABLE, all = !table || options_flag(inv->options, "all");
	size_t good = 0;
	for (size_t i = 0; i < r->len; i++)
		good += is_good(&r->lines[i]);
	if (!table || (all ? r->len : r->len - good)) {
		output_begin(&out, inv->globals->output, columns);
		for (size_t i = 0, next; i < r->len; i = next) {
			for (next = i + 1; table && next < r->len && goes_on(&r->lines[next - 1], &r->lines[next]);)
				next++;
			if (all || !is_good(&r->lines[i]))
				row(r, &out, &r->lines[i], r->lines[next - 1].of->day);
		}
		output_end(&out);
	}
	if (inv->globals->verbosity >= 0)
		say_summary(r, dates);
}

static int write_junit(struct report *r, int64_t started_us, const char *path, struct err *err)
{
	struct check_row *rows = arena_array(&r->arena, r->len, sizeof *rows);
	for (size_t i = 0; i < r->len; i++) {
		const struct line *l = &r->lines[i];
		char text[DATE_SIZE];
		rows[i] = (struct check_row){.table = l->of->table->qname, .partition = arena_strdup(&r->arena, date_format(text, l->of->day)),
		                             .name = l->check, .status = l->status, .detail = l->detail};
	}
	return junit_write_checks(rows, r->len, started_us, clock_wall_us(), path, err);
}

/* Nothing that could pass or fail is no success. */
static int verdict(const struct report *r, struct err *err)
{
	if (r->failed || r->errors)
		return EXIT_FAILED;
	if (r->passed || r->empty)
		return 0;
	return err_set(err, ERR_NOTHING, r->absent ? "nothing was checked: nothing is published of what is selected"
	                                           : "nothing was checked: no table that is selected declares checks in tables.yaml");
}

static int check(const struct invocation *inv, struct workspace *ws, const bool *selected, struct err *err)
{
	struct report r = {0};
	struct date_range dates;
	const char *junit = options_text(inv->options, "junit", NULL);
	int64_t started_us = clock_wall_us();
	int rc = dates_read(inv->options, &dates, err);
	if (rc == 0 && junit)
		rc = junit_check(junit, err);
	if (rc == 0)
		rc = checking_make(ws, selected, dates.first, dates.last, &r.arena, &r.all, &r.nall, err);
	for (size_t i = 0; rc == 0 && i < r.nall; i++)
		add_partition(&r, &r.all[i]);
	if (rc == 0)
		print(inv, &r, &dates);
	if (rc == 0 && junit)
		rc = write_junit(&r, started_us, junit, err);
	if (rc == 0)
		rc = verdict(&r, err);
	free(r.lines);
	arena_free(&r.arena);
	return rc;
}

static int run(const struct invocation *inv, struct err *err)
{
	struct workspace ws;
	bool *selected = NULL;
	long jobs;
	int rc = options_number(inv->options, "jobs", 0, 1, JOBS_MAX, &jobs, err);
	if (rc < 0)
		return rc;
	open_workspace(inv, (uint32_t)jobs, &ws);
	rc = open_project(inv, &ws, err);
	if (rc == 0)
		rc = select_tables(inv, ws.project, &selected, err);
	if (rc == 0)
		rc = check(inv, &ws, selected, err);
	free(selected);
	workspace_close(&ws);
	return rc;
}

static const struct option options[] = {
	OPTION_DATE,
	OPTION_START,
	OPTION_END,
	OPTION_EXCLUDE,
	{.name = "all", .letter = 'a', .help = "list what passed or is empty, too"},
	{.name = "jobs", .letter = 'j', .value = "N", .help = "partitions at a time; default: one a core"},
	OPTION_JUNIT,
	{0},
};

const struct command command_check = {
	.name = "check",
	.elsewhere = "test verify",
	.group = "Build tables",
	.synopsis = "[SELECT...] [--date D | --start D --end D]",
	.summary = "the declared checks, on what is published now",
	.details = "The checks that tables.yaml declares ('primary_keys', 'timestamp_col', 'columns', 'allow_empty: false'; docs/CONFIG.md) are those that a run makes before it publishes, and once on what is published where other checks are declared. This makes them now, whatever was made before, of what is published and as they are declared. It builds and publishes nothing.\n"
	           "\n"
	           "Each partition is checked in the version that is published when its turn comes, whatever a run publishes meanwhile. No lock and no database is needed, so it may be given beside a scheduler or a run. What it finds is not recorded: 'strata show' has the checks that runs have made.\n"
	           "\n"
	           "A table lists what did not pass, unless --all, and dates that follow each other and are not published in one line; JSON and CSV list every check of every partition. A partition that is not published, and a table without checks, is said and does not fail. The exit status is 1 when a check failed or a partition could not be read, and 4 when there was nothing at all to check.",
	.examples = "strata check\n"
	            "strata check dwd_flights --start 2013-01-01 --end 2013-01-07\n"
	            "strata check tag:daily --junit checks.xml",
	.options = options,
	.most_operands = SIZE_MAX,
	.completes = {COMPLETES_SELECTION, COMPLETES_SELECTION},
	.answers = {{.form = ANSWER_ROWS, .fields = columns}},
	.run = run,
};
