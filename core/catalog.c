/* tables.yaml: variables, the lake, what is said of each table, and the external tables. See
 * project_internal.h.
 *
 * Variables are substituted in the tree before anything of it is read, `storage` first because the rest
 * may use it. A value that cannot be is reported once and marked `bad`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/project_internal.h"

enum { VALUE_MAX = 64 << 10, DEFAULTS_DEEP = 8 };

/* The value of ${name}; NULL when undefined. `*ret_own`: it is one of storage's keys. */
static const char *lookup(struct reading *r, const char *name, bool *ret_own)
{
	*ret_own = true;
	if (str_eq(name, "base_uri"))
		return r->storage.base_uri;
	if (str_eq(name, "s3_bucket"))
		return r->storage.s3_bucket;
	if (str_eq(name, "s3_prefix"))
		return r->storage.s3_prefix;
	*ret_own = false;
	return r->in->env ? r->in->env(r->in->env_ctx, name) : NULL;
}

/* The '}' that closes a "${" whose content begins at `p`, or NULL. */
static const char *closing(const char *p)
{
	for (int open = 1; *p; p++) {
		if (p[0] == '$' && p[1] == '{')
			open++;
		else if (*p == '}' && --open == 0)
			return p;
	}
	return NULL;
}

static size_t name_length(const char *p)
{
	size_t n = 0;
	while ((p[n] >= 'A' && p[n] <= 'Z') || (p[n] >= 'a' && p[n] <= 'z') || p[n] == '_' ||
	       (n > 0 && p[n] >= '0' && p[n] <= '9'))
		n++;
	return n;
}

static int expand(struct reading *r, struct loc loc, const char *text, size_t n, struct buf *out, int depth);

/* One "${...}" whose content is [p, end). */
static int expand_variable(struct reading *r, struct loc loc, const char *p, const char *end, struct buf *out,
                           int depth)
{
	size_t n = name_length(p);
	bool has_default = end - p >= (ptrdiff_t)n + 2 && p[n] == ':' && p[n + 1] == '-';
	if (n == 0 || (!has_default && p + n != end) || depth == DEFAULTS_DEEP) {
		diag_add(r->diags, DIAG_ERROR, loc,
		         "'${%.*s}' is no variable: write ${NAME} or ${NAME:-default}, or $$ for a plain $",
		         (int)(end - p), p);
		return -1;
	}
	bool own;
	const char *name = arena_strndup(&r->scratch, p, n), *value = lookup(r, name, &own);
	if (value && (*value || !has_default)) {
		buf_adds(out, value);
		return 0;
	}
	if (has_default)
		return expand(r, loc, p + n + 2, (size_t)(end - p) - n - 2, out, depth + 1);
	if (own)
		diag_add(r->diags, DIAG_ERROR, loc, "'${%s}' stands here, but 'storage' has no '%s': add it", name,
		         name);
	else
		diag_add(r->diags, DIAG_ERROR, loc,
		         "undefined variable '%s': set it in the environment, or write ${%s:-default}, or $$ for a "
		         "plain $",
		         name, name);
	return -1;
}

static int expand(struct reading *r, struct loc loc, const char *text, size_t n, struct buf *out, int depth)
{
	for (const char *p = text, *end = text + n; p < end; p++) {
		if (*p == '$' && p + 1 < end && p[1] == '$') {
			buf_addc(out, *p++);
		} else if (*p == '$' && p + 1 < end && p[1] == '{') {
			const char *close = closing(p + 2);
			if (!close || close >= end) {
				diag_add(r->diags, DIAG_ERROR, loc,
				         "'${' without its '}': close it, or write $$ for a plain $");
				return -1;
			}
			if (expand_variable(r, loc, p + 2, close, out, depth) < 0)
				return -1;
			p = close;
		} else {
			buf_addc(out, *p);
		}
	}
	return 0;
}

bool variables_expand(struct reading *r, const struct yaml *node, const char **ret)
{
	struct buf out = BUF_INIT(VALUE_MAX);
	bool good = expand(r, node->loc, node->text, strlen(node->text), &out, 0) == 0;
	if (good && out.overflow)
		diag_add(r->diags, DIAG_ERROR, node->loc, "longer than 64 KiB with its variables substituted");
	good = good && !out.overflow;
	if (good)
		*ret = arena_strndup(&r->p->arena, buf_cstr(&out), out.len);
	buf_free(&out);
	return good;
}

static void expand_text(struct reading *r, struct yaml *node)
{
	struct buf out = BUF_INIT(VALUE_MAX);
	if (expand(r, node->loc, node->text, strlen(node->text), &out, 0) < 0) {
		node->bad = true;
	} else if (out.overflow) {
		diag_add(r->diags, DIAG_ERROR, node->loc, "longer than 64 KiB with its variables substituted");
		node->bad = true;
	} else {
		node->text = arena_strndup(&r->scratch, buf_cstr(&out), out.len);
	}
	buf_free(&out);
}

/* Recurses as deep as the document, which is bounded. */
static void expand_tree(struct reading *r, struct yaml *node)
{
	if (node->kind == YAML_TEXT && strchr(node->text, '$'))
		expand_text(r, node);
	for (struct yaml *it = node->first; it; it = it->next)
		expand_tree(r, it);
}

/* "s3a://b/p/" → "s3://b/p". */
static const char *uri_normal(struct reading *r, const char *text)
{
	struct arena *a = &r->p->arena;
	char *uri = str_has_prefix(text, "s3a://") ? arena_printf(a, "s3://%s", text + 6) : arena_strdup(a, text);
	for (size_t n = strlen(uri); n > 1 && uri[n - 1] == '/'; n--)
		uri[n - 1] = '\0';
	return uri;
}

static void read_storage(struct reading *r, struct yaml *storage)
{
	/* In this order a key may use those before it. */
	static const struct {
		const char *name;
		size_t offset;
	} own[] = {{"s3_bucket", offsetof(struct storage_in, s3_bucket)},
	           {"s3_prefix", offsetof(struct storage_in, s3_prefix)},
	           {"base_uri", offsetof(struct storage_in, base_uri)}};
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		for (struct yaml *it = storage->first; it; it = it->next) {
			if (!str_eq(it->key, own[i].name))
				continue;
			expand_tree(r, it);
			/* What is bad there has been said: elsewhere it is not undefined too. */
			const char *text = it->bad || it->kind == YAML_LIST || it->kind == YAML_MAP ? "" : it->text;
			*(const char **)((char *)&r->storage + own[i].offset) = text;
		}
	section_read(&r->keys, &section_storage, storage, "storage", &r->storage);
	if (r->storage.base_uri && *r->storage.base_uri) {
		r->storage.base_uri = uri_normal(r, r->storage.base_uri);
		r->p->base_uri = r->storage.base_uri;
	}
}

void catalog_read_head(struct reading *r, struct yaml *root)
{
	struct project_in project;
	section_reset(&section_project, &project);
	if (root) {
		for (struct yaml *it = root->first; it; it = it->next)
			if (it->key && str_eq(it->key, "storage") && it->kind == YAML_MAP)
				read_storage(r, it);
		for (struct yaml *it = root->first; it; it = it->next)
			if (!it->key || !str_eq(it->key, "storage"))
				expand_tree(r, it);
		section_read(&r->keys, &section_catalog, root, "the file", &r->catalog);
	}
	if (r->catalog.project)
		section_read(&r->keys, &section_project, r->catalog.project, "project", &project);
	r->p->env = project.env;
	if (project.name)
		r->p->name = project.name;
}

/* --- external tables --- */

static int by_name(const void *key, const void *table)
{
	return strcmp(key, ((const struct table *)table)->name);
}

static bool is_built(const struct reading *r, const char *name, size_t nbuilt)
{
	const char *dot = strchr(name, '.'), *plain = dot ? dot + 1 : name;
	const struct table *t = nbuilt ? bsearch(plain, r->tables, nbuilt, sizeof *t, by_name) : NULL;
	return t && (!dot || str_eq(t->qname, name));
}

/* The layer of an external table: the one that is named, else the longest that its name begins with. */
static const struct layer *layer_of(struct reading *r, const struct yaml *entry)
{
	const struct project *p = r->p;
	const char *dot = strchr(entry->key, '.');
	char hint[160];
	if (dot) {
		const char *name = arena_strndup(&r->scratch, entry->key, (size_t)(dot - entry->key));
		const struct layer *l = layer_find(p, name);
		if (!l)
			diag_add(r->diags, DIAG_ERROR, entry->key_loc,
			         "unknown layer '%s' of table '%s'%s: name a layer of " FILE_CONFIG, name, entry->key,
			         layer_hint(p, name, hint, sizeof hint));
		return l;
	}
	const struct layer *best = NULL;
	for (size_t i = 0; i < p->nlayers; i++) {
		size_t n = strlen(p->layers[i].name);
		if (strncmp(entry->key, p->layers[i].name, n) == 0 && entry->key[n] == '_' &&
		    (!best || n > strlen(best->name)))
			best = &p->layers[i];
	}
	if (!best)
		diag_add(r->diags, DIAG_ERROR, entry->key_loc,
		         "no layer's name begins table '%s': an external table is named <layer>_<name>", entry->key);
	return best;
}

static bool add_external(struct reading *r, const struct yaml *entry)
{
	const struct layer *layer = layer_of(r, entry);
	if (!layer)
		return false;
	const char *dot = strchr(entry->key, '.'), *name = dot ? dot + 1 : entry->key;
	size_t n = strlen(layer->name);
	if (!name_is_safe(name) || strncmp(name, layer->name, n) != 0 || name[n] != '_') {
		diag_add(r->diags, DIAG_ERROR, entry->key_loc,
			"table name '%s' is not usable: write '%s_<name>' with lower-case letters, digits and '_', at "
			"most 128",
			name, layer->name);
		return false;
	}
	struct arena *a = &r->p->arena;
	MEM_GROW(r->tables, r->ntables, r->cap);
	r->tables[r->ntables++] = (struct table){
		.name = arena_strdup(a, name),
		.qname = arena_printf(a, "%s.%s", layer->name, name),
		.layer = layer,
		.kind = TABLE_EXTERNAL,
		.loc = entry->key_loc,
		.format = "parquet",
	};
	return true;
}

void catalog_add_external(struct reading *r)
{
	size_t nbuilt = r->ntables;
	if (!r->catalog.tables)
		return;
	for (struct yaml *it = r->catalog.tables->first; it; it = it->next)
		if (yaml_get(it, "path") && !is_built(r, it->key, nbuilt) && !add_external(r, it))
			it->bad = true;
}

/* --- entries onto tables --- */

static void apply_path(struct reading *r, struct table *t, const struct yaml *path)
{
	const char *uri = uri_normal(r, path->text);
	if (t->kind == TABLE_EXTERNAL) {
		t->path = uri;
		if (!*uri)
			diag_add(r->diags, DIAG_ERROR, path->loc,
			         "'path' of external table '%s' is empty: say where its Parquet is", t->name);
		return;
	}
	const char *base = r->storage.base_uri, *rest = uri;
	if (base && *base && str_has_prefix(uri, base) && uri[strlen(base)] == '/')
		rest = uri + strlen(base);
	while (*rest == '/')
		rest++;
	size_t n = strlen(t->layer->name);
	bool same = strncmp(rest, t->layer->name, n) == 0 && rest[n] == '/' && str_eq(rest + n + 1, t->name);
	if (!same)
		diag_add(r->diags, DIAG_ERROR, path->loc,
		         "path '%s' of table '%s' is not where %s is published: remove it, or write '%s/%s'", uri,
		         t->name, t->file, t->layer->name, t->name);
}

static void read_columns(struct reading *r, struct table *t, const struct yaml *map)
{
	struct column_decl *columns = arena_array(&r->p->arena, map->len, sizeof *columns);
	size_t n = 0;
	char table[NAME_MAX_BYTES + 16];
	snprintf(table, sizeof table, "table '%s'", t->name);
	keys_folded_twins(&r->keys, map, table);
	YAML_FOR_EACH(it, map) {
		struct column_in in = {0};
		char what[256];
		snprintf(what, sizeof what, "column '%s' of table '%s'", it->key, t->name);
		const struct yaml *type = it->kind == YAML_TEXT ? it : yaml_get(it, "type");
		if (it->kind == YAML_TEXT)
			in.type = arena_strdup(&r->p->arena, it->text);
		else if (!section_read(&r->keys, &section_column, it, what, &in))
			continue;
		if (in.checks)
			diag_add(r->diags, DIAG_WARNING, in.checks->key_loc,
			         "'checks' of %s are not evaluated by this version", what);
		columns[n++] = (struct column_decl){arena_strdup(&r->p->arena, it->key), in.type, in.description,
		                                    it->key_loc, type ? type->loc : it->key_loc};
	}
	t->columns = columns;
	t->ncolumns = n;
}

static void check_values(struct reading *r, struct table *t, const struct table_in *in, const struct yaml *entry)
{
	if (in->format != FORMAT_PARQUET)
		diag_add(r->diags, DIAG_ERROR, yaml_get(entry, "format")->loc,
		         "this version writes 'parquet' only: remove 'format'");
	if (in->checks)
		diag_add(r->diags, DIAG_WARNING, in->checks->key_loc,
			"'checks' of table '%s' are not evaluated by this version; primary_keys, timestamp_col, columns and "
			"allow_empty are",
			t->name);
}

/* Where the names of columns stand that only the bound query can confirm. */
static void keep_places(struct reading *r, struct table *t, const struct yaml *entry)
{
	const struct yaml *keys = yaml_get(entry, "primary_keys"), *timestamp = yaml_get(entry, "timestamp_col");
	struct loc *places = arena_array(&r->p->arena, t->nprimary_keys, sizeof *places);
	size_t n = 0;
	for (const struct yaml *it = keys ? keys->first : NULL; it && n < t->nprimary_keys; it = it->next)
		places[n++] = it->loc;
	t->primary_keys_loc = places;
	if (timestamp)
		t->timestamp_loc = timestamp->loc;
}

static void apply_entry(struct reading *r, struct table *t, const struct yaml *entry)
{
	struct table_in in;
	char what[NAME_MAX_BYTES + 16];
	snprintf(what, sizeof what, "table '%s'", t->name);
	memset(&in, 0, sizeof in);
	section_reset(&section_table, &in);
	in.p.policy = t->policy;
	in.p.retry_on = t->policy.retry_any ? RETRY_ON_ANY : RETRY_ON_TRANSIENT;
	if (!section_read(&r->keys, &section_table, entry, what, &in))
		return;
	t->description = in.description;
	t->owner = in.owner;
	t->timestamp_col = in.timestamp_col;
	t->tags = in.tags.items;
	t->ntags = in.tags.len;
	t->primary_keys = in.primary_keys.items;
	t->nprimary_keys = in.primary_keys.len;
	keep_places(r, t, entry);
	t->output_none = in.output == OUTPUT_NONE;
	policy_resolve(r, &in.p, t->kind, &t->policy);
	check_values(r, t, &in, entry);
	if (in.path)
		apply_path(r, t, in.path);
	else if (t->kind == TABLE_EXTERNAL && !yaml_get(entry, "path")->bad)
		diag_add(r->diags, DIAG_ERROR, entry->key_loc,
		         "external table '%s' has no 'path': say where its Parquet is", t->name);
	if (in.columns)
		read_columns(r, t, in.columns);
}

static void report_orphan(struct reading *r, const struct yaml *entry)
{
	char hint[160];
	table_hint(r->p, entry->key, hint, sizeof hint);
	diag_add(r->diags, DIAG_ERROR, entry->key_loc,
		"no file builds table '%s'%s: remove the entry, add the file, or give it a 'path' if it is built elsewhere",
		entry->key, hint);
}

void catalog_apply(struct reading *r)
{
	struct project *p = r->p;
	if (!r->catalog.tables)
		return;
	const struct yaml **entries = mem_array(p->ntables + 1, sizeof *entries);
	YAML_FOR_EACH(it, r->catalog.tables) {
		if (it->bad)
			continue;
		int64_t i = project_find(p, it->key);
		if (i < 0) {
			report_orphan(r, it);
		} else if (entries[i]) {
			diag_add(r->diags, DIAG_ERROR, it->key_loc,
			         "table '%s' has an entry on line %d already: keep one of them", p->tables[i].name,
			         entries[i]->key_loc.line);
		} else {
			entries[i] = it;
			apply_entry(r, &p->tables[i], it);
		}
	}
	free(entries);
}
