/* See bind_raw.h. Found out for all tables at once, and only when there is a problem to tell. */
#include "scheduler/bind_raw.h"

#include <string.h>
#include <strings.h>

#include "scheduler/load.h"
#include "scheduler/source_header.h"

enum { SQL_MAX = 64 << 20 };

static const struct table *table_at(const struct bind_raw *r, uint32_t t)
{
	return &r->rq->project->tables[t];
}

/* Whether the query takes columns without naming them: any star but that of count(*). */
static bool takes_unnamed(const struct bind_raw *r, const struct table *t)
{
	struct buf text = BUF_INIT(SQL_MAX);
	bool takes = t->nviews || load_text(r->rq->project, t, &text, &(struct err){0}) < 0;
	const char *sql = buf_cstr(&text);
	takes = takes || !strcasestr(sql, "select") || strcasestr(sql, "columns");
	for (const char *c = strchr(sql, '*'); c && !takes; c = strchr(c + 1, '*'))
		takes = c == sql || c[-1] != '(' || c[1] != ')';
	buf_free(&text);
	return takes;
}

/* The newest file of t's own source, if that says what the columns are. */
static const char *own_file(const struct bind_raw *r, const struct table *t)
{
	struct source_header header = {0};
	if (!t->source || t->source->ncolumns)
		return NULL;
	source_header_find(r->arena, r->rq->lake, t->source, &header);
	size_t root = strlen(r->rq->lake);
	return header.path && strncmp(header.path, r->rq->lake, root) == 0 && header.path[root] == '/' ? header.path + root + 1 : header.path;
}

static const char *first_above(const struct bind_raw *r, uint32_t t, const char *const *files)
{
	const struct project *p = r->rq->project;
	for (uint32_t e = p->up_first[t]; e < p->up_first[t + 1]; e++) {
		if (p->edges[e].up != t && files[p->edges[e].up])
			return files[p->edges[e].up];
	}
	return NULL;
}

static bool types_detected(const struct table *t)
{
	return t->source && t->source->all_varchar != TRI_TRUE;
}

static void know(struct bind_raw *r)
{
	const struct project *p = r->rq->project;
	if (r->names)
		return;
	r->names = arena_array(r->arena, p->ntables, sizeof *r->names);
	r->types = arena_array(r->arena, p->ntables, sizeof *r->types);
	for (size_t k = 0; k < p->ntables; k++) {
		uint32_t t = p->order[k];
		const struct table *table = table_at(r, t);
		const char *own = own_file(r, table), *names = own ? own : first_above(r, t, r->names);
		r->types[t] = types_detected(table) && own ? own : first_above(r, t, r->types);
		if (names && table->kind == TABLE_SQL && takes_unnamed(r, table))
			r->names[t] = names;
	}
}

const char *bind_raw_of(struct bind_raw *r, uint32_t t)
{
	know(r);
	return r->names[t];
}

const char *bind_raw_below(struct bind_raw *r, uint32_t t, bool types)
{
	know(r);
	const char *own = own_file(r, table_at(r, t)), *file = own ? own : first_above(r, t, r->names);
	return file || !types ? file : first_above(r, t, r->types);
}
