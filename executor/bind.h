/* Binding queries against their upstreams' schemas on empty typed views: a misspelt column is an error
 * before anything runs.
 *
 * A binder keeps the catalog between requests, so that a project of any size goes through in batches:
 *     struct binder *b = binder_new(db);
 *     bind_request(b, req, &reply, &err);   // a fresh catalog unless the request says "keep": true
 *     binder_free(b); */
#ifndef STRATA_EXECUTOR_BIND_H
#define STRATA_EXECUTOR_BIND_H

#include <duckdb.h>
#include <jansson.h>

#include "base/err.h"

struct binder;
struct binder *binder_new(duckdb_database db);
void binder_free(struct binder *b); /* NULL is fine; before duckdb_close */

/* Op `bind` (core/protocol.h). The request:
 *   {"keep": bool, "lake": "/absolute/folder of the lake",
 *    "tables": [{"qname": "dwd.dwd_flights", "partitioned": true, "sql": "rendered text" or absent,
 *                "columns": [{"name", "type"}] or absent,
 *                "source": {"view": "tmp_ods_x", "columns": [...], "files": ["/absolute/x.csv"],
 *                           "format": "csv", "delim", "nullstr", "encoding", "header": bool, "all_varchar": bool},
 *                "views": [{"name", "ddl"}]: the analysts' that its sql reads, or absent}],
 *    "types": ["int", ...] or absent}
 * *ret_reply is {"tables": [...]}, one a table, in order: {"columns": [{"name", "type"}]} without dt for a
 * partitioned one, with the types that its Parquet files will have; {"error": {"message", "line", "col", "candidates": "a, b"}} with the position in the
 * rendered text; {"unknown": "why"} where a schema cannot be known. Beside it "types": the name by which DuckDB
 * calls each type, null where it knows none. The caller adds id and ok, and drops it. */
int bind_request(struct binder *b, const json_t *req, json_t **ret_reply, struct err *err);

#endif
