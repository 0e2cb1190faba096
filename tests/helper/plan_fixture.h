/* A project without files and the lake that its runs have made: for the unit tests of core/plan. */
#ifndef STRATA_TESTS_HELPER_PLAN_FIXTURE_H
#define STRATA_TESTS_HELPER_PLAN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/date.h"
#include "core/plan.h"

enum { MAX_TABLES = 12, MAX_EDGES = 24, DAY = 15706 /* 2013-01-01 */ };

struct world {
	struct project p;
	struct layer layer;
	struct table tables[MAX_TABLES];
	struct analysis analyses[MAX_TABLES];
	struct source sources[MAX_TABLES];
	struct edge edges[MAX_EDGES];
	uint32_t up_first[MAX_TABLES + 1], order[MAX_TABLES];
	bool selected[MAX_TABLES];
	struct snapshot *s;
	uint64_t fence;
	struct plan *plan;
	char text[256]; /* of the last reason */
};

static const struct span same_day = {{BOUND_REL, 0}, {BOUND_REL, 0}};
static const struct span week = {{BOUND_REL, -6}, {BOUND_REL, 0}};
static const struct span all_dates = {{BOUND_NONE, 0}, {BOUND_NONE, 0}};

static inline void setup_world(struct world *w)
{
	*w = (struct world){.p = {.env = "dev", .tables = w->tables, .edges = w->edges, .up_first = w->up_first,
	                          .order = w->order}};
	w->s = snapshot_new(MAX_TABLES);
}

static inline void teardown_world(struct world *w)
{
	plan_free(w->plan);
	snapshot_free(w->s);
}

/* Tables come in topological order; a table's edges follow it at once. */
static inline uint32_t add_table(struct world *w, const char *qname, bool partitioned)
{
	uint32_t i = (uint32_t)w->p.ntables++;
	w->analyses[i] = (struct analysis){.partitioned = partitioned, .parsed = true, .canonical = qname};
	w->tables[i] = (struct table){.name = strchr(qname, '.') + 1, .qname = qname, .index = i, .layer = &w->layer,
	                              .kind = TABLE_SQL, .policy = {.engine = "duckdb"}, .format = "parquet",
	                              .analysis = &w->analyses[i]};
	w->order[i] = i;
	w->selected[i] = true;
	w->up_first[i + 1] = w->up_first[i];
	return i;
}

static inline struct edge *add_edge(struct world *w, uint32_t up, const struct span *span)
{
	uint32_t down = (uint32_t)w->p.ntables - 1;
	struct edge *e = &w->edges[w->p.nedges++];
	*e = (struct edge){.up = up, .down = down, .spans = (struct span *)(uintptr_t)span, .nspans = 1};
	w->up_first[down + 1] = (uint32_t)w->p.nedges;
	return e;
}

/* One file a date, old enough. */
static inline void put_source(struct world *w, uint32_t table, int32_t day, int64_t mtime_ns)
{
	struct source_file *file = arena_alloc(&w->s->arena, sizeof *file);
	*file = (struct source_file){.path = "raw/a.csv", .size = 1, .mtime_ns = mtime_ns, .ctime_ns = mtime_ns};
	snapshot_put_source(w->s, table, day, &(struct source_files){.probed = true, .path_exists = true, .files = file, .nfiles = 1});
}

static inline void add_source(struct world *w, uint32_t table, int32_t first, int32_t last)
{
	w->sources[table] = (struct source){.table = w->tables[table].name, .path = "raw/x", .partitioned = true};
	w->tables[table].source = &w->sources[table];
	for (int32_t d = first; d <= last; d++)
		put_source(w, table, d, 1000);
}

static inline void make_plan(struct world *w, int32_t first, int32_t last, bool force)
{
	struct err err = {0};
	plan_free(w->plan);
	struct plan_input in = {.project = &w->p, .selected = w->selected, .first = first, .last = last, .force = force,
	                        .snapshot = w->s, .engine_version = "v1", .wall_ns = INT64_C(1000000000000)};
	assert_int_equal(plan_begin(&in, &w->plan, &err), 0);
	while (plan_step(w->plan, 3))
		; /* in steps that end within tables, as a scheduler makes it */
}

static inline const struct plan_task *task_of(const struct world *w, uint32_t table, int32_t day)
{
	uint32_t date = table_partitioned(&w->tables[table]) ? (uint32_t)(day - w->plan->in.first) : 0;
	return &w->plan->tasks[w->plan->slot[table] * w->plan->ndates + date];
}

/* What `plan` prints for the task. */
static inline const char *why(struct world *w, uint32_t table, int32_t day)
{
	struct buf out = BUF_INIT(sizeof w->text - 1);
	plan_reason_text(w->plan, w->plan->slot[table], task_of(w, table, day), &out);
	snprintf(w->text, sizeof w->text, "%s", buf_cstr(&out));
	buf_free(&out);
	return w->text;
}

static inline void publish(struct world *w, uint32_t table, int32_t day, const char *fingerprint)
{
	struct arena *a = &w->s->arena;
	w->fence++;
	struct part part = {.try_id = arena_printf(a, "try-%llu", (unsigned long long)w->fence), .fence = w->fence,
	                    .rows = 1, .probe = PART_OK, .fingerprint = arena_strdup(a, fingerprint)};
	snapshot_put_part(w->s, table, day, &part);
}

/* Carry the plan out as a run does: decide each task again when its turn comes. The number of differences
 * between what was planned and what was built. */
static inline size_t run(struct world *w)
{
	size_t differences = 0;
	struct buf fingerprint = BUF_INIT(4096);
	for (uint32_t slot = 0; slot < w->plan->ntables; slot++) {
		for (uint32_t d = 0; d < w->plan->ndates; d++) {
			struct plan_task planned = w->plan->tasks[slot * w->plan->ndates + d];
			if (planned.verdict == PLAN_NONE)
				continue;
			struct plan_task now = plan_decide(w->plan, slot, d, &fingerprint);
			assert_int_not_equal(now.reason, REASON_UPSTREAM_REBUILD);
			differences += (now.verdict == PLAN_BUILD) != (planned.verdict == PLAN_BUILD);
			differences += (now.verdict == PLAN_CHECK) != (planned.verdict == PLAN_CHECK);
			if (now.verdict == PLAN_CHECK)
				snapshot_part_mutable(w->s, w->plan->tables[slot], plan_day(w->plan, slot, d))->fingerprint =
					arena_strdup(&w->s->arena, buf_cstr(&fingerprint));
			if (now.verdict == PLAN_BUILD && !w->tables[w->plan->tables[slot]].output_none)
				publish(w, w->plan->tables[slot], plan_day(w->plan, slot, d), buf_cstr(&fingerprint));
		}
	}
	buf_free(&fingerprint);
	return differences;
}

#endif
