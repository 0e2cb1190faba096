/* See load.h. */
#include "executor/load.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/fault.h"
#include "base/str.h"

/* The select list that stores everything but dt and fails at the first row of another date. The test
 * stands in a projection, which sees only the rows that are really stored; a filter might be pushed
 * below the query's own. */
static int guard_dt(struct attempt *t, const struct column *columns, size_t n, size_t dt, struct buf *out)
{
	const char *date = t->rq->partition;
	if (strcmp(columns[dt].type, "VARCHAR") != 0 && strcmp(columns[dt].type, "DATE") != 0)
		return attempt_fail(t, "sql", "dt is %s; it must be VARCHAR or DATE and the partition's own date '%s' in every row",
		                    columns[dt].type, date);
	if (n == 1)
		return attempt_fail(t, "sql", "the query has no column but dt, which is not stored");
	struct buf d = BUF_INIT(1 << 16);
	duck_ident(&d, columns[dt].name);
	bool first = true;
	buf_adds(out, "SELECT ");
	for (size_t i = 0; i < n; i++) {
		if (i == dt)
			continue;
		if (first) {
			buf_addf(out, "CASE WHEN CAST(%s AS VARCHAR) IS NOT DISTINCT FROM '%s' THEN ", buf_cstr(&d), date);
			duck_ident(out, columns[i].name);
			buf_addf(out, " ELSE error('a row has dt = ' || coalesce(CAST(%s AS VARCHAR), 'NULL') || ', but every row of "
			              "this partition must have %s') END AS ", buf_cstr(&d), date);
		} else {
			buf_adds(out, ", ");
		}
		duck_ident(out, columns[i].name);
		first = false;
	}
	buf_adds(out, " FROM (");
	buf_free(&d);
	return 0;
}

/* Does Parquet give this type back as it was? (HUGEINT comes back as DOUBLE, an ENUM as VARCHAR, ...) */
static bool survives(const char *type)
{
	static const char *const exact[] = {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER",
	                                    "UBIGINT", "FLOAT", "DOUBLE", "VARCHAR", "BLOB", "DATE", "TIMESTAMP",
	                                    "TIMESTAMP WITH TIME ZONE"};
	for (size_t i = 0; i < sizeof exact / sizeof *exact; i++) {
		if (strcmp(type, exact[i]) == 0)
			return true;
	}
	return str_has_prefix(type, "DECIMAL(");
}

/* The query was described anyway: where that is the schema of the files too, nobody asks for it again. */
static void keep_schema(struct attempt *t, const struct column *columns, size_t n)
{
	struct column *schema = arena_array(t->arena, n, sizeof *schema);
	size_t used = 0;
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(columns[i].name, "dt") == 0)
			continue;
		if (!survives(columns[i].type))
			return;
		schema[used++] = columns[i];
	}
	t->schema = schema;
	t->nschema = used;
}

/* What stands before the user's text; ends in its "(". */
static int prefix(struct attempt *t, const char *sql, bool ours, struct buf *out)
{
	buf_adds(out, "COPY (");
	if (!t->rq->partitioned)
		return 0;
	struct column *columns;
	size_t n;
	struct duck_error e;
	if (duck_describe(t->session.con, t->arena, sql, &columns, &n, &e) < 0)
		return attempt_fail_duck(t, &e, ours ? -1 : 0);
	keep_schema(t, columns, n);
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(columns[i].name, "dt") == 0)
			return guard_dt(t, columns, n, i, out);
	}
	return 0;
}

/* A PIVOT without IN becomes several statements; rows are those of the one that copies. */
static int copy(duckdb_connection con, const char *sql, int64_t *ret_rows, struct duck_error *e)
{
	duckdb_extracted_statements statements;
	idx_t n = duckdb_extract_statements(con, sql, &statements);
	int rc = 0;
	*ret_rows = 0;
	for (idx_t i = 0; i < n && n > 1 && rc == 0; i++) {
		duckdb_prepared_statement one;
		duckdb_result result;
		if (duckdb_prepare_extracted_statement(con, statements, i, &one) == DuckDBError) {
			duck_error_parse(e, DUCKDB_ERROR_INVALID, duckdb_prepare_error(one), sql);
			rc = -1;
		} else {
			if (duckdb_execute_prepared(one, &result) == DuckDBError) {
				duck_error_parse(e, duckdb_result_error_type(&result), duckdb_result_error(&result), sql);
				rc = -1;
			} else {
				*ret_rows += (int64_t)duckdb_rows_changed(&result);
			}
			duckdb_destroy_result(&result);
		}
		duckdb_destroy_prepare(&one);
	}
	duckdb_destroy_extracted(&statements);
	if (n > 1)
		return rc;
	duckdb_result result;
	rc = duck_query(con, sql, &result, e);
	if (rc == 0) {
		*ret_rows = (int64_t)duckdb_rows_changed(&result);
		duckdb_destroy_result(&result);
	}
	return rc;
}

int load_query(struct attempt *t, const char *sql, bool ours)
{
	struct buf text = BUF_INIT(1 << 26);
	if (prefix(t, sql, ours, &text) < 0) {
		buf_free(&text);
		return -1;
	}
	bool guarded = text.len > strlen("COPY (");
	buf_addc(&text, '\n');
	buf_add(&text, sql, duck_trim(sql, strlen(sql)));
	buf_adds(&text, guarded ? "\n)) TO " : "\n) TO ");
	const char *file = arena_printf(t->arena, "%s/part-0.parquet", t->out);
	duck_literal(&text, file);
	buf_adds(&text, " (FORMAT parquet, COMPRESSION zstd)");
	struct duck_error e;
	int rc = 0;
	if (FAULT("stage.write"))
		rc = attempt_fail(t, "transient", "write '%s': %s", file, strerror(errno));
	else if (copy(t->session.con, buf_cstr(&text), &t->loaded_rows, &e) < 0)
		rc = attempt_fail_duck(t, &e, ours ? -1 : 1);
	buf_free(&text);
	return rc;
}
