/* machine_step: one event in, what follows from it out. See machine.h for the rules. */
#include "core/machine.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/machine_internal.h"

/* A step that said more than that, as the end of a large run does, leaves no room behind. */
enum { ACTIONS_KEPT = 1 << 16 };

void actions_free(struct actions *a)
{
	free(a->items);
	*a = (struct actions){0};
}

struct machine *machine_new(const struct machine_config *config)
{
	struct machine *m = mem_alloc(sizeof *m);
	m->next_fence = config->next_fence;
	m->capacity = config->capacity;
	m->kept = config->kept;
	m->npools = config->npools;
	m->pool_slots = mem_array(config->npools, sizeof *m->pool_slots);
	m->pool_used = mem_array(config->npools, sizeof *m->pool_used);
	if (config->npools)
		memcpy(m->pool_slots, config->pool_slots, config->npools * sizeof *m->pool_slots);
	m->timer_ms = INT64_MAX;
	return m;
}

static void free_gone(struct machine *m)
{
	while (m->gone) {
		struct mrun *r = m->gone;
		m->gone = r->next_gone;
		run_free(r);
	}
}

void machine_free(struct machine *m)
{
	if (!m)
		return;
	free_gone(m);
	for (size_t i = 0; i < m->nruns; i++)
		run_free(m->runs[i]);
	free(m->runs);
	free(m->pool_slots);
	free(m->pool_used);
	free(m->tries);
	free(m->pending);
	heap_free(&m->retries);
	claims_free(&m->claims);
	free(m->holds);
	free(m);
}

struct action *machine_emit(struct machine *m, enum action_kind kind)
{
	struct actions *out = m->out;
	MEM_GROW(out->items, out->len, out->cap);
	struct action *a = &out->items[out->len++];
	*a = (struct action){.kind = kind};
	return a;
}

struct transition *machine_transition(struct machine *m, enum object_kind object, uint32_t run)
{
	struct transition *t = &machine_emit(m, ACT_TRANSITION)->transition;
	t->seq = ++m->seq;
	t->object = object;
	t->task.run = run;
	return t;
}

void machine_pend(struct machine *m, enum pending_kind kind, uint32_t run, struct place at, uint64_t fence)
{
	/* Reuse the front once it is half of all, so that a move pays for as many pushes. */
	if (m->npending == m->cap_pending && m->pending_head > m->npending / 2) {
		m->npending -= m->pending_head;
		memmove(m->pending, m->pending + m->pending_head, m->npending * sizeof *m->pending);
		m->pending_head = 0;
	}
	MEM_GROW(m->pending, m->npending, m->cap_pending);
	m->pending[m->npending++] = (struct pending){.seq = m->seq, .kind = kind, .run = run, .at = at, .fence = fence};
}

struct mrun *machine_run(const struct machine *m, uint32_t id)
{
	for (size_t i = 0; i < m->nruns; i++) {
		if (m->runs[i]->id == id)
			return m->runs[i];
	}
	return NULL;
}

struct mrun *machine_run_by_serial(const struct machine *m, uint32_t serial)
{
	for (size_t i = 0; i < m->nruns; i++) {
		if (m->runs[i]->serial == serial)
			return m->runs[i];
	}
	return NULL;
}

static void add_run(struct machine *m, const struct event *ev)
{
	if (machine_run(m, ev->run))
		return;
	MEM_GROW(m->runs, m->nruns, m->cap_runs);
	m->runs[m->nruns++] = run_new(m, ev->run, ev->spec);
}

static void remove_run(struct machine *m, struct mrun *r)
{
	struct action *a = machine_emit(m, ACT_RUN_DONE);
	a->run = r->id;
	a->run_result = r->result;
	r->spec = NULL;
	size_t i = 0;
	while (m->runs[i] != r)
		i++;
	memmove(&m->runs[i], &m->runs[i + 1], (m->nruns - i - 1) * sizeof(struct mrun *));
	m->nruns--;
	r->next_gone = m->gone;
	m->gone = r;
}

static void carry_out(struct machine *m, const struct pending *p)
{
	struct mrun *r = machine_run(m, p->run);
	struct mtry *t;
	switch (p->kind) {
	case PENDING_START:
		t = try_find(m, p->fence);
		if (t) { /* else it was canceled on its way */
			t->sent = true;
			struct action *a = machine_emit(m, ACT_START);
			a->task = task_id(r, t->at);
			a->run = r->id;
			a->fence = t->fence;
			a->batch = t->batch;
			a->try_no = t->try_no;
		}
		break;
	case PENDING_RELEASE:
		run_release(r, p->at);
		break;
	case PENDING_RUN_DONE:
		remove_run(m, r);
		break;
	}
}

static void committed(struct machine *m, uint64_t seq)
{
	if (seq > m->seq)
		seq = m->seq;
	if (seq > m->committed)
		m->committed = seq;
}

static void carry_out_durable(struct machine *m)
{
	while (m->pending_head < m->npending && m->pending[m->pending_head].seq <= m->committed) {
		struct pending p = m->pending[m->pending_head++];
		carry_out(m, &p);
	}
	if (m->pending_head == m->npending)
		m->pending_head = m->npending = 0;
}

static void set_pools(struct machine *m, const struct event *ev)
{
	if (ev->npools > m->npools) {
		m->pool_slots = mem_realloc(m->pool_slots, ev->npools, sizeof *m->pool_slots);
		m->pool_used = mem_realloc(m->pool_used, ev->npools, sizeof *m->pool_used);
		memset(m->pool_used + m->npools, 0, (ev->npools - m->npools) * sizeof *m->pool_used);
		m->npools = ev->npools;
	}
	memcpy(m->pool_slots, ev->pool_slots, ev->npools * sizeof *m->pool_slots);
}

static void take(struct machine *m, const struct event *ev)
{
	struct mrun *r;
	struct mtry *t;
	switch (ev->kind) {
	case EV_RUN_ADD:
		add_run(m, ev);
		break;
	case EV_COMMITTED:
		committed(m, ev->seq);
		break;
	case EV_DECIDED:
		r = machine_run(m, ev->task.run);
		if (r)
			task_decided(m, r, (struct place){ev->task.table, ev->task.date}, ev->decision);
		break;
	case EV_TRY_RUNNING:
		t = try_find(m, ev->fence);
		if (t)
			try_running(m, t);
		break;
	case EV_TRY_ENDED:
		t = try_find(m, ev->fence);
		if (t)
			try_ended(m, t, ev);
		break;
	case EV_CANCEL_RUN:
		r = machine_run(m, ev->run);
		if (r)
			run_cancel(m, r, false);
		break;
	case EV_RUN_TIMEOUT:
		r = machine_run(m, ev->run);
		if (r)
			run_cancel(m, r, true);
		break;
	case EV_PAUSE_RUN:
	case EV_UNPAUSE_RUN:
		r = machine_run(m, ev->run);
		if (r)
			run_pause(m, r, ev->kind == EV_PAUSE_RUN);
		break;
	case EV_RETRY_NOW:
		r = machine_run(m, ev->task.run);
		if (r)
			task_retry_now(m, r, (struct place){ev->task.table, ev->task.date});
		break;
	case EV_SOURCE:
		r = machine_run(m, ev->task.run);
		if (r)
			task_source(r, (struct place){ev->task.table, ev->task.date});
		break;
	case EV_HOLD:
		hold_begin(m, &ev->hold);
		break;
	case EV_HOLD_END:
		hold_end(m, ev->hold.id);
		break;
	case EV_CAPACITY:
		m->capacity = ev->capacity;
		m->kept = ev->kept;
		for (size_t i = 0; i < m->nruns; i++)
			m->runs[i]->may_decide = true; /* more of it is more room ahead */
		break;
	case EV_POOLS:
		set_pools(m, ev);
		break;
	case EV_TIME:
		m->timer_ms = INT64_MAX; /* the caller's timer is used up */
		break;
	}
}

static void set_timer(struct machine *m)
{
	int64_t retry = tasks_next_retry(m), deadline = tries_next_deadline(m);
	int64_t next = retry < deadline ? retry : deadline;
	if (next == m->timer_ms)
		return;
	m->timer_ms = next;
	machine_emit(m, ACT_TIMER)->at_ms = next;
}

void machine_step(struct machine *m, const struct event *ev, struct actions *out)
{
	if (out->cap > ACTIONS_KEPT)
		actions_free(out);
	out->len = 0;
	m->out = out;
	free_gone(m);
	if (ev->now_ms > m->now_ms)
		m->now_ms = ev->now_ms;
	/* The event first: a result that arrives at the deadline is a result. */
	take(m, ev);
	carry_out_durable(m); /* a quiet end may have nothing to wait for */
	tries_stop_due(m);
	tasks_retry_due(m);
	tasks_decide_ahead(m);
	tasks_start(m);
	for (size_t i = 0; i < m->nruns; i++)
		run_finish_if_done(m, m->runs[i]);
	holds_tell(m);
	set_timer(m);
	m->out = NULL;
}

/* A run that is known: also one that was done in the last step. */
static const struct mrun *known_run(const struct machine *m, uint32_t id)
{
	const struct mrun *r = machine_run(m, id);
	for (const struct mrun *gone = m->gone; gone && !r; gone = gone->next_gone)
		r = gone->id == id ? gone : NULL;
	return r;
}

bool machine_run_counts(const struct machine *m, uint32_t run, struct run_counts *ret)
{
	const struct mrun *r = known_run(m, run);
	if (!r)
		return false;
	*ret = r->counts;
	return true;
}

uint64_t machine_next_fence(const struct machine *m)
{
	return m->next_fence;
}

uint32_t machine_in_flight(const struct machine *m)
{
	return (uint32_t)m->ntries;
}

static const struct mtask *known_task(const struct machine *m, struct task_id task)
{
	const struct mrun *r = known_run(m, task.run);
	if (!r || task.table >= r->ntables || task.date >= table_dates(r, task.table))
		return NULL;
	const struct mtask *t = task_at(r, (struct place){task.table, task.date});
	return t->flags & TASK_IN_RUN ? t : NULL;
}

enum task_state machine_task_state(const struct machine *m, struct task_id task)
{
	const struct mtask *t = known_task(m, task);
	return t ? (enum task_state)t->state : TASK_DONE;
}

enum task_result machine_task_result(const struct machine *m, struct task_id task)
{
	const struct mtask *t = known_task(m, task);
	return t ? (enum task_result)t->result : TASK_RESULT_NONE;
}
