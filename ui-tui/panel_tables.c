/* All tables: those of the project, and those that the state knows from before. */
#include <stdio.h>
#include <string.h>

#include "scheduler/queries_screen.h"
#include "ui-tui/listing_panel.h"

struct table_line {
	const char *name, *owner, *description;
	const struct published_table_row *published; /* NULL: never, or nothing is left of it */
	const struct table_stat *stat;               /* NULL: never built */
	bool gone;                                   /* the project has it no longer */
};

struct tables {
	struct table_line *lines;
	size_t n;
};

/* Of rows sorted by their first member, a name. */
static const void *find(const void *rows, size_t n, size_t size, const char *name)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		const void *row = (const char *)rows + mid * size;
		int c = strcmp(*(const char *const *)row, name);
		if (c == 0)
			return row;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static const char *copy(struct arena *arena, const char *s)
{
	return s ? arena_strdup(arena, s) : "";
}

static void *load(const struct view_request *rq, const struct view_source *source, struct arena *arena, struct err *err)
{
	struct tables *t = arena_alloc(arena, sizeof *t);
	const struct project *p = source->project;
	struct published_table_row *published;
	struct table_stat *stats;
	size_t npublished, nstats;
	(void)rq;
	if (query_published_tables(&source->query, &published, &npublished, err) < 0 ||
	    query_table_stats(&source->query, NULL, 0, &stats, &nstats, err) < 0)
		return NULL;
	t->lines = arena_array(arena, p->ntables + npublished + 1, sizeof *t->lines);
	for (size_t i = 0; i < p->ntables; i++) {
		const struct table *table = &p->tables[i];
		if (table->kind == TABLE_EXTERNAL)
			continue;
		t->lines[t->n++] = (struct table_line){.name = copy(arena, table->qname),
		                                       .owner = copy(arena, table->owner),
		                                       .description = copy(arena, table->description),
		                                       .published = find(published, npublished, sizeof *published, table->qname),
		                                       .stat = find(stats, nstats, sizeof *stats, table->qname)};
	}
	for (size_t i = 0; i < npublished; i++) {
		if (!project_table(p, published[i].table))
			t->lines[t->n++] = (struct table_line){.name = published[i].table, .owner = "", .description = "not in the project any more",
			                                       .published = &published[i], .gone = true};
	}
	return t;
}

enum { COL_TABLE, COL_PARTS, COL_NEWEST, COL_ROWS, COL_BYTES, COL_PUBLISHED, COL_TAKES, COL_OWNER, COL_DESCRIPTION };
static const struct listing_column columns[] = {
	{.title = "TABLE", .width = 32},
	{.title = "PARTS", .width = 6, .right = true, .rank = 5},
	{.title = "NEWEST", .width = 10, .rank = 1},
	{.title = "ROWS", .width = 12, .right = true, .rank = 3},
	{.title = "SIZE", .width = 7, .right = true, .rank = 4},
	{.title = "PUBLISHED", .width = 14, .rank = 2},
	{.title = "TAKES", .width = 8, .right = true, .rank = 6},
	{.title = "OWNER", .width = 12, .rank = 7},
	{.title = "DESCRIPTION", .width = 10, .grows = true, .told = true, .rank = 8},
	{0},
};

static void cell(const void *data, size_t row, size_t column, struct listing_cell *ret)
{
	const struct table_line *l = &((const struct tables *)((const struct panel *)data)->data)->lines[row];
	const struct published_table_row *p = l->published;
	switch (column) {
	case COL_TABLE: cell_text(ret, l->gone ? LOOK_DIM : LOOK_TEXT, l->name); break;
	case COL_PARTS: cell_number(ret, p ? p->partitions : 0); break;
	case COL_NEWEST: cell_text(ret, LOOK_TEXT, p ? p->newest : ""); break;
	case COL_ROWS: cell_number(ret, p ? p->rows : PG_NULL64); break;
	case COL_BYTES: cell_bytes(ret, p ? p->bytes : PG_NULL64); break;
	case COL_PUBLISHED: cell_time(ret, p ? p->published_us : 0); break;
	case COL_TAKES: cell_duration(ret, l->stat ? l->stat->duration_us : -1); break;
	case COL_OWNER: cell_text(ret, LOOK_TEXT, l->owner); break;
	case COL_DESCRIPTION: cell_text(ret, LOOK_DIM, l->description); break;
	default: break;
	}
}

static void key(const void *data, size_t row, char ret[LISTING_KEY_SIZE])
{
	snprintf(ret, LISTING_KEY_SIZE, "%s", ((const struct tables *)((const struct panel *)data)->data)->lines[row].name);
}

static void update(struct panel *p)
{
	const struct tables *t = p->data;
	listing_update(p->state, &(struct listing_source){.columns = columns, .nrows = t->n, .data = p, .cell = cell, .key = key});
}

static void target(const struct panel *p, struct place *ret)
{
	int64_t row = listing_row(p->state);
	if (row < 0)
		return;
	snprintf(ret->table, sizeof ret->table, "%s", ((const struct tables *)p->data)->lines[row].name);
	ret->panel = panel_class_find("table");
}

static void command_line(const struct panel *p, struct buf *out)
{
	(void)p;
	buf_adds(out, "strata list");
}

const struct panel_class panel_tables = {
	.name = "tables",
	.title = "Tables",
	.scopes = SCOPE_LIST,
	.state_size = sizeof(struct listing),
	.load = load,
	.update = update,
	.target = target,
	.command_line = command_line,
	LISTING_PANEL,
};
