/* What panels that are one listing have in common: their state begins with a struct listing, and their class has these. */
#ifndef STRATA_UI_TUI_LISTING_PANEL_H
#define STRATA_UI_TUI_LISTING_PANEL_H

#include "ui-tui/listing.h"
#include "ui-tui/panel.h"

void listing_panel_init(struct panel *p);
void listing_panel_draw(struct panel *p, struct area a);
bool listing_panel_command(struct panel *p, enum ui_command c);
bool listing_panel_click(struct panel *p, const struct term_mouse *m);
void listing_panel_filter(struct panel *p, const char *text);
void listing_panel_close(struct panel *p);

#define LISTING_PANEL                                                                                                   \
	.init = listing_panel_init, .draw = listing_panel_draw, .command = listing_panel_command, .click = listing_panel_click, \
	.filter = listing_panel_filter, .close = listing_panel_close

/* Cells of a common kind. A number that is PG_NULL64 and a time that is 0 are blank. */
void cell_text(struct listing_cell *ret, enum look style, const char *text);
void cell_number(struct listing_cell *ret, int64_t n);
void cell_time(struct listing_cell *ret, int64_t wall_us);       /* "01-07 12:03:01" */
void cell_duration(struct listing_cell *ret, int64_t us);        /* negative: blank */
void cell_bytes(struct listing_cell *ret, int64_t n);
void cell_sign(struct listing_cell *ret, const struct sign *sign);
/* "▓▓▓▓░░░░░░ 45/118" */
void cell_bar(struct listing_cell *ret, int64_t done, int64_t all);
/* "2013-01-01..01-10", or "2013-01-01..2014-12-31", of days as core/date.h has them; out is of LISTING_TEXT_SIZE. */
void range_text(char *out, int32_t first, int32_t last);

#endif
