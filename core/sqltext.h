/* SQL as a row of parts: what is code, what is a comment, what is a string. No parser: only as much of the
 * lexical rules as tells these apart, and every byte belongs to exactly one part.
 *
 * Known are '…' with '' inside, E'…' with backslashes, "…" with "" inside, $tag$…$tag$, -- to the end of the
 * line, and nested slash-star comments. A part that is never closed ends with the text. */
#ifndef STRATA_CORE_SQLTEXT_H
#define STRATA_CORE_SQLTEXT_H

#include <stddef.h>

enum sql_part {
	SQL_CODE,    /* a word, a number, or one byte of anything else */
	SQL_BLANK,   /* white space */
	SQL_STRING,  /* '…', E'…' or $$…$$ */
	SQL_QUOTED,  /* "…" */
	SQL_COMMENT,
};

/* The end (exclusive) of the part that begins at `at`, which must be below n and the start of a part. */
size_t sql_part_end(const char *text, size_t n, size_t at, enum sql_part *ret_part);

/* Line and column, from 1 and in bytes, of an offset up to n. */
void text_position(const char *text, size_t n, size_t offset, int *ret_line, int *ret_col);

/* The inverse: the offset of line:col, clipped to that line's end and to n. */
size_t text_offset(const char *text, size_t n, int line, int col);

#endif
