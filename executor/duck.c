/* See duck.h. */
#include "executor/duck.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static int open_error(char *text, struct err *err)
{
	struct duck_error e;
	duck_error_parse(&e, DUCKDB_ERROR_INVALID, text, NULL);
	duckdb_free(text);
	err_set(err, ERR_ENGINE, "%s", e.message);
	return err_wrap(err, "open DuckDB");
}

int duck_open(const struct duck_config *c, duckdb_database *ret_db, struct err *err)
{
	char threads[16], memory[32];
	snprintf(threads, sizeof threads, "%d", c->threads);
	snprintf(memory, sizeof memory, "%" PRId64 "B", c->memory_bytes);
	const struct {
		bool set;
		const char *name, *value;
	} options[] = {
		{true, "errors_as_json", "true"},
		{true, "autoinstall_known_extensions", "false"},
		{true, "autoload_known_extensions", "false"},
		/* It would keep every file that was ever read, up to the memory limit: no try reads another's. */
		{true, "enable_external_file_cache", "false"},
		{c->threads > 0, "threads", threads},
		{c->memory_bytes > 0, "memory_limit", memory},
		{true, "temp_directory", c->temp_dir ? c->temp_dir : ""},
		/* Of a connection, not of the database: it is set where it is wanted (duck_measure). */
		{c->lock, "allowed_configs", "['enable_progress_bar', 'enable_progress_bar_print']"},
		{c->lock, "lock_configuration", "true"},
	};
	duckdb_config config;
	if (duckdb_create_config(&config) == DuckDBError)
		return err_set(err, ERR_ENGINE, "open DuckDB: no configuration");
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		if (options[i].set && duckdb_set_config(config, options[i].name, options[i].value) == DuckDBError) {
			duckdb_destroy_config(&config);
			return err_set(err, ERR_ENGINE, "open DuckDB: %s = '%s' is refused", options[i].name,
			               options[i].value);
		}
	}
	char *text = NULL;
	duckdb_state state = duckdb_open_ext(NULL, ret_db, config, &text);
	duckdb_destroy_config(&config);
	return state == DuckDBError ? open_error(text, err) : 0;
}

int duck_connect(duckdb_database db, duckdb_connection *ret_con, struct err *err)
{
	if (duckdb_connect(db, ret_con) == DuckDBError)
		return err_set(err, ERR_ENGINE, "connect to DuckDB");
	return 0;
}

void duck_measure(duckdb_connection con)
{
	struct duck_error ignored; /* then it tells nothing, which no query fails for */
	(void)duck_run(con, "SET enable_progress_bar_print = false; SET enable_progress_bar = true", &ignored);
}

/* Line and column of a byte position; a position past the end is the end. */
static void locate(struct duck_error *e, const char *sql, int64_t position)
{
	e->line = e->col = 1;
	for (int64_t i = 0; i < position && sql[i]; i++) {
		if (sql[i] == '\n') {
			e->line++;
			e->col = 1;
		} else {
			e->col++;
		}
	}
}

/* The message on one line, without the drawing ("LINE 1: ...") and the candidates, which have their own field. */
static void one_line(char *out, size_t size, const char *text)
{
	static const char *const ends[] = {"\n\nLINE ", "\nLINE ", "\nCandidate bindings: ", "\nDid you mean ",
	                                  "\n\tCandidate functions:", "\n\tCandidate macros:"};
	size_t n = strlen(text), len = 0;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		const char *at = strstr(text, ends[i]);
		if (at && (size_t)(at - text) < n)
			n = (size_t)(at - text);
	}
	for (size_t i = 0; i < n && len + 1 < size; i++) {
		bool blank = isspace((unsigned char)text[i]) != 0;
		if (blank && (len == 0 || out[len - 1] == ' '))
			continue;
		out[len++] = blank ? ' ' : text[i];
	}
	while (len > 0 && out[len - 1] == ' ')
		len--;
	out[len] = '\0';
}

static void copy_field(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text ? text : "");
}

/* "a,b" -> "a, b" */
static void copy_candidates(char *out, size_t size, const char *text)
{
	size_t len = 0;
	for (; text && *text && len + 2 < size; text++) {
		out[len++] = *text;
		if (*text == ',' && text[1] != ' ')
			out[len++] = ' ';
	}
	out[len] = '\0';
}

size_t duck_char_offset(const char *sql, size_t chars)
{
	size_t at = 0;
	for (; sql[at] && (chars > 0 || (sql[at] & 0xC0) == 0x80); at++)
		if ((sql[at + 1] & 0xC0) != 0x80)
			chars--;
	return at;
}

void duck_error_parse(struct duck_error *e, duckdb_error_type type, const char *text, const char *sql)
{
	*e = (struct duck_error){.type = type};
	if (!text)
		text = "unknown error";
	const char *brace = strchr(text, '{');
	json_t *json = brace ? json_loads(brace, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
	const char *message = json_string_value(json_object_get(json, "exception_message"));
	if (!message) {
		one_line(e->message, sizeof e->message, text);
		json_decref(json);
		return;
	}
	if (duck_csv_error(message, e->message, sizeof e->message))
		copy_field(e->full, sizeof e->full, message);
	else
		one_line(e->message, sizeof e->message, message);
	copy_field(e->kind, sizeof e->kind, json_string_value(json_object_get(json, "exception_type")));
	copy_candidates(e->candidates, sizeof e->candidates, json_string_value(json_object_get(json, "candidates")));
	const char *position = json_string_value(json_object_get(json, "position"));
	int64_t at;
	if (sql && position && str_to_i64(position, &at) && at >= 0)
		locate(e, sql, str_eq(e->kind, "Parser") ? (int64_t)duck_char_offset(sql, (size_t)at) : at);
	json_decref(json);
}

int duck_err(const struct duck_error *e, struct err *err)
{
	int code = e->type == DUCKDB_ERROR_INTERRUPT ? ERR_CANCELED : ERR_ENGINE;
	char where[64] = "";
	if (e->line > 0)
		snprintf(where, sizeof where, " (line %d, column %d)", e->line, e->col);
	return err_set(err, code, "%s%s%s%s%s%s", e->kind, e->kind[0] ? " Error: " : "", e->message,
	               e->candidates[0] ? "; candidates: " : "", e->candidates, where);
}

const char *duck_error_class(const struct duck_error *e)
{
	switch (e->type) {
	case DUCKDB_ERROR_IO:
	case DUCKDB_ERROR_HTTP:
	case DUCKDB_ERROR_NETWORK:
	case DUCKDB_ERROR_OUT_OF_MEMORY:
	case DUCKDB_ERROR_CONNECTION:
		return "transient";
	case DUCKDB_ERROR_INTERNAL:
	case DUCKDB_ERROR_FATAL:
	case DUCKDB_ERROR_INTERRUPT:
	case DUCKDB_ERROR_PERMISSION:
	case DUCKDB_ERROR_SETTINGS:
	case DUCKDB_ERROR_MISSING_EXTENSION:
	case DUCKDB_ERROR_AUTOLOAD:
		return "permanent";
	default:
		return "sql";
	}
}

int duck_query(duckdb_connection con, const char *sql, duckdb_result *ret, struct duck_error *ret_error)
{
	if (duckdb_query(con, sql, ret) == DuckDBSuccess)
		return 0;
	duck_error_parse(ret_error, duckdb_result_error_type(ret), duckdb_result_error(ret), sql);
	duckdb_destroy_result(ret);
	return -1;
}

int duck_run(duckdb_connection con, const char *sql, struct duck_error *ret_error)
{
	duckdb_result result;
	if (duck_query(con, sql, &result, ret_error) < 0)
		return -1;
	duckdb_destroy_result(&result);
	return 0;
}

bool duck_valid_at(duckdb_vector vector, idx_t row)
{
	uint64_t *mask = duckdb_vector_get_validity(vector);
	return !mask || duckdb_validity_row_is_valid(mask, row);
}

const char *duck_string_at(duckdb_vector vector, idx_t row, size_t *ret_len)
{
	duckdb_string_t *cells = duckdb_vector_get_data(vector);
	*ret_len = duckdb_string_t_length(cells[row]);
	return duckdb_string_t_data(&cells[row]);
}

int duck_text(duckdb_connection con, const char *sql, struct buf *out, struct duck_error *ret_error)
{
	duckdb_result result;
	if (duck_query(con, sql, &result, ret_error) < 0)
		return -1;
	duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
	if (chunk && duckdb_data_chunk_get_size(chunk) > 0) {
		duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, 0);
		if (duck_valid_at(vector, 0)) {
			size_t n;
			const char *text = duck_string_at(vector, 0, &n);
			buf_add(out, text, n);
		}
	}
	if (chunk)
		duckdb_destroy_data_chunk(&chunk);
	duckdb_destroy_result(&result);
	return 0;
}

int duck_type_name(duckdb_connection con, const char *type, struct buf *out, struct duck_error *ret_error)
{
	struct buf sql = BUF_INIT(1 << 20);
	buf_addf(&sql, "SELECT typeof(CAST(NULL AS %s))", type);
	int r = duck_text(con, buf_cstr(&sql), out, ret_error);
	buf_free(&sql);
	return r;
}

int duck_bigints(duckdb_connection con, const char *sql, int64_t *ret_values, size_t n, struct duck_error *ret_error)
{
	duckdb_result result;
	if (duck_query(con, sql, &result, ret_error) < 0)
		return -1;
	duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
	bool all = chunk && duckdb_data_chunk_get_size(chunk) == 1 && duckdb_data_chunk_get_column_count(chunk) == n;
	for (size_t i = 0; i < n && all; i++) {
		duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, i);
		all = duckdb_column_type(&result, i) == DUCKDB_TYPE_BIGINT && duck_valid_at(vector, 0);
		if (all)
			ret_values[i] = *(int64_t *)duckdb_vector_get_data(vector);
	}
	if (chunk)
		duckdb_destroy_data_chunk(&chunk);
	duckdb_destroy_result(&result);
	if (!all)
		*ret_error = (struct duck_error){.message = "a query for numbers did not give them"};
	return all ? 0 : -1;
}

int duck_int64(duckdb_connection con, const char *sql, int64_t *ret_value, struct duck_error *ret_error)
{
	struct buf wrapped = BUF_INIT(1 << 24);
	buf_addf(&wrapped, "SELECT CAST((\n%s\n) AS BIGINT)", sql);
	int r = duck_bigints(con, buf_cstr(&wrapped), ret_value, 1, ret_error);
	buf_free(&wrapped);
	return r;
}

int duck_describe(duckdb_connection con, struct arena *arena, const char *sql, struct column **ret_columns,
                  size_t *ret_n, struct duck_error *ret_error)
{
	struct buf text = BUF_INIT(1 << 26);
	buf_adds(&text, "DESCRIBE SELECT * FROM (\n");
	buf_add(&text, sql, duck_trim(sql, strlen(sql)));
	buf_adds(&text, "\n)");
	duckdb_result result;
	int r = duck_query(con, buf_cstr(&text), &result, ret_error);
	buf_free(&text);
	if (r < 0) {
		if (ret_error->line > 1)
			ret_error->line--; /* the line put before it */
		return r;
	}
	struct column *columns = NULL;
	size_t n = 0;
	duckdb_data_chunk chunk;
	while ((chunk = duckdb_fetch_chunk(result)) != NULL) {
		idx_t rows = duckdb_data_chunk_get_size(chunk);
		struct column *more = arena_array(arena, n + rows, sizeof *more);
		if (n > 0)
			memcpy(more, columns, n * sizeof *more);
		columns = more;
		for (idx_t i = 0; i < rows; i++, n++) {
			size_t len;
			const char *name = duck_string_at(duckdb_data_chunk_get_vector(chunk, 0), i, &len);
			columns[n].name = arena_strndup(arena, name, len);
			const char *type = duck_string_at(duckdb_data_chunk_get_vector(chunk, 1), i, &len);
			columns[n].type = arena_strndup(arena, type, len);
		}
		duckdb_destroy_data_chunk(&chunk);
	}
	duckdb_destroy_result(&result);
	*ret_columns = columns;
	*ret_n = n;
	return 0;
}

static void quoted(struct buf *out, const char *s, char quote)
{
	buf_addc(out, quote);
	for (; *s; s++) {
		if (*s == quote)
			buf_addc(out, quote);
		buf_addc(out, *s);
	}
	buf_addc(out, quote);
}

void duck_ident(struct buf *out, const char *name)
{
	quoted(out, name, '"');
}

void duck_literal(struct buf *out, const char *text)
{
	quoted(out, text, '\'');
}
