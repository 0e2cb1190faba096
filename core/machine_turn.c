/* Who is decided next, and who starts next.
 *
 * Within a run by weight. Between runs by turns: whoever has waited longest since its last one. For a pool
 * that has fewer slots than runs want, that is counted for the pool by itself (in the runs' lanes): no run that
 * could start something is passed over without end, neither for a worker nor for a slot. */
#include "base/mem.h"
#include "core/machine_internal.h"

/* Tasks of a lane that are being decided or are ready, before its others are asked for: enough to keep
 * every slot busy, few enough that a run of a million tasks does not say them all at once. */
enum { LOOK_AHEAD = 256 };

/* What a worker may be kept busy by a batch, as its table's tries have taken so far. */
enum { BATCH_US = 100 * 1000 };

uint64_t lane_look_ahead(const struct machine *m)
{
	return LOOK_AHEAD + 2 * (uint64_t)m->capacity;
}

int run_urgency(const struct mrun *r)
{
	return r->spec->kind == RUN_SCHEDULED ? MOST_URGENT : r->spec->kind == RUN_MANUAL ? 1 : 0;
}

/* What is only ready makes room for a more urgent run's task of the same partition. */
static bool takes_over(const struct mrun *r, const struct mrun *holder, struct place at)
{
	return run_urgency(r) > run_urgency(holder) && task_at(holder, at)->state == TASK_READY;
}

/* Returns whether it gave another run room to decide more. */
static bool decide(struct machine *m, struct mrun *r, struct lane *lane, struct place p)
{
	struct place at;
	struct hold *hold = hold_of(m, r, p);
	if (hold) {
		hold->parked = park(m, r, p, hold->parked);
		return false;
	}
	struct mrun *holder = claim_holder(m, r, p, &at);
	bool over = holder && takes_over(r, holder, at);
	if (over)
		task_put_back(m, holder, at, WAIT_POOL);
	if (holder && !over) {
		claim_park(m, r, p);
		return false;
	}
	task_flag(task_at(r, p), TASK_DECIDING);
	claim_take(m, r, p);
	lane->ahead++;
	machine_emit(m, ACT_DECIDE)->task = task_id(r, p);
	return over;
}

/* Across all lanes by weight: who is decided first also starts first while there is room. */
static bool decide_ahead(struct machine *m, struct mrun *r)
{
	uint64_t most = lane_look_ahead(m);
	for (bool over = false;;) {
		struct lane *best = NULL;
		struct place p;
		for (uint32_t i = 0; i < r->npools; i++) {
			struct lane *lane = &r->lanes[i];
			while (lane->eligible.len && !(task_at(r, lane->eligible.items[0])->flags & TASK_ELIGIBLE))
				queue_pop(&lane->eligible, r->spec, &p);
			if (lane->eligible.len && lane->ahead < most &&
			    (!best || place_before(r->spec, lane->eligible.items[0], best->eligible.items[0])))
				best = lane;
		}
		if (!best)
			return over;
		queue_pop(&best->eligible, r->spec, &p);
		over |= decide(m, r, best, p);
	}
}

/* The more urgent first: what has just made room for it must not take the partition again. */
void tasks_decide_ahead(struct machine *m)
{
	for (int urgency = MOST_URGENT; urgency >= 0;) {
		bool again = false;
		for (size_t i = 0; i < m->nruns; i++) {
			struct mrun *r = m->runs[i];
			if (r->paused || !r->may_decide || run_urgency(r) != urgency)
				continue;
			r->may_decide = false;
			again |= decide_ahead(m, r);
		}
		urgency = again ? MOST_URGENT : urgency - 1;
	}
}

/* Never all. */
uint32_t machine_kept(const struct machine *m)
{
	return m->kept < m->capacity ? m->kept : m->capacity ? m->capacity - 1 : 0;
}

bool run_may_start(const struct machine *m, const struct mrun *r)
{
	if (m->nbatches >= m->capacity) /* of a paused run nothing is ready */
		return false;
	if (r->spec->max_active && r->active >= r->spec->max_active)
		return false;
	return r->spec->kind == RUN_SCHEDULED || m->unscheduled < m->capacity - machine_kept(m);
}

struct lane *run_best_lane(const struct machine *m, struct mrun *r)
{
	struct lane *best = NULL;
	for (uint32_t i = 0; r->counts.by_state[TASK_READY] && i < r->npools; i++) {
		struct lane *lane = &r->lanes[i];
		struct place p;
		while (lane->ready.len && task_at(r, lane->ready.items[0])->state != TASK_READY)
			queue_pop(&lane->ready, r->spec, &p);
		if (!lane->ready.len || m->pool_used[i] >= m->pool_slots[i])
			continue;
		if (!best || place_before(r->spec, lane->ready.items[0], best->ready.items[0]))
			best = lane;
	}
	return best;
}

/* The run whose turn it is, by its last turn, and its lane; NULL when none may start anything. */
static struct mrun *next_run(const struct machine *m, struct lane **ret_lane)
{
	struct mrun *first = NULL;
	for (size_t i = 0; i < m->nruns; i++) {
		struct mrun *r = m->runs[i];
		struct lane *lane = run_may_start(m, r) ? run_best_lane(m, r) : NULL;
		if (lane && (!first || r->served < first->served)) {
			first = r;
			*ret_lane = lane;
		}
	}
	return first;
}

/* Of all runs that would use the same pool now: the one that has waited longest for it, if there is not room
 * for all of them. */
static struct mrun *next_in_pool(const struct machine *m, struct mrun *r, struct lane **lane)
{
	size_t pool = (size_t)(*lane - r->lanes), wanted = 0;
	struct mrun *first = r;
	for (size_t i = 0; i < m->nruns; i++) {
		struct mrun *other = m->runs[i];
		struct lane *its = run_may_start(m, other) ? run_best_lane(m, other) : NULL;
		if (!its || its != &other->lanes[pool])
			continue;
		wanted++;
		if (its->served < first->lanes[pool].served)
			first = other;
	}
	if (m->pool_slots[pool] - m->pool_used[pool] >= wanted)
		return r;
	*lane = &first->lanes[pool];
	return first;
}

static bool reads_itself(const struct run_spec *spec, uint32_t table)
{
	for (uint32_t e = spec->tables[table].edge_first; e < spec->tables[table].edge_end; e++) {
		if (spec->edges[e].up == table)
			return true;
	}
	return false;
}

static void at_most(uint64_t *n, uint64_t limit)
{
	if (*n > limit)
		*n = limit ? limit : 1;
}

/* How many dates go with p's, which is ready and has room. Short ones only, for a worker that is busy with a batch is not
 * there for anybody else; never so many that other workers, or in its pool other runs, have nothing. */
static uint32_t batch_of(const struct machine *m, const struct mrun *r, struct place p)
{
	const struct spec_table *t = &r->spec->tables[p.table];
	int64_t took_us = r->took_us[p.table];
	if (t->batch < 2 || took_us <= 0 || reads_itself(r->spec, p.table))
		return 1;
	uint64_t most = t->batch, others = m->nruns - 1, room = m->pool_slots[t->pool] - m->pool_used[t->pool];
	at_most(&most, (uint64_t)(BATCH_US / took_us));
	at_most(&most, r->counts.by_state[TASK_READY] / m->capacity);
	at_most(&most, room > others ? room - others : 1);
	if (r->spec->max_active)
		at_most(&most, r->spec->max_active - r->active);
	uint32_t n = 1;
	while (n < most && p.date + n < table_dates(r, p.table) && task_at(r, (struct place){p.table, p.date + n})->state == TASK_READY)
		n++;
	return n;
}

void tasks_start(struct machine *m)
{
	struct lane *lane;
	for (struct mrun *r; m->nbatches < m->capacity && (r = next_run(m, &lane));) {
		struct place p;
		r = next_in_pool(m, r, &lane);
		queue_pop(&lane->ready, r->spec, &p);
		r->served = lane->served = ++m->served;
		task_start(m, r, p, batch_of(m, r, p)); /* the others' places in the queue are dropped when they come up */
	}
}
