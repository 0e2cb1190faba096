/* See bind.h. The catalog is an attached in-memory database of its own: a schema a layer, a view a table,
 * typed and empty. A table's view is made of column names and types, never of its SQL, so that views do not
 * nest and the ten-thousandth binds as fast as the first; and it is made when a query first misses one,
 * since most of what is bound is read by nobody in the same request. */
#include "executor/bind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/jsonio.h"
#include "core/protocol.h"
#include "executor/bind_type.h"
#include "executor/duck.h"

enum { STATEMENT_MAX = 16 << 20 };

/* One element of "tables". */
struct item {
	const char *schema, *name, *qname;
	bool partitioned;
	const char *sql;    /* NULL: only declared */
	const struct column *columns;
	size_t ncolumns;
	const json_t *source; /* NULL: none */
	const struct view *const *views; /* the analysts' */
	size_t nviews;
};

struct binder {
	duckdb_database db;
	duckdb_connection con;
	bool open;          /* connected, with catalog bind_<serial> in use */
	unsigned serial;
	struct arena arena; /* of the catalog: what is below */
	struct item *views;  /* bound, and not in the catalog yet */
	size_t nviews, views_cap;
	struct item *macros; /* partitioned, in the catalog, without their _dt macro: most projects use few */
	size_t nmacros, macros_cap;
};

struct binder *binder_new(duckdb_database db)
{
	struct binder *b = mem_alloc(sizeof *b);
	b->db = db;
	return b;
}

static void close_catalog(struct binder *b)
{
	struct duck_error ignored;
	if (b->open) {
		struct buf sql = BUF_INIT(128);
		buf_addf(&sql, "USE memory; DETACH bind_%u", b->serial);
		duck_run(b->con, buf_cstr(&sql), &ignored);
		buf_free(&sql);
		duckdb_disconnect(&b->con);
	}
	b->open = false;
	b->nmacros = b->nviews = 0;
	arena_free(&b->arena);
}

void binder_free(struct binder *b)
{
	if (!b)
		return;
	close_catalog(b);
	free(b->views);
	free(b->macros);
	free(b);
}

static int open_catalog(struct binder *b, struct err *err)
{
	close_catalog(b);
	if (duck_connect(b->db, &b->con, err) < 0)
		return err->code;
	b->open = true;
	b->serial++;
	struct buf sql = BUF_INIT(128);
	struct duck_error e;
	/* Nothing is executed on it: defining a view and describing a query would only pay for the optimizer. */
	buf_addf(&sql, "PRAGMA disable_optimizer; ATTACH ':memory:' AS bind_%u; USE bind_%u", b->serial, b->serial);
	int r = duck_run(b->con, buf_cstr(&sql), &e);
	buf_free(&sql);
	return r < 0 ? duck_err(&e, err) : 0;
}

static void add_name(struct buf *out, const char *schema, const char *name, const char *suffix)
{
	struct buf whole = BUF_INIT(4096);
	buf_addf(&whole, "%s%s", name, suffix);
	if (schema[0]) {
		duck_ident(out, schema);
		buf_addc(out, '.');
	}
	duck_ident(out, buf_cstr(&whole));
	buf_free(&whole);
}

/* CREATE VIEW schema.name of these columns without rows; dt comes last where it is not among them. */
static int create_view(struct binder *b, const char *schema, const char *name, const struct column *columns, size_t n,
                       bool dt, struct duck_error *ret_error)
{
	struct buf sql = BUF_INIT(STATEMENT_MAX);
	if (schema[0]) {
		buf_adds(&sql, "CREATE SCHEMA IF NOT EXISTS ");
		duck_ident(&sql, schema);
		buf_adds(&sql, "; ");
	}
	buf_adds(&sql, "CREATE OR REPLACE VIEW ");
	add_name(&sql, schema, name, "");
	buf_adds(&sql, " AS SELECT ");
	for (size_t i = 0; i < n; i++) {
		if (dt && strcasecmp(columns[i].name, "dt") == 0)
			continue;
		bool typed = columns[i].type && columns[i].type[0];
		buf_adds(&sql, "CAST(NULL AS ");
		buf_adds(&sql, typed ? columns[i].type : "VARCHAR");
		buf_adds(&sql, ") AS ");
		duck_ident(&sql, columns[i].name);
		buf_adds(&sql, ", ");
	}
	buf_adds(&sql, dt ? "CAST(NULL AS VARCHAR) AS dt WHERE false" : "WHERE false");
	int r = duck_run(b->con, buf_cstr(&sql), ret_error);
	buf_free(&sql);
	return r;
}

/* What the catalog keeps of a table. */
static struct item copy_item(struct binder *b, const struct item *it, const struct column *columns, size_t n)
{
	struct column *copy = arena_array(&b->arena, n, sizeof *copy);
	for (size_t i = 0; i < n; i++)
		copy[i] = (struct column){arena_strdup(&b->arena, columns[i].name), arena_strdup(&b->arena, columns[i].type)};
	return (struct item){
		.schema = arena_strdup(&b->arena, it->schema),
		.name = arena_strdup(&b->arena, it->name),
		.partitioned = it->partitioned,
		.columns = copy,
		.ncolumns = n,
	};
}

static int make_view(struct binder *b, const struct item *it, struct duck_error *ret_error)
{
	if (create_view(b, it->schema, it->name, it->columns, it->ncolumns, it->partitioned, ret_error) < 0)
		return -1;
	if (it->partitioned) {
		MEM_GROW(b->macros, b->nmacros, b->macros_cap);
		b->macros[b->nmacros++] = *it;
	}
	return 0;
}

/* The catalog was empty of these names: every type has come from DuckDB, so a failure is one of its own. */
static int make_views(struct binder *b, struct duck_error *ret_error)
{
	for (; b->nviews > 0; b->nviews--)
		if (make_view(b, &b->views[b->nviews - 1], ret_error) < 0)
			return -1;
	return 0;
}

static int make_macros(struct binder *b, struct duck_error *ret_error)
{
	for (; b->nmacros > 0; b->nmacros--) {
		const struct item *it = &b->macros[b->nmacros - 1];
		struct buf sql = BUF_INIT(STATEMENT_MAX);
		buf_adds(&sql, "CREATE OR REPLACE MACRO ");
		add_name(&sql, it->schema, it->name, "_dt");
		buf_adds(&sql, "(d) AS TABLE SELECT * FROM ");
		add_name(&sql, it->schema, it->name, "");
		buf_adds(&sql, " WHERE dt = d");
		int r = duck_run(b->con, buf_cstr(&sql), ret_error);
		buf_free(&sql);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Sources. */

static void option_text(struct buf *out, const json_t *source, const char *key)
{
	const char *value = json_string_value(json_object_get(source, key));
	if (value) {
		buf_addf(out, ", %s = ", key);
		duck_literal(out, value);
	}
}

/* The first file as a run would read it (executor/source.c): the whole of it decides the types. */
static void read_file(struct buf *out, const json_t *source, const char *lake)
{
	const char *file = json_string_value(json_array_get(json_object_get(source, "files"), 0));
	const char *format = json_string_value(json_object_get(source, "format"));
	struct buf path = BUF_INIT(1 << 16);
	if (file[0] != '/' && lake && lake[0])
		buf_addf(&path, "%s/", lake);
	buf_adds(&path, file);
	buf_addf(out, "SELECT * FROM read_%s(", format ? format : "csv");
	duck_literal(out, buf_cstr(&path));
	buf_free(&path);
	if (!str_eq(format, "parquet"))
		buf_adds(out, ", sample_size = -1");
	if (!str_eq(format, "json"))
		buf_adds(out, ", hive_partitioning = false");
	if (!format || str_eq(format, "csv")) {
		buf_addf(out, ", header = %s", json_is_false(json_object_get(source, "header")) ? "false" : "true");
		option_text(out, source, "delim");
		option_text(out, source, "nullstr");
		option_text(out, source, "encoding");
		if (json_is_true(json_object_get(source, "all_varchar")))
			buf_adds(out, ", all_varchar = true");
	}
	buf_addc(out, ')');
}

/* The tmp_ view; 0, or -1 with the reason why its columns are not known. */
static int declare_source(struct binder *b, struct arena *arena, const json_t *source, const char *lake,
                          struct duck_error *ret_error)
{
	struct err err = {0};
	struct jget g = {.arena = arena, .err = &err, .code = ERR_PROTOCOL};
	size_t n;
	const char *view = jget_text(&g, source, "view");
	const struct column *columns = jget_columns(&g, source, "columns", &n);
	struct column *found;
	*ret_error = (struct duck_error){.message = "its source has neither columns nor files"};
	if (g.result < 0)
		return -1;
	if (n == 0) {
		if (json_array_size(json_object_get(source, "files")) == 0)
			return -1;
		struct buf sql = BUF_INIT(STATEMENT_MAX);
		read_file(&sql, source, lake);
		int r = duck_describe(b->con, arena, buf_cstr(&sql), &found, &n, ret_error);
		buf_free(&sql);
		if (r < 0)
			return r;
		columns = found;
	}
	return create_view(b, "", view, columns, n, false, ret_error);
}

/* Queries. */

static bool all_named(const struct column *columns, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (columns[i].type && bind_type_nameless(columns[i].type))
			return false;
	return true;
}

static const char nameless[] = "a column is a UNION, or a STRUCT whose fields have no names; SQL has no name for its type";

static json_t *unknown(const char *why)
{
	json_t *out = json_object();
	jput_text(out, "unknown", why);
	return out;
}

static json_t *failure(const struct duck_error *e)
{
	json_t *out = json_object();
	jput_text(out, "message", e->message);
	jput_int(out, "line", e->line);
	jput_int(out, "col", e->col);
	jput_text(out, "candidates", e->candidates);
	return json_pack("{s:o}", "error", out);
}

static bool misses_table(const struct duck_error *e)
{
	return e->type == DUCKDB_ERROR_CATALOG &&
	       (str_has_prefix(e->message, "Table with name ") || strstr(e->message, "_dt does not exist"));
}

/* What a failed bind means: the project knows which tables there are, so one that is missing here is one
 * whose schema is not known; a file that cannot be read is no error of the query either. */
static json_t *judge(const struct duck_error *e)
{
	if (misses_table(e) || !str_eq(duck_error_class(e), "sql"))
		return unknown(e->message);
	return failure(e);
}

/* A PIVOT without IN is several statements, and what it yields depends on the data. */
static bool is_dynamic(struct binder *b, const char *sql)
{
	if (!strcasestr(sql, "pivot"))
		return false;
	duckdb_extracted_statements statements;
	idx_t n = duckdb_extract_statements(b->con, sql, &statements);
	duckdb_destroy_extracted(&statements);
	return n > 1;
}

/* The analysts' views are bound as they are made, so they need all that is below them. */
static int make_analysts(struct binder *b, const struct item *it, struct duck_error *ret_error)
{
	if (it->nviews == 0)
		return 0;
	if (make_views(b, ret_error) < 0 || make_macros(b, ret_error) < 0)
		return -1;
	for (size_t i = 0; i < it->nviews; i++) {
		if (duck_run(b->con, it->views[i]->ddl, ret_error) == 0)
			continue;
		struct duck_error e = *ret_error;
		ret_error->line = ret_error->col = 0;
		if (!misses_table(&e))
			snprintf(ret_error->message, sizeof ret_error->message, "'%s' of catalog/migrations: %.*s", it->views[i]->qname,
			         (int)sizeof e.message / 2, e.message);
		return -1;
	}
	return 0;
}

static json_t *bind_query(struct binder *b, struct arena *arena, const struct item *it)
{
	struct duck_error e;
	struct column *columns;
	size_t n, kept = 0;
	if (is_dynamic(b, it->sql))
		return unknown("the columns of a PIVOT without IN depend on the data");
	if (make_analysts(b, it, &e) < 0)
		return judge(&e);
	int r = duck_describe(b->con, arena, it->sql, &columns, &n, &e);
	bool missing = r < 0 && misses_table(&e) && (b->nviews > 0 || b->nmacros > 0);
	if (missing && (make_views(b, &e) < 0 || (strcasestr(it->sql, "_dt") && make_macros(b, &e) < 0)))
		return judge(&e);
	if (missing)
		r = duck_describe(b->con, arena, it->sql, &columns, &n, &e);
	if (r < 0)
		return judge(&e);
	if (!all_named(columns, n))
		return unknown(nameless);
	for (size_t i = 0; i < n; i++)
		if (!it->partitioned || strcasecmp(columns[i].name, "dt") != 0)
			columns[kept++] = (struct column){columns[i].name, bind_published_type(arena, columns[i].type)};
	MEM_GROW(b->views, b->nviews, b->views_cap);
	b->views[b->nviews++] = copy_item(b, it, columns, kept);
	json_t *out = json_object();
	jput_columns(out, "columns", columns, kept);
	return out;
}

static json_t *bind_table(struct binder *b, struct arena *arena, const struct item *it, const char *lake)
{
	struct duck_error e;
	if (it->source && declare_source(b, arena, it->source, lake, &e) < 0)
		return unknown(e.message);
	if (it->sql)
		return bind_query(b, arena, it);
	if (it->ncolumns == 0)
		return unknown("it declares no columns");
	if (!all_named(it->columns, it->ncolumns))
		return unknown(nameless);
	struct item kept = copy_item(b, it, it->columns, it->ncolumns);
	if (make_view(b, &kept, &e) < 0) {
		e.line = e.col = 0; /* of a statement that nobody wrote */
		return failure(&e);
	}
	json_t *out = json_object();
	jput_columns(out, "columns", it->columns, it->ncolumns);
	return out;
}

static json_t *name_types(struct binder *b, const json_t *types)
{
	json_t *names = json_array();
	const json_t *type;
	size_t i;
	json_array_foreach(types, i, type) {
		struct buf name = BUF_INIT(1 << 20);
		struct duck_error e;
		bool known = json_is_string(type) && duck_type_name(b->con, json_string_value(type), &name, &e) == 0 && name.len;
		json_array_append_new(names, known ? json_string(buf_cstr(&name)) : json_null());
		buf_free(&name);
	}
	return names;
}

static int read_item(struct arena *arena, const json_t *json, struct item *ret, struct err *err)
{
	struct jget g = {.arena = arena, .err = err, .code = ERR_PROTOCOL};
	ret->qname = jget_text(&g, json, "qname");
	ret->partitioned = jget_bool_or(&g, json, "partitioned", false);
	ret->sql = jget_text_or(&g, json, "sql", NULL);
	ret->columns = jget_columns(&g, json, "columns", &ret->ncolumns);
	ret->source = jget_object(&g, json, "source");
	ret->views = try_views_decode(&g, json, &ret->nviews);
	const char *dot = strchr(ret->qname, '.');
	ret->schema = dot ? arena_strndup(arena, ret->qname, (size_t)(dot - ret->qname)) : "";
	ret->name = dot ? dot + 1 : ret->qname;
	return g.result;
}

int bind_request(struct binder *b, const json_t *req, json_t **ret_reply, struct err *err)
{
	const json_t *tables = json_object_get(req, "tables"), *table;
	const char *lake = json_string_value(json_object_get(req, "lake"));
	if (!json_is_array(tables))
		return err_set(err, ERR_PROTOCOL, "bind: 'tables' must be an array");
	if ((!b->open || !json_is_true(json_object_get(req, "keep"))) && open_catalog(b, err) < 0)
		return err_wrap(err, "bind");
	json_t *list = json_array();
	struct arena arena = {0};
	size_t i;
	int r = 0;
	json_array_foreach(tables, i, table) {
		struct item it = {0};
		r = read_item(&arena, table, &it, err);
		if (r < 0)
			break;
		json_array_append_new(list, bind_table(b, &arena, &it, lake));
	}
	arena_free(&arena);
	if (r < 0) {
		json_decref(list);
		return err_wrap(err, "bind");
	}
	*ret_reply = json_pack("{s:o}", "tables", list);
	if (json_is_array(json_object_get(req, "types")))
		json_object_set_new(*ret_reply, "types", name_types(b, json_object_get(req, "types")));
	return 0;
}
