/* See load.h. */
#include "executor/load.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/fault.h"
#include "base/str.h"
#include "executor/bind_type.h"
#include "executor/parquet.h"

/* Can dt be the date that the partition is named by? */
static int check_dt(struct attempt *t, const struct column *dt, size_t n)
{
	const char *date = t->rq->partition;
	if (strcmp(dt->type, "VARCHAR") != 0 && strcmp(dt->type, "DATE") != 0)
		return attempt_fail(t, "sql", "dt is %s; it must be VARCHAR or DATE and the partition's own date '%s' in every row",
		                    dt->type, date);
	if (n == 1)
		return attempt_fail(t, "sql", "the query has no column but dt, which is not stored");
	return 0;
}

/* The first stored column, or the error that the first row of another date is. The test stands in a projection,
 * which sees only the rows that are really stored; a filter might be pushed below the query's own. */
static void guarded(struct attempt *t, const char *value, const struct column *dt, struct buf *out)
{
	struct buf d = BUF_INIT(1 << 16);
	duck_ident(&d, dt->name);
	buf_addf(out, "CASE WHEN CAST(%s AS VARCHAR) IS NOT DISTINCT FROM '%s' THEN %s ELSE error('a row has dt = ' || "
	              "coalesce(CAST(%s AS VARCHAR), 'NULL') || ', but every row of this partition must have %s') END",
	         buf_cstr(&d), t->rq->partition, value, buf_cstr(&d), t->rq->partition);
	buf_free(&d);
}

/* Columns as they are stored: without dt, which is checked, and cast to `stored` where that is another type. */
static void select_list(struct attempt *t, const struct column *columns, const char *const *stored, size_t n,
                        const struct column *dt, struct buf *out)
{
	const char *between = "SELECT ";
	struct buf value = BUF_INIT(1 << 20), name = BUF_INIT(1 << 16);
	for (size_t i = 0; i < n; i++) {
		if (&columns[i] == dt)
			continue;
		buf_clear(&value);
		buf_clear(&name);
		duck_ident(&name, columns[i].name);
		buf_addf(&value, stored[i] == columns[i].type ? "%s" : "CAST(%s AS %s)", buf_cstr(&name), stored[i]);
		buf_adds(out, between);
		if (dt && strcmp(between, "SELECT ") == 0)
			guarded(t, buf_cstr(&value), dt, out);
		else
			buf_adds(out, buf_cstr(&value));
		buf_addf(out, " AS %s", buf_cstr(&name));
		between = ", ";
	}
	buf_adds(out, " FROM (");
	buf_free(&value);
	buf_free(&name);
}

/* Does Parquet give this type back as it was? (An ENUM comes back as VARCHAR, ...) */
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
static void keep_schema(struct attempt *t, const struct column *columns, const char *const *stored, size_t n, const struct column *dt)
{
	struct column *schema = arena_array(t->arena, n, sizeof *schema);
	size_t used = 0;
	for (size_t i = 0; i < n; i++) {
		if (&columns[i] == dt)
			continue;
		if (!survives(stored[i]))
			return;
		schema[used++] = (struct column){columns[i].name, stored[i]};
	}
	t->schema = schema;
	t->nschema = used;
}

/* What stands before the user's text; ends in its "(". */
static int prefix(struct attempt *t, const char *sql, bool ours, struct buf *out)
{
	struct column *columns;
	size_t n;
	struct duck_error e;
	buf_adds(out, "COPY (");
	if (duck_describe(t->session.con, t->arena, sql, &columns, &n, &e) < 0)
		return attempt_fail_duck(t, &e, ours ? -1 : 0);
	const struct column *dt = NULL;
	const char **stored = arena_array(t->arena, n, sizeof *stored);
	bool cast = false;
	for (size_t i = 0; i < n; i++) {
		const char *exact = bind_exact_type(t->arena, columns[i].type);
		stored[i] = bind_type_nameless(columns[i].type) ? columns[i].type : exact;
		cast = cast || stored[i] != columns[i].type;
		if (!dt && t->rq->partitioned && strcasecmp(columns[i].name, "dt") == 0)
			dt = &columns[i];
	}
	if (dt && check_dt(t, dt, n) < 0)
		return -1;
	keep_schema(t, columns, stored, n, dt);
	if (dt || cast)
		select_list(t, columns, stored, n, dt, out);
	return 0;
}

/* A PIVOT without IN becomes several statements; rows are those of the one that copies. */
static int copy_all(duckdb_connection con, duckdb_extracted_statements statements, idx_t n, const char *sql, int64_t *ret_rows,
                    struct duck_error *e)
{
	int rc = 0;
	for (idx_t i = 0; i < n && rc == 0; i++) {
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
	return rc;
}

static int copy(duckdb_connection con, const char *sql, int64_t *ret_rows, struct duck_error *e)
{
	*ret_rows = 0;
	if (strcasestr(sql, "pivot")) { /* else the text is parsed once */
		duckdb_extracted_statements statements;
		idx_t n = duckdb_extract_statements(con, sql, &statements);
		int rc = n > 1 ? copy_all(con, statements, n, sql, ret_rows, e) : 0;
		duckdb_destroy_extracted(&statements);
		if (n > 1)
			return rc;
	}
	duckdb_result result;
	int rc = duck_query(con, sql, &result, e);
	if (rc == 0) {
		*ret_rows = (int64_t)duckdb_rows_changed(&result);
		duckdb_destroy_result(&result);
	}
	return rc;
}

/* Is it likely that the plain query is what is to be stored? A guess, from which only the time depends: what is stored
 * is seen when it is there. One statement, though, for sure: DESCRIBE reads but one. */
static bool is_plain(const struct attempt *t, const char *sql, bool ours)
{
	static const char *const casts[] = {"sum", "hugeint", "factorial", "md5", "double", "avg", "mean", "pivot"};
	if (ours || t->rq->partitioned || t->rq->nviews)
		return false;
	for (size_t i = 0; i < sizeof casts / sizeof *casts; i++) {
		if (strcasestr(sql, casts[i]))
			return false;
	}
	return !memchr(sql, ';', duck_trim(sql, strlen(sql)));
}

/* `prefix` is what stands before the query: "COPY (", or that and a SELECT that ends in another "(". */
static int copy_to(struct attempt *t, struct buf *prefix, const char *sql, const char *file, struct duck_error *e)
{
	bool wrapped = prefix->len > strlen("COPY (");
	buf_addc(prefix, '\n');
	buf_add(prefix, sql, duck_trim(sql, strlen(sql)));
	buf_adds(prefix, wrapped ? "\n)) TO " : "\n) TO ");
	duck_literal(prefix, file);
	buf_adds(prefix, " (FORMAT parquet, COMPRESSION zstd)");
	return copy(t->session.con, buf_cstr(prefix), &t->loaded_rows, e);
}

const char *load_file(struct attempt *t)
{
	return arena_printf(t->arena, "%s/part-0.parquet", t->out);
}

/* To ask for the query's columns costs as much as a small query. Where the plain query gave a file with plain columns
 * only, none of them needed a cast or a check, and the footer says the schema. Else DESCRIBE says whether what the
 * plain query gave, a file or an error, is the end of it. */
int load_query(struct attempt *t, const char *sql, bool ours)
{
	const char *file = load_file(t);
	if (FAULT("stage.write"))
		return attempt_fail(t, "transient", "write '%s': %s", file, strerror(errno));
	struct buf text = BUF_INIT(1 << 26);
	struct duck_error e;
	bool tried = is_plain(t, sql, ours);
	int rc = 0;
	if (tried) {
		buf_adds(&text, "COPY (");
		rc = copy_to(t, &text, sql, file, &e);
		buf_clear(&text);
		bool over = rc == 0 ? parquet_plain_columns(file, t->arena, &t->schema, &t->nschema) == 0
		                    : stop_wanted(&t->w->stop) || strcmp(duck_error_class(&e), "sql") != 0;
		if (over) {
			buf_free(&text);
			return rc < 0 ? attempt_fail_duck(t, &e, 1) : 0;
		}
	}
	if (prefix(t, sql, ours, &text) < 0) {
		buf_free(&text);
		return -1;
	}
	if (!tried || text.len > strlen("COPY ("))
		rc = copy_to(t, &text, sql, file, &e);
	buf_free(&text);
	return rc < 0 ? attempt_fail_duck(t, &e, ours ? -1 : 1) : 0;
}

/* One statement, its rows as they come. */
static int drain(duckdb_prepared_statement statement, int64_t *ret_rows, struct duck_error *e, const char *sql)
{
	duckdb_pending_result pending;
	duckdb_result result = {0};
	int rc = 0;
	if (duckdb_pending_prepared_streaming(statement, &pending) == DuckDBError) {
		duck_error_parse(e, DUCKDB_ERROR_INVALID, duckdb_pending_error(pending), sql);
		duckdb_destroy_pending(&pending);
		return -1;
	}
	duckdb_data_chunk chunk;
	if (duckdb_execute_pending(pending, &result) == DuckDBSuccess) {
		while ((chunk = duckdb_fetch_chunk(result))) {
			*ret_rows += (int64_t)duckdb_data_chunk_get_size(chunk);
			duckdb_destroy_data_chunk(&chunk);
		}
	}
	const char *error = duckdb_result_error(&result);
	if (error) {
		duck_error_parse(e, duckdb_result_error_type(&result), error, sql);
		rc = -1;
	}
	duckdb_destroy_result(&result);
	duckdb_destroy_pending(&pending);
	return rc;
}

int load_nothing(struct attempt *t, const char *sql)
{
	struct buf text = BUF_INIT(1 << 26);
	struct duck_error e;
	duckdb_extracted_statements statements;
	buf_adds(&text, "FROM (\n"); /* which only a query fits into */
	buf_add(&text, sql, duck_trim(sql, strlen(sql)));
	buf_adds(&text, "\n)");
	t->loaded_rows = 0;
	idx_t n = duckdb_extract_statements(t->session.con, buf_cstr(&text), &statements);
	int rc = n > 0 ? 0 : -1;
	if (n == 0)
		duck_error_parse(&e, DUCKDB_ERROR_PARSER, duckdb_extract_statements_error(statements), buf_cstr(&text));
	for (idx_t i = 0; i < n && rc == 0; i++) { /* a PIVOT without IN is several */
		duckdb_prepared_statement one;
		rc = duckdb_prepare_extracted_statement(t->session.con, statements, i, &one) == DuckDBError ? -1 : 0;
		if (rc < 0)
			duck_error_parse(&e, DUCKDB_ERROR_INVALID, duckdb_prepare_error(one), buf_cstr(&text));
		else
			rc = drain(one, &t->loaded_rows, &e, buf_cstr(&text));
		duckdb_destroy_prepare(&one);
	}
	duckdb_destroy_extracted(&statements);
	buf_free(&text);
	return rc < 0 ? attempt_fail_duck(t, &e, 1) : 0;
}
