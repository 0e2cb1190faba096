/* What a table's text says, from DuckDB's own parse: whom it reads, which dates, its canonical form.
 *
 * The read set is sound, not tight: at run time the views show only what it holds, so whatever is not
 * understood makes it wider, never narrower (DESIGN.md section 3). */
#ifndef STRATA_EXECUTOR_ANALYZE_H
#define STRATA_EXECUTOR_ANALYZE_H

#include <duckdb.h>
#include <jansson.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/analysis.h"

/* One SQL text as it is in its file. Everything in *ret lives in `arena`. Errors of the text are in
 * ret->error; where DuckDB itself fails at it, nothing is known of it: !ret->parsed. */
void analyze_sql(duckdb_connection con, struct arena *arena, const char *qname, const char *text,
                 struct analysis *ret);

/* One executable file's bytes. */
void analyze_exec(struct arena *arena, const char *text, size_t n, struct analysis *ret);

/* Op `analyze` (core/protocol.h): *ret_reply is {"tables": [...]}; the caller adds id and ok, and drops it. */
int analyze_request(duckdb_database db, const json_t *req, json_t **ret_reply, struct err *err);

#endif
