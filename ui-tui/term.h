/* The terminal: shows a canvas, reads keys. The only file of this folder that knows curses.
 *
 *     term_open(&(struct term_options){.theme = THEME_DARK}, &err);
 *     canvas_resize(&c, term_width(), term_height()); draw…; term_show(&c, NULL);
 *     while ((key = term_key(&mouse)) != TERM_NONE) …
 *     term_close();                                    also on every way out of the program; a crash is minded
 *
 * There is one terminal to a process, as in curses. Where it shows no UTF-8, characters of ours are shown in ASCII and all
 * others as '?'. Only cells that differ from those shown before are written. */
#ifndef STRATA_UI_TUI_TERM_H
#define STRATA_UI_TUI_TERM_H

#include <stdbool.h>

#include "base/err.h"
#include "ui-tui/canvas.h"
#include "ui-tui/theme.h"

/* Keys are characters (Unicode; 1 to 26 with Ctrl) or these. */
enum term_key {
	TERM_NONE = 0, /* no more to read */
	TERM_TAB = 9,
	TERM_ENTER = 13,
	TERM_ESCAPE = 27,
	TERM_UP = 0x110000,
	TERM_DOWN,
	TERM_LEFT,
	TERM_RIGHT,
	TERM_PAGE_UP,
	TERM_PAGE_DOWN,
	TERM_HOME,
	TERM_END,
	TERM_DELETE,
	TERM_BACKSPACE,
	TERM_BACK_TAB,
	TERM_MOUSE,    /* see term_mouse */
	TERM_RESIZE,
};
#define TERM_CTRL(letter) ((letter) & 0x1f)

struct term_mouse {
	int x, y;
	bool press;    /* a button went down, or was clicked */
	int wheel;     /* -1 up, 1 down, 0 none */
};

struct term_options {
	enum theme theme;
	bool ascii;    /* even where the locale says UTF-8 */
	bool mono;     /* the theme is 'mono' whatever is asked: NO_COLOR, or a terminal without colours */
};

/* ERR_USAGE: standard input or output is no terminal, or one that curses does not know. */
int term_open(const struct term_options *options, struct err *err);
void term_close(void);
int term_width(void);
int term_height(void);
void term_theme(enum theme theme);
bool term_is_mono(void); /* and no theme changes that */

/* `cursor` (column, row) is where the terminal's own cursor is shown; NULL: it is hidden. */
void term_show(const struct canvas *c, const int cursor[2]);
/* All of it again, as after somebody else has written to the screen. */
void term_redraw(void);
/* The size may have changed (SIGWINCH). */
void term_resized(void);
int term_key(struct term_mouse *ret_mouse);

/* Give the terminal to somebody else (a pager, the shell after Ctrl-Z) and take it back. */
void term_leave(void);
void term_return(void);
/* Into the clipboard of the person's terminal (OSC 52); many terminals take it, over ssh too. */
void term_copy(const char *text);

#endif
