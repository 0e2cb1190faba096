/* See bind.h. Tables go level by level of the graph, because a schema's key needs those above it; the
 * misses of a level are asked for in batches, each with the schemas that it needs, so that any worker can
 * take it. */
#include "scheduler/bind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/date.h"
#include "core/digest.h"
#include "core/jsonio.h"
#include "core/template.h"
#include "scheduler/bind_cache.h"
#include "scheduler/bind_declared.h"
#include "scheduler/bind_raw.h"
#include "scheduler/load.h"
#include "scheduler/source_header.h"
#include "scheduler/try_build.h"

/* Small enough for the workers to share a level, large enough to hide a request's own cost. */
enum { BATCH_TABLES = 16, BATCH_BYTES = 256 << 10, ANY_DAY = 15706 /* 2013-01-01: types do not depend on the date */ };

enum { COLUMN_OVERHEAD = 24 }; /* bytes of a column in a request, beside its name and type */

enum verdict { UNKNOWN, KNOWN, BROKEN };

struct binding {
	const struct bind_request *rq;
	struct arena *arena;
	struct diags *diags;
	struct bind_cache *cache;
	struct bound_schema *schemas; /* [ntables] */
	uint8_t *verdicts;            /* [ntables], enum verdict */
	uint8_t *sure;                /* [ntables], enum bind_sure */
	struct bind_raw raw;
	char (*keys)[DIGEST_HEX];     /* [ntables], of tables that were asked for */
	bool *needed;
	size_t open;                  /* batches not answered */
	bool idle;
	struct err err;
};

struct batch {
	struct binding *b;
	uint32_t tables[BATCH_TABLES];
	struct rendered rendered[BATCH_TABLES];
	size_t n, bytes;
	json_t *items;                /* upstream schemas, then the queries in order */
	size_t first;                 /* index of the first query among the items */
	bool *declared;               /* [ntables] upstream schema is in items */
};

static const struct table *table_at(const struct binding *b, uint32_t t)
{
	return &b->rq->project->tables[t];
}

/* Declared columns are a schema only if all of them are there with their types. */
static bool fully_declared(const struct table *t)
{
	for (size_t i = 0; i < t->ncolumns; i++) {
		if (!t->columns[i].type)
			return false;
	}
	return t->ncolumns > 0;
}

/* What is known without binding. */
static void take_declared(struct binding *b, uint32_t t)
{
	const struct table *table = table_at(b, t);
	struct bound_schema s = {0};
	if (fully_declared(table)) {
		size_t n;
		s.columns = try_columns_of(table, b->arena, &n);
		s.ncolumns = n;
	} else if (b->rq->published) {
		s = b->rq->published(b->rq->ctx, t);
	}
	if (s.ncolumns) {
		b->schemas[t] = s;
		b->verdicts[t] = KNOWN;
	}
}

static void note_unknown(struct binding *b, uint32_t t, const char *why)
{
	const struct table *table = table_at(b, t);
	diag_add(b->diags, DIAG_NOTE, (struct loc){table->file, 0, 0}, "columns of '%s' are not checked: %s", table->qname, why);
}

static void digest_source(struct digest *d, const struct source *s, const struct source_header *header)
{
	digest_int(d, s->format);
	digest_text(d, s->delim);
	digest_text(d, s->nullstr);
	digest_text(d, s->encoding);
	digest_int(d, s->header);
	digest_int(d, s->all_varchar);
	for (size_t i = 0; i < s->ncolumns; i++) {
		digest_text(d, s->columns[i].name);
		digest_text(d, s->columns[i].type);
	}
	digest_text(d, header->path);
	digest_int(d, header->size);
	digest_int(d, header->mtime_ns);
}

/* Everything that the schema of t depends on; false when an upstream is unknown (then *ret_why). */
static bool make_key(struct binding *b, uint32_t t, const struct source_header *header, const char **ret_why)
{
	const struct project *p = b->rq->project;
	const struct table *table = table_at(b, t);
	struct digest d;
	digest_init(&d);
	digest_text(&d, table->analysis->canonical);
	digest_int(&d, table_partitioned(table));
	if (table->source)
		digest_source(&d, table->source, header);
	for (uint32_t e = p->up_first[t]; e < p->up_first[t + 1]; e++) {
		uint32_t up = p->edges[e].up;
		if (up == t)
			continue;
		if (b->verdicts[up] != KNOWN) {
			*ret_why = arena_printf(b->arena, "the columns of '%s' are not known", p->tables[up].qname);
			digest_drop(&d);
			return false;
		}
		digest_text(&d, p->tables[up].qname);
		for (size_t i = 0; i < b->schemas[up].ncolumns; i++) {
			digest_text(&d, b->schemas[up].columns[i].name);
			digest_text(&d, b->schemas[up].columns[i].type);
		}
	}
	digest_hex(&d, b->keys[t]);
	return true;
}

/* Its columns are those of its SQL; types that were detected in RAW may be others in another file. */
static void take_bound(struct binding *b, uint32_t t, const struct bound_schema *s)
{
	const struct project *p = b->rq->project;
	const struct source *source = table_at(b, t)->source;
	b->schemas[t] = *s;
	b->verdicts[t] = KNOWN;
	b->sure[t] = source && !source->ncolumns && source->all_varchar != TRI_TRUE ? BIND_DETECTED : BIND_SURE;
	for (uint32_t e = p->up_first[t]; e < p->up_first[t + 1]; e++) {
		if (b->sure[p->edges[e].up] == BIND_DETECTED)
			b->sure[t] = BIND_DETECTED;
	}
}

static void take_error(struct binding *b, uint32_t t, const struct rendered *rendered, const json_t *error)
{
	const char *message = json_string_value(json_object_get(error, "message"));
	const char *candidates = json_string_value(json_object_get(error, "candidates"));
	int line = (int)json_integer_value(json_object_get(error, "line"));
	int col = (int)json_integer_value(json_object_get(error, "col"));
	rendered_line_position(rendered, line, col, &line, &col);
	bool more = candidates && *candidates, no_column = message && strstr(message, "Referenced column ");
	const char *raw = bind_raw_below(&b->raw, t, !no_column);
	diag_add(b->diags, raw ? b->rq->by_raw : DIAG_ERROR, (struct loc){table_at(b, t)->file, line, col}, "%s%s%s%s%s%s%s",
	         message ? message : "the query cannot be bound", more ? " (there is: " : "", more ? candidates : "", more ? ")" : "",
	         raw ? "; by '" : "", raw ? raw : "", raw ? "', the newest file of RAW" : "");
	b->verdicts[t] = BROKEN;
}

static void take_columns(struct binding *b, uint32_t t, const json_t *columns)
{
	size_t n = json_array_size(columns);
	struct column *copy = arena_array(b->arena, n, sizeof *copy);
	for (size_t i = 0; i < n; i++) {
		const json_t *c = json_array_get(columns, i);
		const char *name = json_string_value(json_object_get(c, "name"));
		const char *type = json_string_value(json_object_get(c, "type"));
		copy[i] = (struct column){arena_strdup(b->arena, name ? name : ""), arena_strdup(b->arena, type ? type : "")};
	}
	take_bound(b, t, &(struct bound_schema){copy, n});
	bind_cache_add(b->cache, b->keys[t], &b->schemas[t]);
}

static void take_reply(struct batch *batch, const json_t *reply)
{
	struct binding *b = batch->b;
	const json_t *tables = json_object_get(reply, "tables");
	for (size_t i = 0; i < batch->n; i++) {
		const json_t *item = json_array_get(tables, batch->first + i);
		const json_t *error = json_object_get(item, "error"), *columns = json_object_get(item, "columns");
		const char *unknown = json_string_value(json_object_get(item, "unknown"));
		if (error)
			take_error(b, batch->tables[i], &batch->rendered[i], error);
		else if (columns)
			take_columns(b, batch->tables[i], columns);
		else
			note_unknown(b, batch->tables[i], unknown ? unknown : "no schema could be found");
	}
}

static void on_answer(void *ctx, const struct worker_answer *a)
{
	struct batch *batch = ctx;
	struct binding *b = batch->b;
	if (a->reply)
		take_reply(batch, a->reply);
	else if (!b->err.code)
		b->err = *a->err;
	free(batch->declared);
	free(batch);
	b->idle = --b->open == 0;
}

static void post(struct batch *batch, json_t *queries)
{
	struct binding *b = batch->b;
	batch->first = json_array_size(batch->items);
	json_array_extend(batch->items, queries);
	json_decref(queries);
	b->open++;
	b->idle = false;
	workers_ask(b->rq->workers, json_pack("{s:s, s:s, s:o}", "op", "bind", "lake", b->rq->lake, "tables", batch->items),
	            false, NULL, on_answer, batch);
}

static void declare_upstreams(struct batch *batch, uint32_t t)
{
	struct binding *b = batch->b;
	const struct project *p = b->rq->project;
	for (uint32_t e = p->up_first[t]; e < p->up_first[t + 1]; e++) {
		uint32_t up = p->edges[e].up;
		if (up == t || batch->declared[up])
			continue;
		batch->declared[up] = true;
		const struct table *u = &p->tables[up];
		for (size_t i = 0; i < b->schemas[up].ncolumns; i++)
			batch->bytes += strlen(b->schemas[up].columns[i].name) + strlen(b->schemas[up].columns[i].type) + COLUMN_OVERHEAD;
		json_t *item = json_pack("{s:s, s:b}", "qname", u->qname, "partitioned", table_partitioned(u));
		jput_columns(item, "columns", b->schemas[up].columns, b->schemas[up].ncolumns);
		json_array_append_new(batch->items, item);
	}
}

static json_t *source_json(struct binding *b, const struct table *t, const struct source_header *header)
{
	struct try_source s = try_source_of(t->source, "", b->arena);
	json_t *o = json_pack("{s:s, s:s, s:s?, s:s?, s:s?}", "view", s.view, "format", s.format, "delim", s.delim, "nullstr",
	                      s.nullstr, "encoding", s.encoding);
	if (s.header != TRI_UNSET)
		json_object_set_new(o, "header", json_boolean(s.header));
	if (s.all_varchar != TRI_UNSET)
		json_object_set_new(o, "all_varchar", json_boolean(s.all_varchar));
	if (s.ncolumns)
		jput_columns(o, "columns", s.columns, s.ncolumns);
	if (header->path)
		json_object_set_new(o, "files", json_pack("[s]", header->path));
	return o;
}

/* A self-read needs the table's own schema: declared or published, else it cannot be checked. */
static bool reads_itself(const struct project *p, uint32_t t)
{
	for (uint32_t e = p->up_first[t]; e < p->up_first[t + 1]; e++) {
		if (p->edges[e].up == t)
			return true;
	}
	return false;
}

/* Bind one table from the cache, or put it into the batch. */
static int bind_one(struct binding *b, uint32_t t, struct batch **batch, json_t **queries)
{
	const struct project *p = b->rq->project;
	const struct table *table = table_at(b, t);
	struct source_header header = {0};
	const char *why = NULL;
	if (table->kind != TABLE_SQL || !table->analysis || table->analysis->error || reads_itself(p, t)) {
		take_declared(b, t);
		return 0;
	}
	if (table->source)
		source_header_find(b->arena, b->rq->lake, table->source, &header);
	if (!make_key(b, t, &header, &why)) {
		note_unknown(b, t, why);
		take_declared(b, t);
		return 0;
	}
	struct bound_schema cached;
	if (bind_cache_find(b->cache, b->keys[t], &cached)) {
		take_bound(b, t, &cached);
		return 0;
	}
	struct rendered rendered;
	int32_t day = table_partitioned(table) ? ANY_DAY : DATE_NONE;
	if (try_render(b->arena, p, table, day, "bind", &rendered, &b->err) < 0)
		return b->err.code;
	if (!*batch) {
		*batch = mem_alloc(sizeof **batch);
		**batch = (struct batch){.b = b, .items = json_array(), .declared = mem_array(p->ntables, sizeof(bool))};
		*queries = json_array();
	}
	declare_upstreams(*batch, t);
	json_t *query = json_pack("{s:s, s:b, s:s%}", "qname", table->qname, "partitioned", table_partitioned(table), "sql",
	                          rendered.text, rendered.len);
	if (table->nviews)
		json_object_set_new(query, "views", try_views_encode(table->views, table->nviews));
	if (table->source)
		json_object_set_new(query, "source", source_json(b, table, &header));
	json_array_append_new(*queries, query);
	(*batch)->tables[(*batch)->n] = t;
	(*batch)->rendered[(*batch)->n++] = rendered;
	(*batch)->bytes += rendered.len;
	if ((*batch)->n == BATCH_TABLES || (*batch)->bytes > BATCH_BYTES) {
		post(*batch, *queries);
		*batch = NULL;
	}
	return 0;
}

static void need_with_upstreams(const struct binding *b)
{
	const struct project *p = b->rq->project;
	for (size_t i = 0; i < p->ntables; i++)
		b->needed[i] = !b->rq->wanted || b->rq->wanted[i];
	for (size_t k = p->ntables; k-- > 0;) {
		uint32_t t = p->order[k];
		for (uint32_t e = p->up_first[t]; b->needed[t] && e < p->up_first[t + 1]; e++)
			b->needed[p->edges[e].up] = true;
	}
}

static uint32_t *levels_of(const struct project *p, uint32_t *ret_deepest)
{
	uint32_t *level = mem_array(p->ntables, sizeof *level);
	*ret_deepest = 0;
	for (size_t k = 0; k < p->ntables; k++) {
		uint32_t t = p->order[k];
		for (uint32_t e = p->up_first[t]; e < p->up_first[t + 1]; e++) {
			uint32_t up = p->edges[e].up;
			if (up != t && level[up] >= level[t])
				level[t] = level[up] + 1;
		}
		if (level[t] > *ret_deepest)
			*ret_deepest = level[t];
	}
	return level;
}

/* The tables by level: a stable counting sort of the topological order. */
static uint32_t *by_level(const struct project *p, const uint32_t *level, uint32_t deepest, uint32_t **ret_first)
{
	uint32_t *first = mem_array((size_t)deepest + 2, sizeof *first), *sorted = mem_array(p->ntables, sizeof *sorted);
	for (size_t t = 0; t < p->ntables; t++)
		first[level[t] + 1]++;
	for (uint32_t l = 0; l <= deepest; l++)
		first[l + 1] += first[l];
	uint32_t *at = mem_array((size_t)deepest + 1, sizeof *at);
	for (size_t k = 0; k < p->ntables; k++) {
		uint32_t l = level[p->order[k]];
		sorted[first[l] + at[l]++] = p->order[k];
	}
	free(at);
	*ret_first = first;
	return sorted;
}

static int bind_level(struct binding *b, const uint32_t *tables, size_t n)
{
	struct batch *batch = NULL;
	json_t *queries = NULL;
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (b->needed[tables[i]])
			rc = bind_one(b, tables[i], &batch, &queries);
		if (rc == 0)
			rc = turns_pass(b->rq->turns, &b->err);
	}
	if (batch)
		post(batch, queries);
	b->idle = b->open == 0;
	turns_until(b->rq->turns, &b->idle);
	return rc < 0 ? rc : b->err.code;
}

int bind_project(const struct bind_request *rq, struct arena *arena, struct bound_schema **ret_schemas,
                 struct diags *diags, struct err *err)
{
	const struct project *p = rq->project;
	struct binding b = {.rq = rq,
	                    .arena = arena,
	                    .diags = diags,
	                    .cache = bind_cache_open(arena, p->dir),
	                    .schemas = arena_array(arena, p->ntables, sizeof *b.schemas),
	                    .verdicts = arena_array(arena, p->ntables, 1),
	                    .sure = arena_array(arena, p->ntables, 1),
	                    .keys = arena_array(arena, p->ntables, DIGEST_HEX),
	                    .needed = arena_array(arena, p->ntables, sizeof(bool)),
	                    .raw = {.rq = rq, .arena = arena}};
	need_with_upstreams(&b);
	uint32_t deepest, *first, *level = levels_of(p, &deepest), *sorted = by_level(p, level, deepest, &first);
	int rc = 0;
	for (uint32_t l = 0; l <= deepest && rc == 0; l++)
		rc = bind_level(&b, sorted + first[l], first[l + 1] - first[l]);
	if (rc == 0)
		rc = bind_check_declared(&(struct declared_check){rq, b.schemas, b.sure, &b.raw, b.cache, arena, diags}, &b.err);
	free(level);
	free(sorted);
	free(first);
	bind_cache_close(b.cache);
	if (rc < 0 && err)
		*err = b.err;
	else
		*ret_schemas = b.schemas;
	return rc;
}
