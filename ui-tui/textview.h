/* Lines of text that are more than the screen holds: scrolled, searched, wrapped, followed.
 *
 *     textview_set(&t, text, length);              copies; the place in it stays
 *     textview_command(&t, CMD_DOWN, height);
 *     textview_draw(&t, area); */
#ifndef STRATA_UI_TUI_TEXTVIEW_H
#define STRATA_UI_TUI_TEXTVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ui-tui/canvas.h"
#include "ui-tui/keys.h"

struct textview {
	char *text;           /* its newlines are NULs */
	size_t *lines;        /* [nlines] where each begins */
	size_t nlines, size;
	size_t top;           /* first line shown */
	int left;             /* columns scrolled to the right; 0 while wrapped */
	bool wrap, follow;
	char search[128];
	size_t found;         /* line of the hit that was gone to */
	enum look (*style_of)(const char *line); /* NULL: all plain */
};

void textview_free(struct textview *t);
void textview_set(struct textview *t, const char *text, size_t size);
/* Go to the first line from the top of the screen on that holds it, without regard to case; "" ends the search. */
void textview_search(struct textview *t, const char *what);
bool textview_command(struct textview *t, enum ui_command command, int height);
void textview_scroll(struct textview *t, int lines);
void textview_draw(struct textview *t, struct area a);

#endif
