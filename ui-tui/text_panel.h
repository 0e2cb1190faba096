/* What panels that are one text have in common: their state begins with a struct textview, and their class has these. */
#ifndef STRATA_UI_TUI_TEXT_PANEL_H
#define STRATA_UI_TUI_TEXT_PANEL_H

#include "ui-tui/panel.h"
#include "ui-tui/textview.h"

void text_panel_draw(struct panel *p, struct area a);
bool text_panel_command(struct panel *p, enum ui_command c);
bool text_panel_click(struct panel *p, const struct term_mouse *m);
void text_panel_filter(struct panel *p, const char *text);
void text_panel_close(struct panel *p);

/* Lines that begin at the margin are heads; '>' marks what is wrong. */
enum look text_panel_look(const char *line);

/* A page that is written as a whole when it is loaded: what `load` gives back, and the rest of such a panel's class. */
struct text_page {
	const char *text;
	size_t size;
};
/* "  owner      analytics": a line of a page, of what there is. */
enum { PAGE_LABEL = 11 };
void page_field(struct buf *out, const char *label, const char *value);
/* Takes the text out of `written`, which is freed. */
void *text_page_of(struct buf *written, struct arena *arena);
void text_page_init(struct panel *p);
void text_page_update(struct panel *p);
#define TEXT_PAGE .init = text_page_init, .update = text_page_update, TEXT_PANEL

#define TEXT_PANEL \
	.draw = text_panel_draw, .command = text_panel_command, .click = text_panel_click, .filter = text_panel_filter, .close = text_panel_close

#endif
