/* See sql.h. */
#include "executor/sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/jsonio.h"
#include "executor/probe.h"

/* Of one part of a result; as if every byte of a value had to be escaped, it still fits into a line. */
enum { PART_BYTES = 128 << 10, ROW_BYTES_MAX = 480 << 10 };

struct query {
	int64_t limit;
	struct op_events events;
	json_t *reply;
	json_t *rows; /* not sent yet */
	size_t bytes; /* of them */
};

static int add_row(struct attempt *t, struct query *q, duckdb_data_chunk chunk, idx_t i)
{
	json_t *row = json_array();
	size_t bytes = 0;
	for (idx_t k = 0; k < duckdb_data_chunk_get_column_count(chunk); k++) {
		duckdb_vector v = duckdb_data_chunk_get_vector(chunk, k);
		size_t len = 4;
		const char *text = duck_valid_at(v, i) ? duck_string_at(v, i, &len) : NULL;
		json_array_append_new(row, text ? json_stringn(text, len) : json_null());
		bytes += len + 3;
	}
	if (bytes > ROW_BYTES_MAX) {
		json_decref(row);
		return attempt_fail(t, "sql", "a row of the result has %zu bytes of text, more than can be shown (%d)", bytes, ROW_BYTES_MAX);
	}
	if (q->bytes + bytes > PART_BYTES && json_array_size(q->rows)) {
		q->events.rows(q->events.ctx, q->rows);
		q->rows = json_array();
		q->bytes = 0;
	}
	json_array_append_new(q->rows, row);
	q->bytes += bytes;
	return 0;
}

static int add_rows(struct attempt *t, struct query *q, duckdb_result result)
{
	int rc = 0;
	duckdb_data_chunk chunk;
	while (rc == 0 && (chunk = duckdb_fetch_chunk(result)) != NULL) {
		for (idx_t i = 0; rc == 0 && i < duckdb_data_chunk_get_size(chunk); i++)
			rc = add_row(t, q, chunk, i);
		duckdb_destroy_data_chunk(&chunk);
	}
	return rc;
}

/* The text stands in parentheses, where DuckDB says of DROP TABLE x only that there is a syntax error: is it
 * right by itself, then? */
static bool is_other_statement(struct attempt *t, const struct duck_error *e)
{
	duckdb_extracted_statements statements;
	if (strcmp(e->kind, "Parser") != 0)
		return false;
	idx_t n = duckdb_extract_statements(t->session.con, t->rq->sql, &statements);
	duckdb_destroy_extracted(&statements);
	return n > 0;
}

/* Every value as text, cast by DuckDB itself. */
static int run_query(struct attempt *t, void *ctx)
{
	struct query *q = ctx;
	struct column *columns;
	size_t n;
	struct duck_error e;
	if (duck_describe(t->session.con, t->arena, t->rq->sql, &columns, &n, &e) < 0)
		return is_other_statement(t, &e) ? attempt_fail(t, "sql", "only one SELECT can be run here") : attempt_fail_duck(t, &e, 0);
	jput_columns(q->reply, "columns", columns, n);
	struct buf sql = BUF_INIT(1 << 26);
	buf_adds(&sql, "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (SELECT * FROM (\n");
	buf_add(&sql, t->rq->sql, duck_trim(t->rq->sql, strlen(t->rq->sql)));
	buf_adds(&sql, "\n)");
	if (q->limit > 0)
		buf_addf(&sql, " LIMIT %" PRId64, q->limit);
	buf_addc(&sql, ')');
	duckdb_result result;
	int rc = duck_query(t->session.con, buf_cstr(&sql), &result, &e);
	buf_free(&sql);
	if (rc < 0)
		return attempt_fail_duck(t, &e, 1);
	rc = add_rows(t, q, result);
	duckdb_destroy_result(&result);
	return rc;
}

/* Does the query, or a view that it mentions, hold this word? */
static bool mentions(const struct try_request *rq, const char *word)
{
	bool found = strcasestr(rq->sql, word);
	for (size_t i = 0; i < rq->nviews && !found; i++)
		found = strcasestr(rq->views[i]->ddl, word);
	return found;
}

/* A table by its own name; too many is only slower. */
static bool mentions_table(const struct try_request *rq, const char *qname)
{
	const char *dot = strchr(qname, '.');
	return dot && mentions(rq, dot + 1);
}

/* Each view comes after those that it reads, so one pass from the end finds all. */
static void mentioned_views(struct jget *g, const json_t *req, struct try_request *rq)
{
	size_t n;
	const struct view *const *all = try_views_decode(g, req, &n);
	const struct view **kept = arena_array(g->arena, n, sizeof *kept), **first = kept + n;
	for (size_t i = n; i-- > 0;) {
		const char *dot = strrchr(all[i]->qname, '.');
		if (!mentions(rq, dot ? dot + 1 : all[i]->qname) ||
		    (dot && !mentions(rq, arena_strndup(g->arena, all[i]->qname, (size_t)(dot - all[i]->qname)))))
			continue;
		*--first = all[i];
		rq->views = first;
		rq->nviews++;
	}
}

static int published_inputs(struct jget *g, const json_t *req, struct try_request *rq)
{
	size_t n;
	const json_t *list = jget_objects(g, req, "tables", &n);
	struct try_input *inputs = arena_array(g->arena, n, sizeof *inputs);
	for (size_t i = 0; i < n && g->result == 0; i++) {
		const json_t *one = json_array_get(list, i);
		struct try_input in = {.qname = jget_text(g, one, "qname"), .partitioned = jget_bool_or(g, one, "partitioned", false),
		                       .external_path = jget_text_or(g, one, "external_path", NULL)};
		in.schema = jget_columns(g, one, "columns", &in.nschema);
		if (g->result < 0 || !mentions_table(rq, in.qname))
			continue;
		if (!in.external_path) {
			int rc = probe_partitions(g->arena, in.qname, &in.partitions, &in.npartitions, g->err);
			if (rc < 0)
				return rc;
		}
		const char **ids = arena_array(g->arena, in.npartitions, sizeof *ids);
		for (size_t k = 0; k < in.npartitions; k++)
			ids[k] = "";
		in.try_ids = ids;
		if (in.npartitions)
			in.partitioned = *in.partitions[0] != '\0'; /* the lake knows better than the asker */
		/* A table that nothing is known of stays out: naming it is the query's error. */
		if (in.npartitions || in.nschema || in.external_path)
			inputs[rq->ninputs++] = in;
	}
	rq->inputs = inputs;
	return g->result;
}

static int make_request(struct worker *w, struct jget *g, const json_t *req, struct try_request *rq)
{
	const json_t *try = jget_object(g, req, "try");
	if (try) {
		int rc = try_request_decode(g->arena, try, rq, g->err);
		if (rc < 0)
			return rc;
	} else {
		*rq = (struct try_request){.qname = "sql.query", .partition = "", .run_id = "", .run_date = "", .engine = "duckdb"};
		rq->sql = jget_text(g, req, "sql");
		mentioned_views(g, req, rq);
		int rc = g->result < 0 ? g->result : published_inputs(g, req, rq);
		if (rc < 0)
			return rc;
	}
	rq->try_id = attempt_query_id(w, g->arena);
	rq->log_path = NULL;
	rq->keep_staging = false;
	return 0;
}

int op_sql(struct worker *w, const json_t *req, struct op_events events, json_t **ret_reply, struct op_error *e)
{
	struct arena arena = {0};
	struct jget g = {.arena = &arena, .err = &e->err, .code = ERR_PROTOCOL};
	struct try_request rq;
	struct try_result result;
	struct query q = {.limit = jget_int_or(&g, req, "limit", 0, INT64_MAX, 0), .events = events, .reply = json_object(), .rows = json_array()};
	int rc = g.result < 0 ? g.result : make_request(w, &g, req, &rq);
	if (rc == 0)
		attempt_query(w, &arena, &rq, run_query, &q, &result);
	if (rc == 0)
		rc = op_error_of(&result, e);
	json_object_set_new(q.reply, "rows", q.rows);
	if (rc == 0)
		jput_text(q.reply, "note", result.note);
	arena_free(&arena);
	if (rc == 0)
		*ret_reply = q.reply;
	else
		json_decref(q.reply);
	return rc;
}
