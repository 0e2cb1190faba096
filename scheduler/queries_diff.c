/* See queries_diff.h. */
#include "scheduler/queries_diff.h"

#include <stdio.h>
#include <string.h>

#include "scheduler/pg_rows.h"
#include "scheduler/queries_internal.h"

#define COLUMN(row, name, type, field) {name, COLUMN_##type, offsetof(struct row, field)}
#define COUNT(a) (sizeof(a) / sizeof *(a))

/* The last successful try of each task of a run. */
#define GOOD_TRIES                                                                                                          \
	"(SELECT DISTINCT ON (table_name, partition) lake_id, table_name, partition, fence FROM strata.try"                 \
	" WHERE lake_id = $1::integer AND run_id = $2::text AND outcome = 'success' ORDER BY table_name, partition, fence DESC) t"

int query_inputs_of_run(const struct query *q, const char *run_id, struct run_input_row **ret_rows, size_t *ret_count, struct err *err)
{
	static const struct pg_column columns[] = {
		COLUMN(run_input_row, "t.table_name", TEXT, table), COLUMN(run_input_row, "t.partition", TEXT, partition),
		COLUMN(run_input_row, "l.up_table", TEXT, up_table), COLUMN(run_input_row, "l.up_partition", TEXT, up_partition),
		COLUMN(run_input_row, "l.up_identity", TEXT, up_identity), COLUMN(run_input_row, "l.up_version", INT8, up_version),
	};
	char lake[12];
	const struct pg_param params[] = {query_lake(q, lake), query_text(run_id)};
	return pg_rows_select(q->conn, columns, COUNT(columns), sizeof **ret_rows,
	                      "FROM " GOOD_TRIES " JOIN strata.lineage l USING (lake_id, fence)"
	                      " ORDER BY t.table_name, t.partition, l.up_table, l.up_partition",
	                      params, COUNT(params), q->arena, ret_rows, ret_count, err);
}

int query_schemas_of_run(const struct query *q, const char *run_id, struct schema_row **ret_rows, size_t *ret_count, struct err *err)
{
	static const struct pg_column columns[] = {COLUMN(schema_row, "t.table_name", TEXT, table), COLUMN(schema_row, "h.schema", JSON, schema)};
	char lake[12];
	const struct pg_param params[] = {query_lake(q, lake), query_text(run_id)};
	return pg_rows_select(q->conn, columns, COUNT(columns), sizeof **ret_rows,
	                      "FROM (SELECT lake_id, table_name, max(fence) AS fence FROM " GOOD_TRIES " GROUP BY lake_id, table_name) t"
	                      " CROSS JOIN LATERAL (SELECT schema FROM strata.schema_history h WHERE h.lake_id = t.lake_id AND"
	                      " h.table_name = t.table_name AND h.fence <= t.fence ORDER BY h.fence DESC LIMIT 1) h ORDER BY t.table_name",
	                      params, COUNT(params), q->arena, ret_rows, ret_count, err);
}

int query_green_before(const struct query *q, const struct run_row *run, struct run_row *ret, struct err *err)
{
	static const struct pg_column columns[] = {COLUMN(run_row, "run_id", TEXT, run_id)};
	struct run_row *rows;
	size_t n;
	char lake[12];
	const struct pg_param params[] = {query_lake(q, lake), query_text(run->run_id), query_text(run->selection)};
	int rc = pg_rows_select(q->conn, columns, COUNT(columns), sizeof *rows,
	                        "FROM strata.run WHERE lake_id = $1::integer AND result = 'success' AND selection = $3::text AND created_at <"
	                        " (SELECT created_at FROM strata.run WHERE lake_id = $1::integer AND run_id = $2::text)"
	                        " ORDER BY created_at DESC LIMIT 1", params, COUNT(params), q->arena, &rows, &n, err);
	if (rc < 0)
		return rc;
	if (!n)
		return err_set(err, ERR_USAGE, "no run before '%s' succeeded with the same selection; name the one to compare with", run->run_id);
	return query_run(q, rows[0].run_id, ret, err);
}
