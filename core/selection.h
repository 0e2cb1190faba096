/* Which tables somebody means, in dbt's words:
 *
 *     dwd  dwd_flights  dwd.dwd_flights  *_route  dws.*_route  tag:daily     a layer, a table, by name or tag
 *     +x  x+  2+x  x+3     and what it reads, who reads it, so many steps far
 *     @x                   and who reads it, and all that those read
 *     a b                  a or b: several words, or one word with blanks
 *     a,b                  a and b
 *
 * External tables are never selected: nothing builds them. */
#ifndef STRATA_CORE_SELECTION_H
#define STRATA_CORE_SELECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "core/project.h"

/* ret_selected: [p->ntables], set in full on success. No args: every table that something builds. A name
 * that is nothing's is ERR_USAGE, with the nearest; a pattern or tag that fits none is no error by itself,
 * but nothing selected at all is ERR_NOTHING. The project must be resolved. */
int selection_eval(const struct project *p, const char *const *args, size_t nargs, const char *const *excludes,
                   size_t nexcludes, bool *ret_selected, struct err *err);

/* What schedules and callbacks select, word by word: what selection_eval would refuse is an error at its place, a selection
 * that is empty a warning. The project must be resolved. */
void selection_check_config(const struct project *p, struct diags *diags);

#endif
