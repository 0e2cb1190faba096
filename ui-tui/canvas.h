/* A picture of the screen: cells of text, drawn by panels and shown by ui-tui/term.c. No terminal is needed to draw, so
 * that a test looks at what a person would see.
 *
 *     struct canvas c = {0};
 *     canvas_resize(&c, 80, 24);
 *     struct area all = canvas_area(&c), body = area_rows(all, 1, 22);
 *     area_text(body, 0, 0, body.width, LOOK_TEXT, "ods_flights");
 *     canvas_free(&c);
 *
 * Places are columns and rows from 0; what lies outside an area is not drawn. A wide character takes two cells, a combining
 * one none; half a wide character is never shown. */
#ifndef STRATA_UI_TUI_CANVAS_H
#define STRATA_UI_TUI_CANVAS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "ui-tui/theme.h"

/* A base character of at most 4 bytes and as many combining ones as fit. */
enum { CELL_BYTES = 13 };

enum mark { MARK_CURSOR = 1, MARK_UNDERLINE = 2 };

struct cell {
	char bytes[CELL_BYTES]; /* no NUL where it is full */
	uint8_t len;            /* 0: the second half of a wide character */
	uint8_t style;          /* enum look */
	uint8_t marks;          /* enum mark, or-ed */
};

struct canvas {
	int width, height;
	struct cell *cells;     /* [height * width] */
};

/* A part of a canvas. Values, to be passed on. */
struct area {
	struct canvas *canvas;
	int x, y, width, height;
};

void canvas_resize(struct canvas *c, int width, int height); /* and blank it */
void canvas_free(struct canvas *c);
struct area canvas_area(struct canvas *c);
/* One row as text, without the blanks at its end: for tests and for terminals that only print lines. */
void canvas_row(const struct canvas *c, int y, struct buf *out);

/* Rows first .. first + n of it, as far as it has them: never more than it is, also where `first` is less than 0. */
struct area area_rows(struct area a, int first, int n);
struct area area_columns(struct area a, int first, int n);

/* Text from column x of row y on, cut with an ellipsis at `most` columns; returns the columns used. */
int area_text(struct area a, int x, int y, int most, enum look style, const char *text);
int area_textf(struct area a, int x, int y, int most, enum look style, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* The lines of a text, from row y on; returns the row after them. */
int area_lines(struct area a, int y, enum look style, const char *text);
/* As area_text, ending at column x + most. */
void area_right(struct area a, int x, int y, int most, enum look style, const char *text);
/* n cells of one style; `glyph` is one column wide. */
void area_fill(struct area a, int x, int y, int n, enum look style, const char *glyph);
/* Give n cells that are drawn a mark, and blank ones too. */
void area_mark(struct area a, int x, int y, int n, enum mark mark);

#endif
