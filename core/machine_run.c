/* A run as a whole: its tasks and counters, who waits for whom, how it ends.
 *
 * Invariant: while a task is WAITING, `waits` is the number of (span, upstream task of the run) pairs that
 * cover it and whose upstream's good end is not durable yet. Counting a task once for each span that covers
 * it costs nothing and needs no memory of which spans overlap, as long as releasing does the same. */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "core/date.h"
#include "core/machine_internal.h"

static const struct span every_date = {{BOUND_NONE, 0}, {BOUND_NONE, 0}};

static const struct span *edge_spans(const struct spec_edge *e, size_t *ret_n)
{
	*ret_n = e->nspans ? e->nspans : 1;
	return e->nspans ? e->spans : &every_date;
}

static bool has(const struct run_spec *spec, const uint64_t *tasks, uint32_t table, uint32_t date)
{
	uint64_t bit = (uint64_t)table * spec->ndates + date;
	return tasks && (tasks[bit / 64] >> (bit % 64) & 1);
}

/* How many of the table's dates [lo, hi] are tasks of the run. */
static uint32_t todo_count(const struct run_spec *spec, uint32_t table, uint32_t lo, uint32_t hi)
{
	uint64_t base = (uint64_t)table * spec->ndates, from = base + lo, to = base + hi;
	uint32_t n = 0;
	for (uint64_t w = from / 64; w <= to / 64; w++) {
		uint64_t word = spec->todo[w];
		if (w == from / 64)
			word &= UINT64_MAX << (from % 64);
		if (w == to / 64)
			word &= UINT64_MAX >> (63 - to % 64);
		n += (uint32_t)__builtin_popcountll(word);
	}
	return n;
}

/* Days [lo, hi] as dates of the run; false when none of them is. */
static bool clip(const struct run_spec *spec, int32_t lo_day, int32_t hi_day, uint32_t *ret_lo, uint32_t *ret_hi)
{
	int64_t lo = (int64_t)lo_day - spec->first_day, hi = (int64_t)hi_day - spec->first_day;
	if (lo < 0)
		lo = 0;
	if (hi > (int64_t)spec->ndates - 1)
		hi = (int64_t)spec->ndates - 1;
	if (lo > hi)
		return false;
	*ret_lo = (uint32_t)lo;
	*ret_hi = (uint32_t)hi;
	return true;
}

size_t edge_nspans(const struct run_spec *spec, const struct spec_edge *e)
{
	return e->nspans && spec->tables[e->up].partitioned ? e->nspans : 1;
}

bool edge_dates(const struct run_spec *spec, struct place reader, const struct spec_edge *e, size_t span, uint32_t *ret_lo,
                uint32_t *ret_hi)
{
	bool self = e->up == reader.table;
	if (!spec->tables[e->up].partitioned) {
		*ret_lo = *ret_hi = 0;
		return !self;
	}
	int32_t day = spec->tables[reader.table].partitioned ? spec->first_day + (int32_t)reader.date : DATE_NONE, lo, hi;
	size_t nspans;
	if (!span_reads(&edge_spans(e, &nspans)[span], day, &lo, &hi))
		return false;
	if (self && hi >= day)
		hi = day - 1;
	return clip(spec, lo, hi, ret_lo, ret_hi);
}

static uint32_t count_waits(const struct run_spec *spec, struct place reader, const struct spec_edge *e)
{
	uint32_t n = 0, lo, hi;
	for (size_t i = 0; i < edge_nspans(spec, e); i++) {
		if (edge_dates(spec, reader, e, i, &lo, &hi))
			n += todo_count(spec, e->up, lo, hi);
	}
	return n;
}

static void add_tasks(struct mrun *r)
{
	const struct run_spec *spec = r->spec;
	for (uint32_t t = 0; t < spec->ntables; t++) {
		const struct spec_table *table = &spec->tables[t];
		for (uint32_t d = 0; d < table_dates(r, t); d++) {
			if (!has(spec, spec->todo, t, d))
				continue;
			struct mtask *task = task_at(r, (struct place){t, d});
			task->flags = has(spec, spec->told, t, d) ? TASK_IN_RUN | TASK_TOLD : TASK_IN_RUN;
			r->counts.tasks++;
			for (uint32_t e = table->edge_first; e < table->edge_end; e++)
				task->waits += count_waits(spec, (struct place){t, d}, &spec->edges[e]);
			if (!task->waits)
				task_eligible(r, (struct place){t, d});
		}
	}
	r->counts.by_state[TASK_WAITING] = r->counts.tasks;
}

static void index_downs(struct mrun *r)
{
	const struct run_spec *spec = r->spec;
	r->down_first = mem_array(spec->ntables + 2, sizeof *r->down_first);
	uint32_t *next = r->down_first + 1; /* shifted by one, so that filling moves each to its place */
	uint32_t n = 0;
	for (uint32_t t = 0; t < spec->ntables; t++) {
		for (uint32_t e = spec->tables[t].edge_first; e < spec->tables[t].edge_end; e++, n++) {
			assert(spec->edges[e].up < spec->ntables);
			next[spec->edges[e].up + 1]++;
		}
	}
	for (uint32_t t = 1; t <= spec->ntables; t++)
		next[t] += next[t - 1];
	r->downs = mem_array(n ? n : 1, sizeof *r->downs);
	for (uint32_t t = 0; t < spec->ntables; t++) {
		for (uint32_t e = spec->tables[t].edge_first; e < spec->tables[t].edge_end; e++)
			r->downs[next[spec->edges[e].up]++] = (struct down){e, t};
	}
}

struct mrun *run_new(struct machine *m, uint32_t id, const struct run_spec *spec)
{
	struct mrun *r = mem_alloc(sizeof *r);
	r->id = id;
	r->serial = m->serial++;
	r->spec = spec;
	r->ntables = spec->ntables;
	r->paused = spec->paused;
	r->served = ++m->served;
	r->npools = m->npools;
	r->lanes = mem_array(m->npools, sizeof *r->lanes);
	for (uint32_t i = 0; i < m->npools; i++)
		r->lanes[i].served = r->served;
	r->first = mem_array(spec->ntables + 1, sizeof *r->first);
	r->took_us = mem_array(spec->ntables, sizeof *r->took_us);
	r->failed_from = mem_array(spec->ntables, sizeof *r->failed_from);
	for (uint32_t t = 0; t < spec->ntables; t++) {
		assert(spec->tables[t].pool < m->npools);
		r->failed_from[t] = UINT32_MAX;
		r->first[t + 1] = r->first[t] + (spec->tables[t].partitioned ? spec->ndates : 1);
	}
	r->tasks = mem_array(r->first[spec->ntables] + 1, sizeof *r->tasks);
	index_downs(r);
	add_tasks(r);
	return r;
}

void run_free(struct mrun *r)
{
	for (uint32_t i = 0; i < r->npools; i++) {
		free(r->lanes[i].eligible.items);
		free(r->lanes[i].ready.items);
	}
	free(r->lanes);
	free(r->first);
	free(r->took_us);
	free(r->failed_from);
	free(r->tasks);
	free(r->down_first);
	free(r->downs);
	free(r);
}

void run_set(struct machine *m, struct mrun *r, enum run_state to)
{
	assert(run_may(r->state, to));
	struct transition *t = machine_transition(m, OBJECT_RUN, r->id);
	t->from = (int)r->state;
	t->to = (int)to;
	t->result = (int)r->result;
	t->cause = to == RUN_DONE && r->timed_out && r->result == RUN_FAILED ? CAUSE_RUN_TIMEOUT : CAUSE_NONE;
	r->state = to;
}

/* Calls visit for every task of the run that waits for `up`, once for each span that covers it. */
static void for_each_reader(struct mrun *r, struct place up,
                            void (*visit)(struct mrun *r, struct place reader, void *ctx), void *ctx)
{
	const struct run_spec *spec = r->spec;
	int32_t day = spec->first_day + (int32_t)up.date, lo_day, hi_day;
	for (uint32_t i = r->down_first[up.table]; i < r->down_first[up.table + 1]; i++) {
		uint32_t reader = r->downs[i].reader;
		bool self = reader == up.table;
		size_t nspans;
		const struct span *spans = edge_spans(&spec->edges[r->downs[i].edge], &nspans);
		if (!spec->tables[up.table].partitioned) {
			for (uint32_t d = 0; !self && d < table_dates(r, reader); d++)
				visit(r, (struct place){reader, d}, ctx);
			continue;
		}
		for (size_t s = 0; s < nspans; s++) {
			uint32_t lo = 0, hi = 0;
			if (!spec->tables[reader].partitioned) {
				if (!span_reads(&spans[s], DATE_NONE, &lo_day, &hi_day) || day < lo_day || day > hi_day)
					continue;
			} else if (!span_readers(&spans[s], day, &lo_day, &hi_day) ||
			           !clip(spec, lo_day, hi_day, &lo, &hi)) {
				continue;
			}
			if (self && lo <= up.date)
				lo = up.date + 1;
			for (uint32_t d = lo; d <= hi; d++)
				visit(r, (struct place){reader, d}, ctx);
		}
	}
}

static void release_one(struct mrun *r, struct place reader, void *ctx)
{
	(void)ctx;
	struct mtask *t = task_at(r, reader);
	if (!(t->flags & TASK_IN_RUN) || t->state == TASK_DONE)
		return;
	assert(t->waits && t->state == TASK_WAITING);
	if (!--t->waits)
		task_eligible(r, reader);
}

void run_release(struct mrun *r, struct place done)
{
	for_each_reader(r, done, release_one, NULL);
}

struct withholding {
	struct machine *m;
	struct place cause;
	struct place *todo; /* withheld, their readers still to be looked at */
	size_t len, cap;
};

static void withhold_one(struct mrun *r, struct place reader, void *ctx)
{
	struct withholding *w = ctx;
	struct mtask *t = task_at(r, reader);
	if (!(t->flags & TASK_IN_RUN) || (t->state != TASK_WAITING && t->state != TASK_READY))
		return;
	task_set(w->m, r, reader,
	         (struct task_change){.to = TASK_DONE, .result = TASK_UPSTREAM_FAILED, .cause = CAUSE_UPSTREAM,
	                              .cause_at = w->cause});
	MEM_GROW(w->todo, w->len, w->cap);
	w->todo[w->len++] = reader;
}

/* Ends every task that has no try under way. */
static void end_idle_tasks(struct machine *m, struct mrun *r, struct task_change c)
{
	for (uint32_t t = 0; t < r->ntables; t++) {
		for (uint32_t d = 0; d < table_dates(r, t); d++) {
			struct mtask *task = task_at(r, (struct place){t, d});
			if ((task->flags & TASK_IN_RUN) && (task->state == TASK_WAITING || task->state == TASK_READY))
				task_set(m, r, (struct place){t, d}, c);
		}
	}
}

void run_fail(struct machine *m, struct mrun *r, struct place failed)
{
	struct withholding w = {.m = m, .cause = failed};
	for_each_reader(r, failed, withhold_one, &w);
	if (r->spec->kind == RUN_BACKFILL && !r->spec->continue_on_error) {
		if (failed.date < r->failed_from[failed.table])
			r->failed_from[failed.table] = failed.date;
		for (uint32_t d = failed.date + 1; d < table_dates(r, failed.table); d++)
			withhold_one(r, (struct place){failed.table, d}, &w);
	}
	while (w.len)
		for_each_reader(r, w.todo[--w.len], withhold_one, &w);
	free(w.todo);
	if (r->spec->fail_fast && !r->failed_fast) {
		r->failed_fast = true;
		r->failed_first = failed;
		end_idle_tasks(m, r,
		               (struct task_change){.to = TASK_DONE, .result = TASK_SKIPPED,
		                                    .cause = CAUSE_FAIL_FAST, .cause_at = failed});
	}
}

void run_withhold(struct machine *m, struct mrun *r, struct place p)
{
	if (r->failed_fast) {
		task_set(m, r, p, (struct task_change){.to = TASK_DONE, .result = TASK_SKIPPED, .cause = CAUSE_FAIL_FAST,
		                                       .cause_at = r->failed_first});
	} else if (p.date > r->failed_from[p.table]) {
		struct withholding w = {.m = m, .cause = {p.table, r->failed_from[p.table]}};
		withhold_one(r, p, &w);
		while (w.len)
			for_each_reader(r, w.todo[--w.len], withhold_one, &w);
		free(w.todo);
	}
}

void run_cancel(struct machine *m, struct mrun *r, bool timed_out)
{
	if (r->canceled || r->state == RUN_DONE)
		return;
	r->canceled = true;
	r->timed_out = timed_out;
	end_idle_tasks(m, r, (struct task_change){.to = TASK_DONE, .result = TASK_CANCELED, .cause = run_cancel_cause(r)});
	for (size_t i = m->ntries; i-- > 0;) { /* from the end: try_cancel may remove it */
		if (m->tries[i].run == r->id)
			try_cancel(m, r, &m->tries[i]);
	}
}

/* What was ready must not hold up other runs' tasks of the same partitions for as long as the pause lasts. */
void run_pause(struct machine *m, struct mrun *r, bool paused)
{
	if (r->paused == paused || r->state == RUN_DONE)
		return;
	r->paused = paused;
	for (uint32_t i = 0; paused && i < r->npools; i++) {
		struct place p;
		while (queue_pop(&r->lanes[i].ready, r->spec, &p)) {
			if (task_at(r, p)->state == TASK_READY)
				task_put_back(m, r, p, WAIT_PAUSED);
		}
	}
}

void run_finish_if_done(struct machine *m, struct mrun *r)
{
	const uint64_t *by = r->counts.by_result;
	if (r->state == RUN_DONE || r->counts.by_state[TASK_DONE] != r->counts.tasks)
		return;
	if (by[TASK_CANCELED])
		r->result = r->timed_out ? RUN_FAILED : RUN_CANCELED;
	else if (by[TASK_FAILED] || by[TASK_TIMEOUT] || by[TASK_UPSTREAM_FAILED])
		r->result = RUN_FAILED;
	else
		r->result = RUN_SUCCESS;
	run_set(m, r, RUN_DONE);
	machine_pend(m, PENDING_RUN_DONE, r->id, (struct place){0, 0}, 0);
}
