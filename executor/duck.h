/* DuckDB's C API, as far as the worker needs it: open, run, ask, and errors with a position.
 *
 * Calling sequence:
 *     duckdb_database db;
 *     duckdb_connection con;
 *     if (duck_open(&(struct duck_config){.threads = 2}, &db, &err) < 0 || duck_connect(db, &con, &err) < 0)
 *         ...
 *     struct duck_error e;
 *     if (duck_run(con, "CREATE SCHEMA dwd", &e) < 0)
 *         return duck_err(&e, &err);
 *     duckdb_disconnect(&con);
 *     duckdb_close(&db);
 *
 * The database reports its errors as JSON (errors_as_json), so that a position is a number and never read
 * from a drawing; struct duck_error is what came of it. */
#ifndef STRATA_EXECUTOR_DUCK_H
#define STRATA_EXECUTOR_DUCK_H

#include <duckdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "core/analysis.h"

struct duck_config {
	int threads;           /* 0: DuckDB's own choice */
	int64_t memory_bytes;  /* 0: DuckDB's own choice */
	const char *temp_dir;  /* where queries spill; NULL: nowhere */
	bool lock;             /* no SET from here on (lock_configuration) */
};

/* In memory, no extension is fetched or loaded by itself. ERR_ENGINE. duckdb_close it. */
int duck_open(const struct duck_config *config, duckdb_database *ret_db, struct err *err);
int duck_connect(duckdb_database db, duckdb_connection *ret_con, struct err *err);
/* From here on duckdb_query_progress tells how far this connection's queries are; nothing is printed. */
void duck_measure(duckdb_connection con);

struct duck_error {
	duckdb_error_type type; /* DUCKDB_ERROR_INTERRUPT: somebody called duckdb_interrupt */
	char kind[32];          /* "Binder", "Catalog", "IO", ... */
	char message[1536];     /* one line; without position, excerpt and candidates */
	char candidates[512];   /* "a, b", or "" */
	char full[3072];        /* "", or all that DuckDB said, of which the message has the essentials */
	int line, col;          /* in the text that was run, from 1, col in bytes; 0: unknown */
};

/* Each gives 0, or -1 with *ret_error filled. */
int duck_run(duckdb_connection con, const char *sql, struct duck_error *ret_error); /* result dropped */
int duck_query(duckdb_connection con, const char *sql, duckdb_result *ret_result, struct duck_error *ret_error);
/* The one row of a query of `n` BIGINT columns, none of them NULL. */
int duck_bigints(duckdb_connection con, const char *sql, int64_t *ret_values, size_t n, struct duck_error *ret_error);
int duck_int64(duckdb_connection con, const char *sql, int64_t *ret_value, struct duck_error *ret_error);
/* First column of the first row, appended to `out`; nothing is appended for NULL or no row. */
int duck_text(duckdb_connection con, const char *sql, struct buf *out, struct duck_error *ret_error);

/* The name by which DuckDB itself calls a type ("INTEGER" of "int"), appended to `out`. */
int duck_type_name(duckdb_connection con, const char *type, struct buf *out, struct duck_error *ret_error);

/* Column names and types of a query, without running it. Lines in *ret_error are those of `sql`. */
int duck_describe(duckdb_connection con, struct arena *arena, const char *sql, struct column **ret_columns,
                  size_t *ret_n, struct duck_error *ret_error);

/* Fill from a failed result or prepared statement's message, or from any text of DuckDB's. `sql` is the
 * text that was run: it turns the position into line and column; may be NULL. */
void duck_error_parse(struct duck_error *ret_error, duckdb_error_type type, const char *text, const char *sql);

/* DuckDB's parser counts characters in the positions of its errors; everything else of DuckDB's counts
 * bytes. The byte at which character number `chars` (from 0) of UTF-8 text begins. */
size_t duck_char_offset(const char *sql, size_t chars);

/* The essentials of an error about a CSV file, in one line; false: `text` is no such error. */
bool duck_csv_error(const char *text, char *out, size_t size);

/* Into err: "Binder Error: ... (line 3, column 7)", ERR_ENGINE (ERR_CANCELED for an interrupt). */
int duck_err(const struct duck_error *e, struct err *err);

/* "sql", "transient" (a retry can cure it: I/O, HTTP, out of memory) or "permanent", for struct try_error. */
const char *duck_error_class(const struct duck_error *e);

/* A VARCHAR or BLOB cell of a chunk's vector; not NUL-terminated, lives as long as the chunk. Row must be valid. */
const char *duck_string_at(duckdb_vector vector, idx_t row, size_t *ret_len);
bool duck_valid_at(duckdb_vector vector, idx_t row); /* not NULL */

void duck_ident(struct buf *out, const char *name);   /* "name", quotes doubled */
void duck_literal(struct buf *out, const char *text); /* 'text', quotes doubled */

/* Length of `sql` without the semicolons, comments and blanks at its end, so that it can be put into
 * parentheses: COPY (\n<sql>\n) TO ... */
size_t duck_trim(const char *sql, size_t n);

/* Where statement `index` (from 0) starts, its comments left out; n when there are not so many. */
size_t duck_statement(const char *sql, size_t n, size_t index);

#endif
