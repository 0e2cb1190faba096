/* Which key does what: one table, which is also the help (ui-tui/panel_help.c) and the hints at the foot of the screen.
 *
 * A key means an enum ui_command; panels know commands, never keys. The table is by scope: what holds everywhere, and what
 * only some panels do. */
#ifndef STRATA_UI_TUI_KEYS_H
#define STRATA_UI_TUI_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum ui_command {
	CMD_NONE,
	/* moving */
	CMD_UP, CMD_DOWN, CMD_LEFT, CMD_RIGHT, CMD_PAGE_UP, CMD_PAGE_DOWN, CMD_FIRST, CMD_LAST,
	CMD_OPEN, CMD_BACK,
	/* where to */
	CMD_OVERVIEW, CMD_RUNS, CMD_TABLES, CMD_HELP, CMD_GRID, CMD_GRAPH, CMD_GANTT, CMD_TASKS, CMD_LOG,
	/* how it is shown */
	CMD_FILTER, CMD_SORT, CMD_REVERSE, CMD_FOLLOW, CMD_WRAP, CMD_FOLD, CMD_NEXT, CMD_PREVIOUS, CMD_THEME, CMD_REDRAW,
	/* what is done */
	CMD_COMMAND, CMD_RETRY, CMD_CANCEL, CMD_CLEAR, CMD_PAUSE, CMD_TRIGGER, CMD_BACKFILL, CMD_EXPLAIN, CMD_PAGER, CMD_COPY,
	CMD_QUIT,
	COMMANDS_END
};

/* Where a binding holds: bits, or-ed. */
enum scope {
	SCOPE_ALL = 1,   /* everywhere */
	SCOPE_LIST = 2,  /* rows with a cursor */
	SCOPE_RUN = 4,   /* a run is meant: its row, or a panel about it */
	SCOPE_TASK = 8,  /* a task is meant */
	SCOPE_TABLE = 16,
	SCOPE_SCHEDULE = 32,
	SCOPE_TEXT = 64, /* text that is longer than the screen */
	SCOPE_MAP = 128, /* scrolls both ways */
	SCOPE_LAYERS = 256, /* layers that fold */
};

struct binding {
	unsigned scope;
	enum ui_command command;
	int keys[3];          /* 0: no further one */
	const char *shown;    /* "j ↓" */
	const char *help;     /* one line, lower case */
	const char *hint;     /* one word, at the foot of the screen; NULL: not there */
};

/* The i-th binding, by scope; NULL past the last. */
const struct binding *binding_nth(size_t i);
/* What a key means where these scopes hold (SCOPE_ALL always does); CMD_NONE: nothing. */
enum ui_command command_of_key(int key, unsigned scopes);
/* "? help  / filter", of those that hold and that `has_effect` says yes to, added to `out` in the table's order: the first
 * ones that are whole within `most` columns of it. */
void keys_hints(unsigned scopes, bool (*has_effect)(void *ctx, enum ui_command command), void *ctx, int most, struct buf *out);

#endif
