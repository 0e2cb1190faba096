/* Analyses from short texts, for tests of what comes after them. On top of project_fixture.h.
 *
 *     fixture_reads(&f, "dwd_a", "dt", "ods.ods_x@-6:+0 dim.dim_y ods.ods_z()@+0:+0 tmp_dwd_a");
 *
 * A reference is [schema.]name, "()" for the macro, a "!" before a call, "@span|span" (all dates without); its place is line 1,
 * 2, … in order. Words: dt (partitioned), comment, unparsed. */
#ifndef STRATA_TESTS_RESOLVE_FIXTURE_H
#define STRATA_TESTS_RESOLVE_FIXTURE_H

#include <stdlib.h>

#include "tests/unit/project_fixture.h"

static void fixture_ref(struct arena *a, char *text, struct ref *ret)
{
	struct span spans[8];
	size_t n = 0;
	char *at = strchr(text, '@'), *dot;
	if (at) {
		*at++ = '\0';
		do {
			at += *at == '|';
			at = (char *)span_parse(at, &spans[n++]);
		} while (at && *at);
		if (!at)
			abort(); /* the test is wrong */
	} else {
		spans[n++] = SPAN_ALL;
	}
	bool call = *text == '!';
	text += call;
	size_t len = strlen(text);
	bool macro = len > 2 && text[len - 1] == ')';
	if (macro)
		text[len - 2] = '\0';
	dot = strchr(text, '.');
	bool path = strchr(text, '/');
	*ret = (struct ref){
		.kind = macro ? REF_MACRO : call ? REF_CALL : REF_TABLE,
		.schema = dot && !path ? arena_strndup(a, text, (size_t)(dot - text)) : "",
		.name = arena_strdup(a, dot && !path ? dot + 1 : text),
		.spans = arena_copy(a, spans, n * sizeof *spans),
		.nspans = n,
	};
}

static struct analysis *fixture_analysis(struct arena *arena, const char *words, const char *refs)
{
	struct analysis *a = arena_alloc(arena, sizeof *a);
	a->partitioned = strstr(words, "dt");
	a->comment_only = strstr(words, "comment");
	a->parsed = !strstr(words, "unparsed");
	a->canonical = "";
	a->refs = arena_array(arena, 64, sizeof *a->refs);
	for (const char *at = refs; *at; at += *at == ' ') {
		struct ref *r = &a->refs[a->nrefs++];
		size_t n = strcspn(at, " ");
		fixture_ref(arena, arena_strndup(arena, at, n), r);
		r->line = (int)a->nrefs;
		r->col = 5;
		at += n;
	}
	return a;
}

static struct analysis *fixture_reads(struct fixture *f, const char *table, const char *words, const char *refs)
{
	struct table *t = (struct table *)project_table(f->p, table);
	if (!t)
		abort(); /* the test is wrong */
	struct analysis *a = fixture_analysis(&f->p->arena, words, refs);
	t->analysis = a;
	return a;
}

/* Whoever has no analysis yet reads nothing; then resolve, and print the problems anew. */
static void fixture_resolve(struct fixture *f)
{
	for (size_t i = 0; i < f->p->ntables; i++)
		if (!f->p->tables[i].analysis && f->p->tables[i].kind == TABLE_SQL)
			fixture_reads(f, f->p->tables[i].qname, "", "");
	project_resolve(f->p, &f->diags);
	buf_clear(&f->printed);
	diags_sort(&f->diags);
	diags_print(&f->diags, DIAG_NOTE, &f->printed);
}

#endif
