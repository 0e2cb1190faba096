/* See analyze.h. A request's texts are parsed by one query over a list, so that DuckDB's cost of a query is
 * paid once; each answer is the syntax tree as JSON. Without the places of its nodes that tree is the canonical
 * form: comments, layout and the case of keywords are gone. SQL made from the tree is not fine enough: 1.0 and
 * 1e0, or a decimal and a double, are one text in it. */
#include "executor/analyze.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/digest.h"
#include "core/protocol.h"
#include "core/template.h"
#include "executor/analyze_walk.h"
#include "executor/duck.h"

static const char PARSE[] = "SELECT json_serialize_sql(unnest($1), skip_default := true, skip_null := true)";

/* One SQL text on its way. */
struct job {
	const char *text;
	size_t len;
	struct template_facts facts;
	struct rendered rendered;
	int32_t standin;       /* DATE_NONE: no date of the text is relative */
	const char *tree;      /* what DuckDB made of it; NULL: nothing */
	const json_t *macros;
	struct analysis *ret;
};

static void set_error(struct job *job, struct arena *arena, int line, int col, const char *message)
{
	job->ret->error = arena_strdup(arena, message);
	job->ret->error_line = line;
	job->ret->error_col = col;
}

/* All that the template's scan found, in order. */
static void set_errors(struct job *job, struct arena *arena, const struct diags *diags)
{
	struct analysis_error *more = arena_array(arena, diags->len, sizeof *more);
	for (size_t i = 0; i < diags->len; i++) {
		const struct diag *d = &diags->items[i];
		if (d->level != DIAG_ERROR)
			continue;
		if (!job->ret->error)
			set_error(job, arena, d->loc.line, d->loc.col, d->text);
		else
			more[job->ret->nmore++] = (struct analysis_error){arena_strdup(arena, d->text), d->loc.line, d->loc.col};
	}
	job->ret->more = more;
}

static void set_error_at(struct job *job, struct arena *arena, size_t offset, const char *message)
{
	int line, col;
	rendered_position(&job->rendered, offset, &line, &col);
	set_error(job, arena, line, col, message);
}

static const char *digest(struct arena *arena, const char *text, size_t n)
{
	char hex[DIGEST_HEX];
	return arena_strdup(arena, digest_of(hex, text, n));
}

/* Of the tree without the places of its nodes. Within a string of JSON a quote is escaped, so PLACE is a key. */
static const char *digest_tree(struct arena *arena, const char *tree)
{
	static const char PLACE[] = "\"query_location\":";
	struct digest d;
	char hex[DIGEST_HEX];
	digest_init(&d);
	for (const char *place; (place = strstr(tree, PLACE)) != NULL;) {
		digest_raw(&d, tree, (size_t)(place - tree));
		tree = place + sizeof PLACE - 1;
		tree += strspn(tree, "0123456789");
	}
	digest_raw(&d, tree, strlen(tree));
	return arena_strdup(arena, digest_hex(&d, hex));
}

/* Scan and render; false when the text is wrong already. */
static bool start(struct job *job, struct arena *arena, const char *qname, struct err *err)
{
	struct diags diags = {0};
	size_t errors = template_scan(job->text, job->len, "", &diags, &job->facts);
	job->ret->partitioned = job->facts.partitioned;
	job->ret->comment_only = job->facts.comment_only;
	job->ret->uses_run_id = job->facts.uses_run_id;
	job->ret->canonical = digest(arena, job->text, job->len);
	if (errors > 0)
		set_errors(job, arena, &diags);
	diags_free(&diags);
	if (!job->ret->error && job->facts.blank)
		set_error(job, arena, 1, 1, "the file holds no query");
	if (job->ret->error)
		return false;
	job->standin = job->facts.partitioned ? template_standin_day(job->text, job->len) : DATE_NONE;
	const char *dot = strchr(qname, '.');
	struct template_vars vars = {
		.day = job->facts.partitioned && job->standin == DATE_NONE ? 0 : job->standin,
		.run_id = "RUN_ID",
		.env = "ENV",
		.layer = dot ? arena_strndup(arena, qname, (size_t)(dot - qname)) : "",
		.table = dot ? dot + 1 : qname,
	};
	if (template_render(arena, job->text, job->len, &vars, &job->rendered, err) < 0) {
		set_error(job, arena, 0, 0, err->text);
		return false;
	}
	return true;
}

static int fetch(duckdb_result *result, struct arena *arena, struct job **jobs, size_t n)
{
	size_t done = 0;
	duckdb_data_chunk chunk;
	while ((chunk = duckdb_fetch_chunk(*result)) != NULL) {
		for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk) && done < n; row++, done++) {
			duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, 0);
			size_t len;
			if (!duck_valid_at(vector, row))
				continue;
			const char *text = duck_string_at(vector, row, &len);
			jobs[done]->tree = arena_strndup(arena, text, len);
		}
		duckdb_destroy_data_chunk(&chunk);
	}
	return done == n ? 0 : -1;
}

/* A list of the texts; NULL when DuckDB takes one of them for no text (not UTF-8). */
static duckdb_value new_list(struct job **jobs, size_t n)
{
	duckdb_value *texts = mem_array(n, sizeof *texts), list = NULL;
	size_t made = 0;
	while (made < n && (texts[made] = duckdb_create_varchar_length(jobs[made]->rendered.text, jobs[made]->rendered.len)))
		made++;
	if (made == n) {
		duckdb_logical_type varchar = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
		list = duckdb_create_list_value(varchar, texts, n);
		duckdb_destroy_logical_type(&varchar);
	}
	while (made > 0)
		duckdb_destroy_value(&texts[--made]);
	free(texts);
	return list;
}

/* One query for all; -1 when DuckDB failed at it. */
static int parse_list(duckdb_connection con, struct arena *arena, struct job **jobs, size_t n)
{
	duckdb_prepared_statement statement;
	duckdb_value list = new_list(jobs, n);
	duckdb_result result;
	int r = -1;
	if (!list)
		return -1;
	if (duckdb_prepare(con, PARSE, &statement) == DuckDBSuccess &&
	    duckdb_bind_value(statement, 1, list) == DuckDBSuccess) {
		if (duckdb_execute_prepared(statement, &result) == DuckDBSuccess)
			r = fetch(&result, arena, jobs, n);
		duckdb_destroy_result(&result);
	}
	duckdb_destroy_prepare(&statement);
	duckdb_destroy_value(&list);
	return r;
}

/* A text that makes DuckDB fail as a whole fails alone. */
static void parse(duckdb_connection con, struct arena *arena, struct job **jobs, size_t n)
{
	if (n == 0 || parse_list(con, arena, jobs, n) == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		jobs[i]->tree = NULL;
		if (parse_list(con, arena, &jobs[i], 1) < 0)
			jobs[i]->tree = NULL;
	}
}

/* DuckDB's numbers have up to 20 digits (a half of a HUGEINT, a UBIGINT), jansson's fewer: such a one becomes another
 * that is as far from any date or count of days. `tree` stays as it is. */
static json_t *load_tree(struct arena *arena, const char *tree)
{
	enum { DIGITS_MAX = 18 };
	json_t *json = json_loads(tree, 0, NULL);
	if (json)
		return json;
	char *text = arena_strdup(arena, tree);
	bool quoted = false;
	for (char *p = text; *p; p++) {
		size_t digits = quoted ? 0 : strspn(p, "0123456789");
		if (*p == '"')
			quoted = !quoted;
		else if (quoted && *p == '\\' && p[1])
			p++;
		if (digits > DIGITS_MAX && (p[digits] == ',' || p[digits] == '}' || p[digits] == ']')) {
			memset(p, '9', DIGITS_MAX);
			memset(p + DIGITS_MAX, ' ', digits - DIGITS_MAX);
		}
		p += digits ? digits - 1 : 0;
	}
	return json_loads(text, 0, NULL);
}

/* What cannot be serialised is a query all the same if it may stand in parentheses (a PIVOT without IN). */
static bool is_query(duckdb_connection con, struct arena *arena, const struct job *job)
{
	size_t n = duck_trim(job->rendered.text, job->rendered.len);
	struct job wrapped = {0}, *one = &wrapped;
	wrapped.rendered.text = arena_printf(arena, "SELECT * FROM (\n%.*s\n)", (int)n, job->rendered.text);
	wrapped.rendered.len = strlen(wrapped.rendered.text);
	if (parse_list(con, arena, &one, 1) < 0 || !wrapped.tree)
		return true; /* doubt: reads everything upstream */
	json_t *json = load_tree(arena, wrapped.tree);
	bool ok = !str_eq(json_string_value(json_object_get(json, "error_type")), "parser");
	json_decref(json);
	return ok;
}

static const char not_a_query[] = "not a query; write one SELECT, strata makes the table of it";

static void parse_failed(duckdb_connection con, struct arena *arena, struct job *job, const json_t *answer)
{
	const char *type = json_string_value(json_object_get(answer, "error_type"));
	const char *message = json_string_value(json_object_get(answer, "error_message"));
	const char *position = json_string_value(json_object_get(answer, "position"));
	int64_t at = 0;
	if (str_eq(type, "parser")) {
		struct duck_error e;
		duck_error_parse(&e, DUCKDB_ERROR_PARSER, message, NULL);
		if (position && str_to_i64(position, &at) && at >= 0)
			set_error_at(job, arena, duck_char_offset(job->rendered.text, (size_t)at), e.message);
		else
			set_error(job, arena, 1, 1, e.message);
	} else if (!is_query(con, arena, job)) {
		set_error_at(job, arena, duck_statement(job->rendered.text, job->rendered.len, 0), not_a_query);
	}
}

static int by_offset(const void *pa, const void *pb)
{
	const struct ref *a = pa, *b = pb;
	return (a->col > b->col) - (a->col < b->col);
}

static void walked(struct arena *arena, struct job *job, const json_t *statement)
{
	struct analysis *a = job->ret;
	struct walk w = {.arena = arena, .standin = job->standin, .macros = job->macros};
	walk_statement(&w, statement);
	if (w.no_date) {
		set_error_at(job, arena, w.no_date_at < 0 ? 0 : (size_t)w.no_date_at, w.no_date);
		free(w.refs);
		return;
	}
	a->volatile_by = w.volatile_by;
	a->parsed = !w.opaque && (job->standin != DATE_NONE || !job->facts.partitioned);
	if (a->parsed)
		a->canonical = digest_tree(arena, job->tree);
	if (a->parsed && w.nrefs > 0) {
		qsort(w.refs, w.nrefs, sizeof *w.refs, by_offset);
		a->refs = arena_copy(arena, w.refs, w.nrefs * sizeof *w.refs);
		a->nrefs = w.nrefs;
	}
	for (size_t i = 0; i < a->nrefs; i++) {
		struct ref *r = &a->refs[i];
		int offset = r->col;
		r->col = 0;
		if (offset >= 0)
			rendered_position(&job->rendered, (size_t)offset, &r->line, &r->col);
	}
	free(w.refs);
}

/* SHOW, DESCRIBE and SUMMARIZE parse as a SELECT from what they show, but not within COPY (...). */
static bool only_shows(const json_t *statement)
{
	json_t *node = json_object_get(statement, "node");
	return str_eq(json_string_value(json_object_get(json_object_get(node, "from_table"), "type")), "SHOW_REF");
}

static void finish(duckdb_connection con, struct arena *arena, struct job *job)
{
	json_t *answer = job->tree ? load_tree(arena, job->tree) : NULL;
	json_t *statements = json_object_get(answer, "statements");
	if (json_is_true(json_object_get(answer, "error"))) {
		parse_failed(con, arena, job, answer);
	} else if (json_array_size(statements) == 1 && only_shows(json_array_get(statements, 0))) {
		set_error_at(job, arena, duck_statement(job->rendered.text, job->rendered.len, 0), not_a_query);
	} else if (json_array_size(statements) == 1) {
		walked(arena, job, json_array_get(statements, 0));
	} else if (json_is_array(statements)) {
		bool none = json_array_size(statements) == 0;
		set_error_at(job, arena, duck_statement(job->rendered.text, job->rendered.len, none ? 0 : 1),
		             none ? "the file holds no query" : "a second statement; a table's file holds one query");
	}
	json_decref(answer);
}

void analyze_sql(duckdb_connection con, struct arena *arena, const char *qname, const char *text,
                 struct analysis *ret)
{
	*ret = (struct analysis){0};
	struct err ignored;
	struct job job = {.text = text, .len = strlen(text), .ret = ret}, *one = &job;
	if (start(&job, arena, qname, &ignored)) {
		parse(con, arena, &one, 1);
		finish(con, arena, &job);
	}
}

void analyze_exec(struct arena *arena, const char *text, size_t n, struct analysis *ret)
{
	static const char NAME[] = "PARTITION_DATE";
	*ret = (struct analysis){
		.partitioned = memmem(text, n, NAME, sizeof NAME - 1) != NULL,
		.parsed = true,
		.canonical = digest(arena, text, n),
		.volatile_by = "exec",
	};
}

int analyze_request(duckdb_database db, const json_t *req, json_t **ret_reply, struct err *err)
{
	const json_t *tables = json_object_get(req, "tables"), *macros = json_object_get(req, "macros"), *table;
	size_t n = json_array_size(tables), i, nsql = 0;
	if (!json_is_array(tables))
		return err_set(err, ERR_PROTOCOL, "analyze: 'tables' must be an array");
	if (macros && !json_is_array(macros))
		return err_set(err, ERR_PROTOCOL, "analyze: 'macros' must be an array");
	duckdb_connection con;
	if (duck_connect(db, &con, err) < 0)
		return err->code;
	struct arena arena = {0};
	struct analysis *out = arena_array(&arena, n + 1, sizeof *out);
	struct job *jobs = arena_array(&arena, n + 1, sizeof *jobs), **sql = arena_array(&arena, n + 1, sizeof *sql);
	struct err ignored;
	json_array_foreach(tables, i, table) {
		const char *qname = json_string_value(json_object_get(table, "qname"));
		const json_t *text = json_object_get(table, "text");
		jobs[i] = (struct job){.text = json_string_value(text), .len = json_string_length(text), .macros = macros, .ret = &out[i]};
		if (!jobs[i].text)
			jobs[i].text = "";
		if (str_eq(json_string_value(json_object_get(table, "kind")), "exec"))
			analyze_exec(&arena, jobs[i].text, jobs[i].len, &out[i]);
		else if (start(&jobs[i], &arena, qname ? qname : "", &ignored))
			sql[nsql++] = &jobs[i];
	}
	parse(con, &arena, sql, nsql);
	json_t *list = json_array();
	for (i = 0; i < nsql; i++)
		finish(con, &arena, sql[i]);
	for (i = 0; i < n; i++)
		json_array_append_new(list, analysis_to_json(&out[i]));
	duckdb_disconnect(&con);
	arena_free(&arena);
	*ret_reply = json_pack("{s:o}", "tables", list);
	return 0;
}
