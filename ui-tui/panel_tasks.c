/* The tasks of a run that have a row, as a list: the urgent ones first, and of a large run no more than somebody reads. */
#include <string.h>

#include "core/states.h"
#include "ui-tui/task_rows.h"

static void *load(const struct view_request *rq, const struct view_source *source, struct arena *arena, struct err *err)
{
	struct task_rows *tasks = arena_alloc(arena, sizeof *tasks);
	return task_rows_load(rq->place.run, source, tasks, err) < 0 ? NULL : tasks;
}

enum { COL_SIGN, COL_TABLE, COL_PARTITION, COL_STATE, COL_TRIES, COL_ROWS, COL_BYTES, COL_STARTED, COL_TOOK, COL_REASON };
static const struct listing_column columns[] = {
	{.title = " ", .width = 1},
	{.title = "TABLE", .width = 28},
	{.title = "PARTITION", .width = 10},
	{.title = "STATE", .width = 16, .rank = 2},
	{.title = "TRY", .width = 3, .right = true, .rank = 5},
	{.title = "ROWS", .width = 11, .right = true, .rank = 3},
	{.title = "SIZE", .width = 7, .right = true, .rank = 6},
	{.title = "STARTED", .width = 14, .rank = 7},
	{.title = "TOOK", .width = 9, .right = true, .rank = 1},
	{.title = "WHY", .width = 10, .grows = true, .told = true, .rank = 4},
	{0},
};

static void cell(const void *data, size_t row, size_t column, struct listing_cell *ret)
{
	const struct panel *p = data;
	const struct task_row *t = &((const struct task_rows *)p->data)->rows[row];
	const struct sign *sign = sign_of_task(t->state, t->result, t->wait);
	switch (column) {
	case COL_SIGN: cell_sign(ret, sign); break;
	case COL_TABLE: cell_text(ret, LOOK_TEXT, t->table); break;
	case COL_PARTITION: cell_text(ret, LOOK_TEXT, t->partition); break;
	case COL_STATE: cell_text(ret, sign->style, sign->word); break;
	case COL_TRIES: cell_number(ret, t->tries); break;
	case COL_ROWS: cell_number(ret, t->rows); break;
	case COL_BYTES: cell_bytes(ret, t->bytes); break;
	case COL_STARTED: cell_time(ret, t->started_us); break;
	case COL_TOOK: cell_duration(ret, t->started_us ? (t->ended_us ? t->ended_us : p->now_us) - t->started_us : -1); break;
	case COL_REASON: cell_text(ret, *t->error ? LOOK_BAD : LOOK_DIM, *t->error ? t->error : *t->cause ? t->cause : t->reason); break;
	default: break;
	}
}

static void update(struct panel *p)
{
	task_rows_update(p, columns, cell);
}

static bool lively(const struct panel *p)
{
	const struct task_rows *tasks = p->data;
	return tasks->n && strcmp(tasks->rows[0].state, task_state_name(TASK_RUNNING)) == 0; /* they come first */
}

const struct panel_class panel_tasks = {
	.name = "tasks",
	.title = "Tasks",
	.scopes = SCOPE_LIST | SCOPE_RUN,
	.state_size = sizeof(struct listing),
	.load = load,
	.update = update,
	.target = task_rows_target,
	.command_line = task_rows_command_line,
	.lively = lively,
	LISTING_PANEL,
};
