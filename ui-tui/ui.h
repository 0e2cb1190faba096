/* The screen that `strata top` is: a stack of panels, the newest on top, in a frame with what they have in common.
 *
 * ui-tui/ui.c is its life (loop, keys, signals), ui-tui/ui_stack.c the panels on the stack, ui-tui/ui_frame.c what is drawn
 * around them, ui-tui/ui_prompt.c what is typed after ':' and '/', ui-tui/action.c what is done from it. */
#ifndef STRATA_UI_TUI_UI_H
#define STRATA_UI_TUI_UI_H

#include "scheduler/workspace.h"
#include "ui-tui/panel.h"

struct ui_options {
	struct workspace *ws;            /* project read and database open; the screen's until it ends */
	const char *const *global;       /* NULL-terminated options of every command, for those that actions run */
	enum theme theme;
	bool ascii, mono;
	const struct panel_class *first; /* the panel to begin with */
};

/* Until the person ends it. ERR_USAGE: this is no terminal. */
int ui_run(const struct ui_options *options, struct err *err);

#endif
