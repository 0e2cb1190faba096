/* Text on a terminal: UTF-8 measured in columns, cut with an ellipsis, wrapped. Bytes that are no UTF-8 count
 * one column each and are written as '?'; control characters become blanks. */
#ifndef STRATA_CLI_TEXT_H
#define STRATA_CLI_TEXT_H

#include <stddef.h>

#include "base/buf.h"

size_t text_width(const char *s);                            /* columns */
/* Append s, cut to `most` columns with a final '…' when it is longer; returns the columns added. */
size_t text_add(struct buf *out, const char *s, size_t most);
/* Append s broken at blanks into lines of at most `width` columns, continuation lines indented by `indent`
 * blanks; `at` is the column where it starts. Ends without a newline. */
void text_wrap(struct buf *out, const char *s, size_t at, size_t indent, size_t width);

#endif
