/* What two runs are compared by. Read only, synchronous, rows in the query's arena, as in scheduler/queries.h. */
#ifndef STRATA_SCHEDULER_QUERIES_DIFF_H
#define STRATA_SCHEDULER_QUERIES_DIFF_H

#include "scheduler/queries.h"

/* What the last successful try of each task read; ordered by table, partition, input. */
struct run_input_row {
	const char *table, *partition;
	const char *up_table, *up_partition, *up_identity;
	int64_t up_version;
};
int query_inputs_of_run(const struct query *q, const char *run_id, struct run_input_row **ret_rows, size_t *ret_count, struct err *err);

/* The columns that each table had after the run's successful tries of it, as JSON; ordered by table. */
struct schema_row {
	const char *table, *schema;
};
int query_schemas_of_run(const struct query *q, const char *run_id, struct schema_row **ret_rows, size_t *ret_count, struct err *err);

/* The newest run before `run` that succeeded with the same selection. ERR_USAGE: there is none. */
int query_green_before(const struct query *q, const struct run_row *run, struct run_row *ret, struct err *err);

#endif
