/* The analysts' views and macros: project_add_views and views_expand.
 *
 * A reader of a view reads the view's tables: views_expand gives each reader an analysis of its own in which
 * the references to views are replaced by references to tables, and whose canonical form covers the views. So
 * whoever looks at an analysis later need not know of views. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/digest.h"
#include "core/project_internal.h"
#include "core/sqltext.h"

/* Definitions. */

static bool is_table(const void *ctx, const char *qname)
{
	return project_table(ctx, qname) != NULL;
}

static struct view *find_view(const struct project *p, enum definition_thing thing, const char *schema, const char *name)
{
	for (size_t i = 0; i < p->nviews; i++) {
		struct view *v = &p->views[i];
		if (v->thing == thing && strcmp(v->schema, schema) == 0 && strcmp(v->name, name) == 0)
			return v;
	}
	return NULL;
}

static void remove_view(struct project *p, struct view *v)
{
	size_t i = (size_t)(v - p->views);
	memmove(v, v + 1, (--p->nviews - i) * sizeof *v);
}

static void drop(struct project *p, const struct definition *d)
{
	if (d->thing == THING_SCHEMA) {
		for (size_t i = p->nviews; i-- > 0;)
			if (strcmp(p->views[i].schema, d->name) == 0)
				remove_view(p, &p->views[i]);
		return;
	}
	struct view *v = find_view(p, d->thing, d->schema, d->name);
	if (v)
		remove_view(p, v);
}

/* It must not matter what the catalog of a try or of a batch to bind holds already. */
static const char *make_ddl(struct arena *arena, const struct definition *d, const char *rest)
{
	struct buf quoted = BUF_INIT(4096);
	for (const char *s = d->schema; *s; s++) {
		buf_addc(&quoted, *s);
		if (*s == '"')
			buf_addc(&quoted, '"');
	}
	bool own_schema = strcmp(d->schema, "main") != 0;
	const char *schema = own_schema ? arena_printf(arena, "CREATE SCHEMA IF NOT EXISTS \"%s\"; ", buf_cstr(&quoted)) : "";
	buf_free(&quoted);
	return arena_printf(arena, "%sCREATE OR REPLACE %s%s %s", schema, d->recursive ? "RECURSIVE " : "",
	                    d->thing == THING_VIEW ? "VIEW" : "MACRO", rest);
}

static struct view *new_view(struct project *p)
{
	if (p->nviews == p->views_cap) {
		struct view *old = p->views;
		p->views_cap = p->views_cap ? p->views_cap * 2 : 16;
		p->views = arena_array(&p->arena, p->views_cap, sizeof *old);
		if (p->nviews)
			memcpy(p->views, old, p->nviews * sizeof *old);
	}
	return &p->views[p->nviews++];
}

static void define(struct project *p, const struct definition *d, const char *text, struct loc loc)
{
	struct arena *arena = &p->arena;
	struct view *v = find_view(p, d->thing, d->schema, d->name);
	if (v && d->if_absent)
		return;
	if (!v)
		v = new_view(p);
	const char *rest = arena_strndup(arena, text + d->name_at, d->end - d->name_at);
	*v = (struct view){
		.thing = d->thing,
		.schema = d->schema,
		.name = d->name,
		.qname = strcmp(d->schema, "main") == 0 ? d->name : arena_printf(arena, "%s.%s", d->schema, d->name),
		.ddl = make_ddl(arena, d, rest),
		.head = d->overloaded ? rest : arena_strndup(arena, rest, d->query_at - d->name_at),
		.query = d->query,
		.loc = loc,
	};
}

static struct loc loc_at(const char *file, const char *text, size_t n, size_t offset)
{
	struct loc loc = {.file = file};
	text_position(text, n, offset, &loc.line, &loc.col);
	return loc;
}

void project_add_views(struct project *p, const char *file, const char *text, size_t n, struct diags *diags)
{
	struct definition d;
	file = arena_strdup(&p->arena, file);
	for (size_t at = 0; definition_next(&p->arena, text, n, &at, &d);) {
		const char *why = definition_why_skip(&d, is_table, p);
		struct loc loc = loc_at(file, text, n, d.start);
		if (why)
			diag_add(diags, DIAG_NOTE, loc, "skipped: %s", why);
		else if (d.verb == DEFINITION_DROP)
			drop(p, &d);
		else if (d.verb == DEFINITION_CREATE && d.thing != THING_SCHEMA && !d.query)
			diag_add(diags, DIAG_ERROR, loc, "'%s.%s' is defined without 'AS' and what it is", d.schema, d.name);
		else if (d.verb == DEFINITION_CREATE && d.thing != THING_SCHEMA)
			define(p, &d, text, loc_at(file, text, n, d.query_at));
	}
}

/* Who reads which. */

enum mark { UNSEEN, OPEN, DONE };

struct expanding {
	struct project *p;
	struct diags *diags;
	bool *reported;         /* by view: its own problems are told once, whoever reads it */
	/* of one reader: */
	uint8_t *marks;         /* by view, enum mark */
	const struct view **used;
	size_t nused;
	struct ref *refs;
	size_t nrefs, cap;
	bool parsed;            /* all of them */
	const char *volatile_by;
};

/* A place in the analysis of a view, in its file. */
static struct loc loc_in(const struct view *v, int line, int col)
{
	struct loc loc = v->loc;
	if (line == 2 && col > 0)
		loc.col += col - 1;
	else if (line > 2)
		loc = (struct loc){v->loc.file, v->loc.line + line - 2, col};
	return loc;
}

/* What a reference names: a view, or one or two macros of that name. */
static size_t find_named(const struct project *p, const struct ref *ref, const char *schema, const struct view *ret[2])
{
	size_t n = 0;
	if (!*schema)
		schema = "main";
	const struct view *found[] = {
		ref->kind == REF_TABLE ? find_view(p, THING_VIEW, schema, ref->name) : NULL,
		ref->kind == REF_CALL ? find_view(p, THING_MACRO, schema, ref->name) : NULL,
		ref->kind == REF_CALL ? find_view(p, THING_TABLE_MACRO, schema, ref->name) : NULL,
	};
	for (size_t i = 0; i < sizeof found / sizeof *found; i++)
		if (found[i] && n < 2)
			ret[n++] = found[i];
	return n;
}

static bool is_source(const struct project *p, const struct ref *ref)
{
	return !*ref->schema && str_has_prefix(ref->name, "tmp_") && project_table(p, ref->name + strlen("tmp_"));
}

static void add_ref(struct expanding *e, struct ref ref)
{
	MEM_GROW(e->refs, e->nrefs, e->cap);
	e->refs[e->nrefs++] = ref;
}

static void visit(struct expanding *e, const struct view *v, const struct ref *from);

/* A reference in the text of a view, whose bare names are first of its own schema. `from` is in the reader. */
static void visit_ref(struct expanding *e, const struct view *v, const struct ref *ref, const struct ref *from)
{
	const struct project *p = e->p;
	const struct view *named[2];
	const char *schema = *ref->schema ? ref->schema : v->schema;
	const char *qname = arena_printf(&e->p->arena, "%s.%s", schema, ref->name);
	size_t n = find_named(p, ref, schema, named);
	const struct table *t = ref->kind == REF_CALL ? NULL : project_table(p, qname);
	if (n == 0 && !t && !*ref->schema)
		n = find_named(p, ref, "main", named);
	for (size_t i = 0; i < n; i++)
		visit(e, named[i], from);
	if (n == 0 && t) {
		struct ref through = *ref;
		through.schema = schema;
		through.line = from->line;
		through.col = from->col;
		through.via = v->qname;
		add_ref(e, through);
	} else if (n == 0 && ref->kind != REF_CALL && !e->reported[v->index]) {
		e->reported[v->index] = true;
		diag_add(e->diags, DIAG_ERROR, loc_in(v, ref->line, ref->col),
		         "unknown table '%s%s%s' in '%s', which tables read: write <layer>.<table>, or the view's schema and name",
		         ref->schema, *ref->schema ? "." : "", ref->name, v->qname);
	}
}

static void visit(struct expanding *e, const struct view *v, const struct ref *from)
{
	const struct analysis *a = v->analysis;
	if (e->marks[v->index] == OPEN && !e->reported[v->index]) {
		e->reported[v->index] = true;
		diag_add(e->diags, DIAG_ERROR, v->loc, "'%s' reads itself", v->qname);
	}
	if (e->marks[v->index] != UNSEEN || !a)
		return;
	e->marks[v->index] = OPEN;
	for (size_t i = 0; i < a->nrefs; i++)
		visit_ref(e, v, &a->refs[i], from);
	e->parsed &= a->parsed;
	if (!e->volatile_by)
		e->volatile_by = a->volatile_by;
	e->marks[v->index] = DONE;
	e->used[e->nused++] = v;
}

static const char *joint_canonical(const struct expanding *e, const char *canonical)
{
	struct digest d;
	char hex[DIGEST_HEX];
	digest_init(&d);
	digest_text(&d, canonical);
	for (size_t i = 0; i < e->nused; i++) {
		const struct view *v = e->used[i];
		digest_int(&d, v->thing);
		digest_text(&d, v->schema);
		digest_text(&d, v->head);
		digest_text(&d, v->analysis->canonical);
	}
	return arena_strdup(&e->p->arena, digest_hex(&d, hex));
}

static void expand_table(struct expanding *e, struct table *t)
{
	struct arena *arena = &e->p->arena;
	struct analysis a = *t->analysis;
	memset(e->marks, UNSEEN, e->p->nviews);
	e->nused = e->nrefs = 0;
	e->parsed = a.parsed;
	e->volatile_by = a.volatile_by;
	for (size_t i = 0; i < t->analysis->nrefs; i++) {
		const struct ref *ref = &t->analysis->refs[i];
		const struct view *named[2];
		size_t n = is_source(e->p, ref) ? 0 : find_named(e->p, ref, ref->schema, named);
		for (size_t k = 0; k < n; k++)
			visit(e, named[k], ref);
		if (n == 0 && ref->kind != REF_CALL)
			add_ref(e, *ref);
	}
	if (e->nused == 0)
		return;
	a.refs = arena_copy(arena, e->refs, e->nrefs * sizeof *e->refs);
	a.nrefs = e->nrefs;
	a.parsed = e->parsed;
	a.volatile_by = e->volatile_by;
	a.canonical = joint_canonical(e, a.canonical);
	t->analysis = arena_copy(arena, &a, sizeof a);
	t->views = arena_copy(arena, e->used, e->nused * sizeof *e->used);
	t->nviews = e->nused;
}

/* What nobody reads may be wrong; so this goes last. */
static void order_views(struct expanding *e)
{
	struct project *p = e->p;
	const struct ref nowhere = {0};
	memset(e->reported, true, p->nviews * sizeof *e->reported);
	memset(e->marks, UNSEEN, p->nviews);
	e->nused = e->nrefs = 0;
	for (size_t i = 0; i < p->nviews; i++)
		visit(e, &p->views[i], &nowhere);
	p->views_order = arena_copy(&p->arena, e->used, e->nused * sizeof *e->used);
	p->nviews_order = e->nused;
}

void views_expand(struct project *p, struct diags *diags)
{
	if (p->nviews == 0)
		return;
	struct expanding e = {.p = p, .diags = diags};
	e.reported = mem_array(p->nviews, sizeof *e.reported);
	e.marks = mem_array(p->nviews, sizeof *e.marks);
	e.used = mem_array(p->nviews, sizeof *e.used);
	for (size_t i = 0; i < p->nviews; i++) {
		struct view *v = &p->views[i];
		v->index = (uint32_t)i;
		e.reported[i] = v->analysis && v->analysis->error;
		if (e.reported[i])
			diag_add(diags, DIAG_ERROR, loc_in(v, v->analysis->error_line, v->analysis->error_col), "'%s': %s", v->qname,
			         v->analysis->error);
	}
	for (size_t i = 0; i < p->ntables; i++) {
		struct table *t = &p->tables[i];
		if (t->kind == TABLE_SQL && t->analysis && !t->analysis->error)
			expand_table(&e, t);
	}
	order_views(&e);
	free(e.reported);
	free(e.marks);
	free(e.used);
	free(e.refs);
}
