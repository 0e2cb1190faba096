/* What a type becomes on its way through Parquet: readers of a table see the types of its files, so these
 * are what its readers' queries are bound against. sum() of integers is HUGEINT, and DECIMAL(38,0) once published. */
#ifndef STRATA_EXECUTOR_BIND_TYPE_H
#define STRATA_EXECUTOR_BIND_TYPE_H

#include <stdbool.h>

#include "base/arena.h"

/* `type` as DuckDB prints it; the results live in the arena. */
const char *bind_published_type(struct arena *arena, const char *type);

/* What a column is cast to before it is written: HUGEINT and UHUGEINT, which DuckDB would write as rounded
 * DOUBLEs, are DECIMAL(38,0), nested ones too. `type` itself where nothing changes. */
const char *bind_exact_type(struct arena *arena, const char *type);

/* Has SQL no name for the type once it is published? A STRUCT whose fields have no names has none, and a UNION
 * becomes one: DuckDB prints STRUCT(UTINYINT, INTEGER), and its parser does not read that. A schema with such a
 * column is not known: no empty view can be made of it. */
bool bind_type_nameless(const char *type);

#endif
