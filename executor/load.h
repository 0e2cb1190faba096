/* From a query to staged Parquet: what every engine that ends in DuckDB shares. */
#ifndef STRATA_EXECUTOR_LOAD_H
#define STRATA_EXECUTOR_LOAD_H

#include <stdbool.h>

#include "executor/attempt.h"

const char *load_file(struct attempt *t); /* where load_query stages, relative to the lake */

/* Run `sql` in the try's session and stage its rows as one zstd Parquet file in t->out; sets
 * t->loaded_rows. A `dt` column of a partitioned table is checked on every row and not stored. HUGEINT is
 * stored as DECIMAL(38,0), and one that does not fit fails the try: Parquet would have it rounded to a DOUBLE.
 * `ours`: the text is not the user's, so that a position in it says nothing. */
int load_query(struct attempt *t, const char *sql, bool ours);

/* Run `sql` to its end for what it does, or for the error that it ends in: no row is kept, in memory neither.
 * Sets t->loaded_rows. */
int load_nothing(struct attempt *t, const char *sql);

#endif
