/* What a type becomes on its way through Parquet: readers of a table see the types of its files, so these
 * are what its readers' queries are bound against. sum() of integers is HUGEINT, and DOUBLE once published. */
#ifndef STRATA_EXECUTOR_BIND_TYPE_H
#define STRATA_EXECUTOR_BIND_TYPE_H

#include "base/arena.h"

/* `type` as DuckDB prints it; the result lives in the arena. */
const char *bind_published_type(struct arena *arena, const char *type);

#endif
