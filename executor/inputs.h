/* What a try reads, pinned: hard links of exactly the versions that its lineage names, in its staging. */
#ifndef STRATA_EXECUTOR_INPUTS_H
#define STRATA_EXECUTOR_INPUTS_H

#include "executor/attempt.h"

/* Pin every input into <staging>/in/, one of several dates into <staging>/in/dt=<date>/, and note it in
 * t->inputs; for an engine with views, make `layer.table` and its macro `layer.table_dt(d)` in the session. An input without rows
 * is a typed empty view; if nothing gives its schema, t->no_input is set. With
 * t->only_files nothing is made of what is pinned. */
int inputs_pin(struct attempt *t);

/* {"tables": {"dwd.dwd_x": {"partitioned": true, "partitions": {"2013-01-03": ["/abs/...parquet"]}}}}:
 * the JSON file for programs, <staging>/inputs.json; its absolute path, or NULL after a failure. */
const char *inputs_file(struct attempt *t);

/* "SELECT CAST(NULL AS T) AS c, ... WHERE false"; false when there is no usable schema. */
bool inputs_empty_select(const struct column *columns, size_t n, bool partitioned, struct buf *out);

#endif
