/* Ad-hoc queries that publish nothing: over the published lake, or over what a try would read.
 *
 * Request: {"sql": "...", "limit": 100, "tables": [{"qname", "partitioned", "columns"}]}: the tables whose
 * names are in the text are pinned with all their published partitions. Or {"limit": 20, "try": {...}}: the
 * SQL of a `run` request on its inputs and source, for a preview.
 * Reply: {"columns": [{"name", "type"}], "rows": [["text" | null]], "truncated": bool, "note": "no input: ..."}.
 * "truncated": the rest would not fit into a line of the protocol. */
#ifndef STRATA_EXECUTOR_SQL_H
#define STRATA_EXECUTOR_SQL_H

#include "executor/ops.h"

int op_sql(struct worker *w, const json_t *req, json_t **ret_reply, struct op_error *ret_error);

#endif
