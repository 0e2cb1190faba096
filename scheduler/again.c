/* See again.h. */
#include "scheduler/again.h"

#include <string.h>

#include "core/date.h"

/* The spans of a table: order.again[lo, hi). */
struct named {
	size_t lo, hi;
};

struct again {
	const struct order_span *spans;
	struct named *tables; /* by the project's index */
};

static void add_readers(const struct project *p, bool *selected)
{
	for (size_t i = 0; i < p->ntables; i++) { /* in topological order: who reads a reader comes later */
		uint32_t t = p->order[i];
		for (uint32_t e = p->up_first[t]; e < p->up_first[t + 1]; e++) {
			uint32_t up = p->edges[e].up;
			selected[t] = selected[t] || (up != t && selected[up]);
		}
	}
}

int again_select(const struct project *p, const struct order *o, bool *selected, struct arena *arena, struct again **ret, struct err *err)
{
	struct again *a = arena_alloc(arena, sizeof *a);
	bool any = false;
	*a = (struct again){.spans = o->again, .tables = arena_array(arena, p->ntables, sizeof *a->tables)};
	for (size_t i = 0; i < o->nagain;) {
		size_t hi = i + 1;
		while (hi < o->nagain && strcmp(o->again[hi].table, o->again[i].table) == 0)
			hi++;
		const struct table *t = project_table(p, o->again[i].table);
		if (t)
			a->tables[t->index] = (struct named){i, hi};
		i = hi;
	}
	for (size_t i = 0; i < p->ntables; i++) {
		selected[i] = selected[i] && a->tables[i].hi > a->tables[i].lo;
		if (!selected[i])
			a->tables[i] = (struct named){0};
		any = any || selected[i];
	}
	if (!any)
		return err_set(err, ERR_USAGE, "the selection has no task of run '%s' that could be done again; 'strata tasks %s' shows them", o->of, o->of);
	if (o->downstream)
		add_readers(p, selected);
	*ret = a;
	return 0;
}

enum plan_wish again_wish(void *again, uint32_t table, int32_t day)
{
	const struct again *a = again;
	struct named n = a->tables[table];
	if (n.lo == n.hi)
		return PLAN_JUDGE;
	while (n.hi - n.lo > 1) { /* the last span that begins at the day or before */
		size_t mid = n.lo + (n.hi - n.lo) / 2;
		if (a->spans[mid].first <= day)
			n.lo = mid;
		else
			n.hi = mid;
	}
	const struct order_span *s = &a->spans[n.lo];
	return s->first <= day && day <= s->last ? PLAN_FORCE : PLAN_SKIP;
}
