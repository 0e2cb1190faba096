/* Layers: their names, their order, and who may read whom. See project_internal.h.
 *
 * A link is "`down` may read `up`". The order is topological, ties as written; where there is a cycle,
 * it is reported with its path and the order stays as written. What may be read is the closure of the
 * links, also through layers without files. Nothing recurses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/project_internal.h"

struct link {
	uint32_t down, up;
	struct loc loc;
};

struct draft {
	struct layer layers[LAYERS_MAX];
	bool keyed[LAYERS_MAX]; /* has an entry of its own */
	size_t n;
	struct link *links;
	size_t nlinks, cap;
	bool *linked;           /* [LAYERS_MAX * LAYERS_MAX] down, up */
	bool full;              /* more than LAYERS_MAX, already reported */
};

struct layer *layer_find(const struct project *p, const char *name)
{
	for (size_t i = 0; i < p->nlayers; i++)
		if (strcmp(p->layers[i].name, name) == 0)
			return &p->layers[i];
	return NULL;
}

static const char *layer_name(const void *ctx, size_t i)
{
	return ((const struct layer *)ctx)[i].name;
}

const char *layer_hint(const struct project *p, const char *name, char *out, size_t size)
{
	const char *nearest = str_nearest(name, layer_name, p->layers, p->nlayers);
	out[0] = '\0';
	if (nearest)
		snprintf(out, size, " (did you mean '%s'?)", nearest);
	return out;
}

/* Schema names that DuckDB or the catalog has itself. */
static bool reserved(const char *name)
{
	static const char *const names[] = {"main",       "temp",        "system", "information_schema",
	                                    "pg_catalog", "catalog_meta"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* The layer's index, made when it is new; -1 when it cannot be one (reported). */
static int add_layer(struct reading *r, struct draft *d, const char *name, struct loc loc)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->layers[i].name, name) == 0)
			return (int)i;
	if (!name_is_safe(name)) {
		diag_add(r->diags, DIAG_ERROR, loc,
		         "layer name '%s' is not usable: it names a schema and a folder, so use lower-case letters, "
		         "digits and '_', at most 128",
		         name);
		return -1;
	}
	if (reserved(name)) {
		diag_add(r->diags, DIAG_ERROR, loc, "layer name '%s' is reserved by the SQL engine: choose another",
		         name);
		return -1;
	}
	if (d->n == LAYERS_MAX) {
		if (!d->full)
			diag_add(r->diags, DIAG_ERROR, loc, "more than %d layers, the most that are read",
			         LAYERS_MAX);
		d->full = true;
		return -1;
	}
	d->layers[d->n] = (struct layer){.name = arena_strdup(&r->p->arena, name), .loc = loc};
	return (int)d->n++;
}

static void add_link(struct reading *r, struct draft *d, uint32_t down, uint32_t up, struct loc loc)
{
	bool *linked = &d->linked[down * LAYERS_MAX + up];
	if (*linked) {
		diag_add(r->diags, DIAG_WARNING, loc, "layer '%s' names '%s' twice: remove one", d->layers[down].name,
		         d->layers[up].name);
		return;
	}
	*linked = true;
	MEM_GROW(d->links, d->nlinks, d->cap);
	d->links[d->nlinks++] = (struct link){down, up, loc};
}

static void read_upstreams(struct reading *r, struct draft *d, uint32_t down, const struct yaml *list)
{
	char say[YAML_SAY_SIZE];
	if (list->kind != YAML_LIST && list->kind != YAML_NULL) {
		diag_add(r->diags, DIAG_ERROR, list->loc, "the upstream layers of '%s' must be a list, not %s%s",
		         d->layers[down].name, yaml_say(say, list), list->kind == YAML_TEXT ? ": put it in [ ]" : "");
		return;
	}
	YAML_FOR_EACH(it, list) {
		if (it->kind != YAML_TEXT) {
			diag_add(r->diags, DIAG_ERROR, it->loc, "an upstream layer of '%s' must be a name, not %s",
			         d->layers[down].name, yaml_say(say, it));
			continue;
		}
		int up = add_layer(r, d, it->text, it->loc);
		if (up >= 0)
			add_link(r, d, down, (uint32_t)up, it->loc);
	}
}

static bool folder_exists(const struct project_input *in, const char *name)
{
	for (size_t i = 0; i < in->nfolders; i++)
		if (strcmp(in->folders[i], name) == 0)
			return true;
	return false;
}

/* Who may read the misspelt layer may read the one that was meant: one mistake is one complaint, not
 * one more for every table below. */
static void read_instead(struct draft *d, size_t misspelt, const char *meant)
{
	for (size_t up = 0; meant && up < d->n; up++) {
		if (strcmp(d->layers[up].name, meant) != 0)
			continue;
		for (size_t down = 0; down < d->n; down++)
			d->linked[down * LAYERS_MAX + up] |= down != up && d->linked[down * LAYERS_MAX + misspelt];
	}
}

static const char *text_at(const void *ctx, size_t i)
{
	return ((const char *const *)ctx)[i];
}

/* A name that is only somebody's upstream, without entry and folder, is most likely misspelt. */
static void check_unknown(struct reading *r, struct draft *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const char *name = d->layers[i].name, *known[LAYERS_MAX];
		if (d->keyed[i] || folder_exists(r->in, name))
			continue;
		size_t n = 0;
		for (size_t j = 0; j < d->n; j++)
			if (j != i && (d->keyed[j] || folder_exists(r->in, d->layers[j].name)))
				known[n++] = d->layers[j].name;
		char hint[160] = "";
		const char *nearest = str_nearest(name, text_at, known, n);
		if (nearest)
			snprintf(hint, sizeof hint, " (did you mean '%s'?)", nearest);
		read_instead(d, i, nearest);
		diag_add(r->diags, DIAG_ERROR, d->layers[i].loc,
			"unknown layer '%s'%s: it has neither a folder dags/%s nor an entry of its own; add '%s: []' "
			"if it is a layer",
			name, hint, name, name);
	}
}

/* Topological, the first ready one as written next. False when there is a cycle. */
static bool sort_layers(const struct draft *d, uint32_t order[LAYERS_MAX])
{
	uint32_t waits[LAYERS_MAX] = {0};
	bool placed[LAYERS_MAX] = {false};
	for (size_t i = 0; i < d->nlinks; i++)
		waits[d->links[i].down]++;
	for (size_t k = 0; k < d->n; k++) {
		size_t next = 0;
		while (next < d->n && (placed[next] || waits[next] > 0))
			next++;
		if (next == d->n)
			return false;
		placed[next] = true;
		order[k] = (uint32_t)next;
		for (size_t i = 0; i < d->nlinks; i++)
			if (d->links[i].up == next)
				waits[d->links[i].down]--;
	}
	return true;
}

/* Report the cycle that `link` closes: the path on the stack from its upstream on. */
static void report_cycle(struct reading *r, const struct draft *d, const uint32_t *stack, size_t depth,
                         const struct link *closing)
{
	struct buf path = BUF_INIT(1 << 16);
	size_t from = 0;
	while (stack[from] != closing->up)
		from++;
	for (size_t i = from; i < depth; i++)
		buf_addf(&path, "%s → ", d->layers[stack[i]].name);
	buf_adds(&path, d->layers[closing->up].name);
	const char *advice = closing->up == closing->down ? "a layer reads its own tables anyway: remove it"
	                                                  : "remove one of these dependencies";
	diag_add(r->diags, DIAG_ERROR, closing->loc, "layers depend on each other: %s; %s", buf_cstr(&path), advice);
	buf_free(&path);
}

/* Depth first over the links; a link back onto the stack closes a cycle. */
static void report_cycles(struct reading *r, const struct draft *d)
{
	enum { NEW, OPEN, DONE };
	unsigned char color[LAYERS_MAX] = {NEW};
	size_t cursor[LAYERS_MAX] = {0};
	uint32_t stack[LAYERS_MAX];
	for (uint32_t root = 0; root < d->n; root++) {
		if (color[root] != NEW)
			continue;
		size_t depth = 0;
		stack[depth++] = root;
		color[root] = OPEN;
		while (depth > 0) {
			uint32_t at = stack[depth - 1];
			size_t *i = &cursor[at];
			while (*i < d->nlinks && d->links[*i].down != at)
				(*i)++;
			if (*i == d->nlinks) {
				color[at] = DONE;
				depth--;
				continue;
			}
			const struct link *link = &d->links[(*i)++];
			if (color[link->up] == OPEN) {
				report_cycle(r, d, stack, depth, link);
			} else if (color[link->up] == NEW) {
				color[link->up] = OPEN;
				stack[depth++] = link->up;
			}
		}
	}
}

/* Everything that `start` reaches over links, itself excluded. */
static void close_upstream(const struct draft *d, uint32_t start, bool reached[LAYERS_MAX])
{
	uint32_t todo[LAYERS_MAX];
	size_t n = 0;
	memset(reached, 0, LAYERS_MAX * sizeof *reached);
	reached[start] = true;
	todo[n++] = start;
	while (n > 0) {
		const bool *linked = &d->linked[todo[--n] * LAYERS_MAX];
		for (uint32_t up = 0; up < d->n; up++)
			if (linked[up] && !reached[up]) {
				reached[up] = true;
				todo[n++] = up;
			}
	}
	reached[start] = false;
}

static void publish(struct reading *r, const struct draft *d, const uint32_t order[LAYERS_MAX])
{
	struct project *p = r->p;
	bool reached[LAYERS_MAX];
	p->nlayers = d->n;
	p->layers = arena_array(&p->arena, d->n, sizeof *p->layers);
	for (size_t k = 0; k < d->n; k++) {
		struct layer *l = &p->layers[k];
		*l = d->layers[order[k]];
		l->index = (uint32_t)k;
		l->upstream = arena_array(&p->arena, d->n, sizeof *l->upstream);
		close_upstream(d, order[k], reached);
		for (size_t up = 0; up < d->n; up++)
			l->upstream[up] = reached[order[up]];
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Without layer_dependencies: each folder that holds <folder>_*.sql is a layer, and any may read any. */
static void infer_layers(struct reading *r, struct draft *d)
{
	const struct project_input *in = r->in;
	const char **names = mem_array(in->nfiles + 1, sizeof *names);
	size_t n = 0;
	for (size_t i = 0; i < in->nfiles; i++) {
		const char *folder = in->files[i].folder;
		if (file_is_named_for(&in->files[i]) && (n == 0 || strcmp(names[n - 1], folder) != 0))
			names[n++] = folder;
	}
	qsort(names, n, sizeof *names, by_text);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && strcmp(names[i - 1], names[i]) == 0)
			continue;
		const char *place = arena_printf(&r->p->arena, "dags/%s", names[i]);
		add_layer(r, d, names[i], (struct loc){place, 0, 0});
	}
	free(names);
	for (size_t down = 0; down < d->n; down++)
		for (size_t up = 0; up < d->n; up++)
			d->linked[down * LAYERS_MAX + up] = down != up;
}

static void read_declared(struct reading *r, struct draft *d, const struct yaml *map)
{
	YAML_FOR_EACH(it, map) {
		int down = add_layer(r, d, it->key, it->key_loc);
		if (down >= 0) {
			d->keyed[down] = true;
			d->layers[down].loc = it->key_loc;
		}
	}
	YAML_FOR_EACH(it, map)
		for (uint32_t i = 0; i < d->n; i++)
			if (d->keyed[i] && strcmp(d->layers[i].name, it->key) == 0)
				read_upstreams(r, d, i, it);
	check_unknown(r, d);
}

void layers_read(struct reading *r)
{
	struct draft *d = mem_alloc(sizeof *d);
	d->linked = mem_array((size_t)LAYERS_MAX * LAYERS_MAX, sizeof *d->linked);
	uint32_t order[LAYERS_MAX];
	if (r->config.layers && r->config.layers->len > 0)
		read_declared(r, d, r->config.layers);
	else
		infer_layers(r, d);
	if (!sort_layers(d, order)) {
		report_cycles(r, d);
		for (uint32_t i = 0; i < d->n; i++)
			order[i] = i;
	}
	publish(r, d, order);
	free(d->links);
	free(d->linked);
	free(d);
}
