/* See task_rows.h. */
#include "ui-tui/task_rows.h"

#include <stdio.h>

int task_rows_load(const char *run_id, const struct view_source *source, struct task_rows *ret, struct err *err)
{
	return query_tasks_first(&source->query, run_id, TASK_ROWS_MOST, &ret->rows, &ret->n, err);
}

static void key(const void *data, size_t row, char ret[LISTING_KEY_SIZE])
{
	const struct task_row *t = &((const struct task_rows *)((const struct panel *)data)->data)->rows[row];
	snprintf(ret, LISTING_KEY_SIZE, "%s %s", t->table, t->partition);
}

void task_rows_update(struct panel *p, const struct listing_column *columns,
                      void (*cell)(const void *data, size_t row, size_t column, struct listing_cell *ret))
{
	const struct task_rows *tasks = p->data;
	listing_update(p->state, &(struct listing_source){.columns = columns, .nrows = tasks->n, .data = p, .cell = cell, .key = key});
}

void task_rows_target(const struct panel *p, struct place *ret)
{
	const struct task_rows *tasks = p->data;
	int64_t row = listing_row(p->state);
	if (row < 0)
		return;
	snprintf(ret->table, sizeof ret->table, "%s", tasks->rows[row].table);
	snprintf(ret->partition, sizeof ret->partition, "%s", tasks->rows[row].partition);
	ret->panel = panel_class_find("task");
}

void task_rows_command_line(const struct panel *p, struct buf *out)
{
	buf_addf(out, "strata tasks %s", p->request.place.run);
}
