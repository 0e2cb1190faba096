/* See analyze_walk.h.
 *
 * Every SELECT has a FROM tree of its own. Its base tables become refs; then each condition narrows the
 * refs that it may narrow without changing the result (narrow, collect_join). All comparisons that narrow
 * reject NULL, so a row of the narrowed table that an outer join would have paired is dropped by the same
 * condition that narrows, whichever side it was on.
 *
 * A bare `dt` may be given to every visible table of the FROM tree: each partitioned table has a dt, so two
 * of them make it ambiguous, an error, and the spans of an unpartitioned one are ignored. The exception is
 * a dt merged by USING or NATURAL, which DuckDB prefers to any other in silence: then only the merged. */
#include "executor/analyze_walk.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "executor/analyze_dt.h"

struct walk_cte {
	const char *name; /* folded */
	bool recursive;   /* also to be had as recurring.name */
	const struct walk_cte *outer;
};

/* A base table of one FROM tree. */
struct from_ref {
	size_t ref;              /* index in walk.refs */
	struct dt_column column; /* `unqualified`: a bare dt may be its own */
	bool open;               /* conditions further up may narrow it */
	struct dt_set dates;
};

struct from {
	struct from_ref *items;
	size_t len, cap;
};

/* A part of the tree: its refs, and whether its bare dt is a merged one. */
struct side {
	size_t first, end;
	bool merged;
};

static void visit(struct walk *w, const json_t *json);

static const char *text_of(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));
	return s ? s : "";
}

static bool has(const json_t *obj, const char *key)
{
	const json_t *value = json_object_get(obj, key);
	return value && !json_is_null(value) && (!json_is_array(value) || json_array_size(value) > 0);
}

static void set_volatile(struct walk *w, const char *name, const char *suffix)
{
	if (!w->volatile_by)
		w->volatile_by = arena_printf(w->arena, "%s%s", name, suffix);
}

/* Names. */

static bool is_cte(const struct walk *w, const char *schema, const char *name)
{
	bool recurring = str_eq(schema, "recurring");
	for (const struct walk_cte *c = w->ctes; c && (recurring || schema[0] == '\0'); c = c->outer)
		if (str_eq(c->name, name) && (c->recursive || !recurring))
			return true;
	return false;
}

static void add_cte(struct walk *w, const char *name, bool recursive)
{
	struct walk_cte *c = arena_alloc(w->arena, sizeof *c);
	*c = (struct walk_cte){dt_fold(w->arena, name), recursive, w->ctes};
	w->ctes = c;
}

/* FROM 'x.parquet', which DuckDB's parse does not tell from a quoted name. */
static bool is_file(const char *name)
{
	return strpbrk(name, "./\\*?:") != NULL;
}

static bool is_environment(const char *schema)
{
	return str_eq(schema, "information_schema") || str_eq(schema, "pg_catalog");
}

static int location(const json_t *node)
{
	const json_t *at = json_object_get(node, "query_location");
	return json_is_integer(at) && json_integer_value(at) < INT32_MAX ? (int)json_integer_value(at) : -1;
}

static size_t add_ref(struct walk *w, enum ref_kind kind, const char *schema, const char *name, int at)
{
	MEM_GROW(w->refs, w->nrefs, w->cap);
	w->refs[w->nrefs] = (struct ref){.kind = kind, .schema = schema, .name = name, .col = at};
	return w->nrefs++;
}

static void set_dates(struct walk *w, size_t ref, struct dt_set dates)
{
	dt_spans(w->arena, dates, &w->refs[ref].spans, &w->refs[ref].nspans);
}

/* The FROM tree. */

static struct side collect(struct walk *w, struct from *f, const json_t *node);

static void collect_table(struct walk *w, struct from *f, const json_t *node)
{
	const char *schema = dt_fold(w->arena, text_of(node, "schema_name"));
	const char *name = dt_fold(w->arena, text_of(node, "table_name"));
	if (json_object_get(node, "at_clause"))
		visit(w, json_object_get(node, "at_clause"));
	if (is_cte(w, schema, name))
		return;
	if (is_environment(schema)) {
		set_volatile(w, schema, "");
		return;
	}
	if (schema[0] == '\0' && is_file(name)) {
		set_volatile(w, arena_printf(w->arena, "'%s'", text_of(node, "table_name")), "");
		return;
	}
	const char *alias = text_of(node, "alias");
	size_t ref = add_ref(w, REF_TABLE, schema, name, location(node));
	MEM_GROW(f->items, f->len, f->cap);
	f->items[f->len++] = (struct from_ref){
		.ref = ref,
		.column = {.schema = alias[0] ? "" : schema, .table = alias[0] ? alias : name, .unqualified = true},
		.open = true,
		.dates = DT_SET_ALL,
	};
}

/* May it be an analysts' macro? In the text of a view a bare name may be of the view's schema. */
static bool is_macro(const struct walk *w, const char *schema, const char *name)
{
	size_t i;
	const json_t *one;
	json_array_foreach(w->macros, i, one) {
		const char *qname = json_string_value(one), *dot = strchr(qname, '.');
		size_t n = strlen(schema);
		if (dot && str_eq(dot + 1, name) && (n == 0 || (n == (size_t)(dot - qname) && strncmp(qname, schema, n) == 0)))
			return true;
	}
	return false;
}

/* A function call as such, without its arguments. */
static void check_function(struct walk *w, const json_t *node)
{
	const char *schema = dt_fold(w->arena, text_of(node, "schema"));
	const char *name = dt_fold(w->arena, text_of(node, "function_name"));
	if (walk_volatile_function(name, json_array_size(json_object_get(node, "children"))))
		set_volatile(w, name, "()");
	if (walk_opaque_function(name))
		w->opaque = true;
	if (is_macro(w, schema, name))
		set_dates(w, add_ref(w, REF_CALL, schema, name, location(node)), DT_SET_ALL);
}

static void collect_function(struct walk *w, const json_t *node)
{
	const json_t *function = json_object_get(node, "function");
	const json_t *arguments = json_object_get(function, "children");
	const char *schema = dt_fold(w->arena, text_of(function, "schema"));
	const char *name = dt_fold(w->arena, text_of(function, "function_name"));
	if (str_has_suffix(name, "_dt") && strlen(name) > 3 && !is_macro(w, schema, name)) {
		const char *table = arena_strndup(w->arena, name, strlen(name) - 3);
		size_t ref = add_ref(w, REF_MACRO, schema, table, location(node));
		bool one = json_array_size(arguments) == 1;
		const char *no_date = one ? dt_no_date(json_array_get(arguments, 0)) : NULL;
		if (no_date && !w->no_date) {
			w->no_date = arena_printf(w->arena, "'%s' is no date; %s takes one like '2013-01-31'", no_date, name);
			w->no_date_at = location(json_array_get(arguments, 0));
		}
		set_dates(w, ref, one ? dt_constant(w->arena, json_array_get(arguments, 0), w->standin) : DT_SET_ALL);
	}
	visit(w, function);
}

static void narrow(struct walk *w, struct from *f, struct side s, const json_t *condition)
{
	for (size_t i = s.first; condition && i < s.end; i++) {
		struct from_ref *r = &f->items[i];
		if (r->open)
			r->dates = dt_and(w->arena, r->dates, dt_constrain(w->arena, condition, &r->column, w->standin));
	}
}

static void hide_bare(struct from *f, struct side s)
{
	for (size_t i = s.first; i < s.end; i++)
		f->items[i].column.unqualified = false;
}

/* Nothing above may narrow it. */
static void close_side(struct from *f, struct side s)
{
	hide_bare(f, s);
	for (size_t i = s.first; i < s.end; i++)
		f->items[i].open = false;
}

static bool merges_dt(const json_t *join)
{
	size_t i;
	const json_t *name;
	json_array_foreach(json_object_get(join, "using_columns"), i, name)
		if (json_is_string(name) && strcasecmp(json_string_value(name), "dt") == 0)
			return true;
	return str_eq(text_of(join, "ref_type"), "NATURAL");
}

/* Which sides the ON condition of a join may narrow: a side whose unmatched rows it keeps is not one. */
static void narrow_on(struct walk *w, struct from *f, struct side l, struct side r, const json_t *join)
{
	static const struct {
		const char *type;
		bool left, right;
	} sides[] = {
		{"INNER", true, true}, {"LEFT", false, true}, {"RIGHT", true, false},
		{"SEMI", true, true},  {"ANTI", false, true},
	};
	const json_t *condition = json_object_get(join, "condition");
	const char *ref_type = text_of(join, "ref_type"), *type = text_of(join, "join_type");
	if (!str_eq(ref_type, "REGULAR") && !str_eq(ref_type, ""))
		return;
	for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
		if (!str_eq(sides[i].type, type))
			continue;
		if (sides[i].left)
			narrow(w, f, l, condition);
		if (sides[i].right)
			narrow(w, f, r, condition);
	}
}

static struct side collect_join(struct walk *w, struct from *f, const json_t *join)
{
	struct side l = collect(w, f, json_object_get(join, "left"));
	struct side r = collect(w, f, json_object_get(join, "right"));
	const char *ref_type = text_of(join, "ref_type"), *type = text_of(join, "join_type");
	bool merges = merges_dt(join), semi = str_eq(type, "SEMI") || str_eq(type, "ANTI");
	struct side all = {l.first, r.end, merges || l.merged || (r.merged && !semi)};
	if (str_eq(ref_type, "POSITIONAL"))
		close_side(f, all); /* rows are paired by number */
	if (!merges && l.merged)
		hide_bare(f, r);
	if (!merges && r.merged)
		hide_bare(f, l); /* of two merged dt either may win: none is narrowed */
	narrow_on(w, f, l, r, join);
	/* The best match of an ASOF join depends on rows that a condition above would drop; the right side
	 * of a SEMI or ANTI join is not to be seen from above, where its name may mean another table. */
	if (semi || str_eq(ref_type, "ASOF"))
		close_side(f, r);
	visit(w, json_object_get(join, "condition"));
	return all;
}

static struct side collect(struct walk *w, struct from *f, const json_t *node)
{
	const char *type = text_of(node, "type");
	struct side s = {f->len, f->len, false};
	if (str_eq(type, "BASE_TABLE")) {
		collect_table(w, f, node);
	} else if (str_eq(type, "JOIN")) {
		s = collect_join(w, f, node);
	} else if (str_eq(type, "TABLE_FUNCTION")) {
		collect_function(w, node);
	} else if (str_eq(type, "SHOW_REF") && !has(node, "query")) {
		set_volatile(w, "SHOW", "");
	} else {
		visit(w, node); /* SUBQUERY, PIVOT, VALUES, ...: what they hold is a tree of its own */
	}
	s.end = f->len;
	const json_t *sample = json_object_get(node, "sample");
	/* New column names, another name for a whole join, rows sampled before any condition. */
	if (has(node, "column_name_alias") || has(node, "sample") || (str_eq(type, "JOIN") && has(node, "alias")))
		close_side(f, s);
	if (json_is_object(sample))
		set_volatile(w, "TABLESAMPLE", "");
	return s;
}

/* A whole FROM tree with what its SELECT demands of each row; `where` may be NULL. */
static void walk_from(struct walk *w, const json_t *tree, const json_t *where)
{
	struct from f = {0};
	struct side all = collect(w, &f, tree);
	narrow(w, &f, all, where);
	for (size_t i = 0; i < f.len; i++)
		set_dates(w, f.items[i].ref, f.items[i].dates);
	free(f.items);
}

/* The rest of the query. */

static void visit_ctes(struct walk *w, const json_t *node)
{
	size_t i;
	const json_t *one;
	json_array_foreach(json_object_get(json_object_get(node, "cte_map"), "map"), i, one) {
		visit(w, json_object_get(one, "value"));
		add_cte(w, text_of(one, "key"), false);
	}
}

static bool is_from(const json_t *node)
{
	static const char *const types[] = {"BASE_TABLE", "JOIN", "TABLE_FUNCTION", "SHOW_REF"};
	const char *type = text_of(node, "type");
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (str_eq(types[i], type) && !has(node, "class"))
			return true;
	return false;
}

static void visit_members(struct walk *w, const json_t *node, const char *const *except)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)node, key, value) {
		bool skip = str_eq(key, "cte_map");
		for (size_t i = 0; except[i]; i++)
			skip |= str_eq(key, except[i]);
		if (!skip && (json_is_object(value) || json_is_array(value)))
			visit(w, value);
	}
}

static void visit_select(struct walk *w, const json_t *node)
{
	static const char *const except[] = {"from_table", NULL};
	const json_t *where = json_object_get(node, "where_clause");
	bool sampled = json_is_object(json_object_get(node, "sample")); /* before WHERE */
	if (sampled)
		set_volatile(w, "USING SAMPLE", "");
	walk_from(w, json_object_get(node, "from_table"), sampled ? NULL : where);
	visit_members(w, node, except);
}

static void visit_recursive(struct walk *w, const json_t *node)
{
	static const char *const except[] = {"left", NULL};
	visit(w, json_object_get(node, "left")); /* the name is not known there yet */
	add_cte(w, text_of(node, "cte_name"), true);
	visit_members(w, node, except);
}

static void visit_object(struct walk *w, const json_t *node)
{
	static const char *const except[] = {NULL};
	const struct walk_cte *outer = w->ctes;
	const char *type = text_of(node, "type"), *class = text_of(node, "class");
	visit_ctes(w, node);
	if (str_eq(class, "COLUMN_REF")) {
		const json_t *names = json_object_get(node, "column_names");
		const char *name = json_string_value(json_array_get(names, 0));
		if (name && json_array_size(names) == 1 && walk_volatile_name(dt_fold(w->arena, name)))
			set_volatile(w, dt_fold(w->arena, name), "");
	} else if (str_eq(type, "SELECT_NODE")) {
		visit_select(w, node);
	} else if (str_eq(type, "RECURSIVE_CTE_NODE")) {
		visit_recursive(w, node);
	} else if (is_from(node)) {
		if (str_eq(type, "SHOW_REF") && has(node, "query"))
			visit_members(w, node, except);
		else
			walk_from(w, node, NULL);
	} else {
		if (str_eq(class, "FUNCTION") || str_eq(class, "WINDOW"))
			check_function(w, node);
		visit_members(w, node, except);
	}
	w->ctes = outer;
}

static void visit(struct walk *w, const json_t *json)
{
	if (json_is_object(json)) {
		visit_object(w, json);
	} else if (json_is_array(json)) {
		size_t i;
		const json_t *one;
		json_array_foreach(json, i, one)
			visit(w, one);
	}
}

void walk_statement(struct walk *w, const json_t *statement)
{
	w->ctes = NULL;
	visit(w, statement);
}
