/* A run in time: a bar for each task that began, from its start to its end, those that began first above. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/states.h"
#include "ui-tui/task_rows.h"

enum { BAR_MOST = 400, NAME_COLUMNS = 34 };

struct timeline {
	struct task_rows tasks; /* first: it is listed */
	int64_t from_us, until_us; /* until_us 0: it goes on */
};

static int by_start(const void *a, const void *b)
{
	const struct task_row *x = a, *y = b;
	int c = (x->started_us > y->started_us) - (x->started_us < y->started_us);
	if (c == 0)
		c = strcmp(x->table, y->table);
	return c ? c : strcmp(x->partition, y->partition);
}

static void *load(const struct view_request *rq, const struct view_source *source, struct arena *arena, struct err *err)
{
	struct timeline *t = arena_alloc(arena, sizeof *t);
	struct run_row run;
	size_t kept = 0;
	if (query_run(&source->query, rq->place.run, &run, err) < 0 ||
	    task_rows_load(rq->place.run, source, &t->tasks, err) < 0)
		return NULL;
	struct task_row *rows = t->tasks.rows;
	for (size_t i = 0; i < t->tasks.n; i++) {
		if (rows[i].started_us)
			rows[kept++] = rows[i];
	}
	t->tasks.n = kept;
	if (kept)
		qsort(rows, kept, sizeof *rows, by_start);
	t->from_us = run.started_us ? run.started_us : run.created_us;
	t->until_us = run.ended_us;
	return t;
}

enum { COL_SIGN, COL_TASK, COL_TOOK, COL_BAR };
static const struct listing_column columns[] = {
	{.title = " ", .width = 1},
	{.title = "TASK", .width = NAME_COLUMNS},
	{.title = "TOOK", .width = 8, .right = true, .rank = 1},
	{.title = "TIME", .width = 10, .grows = true},
	{0},
};

/* Ready but not begun is dotted, running is full; at least one block, so that short ones are seen. */
static void bar(const struct panel *p, const struct task_row *t, struct listing_cell *ret)
{
	const struct timeline *line = p->data;
	int64_t end_us = line->until_us ? line->until_us : p->now_us, all = end_us - line->from_us;
	int room = p->width - NAME_COLUMNS - 13;
	int columns_of_bar = room < 4 ? 4 : room > BAR_MOST ? BAR_MOST : room;
	size_t len = 0;
	if (all <= 0)
		all = 1;
	int64_t ready = (t->ready_us ? t->ready_us : t->started_us) - line->from_us, start = t->started_us - line->from_us;
	int64_t end = (t->ended_us ? t->ended_us : p->now_us) - line->from_us;
	int begins = (int)(start * columns_of_bar / all), ends = (int)(end * columns_of_bar / all), waits = (int)(ready * columns_of_bar / all);
	begins = begins >= columns_of_bar ? columns_of_bar - 1 : begins;
	for (int x = 0; x < columns_of_bar && len + 4 < sizeof ret->text && x <= (ends > begins ? ends - 1 : begins); x++) {
		const char *glyph = x >= begins ? "█" : x >= waits ? "░" : " ";
		len += (size_t)snprintf(ret->text + len, sizeof ret->text - len, "%s", glyph);
	}
	ret->style = sign_of_task(t->state, t->result, t->wait)->style;
	ret->order = (double)t->started_us;
	ret->by_number = true;
}

static void cell(const void *data, size_t row, size_t column, struct listing_cell *ret)
{
	const struct panel *p = data;
	const struct task_row *t = &((const struct timeline *)p->data)->tasks.rows[row];
	switch (column) {
	case COL_SIGN: cell_sign(ret, sign_of_task(t->state, t->result, t->wait)); break;
	case COL_TASK: snprintf(ret->text, sizeof ret->text, "%s%s%s", t->table, *t->partition ? " " : "", t->partition); break;
	case COL_TOOK: cell_duration(ret, (t->ended_us ? t->ended_us : p->now_us) - t->started_us); break;
	case COL_BAR: bar(p, t, ret); break;
	default: break;
	}
}

static void update(struct panel *p)
{
	task_rows_update(p, columns, cell);
}

static bool lively(const struct panel *p)
{
	return !((const struct timeline *)p->data)->until_us;
}

const struct panel_class panel_time = {
	.name = "time",
	.title = "Time",
	.scopes = SCOPE_LIST | SCOPE_RUN,
	.state_size = sizeof(struct listing),
	.load = load,
	.update = update,
	.target = task_rows_target,
	.command_line = task_rows_command_line,
	.lively = lively,
	LISTING_PANEL,
};
