/* catalog.duckdb: schemas, views and _dt macros for anyone's DuckDB, no data.
 *
 * Request: {"path": "/abs/catalog.duckdb" (default: .strata/catalog.duckdb of the lake),
 *           "tables": [{"qname", "partitioned", "columns": [{"name", "type"}], "external_path"}],
 *           "migrations": "/abs/catalog/migrations"}
 * Reply: {"tables": n, "applied": ["0001_x.sql"], "skipped": [{"file", "statement", "why"}]}
 *
 * The new file is built beside the old one and replaces it by a rename, so that whoever has the old one
 * open keeps it. A table with nothing published is a typed empty view, or, without columns, no view. */
#ifndef STRATA_EXECUTOR_CATALOG_H
#define STRATA_EXECUTOR_CATALOG_H

#include "executor/ops.h"

int op_catalog(struct worker *w, const json_t *req, json_t **ret_reply, struct op_error *ret_error);

/* catalog_migrate.c. Apply what is new in `folder` to the attached catalog "c", of which `tables` are
 * strata's own. ERR_PROJECT with the file for a changed applied file or a failed statement. */
int catalog_migrate(duckdb_connection con, struct arena *arena, const char *folder, const json_t *tables, json_t *applied,
                    json_t *skipped, struct err *err);

#endif
