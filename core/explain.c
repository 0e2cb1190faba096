/* See explain.h. The open tasks above the one that is asked about are walked depth first, each once; a task's
 * blockers are named when all above it are, so the deepest come first. */
#include "core/explain.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/machine_internal.h"

/* Upstream dates looked at before the walk is cut short: some tens of ms. */
enum { LOOKS_MAX = 1000000 };

/* A task on the path from the one that is asked about upwards, and how far its upstream is looked through. */
struct frame {
	struct place at;
	uint32_t edge, date, hi;
	size_t span;
	bool inside;       /* date..hi are of the span before `span` */
	bool held_up;      /* something above it is open */
	int64_t start;     /* when that may be done; INT64_MAX: cannot be said */
};

struct walk {
	const struct machine *m;
	const struct mrun *r;
	struct explanation *ret;
	struct blocker unnamed; /* one too many */
	struct frame *path; size_t depth, cap_path;
	int64_t *finish;    /* [tasks of the run]: when it may be done; -1: not looked at yet */
	uint64_t *settling; /* bits: done, but that is not durable yet */
	bool *pools;        /* [npools]: named as full */
	bool workers, kept, max_active; /* named */
	uint32_t looks;
	bool cut;
	int64_t work_ms;    /* of all open tasks that were seen */
};

static int64_t sum(int64_t a, int64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static size_t index_of(const struct mrun *r, struct place p)
{
	return r->first[p.table] + p.date;
}

static struct blocker *name(struct walk *w, enum blocker_kind kind, struct place of)
{
	if (w->ret->nblockers == EXPLAIN_MAX) {
		w->ret->more++;
		return &w->unnamed;
	}
	struct blocker *b = &w->ret->blockers[w->ret->nblockers++];
	*b = (struct blocker){.kind = kind, .of = task_id(w->r, of), .task = task_id(w->r, of), .run = w->r->id,
	                      .pool = w->r->spec->tables[of.table].pool};
	return b;
}

static const struct mtry *try_of(const struct machine *m, const struct mrun *r, struct place p)
{
	for (size_t i = 0; i < m->ntries; i++) {
		if (m->tries[i].run == r->id && m->tries[i].at.table == p.table && m->tries[i].at.date == p.date)
			return &m->tries[i];
	}
	return NULL;
}

static void name_task(struct blocker *b, const struct machine *m, const struct mrun *r, struct place p)
{
	const struct mtry *t = try_of(m, r, p);
	b->task = task_id(r, p);
	b->state = (enum task_state)task_at(r, p)->state;
	b->fence = t ? t->fence : 0;
}

/* ---- how long ---- */

/* INT64_MAX: not known. */
static int64_t duration_ms(const struct mrun *r, struct place p)
{
	int64_t us = r->spec->tables[p.table].duration_us;
	return us > 0 ? us / 1000 + 1 : INT64_MAX;
}

static int64_t remaining_ms(const struct machine *m, const struct mtry *t)
{
	const struct mrun *r = machine_run(m, t->run);
	int64_t all = duration_ms(r, t->at), gone = t->state == TRY_RUNNING ? m->now_ms - t->since_ms : 0;
	return all == INT64_MAX ? all : all > gone ? all - gone : 0;
}

static int64_t max_slots(const struct machine *m, const struct mrun *r)
{
	int64_t slots = r->spec->kind == RUN_SCHEDULED ? m->capacity : (int64_t)m->capacity - machine_kept(m);
	return r->spec->max_active && r->spec->max_active < slots ? r->spec->max_active : slots;
}

/* How long what is under way in the task's pool, and what of its run goes before it there, keeps its slots. */
static int64_t queue_ms(const struct walk *w, const struct mrun *r, struct place p)
{
	const struct machine *m = w->m;
	uint32_t pool = r->spec->tables[p.table].pool;
	int64_t work = 0, slots = max_slots(m, r), waiting = 1;
	const struct queue *ready = &r->lanes[pool].ready;
	for (size_t i = 0; i < ready->len; i++) {
		if (task_at(r, ready->items[i])->state == TASK_READY && place_before(r->spec, ready->items[i], p)) {
			work = sum(work, duration_ms(r, ready->items[i]));
			waiting++;
		}
	}
	bool pooled = m->pool_slots[pool] < slots;
	if (pooled)
		slots = m->pool_slots[pool];
	int64_t busy = pooled ? m->pool_used[pool] : (int64_t)m->nbatches;
	if (!slots)
		return INT64_MAX;
	if (busy + waiting <= slots)
		return 0;
	for (size_t i = 0; i < m->ntries; i++) {
		const struct mrun *other = machine_run(m, m->tries[i].run);
		if (!pooled || other->spec->tables[m->tries[i].at.table].pool == pool)
			work = sum(work, remaining_ms(m, &m->tries[i]));
	}
	return work == INT64_MAX ? work : work / slots;
}

/* ---- who ---- */

enum holders { OF_POOL, OF_WORKERS, OF_OTHERS, OF_RUN };

static bool holds(const struct mtry *t, const struct mrun *holder, enum holders which, const struct mrun *r, uint32_t pool)
{
	switch (which) {
	case OF_POOL:
		return holder->spec->tables[t->at.table].pool == pool;
	case OF_OTHERS:
		return holder->spec->kind != RUN_SCHEDULED;
	case OF_RUN:
		return holder == r;
	default:
		return true;
	}
}

/* One blocker for each try that has what a task of `r` needs; one without a fence when nobody has any of it. */
static void name_holders(struct walk *w, enum blocker_kind kind, struct place of, const struct mrun *r, uint32_t pool, enum holders which)
{
	bool named = false;
	for (size_t i = 0; i <= w->m->ntries; i++) {
		const struct mtry *t = i < w->m->ntries ? &w->m->tries[i] : NULL;
		const struct mrun *holder = t ? machine_run(w->m, t->run) : NULL;
		if (t ? !holds(t, holder, which, r, pool) : named)
			continue;
		struct blocker *b = name(w, kind, of);
		if (t)
			name_task(b, w->m, holder, t->at);
		b->run = r->id;
		b->pool = pool;
		named = true;
	}
}

/* Of a task that is ready: of this run, or of another one's twin. `of` is told as held up. */
static void name_room(struct walk *w, struct place of, const struct mrun *r, struct place p)
{
	const struct machine *m = w->m;
	uint32_t pool = r->spec->tables[p.table].pool;
	if (m->pool_used[pool] >= m->pool_slots[pool] && !w->pools[pool]) {
		w->pools[pool] = true;
		name_holders(w, BLOCK_POOL, of, r, pool, OF_POOL);
	}
	if (m->nbatches >= m->capacity && !w->workers) {
		w->workers = true;
		name_holders(w, BLOCK_WORKERS, of, r, pool, OF_WORKERS);
	} else if (m->nbatches < m->capacity && r->spec->kind != RUN_SCHEDULED && m->unscheduled >= m->capacity - machine_kept(m) && !w->kept) {
		w->kept = true;
		name_holders(w, BLOCK_KEPT, of, r, pool, OF_OTHERS);
	}
	if (r->spec->max_active && r->active >= r->spec->max_active && (r != w->r || !w->max_active)) {
		w->max_active |= r == w->r;
		name_holders(w, BLOCK_MAX_ACTIVE, of, r, pool, OF_RUN);
	}
}

/* Until when cannot be said. */
static int64_t explain_hold(struct walk *w, struct place of, const struct hold *h)
{
	name(w, BLOCK_HOLD, of)->hold = h->what.id;
	return INT64_MAX;
}

/* The other run's task has nothing above it that is open: it is decided, ready or running. Returns when it may be done. */
static int64_t explain_twin(struct walk *w, struct place of)
{
	struct place at = {0, 0};
	const struct mrun *other = claim_holder(w->m, w->r, of, &at);
	if (!other)
		return w->m->now_ms;
	const struct mtry *t = try_of(w->m, other, at);
	if (task_at(other, at)->state == TASK_READY)
		name_room(w, of, other, at);
	if (t && !t->sent)
		name_task(name(w, BLOCK_COMMIT, of), w->m, other, at);
	struct blocker *b = name(w, BLOCK_TWIN, of);
	name_task(b, w->m, other, at);
	b->run = other->id;
	int64_t left = t ? remaining_ms(w->m, t) : sum(queue_ms(w, other, at), duration_ms(other, at));
	return sum(w->m->now_ms, left);
}

/* A task that no other task of its run holds up. Returns when it may start. */
static int64_t explain_leaf(struct walk *w, struct place p)
{
	const struct mtask *task = task_at(w->r, p);
	const struct mtry *t = try_of(w->m, w->r, p);
	int64_t now = w->m->now_ms;
	if (task->waits && task->state == TASK_WAITING) /* the walk was cut short */
		return INT64_MAX;
	if (task->state == TASK_DONE || (t && !t->sent))
		name_task(name(w, BLOCK_COMMIT, p), w->m, w->r, p);
	if (task->state == TASK_DONE || task->state == TASK_RUNNING)
		return now;
	const struct hold *hold = hold_of(w->m, w->r, p);
	if (task->flags & TASK_PARKED)
		return hold ? explain_hold(w, p, hold) : explain_twin(w, p);
	if (task->state == TASK_READY)
		name_room(w, p, w->r, p);
	else if (task->flags & TASK_DECIDING)
		name(w, BLOCK_DECIDING, p);
	else if (task->flags & TASK_AWAITING) {
		name(w, BLOCK_SOURCE, p);
		return INT64_MAX;
	} else if (task->flags & TASK_RETRYING)
		now = name(w, BLOCK_RETRY, p)->at_ms = task_retry_at(w->m, w->r, p);
	else if (!w->r->paused) {
		name_room(w, p, w->r, p);
		name(w, BLOCK_AHEAD, p);
	}
	return sum(now, queue_ms(w, w->r, p));
}

/* ---- the walk ---- */

static bool is_open(const struct walk *w, struct place p)
{
	const struct mtask *t = task_at(w->r, p);
	size_t i = index_of(w->r, p);
	return (t->flags & TASK_IN_RUN) && (t->state != TASK_DONE || (w->settling[i / 64] >> (i % 64) & 1));
}

/* The next open task that the frame's waits for. */
static bool next_open(struct walk *w, struct frame *f, struct place *ret)
{
	const struct run_spec *spec = w->r->spec;
	const struct spec_table *table = &spec->tables[f->at.table];
	if (!task_at(w->r, f->at)->waits || task_at(w->r, f->at)->state == TASK_DONE)
		return false;
	for (; f->edge < table->edge_end; f->edge++, f->span = 0) {
		const struct spec_edge *e = &spec->edges[f->edge];
		while (f->inside || f->span < edge_nspans(spec, e)) {
			if (!f->inside && !edge_dates(spec, f->at, e, f->span++, &f->date, &f->hi))
				continue;
			f->inside = f->date <= f->hi;
			if (!f->inside)
				continue;
			if (++w->looks > LOOKS_MAX) {
				w->cut = true;
				return false;
			}
			*ret = (struct place){e->up, f->date++};
			if (is_open(w, *ret))
				return true;
		}
	}
	return false;
}

static void enter(struct walk *w, struct place p)
{
	MEM_GROW(w->path, w->depth, w->cap_path);
	w->path[w->depth++] = (struct frame){.at = p, .edge = w->r->spec->tables[p.table].edge_first};
}

/* All above it is known. */
static void leave(struct walk *w)
{
	struct frame f = w->path[--w->depth];
	const struct mtry *t = try_of(w->m, w->r, f.at);
	int64_t start = f.held_up ? f.start : explain_leaf(w, f.at), left = t ? remaining_ms(w->m, t) : duration_ms(w->r, f.at);
	if (!w->depth) {
		w->ret->start_ms = start;
		return;
	}
	struct frame *reader = &w->path[w->depth - 1];
	if (task_at(w->r, f.at)->state == TASK_DONE)
		left = 0; /* and its BLOCK_COMMIT is told */
	else
		name_task(name(w, BLOCK_UPSTREAM, reader->at), w->m, w->r, f.at);
	int64_t finish = sum(start, left);
	w->work_ms = sum(w->work_ms, left);
	w->finish[index_of(w->r, f.at)] = finish;
	if (finish > reader->start)
		reader->start = finish;
}

static void walk(struct walk *w, struct place target)
{
	struct place up;
	enter(w, target);
	while (w->depth) {
		struct frame *f = &w->path[w->depth - 1];
		if (!next_open(w, f, &up)) {
			leave(w);
			continue;
		}
		int64_t finish = w->finish[index_of(w->r, up)];
		f->held_up = true;
		if (finish < 0)
			enter(w, up);
		else if (finish > f->start)
			f->start = finish;
	}
}

static void find_settling(struct walk *w)
{
	for (size_t i = w->m->pending_head; i < w->m->npending; i++) {
		const struct pending *p = &w->m->pending[i];
		if (p->kind == PENDING_RELEASE && p->run == w->r->id) {
			size_t bit = index_of(w->r, p->at);
			w->settling[bit / 64] |= UINT64_C(1) << (bit % 64);
		}
	}
}

/* Not before all of the work above it could have been done by as many as may run. */
static void estimate(struct walk *w)
{
	int64_t slots = max_slots(w->m, w->r);
	if (w->cut || w->r->paused || !slots || w->work_ms == INT64_MAX)
		w->ret->start_ms = INT64_MAX;
	else if (w->ret->start_ms < sum(w->m->now_ms, w->work_ms / slots))
		w->ret->start_ms = sum(w->m->now_ms, w->work_ms / slots);
}

static void explain(const struct machine *m, const struct mrun *r, struct place p, struct arena *arena, struct explanation *ret)
{
	struct walk w = {.m = m, .r = r, .ret = ret};
	size_t ntasks = r->first[r->ntables];
	w.finish = mem_array(ntasks, sizeof *w.finish);
	memset(w.finish, 0xff, ntasks * sizeof *w.finish);
	w.settling = mem_array(ntasks / 64 + 1, sizeof *w.settling);
	w.pools = mem_array(m->npools, sizeof *w.pools);
	ret->blockers = arena_array(arena, EXPLAIN_MAX, sizeof *ret->blockers);
	find_settling(&w);
	if (r->paused && ret->state != TASK_RUNNING)
		name(&w, BLOCK_PAUSED, p);
	walk(&w, p);
	estimate(&w);
	free(w.path);
	free(w.finish);
	free(w.settling);
	free(w.pools);
}

bool machine_explain(const struct machine *m, struct task_id task, struct arena *arena, struct explanation *ret)
{
	const struct mrun *r = machine_run(m, task.run);
	struct place p = {task.table, task.date};
	if (!r || p.table >= r->ntables || p.date >= table_dates(r, p.table) || !(task_at(r, p)->flags & TASK_IN_RUN))
		return false;
	const struct mtry *t = try_of(m, r, p);
	*ret = (struct explanation){.state = (enum task_state)task_at(r, p)->state, .result = (enum task_result)task_at(r, p)->result,
	                            .fence = t ? t->fence : 0, .start_ms = m->now_ms};
	if (ret->state != TASK_DONE && (ret->state != TASK_RUNNING || !t->sent))
		explain(m, r, p, arena, ret);
	return true;
}

#define BLOCKER_NAME(id, text) text,
static const char *const names[] = {BLOCKER_KINDS(BLOCKER_NAME)};
#undef BLOCKER_NAME

const char *blocker_kind_name(enum blocker_kind k)
{
	return (size_t)k < sizeof names / sizeof *names ? names[k] : "?";
}
