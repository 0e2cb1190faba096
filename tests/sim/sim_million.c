/* The machine with a million tasks a run: a long backfill of many tables, and another run of the same partitions
 * beside it. What it costs is printed; what must hold is checked: every task is built once and found fresh once,
 * never two tries of a partition at once, and at most 40 bytes a task.
 *
 *   sim_million                a million tasks twice, added; a tenth of them to their ends
 *   sim_million TABLES DATES   so many, to their ends */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "core/explain.h"
#include "core/machine.h"

#define CHECK(what)                                                              \
	do {                                                                     \
		if (!(what)) {                                                   \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
			exit(1);                                                 \
		}                                                                \
	} while (0)

enum { CAPACITY = 16, PER_LAYER = 100, BYTES_MOST = 40 };

static const struct span week = {{BOUND_REL, -6}, {BOUND_REL, 0}}, past = {{BOUND_NONE, 0}, {BOUND_REL, -1}};

/* Layers of tables, each reads a week of one in the layer above; one in ten also its own past. */
static struct run_spec make_spec(uint32_t ntables, uint32_t ndates)
{
	struct spec_table *tables = mem_array(ntables, sizeof *tables);
	struct spec_edge *edges = mem_array(2 * (size_t)ntables, sizeof *edges);
	uint64_t bits = (uint64_t)ntables * ndates;
	uint64_t *todo = mem_array((size_t)(bits / 64 + 1), sizeof *todo);
	uint32_t n = 0;
	for (uint32_t t = 0; t < ntables; t++) {
		tables[t] = (struct spec_table){.partitioned = true, .key = t + 1, .pool = t % 3, .duration_us = 1000000, .edge_first = n,
		                                .weight = (int32_t)((ntables - t) / PER_LAYER)};
		if (t >= PER_LAYER)
			edges[n++] = (struct spec_edge){t - PER_LAYER, &week, 1};
		if (t % 10 == 0)
			edges[n++] = (struct spec_edge){t, &past, 1};
		tables[t].edge_end = n;
	}
	for (uint64_t b = 0; b < bits; b++)
		todo[b / 64] |= UINT64_C(1) << (b % 64);
	return (struct run_spec){.kind = RUN_BACKFILL, .first_day = 15000, .ndates = ndates, .tables = tables, .ntables = ntables,
	                         .edges = edges, .todo = todo};
}

struct world {
	struct machine *m;
	struct actions out;
	struct event *queue; size_t head, len, cap;
	uint64_t seq, steps;
	uint8_t *built, *live; /* by partition */
	uint32_t ndates, ended;
};

static void post(struct world *w, struct event ev)
{
	if (w->len == w->cap && w->head > w->len / 2) {
		w->len -= w->head;
		memmove(w->queue, w->queue + w->head, w->len * sizeof *w->queue);
		w->head = 0;
	}
	MEM_GROW(w->queue, w->len, w->cap);
	w->queue[w->len++] = ev;
}

static void act(struct world *w, const struct action *a)
{
	size_t partition = (size_t)a->task.table * w->ndates + a->task.date;
	switch (a->kind) {
	case ACT_TRANSITION:
		w->seq = a->transition.seq;
		break;
	case ACT_DECIDE: /* as the plan does: what is published is fresh */
		post(w, (struct event){.kind = EV_DECIDED, .task = a->task, .decision = w->built[partition] ? DECIDE_FRESH : DECIDE_BUILD});
		break;
	case ACT_START:
		CHECK(!w->live[partition] && !w->built[partition]);
		w->live[partition] = 1;
		post(w, (struct event){.kind = EV_TRY_RUNNING, .fence = a->fence});
		post(w, (struct event){.kind = EV_TRY_ENDED, .fence = a->fence, .outcome = OUTCOME_SUCCESS, .task = a->task});
		break;
	case ACT_RUN_DONE:
		w->ended++;
		break;
	default:
		break;
	}
}

static void play(struct world *w)
{
	while (w->head < w->len) {
		struct event ev = w->queue[w->head++];
		uint64_t before = w->seq;
		if (ev.kind == EV_TRY_ENDED) {
			size_t partition = (size_t)ev.task.table * w->ndates + ev.task.date;
			w->live[partition] = 0;
			w->built[partition] = 1;
		}
		machine_step(w->m, &ev, &w->out);
		w->steps++;
		for (size_t i = 0; i < w->out.len; i++)
			act(w, &w->out.items[i]);
		if (w->seq > before)
			post(w, (struct event){.kind = EV_COMMITTED, .seq = w->seq});
	}
}

static size_t bytes_in_use(void)
{
	struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

static void add(struct world *w, uint32_t run, const struct run_spec *spec, uint64_t tasks)
{
	size_t before = bytes_in_use();
	int64_t from = clock_mono_us();
	machine_step(w->m, &(struct event){.kind = EV_RUN_ADD, .run = run, .spec = spec}, &w->out);
	int64_t took = clock_mono_us() - from;
	double bytes = (double)(bytes_in_use() - before) / (double)tasks;
	printf("run %u: %" PRIu64 " tasks added in %" PRId64 " ms, %.1f bytes each\n", run, tasks, took / 1000, bytes);
	CHECK(bytes <= BYTES_MOST);
	for (size_t i = 0; i < w->out.len; i++)
		act(w, &w->out.items[i]);
}

static void say_why(const struct world *w, uint32_t run, const struct run_spec *spec)
{
	struct arena arena = {0};
	struct explanation why;
	int64_t from = clock_mono_us();
	CHECK(machine_explain(w->m, (struct task_id){run, spec->ntables - 1, spec->ndates - 1}, &arena, &why));
	printf("explain of the last task: %" PRId64 " us, %zu blockers and %" PRIu64 " more\n", clock_mono_us() - from, why.nblockers, why.more);
	CHECK(why.nblockers);
	arena_free(&arena);
}

/* Of a quiet run: a million tasks of which nothing was said end without a million rows. */
static void cancel(struct world *w, const struct run_spec *spec, uint64_t tasks)
{
	struct run_counts counts;
	struct run_spec quiet = *spec;
	quiet.quiet = true;
	machine_step(w->m, &(struct event){.kind = EV_RUN_ADD, .run = 3, .spec = &quiet}, &w->out);
	int64_t from = clock_mono_us();
	machine_step(w->m, &(struct event){.kind = EV_CANCEL_RUN, .run = 3}, &w->out);
	printf("cancel: %" PRId64 " ms, %zu actions\n", (clock_mono_us() - from) / 1000, w->out.len);
	CHECK(machine_run_counts(w->m, 3, &counts) && counts.by_result[TASK_CANCELED] == tasks);
	CHECK(w->out.len < 100);
}

/* Both runs are added, and played to their ends if `ends`. */
static void scene(uint32_t ntables, uint32_t ndates, bool ends)
{
	uint64_t tasks = (uint64_t)ntables * ndates;
	struct run_spec spec = make_spec(ntables, ndates);
	static const uint32_t pools[] = {UINT32_MAX, 4, 2};
	struct world w = {.m = machine_new(&(struct machine_config){.next_fence = 1, .capacity = CAPACITY, .pool_slots = pools, .npools = 3}),
	                  .built = mem_array((size_t)tasks, 1), .live = mem_array((size_t)tasks, 1), .ndates = ndates};
	add(&w, 1, &spec, tasks);
	add(&w, 2, &spec, tasks);
	say_why(&w, 2, &spec);
	int64_t from = clock_mono_us();
	if (ends) {
		play(&w);
		int64_t took = clock_mono_us() - from;
		CHECK(w.ended == 2);
		for (uint64_t p = 0; p < tasks; p++)
			CHECK(w.built[p]);
		printf("both to their ends: %" PRIu64 " steps in %" PRId64 " ms, %.2f us each\n", w.steps, took / 1000, (double)took / (double)w.steps);
	}
	cancel(&w, &spec, tasks);
	machine_free(w.m);
	actions_free(&w.out);
	free(w.queue);
	free(w.built);
	free(w.live);
	free((void *)spec.tables);
	free((void *)spec.edges);
	free((void *)spec.todo);
}

int main(int argc, char **argv)
{
	if (argc > 2) {
		scene((uint32_t)strtoul(argv[1], NULL, 10), (uint32_t)strtoul(argv[2], NULL, 10), true);
		return 0;
	}
	scene(1000, 1000, false);
	scene(1000, 100, true);
	return 0;
}
