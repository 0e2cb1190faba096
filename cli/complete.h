/* Completion: what may stand where the cursor is. The scripts that 'strata completion' prints ask the hidden command
 * 'strata complete -- WORD...' at each press of the key; the last WORD is the one before the cursor, maybe empty.
 *
 * It answers a candidate a line, "word<tab>what it is", of those that begin with that word; ":folders" or ":files" lets the
 * shell complete a path. It starts no worker and no database, makes nothing, and gives the state half a second. */
#ifndef STRATA_CLI_COMPLETE_H
#define STRATA_CLI_COMPLETE_H

#include "cli/command.h"

/* Where the cursor is. Strings are those of the words. */
struct cursor {
	const char *word;              /* that is completed, from its beginning */
	const char *start;             /* where in it that begins which is completed: after "--output=" */
	const struct command *command; /* NULL: not named yet */
	const char *family;            /* "db" of "db start", which is not whole yet; NULL: none */
	const struct option *value_of; /* its value is completed; NULL: no option's */
	bool ended;                    /* "--" was before it: no option */
	const char *const *operands;   /* [noperands], before it; the arena's */
	size_t noperands;
	const char *dir, *lake, *db;   /* as the words before it say; NULL: they do not */
};

void cursor_read(const char *const *words, size_t n, struct arena *arena, struct cursor *ret);

/* Lines appended to `out`. */
void complete(const struct cursor *c, struct buf *out);

/* What `completes` (bits of enum completes) means for the cursor's project and state (cli/complete_names.c). */
void complete_names(const struct cursor *c, unsigned completes, struct buf *out);
/* One line, if `word` begins with what is typed. `before` stands before it in the line: "+", "a,". */
void complete_add(const struct cursor *c, const char *before, const char *word, const char *what, struct buf *out);

#endif
