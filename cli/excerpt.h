/* A line of a text with a caret below the place of an error:
 *
 *        3 | SELECT id, amuont FROM ods.ods_orders
 *                       ^
 */
#ifndef STRATA_CLI_EXCERPT_H
#define STRATA_CLI_EXCERPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Line and column as in core/diag.h; column 0: no caret. Appends nothing where there is no such line. What is wider than
 * `width` columns (0: no limit) is cut to what is around the caret; with `color` the caret has one. */
void excerpt_add(struct buf *out, const char *text, int line, int col, size_t width, bool color);
/* The same of a file below `dir`; nothing where it cannot be read. */
void excerpt_add_file(struct buf *out, const char *dir, const char *file, int line, int col, size_t width, bool color);

#endif
