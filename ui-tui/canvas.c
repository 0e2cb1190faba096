/* See canvas.h. */
#include "ui-tui/canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { TEXT_MAX = 1 << 14 };

static const struct cell blank = {.bytes = " ", .len = 1, .style = LOOK_TEXT};

void canvas_resize(struct canvas *c, int width, int height)
{
	c->width = width;
	c->height = height;
	c->cells = mem_realloc(c->cells, (size_t)width * (size_t)height + 1, sizeof *c->cells);
	for (int i = 0; i < width * height; i++)
		c->cells[i] = blank;
}

void canvas_free(struct canvas *c)
{
	free(c->cells);
	*c = (struct canvas){0};
}

struct area canvas_area(struct canvas *c)
{
	return (struct area){c, 0, 0, c->width, c->height};
}

static struct cell *cell_at(struct area a, int x, int y)
{
	if (x < 0 || y < 0 || x >= a.width || y >= a.height)
		return NULL;
	return &a.canvas->cells[(a.y + y) * a.canvas->width + a.x + x];
}

void canvas_row(const struct canvas *c, int y, struct buf *out)
{
	size_t end = out->len;
	for (int x = 0; x < c->width; x++) {
		const struct cell *cell = &c->cells[y * c->width + x];
		buf_add(out, cell->bytes, cell->len);
		if (cell->len > 1 || (cell->len == 1 && cell->bytes[0] != ' '))
			end = out->len;
	}
	if (out->data) {
		out->len = end;
		out->data[end] = '\0';
	}
}

/* What of [first, first + n) lies within [0, most): where it begins, and how much. */
static int cut(int *first, int n, int most)
{
	int end = n < most - *first ? *first + n : most;
	*first = *first < 0 ? 0 : *first < most ? *first : most;
	return end > *first ? end - *first : 0;
}

struct area area_rows(struct area a, int first, int n)
{
	int height = cut(&first, n, a.height);
	return (struct area){a.canvas, a.x, a.y + first, a.width, height};
}

struct area area_columns(struct area a, int first, int n)
{
	int width = cut(&first, n, a.width);
	return (struct area){a.canvas, a.x + first, a.y, width, a.height};
}

/* A wide character of which one half is drawn over must not keep the other. */
static void part(struct area a, int x, int y)
{
	struct cell *c = cell_at(a, x, y), *before = cell_at(a, x - 1, y), *after = cell_at(a, x + 1, y);
	if (c && c->len == 0 && before)
		*before = (struct cell){.bytes = " ", .len = 1, .style = before->style, .marks = before->marks};
	if (c && after && after->len == 0)
		*after = (struct cell){.bytes = " ", .len = 1, .style = after->style, .marks = after->marks};
}

static void put(struct area a, int x, int y, enum look style, const struct text_piece *piece)
{
	struct cell *c = cell_at(a, x, y);
	if (!c)
		return;
	if (piece->columns == 2 && x + 1 >= a.width) {
		part(a, x, y);
		*c = (struct cell){.bytes = " ", .len = 1, .style = (uint8_t)style};
		return;
	}
	part(a, x, y);
	*c = (struct cell){.len = (uint8_t)piece->n, .style = (uint8_t)style};
	memcpy(c->bytes, piece->bytes, piece->n);
	if (piece->columns == 2) {
		part(a, x + 1, y);
		*cell_at(a, x + 1, y) = (struct cell){.style = (uint8_t)style};
	}
}

static void combine(struct area a, int x, int y, const struct text_piece *piece)
{
	struct cell *c = cell_at(a, x, y);
	if (c && c->len == 0)
		c = cell_at(a, x - 1, y);
	if (!c || c->len + piece->n > CELL_BYTES)
		return;
	memcpy(c->bytes + c->len, piece->bytes, piece->n);
	c->len = (uint8_t)(c->len + piece->n);
}

int area_text(struct area a, int x, int y, int most, enum look style, const char *text)
{
	struct buf cut = BUF_INIT(TEXT_MAX);
	struct text_piece piece;
	int at = x;
	most = most < a.width - x ? most : a.width - x;
	if (most <= 0)
		return 0;
	text_add(&cut, text, (size_t)most);
	for (const char *s = buf_cstr(&cut); *s; at += (int)piece.columns) {
		s += text_next(s, &piece);
		if (piece.columns == 0)
			combine(a, at - 1, y, &piece);
		else
			put(a, at, y, style, &piece);
	}
	buf_free(&cut);
	return at - x;
}

int area_textf(struct area a, int x, int y, int most, enum look style, const char *fmt, ...)
{
	char text[TEXT_MAX / 8];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	return area_text(a, x, y, most, style, text);
}

int area_lines(struct area a, int y, enum look style, const char *text)
{
	for (const char *s = text; *s;) {
		size_t n = strcspn(s, "\n");
		area_textf(a, 0, y++, a.width, style, "%.*s", (int)n, s);
		s += n + (s[n] == '\n');
	}
	return y;
}

void area_right(struct area a, int x, int y, int most, enum look style, const char *text)
{
	int width = (int)text_width(text);
	area_text(a, width < most ? x + most - width : x, y, most, style, text);
}

void area_fill(struct area a, int x, int y, int n, enum look style, const char *glyph)
{
	struct text_piece piece;
	text_next(glyph, &piece);
	for (int i = 0; i < n; i++)
		put(a, x + i, y, style, &piece);
}

void area_mark(struct area a, int x, int y, int n, enum mark mark)
{
	for (int i = 0; i < n; i++) {
		struct cell *c = cell_at(a, x + i, y);
		if (c)
			c->marks = (uint8_t)(c->marks | mark);
	}
}
