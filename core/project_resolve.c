/* From what each query names to who reads whom: project_resolve of core/project.h.
 *
 * References that cannot be are errors and make no edge, so that with errors the graph is a part of the
 * meant one. What is not understood makes edges to everything upstream: doubt is always wider. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/graph.h"
#include "core/project_internal.h"

enum {
	HINTS_MAX = 50,      /* looking for the nearest of 10,000 names takes a while */
	EDGES_MAX = 2000000, /* with more, some 100 MB, the project is refused; only doubt makes so many */
};

struct resolving {
	struct project *p;
	struct diags *diags;
	size_t len, cap;      /* of p->edges, while they are on the heap */
	bool *reads_source;   /* by table: its own tmp_ view */
	bool *wide;           /* by table: reads everything upstream */
	bool *declares;       /* by table: has an entry in table_dependencies */
	size_t nwide, hints;
	struct span *all;     /* SPAN_ALL; edges may share spans, which nobody changes */
	struct span *same_day;
};

static void add_edge(struct resolving *r, const struct table *up, const struct table *down, struct span *spans,
                     size_t nspans, bool declared, struct loc loc)
{
	struct project *p = r->p;
	MEM_GROW(p->edges, r->len, r->cap);
	p->edges[r->len++] = (struct edge){up->index, down->index, spans, nspans, declared, loc};
}

static void make_wide(struct resolving *r, const struct table *t)
{
	r->nwide += !r->wide[t->index];
	r->wide[t->index] = true;
}

static const struct layer *find_layer(const struct project *p, const char *name)
{
	for (size_t i = 0; i < p->nlayers; i++)
		if (strcmp(p->layers[i].name, name) == 0)
			return &p->layers[i];
	return NULL;
}

/* Plain names are unique, so the layer is compared, not looked for. */
static const struct table *table_of_layer(const struct project *p, const char *layer, const char *name)
{
	const struct table *t = project_table(p, name);
	return t && strcmp(t->layer->name, layer) == 0 ? t : NULL;
}

static const char *layer_name(const void *ctx, size_t i)
{
	return ((const struct layer *)ctx)[i].name;
}

static const char *say_hint(char *out, size_t size, const char *name)
{
	out[0] = '\0';
	if (name)
		snprintf(out, size, " (did you mean '%s'?)", name);
	return out;
}

/* The table that somebody who wrote `schema.name` most likely meant, as it must be written; or NULL. */
static const char *nearest_table(struct resolving *r, const char *name)
{
	const struct table *t = project_table(r->p, name);
	if (!t && r->hints++ < HINTS_MAX) {
		const char *near = project_nearest(r->p, name);
		t = near ? project_table(r->p, near) : NULL;
	}
	return t ? t->qname : NULL;
}

static void unknown_layer(struct resolving *r, const struct ref *ref, struct loc loc)
{
	char hint[192];
	const struct table *t = project_table(r->p, ref->name);
	if (t)
		say_hint(hint, sizeof hint, t->qname);
	else
		say_hint(hint, sizeof hint, str_nearest(ref->schema, layer_name, r->p->layers, r->p->nlayers));
	diag_add(r->diags, DIAG_ERROR, loc,
	         "unknown layer '%s' of '%s.%s'%s: SQL may read <layer>.<table>, <layer>.<table>_dt('…') and tmp_<its own "
	         "table>",
	         ref->schema, ref->schema, ref->name, hint);
}

static void unknown_table(struct resolving *r, const struct ref *ref, struct loc loc)
{
	char hint[320];
	const char *dot = *ref->schema ? "." : "";
	say_hint(hint, sizeof hint, nearest_table(r, ref->name));
	diag_add(r->diags, DIAG_ERROR, loc, "unknown table '%s%s%s'%s%s", ref->schema, dot, ref->name, hint,
	         *hint ? "" : ": no file in dags/ builds it, and tables.yaml has no such external table");
}

/* tmp_<table>: the RAW files of the table that reads it, and of no other. */
static void resolve_source(struct resolving *r, const struct table *t, const char *name, struct loc loc)
{
	const struct table *of = project_table(r->p, name);
	if (of == t && t->source) {
		r->reads_source[t->index] = true;
	} else if (of == t) {
		diag_add(r->diags, DIAG_ERROR, loc,
		         "'tmp_%s' has no source: add 'sources: {%s: {path: …}}' to dags/dw_config.yaml", name, name);
	} else if (of) {
		diag_add(r->diags, DIAG_ERROR, loc, "'tmp_%s' can be read by %s only: read '%s'", name, of->qname, of->qname);
	} else {
		char hint[192];
		snprintf(hint, sizeof hint, "tmp_%s", t->name);
		diag_add(r->diags, DIAG_ERROR, loc, "unknown source 'tmp_%s': this table's own RAW files are '%s'", name, hint);
	}
}

static void resolve_bare(struct resolving *r, const struct table *t, const struct ref *ref, struct loc loc)
{
	const char *macro = ref->kind == REF_MACRO ? "_dt('…')" : "";
	const struct table *meant = project_table(r->p, ref->name);
	if (ref->kind == REF_TABLE && str_has_prefix(ref->name, "tmp_"))
		resolve_source(r, t, ref->name + strlen("tmp_"), loc);
	else if (ref->kind == REF_TABLE && strpbrk(ref->name, "/.*?:"))
		return; /* FROM 'file.csv': no table, and never fresh (analysis.volatile_by) */
	else if (meant)
		diag_add(r->diags, DIAG_ERROR, loc, "table '%s' is named without its layer: write '%s%s'", ref->name,
		         meant->qname, macro);
	else
		unknown_table(r, ref, loc);
}

static bool may_read(const struct table *t, const struct table *up)
{
	return up->kind == TABLE_EXTERNAL || up->layer == t->layer || t->layer->upstream[up->layer->index];
}

static const char *say_via(char *out, size_t size, const struct ref *ref)
{
	out[0] = '\0';
	if (ref->via)
		snprintf(out, size, " (through '%s')", ref->via);
	return out;
}

static void not_upstream(struct resolving *r, const struct table *t, const struct table *up, const struct ref *ref,
                         struct loc loc)
{
	const char *from = t->layer->name, *to = up->layer->name;
	char how[192];
	say_via(how, sizeof how, ref);
	if (up->layer->upstream[t->layer->index])
		diag_add(r->diags, DIAG_ERROR, loc,
		         "layer '%s' may not read '%s'%s: layer '%s' is downstream of it; move this query to a layer that may "
		         "read '%s'",
		         from, up->qname, how, to, to);
	else
		diag_add(r->diags, DIAG_ERROR, loc,
		         "layer '%s' may not read '%s'%s: layer '%s' is not upstream of it; add '%s' to layer_dependencies.%s in "
		         "dags/dw_config.yaml",
		         from, up->qname, how, to, to, from);
}

static bool is_unbounded(const struct span *s)
{
	return s->lo.kind == BOUND_NONE && s->hi.kind == BOUND_NONE;
}

/* Whoever reads dates without an upper end reads those that are still to come. */
static void warn_unbounded(struct resolving *r, const struct table *t, const struct table *up, const struct ref *ref,
                           struct loc loc)
{
	bool all = ref->nspans == 0, open = false;
	for (size_t i = 0; i < ref->nspans; i++) {
		all |= is_unbounded(&ref->spans[i]);
		open |= ref->spans[i].hi.kind == BOUND_NONE;
	}
	if (up == t || !table_partitioned(up) || !table_partitioned(t))
		return;
	if (ref->via && (all || open))
		diag_add(r->diags, DIAG_WARNING, loc,
		         "'%s' reads %s of '%s', whatever condition its reader has, so that each new date makes %s dates of '%s' "
		         "stale: read '%s' itself",
		         ref->via, all ? "every date" : "dates without an upper end", up->qname, all ? "all" : "earlier", t->name,
		         up->qname);
	else if (all)
		diag_add(r->diags, DIAG_WARNING, loc,
		         "reads every date of '%s', so that each new date makes all dates of '%s' stale: add a condition such "
		         "as dt = '${PARTITION_DATE}'",
		         up->qname, t->name);
	else if (open)
		diag_add(r->diags, DIAG_WARNING, loc,
		         "reads dates of '%s' without an upper end, so that each new date makes earlier dates of '%s' stale: "
		         "add a condition such as dt <= '${PARTITION_DATE}'",
		         up->qname, t->name);
}

static void resolve_table(struct resolving *r, const struct table *t, const struct table *up, const struct ref *ref,
                          struct loc loc)
{
	if (!may_read(t, up)) {
		not_upstream(r, t, up, ref, loc);
		return;
	}
	if (up->output_none) {
		diag_add(r->diags, DIAG_ERROR, loc, "'%s' is an action (output: none) and has no rows to read", up->qname);
		return;
	}
	bool known = up->analysis && !up->analysis->error;
	if (ref->kind == REF_MACRO && !table_partitioned(up) && (known || up->kind == TABLE_EXTERNAL)) {
		diag_add(r->diags, DIAG_ERROR, loc, "'%s_dt' does not exist, because '%s' is not partitioned: read '%s'",
		         up->qname, up->name, up->qname);
		return;
	}
	warn_unbounded(r, t, up, ref, loc);
	/* In a table without partitions dt is a column like any other. */
	if (ref->nspans == 0 || !table_partitioned(up))
		add_edge(r, up, t, r->all, 1, false, loc);
	else
		add_edge(r, up, t, arena_copy(&r->p->arena, ref->spans, ref->nspans * sizeof *ref->spans), ref->nspans,
		         false, loc);
}

static bool is_one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

static void resolve_ref(struct resolving *r, const struct table *t, const struct ref *ref)
{
	static const char *const system[] = {"information_schema", "pg_catalog", NULL};
	static const char *const catalog[] = {"main", "temp", "memory", "system", NULL};
	struct loc loc = {t->file, ref->line, ref->col};
	if (!*ref->schema) {
		resolve_bare(r, t, ref, loc);
	} else if (find_layer(r->p, ref->schema)) {
		const struct table *up = table_of_layer(r->p, ref->schema, ref->name);
		if (up)
			resolve_table(r, t, up, ref, loc);
		else
			unknown_table(r, ref, loc);
	} else if (is_one_of(ref->schema, catalog)) {
		/* The catalog's own views may read anything; which, is not known here. */
		if (ref->kind == REF_TABLE && str_has_prefix(ref->name, "tmp_"))
			resolve_source(r, t, ref->name + strlen("tmp_"), loc);
		else
			make_wide(r, t);
	} else if (!is_one_of(ref->schema, system)) {
		unknown_layer(r, ref, loc);
	}
}

static void resolve_analysis(struct resolving *r, const struct table *t)
{
	const struct analysis *a = t->analysis;
	if (a && a->error) {
		diag_add(r->diags, DIAG_ERROR, (struct loc){t->file, a->error_line, a->error_col}, "%s", a->error);
		for (size_t i = 0; i < a->nmore; i++)
			diag_add(r->diags, DIAG_ERROR, (struct loc){t->file, a->more[i].line, a->more[i].col}, "%s",
			         a->more[i].text);
		return;
	}
	if (a && a->comment_only)
		diag_add(r->diags, DIAG_WARNING, t->loc,
		         "PARTITION_DATE is used in a comment only, which makes '%s' partitioned all the same: use it in the "
		         "query, or write '$$' for the '$'",
		         t->name);
	if (t->kind == TABLE_EXEC) {
		if (!r->declares[t->index])
			make_wide(r, t);
		return;
	}
	for (size_t i = 0; a && i < a->nrefs; i++)
		resolve_ref(r, t, &a->refs[i]);
	if (!a || !a->parsed) {
		diag_add(r->diags, DIAG_NOTE, t->loc, "what '%s' reads cannot be told from its SQL: it waits for every table "
		         "upstream", t->name);
		make_wide(r, t);
	} else if (t->source && !r->reads_source[t->index]) {
		diag_add(r->diags, DIAG_WARNING, t->source->loc,
		         "the source of '%s' is not used: its query does not read tmp_%s", t->name, t->name);
	}
}

/* project_read has kept those that can be; one that names itself depends on its past. */
static void resolve_declared(struct resolving *r)
{
	struct project *p = r->p;
	for (size_t i = 0; i < p->ndeclared; i++) {
		const struct declared_dep *d = &p->declared[i];
		const struct table *down = project_table(p, d->table), *up = project_table(p, d->needs);
		if (!down || !up)
			continue;
		r->declares[down->index] = true;
		if (up == down) {
			p->tables[down->index].policy.depends_on_past = true;
			continue;
		}
		bool both = table_partitioned(up) && table_partitioned(down);
		add_edge(r, up, down, both ? r->same_day : r->all, 1, true, d->loc);
	}
}

/* Can the layers alone lead back here? Only where no layer_dependencies say otherwise, or by mistake. */
static bool layer_is_mutual(const struct project *p, const struct layer *l)
{
	for (size_t i = 0; i < p->nlayers; i++)
		if (l->upstream[i] && p->layers[i].upstream[l->index])
			return true;
	return false;
}

static bool same_span(const struct span *a, const struct span *b)
{
	return a->lo.kind == b->lo.kind && a->lo.day == b->lo.day && a->hi.kind == b->hi.kind && a->hi.day == b->hi.day;
}

/* The spans of n edges of one pair as a list without doubles; all dates alone where one has them. */
static void join_spans(struct project *p, const struct edge *edges, size_t n, struct edge *ret)
{
	size_t total = 0, len = 0;
	for (size_t i = 0; i < n; i++)
		total += edges[i].nspans;
	struct span *spans = arena_array(&p->arena, total, sizeof *spans);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < edges[i].nspans; k++) {
			const struct span *s = &edges[i].spans[k];
			size_t seen = 0;
			while (seen < len && !same_span(&spans[seen], s))
				seen++;
			if (seen == len)
				spans[len++] = *s;
			if (is_unbounded(s)) {
				spans[0] = *s;
				len = 1;
				i = n - 1; /* nothing can be added to all dates */
				break;
			}
		}
	}
	ret->spans = spans;
	ret->nspans = len;
}

/* Make one edge of all between two tables: what the SQL says goes before what is declared. */
static void merge_edges(struct project *p)
{
	size_t kept = 0;
	for (size_t i = 0, end; i < p->nedges; i = end) {
		size_t inferred = i;
		for (end = i; end < p->nedges && p->edges[end].up == p->edges[i].up && p->edges[end].down == p->edges[i].down;
		     end++) {
			struct edge e = p->edges[end];
			if (e.declared)
				continue;
			memmove(&p->edges[inferred + 1], &p->edges[inferred], (end - inferred) * sizeof e);
			p->edges[inferred++] = e;
		}
		struct edge *first = &p->edges[i], merged = *first;
		size_t n = inferred > i ? inferred - i : 1;
		if (n > 1)
			join_spans(p, first, n, &merged);
		p->edges[kept++] = merged;
	}
	p->nedges = kept;
}

/* Sort, merge and index what was added so far. */
static void settle(struct resolving *r)
{
	r->p->nedges = r->len;
	graph_sort(r->p);
	merge_edges(r->p);
	r->len = r->p->nedges;
	graph_index(r->p);
}

/* What cannot depend on t where any layer may read any: all that is before it in an order that takes the
 * wide tables as late as it can. Elsewhere the layers see to that. */
static void widen(struct resolving *r)
{
	struct project *p = r->p;
	uint32_t *place = mem_array(p->ntables, sizeof *place);
	size_t placed = graph_order(p, r->wide);
	for (size_t i = 0; i < p->ntables; i++)
		place[p->order[i]] = (uint32_t)(i < placed ? i : p->ntables);
	for (size_t i = 0; i < p->ntables; i++) {
		const struct table *t = &p->tables[i];
		if (!r->wide[i])
			continue;
		if (r->len > EDGES_MAX) {
			diag_add(r->diags, DIAG_ERROR, t->loc,
			         "%zu tables read everything upstream, more than %d dependencies in all: name what the executables "
			         "need in table_dependencies",
			         r->nwide, EDGES_MAX);
			break;
		}
		bool mutual = layer_is_mutual(p, t->layer);
		for (size_t u = 0; u < p->ntables; u++) {
			const struct table *up = &p->tables[u];
			bool above = up->kind == TABLE_EXTERNAL || t->layer->upstream[up->layer->index];
			if (above && (!mutual || place[u] < place[i]))
				add_edge(r, up, t, r->all, 1, false, t->loc);
		}
	}
	free(place);
}

/* Declared by name and type, so that a table without a version binds as an empty one. */
static bool has_typed_columns(const struct table *t)
{
	for (size_t i = 0; i < t->ncolumns; i++) {
		if (!t->columns[i].type)
			return false;
	}
	return t->ncolumns > 0;
}

static void apply_self_reads(struct project *p, struct diags *diags)
{
	for (size_t i = 0; i < p->nedges; i++) {
		struct table *t = &p->tables[p->edges[i].down];
		if (p->edges[i].up != p->edges[i].down)
			continue;
		t->policy.depends_on_past = true;
		if (t->kind == TABLE_SQL && !p->edges[i].declared && !has_typed_columns(t))
			diag_add(diags, DIAG_WARNING, p->edges[i].loc,
			         "'%s' reads itself, and nothing says which columns it has before its first version: until "
			         "tables.yaml declares its columns with their types, it stays empty",
			         t->qname);
	}
}

void project_resolve(struct project *p, struct diags *diags)
{
	struct resolving r = {.p = p, .diags = diags};
	r.all = arena_copy(&p->arena, &SPAN_ALL, sizeof(struct span));
	r.same_day = arena_copy(&p->arena, &SPAN_SAME_DAY, sizeof(struct span));
	r.reads_source = mem_array(p->ntables, sizeof *r.reads_source);
	r.wide = mem_array(p->ntables, sizeof *r.wide);
	r.declares = mem_array(p->ntables, sizeof *r.declares);
	r.cap = p->ntables + 1; /* never NULL, also where nothing reads anything */
	p->edges = mem_array(r.cap, sizeof *p->edges);
	p->order = NULL;
	views_expand(p, diags);
	resolve_declared(&r);
	for (size_t i = 0; i < p->ntables; i++)
		if (p->tables[i].kind != TABLE_EXTERNAL)
			resolve_analysis(&r, &p->tables[i]);
	settle(&r);
	if (r.nwide) {
		widen(&r);
		settle(&r);
	}
	struct edge *edges = p->edges;
	p->edges = arena_copy(&p->arena, edges, p->nedges * sizeof *edges);
	free(edges);
	apply_self_reads(p, diags);
	if (graph_order(p, NULL) < p->ntables)
		graph_report_cycles(p, diags);
	free(r.reads_source);
	free(r.wide);
	free(r.declares);
}
