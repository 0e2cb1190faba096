/* project_read(), project_free() and the look-up of tables; see project.h. The order of work is the
 * order in which names become known: YAML trees, pools and defaults, layers, files, catalog, and then
 * what names tables. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/project_internal.h"

enum { HINTS_MAX = 32 }; /* each looks at every table: a project full of mistakes must not be slow */

/* project.by_name: plain names to indexes. Plain names are unique, so a qualified one is found by its
 * plain part. */
struct by_name {
	const char *name;
	uint32_t index;
	UT_hash_handle hh;
};

struct index {
	struct by_name *hash;
	uint32_t hints; /* still to be given */
};

static void index_add(struct project *p, struct by_name *entry)
{
	struct index *index = p->by_name;
	HASH_ADD_KEYPTR(hh, index->hash, entry->name, strlen(entry->name), entry);
}

static const struct by_name *index_find(const struct project *p, const char *name)
{
	const struct index *index = p->by_name;
	const struct by_name *entry = NULL;
	if (index)
		HASH_FIND(hh, index->hash, name, strlen(name), entry);
	return entry;
}

int64_t project_find(const struct project *p, const char *name)
{
	const char *dot = strchr(name, '.');
	const struct by_name *entry = index_find(p, dot ? dot + 1 : name);
	if (!entry || (dot && !str_eq(p->tables[entry->index].qname, name)))
		return -1;
	return entry->index;
}

const struct table *project_table(const struct project *p, const char *name)
{
	int64_t i = project_find(p, name);
	return i < 0 ? NULL : &p->tables[i];
}

const char *project_full_name(const struct project *p, const char *name, char *out, size_t size)
{
	const struct table *t = project_table(p, name);
	const char *layer = NULL;
	for (size_t i = 0; i < p->nlayers && !t && !strchr(name, '.'); i++) {
		const char *l = p->layers[i].name;
		if (str_has_prefix(name, l) && name[strlen(l)] == '_' && (!layer || strlen(l) > strlen(layer)))
			layer = l;
	}
	snprintf(out, size, "%s%s%s", layer ? layer : "", layer ? "." : "", t ? t->qname : name);
	return out;
}

static const char *plain_name(const void *ctx, size_t i)
{
	return ((const struct table *)ctx)[i].name;
}

static const char *qualified_name(const void *ctx, size_t i)
{
	return ((const struct table *)ctx)[i].qname;
}

const char *project_nearest(const struct project *p, const char *word)
{
	struct index *index = p->by_name;
	if (!index || index->hints == 0)
		return NULL;
	index->hints--;
	return str_nearest(word, strchr(word, '.') ? qualified_name : plain_name, p->tables, p->ntables);
}

static const char *schedule_name(const void *schedules, size_t i)
{
	return ((const struct schedule *)schedules)[i].name;
}

const char *project_nearest_schedule(const struct project *p, const char *word)
{
	return str_nearest(word, schedule_name, p->schedules, p->nschedules);
}

const char *table_hint(const struct project *p, const char *name, char *out, size_t size)
{
	out[0] = '\0';
	const char *nearest = project_nearest(p, name);
	if (nearest)
		snprintf(out, size, " (did you mean '%s'?)", nearest);
	return out;
}

static int by_layer_and_name(const void *a, const void *b)
{
	const struct table *x = *(const struct table *const *)a, *y = *(const struct table *const *)b;
	if (x->layer != y->layer)
		return x->layer->index < y->layer->index ? -1 : 1;
	int c = strcmp(x->name, y->name);
	if (c)
		return c;
	return x->kind == y->kind ? 0 : x->kind < y->kind ? -1 : 1;
}

/* r->tables, in order and each name once, become p->tables. A name that an external table takes again
 * is its entry's mistake: in the same layer catalog_apply tells, else it is told here. */
static void publish_tables(struct reading *r)
{
	struct project *p = r->p;
	const struct table **sorted = mem_array(r->ntables + 1, sizeof *sorted);
	for (size_t i = 0; i < r->ntables; i++)
		sorted[i] = &r->tables[i];
	qsort(sorted, r->ntables, sizeof *sorted, by_layer_and_name);
	p->tables = arena_array(&p->arena, r->ntables, sizeof *p->tables);
	struct by_name *entries = arena_array(&p->arena, r->ntables, sizeof *entries);
	struct index *index = arena_alloc(&p->arena, sizeof *index);
	index->hints = HINTS_MAX;
	p->by_name = index;
	for (size_t i = 0; i < r->ntables; i++) {
		const struct by_name *twin = index_find(p, sorted[i]->name);
		if (twin) {
			const struct table *t = &p->tables[twin->index];
			if (t->layer != sorted[i]->layer)
				diag_add(r->diags, DIAG_ERROR, sorted[i]->loc,
				         "table name '%s' is taken by '%s': rename one of them", sorted[i]->name,
				         t->qname);
			continue;
		}
		uint32_t k = (uint32_t)p->ntables++;
		p->tables[k] = *sorted[i];
		p->tables[k].index = k;
		p->tables[k].policy = p->defaults;
		if (p->tables[k].kind == TABLE_EXEC)
			p->tables[k].policy.engine = "exec";
		entries[k] = (struct by_name){.name = p->tables[k].name, .index = k};
		index_add(p, &entries[k]);
	}
	free(sorted);
	free(r->tables);
}

static const char *base_name(const char *dir)
{
	const char *slash = strrchr(dir, '/');
	return slash && slash[1] ? slash + 1 : dir;
}

struct project *project_read(const struct project_input *in, struct diags *diags)
{
	struct project *p = mem_alloc(sizeof *p);
	struct reading r = {.in = in, .p = p, .diags = diags, .pools_known = !in->config};
	r.keys = (struct keys_reader){&p->arena, diags};
	p->dir = arena_strdup(&p->arena, in->dir ? in->dir : "");
	p->name = base_name(p->dir);
	struct yaml *config = NULL, *tables = NULL;
	if (in->config)
		config = yaml_parse(&r.scratch, FILE_CONFIG, in->config, in->config_len, diags);
	if (in->tables)
		tables = yaml_parse(&r.scratch, FILE_TABLES, in->tables, in->tables_len, diags);
	config_read_head(&r, config);
	catalog_read_head(&r, tables);
	layers_read(&r);
	files_read(&r);
	catalog_add_external(&r);
	publish_tables(&r);
	catalog_apply(&r);
	config_read_sources(&r);
	config_read_schedules(&r);
	config_read_callbacks(&r); /* they name schedules */
	config_read_deps(&r);
	arena_free(&r.scratch);
	return p;
}

void project_free(struct project *p)
{
	if (!p)
		return;
	struct index *index = p->by_name;
	if (index)
		HASH_CLEAR(hh, index->hash);
	arena_free(&p->arena);
	free(p);
}
