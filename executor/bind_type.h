/* What a type becomes on its way through Parquet: readers of a table see the types of its files, so these
 * are what its readers' queries are bound against. sum() of integers is HUGEINT, and DECIMAL(38,0) once published. */
#ifndef STRATA_EXECUTOR_BIND_TYPE_H
#define STRATA_EXECUTOR_BIND_TYPE_H

#include "base/arena.h"

/* `type` as DuckDB prints it; the results live in the arena. */
const char *bind_published_type(struct arena *arena, const char *type);

/* What a column is cast to before it is written: HUGEINT and UHUGEINT, which DuckDB would write as rounded
 * DOUBLEs, are DECIMAL(38,0), nested ones too. `type` itself where nothing changes. */
const char *bind_exact_type(struct arena *arena, const char *type);

#endif
