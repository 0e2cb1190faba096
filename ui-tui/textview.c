/* See textview.h. */
#include "ui-tui/textview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { STEP = 8 };

void textview_free(struct textview *t)
{
	free(t->text);
	free(t->lines);
	*t = (struct textview){0};
}

void textview_set(struct textview *t, const char *text, size_t size)
{
	size_t cap = 0;
	free(t->text);
	free(t->lines);
	t->text = mem_alloc(size + 1);
	memcpy(t->text, text, size);
	t->size = size;
	t->lines = NULL;
	t->nlines = 0;
	for (size_t at = 0; at < size;) {
		MEM_GROW(t->lines, t->nlines, cap);
		t->lines[t->nlines++] = at;
		char *end = memchr(t->text + at, '\n', size - at);
		if (!end)
			break;
		*end = '\0';
		at = (size_t)(end - t->text) + 1;
	}
	if (t->top >= t->nlines)
		t->top = t->nlines ? t->nlines - 1 : 0;
}

static bool holds(const struct textview *t, size_t line)
{
	return t->search[0] && strcasestr(t->text + t->lines[line], t->search);
}

/* The next hit at or after `from`, or with `back` at or before it; round the end. */
static void seek(struct textview *t, size_t from, bool back)
{
	for (size_t i = 0; i < t->nlines; i++) {
		size_t line = back ? (from + t->nlines - i) % t->nlines : (from + i) % t->nlines;
		if (!holds(t, line))
			continue;
		t->found = t->top = line;
		t->follow = false;
		return;
	}
}

void textview_search(struct textview *t, const char *what)
{
	snprintf(t->search, sizeof t->search, "%s", what);
	if (*what && t->nlines)
		seek(t, t->top, false);
}

static void go(struct textview *t, int64_t top)
{
	int64_t last = t->nlines ? (int64_t)t->nlines - 1 : 0;
	t->follow = t->follow && top >= (int64_t)t->top;
	t->top = (size_t)(top < 0 ? 0 : top > last ? last : top);
}

void textview_scroll(struct textview *t, int lines)
{
	go(t, (int64_t)t->top + lines);
}

bool textview_command(struct textview *t, enum ui_command command, int height)
{
	int page = height > 2 ? height - 1 : 1;
	switch (command) {
	case CMD_UP: textview_scroll(t, -1); return true;
	case CMD_DOWN: textview_scroll(t, 1); return true;
	case CMD_PAGE_UP: textview_scroll(t, -page); return true;
	case CMD_PAGE_DOWN: textview_scroll(t, page); return true;
	case CMD_FIRST: go(t, 0); return true;
	case CMD_LAST: go(t, (int64_t)t->nlines - page); return true;
	case CMD_LEFT: t->left = t->left > STEP ? t->left - STEP : 0; return true;
	case CMD_RIGHT: t->left += t->wrap ? 0 : STEP; return true;
	case CMD_WRAP: t->wrap = !t->wrap; t->left = 0; return true;
	case CMD_FOLLOW: t->follow = !t->follow; return true;
	case CMD_NEXT: if (t->nlines) seek(t, t->found + 1, false); return true;
	case CMD_PREVIOUS: if (t->nlines) seek(t, t->found + t->nlines - 1, true); return true;
	default: return false;
	}
}

/* What is left of a line after `columns` of it; a wide character that is cut in two is left out. */
static const char *skip(const char *s, int columns)
{
	struct text_piece piece;
	for (int at = 0; *s && at < columns; at += (int)piece.columns)
		s += text_next(s, &piece);
	return s;
}

/* Part of a line in row y; hits are underlined. Returns what did not fit. */
static const char *draw_part(const struct textview *t, struct area a, int y, const char *s, enum look style)
{
	struct text_piece piece;
	struct buf part = BUF_INIT(1 << 14);
	int width = 0;
	const char *end = s;
	while (*end) {
		size_t n = text_next(end, &piece);
		if (width + (int)piece.columns > a.width)
			break;
		buf_add(&part, piece.bytes, piece.n);
		width += (int)piece.columns;
		end += n;
	}
	area_text(a, 0, y, a.width, style, buf_cstr(&part));
	for (const char *hit = buf_cstr(&part); t->search[0] && (hit = strcasestr(hit, t->search)); hit++) {
		char head[1 << 12];
		snprintf(head, sizeof head, "%.*s", (int)(hit - buf_cstr(&part)), buf_cstr(&part));
		area_mark(a, (int)text_width(head), y, (int)text_width(t->search), MARK_CURSOR);
	}
	buf_free(&part);
	return end;
}

/* How many rows a line takes. */
static int rows_of(const struct textview *t, size_t line, int width)
{
	int columns = (int)text_width(t->text + t->lines[line]);
	return t->wrap && columns > width && width > 0 ? (columns + width - 1) / width : 1;
}

/* So that the last line is at the foot. */
static void keep_end(struct textview *t, struct area a)
{
	size_t top = t->nlines;
	for (int rows = 0; top > 0; top--) {
		rows += rows_of(t, top - 1, a.width);
		if (rows > a.height)
			break;
	}
	t->top = top < t->nlines ? top : t->nlines ? t->nlines - 1 : 0;
}

void textview_draw(struct textview *t, struct area a)
{
	if (t->follow)
		keep_end(t, a);
	int y = 0;
	for (size_t i = t->top; i < t->nlines && y < a.height; i++) {
		const char *line = t->text + t->lines[i];
		enum look style = t->style_of ? t->style_of(line) : LOOK_TEXT;
		const char *rest = draw_part(t, a, y++, skip(line, t->left), style);
		while (t->wrap && *rest && y < a.height)
			rest = draw_part(t, a, y++, rest, style);
	}
}
