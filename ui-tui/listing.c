/* See listing.h. */
#include "ui-tui/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"

enum { COLUMNS_MAX = 24, GAP = 1 };

void listing_init(struct listing *l)
{
	*l = (struct listing){.sort = -1};
}

void listing_free(struct listing *l)
{
	free(l->order);
	listing_init(l);
	l->order = NULL;
}

static void cell_of(const struct listing *l, size_t row, size_t column, struct listing_cell *ret)
{
	ret->text[0] = '\0';
	ret->style = LOOK_TEXT;
	ret->order = 0;
	ret->by_number = false;
	l->source.cell(l->source.data, row, column, ret);
}

static bool matches(const struct listing *l, size_t row)
{
	struct listing_cell cell;
	bool found = !l->filter[0];
	for (size_t c = 0; !found && l->source.columns[c].title; c++) {
		cell_of(l, row, c, &cell);
		found = strcasestr(cell.text, l->filter) != NULL;
	}
	return found;
}

/* What is sorted by, taken out once a row. */
struct sorted {
	uint32_t row;
	bool by_number, reverse;
	double order;
	char *text;
};

static int compare(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	int c;
	if (x->by_number && y->by_number)
		c = (x->order > y->order) - (x->order < y->order);
	else
		c = strcasecmp(x->text, y->text);
	if (x->reverse)
		c = -c;
	return c ? c : (x->row > y->row) - (x->row < y->row);
}

static void sort(struct listing *l)
{
	struct listing_cell cell;
	if (l->sort < 0 && !l->reverse)
		return;
	struct sorted *items = mem_array(l->shown ? l->shown : 1, sizeof *items);
	for (size_t i = 0; i < l->shown; i++) {
		items[i] = (struct sorted){.row = l->order[i], .by_number = true, .reverse = l->reverse, .order = l->order[i]};
		if (l->sort < 0)
			continue;
		cell_of(l, l->order[i], (size_t)l->sort, &cell);
		items[i].by_number = cell.by_number;
		items[i].order = cell.order;
		items[i].text = mem_strdup(cell.text);
	}
	qsort(items, l->shown, sizeof *items, compare);
	for (size_t i = 0; i < l->shown; i++) {
		l->order[i] = items[i].row;
		free(items[i].text);
	}
	free(items);
}

static void remember(struct listing *l)
{
	l->key[0] = '\0';
	if (l->shown)
		l->source.key(l->source.data, l->order[l->cursor], l->key);
}

/* Filter and sort anew; the cursor goes where its row has gone. */
static void arrange(struct listing *l)
{
	char key[LISTING_KEY_SIZE];
	free(l->order);
	l->order = mem_array(l->source.nrows ? l->source.nrows : 1, sizeof *l->order);
	l->shown = 0;
	for (size_t row = 0; row < l->source.nrows; row++) {
		if (matches(l, row))
			l->order[l->shown++] = (uint32_t)row;
	}
	sort(l);
	bool found = false;
	for (size_t i = 0; l->key[0] && !l->follow && i < l->shown && !found; i++) {
		l->source.key(l->source.data, l->order[i], key);
		found = strcmp(key, l->key) == 0;
		if (found)
			l->cursor = i;
	}
	if (l->follow)
		l->cursor = 0;
	if (l->cursor >= l->shown)
		l->cursor = l->shown ? l->shown - 1 : 0;
	remember(l);
}

void listing_update(struct listing *l, const struct listing_source *source)
{
	l->source = *source;
	arrange(l);
}

void listing_filter(struct listing *l, const char *text)
{
	snprintf(l->filter, sizeof l->filter, "%s", text);
	if (l->source.cell)
		arrange(l);
}

static void move_to(struct listing *l, int64_t to)
{
	int64_t last = l->shown ? (int64_t)l->shown - 1 : 0;
	l->cursor = (size_t)(to < 0 ? 0 : to > last ? last : to);
	l->follow = l->follow && l->cursor == 0;
	remember(l);
}

static void sort_by_next(struct listing *l)
{
	l->sort++;
	if (!l->source.columns[l->sort].title)
		l->sort = -1;
	arrange(l);
}

bool listing_command(struct listing *l, enum ui_command command, int height)
{
	int64_t at = (int64_t)l->cursor, page = height > 2 ? height - 2 : 1;
	if (!l->source.cell)
		return false;
	switch (command) {
	case CMD_UP: move_to(l, at - 1); return true;
	case CMD_DOWN: move_to(l, at + 1); return true;
	case CMD_PAGE_UP: move_to(l, at - page); return true;
	case CMD_PAGE_DOWN: move_to(l, at + page); return true;
	case CMD_FIRST: move_to(l, 0); return true;
	case CMD_LAST: move_to(l, (int64_t)l->shown - 1); return true;
	case CMD_SORT: sort_by_next(l); return true;
	case CMD_REVERSE: l->reverse = !l->reverse; arrange(l); return true;
	case CMD_FOLLOW: l->follow = !l->follow; arrange(l); return true;
	default: return false;
	}
}

bool listing_click(struct listing *l, int y)
{
	size_t row = l->top + (size_t)(y - 1);
	if (y < 1 || row >= l->shown)
		return false;
	bool again = row == l->cursor;
	move_to(l, (int64_t)row);
	return again;
}

void listing_scroll(struct listing *l, int rows)
{
	move_to(l, (int64_t)l->cursor + rows);
}

/* Which columns there is room for, and how wide they are. */
static void fit(const struct listing *l, int width, int widths[COLUMNS_MAX])
{
	const struct listing_column *columns = l->source.columns;
	size_t n = 0;
	int total = 0, grows = -1;
	for (; n < COLUMNS_MAX && columns[n].title; n++) {
		widths[n] = columns[n].width;
		total += columns[n].width + GAP;
		if (columns[n].grows)
			grows = (int)n;
	}
	while (total - GAP > width) {
		int worst = -1;
		for (size_t i = 0; i < n; i++) {
			if (widths[i] && columns[i].rank > 0 && (worst < 0 || columns[i].rank >= columns[worst].rank))
				worst = (int)i;
		}
		if (worst < 0)
			break;
		total -= widths[worst] + GAP;
		widths[worst] = 0;
	}
	if (grows >= 0 && widths[grows]) {
		widths[grows] += width - (total - GAP);
		if (widths[grows] < 4)
			widths[grows] = 4;
	}
}

static void draw_head(const struct listing *l, struct area a, const int widths[COLUMNS_MAX])
{
	int x = 0;
	for (size_t c = 0; c < COLUMNS_MAX && l->source.columns[c].title; c++) {
		const struct listing_column *col = &l->source.columns[c];
		char title[64];
		if (!widths[c])
			continue;
		snprintf(title, sizeof title, "%s%s", col->title, l->sort != (int)c ? "" : l->reverse ? "▼" : "▲");
		if (col->right)
			area_right(a, x, 0, widths[c], LOOK_HEAD, title);
		else
			area_text(a, x, 0, widths[c], LOOK_HEAD, title);
		x += widths[c] + GAP;
	}
}

static void draw_row(const struct listing *l, struct area a, int y, size_t row, const int widths[COLUMNS_MAX])
{
	struct listing_cell cell;
	int x = 0;
	for (size_t c = 0; c < COLUMNS_MAX && l->source.columns[c].title; c++) {
		if (!widths[c])
			continue;
		cell_of(l, row, c, &cell);
		if (l->source.columns[c].right)
			area_right(a, x, y, widths[c], cell.style, cell.text);
		else
			area_text(a, x, y, widths[c], cell.style, cell.text);
		x += widths[c] + GAP;
	}
}

void listing_draw(struct listing *l, struct area a)
{
	int widths[COLUMNS_MAX] = {0};
	if (!l->source.cell || a.height < 2)
		return;
	size_t room = (size_t)a.height - 1;
	if (l->cursor < l->top)
		l->top = l->cursor;
	if (l->cursor >= l->top + room)
		l->top = l->cursor - room + 1;
	if (l->top + room > l->shown)
		l->top = l->shown > room ? l->shown - room : 0;
	fit(l, a.width, widths);
	draw_head(l, a, widths);
	for (size_t i = 0; i < room && l->top + i < l->shown; i++) {
		draw_row(l, a, (int)i + 1, l->order[l->top + i], widths);
		if (l->top + i == l->cursor)
			area_mark(a, 0, (int)i + 1, a.width, MARK_CURSOR);
	}
	if (!l->shown)
		area_textf(a, 0, 1, a.width, LOOK_DIM, l->filter[0] ? "nothing holds '%s'; Esc shows all" : "%s", l->filter[0] ? l->filter : "nothing here");
}

void listing_tell(const struct listing *l, struct area a)
{
	int widths[COLUMNS_MAX] = {0};
	struct listing_cell cell;
	if (!l->source.cell || !l->shown)
		return;
	fit(l, a.width, widths);
	for (size_t c = 0; c < COLUMNS_MAX && l->source.columns[c].title; c++) {
		if (!l->source.columns[c].told)
			continue;
		cell_of(l, l->order[l->cursor], c, &cell);
		if ((int)text_width(cell.text) > widths[c])
			area_text(a, 0, 0, a.width, cell.style, cell.text);
	}
}

int64_t listing_row(const struct listing *l)
{
	return l->shown ? (int64_t)l->order[l->cursor] : -1;
}
