/* All runs, newest first. */
#include <string.h>

#include "core/states.h"
#include "scheduler/run_progress.h"
#include "ui-tui/listing_panel.h"

enum { RUNS_MOST = 2000 };

struct runs {
	struct run_row *rows;
	struct run_progress *progress; /* [n] */
	size_t n;
};

static void *load(const struct view_request *rq, const struct view_source *source, struct arena *arena, struct err *err)
{
	struct runs *runs = arena_alloc(arena, sizeof *runs);
	(void)rq;
	if (query_runs(&source->query, RUNS_MOST, &runs->rows, &runs->n, err) < 0)
		return NULL;
	runs->progress = arena_array(arena, runs->n + 1, sizeof *runs->progress);
	for (size_t i = 0; i < runs->n; i++)
		run_progress_of(&runs->rows[i], runs->rows[i].alive, &runs->progress[i]);
	return runs;
}

enum { COL_SIGN, COL_RUN, COL_KIND, COL_DATES, COL_TASKS, COL_FAILED, COL_FRESH, COL_BEGAN, COL_TOOK, COL_LEFT, COL_SELECT };
static const struct listing_column columns[] = {
	{.title = " ", .width = 1},
	{.title = "RUN", .width = 26},
	{.title = "KIND", .width = 9, .rank = 4},
	{.title = "DATES", .width = 21, .rank = 3},
	{.title = "DONE", .width = 20, .rank = 2},
	{.title = "FAILED", .width = 6, .right = true, .rank = 5},
	{.title = "FRESH", .width = 7, .right = true, .rank = 8},
	{.title = "BEGAN", .width = 14, .rank = 6},
	{.title = "TOOK", .width = 9, .right = true, .rank = 1},
	{.title = "LEFT", .width = 8, .right = true, .rank = 4},
	{.title = "SELECTION", .width = 10, .grows = true, .told = true, .rank = 7},
	{0},
};

static void cell(const void *data, size_t row, size_t column, struct listing_cell *ret)
{
	const struct panel *p = data;
	const struct runs *runs = p->data;
	const struct run_row *r = &runs->rows[row];
	const struct run_progress *progress = &runs->progress[row];
	switch (column) {
	case COL_SIGN: cell_sign(ret, sign_of_run(r->state, r->result, r->paused)); break;
	case COL_RUN: cell_text(ret, LOOK_TEXT, r->run_id); break;
	case COL_KIND: cell_text(ret, LOOK_TEXT, r->kind); break;
	case COL_DATES: range_text(ret->text, r->first_day, r->last_day); break;
	case COL_TASKS: cell_bar(ret, progress->done, progress->total); break;
	case COL_FAILED:
		cell_number(ret, progress->failed ? progress->failed : PG_NULL64);
		ret->style = LOOK_BAD;
		break;
	case COL_FRESH: cell_number(ret, r->fresh); ret->style = LOOK_DIM; break;
	case COL_BEGAN: cell_time(ret, r->created_us); break;
	case COL_TOOK: cell_duration(ret, r->started_us ? (r->ended_us ? r->ended_us : p->now_us) - r->started_us : -1); break;
	case COL_LEFT:
		if (progress->over || progress->up)
			cell_duration(ret, progress->left_us == PG_NULL64 ? -1 : progress->left_us);
		else
			cell_text(ret, LOOK_WARN, "nobody"); /* works on it */
		break;
	case COL_SELECT: cell_text(ret, LOOK_TEXT, r->selection); break;
	default: break;
	}
}

static void key(const void *data, size_t row, char ret[LISTING_KEY_SIZE])
{
	const struct runs *runs = ((const struct panel *)data)->data;
	snprintf(ret, LISTING_KEY_SIZE, "%s", runs->rows[row].run_id);
}

static void update(struct panel *p)
{
	const struct runs *runs = p->data;
	listing_update(p->state, &(struct listing_source){.columns = columns, .nrows = runs->n, .data = p, .cell = cell, .key = key});
}

static void target(const struct panel *p, struct place *ret)
{
	const struct runs *runs = p->data;
	int64_t row = listing_row(p->state);
	if (row < 0)
		return;
	snprintf(ret->run, sizeof ret->run, "%s", runs->rows[row].run_id);
	ret->panel = panel_class_find("map");
}

static bool paused(const struct panel *p)
{
	int64_t row = listing_row(p->state);
	return row >= 0 && ((const struct runs *)p->data)->rows[row].paused;
}

static void command_line(const struct panel *p, struct buf *out)
{
	(void)p;
	buf_adds(out, "strata runs");
}

static bool lively(const struct panel *p)
{
	const struct runs *runs = p->data;
	for (size_t i = 0; i < runs->n; i++) {
		if (runs->rows[i].alive && strcmp(runs->rows[i].state, run_state_name(RUN_RUNNING)) == 0)
			return true;
	}
	return false;
}

const struct panel_class panel_runs = {
	.name = "runs",
	.title = "Runs",
	.scopes = SCOPE_LIST,
	.state_size = sizeof(struct listing),
	.load = load,
	.update = update,
	.target = target,
	.command_line = command_line,
	.paused = paused,
	.lively = lively,
	LISTING_PANEL,
};
