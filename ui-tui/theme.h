/* What things look like: styles by meaning, and how each theme shows them. A state has a letter and a word beside its
 * colour, so that colour is never the only sign. */
#ifndef STRATA_UI_TUI_THEME_H
#define STRATA_UI_TUI_THEME_H

#include <stdbool.h>
#include <stddef.h>

/* X(name, foreground and background of 'dark', of 'light', bold, reverse): colours as curses numbers them, -1 the
 * terminal's own. In 'mono' only bold and reverse count. */
#define LOOKS(X)                              \
	X(TEXT, -1, -1, -1, -1, false, false)      \
	X(DIM, 8, -1, 8, -1, false, false)         \
	X(STRONG, -1, -1, -1, -1, true, false)     \
	X(BAR, 15, 4, 15, 4, false, true)          \
	X(BAR_STRONG, 15, 4, 15, 4, true, true)    \
	X(HEAD, 6, -1, 4, -1, true, false)         \
	X(KEY, 6, -1, 4, -1, true, false)          \
	X(BANNER, 15, 1, 15, 1, true, true)        \
	X(GOOD, 2, -1, 2, -1, false, false)        \
	X(BAD, 1, -1, 1, -1, true, false)          \
	X(WARN, 3, -1, 5, -1, false, false)        \
	X(RUNNING, 4, -1, 4, -1, true, false)      \
	X(READY, 6, -1, 6, -1, false, false)       \
	X(WAITING, 8, -1, 8, -1, false, false)     \
	X(FRESH, 2, -1, 2, -1, false, false)       \
	X(PATH, 5, -1, 5, -1, true, false)

enum look {
#define X(name, ...) LOOK_##name,
	LOOKS(X)
#undef X
	LOOKS_END
};

struct colors {
	short fg, bg;
	bool bold, reverse;
};

enum theme { THEME_DARK, THEME_LIGHT, THEME_MONO, THEMES_END };
const char *theme_name(enum theme theme);
/* THEMES_END: there is none of that name. */
enum theme theme_find(const char *name);
struct colors theme_look(enum theme theme, enum look style);

/* ASCII for a character of ours that is none ("│" → "|"), where the terminal shows no UTF-8; NULL: there is none. `n` is its
 * length in bytes. */
const char *theme_ascii(const char *bytes, size_t n);

/* How a task is shown, by its row's words (core/states.h): a letter for one cell, a style, and a word. */
struct sign {
	char letter;
	enum look style;
	const char *word;
};
const struct sign *sign_of_task(const char *state, const char *result, const char *wait);
const struct sign *sign_of_run(const char *state, const char *result, bool paused);
/* The i-th sign of tasks, for the legend; NULL past the last. */
const struct sign *sign_nth(size_t i);

#endif
