/* A run's tables, a column a layer: what the table under the cursor reads and who reads it, directly or not, and the
 * critical path, by how long tries usually take. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/states.h"
#include "scheduler/queries_screen.h"
#include "ui-tui/run_tables.h"

enum { FOOT_ROWS = 2, NAME_MOST = 26, GAP = 2 };

struct node {
	const char *name, *short_name;
	uint32_t layer;           /* its column */
	uint32_t row;             /* within it */
	uint32_t up_first, up_end; /* of graph.ups: nodes that it reads */
	const struct sign *sign;  /* NULL: no task with a row */
	const char *counts;       /* "5 success, 2 failed" */
	bool critical;
};

struct graph_column {
	const char *layer;
	uint32_t first, end;      /* of graph.nodes */
};

struct graph {
	struct run_tables tables;
	struct node *nodes;
	uint32_t n;
	uint32_t *ups;
	struct graph_column *columns;
	uint32_t ncolumns;
	int64_t path_us;          /* of the critical path; 0: nothing is known */
};

struct graph_view {
	uint32_t cursor, left;    /* node; first column shown */
	uint32_t top;             /* first row shown, of all columns */
	char name[256];
	uint8_t *relation;        /* [n] of the cursor's: RELATION_* */
};
enum { RELATION_NONE, RELATION_UP, RELATION_DOWN };

/* --- loading --- */

/* What most needs to be seen of a table's tasks. */
static int urgency(const struct sign *sign)
{
	static const char order[] = "FTRUrspQC.KSE=";
	const char *at = strchr(order, sign->letter);
	return at ? (int)(at - order) : (int)sizeof order;
}

static int put_counts(struct graph *g, const struct query *q, const char *run_id, struct arena *arena, struct err *err)
{
	struct table_count_row *rows;
	size_t n;
	int rc = query_counts_by_table(q, run_id, &rows, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		const struct sign *sign = sign_of_task(rows[i].state, rows[i].result, rows[i].wait);
		uint32_t k = 0;
		while (k < g->n && strcmp(g->nodes[k].name, rows[i].table) != 0)
			k++;
		if (k == g->n)
			continue;
		struct node *node = &g->nodes[k];
		node->counts = arena_printf(arena, "%s%s%" PRId64 " %s", *node->counts ? node->counts : "", *node->counts ? ", " : "", rows[i].n, sign->word);
		if (!node->sign || urgency(sign) < urgency(node->sign))
			node->sign = sign;
	}
	return rc;
}

static void put_nodes(struct graph *g, struct arena *arena)
{
	struct graph_column *column = NULL;
	g->nodes = arena_array(arena, g->tables.n + 1, sizeof *g->nodes);
	g->columns = arena_array(arena, g->tables.n + 1, sizeof *g->columns);
	for (size_t i = 0; i < g->tables.n; i++) {
		const struct run_line *line = &g->tables.lines[i];
		if (!*line->table) {
			column = &g->columns[g->ncolumns++];
			*column = (struct graph_column){line->layer, g->n, g->n};
			continue;
		}
		const char *dot = strchr(line->table, '.');
		g->nodes[g->n] = (struct node){.name = line->table,
		                               .short_name = dot ? dot + 1 : line->table,
		                               .layer = g->ncolumns - 1,
		                               .row = g->n - column->first,
		                               .counts = ""};
		column->end = ++g->n;
	}
}

/* Edges among the run's own tables. */
static void put_edges(struct graph *g, const struct project *p, struct arena *arena)
{
	uint32_t *node_of = arena_array(arena, p->ntables + 1, sizeof *node_of), n = 0, k = 0;
	g->ups = arena_array(arena, p->nedges + 1, sizeof *g->ups);
	for (size_t i = 0; i < g->tables.n; i++) {
		const struct run_line *line = &g->tables.lines[i];
		if (*line->table && line->index != UINT32_MAX)
			node_of[line->index] = ++n; /* from 1 */
	}
	for (size_t i = 0; i < g->tables.n; i++) {
		const struct run_line *line = &g->tables.lines[i];
		if (!*line->table)
			continue;
		struct node *node = &g->nodes[k++];
		node->up_first = node->up_end = k == 1 ? 0 : g->nodes[k - 2].up_end;
		for (uint32_t e = line->index == UINT32_MAX ? 0 : p->up_first[line->index]; line->index != UINT32_MAX && e < p->up_first[line->index + 1]; e++) {
			uint32_t up = node_of[p->edges[e].up];
			if (up && p->edges[e].up != line->index)
				g->ups[node->up_end++] = up - 1;
		}
	}
}

/* The longest way through, by learned durations, along the project's order. */
static int mark_critical(struct graph *g, const struct view_source *source, struct arena *arena, struct err *err)
{
	struct table_stat *stats;
	size_t nstats;
	const struct project *p = source->project;
	int64_t *until = arena_array(arena, g->n + 1, sizeof *until);
	uint32_t *before = arena_array(arena, g->n + 1, sizeof *before), *node_of = arena_array(arena, p->ntables + 1, sizeof *node_of);
	int rc = query_table_stats(&source->query, NULL, 0, &stats, &nstats, err);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < g->n; i++) {
		const struct table *t = project_table(p, g->nodes[i].name);
		if (t)
			node_of[t->index] = i + 1;
	}
	uint32_t last = UINT32_MAX;
	for (size_t i = 0; i < p->ntables; i++) {
		uint32_t node = node_of[p->order[i]];
		if (!node--)
			continue;
		before[node] = UINT32_MAX;
		for (uint32_t e = g->nodes[node].up_first; e < g->nodes[node].up_end; e++) {
			if (before[node] == UINT32_MAX || until[g->ups[e]] > until[before[node]])
				before[node] = g->ups[e];
		}
		until[node] = before[node] == UINT32_MAX ? 0 : until[before[node]];
		for (size_t k = 0; k < nstats; k++) {
			if (strcmp(stats[k].table, g->nodes[node].name) == 0)
				until[node] += stats[k].duration_us;
		}
		if (last == UINT32_MAX || until[node] > until[last])
			last = node;
	}
	g->path_us = last == UINT32_MAX ? 0 : until[last];
	for (; g->path_us && last != UINT32_MAX; last = before[last])
		g->nodes[last].critical = true;
	return 0;
}

static void *load(const struct view_request *rq, const struct view_source *source, struct arena *arena, struct err *err)
{
	struct graph *g = arena_alloc(arena, sizeof *g);
	int rc = run_tables_load(rq->place.run, source, arena, &g->tables, err);
	if (rc == 0) {
		put_nodes(g, arena);
		rc = put_counts(g, &source->query, rq->place.run, arena, err);
	}
	if (rc == 0 && source->project->up_first) {
		put_edges(g, source->project, arena);
		rc = mark_critical(g, source, arena, err);
	}
	return rc < 0 ? NULL : g;
}

/* --- who is related to the cursor --- */

/* Over and over until nothing is added: a run's tables are few, and their order is not needed. */
static void relate(struct panel *p)
{
	struct graph_view *v = p->state;
	const struct graph *g = p->data;
	v->relation = mem_realloc(v->relation, g->n + 1, sizeof *v->relation);
	memset(v->relation, RELATION_NONE, g->n);
	for (bool more = g->n > 0; more;) {
		more = false;
		for (uint32_t i = 0; i < g->n; i++) {
			for (uint32_t e = g->nodes[i].up_first; e < g->nodes[i].up_end; e++) {
				uint32_t up = g->ups[e];
				if ((i == v->cursor || v->relation[i] == RELATION_UP) && v->relation[up] == RELATION_NONE && up != v->cursor) {
					v->relation[up] = RELATION_UP;
					more = true;
				}
				if ((up == v->cursor || v->relation[up] == RELATION_DOWN) && v->relation[i] == RELATION_NONE && i != v->cursor) {
					v->relation[i] = RELATION_DOWN;
					more = true;
				}
			}
		}
	}
}

static void go(struct panel *p, uint32_t node)
{
	struct graph_view *v = p->state;
	const struct graph *g = p->data;
	if (!g->n)
		return;
	v->cursor = node < g->n ? node : g->n - 1;
	snprintf(v->name, sizeof v->name, "%s", g->nodes[v->cursor].name);
	relate(p);
}

static void update(struct panel *p)
{
	struct graph_view *v = p->state;
	const struct graph *g = p->data;
	const char *wanted = v->name[0] ? v->name : p->request.place.table;
	uint32_t node = 0;
	for (uint32_t i = 0; i < g->n; i++) {
		if (strcmp(g->nodes[i].name, wanted) == 0)
			node = i;
	}
	go(p, node);
}

/* --- drawing --- */

static int width_of(const struct graph *g, const struct graph_column *c)
{
	int width = (int)text_width(c->layer);
	for (uint32_t i = c->first; i < c->end; i++) {
		int name = (int)text_width(g->nodes[i].short_name);
		width = name > width ? name : width;
	}
	return (width < NAME_MOST ? width : NAME_MOST) + 4; /* sign, blank, relation, blank */
}

static void keep_in_sight(struct panel *p, struct area a)
{
	struct graph_view *v = p->state;
	const struct graph *g = p->data;
	const struct node *node = &g->nodes[v->cursor];
	uint32_t rows = a.height > FOOT_ROWS + 1 ? (uint32_t)(a.height - FOOT_ROWS - 1) : 1;
	if (node->row < v->top)
		v->top = node->row;
	if (node->row >= v->top + rows)
		v->top = node->row - rows + 1;
	if (node->layer < v->left)
		v->left = node->layer;
	for (;; v->left++) {
		int width = 0;
		for (uint32_t c = v->left; c <= node->layer; c++)
			width += width_of(g, &g->columns[c]) + GAP;
		if (width - GAP <= a.width || v->left == node->layer)
			break;
	}
}

static void draw_node(const struct graph_view *v, const struct graph *g, struct area a, int y, uint32_t i)
{
	static const char *const relations[] = {" ", "◀", "▶"};
	const struct node *node = &g->nodes[i];
	enum look look = node->critical ? LOOK_PATH : v->relation[i] != RELATION_NONE || i == v->cursor ? LOOK_STRONG : LOOK_DIM;
	area_textf(a, 0, y, 1, node->sign ? node->sign->style : LOOK_DIM, "%c", node->sign ? node->sign->letter : '-');
	area_text(a, 1, y, 1, LOOK_KEY, relations[v->relation[i]]);
	area_text(a, 2, y, 1, LOOK_PATH, node->critical ? "*" : " ");
	area_text(a, 3, y, a.width - 3, look, node->short_name);
	if (i == v->cursor)
		area_mark(a, 0, y, a.width, MARK_CURSOR);
	else if (v->relation[i] != RELATION_NONE)
		area_mark(a, 3, y, (int)text_width(node->short_name), MARK_UNDERLINE);
}

static void draw_foot(const struct graph_view *v, const struct graph *g, struct area a)
{
	const struct node *node = &g->nodes[v->cursor];
	char took[32];
	struct buf line = BUF_INIT(1024);
	for (uint32_t e = node->up_first; e < node->up_end; e++)
		buf_addf(&line, "%s%s", e == node->up_first ? "  reads " : ", ", g->nodes[g->ups[e]].short_name);
	area_textf(a, 0, 0, a.width, node->sign ? node->sign->style : LOOK_DIM, "%s: %s%s", node->name, *node->counts ? node->counts : "no task with a row",
	           buf_cstr(&line));
	if (g->path_us)
		area_textf(a, 0, 1, a.width, LOOK_DIM, "◀ read by it  ▶ reads it  * on the critical path, usually %s", clock_human(took, sizeof took, g->path_us));
	buf_free(&line);
}

static void draw(struct panel *p, struct area a)
{
	struct graph_view *v = p->state;
	const struct graph *g = p->data;
	if (!g->n) {
		area_text(a, 0, 0, a.width, LOOK_DIM, "the run has no tables");
		return;
	}
	keep_in_sight(p, a);
	int x = 0;
	for (uint32_t c = v->left; c < g->ncolumns && x < a.width; c++) {
		const struct graph_column *column = &g->columns[c];
		int width = width_of(g, column);
		struct area part = area_columns(area_rows(a, 0, a.height - FOOT_ROWS), x, width);
		area_textf(part, 3, 0, width, LOOK_HEAD, "%s", column->layer);
		for (uint32_t i = column->first + v->top; i < column->end; i++)
			draw_node(v, g, part, (int)(i - column->first - v->top) + 1, i);
		x += width + GAP;
	}
	draw_foot(v, g, area_rows(a, a.height - FOOT_ROWS, FOOT_ROWS));
}

/* --- moving --- */

static void go_sideways(struct panel *p, int by)
{
	const struct graph_view *v = p->state;
	const struct graph *g = p->data;
	const struct node *node = &g->nodes[v->cursor];
	int64_t to = (int64_t)node->layer + by;
	if (to < 0 || to >= (int64_t)g->ncolumns)
		return;
	const struct graph_column *column = &g->columns[to];
	uint32_t row = column->first + node->row < column->end ? node->row : column->end - column->first - 1;
	go(p, column->first + row);
}

static void go_within(struct panel *p, int64_t by)
{
	const struct graph_view *v = p->state;
	const struct graph *g = p->data;
	const struct graph_column *column = &g->columns[g->nodes[v->cursor].layer];
	int64_t to = (int64_t)v->cursor + by;
	go(p, to < (int64_t)column->first ? column->first : to >= (int64_t)column->end ? column->end - 1 : (uint32_t)to);
}

static bool command(struct panel *p, enum ui_command c)
{
	int page = p->height > 5 ? p->height - 4 : 1;
	if (!((const struct graph *)p->data)->n)
		return false;
	switch (c) {
	case CMD_UP: go_within(p, -1); return true;
	case CMD_DOWN: go_within(p, 1); return true;
	case CMD_PAGE_UP: go_within(p, -page); return true;
	case CMD_PAGE_DOWN: go_within(p, page); return true;
	case CMD_LEFT: go_sideways(p, -1); return true;
	case CMD_RIGHT: go_sideways(p, 1); return true;
	case CMD_FIRST: go(p, 0); return true;
	case CMD_LAST: go(p, UINT32_MAX); return true;
	default: return false;
	}
}

static bool click(struct panel *p, const struct term_mouse *m)
{
	const struct graph_view *v = p->state;
	const struct graph *g = p->data;
	int x = 0;
	if (m->wheel && g->n)
		go_within(p, m->wheel);
	for (uint32_t c = v->left; m->press && m->y > 0 && c < g->ncolumns; c++) {
		int width = width_of(g, &g->columns[c]);
		uint32_t node = g->columns[c].first + v->top + (uint32_t)m->y - 1;
		if (m->x >= x && m->x < x + width && node < g->columns[c].end) {
			bool again = node == v->cursor;
			go(p, node);
			return again;
		}
		x += width + GAP;
	}
	return false;
}

/* The first table whose name holds it, from the cursor on. */
static void filter(struct panel *p, const char *text)
{
	const struct graph_view *v = p->state;
	const struct graph *g = p->data;
	for (uint32_t i = 0; g && *text && i < g->n; i++) {
		uint32_t node = (v->cursor + i) % g->n;
		if (strcasestr(g->nodes[node].name, text)) {
			go(p, node);
			return;
		}
	}
}

static void target(const struct panel *p, struct place *ret)
{
	const struct graph_view *v = p->state;
	const struct graph *g = p->data;
	if (!g->n)
		return;
	snprintf(ret->table, sizeof ret->table, "%s", g->nodes[v->cursor].name);
	ret->panel = panel_class_find("table");
}

static void command_line(const struct panel *p, struct buf *out)
{
	const struct graph *g = p->data;
	buf_addf(out, "strata graph %s", g ? g->tables.run.selection : "");
}

static void end(struct panel *p)
{
	free(((struct graph_view *)p->state)->relation);
}

const struct panel_class panel_graph = {
	.name = "graph",
	.title = "Graph",
	.scopes = SCOPE_MAP | SCOPE_RUN,
	.needs_edges = true,
	.state_size = sizeof(struct graph_view),
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
