/* Partitions that somebody else changes beside all runs (runner_internal.h): the machine keeps the runs away from them, and
 * the runs learn what became of them. */
#include <stdlib.h>

#include "base/mem.h"
#include "core/date.h"
#include "scheduler/runner_internal.h"

static struct live_hold *find(const struct runner *r, uint32_t id)
{
	struct live_hold *h;
	HASH_FIND(hh, r->holds, &id, sizeof id, h);
	return h;
}

uint32_t runner_hold(struct runner *r, const struct runner_partitions *what, const char *by, runner_held_fn *held, void *ctx)
{
	struct live_hold *h = mem_alloc(sizeof *h);
	*h = (struct live_hold){.id = ++r->holds_given, .by = mem_strdup(by), .held = held, .ctx = ctx};
	HASH_ADD(hh, r->holds, id, sizeof h->id, h);
	live_machine(r);
	runner_event(r, &(struct event){.kind = EV_HOLD,
	                                .hold = {h->id, shared_name_number(&r->tables, what->table, 1), what->first, what->last}});
	return h->id;
}

void live_hold_told(struct runner *r, uint32_t id)
{
	struct live_hold *h = find(r, id);
	if (!h)
		return;
	h->told = true;
	h->held(h->ctx);
}

const struct live_hold *live_hold_find(const struct runner *r, uint32_t id)
{
	return find(r, id);
}

static void hold_free(struct runner *r, struct live_hold *h)
{
	HASH_DEL(r->holds, h);
	free(h->by);
	free(h);
}

void runner_hold_end(struct runner *r, uint32_t id)
{
	struct live_hold *h = find(r, id);
	if (!h)
		return;
	hold_free(r, h);
	runner_event(r, &(struct event){.kind = EV_HOLD_END, .hold = {.id = id}});
}

void live_holds_free(struct runner *r)
{
	struct live_hold *h, *next;
	HASH_ITER(hh, r->holds, h, next)
		hold_free(r, h);
}

/* Whatever of them is there: it is built again where a run builds it. */
static void doubt(struct snapshot *s, uint32_t table, const struct runner_partitions *what)
{
	size_t n;
	const int32_t *days = snapshot_days_of(s, table, &n);
	for (size_t i = 0; i < n; i++) {
		if (what->first == DATE_NONE || (days[i] >= what->first && days[i] <= what->last))
			snapshot_part_mutable(s, table, days[i])->probe = PART_MISSING;
	}
}

void runner_removed(struct runner *r, const struct runner_partitions *what, bool all)
{
	for (struct live_run *run = r->runs; run; run = run->hh.next) {
		const struct table *t = project_table(run->plan->in.project, what->table);
		struct snapshot *s = run->plan->in.snapshot;
		if (t && all)
			snapshot_drop_parts(s, t->index, what->first, what->last);
		else if (t)
			doubt(s, t->index, what);
	}
}
