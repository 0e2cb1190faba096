/* A run as a map: layers and tables down, dates across, a cell a task. Only the part that is on the screen is asked for, so
 * that a million tasks are no more than eighty. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/date.h"
#include "core/states.h"
#include "scheduler/queries_screen.h"
#include "ui-tui/run_tables.h"

enum { HEAD_ROWS = 3, FOOT_ROWS = 1, NAME_LEAST = 12, NAME_MOST = 34, FOLDS_MAX = 64 };

/* request.window: lines, first date, dates; request.lines: which lines. What is on the screen, so neither what is folded away
 * nor what the filter leaves out; 0 lines: nothing yet. */
struct map {
	struct run_tables tables;
	uint32_t first_date, ndates;
	/* [tables.n], NULL: not asked for; each [ndates], NULL: no row. Of a table with one task: in the first column */
	const struct sign ***cells;
};

/* The screen's: lines that are not folded away, and where the cursor is. */
struct map_view {
	uint32_t *lines; /* [n] indexes into tables.lines */
	size_t n;
	size_t cursor, top;
	uint32_t date, left;
	char folded[FOLDS_MAX][64];
	size_t nfolded;
	char table[256]; /* under the cursor, to find it again */
};

/* `names` are the tables of `lines`; a table's rows come one after the other. */
static void put_cells(struct map *m, const char *const *names, const uint32_t *lines, size_t nnames, const struct cell_row *rows, size_t n)
{
	size_t at = 0;
	for (size_t i = 0; i < n; i++) {
		int32_t day;
		uint32_t date = 0;
		if (strcmp(names[at], rows[i].table) != 0) {
			for (at = 0; at + 1 < nnames && strcmp(names[at], rows[i].table) != 0; at++)
				;
		}
		if (*rows[i].partition && date_parse(rows[i].partition, &day))
			date = (uint32_t)(day - m->tables.first_day) - m->first_date;
		if (date < m->ndates)
			m->cells[lines[at]][date] = sign_of_task(rows[i].state, rows[i].result, rows[i].wait);
	}
}

static void *load(const struct view_request *rq, const struct view_source *source, struct arena *arena, struct err *err)
{
	struct map *m = arena_alloc(arena, sizeof *m);
	struct cell_row *rows = NULL;
	size_t n = 0;
	if (run_tables_load(rq->place.run, source, arena, &m->tables, err) < 0)
		return NULL;
	m->first_date = (uint32_t)rq->window[1] < m->tables.ndates ? (uint32_t)rq->window[1] : 0;
	m->ndates = (uint32_t)rq->window[2] < m->tables.ndates - m->first_date ? (uint32_t)rq->window[2] : m->tables.ndates - m->first_date;
	m->cells = arena_array(arena, m->tables.n + 1, sizeof *m->cells);
	const char *names[VIEW_LINES];
	uint32_t lines[VIEW_LINES];
	size_t nnames = 0;
	for (size_t i = 0; i < (size_t)rq->window[0]; i++) {
		uint32_t line = rq->lines[i];
		if (line >= m->tables.n || !*m->tables.lines[line].table)
			continue;
		m->cells[line] = arena_array(arena, m->ndates + 1, sizeof **m->cells);
		names[nnames] = m->tables.lines[line].table;
		lines[nnames++] = line;
	}
	int32_t lo = m->tables.first_day == DATE_NONE ? 0 : m->tables.first_day + (int32_t)m->first_date;
	if (nnames && query_cells(&source->query, rq->place.run, names, nnames, lo, lo + (int32_t)m->ndates - 1, &rows, &n, err) < 0)
		return NULL;
	put_cells(m, names, lines, nnames, rows, n);
	return m;
}

/* --- the lines that are shown --- */

static bool is_folded(const struct map_view *v, const char *layer)
{
	for (size_t i = 0; i < v->nfolded; i++) {
		if (strcmp(v->folded[i], layer) == 0)
			return true;
	}
	return false;
}

static void arrange(struct panel *p)
{
	struct map_view *v = p->state;
	const struct map *m = p->data;
	v->lines = mem_realloc(v->lines, m->tables.n + 1, sizeof *v->lines);
	v->n = 0;
	for (size_t i = 0; i < m->tables.n; i++) {
		const struct run_line *line = &m->tables.lines[i];
		bool head = !*line->table;
		bool fits = p->filter[0] ? !head && strcasestr(line->table, p->filter) : head || !is_folded(v, line->layer);
		if (!fits)
			continue;
		if (v->table[0] && strcmp(*line->table ? line->table : line->layer, v->table) == 0)
			v->cursor = v->n;
		v->lines[v->n++] = (uint32_t)i;
	}
	if (v->cursor >= v->n)
		v->cursor = v->n ? v->n - 1 : 0;
}

static const struct run_line *line_at(const struct panel *p, size_t i)
{
	const struct map_view *v = p->state;
	return &((const struct map *)p->data)->tables.lines[v->lines[i]];
}

static void remember(struct panel *p)
{
	struct map_view *v = p->state;
	const struct run_line *line = v->n ? line_at(p, v->cursor) : NULL;
	snprintf(v->table, sizeof v->table, "%s", !line ? "" : *line->table ? line->table : line->layer);
}

static void update(struct panel *p)
{
	const struct map *m = p->data;
	struct map_view *v = p->state;
	if (v->date >= m->tables.ndates)
		v->date = m->tables.ndates - 1;
	arrange(p);
}

static void fold(struct panel *p)
{
	struct map_view *v = p->state;
	if (!v->n)
		return;
	const char *layer = line_at(p, v->cursor)->layer;
	size_t i = 0;
	while (i < v->nfolded && strcmp(v->folded[i], layer) != 0)
		i++;
	if (i < v->nfolded)
		memcpy(v->folded[i], v->folded[--v->nfolded], sizeof v->folded[i]);
	else if (v->nfolded < FOLDS_MAX)
		snprintf(v->folded[v->nfolded++], sizeof v->folded[0], "%s", layer);
	snprintf(v->table, sizeof v->table, "%s", layer);
	arrange(p);
}

/* --- what is on the screen --- */

/* How wide the names and each date are, and how much there is room for. */
struct layout {
	int name, step, rows;
	uint32_t dates;
};

static struct layout layout_of(const struct panel *p, int width, int height)
{
	const struct map *m = p->data;
	int64_t left = width - 1 - 2 * (int64_t)m->tables.ndates; /* where all dates have room */
	struct layout l = {.name = left > width / 3 ? (int)left : width / 3, .rows = height - HEAD_ROWS - FOOT_ROWS};
	l.name = l.name < NAME_LEAST ? NAME_LEAST : l.name > NAME_MOST ? NAME_MOST : l.name;
	int room = width - l.name - 1;
	l.step = (int64_t)m->tables.ndates * 2 <= room ? 2 : 1;
	int64_t dates = room > 0 ? (room + l.step - 1) / l.step : 0;
	l.dates = dates < (int64_t)m->tables.ndates ? (uint32_t)dates : m->tables.ndates;
	l.rows = l.rows < 0 ? 0 : l.rows;
	return l;
}

static void keep_in_sight(struct panel *p, const struct layout *l)
{
	struct map_view *v = p->state;
	size_t rows = (size_t)l->rows;
	if (v->cursor < v->top)
		v->top = v->cursor;
	if (rows && v->cursor >= v->top + rows)
		v->top = v->cursor - rows + 1;
	if (v->date < v->left)
		v->left = v->date;
	if (l->dates && v->date >= v->left + l->dates)
		v->left = v->date - l->dates + 1;
}

/* What is on the screen has to be in the snapshot. */
static void ask_for_window(struct panel *p, const struct layout *l)
{
	const struct map_view *v = p->state;
	size_t n = v->n - v->top < (size_t)l->rows ? v->n - v->top : (size_t)l->rows;
	n = n < VIEW_LINES ? n : VIEW_LINES;
	const int64_t window[4] = {(int64_t)n, v->left, l->dates};
	if (v->top >= v->n || (memcmp(window, p->request.window, sizeof window) == 0 &&
	                       memcmp(v->lines + v->top, p->request.lines, n * sizeof *v->lines) == 0))
		return;
	memcpy(p->request.window, window, sizeof window);
	memcpy(p->request.lines, v->lines + v->top, n * sizeof *v->lines);
	p->stale = true;
}

/* Month above, day in two digits one below the other. */
static void draw_head(const struct panel *p, struct area a, const struct layout *l)
{
	const struct map_view *v = p->state;
	const struct map *m = p->data;
	int shown_until = 0;
	if (m->tables.first_day == DATE_NONE)
		return;
	for (uint32_t d = 0; d < l->dates && v->left + d < m->tables.ndates; d++) {
		char date[DATE_SIZE];
		int x = l->name + 1 + (int)d * l->step;
		enum look look = v->left + d == v->date ? LOOK_STRONG : LOOK_DIM;
		date_format(date, m->tables.first_day + (int32_t)(v->left + d));
		if ((d == 0 || strcmp(date + 8, "01") == 0) && x >= shown_until)
			shown_until = x + area_textf(a, x, 0, 7, LOOK_HEAD, "%.7s", date) + 1;
		area_textf(a, x, 1, 1, look, "%c", date[8]);
		area_textf(a, x, 2, 1, look, "%c", date[9]);
	}
}

static const struct sign *sign_at(const struct map *m, uint32_t line, uint32_t date)
{
	if (!m->cells[line] || date < m->first_date || date - m->first_date >= m->ndates)
		return NULL;
	return m->cells[line][date - m->first_date];
}

static void draw_line(const struct panel *p, struct area a, int y, size_t at, const struct layout *l)
{
	const struct map_view *v = p->state;
	const struct map *m = p->data;
	const struct run_line *line = line_at(p, at);
	if (!*line->table) {
		area_textf(a, 0, y, l->name, LOOK_HEAD, "%s %s (%u)", is_folded(v, line->layer) ? "▸" : "▾", line->layer, line->tables);
		return;
	}
	const char *name = strchr(line->table, '.');
	area_text(a, 2, y, l->name - 2, at == v->cursor ? LOOK_STRONG : LOOK_TEXT, name ? name + 1 : line->table);
	for (uint32_t d = 0; d < l->dates && v->left + d < m->tables.ndates && (line->partitioned || d == 0); d++) {
		const struct sign *sign = sign_at(m, v->lines[at], line->partitioned ? v->left + d : m->first_date);
		int x = l->name + 1 + (int)d * l->step;
		area_textf(a, x, y, 1, sign ? sign->style : LOOK_DIM, "%c", sign ? sign->letter : '-');
	}
}

/* The task under the cursor, in words. */
static void draw_foot(const struct panel *p, struct area a)
{
	const struct map_view *v = p->state;
	const struct map *m = p->data;
	char date[DATE_SIZE] = "";
	if (!v->n || !*line_at(p, v->cursor)->table)
		return;
	const struct sign *sign = sign_at(m, v->lines[v->cursor], line_at(p, v->cursor)->partitioned ? v->date : m->first_date);
	bool done = strcmp(m->tables.run.state, run_state_name(RUN_DONE)) == 0;
	if (m->tables.first_day != DATE_NONE && line_at(p, v->cursor)->partitioned)
		date_format(date, m->tables.first_day + (int32_t)v->date);
	area_textf(a, 0, 0, a.width, sign ? sign->style : LOOK_DIM, "%s%s%s: %s", line_at(p, v->cursor)->table, *date ? " " : "", date,
	           sign ? sign->word : done ? "no row: fresh, or not of this run" : "no row: fresh, or nothing has been said of it yet");
}

static void draw(struct panel *p, struct area a)
{
	struct map_view *v = p->state;
	struct layout l = layout_of(p, a.width, a.height);
	keep_in_sight(p, &l);
	draw_head(p, a, &l);
	for (int y = 0; y < l.rows && v->top + (size_t)y < v->n; y++) {
		draw_line(p, a, HEAD_ROWS + y, v->top + (size_t)y, &l);
		if (v->top + (size_t)y == v->cursor && *line_at(p, v->cursor)->table)
			area_mark(a, l.name + 1 + (int)(v->date - v->left) * l.step, HEAD_ROWS + y, 1, MARK_CURSOR);
		else if (v->top + (size_t)y == v->cursor)
			area_mark(a, 0, HEAD_ROWS + y, l.name, MARK_CURSOR);
	}
	if (!v->n)
		area_text(a, 0, HEAD_ROWS, a.width, LOOK_DIM, p->filter[0] ? "no table's name holds that" : "the run has no tables");
	draw_foot(p, area_rows(a, a.height - FOOT_ROWS, FOOT_ROWS));
	ask_for_window(p, &l);
}

/* --- moving --- */

static void go(struct panel *p, int64_t line, int64_t date)
{
	struct map_view *v = p->state;
	const struct map *m = p->data;
	int64_t last = v->n ? (int64_t)v->n - 1 : 0, end = (int64_t)m->tables.ndates - 1;
	v->cursor = (size_t)(line < 0 ? 0 : line > last ? last : line);
	v->date = (uint32_t)(date < 0 ? 0 : date > end ? end : date);
	remember(p);
}

static bool command(struct panel *p, enum ui_command c)
{
	const struct map_view *v = p->state;
	struct layout l = layout_of(p, p->width, p->height);
	int64_t line = (int64_t)v->cursor, date = v->date, page = l.rows > 1 ? l.rows - 1 : 1;
	switch (c) {
	case CMD_UP: go(p, line - 1, date); return true;
	case CMD_DOWN: go(p, line + 1, date); return true;
	case CMD_LEFT: go(p, line, date - 1); return true;
	case CMD_RIGHT: go(p, line, date + 1); return true;
	case CMD_PAGE_UP: go(p, line - page, date); return true;
	case CMD_PAGE_DOWN: go(p, line + page, date); return true;
	case CMD_FIRST: go(p, line, 0); return true;
	case CMD_LAST: go(p, line, (int64_t)((const struct map *)p->data)->tables.ndates - 1); return true;
	case CMD_FOLD: fold(p); return true;
	case CMD_OPEN:
		if (v->n && !*line_at(p, v->cursor)->table) {
			fold(p);
			return true;
		}
		return false;
	default: return false;
	}
}

static bool click(struct panel *p, const struct term_mouse *m)
{
	const struct map_view *v = p->state;
	struct layout l = layout_of(p, p->width, p->height);
	if (m->wheel) {
		go(p, (int64_t)v->cursor + 3 * m->wheel, v->date);
		return false;
	}
	int64_t line = (int64_t)v->top + m->y - HEAD_ROWS, date = m->x > l.name ? (int64_t)v->left + (m->x - l.name - 1) / l.step : (int64_t)v->date;
	if (!m->press || m->y < HEAD_ROWS || line >= (int64_t)v->n)
		return false;
	bool again = line == (int64_t)v->cursor && date == v->date;
	go(p, line, date);
	if (again && !*line_at(p, v->cursor)->table)
		fold(p);
	return again;
}

static void filter(struct panel *p, const char *text)
{
	(void)text;
	if (p->data)
		arrange(p);
}

/* A table that has one task only has it in the first column, under no date. */
static void target(const struct panel *p, struct place *ret)
{
	const struct map_view *v = p->state;
	const struct map *m = p->data;
	if (!v->n || !*line_at(p, v->cursor)->table)
		return;
	const struct run_line *line = line_at(p, v->cursor);
	snprintf(ret->table, sizeof ret->table, "%s", line->table);
	if (m->tables.first_day != DATE_NONE && line->partitioned)
		date_format(ret->partition, m->tables.first_day + (int32_t)v->date);
	ret->panel = panel_class_find("task");
}

static void command_line(const struct panel *p, struct buf *out)
{
	buf_addf(out, "strata tasks %s", p->request.place.run);
}

static void end(struct panel *p)
{
	free(((struct map_view *)p->state)->lines);
}

const struct panel_class panel_map = {
	.name = "map",
	.title = "Map",
	.scopes = SCOPE_MAP | SCOPE_LAYERS | SCOPE_RUN,
	.needs_edges = true,
	.state_size = sizeof(struct map_view),
	.load = load,
	.update = update,
	.draw = draw,
	.command = command,
	.click = click,
	.filter = filter,
	.target = target,
	.command_line = command_line,
	.close = end,
};
