/* See keys.h. */
#include "ui-tui/keys.h"

#include <stdio.h>

#include "base/text.h"
#include "ui-tui/term.h"

static const struct binding bindings[] = {
	{SCOPE_ALL, CMD_HELP, {'?'}, "?", "this list", "help"},
	{SCOPE_ALL, CMD_COMMAND, {':'}, ":", "type a command; Tab completes it", "command"},
	{SCOPE_ALL, CMD_OVERVIEW, {'1'}, "1", "overview: scheduler, workers, schedules, failures", NULL},
	{SCOPE_ALL, CMD_RUNS, {'2'}, "2", "runs", NULL},
	{SCOPE_ALL, CMD_TABLES, {'3'}, "3", "tables", NULL},
	{SCOPE_ALL, CMD_BACK, {TERM_ESCAPE, 'q', TERM_BACKSPACE}, "Esc q", "back to where you came from; from the first page: end", "back"},
	{SCOPE_ALL, CMD_QUIT, {TERM_CTRL('c'), 'Q'}, "^C Q", "end, at once", NULL},
	{SCOPE_ALL, CMD_THEME, {'T'}, "T", "next theme: dark, light, mono", NULL},
	{SCOPE_ALL, CMD_REDRAW, {TERM_CTRL('l')}, "^L", "draw the screen anew", NULL},
	{SCOPE_ALL, CMD_COPY, {'y'}, "y", "copy the command line that shows what the cursor is on", NULL},

	{SCOPE_LIST | SCOPE_MAP | SCOPE_TEXT, CMD_UP, {'k', TERM_UP}, "k ↑", "up", NULL},
	{SCOPE_LIST | SCOPE_MAP | SCOPE_TEXT, CMD_DOWN, {'j', TERM_DOWN}, "j ↓", "down", NULL},
	{SCOPE_LIST | SCOPE_MAP | SCOPE_TEXT, CMD_LEFT, {'h', TERM_LEFT}, "h ←", "left", NULL},
	{SCOPE_LIST | SCOPE_MAP | SCOPE_TEXT, CMD_RIGHT, {'l', TERM_RIGHT}, "l →", "right", NULL},
	{SCOPE_LIST | SCOPE_MAP | SCOPE_TEXT, CMD_PAGE_UP, {TERM_CTRL('b'), TERM_PAGE_UP, TERM_CTRL('u')}, "^B PgUp", "a page up", NULL},
	{SCOPE_LIST | SCOPE_MAP | SCOPE_TEXT, CMD_PAGE_DOWN, {TERM_CTRL('f'), TERM_PAGE_DOWN, TERM_CTRL('d')}, "^F PgDn", "a page down", NULL},
	{SCOPE_LIST | SCOPE_MAP | SCOPE_TEXT, CMD_FIRST, {'g', TERM_HOME}, "g Home", "the first", NULL},
	{SCOPE_LIST | SCOPE_MAP | SCOPE_TEXT, CMD_LAST, {'G', TERM_END}, "G End", "the last", NULL},
	{SCOPE_LIST | SCOPE_MAP, CMD_OPEN, {TERM_ENTER}, "Enter", "open what the cursor is on", "open"},
	{SCOPE_LIST | SCOPE_TEXT | SCOPE_MAP, CMD_FILTER, {'/'}, "/", "rows that hold a text; in a log: search", "filter"},
	{SCOPE_TEXT, CMD_NEXT, {'n'}, "n", "the next place found", NULL},
	{SCOPE_TEXT, CMD_PREVIOUS, {'N'}, "N", "the place found before", NULL},
	{SCOPE_LIST, CMD_SORT, {'s'}, "s", "sort by the next column", "sort"},
	{SCOPE_LIST, CMD_REVERSE, {'S'}, "S", "sort the other way round", NULL},
	{SCOPE_LIST | SCOPE_TEXT, CMD_FOLLOW, {'f'}, "f", "follow what is new", "follow"},
	{SCOPE_TEXT, CMD_WRAP, {'w'}, "w", "wrap long lines, or not", "wrap"},
	{SCOPE_LAYERS, CMD_FOLD, {' ', 'z'}, "Space z", "fold or unfold a layer", "fold"},

	{SCOPE_RUN, CMD_GRID, {'m'}, "m", "the run as a map: tables down, dates across", "map"},
	{SCOPE_RUN, CMD_GRAPH, {'d'}, "d", "the run's tables and who reads whom", "graph"},
	{SCOPE_RUN, CMD_GANTT, {'t'}, "t", "the run in time", "time"},
	{SCOPE_RUN, CMD_TASKS, {'a'}, "a", "the run's tasks as a list", "tasks"},
	{SCOPE_TASK, CMD_LOG, {'L'}, "L", "the log of the last try", "log"},
	{SCOPE_TASK, CMD_PAGER, {'P'}, "P", "the log in $PAGER", NULL},
	{SCOPE_TASK, CMD_EXPLAIN, {'e'}, "e", "why it is not running, or how it ended", "explain"},

	{SCOPE_RUN | SCOPE_TASK, CMD_RETRY, {'r'}, "r", "retry what failed, or do not wait for the retry's time", NULL},
	{SCOPE_RUN, CMD_CANCEL, {'x'}, "x", "cancel the run", NULL},
	{SCOPE_RUN | SCOPE_TASK, CMD_CLEAR, {'C'}, "C", "clear: do it again, also what succeeded", NULL},
	{SCOPE_RUN | SCOPE_SCHEDULE, CMD_PAUSE, {'p'}, "p", "pause, or go on", NULL},
	{SCOPE_SCHEDULE | SCOPE_TABLE, CMD_TRIGGER, {'R'}, "R", "run it now", NULL},
	{SCOPE_SCHEDULE | SCOPE_TABLE, CMD_BACKFILL, {'B'}, "B", "backfill: asks for the dates", NULL},
};

const struct binding *binding_nth(size_t i)
{
	return i < sizeof bindings / sizeof *bindings ? &bindings[i] : NULL;
}

enum ui_command command_of_key(int key, unsigned scopes)
{
	scopes |= SCOPE_ALL;
	for (size_t i = 0; i < sizeof bindings / sizeof *bindings; i++) {
		const struct binding *b = &bindings[i];
		for (size_t k = 0; (b->scope & scopes) && k < sizeof b->keys / sizeof *b->keys; k++) {
			if (b->keys[k] == key && key)
				return b->command;
		}
	}
	return CMD_NONE;
}

void keys_hints(unsigned scopes, bool (*has_effect)(void *ctx, enum ui_command command), void *ctx, int most, struct buf *out)
{
	int width = (int)text_width(buf_cstr(out));
	scopes |= SCOPE_ALL;
	for (size_t i = 0; i < sizeof bindings / sizeof *bindings; i++) {
		const struct binding *b = &bindings[i];
		char hint[64];
		if (!b->hint || !(b->scope & scopes) || !has_effect(ctx, b->command))
			continue;
		snprintf(hint, sizeof hint, "%s%s %s", out->len ? "  " : "", b->shown, b->hint);
		width += (int)text_width(hint);
		if (width > most)
			break;
		buf_adds(out, hint);
	}
}
