/* See queries.h: what is published, and lineage. */
#include "scheduler/queries.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "core/date.h"
#include "scheduler/pg_rows.h"
#include "scheduler/queries_internal.h"

#define COLUMN(row, name, type, field) {name, COLUMN_##type, offsetof(struct row, field)}
#define COUNT(a) (sizeof(a) / sizeof *(a))

struct pg_param query_text(const char *s)
{
	return (struct pg_param){s, s ? (int)strlen(s) : 0, 0};
}

struct pg_param query_lake(const struct query *q, char out[12])
{
	snprintf(out, 12, "%d", q->lake_id);
	return query_text(out);
}

struct pg_param query_names(const char *const *names, size_t n, struct buf *bytes)
{
	static const struct pg_column column = {"", COLUMN_TEXT, 0};
	if (!names)
		return (struct pg_param){NULL, 0, 1};
	pg_array_encode(&column, names, n, sizeof *names, bytes);
	return (struct pg_param){bytes->data, (int)bytes->len, 1};
}

static const struct pg_column partition_columns[] = {
	COLUMN(partition_row, "table_name", TEXT, table), COLUMN(partition_row, "partition", TEXT, partition),
	COLUMN(partition_row, "files", INT4, files), COLUMN(partition_row, "version", INT8, version),
	COLUMN(partition_row, "fence", INT8, fence), COLUMN(partition_row, "rows", INT8, rows),
	COLUMN(partition_row, "bytes", INT8, bytes), COLUMN(partition_row, "published_at", TIME, published_us),
	COLUMN(partition_row, "try_id", UUID, try_id), COLUMN(partition_row, "run_id", TEXT, run_id),
	COLUMN(partition_row, "fingerprint", TEXT, fingerprint), COLUMN(partition_row, "git_commit", TEXT, git_commit),
	COLUMN(partition_row, "empty", BOOL, empty),
};

int query_partitions(const struct query *q, const char *const *tables, size_t ntables, int32_t lo, int32_t hi,
                     struct partition_row **ret_rows, size_t *ret_count, struct err *err)
{
	/* Dates as text sort by bytes, as the index does. */
	static const char rest[] =
		"FROM strata.partition WHERE lake_id = $1::integer AND ($2::text[] IS NULL OR table_name = ANY($2::text[]))"
		" AND (partition = '' OR (partition >= $3::text AND partition <= $4::text)) ORDER BY table_name, partition";
	char lake[12], from[DATE_SIZE] = "0", to[DATE_SIZE] = "9999-12-31";
	struct buf names = BUF_INIT(64 << 20);
	if (lo != DATE_NONE)
		date_format(from, lo);
	if (hi != DATE_NONE)
		date_format(to, hi);
	const struct pg_param params[] = {query_lake(q, lake), query_names(tables, ntables, &names), query_text(from),
	                                  query_text(to)};
	int rc = pg_rows_select(q->conn, partition_columns, COUNT(partition_columns), sizeof **ret_rows, rest, params, 4,
	                        q->arena, ret_rows, ret_count, err);
	buf_free(&names);
	for (size_t i = 0; rc == 0 && i < *ret_count; i++) {
		struct partition_row *row = &(*ret_rows)[i];
		if (!date_parse_iso(row->partition, strlen(row->partition), &row->day))
			row->day = DATE_NONE;
	}
	return rc;
}

static const struct pg_column stat_columns[] = {
	COLUMN(table_stat, "table_name", TEXT, table), COLUMN(table_stat, "built", INT8, built),
	COLUMN(table_stat, "duration_us", INT8, duration_us), COLUMN(table_stat, "schema", JSON, schema_text),
};

/* Tables of one shape share their text (pg_rows), and then their columns. */
static void parse_schema(struct arena *arena, struct table_stat *row, const struct table_stat *before)
{
	if (before && before->schema_text == row->schema_text) {
		row->schema = before->schema;
		row->nschema = before->nschema;
		return;
	}
	json_t *list = json_loads(row->schema_text, 0, NULL);
	size_t n = json_array_size(list);
	struct column *columns = arena_array(arena, n, sizeof *columns);
	for (size_t i = 0; i < n; i++) {
		const json_t *item = json_array_get(list, i);
		const char *name = json_string_value(json_object_get(item, "name"));
		const char *type = json_string_value(json_object_get(item, "type"));
		columns[i] = (struct column){arena_strdup(arena, name ? name : ""), arena_strdup(arena, type ? type : "")};
	}
	json_decref(list);
	row->schema = columns;
	row->nschema = n;
}

int query_table_stats(const struct query *q, const char *const *tables, size_t ntables, struct table_stat **ret_rows,
                      size_t *ret_count, struct err *err)
{
	static const char rest[] = "FROM strata.table_stat WHERE lake_id = $1::integer"
	                           " AND ($2::text[] IS NULL OR table_name = ANY($2::text[])) ORDER BY table_name";
	char lake[12];
	struct buf names = BUF_INIT(64 << 20);
	const struct pg_param params[] = {query_lake(q, lake), query_names(tables, ntables, &names)};
	int rc = pg_rows_select(q->conn, stat_columns, COUNT(stat_columns), sizeof **ret_rows, rest, params, 2, q->arena,
	                        ret_rows, ret_count, err);
	buf_free(&names);
	for (size_t i = 0; rc == 0 && i < *ret_count; i++)
		parse_schema(q->arena, &(*ret_rows)[i], i ? &(*ret_rows)[i - 1] : NULL);
	return rc;
}

static const struct pg_column lineage_columns[] = {
	COLUMN(lineage_row, "p.table_name", TEXT, table), COLUMN(lineage_row, "p.partition", TEXT, partition),
	COLUMN(lineage_row, "p.version", INT8, version), COLUMN(lineage_row, "l.up_table", TEXT, up_table),
	COLUMN(lineage_row, "l.up_partition", TEXT, up_partition), COLUMN(lineage_row, "l.up_version", INT8, up_version),
	COLUMN(lineage_row, "l.up_identity", TEXT, up_identity), COLUMN(lineage_row, "u.version", INT8, up_version_now),
};

/* Lineage hangs on the fence of the try that read; what is published now has the fence of its try. */
#define LINEAGE_FROM                                                                                     \
	"FROM strata.partition p JOIN strata.lineage l ON l.lake_id = p.lake_id AND l.fence = p.fence "  \
	"LEFT JOIN strata.partition u ON u.lake_id = l.lake_id AND u.table_name = l.up_table "           \
	"AND u.partition = l.up_partition WHERE p.lake_id = $1::integer "

static int lineage(const struct query *q, const char *rest, const char *table, const char *partition,
                   struct lineage_row **ret_rows, size_t *ret_count, struct err *err)
{
	char lake[12];
	const struct pg_param params[] = {query_lake(q, lake), query_text(table), query_text(partition)};
	return pg_rows_select(q->conn, lineage_columns, COUNT(lineage_columns), sizeof **ret_rows, rest, params, 3, q->arena,
	                      ret_rows, ret_count, err);
}

int query_lineage_up(const struct query *q, const char *table, const char *partition, struct lineage_row **ret_rows,
                     size_t *ret_count, struct err *err)
{
	return lineage(q, LINEAGE_FROM "AND p.table_name = $2::text AND ($3::text IS NULL OR p.partition = $3::text)"
	               " ORDER BY p.partition, l.up_table, l.up_partition", table, partition, ret_rows, ret_count, err);
}

static const struct pg_column input_columns[] = {
	COLUMN(input_row, "up_table", TEXT, table), COLUMN(input_row, "up_partition", TEXT, partition),
	COLUMN(input_row, "up_identity", TEXT, identity), COLUMN(input_row, "up_version", INT8, version),
};

int query_inputs(const struct query *q, int64_t fence, struct input_row **ret_rows, size_t *ret_count, struct err *err)
{
	char lake[12], text[24];
	snprintf(text, sizeof text, "%lld", (long long)fence);
	const struct pg_param params[] = {query_lake(q, lake), query_text(text)};
	return pg_rows_select(q->conn, input_columns, COUNT(input_columns), sizeof **ret_rows,
	                      "FROM strata.lineage WHERE lake_id = $1::integer AND fence = $2::bigint ORDER BY up_table, up_partition", params, 2,
	                      q->arena, ret_rows, ret_count, err);
}

int query_lineage_down(const struct query *q, const char *table, const char *partition, struct lineage_row **ret_rows,
                       size_t *ret_count, struct err *err)
{
	return lineage(q, LINEAGE_FROM "AND l.lake_id = $1::integer AND l.up_table = $2::text"
	               " AND ($3::text IS NULL OR l.up_partition = $3::text)"
	               " ORDER BY p.table_name, p.partition, l.up_partition", table, partition, ret_rows, ret_count, err);
}
