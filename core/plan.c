/* The plan as a whole: its tasks in order, its words, its run. See plan.h. */
#include "core/plan.h"

#include <stdlib.h>

#include "base/mem.h"
#include "core/await.h"
#include "core/date.h"
#include "core/plan_internal.h"

/* Tables times dates; a plan of that many has 12 bytes for each. */
enum { TASKS_MAX = 1 << 28 };

static bool is_planned(const struct plan_input *in, uint32_t table)
{
	return in->selected[table] && in->project->tables[table].kind != TABLE_EXTERNAL;
}

static uint32_t dates_of(const struct plan *p, uint32_t slot)
{
	return table_partitioned(&p->in.project->tables[p->tables[slot]]) ? p->ndates : 1;
}

enum plan_wish plan_wish(const struct plan *p, uint32_t table, int32_t day)
{
	return p->in.wish ? p->in.wish(p->in.wish_ctx, table, day) : p->in.force ? PLAN_FORCE : PLAN_JUDGE;
}

static void judge(struct plan *p, uint32_t slot, uint32_t date)
{
	uint64_t at = (uint64_t)slot * p->ndates + date;
	uint32_t *stale = p->private->stale, before = date ? stale[at - 1] : 0;
	struct plan_task *task = &p->tasks[at];
	if (date < dates_of(p, slot) && plan_wish(p, p->tables[slot], plan_day(p, slot, date)) != PLAN_SKIP)
		*task = plan_judge(p, slot, plan_day(p, slot, date), true, NULL);
	p->fresh += task->verdict == PLAN_FRESH;
	p->builds += task->verdict == PLAN_BUILD;
	p->checks += task->verdict == PLAN_CHECK;
	p->fails += task->verdict == PLAN_FAIL;
	stale[at] = before + (task->verdict == PLAN_BUILD || task->verdict == PLAN_FAIL);
}

int plan_begin(const struct plan_input *in, struct plan **ret, struct err *err)
{
	const struct project *pr = in->project;
	if (in->last < in->first)
		return err_set(err, ERR_USAGE, "the range of dates ends before it begins");
	struct plan *p = mem_alloc(sizeof *p);
	p->in = *in;
	p->ndates = (uint32_t)((int64_t)in->last - in->first + 1);
	p->slot = arena_array(&p->arena, pr->ntables, sizeof *p->slot);
	p->tables = arena_array(&p->arena, pr->ntables, sizeof *p->tables);
	for (size_t i = 0; i < pr->ntables; i++) {
		uint32_t t = pr->order[i];
		p->slot[t] = is_planned(in, t) ? p->ntables : UINT32_MAX;
		if (is_planned(in, t))
			p->tables[p->ntables++] = t;
	}
	if ((uint64_t)p->ntables * p->ndates > TASKS_MAX) {
		int rc = err_set(err, ERR_USAGE, "%u tables on %u dates are too many for one run: take fewer dates at a time",
		                 p->ntables, p->ndates);
		plan_free(p);
		return rc;
	}
	p->private = arena_alloc(&p->arena, sizeof *p->private);
	p->private->bases = arena_array(&p->arena, p->ntables, sizeof *p->private->bases);
	p->private->stale = mem_array((size_t)p->ntables * p->ndates, sizeof *p->private->stale);
	p->tasks = arena_array(&p->arena, (size_t)p->ntables * p->ndates, sizeof *p->tasks);
	*ret = p;
	return 0;
}

bool plan_step(struct plan *p, uint32_t most)
{
	struct plan_private *v = p->private;
	uint64_t all = (uint64_t)p->ntables * p->ndates;
	for (; most && v->judged < all; most--, v->judged++)
		judge(p, (uint32_t)(v->judged / p->ndates), (uint32_t)(v->judged % p->ndates));
	if (v->judged < all)
		return true;
	free(v->stale);
	v->stale = NULL;
	return false;
}

int plan_make(const struct plan_input *in, struct plan **ret, struct err *err)
{
	int rc = plan_begin(in, ret, err);
	while (rc == 0 && plan_step(*ret, UINT32_MAX))
		;
	return rc;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	if (p->private) {
		free(p->private->ranges);
		free(p->private->days);
		free(p->private->stale);
	}
	arena_free(&p->arena);
	free(p);
}

int32_t plan_day(const struct plan *p, uint32_t slot, uint32_t date)
{
	return table_partitioned(&p->in.project->tables[p->tables[slot]]) ? p->in.first + (int32_t)date : DATE_NONE;
}

/* ---- words ---- */

#define PLAN_REASON_TEXT(id, text) text,
static const char *const reason_texts[] = {PLAN_REASONS(PLAN_REASON_TEXT)};
#undef PLAN_REASON_TEXT

const char *plan_reason_name(enum plan_reason reason)
{
	return reason < PLAN_REASONS_END ? reason_texts[reason] : "?";
}

/* " dwd.dwd_flights 2013-01-03" */
static void add_subject(const struct plan *p, const struct plan_task *task, struct buf *out)
{
	char text[DATE_SIZE];
	buf_adds(out, p->in.project->tables[task->subject].qname);
	date_format(text, task->subject_day);
	if (*text)
		buf_addf(out, " %s", text);
}

void plan_reason_text(const struct plan *p, uint32_t slot, const struct plan_task *task, struct buf *out)
{
	const struct table *t = &p->in.project->tables[p->tables[slot]];
	const struct source_files *files;
	char text[DATE_SIZE];
	switch ((enum plan_reason)task->reason) {
	case REASON_NEVER_BUILT:
		add_subject(p, task, out);
		date_format(text, task->subject_day);
		if (task->subject == t->index)
			buf_addf(out, " was never built, but dates before it were, and it goes on from them; 'strata backfill +%s --start %s' first", t->name, text);
		else
			buf_addf(out, " was never built; select +%s", t->name);
		return;
	case REASON_NO_SOURCE:
		buf_addf(out, "source path '%s' does not exist below the lake%s%s; put the files there, or correct "
		              "`sources` in dags/dw_config.yaml", t->source->path, p->in.lake ? " " : "", p->in.lake ? p->in.lake : "");
		return;
	case REASON_SOURCE_MISSING:
		buf_addf(out, "source '%s' has no files", t->source->path);
		date_format(text, task->subject_day);
		if (*text)
			buf_addf(out, " for %s", text);
		return;
	case REASON_SOURCE_AWAITED:
		files = snapshot_source(p->in.snapshot, t->index, task->subject_day);
		buf_adds(out, "source awaited: ");
		source_look_text(t->source, task->subject_day, files, source_look(t->source, files, p->in.wall_ns), out);
		return;
	case REASON_NEVER_FRESH:
		buf_adds(out, "never fresh: ");
		if (task->subject != UINT32_MAX)
			buf_addf(out, "reads external %s", p->in.project->tables[task->subject].qname);
		else if (t->kind == TABLE_EXEC)
			buf_adds(out, "an executable");
		else
			buf_adds(out, t->analysis && t->analysis->volatile_by ? t->analysis->volatile_by : "unknown SQL");
		return;
	default:
		break;
	}
	bool file = task->reason == REASON_SQL_CHANGED && t->kind == TABLE_EXEC;
	buf_adds(out, file ? "file changed" : plan_reason_name(task->reason));
	if (task->subject != UINT32_MAX) {
		buf_adds(out, ": ");
		add_subject(p, task, out);
	}
}

/* ---- the run ---- */

/* A table that depends on its past waits for all its earlier dates of the run. */
static const struct span past = {{BOUND_NONE, 0}, {BOUND_REL, -1}};

static uint32_t add_edges(const struct plan *p, uint32_t slot, struct spec_edge *edges)
{
	const struct project *pr = p->in.project;
	uint32_t table = p->tables[slot], n = 0;
	for (uint32_t i = pr->up_first[table]; i < pr->up_first[table + 1]; i++) {
		const struct edge *e = &pr->edges[i];
		if (e->up != table && p->slot[e->up] != UINT32_MAX)
			edges[n++] = (struct spec_edge){p->slot[e->up], e->spans, e->nspans};
	}
	if (pr->tables[table].policy.depends_on_past && table_partitioned(&pr->tables[table]))
		edges[n++] = (struct spec_edge){slot, &past, 1};
	return n;
}

enum { UNKNOWN_US = 1000000 };

static int by_length(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* What is known of the layer's tables, in the middle. */
static int64_t layer_median_us(const struct project *pr, const struct layer *layer, const int64_t *known_us)
{
	int64_t *all = mem_array(pr->ntables, sizeof *all), median = UNKNOWN_US;
	size_t n = 0;
	for (size_t i = 0; i < pr->ntables; i++) {
		if (pr->tables[i].layer == layer && known_us[i] > 0)
			all[n++] = known_us[i];
	}
	qsort(all, n, sizeof *all, by_length);
	if (n)
		median = all[n / 2];
	free(all);
	return median;
}

static void set_durations(const struct plan *p, struct spec_table *tables, const int64_t *known_us)
{
	const struct project *pr = p->in.project;
	int64_t *medians = mem_array(pr->nlayers, sizeof *medians);
	for (uint32_t slot = 0; slot < p->ntables; slot++) {
		const struct table *t = &pr->tables[p->tables[slot]];
		int64_t us = known_us[p->tables[slot]], *median = &medians[t->layer - pr->layers];
		if (us <= 0 && !*median)
			*median = layer_median_us(pr, t->layer, known_us);
		tables[slot].duration_us = us > 0 ? us : *median;
	}
	free(medians);
}

static int32_t saturated(int64_t weight)
{
	return weight < INT32_MAX ? (int32_t)weight : INT32_MAX;
}

/* With durations in ms, else in tables. A weight of the project's own means as many tables, or as many of
 * the length that a table has of which nothing is known. */
static void set_weights(const struct plan *p, struct spec_table *tables, const struct spec_edge *edges, bool lengths)
{
	for (uint32_t slot = p->ntables; slot-- > 0;) { /* slots are in topological order: all below it is set */
		int64_t ms = tables[slot].duration_us / 1000;
		if (lengths)
			tables[slot].weight = saturated(tables[slot].weight + (ms < 1 ? 1 : ms < INT32_MAX ? ms : INT32_MAX));
		int32_t least = lengths ? tables[slot].weight : saturated((int64_t)tables[slot].weight + 1);
		for (uint32_t e = tables[slot].edge_first; e < tables[slot].edge_end; e++) {
			struct spec_table *up = &tables[edges[e].up];
			if (edges[e].up != slot && up->weight < least)
				up->weight = least;
		}
	}
	for (uint32_t slot = 0; slot < p->ntables; slot++) {
		int64_t own = p->in.project->tables[p->tables[slot]].policy.priority_weight;
		if (own)
			tables[slot].weight = saturated(lengths ? own * (UNKNOWN_US / 1000) : own);
	}
}

static size_t most_edges(const struct plan *p)
{
	const struct project *pr = p->in.project;
	size_t n = 0;
	for (uint32_t slot = 0; slot < p->ntables; slot++)
		n += pr->up_first[p->tables[slot] + 1] - pr->up_first[p->tables[slot]] + 1;
	return n;
}

static void add_todo(const struct plan *p, uint32_t slot, uint64_t *todo)
{
	for (uint32_t d = 0; d < dates_of(p, slot); d++) {
		uint64_t bit = (uint64_t)slot * p->ndates + d;
		if (plan_is_todo(p->tasks[bit].verdict))
			todo[bit / 64] |= UINT64_C(1) << (bit % 64);
	}
}

struct run_spec *plan_to_spec(const struct plan *p, const struct spec_options *options, struct arena *arena)
{
	const struct project *pr = p->in.project;
	struct spec_table *tables = arena_array(arena, p->ntables, sizeof *tables);
	struct spec_edge *edges = arena_array(arena, most_edges(p), sizeof *edges);
	uint64_t *todo = arena_array(arena, (size_t)((uint64_t)p->ntables * p->ndates / 64 + 1), sizeof *todo);
	uint32_t n = 0;
	for (uint32_t slot = 0; slot < p->ntables; slot++) {
		const struct table *t = &pr->tables[p->tables[slot]];
		const struct table_policy *policy = &t->policy;
		tables[slot] = (struct spec_table){.partitioned = table_partitioned(t),
		                                   .key = options->keys ? options->keys[p->tables[slot]] : 0,
		                                   .pool = policy->pool,
		                                   .retries = policy->retries,
		                                   .retry_delay_ms = policy->retry_delay_ms,
		                                   .max_retry_delay_ms = policy->max_retry_delay_ms,
		                                   .retry_backoff = policy->retry_backoff,
		                                   .retry_any = policy->retry_any,
		                                   .timeout_ms = policy->timeout_ms,
		                                   .edge_first = n};
		n += add_edges(p, slot, &edges[n]);
		tables[slot].edge_end = n;
		add_todo(p, slot, todo);
	}
	if (options->duration_us)
		set_durations(p, tables, options->duration_us);
	set_weights(p, tables, edges, options->duration_us != NULL);
	struct run_spec *spec = arena_alloc(arena, sizeof *spec);
	*spec = (struct run_spec){.kind = options->kind, .first_day = p->in.first, .ndates = p->ndates, .tables = tables,
	                          .ntables = p->ntables, .edges = edges, .todo = todo, .fail_fast = options->fail_fast,
	                          .continue_on_error = options->continue_on_error, .paused = options->paused,
	                          .quiet = options->quiet, .max_active = options->max_active};
	return spec;
}
