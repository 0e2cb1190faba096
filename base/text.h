/* Text on a terminal: UTF-8 measured in columns, cut with an ellipsis, wrapped. Bytes that are no UTF-8 count
 * one column each and are written as '?'; control characters become blanks. */
#ifndef STRATA_BASE_TEXT_H
#define STRATA_BASE_TEXT_H

#include <stddef.h>

#include "base/buf.h"

/* What stands for the first character of a text, and how wide it is. */
struct text_piece {
	const char *bytes;    /* of the text itself, or a constant that stands for what cannot be shown */
	size_t n, columns;    /* 0 columns: it combines with the one before */
};
/* The bytes of `s`, which is not empty, that the piece stands for. */
size_t text_next(const char *s, struct text_piece *ret);

size_t text_width(const char *s);                            /* columns */
/* Append s, cut to `most` columns with a final '…' when it is longer; returns the columns added. */
size_t text_add(struct buf *out, const char *s, size_t most);
/* The same with another sign, of one column, for what was cut. */
size_t text_cut(struct buf *out, const char *s, size_t most, const char *sign);
/* Append s with the signs of our own messages ("…", "→") spelled in ASCII; the rest as it is. */
void text_add_spelled(struct buf *out, const char *s);
/* Append s broken at blanks into lines of at most `width` columns, continuation lines indented by `indent`
 * blanks; `at` is the column where it starts. Ends without a newline. */
void text_wrap(struct buf *out, const char *s, size_t at, size_t indent, size_t width);

/* Append a word as one would type it in a shell: as it is, or in quotes. */
void text_add_word(struct buf *out, const char *word);

#endif
