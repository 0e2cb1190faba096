/* The declared checks on what is published of a partition: nothing is made or published. `check` tells how they end to who
 * asks; a try with check_only fails if one does.
 *
 * Request of `check`: a `run` request whose one input is the partition itself, of which nothing is expected: {"qname", "partition",
 * "partitioned", "primary_keys", "timestamp_col", "columns", "allow_empty", "inputs": [itself], ...}. It is pinned like any
 * input, so that all checks see one version, whatever is published meanwhile.
 * Reply: {"state": "published" | "empty" | "absent", "version", "rows", "checks": [{"name", "status", "detail"}]}. "empty" was
 * published without rows: of it only allow_empty says something. Of "absent" nothing is published. What cannot be read, as files
 * that the manifest lists and that are gone, is an error reply. */
#ifndef STRATA_EXECUTOR_RECHECK_H
#define STRATA_EXECUTOR_RECHECK_H

#include "executor/attempt.h"
#include "executor/ops.h"

int op_check(struct worker *w, const json_t *req, json_t **ret_reply, struct op_error *ret_error);

/* The stage of a try with check_only, whose one input is pinned: sets result->checked, or fails. */
int recheck_run(struct attempt *t);

#endif
