/* See run_diff.h. */
#include "cli/run_diff.h"

#include <inttypes.h>
#include <stdio.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/date.h"
#include "core/plan.h"
#include "scheduler/queries_diff.h"

/* A time is told when it is twice as long, or half, and the difference can be felt. */
enum { TIME_FACTOR = 2, TIME_LEAST_US = 100 * 1000 };

struct diff {
	const struct query *q;
	const struct run_row *before, *after;
	struct run_difference *items;
	size_t n, cap;
};

static void add(struct diff *d, const char *table, const char *partition, enum difference what, const char *before, const char *after)
{
	MEM_GROW(d->items, d->n, d->cap);
	d->items[d->n++] = (struct run_difference){table, partition, what, before, after};
}

static const char *number(struct diff *d, int64_t n)
{
	return n == PG_NULL64 ? "" : arena_printf(d->q->arena, "%" PRId64, n);
}

/* The partition of the first run that stands where this one of the second stands; NULL: it is no date of it. */
static const char *counterpart(const struct diff *d, const char *partition)
{
	char text[DATE_SIZE];
	int32_t day;
	if (!*partition || !date_parse(partition, &day))
		return partition;
	if (d->after->last_day == DATE_NONE || d->before->last_day == DATE_NONE)
		return partition;
	date_format(text, d->before->last_day - (d->after->last_day - day));
	return arena_strdup(d->q->arena, text);
}

static int by_name(const char *table, const char *partition, const char *other_table, const char *other_partition)
{
	int c = strcmp(table, other_table);
	return c ? c : strcmp(partition, other_partition);
}

/* --- the run --- */

static void compare_runs(struct diff *d)
{
	const struct run_row *b = d->before, *a = d->after;
	char from[DATE_SIZE], to[DATE_SIZE], from_after[DATE_SIZE], to_after[DATE_SIZE];
	if (strcmp(b->git_commit, a->git_commit) != 0)
		add(d, "", "", DIFFERENCE_COMMIT, b->git_commit, a->git_commit);
	if (strcmp(b->selection, a->selection) != 0)
		add(d, "", "", DIFFERENCE_SELECTION, b->selection, a->selection);
	if (b->first_day != a->first_day || b->last_day != a->last_day)
		add(d, "", "", DIFFERENCE_DATES, arena_printf(d->q->arena, "%s..%s", date_format(from, b->first_day), date_format(to, b->last_day)),
		    arena_printf(d->q->arena, "%s..%s", date_format(from_after, a->first_day), date_format(to_after, a->last_day)));
	if (strcmp(b->result, a->result) != 0)
		add(d, "", "", DIFFERENCE_RESULT, *b->result ? b->result : b->state, *a->result ? a->result : a->state);
}

/* --- tasks --- */

static const struct task_row *find_task(const struct task_row *tasks, size_t n, const char *table, const char *partition)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = by_name(tasks[mid].table, tasks[mid].partition, table, partition);
		if (c == 0)
			return &tasks[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static int64_t took_us(const struct task_row *t)
{
	return t->started_us && t->ended_us ? t->ended_us - t->started_us : 0;
}

static const char *fate(struct diff *d, const struct task_row *t)
{
	const char *how = *t->result ? t->result : t->state, *why = *t->error ? t->error : t->cause;
	return *why ? arena_printf(d->q->arena, "%s: %s", how, why) : how;
}

static void compare_task(struct diff *d, const struct task_row *b, const struct task_row *a)
{
	char from[32], to[32];
	int64_t before = took_us(b), after = took_us(a);
	if (strcmp(b->result, a->result) != 0)
		add(d, a->table, a->partition, DIFFERENCE_RESULT, fate(d, b), fate(d, a));
	/* What had to be built, or checked, because its text had changed says so itself. */
	static const struct {
		enum plan_reason reason;
		enum difference difference;
	} changes[] = {{REASON_SQL_CHANGED, DIFFERENCE_SQL}, {REASON_CONFIG_CHANGED, DIFFERENCE_CONFIG}, {REASON_CHECKS_CHANGED, DIFFERENCE_CONFIG},
	               {REASON_ENGINE_CHANGED, DIFFERENCE_ENGINE}};
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		if (str_has_prefix(a->reason, plan_reason_name(changes[i].reason)))
			add(d, a->table, a->partition, changes[i].difference, "", a->reason);
	}
	if (b->rows != a->rows && b->rows != PG_NULL64 && a->rows != PG_NULL64)
		add(d, a->table, a->partition, DIFFERENCE_ROWS, number(d, b->rows), number(d, a->rows));
	int64_t more = after > before ? after - before : before - after;
	if (before && after && more >= TIME_LEAST_US && (after >= TIME_FACTOR * before || before >= TIME_FACTOR * after))
		add(d, a->table, a->partition, DIFFERENCE_TIME, arena_strdup(d->q->arena, clock_human(from, sizeof from, before)),
		    arena_strdup(d->q->arena, clock_human(to, sizeof to, after)));
}

static int compare_tasks(struct diff *d, struct err *err)
{
	struct task_row *before, *after;
	size_t nbefore, nafter;
	int rc = query_tasks(d->q, d->before->run_id, NULL, &before, &nbefore, err);
	if (rc == 0)
		rc = query_tasks(d->q, d->after->run_id, NULL, &after, &nafter, err);
	if (rc < 0)
		return rc;
	bool *met = arena_array(d->q->arena, nbefore + 1, sizeof *met);
	for (size_t i = 0; i < nafter; i++) {
		const struct task_row *b = find_task(before, nbefore, after[i].table, counterpart(d, after[i].partition));
		if (!b) {
			if (d->before->fresh == 0)
				add(d, after[i].table, after[i].partition, DIFFERENCE_TASK, "", fate(d, &after[i]));
			continue;
		}
		met[b - before] = true;
		compare_task(d, b, &after[i]);
	}
	/* Where the second run had fresh ones, which have no row, what is missing is one of them. */
	for (size_t i = 0; i < nbefore && d->after->fresh == 0; i++) {
		if (!met[i])
			add(d, before[i].table, before[i].partition, DIFFERENCE_TASK, fate(d, &before[i]), "");
	}
	return 0;
}

/* --- what they read --- */

static const char *input_text(struct diff *d, const struct run_input_row *in)
{
	const char *version = in->up_version ? arena_printf(d->q->arena, "version %" PRId64, in->up_version) : *in->up_identity ? "present" : "absent";
	return arena_printf(d->q->arena, "%s%s%s %s", in->up_table, *in->up_partition ? " " : "", in->up_partition, version);
}

static int input_order(const struct run_input_row *x, const char *table, const char *partition, const char *up_table, const char *up_partition)
{
	int c = by_name(x->table, x->partition, table, partition);
	return c ? c : by_name(x->up_table, x->up_partition, up_table, up_partition);
}

/* NULL: there is none. `up_table` NULL: any input of the task. */
static const struct run_input_row *find_input(const struct run_input_row *rows, size_t n, const char *table, const char *partition,
                                              const char *up_table, const char *up_partition)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = up_table ? input_order(&rows[mid], table, partition, up_table, up_partition)
		                 : by_name(rows[mid].table, rows[mid].partition, table, partition);
		if (c == 0)
			return &rows[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* Of runs of other dates every day of a source is another; then only what is there or not counts. */
static bool same_input(const struct diff *d, const struct run_input_row *b, const struct run_input_row *a)
{
	if (d->before->last_day == d->after->last_day)
		return strcmp(b->up_identity, a->up_identity) == 0;
	return (*b->up_identity == '\0') == (*a->up_identity == '\0');
}

static int compare_inputs(struct diff *d, struct err *err)
{
	struct run_input_row *before, *after;
	size_t nbefore, nafter;
	int rc = query_inputs_of_run(d->q, d->before->run_id, &before, &nbefore, err);
	if (rc == 0)
		rc = query_inputs_of_run(d->q, d->after->run_id, &after, &nafter, err);
	if (rc < 0)
		return rc;
	bool *met = arena_array(d->q->arena, nbefore + 1, sizeof *met);
	for (size_t i = 0; i < nafter; i++) {
		const struct run_input_row *a = &after[i];
		const char *up = str_has_prefix(a->up_table, "source:") ? a->up_partition : counterpart(d, a->up_partition);
		const char *partition = counterpart(d, a->partition);
		const struct run_input_row *b = find_input(before, nbefore, a->table, partition, a->up_table, up);
		if (b)
			met[b - before] = true;
		/* Only what was built in both runs read something in both; and a file of another day has another name. */
		bool other_day = d->before->last_day != d->after->last_day;
		if (!b && (!find_input(before, nbefore, a->table, partition, NULL, NULL) || (other_day && str_has_prefix(a->up_table, "source:"))))
			continue;
		if (!b || !same_input(d, b, a))
			add(d, a->table, a->partition, DIFFERENCE_INPUT, b ? input_text(d, b) : "", input_text(d, a));
	}
	for (size_t i = 0; i < nbefore; i++) {
		if (!met[i] && d->before->last_day == d->after->last_day && find_input(after, nafter, before[i].table, before[i].partition, NULL, NULL))
			add(d, before[i].table, before[i].partition, DIFFERENCE_INPUT, input_text(d, &before[i]), "");
	}
	return 0;
}

/* --- columns --- */

static const char *type_of(const json_t *columns, const char *name)
{
	size_t i;
	json_t *c;
	json_array_foreach(columns, i, c) {
		const char *type = json_string_value(json_object_get(c, "type"));
		if (str_eq(json_string_value(json_object_get(c, "name")), name))
			return type ? type : "";
	}
	return NULL;
}

/* Columns of `these` that `others` has not, or has with another type; `back`: the other way round, only those missing. */
static void compare_columns(struct diff *d, const char *table, const json_t *these, const json_t *others, bool back)
{
	size_t i;
	json_t *c;
	json_array_foreach(these, i, c) {
		const char *name = json_string_value(json_object_get(c, "name")), *type = json_string_value(json_object_get(c, "type"));
		const char *other = name ? type_of(others, name) : NULL;
		if (!name || !type || (other && (back || strcmp(other, type) == 0)))
			continue;
		const char *mine = arena_printf(d->q->arena, "%s %s", name, type), *theirs = other ? arena_printf(d->q->arena, "%s %s", name, other) : "";
		add(d, arena_strdup(d->q->arena, table), "", DIFFERENCE_COLUMN, back ? mine : theirs, back ? theirs : mine);
	}
}

static int compare_schemas(struct diff *d, struct err *err)
{
	struct schema_row *before, *after;
	size_t nbefore, nafter, k = 0;
	int rc = query_schemas_of_run(d->q, d->before->run_id, &before, &nbefore, err);
	if (rc == 0)
		rc = query_schemas_of_run(d->q, d->after->run_id, &after, &nafter, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < nafter; i++) {
		while (k < nbefore && strcmp(before[k].table, after[i].table) < 0)
			k++;
		if (k == nbefore || strcmp(before[k].table, after[i].table) != 0 || strcmp(before[k].schema, after[i].schema) == 0)
			continue;
		json_t *old = json_loads(before[k].schema, 0, NULL), *new = json_loads(after[i].schema, 0, NULL);
		compare_columns(d, after[i].table, new, old, false);
		compare_columns(d, after[i].table, old, new, true);
		json_decref(old);
		json_decref(new);
	}
	return 0;
}

static int by_place(const void *x, const void *y)
{
	const struct run_difference *a = x, *b = y;
	int c = by_name(a->table, a->partition, b->table, b->partition);
	if (c == 0)
		c = (int)a->what - (int)b->what;
	return c ? c : strcmp(a->after, b->after);
}

const char *difference_name(enum difference what)
{
	static const char *const names[] = {DIFFERENCES(DIFFERENCE_WORD)};
	return names[what];
}

int run_diff(const struct query *q, const struct run_row *before, const struct run_row *after, struct run_difference **ret, size_t *ret_n,
             struct err *err)
{
	struct diff d = {.q = q, .before = before, .after = after};
	compare_runs(&d);
	int rc = compare_tasks(&d, err);
	if (rc == 0)
		rc = compare_inputs(&d, err);
	if (rc == 0)
		rc = compare_schemas(&d, err);
	if (rc == 0) {
		*ret = arena_array(q->arena, d.n + 1, sizeof **ret);
		if (d.n) {
			memcpy(*ret, d.items, d.n * sizeof **ret);
			qsort(*ret, d.n, sizeof **ret, by_place);
		}
		*ret_n = d.n;
	}
	free(d.items);
	return rc;
}
