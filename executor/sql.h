/* Ad-hoc queries that publish nothing: over the published lake, or over what a try would read.
 *
 * Request: {"sql": "...", "limit": 100, "tables": [{"qname", "partitioned", "columns"}]}: the tables whose
 * names are in the text are pinned with all their published partitions. Or {"limit": 20, "try": {...}}: the
 * SQL of a `run` request on its inputs and source, for a preview.
 * Before the reply any number of {"event": "rows", "rows": [["text" | null]]}: a result of any size goes
 * through in parts. Reply: {"columns": [{"name", "type"}], "rows": [the last ones], "note": "no input: ..."}. */
#ifndef STRATA_EXECUTOR_SQL_H
#define STRATA_EXECUTOR_SQL_H

#include "executor/ops.h"

int op_sql(struct worker *w, const json_t *req, struct op_events events, json_t **ret_reply, struct op_error *ret_error);

#endif
