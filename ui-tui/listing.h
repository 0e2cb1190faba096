/* Rows with a cursor: columns that fit the width, sorting, a filter, scrolling. The rows are the caller's, by number; what
 * is chosen stays chosen when new ones come, by its key.
 *
 *     listing_update(&l, &source);         after each snapshot
 *     listing_command(&l, CMD_DOWN, height);
 *     listing_draw(&l, area);
 *     row = listing_row(&l);               -1: there is none */
#ifndef STRATA_UI_TUI_LISTING_H
#define STRATA_UI_TUI_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ui-tui/canvas.h"
#include "ui-tui/keys.h"

enum { LISTING_KEY_SIZE = 320, LISTING_TEXT_SIZE = 512, LISTING_FILTER_SIZE = 128 };

struct listing_column {
	const char *title; /* NULL ends a table of them */
	int width;         /* columns that it wants */
	bool right;        /* numbers */
	bool grows;        /* takes what is left; at most one should */
	int rank;          /* when it is narrow, the largest goes first; 0 stays */
	bool told;         /* where it is cut or left out, it stands whole below: see listing_tell */
};

/* One cell, as text and as what it sorts by. */
struct listing_cell {
	char text[LISTING_TEXT_SIZE];
	enum look style;
	double order;      /* sorts by it where by_number */
	bool by_number;
};

struct listing_source {
	const struct listing_column *columns;
	size_t nrows;
	const void *data;
	void (*cell)(const void *data, size_t row, size_t column, struct listing_cell *ret); /* ret is cleared before */
	/* Tells a row from others, over snapshots; at most LISTING_KEY_SIZE bytes. */
	void (*key)(const void *data, size_t row, char ret[LISTING_KEY_SIZE]);
};

struct listing {
	struct listing_source source;
	uint32_t *order;      /* [shown] rows of the source, filtered and sorted */
	size_t shown;
	size_t cursor, top;   /* indexes into order */
	char key[LISTING_KEY_SIZE]; /* of the row under the cursor */
	char filter[LISTING_FILTER_SIZE];
	int sort;             /* column, or -1: as they come */
	bool reverse, follow; /* follow: the cursor stays on the first row */
};

void listing_init(struct listing *l);
void listing_free(struct listing *l);
/* `source` is copied; its data stay until the next update. */
void listing_update(struct listing *l, const struct listing_source *source);
void listing_filter(struct listing *l, const char *text);
/* Moves, sorts, follows; `height` as drawn. False: it does not know the command. */
bool listing_command(struct listing *l, enum ui_command command, int height);
/* A click or a wheel at a row of the area that was drawn; true: it was on the row that was chosen already (open it). */
bool listing_click(struct listing *l, int y);
void listing_scroll(struct listing *l, int rows);
void listing_draw(struct listing *l, struct area a);
/* In one row: what of the cursor's row has no room in the column that is told. */
void listing_tell(const struct listing *l, struct area a);
/* The row of the source under the cursor; -1: there is none. */
int64_t listing_row(const struct listing *l);

#endif
