/* What is asked before something is done: a sentence, the command line that will be run, and, for a form, fields to fill in.
 *
 * The command line follows from the fields as they are typed, so that nobody is surprised. */
#ifndef STRATA_UI_TUI_DIALOG_H
#define STRATA_UI_TUI_DIALOG_H

#include <stdbool.h>

#include "ui-tui/canvas.h"
#include "ui-tui/line.h"
#include "ui-tui/spawn.h"

enum { DIALOG_FIELDS = 6 };

struct dialog_field {
	const char *label;   /* "from"; NULL ends them */
	const char *option;  /* "--start": put before the value; NULL: the value is an operand, or several words of them */
	bool flag;           /* the option alone, while the value is not "" or "no" */
	struct line line;
};

struct dialog {
	char question[256];
	struct command_words words; /* those before the fields' */
	struct dialog_field fields[DIALOG_FIELDS];
	size_t nfields, at;         /* at: the field that is typed into */
};

enum dialog_end { DIALOG_OPEN, DIALOG_YES, DIALOG_NO, DIALOG_COPY };

void dialog_free(struct dialog *d);
enum dialog_end dialog_key(struct dialog *d, int key);
/* The words of the whole command; words_free them. */
void dialog_words(const struct dialog *d, struct command_words *ret);
/* Over the middle of `a`; ret_cursor as term_show wants it, column -1 where there is none. */
void dialog_draw(const struct dialog *d, struct area a, int ret_cursor[2]);

#endif
