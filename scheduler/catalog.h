/* catalog.duckdb: schemas, views and macros for anyone's DuckDB, made anew by a worker when the set of
 * published tables or their schemas have changed. */
#ifndef STRATA_SCHEDULER_CATALOG_H
#define STRATA_SCHEDULER_CATALOG_H

#include "scheduler/workspace.h"

/* Every table that the catalog has: those of the project that were ever built, and the external ones, as
 * the worker's requests `catalog` and `sql` take them. The caller's to json_decref. */
int catalog_tables(struct workspace *ws, json_t **ret, struct err *err);

/* Make it anew. `path` NULL: <lake>/.strata/catalog.duckdb. *ret_reply (may be NULL) is the worker's, the
 * caller's to json_decref. */
int catalog_refresh(struct workspace *ws, const char *path, json_t **ret_reply, struct err *err);

/* Only if it is not there, or was made for other tables, schemas or migrations. */
int catalog_refresh_if_stale(struct workspace *ws, struct err *err);

#endif
