/* The model's part about several runs: who has a partition, who has room, and whose turn it is. Included by
 * machine_model.h, of which it uses the world. */
#ifndef STRATA_TESTS_SIM_MACHINE_TURNS_H
#define STRATA_TESTS_SIM_MACHINE_TURNS_H

static bool under_way(const struct task *t)
{
	return t->deciding || t->state == TASK_READY || t->state == TASK_RUNNING;
}

static int32_t day_of(struct task_id id)
{
	const struct run *r = &w.runs[id.run];
	return r->tables[id.table].partitioned ? r->spec.first_day + (int32_t)id.date : INT32_MIN;
}

/* Another run's task of the same partition that is decided, ready or running. */
static bool twin_under_way(struct task_id id)
{
	uint32_t key = w.runs[id.run].tables[id.table].key;
	for (uint32_t i = 0; key && i < w.nruns; i++) {
		const struct run *r = &w.runs[i];
		for (uint32_t t = 0; i != id.run && t < r->spec.ntables; t++) {
			for (uint32_t d = 0; r->tables[t].key == key && d < r->spec.ndates; d++) {
				if (r->tasks[t][d].exists && under_way(&r->tasks[t][d]) && day_of((struct task_id){i, t, d}) == day_of(id))
					return true;
			}
		}
	}
	return false;
}

static struct task_id task_no(uint32_t k)
{
	return (struct task_id){k / (MAX_TABLES * MAX_DATES), k / MAX_DATES % MAX_TABLES, k % MAX_DATES};
}

static bool in_hold(const struct held *h, struct task_id id)
{
	int32_t day = day_of(id);
	return w.runs[id.run].tables[id.table].key == h->what.key &&
	       (h->what.first == INT32_MIN || (day != INT32_MIN && day >= h->what.first && day <= h->what.last));
}

static bool is_held(struct task_id id)
{
	bool held = false;
	for (uint32_t i = 0; i < w.nholds; i++)
		held |= in_hold(&w.holds[i], id);
	return held;
}

static bool held_under_way(const struct held *h)
{
	bool any = false;
	for (uint32_t k = 0; k < MAX_RUNS * MAX_TABLES * MAX_DATES; k++) {
		struct task_id id = task_no(k);
		any |= w.runs[id.run].added && in_hold(h, id) && under_way(&w.runs[id.run].tasks[id.table][id.date]);
	}
	return any;
}

/* Scheduled before manual before backfill. */
static bool more_urgent(enum run_kind a, enum run_kind b)
{
	return a != b && (a == RUN_SCHEDULED || b == RUN_BACKFILL);
}

/* A more urgent run has a task of the same partition that may be decided. */
static bool urgent_twin_waits(struct task_id id, bool for_nothing_else)
{
	uint32_t key = w.runs[id.run].tables[id.table].key;
	for (uint32_t k = 0; key && k < MAX_RUNS * MAX_TABLES * MAX_DATES; k++) {
		struct task_id other = {k / (MAX_TABLES * MAX_DATES), k / MAX_DATES % MAX_TABLES, k % MAX_DATES};
		const struct run *r = &w.runs[other.run];
		const struct task *t = &r->tasks[other.table][other.date];
		if (r->added && !r->paused && more_urgent(r->spec.kind, w.runs[id.run].spec.kind) && r->tables[other.table].key == key && t->exists &&
		    t->state == TASK_WAITING && day_of(other) == day_of(id) && all_upstream_durable(other) &&
		    (!for_nothing_else || !(t->retrying || t->awaiting || is_held(other))))
			return true;
	}
	return false;
}

static uint32_t in_flight(uint32_t run)
{
	uint32_t n = 0;
	for (size_t i = 0; i < w.ntries; i++)
		n += w.tries[i].id.run == run;
	return n;
}

/* Those with a try in flight, of all runs or of others than scheduled ones. */
static uint32_t batches(bool all)
{
	uint32_t n = 0;
	for (size_t i = 0; i < w.ntries; i++) {
		bool counts = all || w.runs[w.tries[i].id.run].spec.kind != RUN_SCHEDULED;
		for (size_t k = 0; k < i; k++)
			counts = counts && w.tries[k].batch != w.tries[i].batch;
		n += counts;
	}
	return n;
}

static uint32_t pool_used(uint32_t pool)
{
	uint32_t n = 0;
	for (size_t i = 0; i < w.ntries; i++)
		n += w.runs[w.tries[i].id.run].tables[w.tries[i].id.table].pool == pool;
	return n;
}

/* Whether the run may have one more worker. */
static bool worker_for(uint32_t run)
{
	const struct run *r = &w.runs[run];
	uint32_t unscheduled = batches(false), kept = w.kept < w.capacity ? w.kept : w.capacity - 1;
	return !r->paused && batches(true) < w.capacity && (!r->spec.max_active || in_flight(run) < r->spec.max_active) &&
	       (r->spec.kind == RUN_SCHEDULED || unscheduled + kept < w.capacity);
}

/* The task that the run would start now; false when there is none. */
static bool would_start(uint32_t run, struct task_id *ret)
{
	const struct run *r = &w.runs[run];
	bool found = false;
	for (uint32_t d = 0; r->added && worker_for(run) && d < r->spec.ndates; d++) {
		for (uint32_t t = 0; t < r->spec.ntables; t++) {
			if (!r->tasks[t][d].exists || r->tasks[t][d].state != TASK_READY || pool_used(r->tables[t].pool) >= w.pools[r->tables[t].pool])
				continue;
			if (!found || r->tables[t].weight > r->tables[ret->table].weight)
				*ret = (struct task_id){run, t, d};
			found = true;
		}
	}
	return found;
}

/* No run is passed over without end: neither as a whole, nor in the pool that it would use. */
static void check_turn(struct task_id started)
{
	uint32_t pool = w.runs[started.run].tables[started.table].pool, wanted = 1;
	struct task_id own;
	for (uint32_t i = 0; i < w.nruns; i++)
		wanted += i != started.run && would_start(i, &own) && w.runs[i].tables[own.table].pool == pool;
	bool scarce = w.pools[pool] - pool_used(pool) < wanted;
	for (uint32_t i = 0; i < w.nruns; i++) {
		struct run *r = &w.runs[i];
		if (i == started.run) {
			r->passed = r->passed_in[pool] = 0;
		} else if (would_start(i, &own)) {
			CHECK(++r->passed <= (MAX_RUNS - 1) * (MAX_POOLS + 1));
			CHECK(!scarce || r->tables[own.table].pool != pool || ++r->passed_in[pool] <= MAX_RUNS - 1);
		}
	}
}

#endif
