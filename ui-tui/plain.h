/* The screen as lines: what a panel shows, and from then on each line that has changed or is new. For screen readers,
 * terminals that cannot do more, and pipes: nothing moves the cursor, nothing is coloured, times that run on are left out. */
#ifndef STRATA_UI_TUI_PLAIN_H
#define STRATA_UI_TUI_PLAIN_H

#include <stdbool.h>
#include <stdio.h>

#include "scheduler/workspace.h"
#include "ui-tui/panel.h"

struct plain_options {
	struct workspace *ws;            /* as in ui_options */
	const struct panel_class *panel; /* one that lists something */
	bool once;                       /* say what there is, and end */
	FILE *out;
};

/* Until SIGINT, SIGTERM or the reader has gone. */
void plain_run(const struct plain_options *options);

#endif
