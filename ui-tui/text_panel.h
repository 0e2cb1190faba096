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

#define TEXT_PANEL \
	.draw = text_panel_draw, .command = text_panel_command, .click = text_panel_click, .filter = text_panel_filter, .close = text_panel_close

#endif
