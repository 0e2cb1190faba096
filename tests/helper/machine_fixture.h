/* A machine with one run of a few tables, driven a step at a time: for the unit tests of core/machine. */
#ifndef STRATA_TESTS_HELPER_MACHINE_FIXTURE_H
#define STRATA_TESTS_HELPER_MACHINE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/machine.h"

enum { MAX_TABLES = 8, MAX_EDGES = 16, RUN = 7 };

/* A machine with one run of a few tables, and what the last step said. */
struct fixture {
	struct machine *m;
	struct actions out;
	struct run_spec spec;
	struct spec_table tables[MAX_TABLES];
	struct spec_edge edges[MAX_EDGES];
	uint32_t nedges;
	uint64_t todo[32];
	uint64_t seq;      /* the last one said */
	int64_t now;
	bool hold_commits; /* else every step is followed by its commit */
	bool hold_decisions;
};

static const struct span same_day = {{BOUND_REL, 0}, {BOUND_REL, 0}};
static const struct span day_before = {{BOUND_REL, -1}, {BOUND_REL, -1}};
static const struct span last_three = {{BOUND_REL, -2}, {BOUND_REL, 0}};

static inline void fixture_init(struct fixture *f, uint32_t ndates)
{
	*f = (struct fixture){.now = 1000};
	f->spec = (struct run_spec){.first_day = 100, .ndates = ndates, .tables = f->tables, .edges = f->edges,
	                            .todo = f->todo};
}

/* Tables are added in order; a table's edges follow it at once. */
static inline uint32_t add_table(struct fixture *f, bool partitioned)
{
	uint32_t t = f->spec.ntables++;
	f->tables[t] = (struct spec_table){.partitioned = partitioned, .retry_delay_ms = 1000, .retry_backoff = 2,
	                                   .edge_first = f->nedges, .edge_end = f->nedges};
	for (uint32_t d = 0; d < (partitioned ? f->spec.ndates : 1); d++) {
		uint32_t bit = t * f->spec.ndates + d;
		f->todo[bit / 64] |= UINT64_C(1) << (bit % 64);
	}
	return t;
}

static inline void add_edge(struct fixture *f, uint32_t up, const struct span *span)
{
	f->edges[f->nedges++] = (struct spec_edge){up, span, span ? 1 : 0};
	f->tables[f->spec.ntables - 1].edge_end = f->nedges;
}

/* Feeds one event, answers decisions with build and commits what was said, until nothing follows.
 * f->out holds all that was said meanwhile. */
static inline void feed(struct fixture *f, struct event ev)
{
	struct actions said = {0}, step = {0};
	struct event queue[256] = {ev};
	size_t head = 0, tail = 1;
	while (head < tail) {
		queue[head].now_ms = f->now;
		machine_step(f->m, &queue[head++], &step);
		bool wrote = false;
		for (size_t i = 0; i < step.len; i++) {
			const struct action *a = &step.items[i];
			MEM_GROW(said.items, said.len, said.cap);
			said.items[said.len++] = *a;
			if (a->kind == ACT_TRANSITION) {
				assert_int_equal(a->transition.seq, f->seq + 1);
				f->seq++;
				wrote = true;
			} else if (a->kind == ACT_DECIDE && !f->hold_decisions) {
				queue[tail++] = (struct event){.kind = EV_DECIDED, .task = a->task};
			}
		}
		if (wrote && !f->hold_commits)
			queue[tail++] = (struct event){.kind = EV_COMMITTED, .seq = f->seq};
		assert_true(tail < 250);
	}
	actions_free(&step);
	actions_free(&f->out);
	f->out = said;
}

static inline void begin(struct fixture *f, uint32_t capacity)
{
	static const uint32_t pools[] = {UINT32_MAX, 1};
	f->m = machine_new(&(struct machine_config){.next_fence = 50, .capacity = capacity, .pool_slots = pools,
	                                            .npools = 2});
	feed(f, (struct event){.kind = EV_RUN_ADD, .run = RUN, .spec = &f->spec});
}

static inline void end(struct fixture *f)
{
	machine_free(f->m);
	actions_free(&f->out);
}

static inline const struct action *said(const struct fixture *f, enum action_kind kind)
{
	for (size_t i = 0; i < f->out.len; i++) {
		if (f->out.items[i].kind == kind)
			return &f->out.items[i];
	}
	return NULL;
}

static inline size_t count(const struct fixture *f, enum action_kind kind)
{
	size_t n = 0;
	for (size_t i = 0; i < f->out.len; i++)
		n += f->out.items[i].kind == kind;
	return n;
}

/* The fence with which the task was started in the last feed; 0: it was not. */
static inline uint64_t started(const struct fixture *f, uint32_t table, uint32_t date)
{
	for (size_t i = 0; i < f->out.len; i++) {
		const struct action *a = &f->out.items[i];
		if (a->kind == ACT_START && a->task.table == table && a->task.date == date)
			return a->fence;
	}
	return 0;
}

static inline void ended(struct fixture *f, uint64_t fence, enum try_outcome outcome, enum error_class error)
{
	feed(f, (struct event){.kind = EV_TRY_ENDED, .fence = fence, .outcome = outcome, .error = error, .jitter = 1});
}

static inline void succeed(struct fixture *f, uint64_t fence)
{
	feed(f, (struct event){.kind = EV_TRY_RUNNING, .fence = fence});
	ended(f, fence, OUTCOME_SUCCESS, ERROR_NONE);
}

static inline enum task_result result(const struct fixture *f, uint32_t table, uint32_t date)
{
	return machine_task_result(f->m, (struct task_id){RUN, table, date});
}

static inline enum task_state state_of(const struct fixture *f, uint32_t table, uint32_t date)
{
	return machine_task_state(f->m, (struct task_id){RUN, table, date});
}

#endif
