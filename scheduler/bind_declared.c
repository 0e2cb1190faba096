/* See bind_declared.h. Types are compared by the names that DuckDB has for them, so that `int` is INTEGER: a
 * worker is asked for those that differ in their letters, each once, and the cache keeps the answers. */
#include "scheduler/bind_declared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uthash.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/digest.h"
#include "scheduler/turns.h"

enum { ASK_TYPES = 1000, ASK_BYTES = 256 << 10, NAMED_COLUMNS = 12 };

struct type {
	const char *text;
	const char *name; /* DuckDB's; NULL: it knows none, or it has not been asked */
	char key[DIGEST_HEX];
	UT_hash_handle hh;
};

struct check {
	const struct declared_check *in;
	struct type *types; /* by text */
	struct type **asked; /* in the order of the request */
	size_t nasked, cap, first, bytes;
	bool idle;
	struct err err;
};

static const struct table *table_at(const struct check *c, size_t t)
{
	return &c->in->rq->project->tables[t];
}

static bool is_dt(const struct table *t, const char *name)
{
	return table_partitioned(t) && strcasecmp(name, "dt") == 0;
}

static const struct column *find_column(const struct bound_schema *s, const char *name)
{
	for (size_t i = 0; i < s->ncolumns; i++) {
		if (strcasecmp(s->columns[i].name, name) == 0)
			return &s->columns[i];
	}
	return NULL;
}

/* --- types --- */

static void on_names(void *ctx, const struct worker_answer *a)
{
	struct check *c = ctx;
	const json_t *names = json_object_get(a->reply, "types");
	if (!a->reply)
		c->err = *a->err;
	for (size_t i = c->first; a->reply && i < c->nasked; i++) {
		struct type *type = c->asked[i];
		const char *name = json_string_value(json_array_get(names, i - c->first));
		type->name = arena_strdup(c->in->arena, name);
		struct column entry = {"type", type->name};
		if (name)
			bind_cache_add(c->in->cache, type->key, &(struct bound_schema){arena_copy(c->in->arena, &entry, sizeof entry), 1});
	}
	c->idle = true;
}

static int ask(struct check *c)
{
	const struct bind_request *rq = c->in->rq;
	json_t *types = json_array();
	for (size_t i = c->first; i < c->nasked; i++)
		json_array_append_new(types, json_string(c->asked[i]->text));
	c->idle = false;
	workers_ask(rq->workers, json_pack("{s:s, s:[], s:o}", "op", "bind", "tables", "types", types), false, NULL, on_names, c);
	turns_until(rq->turns, &c->idle);
	c->first = c->nasked;
	c->bytes = 0;
	return c->err.code;
}

static int need_type(struct check *c, const char *text)
{
	struct type *type;
	struct bound_schema cached;
	HASH_FIND_STR(c->types, text, type);
	if (type)
		return 0;
	type = arena_alloc(c->in->arena, sizeof *type);
	type->text = text;
	HASH_ADD_KEYPTR(hh, c->types, type->text, strlen(text), type);
	struct digest d;
	digest_init(&d);
	digest_text(&d, "type");
	digest_text(&d, text);
	digest_hex(&d, type->key);
	if (bind_cache_find(c->in->cache, type->key, &cached)) {
		type->name = cached.columns[0].type;
		return 0;
	}
	MEM_GROW(c->asked, c->nasked, c->cap);
	c->asked[c->nasked++] = type;
	c->bytes += strlen(text);
	return c->nasked - c->first == ASK_TYPES || c->bytes > ASK_BYTES ? ask(c) : 0;
}

/* Its letters differ from those that were bound, or nothing was bound that would know it. */
static bool is_in_doubt(const struct check *c, size_t t, const struct column_decl *decl)
{
	const struct column *bound = c->in->sure[t] ? find_column(&c->in->schemas[t], decl->name) : NULL;
	return decl->type && !is_dt(table_at(c, t), decl->name) && (!bound || strcasecmp(bound->type, decl->type) != 0);
}

static int name_types(struct check *c)
{
	int rc = 0;
	for (size_t t = 0; t < c->in->rq->project->ntables; t++) {
		const struct table *table = table_at(c, t);
		for (size_t i = 0; (!c->in->rq->wanted || c->in->rq->wanted[t]) && i < table->ncolumns && rc == 0; i++) {
			if (is_in_doubt(c, t, &table->columns[i]))
				rc = need_type(c, table->columns[i].type);
		}
	}
	return rc == 0 && c->nasked > c->first ? ask(c) : rc;
}

static void check_type(const struct check *c, size_t t, const struct column_decl *decl)
{
	static const char *const common[] = {"BIGINT", "BLOB", "BOOLEAN", "DATE", "DECIMAL", "DOUBLE", "FLOAT", "HUGEINT", "INTEGER",
	                                     "INTERVAL", "SMALLINT", "TEXT", "TIME", "TIMESTAMP", "TIMESTAMPTZ", "TINYINT", "UUID",
	                                     "VARCHAR", NULL};
	const struct table *table = table_at(c, t);
	const struct column *bound = find_column(&c->in->schemas[t], decl->name);
	const struct type *type;
	char hint[160];
	HASH_FIND_STR(c->types, decl->type, type);
	if (!type->name)
		diag_add(c->in->diags, DIAG_ERROR, decl->type_loc, "unknown type '%s' of column '%s' of table '%s'%s: write it as DuckDB does",
		         decl->type, decl->name, table->name, str_did_you_mean(hint, sizeof hint, decl->type, common));
	else if (c->in->sure[t] == BIND_SURE && bound && strcasecmp(bound->type, type->name) != 0)
		diag_add(c->in->diags, DIAG_ERROR, decl->type_loc, "column '%s' of table '%s' is %s, declared %s: cast it in %s, or declare %s",
		         decl->name, table->name, bound->type, decl->type, table->file, bound->type);
	else if (c->in->sure[t] == BIND_DETECTED && bound && strcasecmp(bound->type, type->name) != 0)
		diag_add(c->in->diags, DIAG_WARNING, decl->type_loc,
		         "column '%s' of table '%s' is %s by the newest file of RAW, declared %s: cast it in %s, or give the source its "
		         "columns",
		         decl->name, table->name, bound->type, decl->type, table->file);
}

/* --- names --- */

static const char *column_name(const void *ctx, size_t i)
{
	return ((const struct bound_schema *)ctx)->columns[i].name;
}

static void check_name(const struct check *c, size_t t, const char *key, const char *name, struct loc loc)
{
	const struct table *table = table_at(c, t);
	const struct bound_schema *s = &c->in->schemas[t];
	if (!c->in->sure[t] || is_dt(table, name) || find_column(s, name))
		return;
	const char *nearest = str_nearest(name, column_name, s, s->ncolumns);
	struct buf advice = BUF_INIT(1 << 20);
	if (nearest)
		buf_addf(&advice, " (did you mean '%s'?)", nearest);
	for (size_t i = 0; !nearest && i < s->ncolumns && i < NAMED_COLUMNS; i++)
		buf_addf(&advice, "%s%s", i ? ", " : " (there is: ", s->columns[i].name);
	if (!nearest)
		buf_adds(&advice, s->ncolumns > NAMED_COLUMNS ? ", …)" : ")");
	const char *raw = bind_raw_of(c->in->raw, (uint32_t)t);
	diag_add(c->in->diags, raw ? c->in->rq->by_raw : DIAG_ERROR, loc, "'%s' of table '%s' names '%s', which %s does not yield%s%s%s%s",
	         key, table->name, name, table->file, buf_cstr(&advice), raw ? "; by '" : "", raw ? raw : "",
	         raw ? "', the newest file of RAW" : "");
	buf_free(&advice);
}

static void check_table(const struct check *c, size_t t)
{
	const struct table *table = table_at(c, t);
	for (size_t i = 0; i < table->nprimary_keys; i++)
		check_name(c, t, "primary_keys", table->primary_keys[i], table->primary_keys_loc[i]);
	if (table->timestamp_col)
		check_name(c, t, "timestamp_col", table->timestamp_col, table->timestamp_loc);
	for (size_t i = 0; i < table->ncolumns; i++) {
		const struct column_decl *decl = &table->columns[i];
		check_name(c, t, "columns", decl->name, decl->loc);
		if (is_in_doubt(c, t, decl))
			check_type(c, t, decl);
	}
}

int bind_check_declared(const struct declared_check *in, struct err *err)
{
	struct check c = {.in = in};
	int rc = name_types(&c);
	for (size_t t = 0; rc == 0 && t < in->rq->project->ntables; t++) {
		if (!in->rq->wanted || in->rq->wanted[t])
			check_table(&c, t);
	}
	if (rc < 0 && err)
		*err = c.err;
	HASH_CLEAR(hh, c.types);
	free(c.asked);
	return rc;
}
