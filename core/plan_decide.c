/* Is one partition what it would be made to be? plan_judge and the read sets behind it. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/await.h"
#include "core/date.h"
#include "core/digest.h"
#include "core/plan_internal.h"

static const struct table *table_of(const struct plan *p, uint32_t index)
{
	return &p->in.project->tables[index];
}

static int by_lo(const void *a, const void *b)
{
	int32_t x = ((const struct day_range *)a)->lo, y = ((const struct day_range *)b)->lo;
	return (x > y) - (x < y);
}

/* The days of e's upstream that a reader of `day` needs, as ranges that do not touch; into private->ranges. */
static void find_ranges(struct plan *p, const struct edge *e, int32_t day)
{
	struct plan_private *v = p->private;
	v->nranges = 0;
	for (size_t i = 0; i < e->nspans; i++) {
		struct day_range r;
		if (!span_reads(&e->spans[i], day, &r.lo, &r.hi))
			continue;
		if (e->up == e->down && day != DATE_NONE && r.hi >= day)
			r.hi = day - 1; /* a table never reads its own day or later ones */
		if (r.lo > r.hi)
			continue;
		MEM_GROW(v->ranges, v->nranges, v->cap_ranges);
		v->ranges[v->nranges++] = r;
	}
	if (v->nranges < 2)
		return;
	qsort(v->ranges, v->nranges, sizeof *v->ranges, by_lo);
	size_t kept = 0;
	for (size_t i = 1; i < v->nranges; i++) {
		struct day_range *last = &v->ranges[kept];
		if ((int64_t)v->ranges[i].lo <= (int64_t)last->hi + 1) {
			if (v->ranges[i].hi > last->hi)
				last->hi = v->ranges[i].hi;
		} else {
			v->ranges[++kept] = v->ranges[i];
		}
	}
	v->nranges = kept + 1;
}

static size_t first_not_before(const int32_t *days, size_t n, int32_t day)
{
	size_t lo = 0;
	while (lo < n) {
		size_t mid = lo + (n - lo) / 2;
		if (days[mid] < day)
			lo = mid + 1;
		else
			n = mid;
	}
	return lo;
}

/* The days that are built and read; valid until the next call. */
static const int32_t *read_days(struct plan *p, const struct edge *e, int32_t day, size_t *ret_n)
{
	struct plan_private *v = p->private;
	size_t n;
	const int32_t *days = snapshot_days_of(p->in.snapshot, e->up, &n);
	if (!table_partitioned(table_of(p, e->up))) {
		*ret_n = n && days[0] == DATE_NONE;
		return days;
	}
	find_ranges(p, e, day);
	*ret_n = 0;
	size_t len = 0;
	for (size_t i = 0; i < v->nranges; i++) {
		size_t from = first_not_before(days, n, v->ranges[i].lo), to = from;
		while (to < n && days[to] <= v->ranges[i].hi)
			to++;
		if (v->nranges == 1) {
			*ret_n = to - from;
			return days ? days + from : NULL;
		}
		while (len + to - from > v->cap_days) {
			v->cap_days = v->cap_days ? v->cap_days * 2 : 64;
			v->days = mem_realloc(v->days, v->cap_days, sizeof *v->days);
		}
		for (; from < to; from++)
			v->days[len++] = days[from];
	}
	*ret_n = len;
	return v->days;
}

void plan_reads(struct plan *p, uint32_t table, int32_t day, plan_reads_fn fn, void *ctx)
{
	const struct project *pr = p->in.project;
	for (uint32_t i = pr->up_first[table]; i < pr->up_first[table + 1]; i++) {
		size_t n;
		const int32_t *days = read_days(p, &pr->edges[i], day, &n);
		fn(ctx, pr->edges[i].up, days, n);
	}
}

/* ---- what keeps it from being built at all ---- */

/* Days of one table that are there: built, or, with a range that is not empty, to be built by this run. */
struct there {
	const int32_t *days;
	size_t n;
	struct day_range run;
};

/* The first day from `day` on that is there. */
static int64_t next_there(const struct there *t, int64_t day)
{
	int64_t next = INT64_MAX;
	size_t i = day <= INT32_MAX ? first_not_before(t->days, t->n, (int32_t)day) : t->n;
	if (i < t->n)
		next = t->days[i];
	if (t->run.lo <= t->run.hi && day <= t->run.hi) {
		int64_t run = day > t->run.lo ? day : t->run.lo;
		next = run < next ? run : next;
	}
	return next;
}

/* The first day from `day`, which is there, up to `end` that is not. */
static int64_t next_absent(const struct there *t, int64_t day, int64_t end)
{
	while (day <= end && next_there(t, day) == day)
		day = t->run.lo <= day && day <= t->run.hi ? (int64_t)t->run.hi + 1 : day + 1;
	return day;
}

static struct there there_of(struct plan *p, uint32_t table, bool planning)
{
	struct there t = {.run = {1, 0}};
	t.days = snapshot_days_of(p->in.snapshot, table, &t.n);
	if (planning && p->slot[table] != UINT32_MAX)
		t.run = (struct day_range){p->in.first, p->in.last};
	return t;
}

/* The last day before `day` that is there; INT64_MIN: none. */
static int64_t last_there(const struct there *t, int32_t day)
{
	size_t i = first_not_before(t->days, t->n, day);
	int64_t last = i ? t->days[i - 1] : INT64_MIN, run = t->run.hi < day ? t->run.hi : (int64_t)day - 1;
	return t->run.lo <= run && run > last ? run : last;
}

/* A table goes on from its own past, and only its first date has none. Another one that would read nothing of it
 * would begin anew, and a running total would be that of one day, without a word. *ret_day is the first date of
 * the gap, by the steps in which it reads. */
static bool find_lost_past(struct plan *p, const struct edge *e, int32_t day, bool planning, int32_t *ret_day)
{
	const struct plan_private *v = p->private;
	struct there t = there_of(p, e->up, planning);
	find_ranges(p, e, day);
	for (size_t i = 0; i < v->nranges; i++) {
		if (next_there(&t, v->ranges[i].lo) <= v->ranges[i].hi)
			return false;
	}
	int64_t before = v->nranges ? last_there(&t, v->ranges[0].lo) : INT64_MIN;
	if (before == INT64_MIN)
		return false;
	int64_t wanted = v->ranges[v->nranges - 1].hi, step = day - wanted;
	*ret_day = (int32_t)(wanted - (wanted - before - 1) / step * step);
	return true;
}

/* The first day of the span that must be there and is not.
 *
 * One day that is named must be there. Of a range the days before the first that is there are none: history
 * begins somewhere; likewise the days after the last, where the range ends at a constant. Nothing at all in
 * the range, or a gap in it, is a mistake. */
static bool find_unbuilt(struct plan *p, const struct edge *e, const struct span *s, int32_t day, bool planning,
                         int32_t *ret_day)
{
	struct day_range want;
	if (!span_exact(s) || !span_reads(s, day, &want.lo, &want.hi))
		return false;
	struct there t = there_of(p, e->up, planning);
	int64_t first = next_there(&t, want.lo);
	if (first > want.hi) {
		*ret_day = want.hi;
		return true;
	}
	int64_t gap = next_absent(&t, first, want.hi);
	if (gap > want.hi)
		return false;
	if (next_there(&t, gap) > want.hi && s->hi.kind == BOUND_ABS)
		return false;
	*ret_day = (int32_t)gap;
	return true;
}

static bool find_never_built(struct plan *p, uint32_t table, int32_t day, bool planning, struct plan_task *ret)
{
	const struct project *pr = p->in.project;
	const struct table *t = table_of(p, table);
	if (!t->analysis || !t->analysis->parsed)
		return false; /* it may read nothing of all that it waits for */
	for (uint32_t i = pr->up_first[table]; i < pr->up_first[table + 1]; i++) {
		const struct edge *e = &pr->edges[i];
		const struct table *up = table_of(p, e->up);
		if (e->declared || up->kind == TABLE_EXTERNAL || up->output_none)
			continue;
		ret->subject = e->up;
		ret->subject_day = DATE_NONE;
		if (e->up == e->down) {
			if (table_partitioned(up) && find_lost_past(p, e, day, planning, &ret->subject_day))
				return true;
			continue;
		}
		if (!table_partitioned(up)) {
			if (!snapshot_part(p->in.snapshot, e->up, DATE_NONE) && !(planning && p->slot[e->up] != UINT32_MAX))
				return true;
			continue;
		}
		for (size_t s = 0; s < e->nspans; s++) {
			if (find_unbuilt(p, e, &e->spans[s], day, planning, &ret->subject_day))
				return true;
		}
	}
	return false;
}

static int32_t source_day(const struct plan *p, const struct table *t, int32_t day)
{
	if (!t->source->partitioned)
		return DATE_NONE;
	return day == DATE_NONE ? p->in.last : day;
}

static bool find_failure(struct plan *p, uint32_t index, int32_t day, bool planning, struct plan_task *ret)
{
	const struct table *t = table_of(p, index);
	if (t->source) {
		const struct source_files *files = snapshot_source(p->in.snapshot, index, source_day(p, t, day));
		ret->subject = index;
		ret->subject_day = source_day(p, t, day);
		if (files && files->probed && !files->path_exists && t->source->missing != MISSING_WAIT) {
			ret->reason = REASON_NO_SOURCE;
			return true;
		}
		if (files && files->probed && !files->nfiles && t->source->missing == MISSING_FAIL) {
			ret->reason = REASON_SOURCE_MISSING;
			return true;
		}
	}
	ret->reason = REASON_NEVER_BUILT;
	return find_never_built(p, index, day, planning, ret);
}

/* It cannot be judged before: what it would read is not there yet. */
static bool is_awaited(const struct plan *p, const struct table *t, int32_t day, struct plan_task *ret)
{
	if (!t->source || t->source->missing != MISSING_WAIT)
		return false;
	const struct source_files *files = snapshot_source(p->in.snapshot, t->index, source_day(p, t, day));
	if (source_look(t->source, files, p->in.wall_ns).state == SOURCE_THERE)
		return false;
	*ret = (struct plan_task){.verdict = PLAN_BUILD, .reason = REASON_SOURCE_AWAITED, .subject = t->index,
	                          .subject_day = source_day(p, t, day)};
	return true;
}

/* ---- what it would be made from ---- */

/* Files are as old as they were when they were listed, which may be after the plan was made. */
static void digest_source(const struct plan *p, const struct source_files *files, struct fingerprint *ret)
{
	fingerprint_source(files, files && files->wall_ns ? files->wall_ns : p->in.wall_ns, ret);
}

static bool is_bounded(const struct edge *e)
{
	for (size_t i = 0; i < e->nspans; i++) {
		if (!span_exact(&e->spans[i]))
			return false;
	}
	return true;
}

/* Whether another version of what e brings makes its reader stale. A table's own history without bounds grows
 * with each of its tries, and an action makes nothing that could be read. */
static bool is_in_fingerprint(const struct plan *p, const struct edge *e)
{
	if (table_of(p, e->up)->output_none)
		return false;
	return e->up != e->down || (table_partitioned(table_of(p, e->up)) && is_bounded(e));
}

/* The first task of this plan in the read set with that verdict. */
static bool find_upstream(const struct plan *p, uint32_t up, uint32_t lo, uint32_t hi, enum plan_verdict verdict,
                          struct plan_task *ret)
{
	const struct plan_task *tasks = &p->tasks[(uint64_t)p->slot[up] * p->ndates];
	for (uint32_t d = lo; d <= hi; d++) {
		if (tasks[d].verdict == verdict) {
			ret->subject = up;
			ret->subject_day = plan_day(p, p->slot[up], d);
			return true;
		}
	}
	return false;
}

/* Something in the read set that this plan builds, or, with PLAN_FAIL, cannot build. */
static bool find_stale_upstream(struct plan *p, uint32_t table, int32_t day, enum plan_verdict verdict,
                                struct plan_task *ret)
{
	const struct project *pr = p->in.project;
	const struct plan_private *v = p->private;
	if (verdict == PLAN_FAIL && !p->fails)
		return false;
	for (uint32_t i = pr->up_first[table]; i < pr->up_first[table + 1]; i++) {
		const struct edge *e = &pr->edges[i];
		if (p->slot[e->up] == UINT32_MAX || !is_in_fingerprint(p, e))
			continue;
		if (!table_partitioned(table_of(p, e->up))) {
			if (find_upstream(p, e->up, 0, 0, verdict, ret))
				return true;
			continue;
		}
		find_ranges(p, e, day);
		const uint32_t *stale = &v->stale[(uint64_t)p->slot[e->up] * p->ndates];
		for (size_t r = 0; r < v->nranges; r++) {
			int64_t lo = (int64_t)v->ranges[r].lo - p->in.first, hi = (int64_t)v->ranges[r].hi - p->in.first;
			lo = lo < 0 ? 0 : lo;
			hi = hi >= (int64_t)p->ndates ? (int64_t)p->ndates - 1 : hi;
			if (lo > hi || stale[hi] == (lo ? stale[lo - 1] : 0))
				continue;
			if (find_upstream(p, e->up, (uint32_t)lo, (uint32_t)hi, verdict, ret))
				return true;
		}
	}
	return false;
}

/* Returns the external table whose files nobody looked at, UINT32_MAX when there is none. */
static uint32_t add_upstream(struct plan *p, uint32_t table, int32_t day, struct fingerprint *ret)
{
	const struct project *pr = p->in.project;
	uint32_t unseen = UINT32_MAX;
	if (pr->up_first[table] == pr->up_first[table + 1])
		return unseen;
	struct digest d;
	digest_init(&d);
	for (uint32_t i = pr->up_first[table]; i < pr->up_first[table + 1]; i++) {
		const struct edge *e = &pr->edges[i];
		const struct table *up = table_of(p, e->up);
		if (!is_in_fingerprint(p, e))
			continue;
		digest_text(&d, up->qname);
		if (up->kind == TABLE_EXTERNAL) {
			const struct source_files *files = snapshot_source(p->in.snapshot, e->up, DATE_NONE);
			struct fingerprint f;
			digest_source(p, files, &f);
			digest_text(&d, up->path);
			digest_text(&d, f.part[FP_SOURCE]);
			if (!files || !files->probed || fingerprint_young(&f))
				unseen = e->up;
			continue;
		}
		size_t n;
		const int32_t *days = read_days(p, e, day, &n);
		for (size_t k = 0; k < n; k++) {
			digest_int(&d, days[k]);
			digest_text(&d, snapshot_part(p->in.snapshot, e->up, days[k])->try_id);
		}
	}
	fingerprint_short(&d, ret->part[FP_UPSTREAM]);
	return unseen;
}

static const struct fingerprint *base_of(struct plan *p, uint32_t slot)
{
	struct fingerprint *f = &p->private->bases[slot];
	if (!*f->part[FP_SQL])
		fingerprint_table(p->in.project, table_of(p, p->tables[slot]), p->in.engine_version, f);
	return f;
}

static bool is_never_fresh(const struct table *t)
{
	if (t->output_none)
		return true;
	return !t->policy.deterministic && (t->kind == TABLE_EXEC || !t->analysis || t->analysis->volatile_by);
}

/* ---- why it is not fresh ---- */

static const struct manifest_input *find_input(const struct part *part, const char *qname, const char *partition)
{
	for (size_t i = 0; i < part->ninputs; i++) {
		if (strcmp(part->inputs[i].table, qname) == 0 && strcmp(part->inputs[i].partition, partition) == 0)
			return &part->inputs[i];
	}
	return NULL;
}

/* Which upstream partition changed: by the recorded inputs where they are loaded, else by the fences, as who
 * published after this one was made has a larger one. */
static void name_changed_upstream(struct plan *p, uint32_t table, int32_t day, const struct part *part,
                                  struct plan_task *ret)
{
	const struct project *pr = p->in.project;
	uint32_t looked_at = 0, only = UINT32_MAX;
	for (uint32_t i = pr->up_first[table]; i < pr->up_first[table + 1]; i++) {
		const struct edge *e = &pr->edges[i];
		if (!is_in_fingerprint(p, e))
			continue;
		looked_at++;
		only = e->up;
		size_t n;
		const int32_t *days = read_days(p, e, day, &n);
		for (size_t k = 0; k < n; k++) {
			const struct part *up = snapshot_part(p->in.snapshot, e->up, days[k]);
			char text[DATE_SIZE];
			const struct manifest_input *in =
				find_input(part, table_of(p, e->up)->qname, date_format(text, days[k]));
			bool same = part->ninputs ? in && strcmp(in->try_id, up->try_id) == 0 : up->fence <= part->fence;
			if (same)
				continue;
			ret->subject = e->up;
			ret->subject_day = days[k];
			return;
		}
	}
	ret->subject = looked_at == 1 ? only : UINT32_MAX; /* something that was read is gone */
	ret->subject_day = DATE_NONE;
}

static enum plan_reason changed_reason(enum fingerprint_part part, const struct fingerprint *now)
{
	switch (part) {
	case FP_SQL:
		return REASON_SQL_CHANGED;
	case FP_CONFIG:
		return REASON_CONFIG_CHANGED;
	case FP_ENGINE:
		return REASON_ENGINE_CHANGED;
	case FP_SOURCE:
		return fingerprint_future(now) ? REASON_SOURCE_FUTURE : fingerprint_young(now) ? REASON_SOURCE_YOUNG : REASON_SOURCE_CHANGED;
	case FP_UPSTREAM:
		return REASON_UPSTREAM_CHANGED;
	case FP_CHECKS:
		return REASON_CHECKS_CHANGED;
	default:
		return REASON_FRESH;
	}
}

/* What is never fresh was done by the run that goes on, for what it reads as it is now: once is what it was asked for. */
static enum plan_reason done_before(struct plan *p, uint32_t table, int32_t day, struct plan_task *ret)
{
	return find_stale_upstream(p, table, day, PLAN_BUILD, ret) ? REASON_UPSTREAM_REBUILD : REASON_FRESH;
}

/* REASON_FRESH when nothing speaks against it. */
static enum plan_reason find_reason(struct plan *p, uint32_t slot, int32_t day, bool planning,
                                    const struct fingerprint *now, uint32_t unseen, struct plan_task *ret)
{
	uint32_t index = p->tables[slot];
	const struct table *t = table_of(p, index);
	const struct part *part = snapshot_part(p->in.snapshot, index, day);
	struct fingerprint recorded;
	if (plan_wish(p, index, day) == PLAN_FORCE && !(part && part->of_this_run))
		return REASON_FORCED;
	if (t->output_none && !(planning && part && part->of_this_run))
		return REASON_ACTION;
	if (t->output_none)
		return done_before(p, index, day, ret);
	if (!part)
		return REASON_NEW;
	if (part->probe == PART_MISSING && !part->empty)
		return REASON_MISSING;
	if (part->probe == PART_DAMAGED)
		return REASON_DAMAGED;
	ret->subject = unseen;
	if (is_never_fresh(t) || unseen != UINT32_MAX)
		return planning && part->of_this_run ? done_before(p, index, day, ret) : REASON_NEVER_FRESH;
	if (!fingerprint_parse(part->fingerprint, &recorded))
		return REASON_UNRECORDED;
	enum plan_reason reason = changed_reason(fingerprint_diff(&recorded, now), now);
	if (reason == REASON_UPSTREAM_CHANGED)
		name_changed_upstream(p, index, day, part, ret);
	if ((reason == REASON_FRESH || reason == REASON_CHECKS_CHANGED) && planning && find_stale_upstream(p, index, day, PLAN_BUILD, ret))
		return REASON_UPSTREAM_REBUILD;
	return reason;
}

struct plan_task plan_judge(struct plan *p, uint32_t slot, int32_t day, bool planning, struct buf *ret_fingerprint)
{
	uint32_t index = p->tables[slot];
	struct plan_task task = {.verdict = PLAN_FAIL, .subject = UINT32_MAX, .subject_day = DATE_NONE};
	if (find_failure(p, index, day, planning, &task))
		return task;
	if (planning && find_stale_upstream(p, index, day, PLAN_FAIL, &task)) {
		task.reason = REASON_UPSTREAM_FAILS;
		return task;
	}
	const struct table *t = table_of(p, index);
	if (is_awaited(p, t, day, &task))
		return task;
	task.subject = UINT32_MAX;
	task.subject_day = DATE_NONE;

	struct fingerprint now = *base_of(p, slot);
	uint32_t unseen = UINT32_MAX;
	if (!is_never_fresh(t)) {
		if (t->source)
			digest_source(p, snapshot_source(p->in.snapshot, index, source_day(p, t, day)), &now);
		unseen = add_upstream(p, index, day, &now);
		if (ret_fingerprint && unseen == UINT32_MAX)
			fingerprint_format(&now, ret_fingerprint);
	}
	task.reason = (uint8_t)find_reason(p, slot, day, planning, &now, unseen, &task);
	task.verdict = task.reason == REASON_FRESH ? PLAN_FRESH : task.reason == REASON_CHECKS_CHANGED ? PLAN_CHECK : PLAN_BUILD;
	return task;
}

struct plan_task plan_decide(struct plan *p, uint32_t slot, uint32_t date, struct buf *ret_fingerprint)
{
	buf_clear(ret_fingerprint);
	return plan_judge(p, slot, plan_day(p, slot, date), false, ret_fingerprint);
}
