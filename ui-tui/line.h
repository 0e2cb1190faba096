/* One line that is typed: with a cursor, and completed by what there is. */
#ifndef STRATA_UI_TUI_LINE_H
#define STRATA_UI_TUI_LINE_H

#include <stdbool.h>
#include <stddef.h>

enum { LINE_SIZE = 256 };

struct line {
	char text[LINE_SIZE]; /* UTF-8 */
	size_t len, cursor;   /* bytes */
};

void line_set(struct line *l, const char *text);
/* Edits; false: the key is none of its own (Enter, Escape, Tab, …). */
bool line_key(struct line *l, int key);
/* The column of the cursor. */
int line_column(const struct line *l);

/* Candidates for the last word: `nth` gives the i-th, NULL past the last. The word becomes what all that begin with it have
 * in common; the number of those is returned. */
size_t line_complete(struct line *l, const char *(*nth)(const void *ctx, size_t i), const void *ctx);
/* The last word, which is being typed. */
const char *line_last_word(const struct line *l);

#endif
