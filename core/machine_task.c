/* One task and its tries: deciding, queueing, starting, ending, trying again.
 *
 * Every state of a task is set in task_set, of a try in try_set. */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "core/machine_internal.h"
#include "core/retry.h"

static bool is_quiet(const struct mrun *r, const struct mtask *t, const struct task_change *c)
{
	return r->spec->quiet && !(t->flags & TASK_TOLD) && c->to == TASK_DONE && c->result != TASK_FAILED;
}

static void say(struct machine *m, struct mrun *r, struct place p, const struct task_change *c)
{
	struct mtask *t = task_at(r, p);
	t->flags |= TASK_TOLD;
	struct transition *tr = machine_transition(m, OBJECT_TASK, r->id);
	tr->task = task_id(r, p);
	tr->try_no = t->tries;
	tr->from = t->state;
	tr->to = (int)c->to;
	tr->result = (int)c->result;
	tr->wait = c->wait;
	tr->cause = c->cause;
	if (c->cause == CAUSE_UPSTREAM || c->cause == CAUSE_FAIL_FAST)
		tr->cause_task = task_id(r, c->cause_at);
	tr->retry_at_ms = c->retry_at_ms;
}

void task_set(struct machine *m, struct mrun *r, struct place p, struct task_change c)
{
	struct mtask *t = task_at(r, p);
	assert(task_may((enum task_state)t->state, c.to));
	if (c.to == TASK_READY && r->state == RUN_PLANNED)
		run_set(m, r, RUN_RUNNING);
	if (!is_quiet(r, t, &c))
		say(m, r, p, &c);

	struct lane *lane = lane_of(r, p.table);
	bool claimed = task_claims(t);
	lane->ahead -= t->state == TASK_READY || (t->flags & TASK_DECIDING);
	lane->ahead += c.to == TASK_READY;
	r->may_decide = true;
	t->flags &= TASK_STAYS;
	r->counts.by_state[t->state]--;
	r->counts.by_state[c.to]++;
	t->state = (uint8_t)c.to;
	if (task_claims(t) && !claimed)
		claim_take(m, r, p);
	else if (claimed && !task_claims(t))
		claim_drop(m, r, p);
	if (c.to != TASK_DONE)
		return;
	t->result = (uint8_t)c.result;
	r->counts.by_result[c.result]++;
	bool good = c.result == TASK_SUCCESS || c.result == TASK_EMPTY || c.result == TASK_FRESH;
	if (good && r->down_first[p.table] != r->down_first[p.table + 1])
		machine_pend(m, PENDING_RELEASE, r->id, p, 0);
}

static void task_done(struct machine *m, struct mrun *r, struct place p, enum task_result result)
{
	enum cause_kind cause = result == TASK_CANCELED ? run_cancel_cause(r) : CAUSE_NONE;
	task_set(m, r, p, (struct task_change){.to = TASK_DONE, .result = result, .cause = cause});
	if (result == TASK_FAILED || result == TASK_TIMEOUT)
		run_fail(m, r, p);
}

static void task_ready(struct machine *m, struct mrun *r, struct place p)
{
	task_set(m, r, p, (struct task_change){.to = TASK_READY, .wait = WAIT_POOL});
	queue_push(&lane_of(r, p.table)->ready, r->spec, p);
}

void task_eligible(struct mrun *r, struct place p)
{
	task_flag(task_at(r, p), TASK_ELIGIBLE);
	r->may_decide = true;
	queue_push(&lane_of(r, p.table)->eligible, r->spec, p);
}

void task_put_back(struct machine *m, struct mrun *r, struct place p, enum task_wait wait)
{
	task_set(m, r, p, (struct task_change){.to = TASK_WAITING, .wait = wait});
	task_eligible(r, p);
}

/* Nothing but its source is missing, and that may take days: it keeps neither its place ahead nor its partition. */
static void task_await(struct machine *m, struct mrun *r, struct place p)
{
	task_set(m, r, p, (struct task_change){.to = TASK_WAITING, .wait = WAIT_SOURCE});
	task_flag(task_at(r, p), TASK_AWAITING);
}

/* Whether this is a task of the run at all: the world may name any. */
static bool is_task(const struct mrun *r, struct place p)
{
	return p.table < r->ntables && p.date < table_dates(r, p.table) && (task_at(r, p)->flags & TASK_IN_RUN);
}

void task_decided(struct machine *m, struct mrun *r, struct place p, enum decision d)
{
	if (!is_task(r, p) || !(task_at(r, p)->flags & TASK_DECIDING))
		return;
	if (d == DECIDE_BUILD && (r->paused || hold_of(m, r, p) || claim_is_wanted(m, r, p))) { /* to be ready now would hold up others */
		lane_of(r, p.table)->ahead--;
		task_eligible(r, p);
		claim_drop(m, r, p);
	} else if (d == DECIDE_BUILD)
		task_ready(m, r, p);
	else if (d == DECIDE_WAIT)
		task_await(m, r, p);
	else
		task_done(m, r, p, d == DECIDE_FRESH ? TASK_FRESH : TASK_FAILED);
}

void task_source(struct mrun *r, struct place p)
{
	if (is_task(r, p) && (task_at(r, p)->flags & TASK_AWAITING))
		task_eligible(r, p);
}

static void try_set(struct machine *m, struct mtry *t, int from, enum try_state to, enum try_outcome outcome)
{
	assert(from < 0 ? to == TRY_STARTING : try_may((enum try_state)from, to));
	struct transition *tr = machine_transition(m, OBJECT_TRY, t->run);
	tr->task = (struct task_id){t->run, t->at.table, t->at.date};
	tr->fence = t->fence;
	tr->batch = t->batch;
	tr->try_no = t->try_no;
	tr->from = from;
	tr->to = (int)to;
	tr->result = (int)outcome;
	t->state = to;
}

static void start_one(struct machine *m, struct mrun *r, struct place p, uint64_t batch)
{
	r->counts.tries++;
	r->active++;
	task_at(r, p)->tries++;
	task_set(m, r, p, (struct task_change){.to = TASK_RUNNING});
	MEM_GROW(m->tries, m->ntries, m->cap_tries);
	struct mtry *t = &m->tries[m->ntries++];
	*t = (struct mtry){.fence = m->next_fence++, .batch = batch, .run = r->id, .at = p, .try_no = task_at(r, p)->tries,
	                   .since_ms = m->now_ms, .deadline_ms = INT64_MAX};
	m->pool_used[r->spec->tables[p.table].pool]++;
	try_set(m, t, -1, TRY_STARTING, OUTCOME_NONE);
}

void task_start(struct machine *m, struct mrun *r, struct place p, uint32_t dates)
{
	uint64_t batch = m->next_fence;
	m->nbatches++;
	m->unscheduled += r->spec->kind != RUN_SCHEDULED;
	for (uint32_t i = 0; i < dates; i++)
		start_one(m, r, (struct place){p.table, p.date + i}, batch);
	for (uint32_t i = 0; i < dates; i++) /* all of them wait for the last one's row, so that they go together */
		machine_pend(m, PENDING_START, r->id, (struct place){p.table, p.date + i}, batch + i);
}

struct mtry *try_find(const struct machine *m, uint64_t fence)
{
	size_t lo = 0, hi = m->ntries;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (m->tries[mid].fence < fence)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < m->ntries && m->tries[lo].fence == fence ? &m->tries[lo] : NULL;
}

/* Another try of its batch has not ended. Fences of a batch follow each other, and so do its tries. */
static bool has_mates(const struct machine *m, const struct mtry *t)
{
	return (t > m->tries && t[-1].batch == t->batch) || (t + 1 < m->tries + m->ntries && t[1].batch == t->batch);
}

/* The try's last transition; it leaves m->tries and its slot. Returns what it was. */
static struct mtry try_end(struct machine *m, struct mrun *r, struct mtry *t, enum try_outcome outcome)
{
	try_set(m, t, (int)t->state, TRY_ENDED, outcome);
	struct mtry was = *t;
	m->pool_used[r->spec->tables[was.at.table].pool]--;
	bool last = !has_mates(m, t);
	m->nbatches -= last;
	m->unscheduled -= last && r->spec->kind != RUN_SCHEDULED;
	r->active--;
	size_t i = (size_t)(t - m->tries);
	memmove(t, t + 1, (m->ntries - i - 1) * sizeof *t);
	m->ntries--;
	return was;
}

void try_running(struct machine *m, struct mtry *t)
{
	if (!t->sent || t->state != TRY_STARTING)
		return;
	const struct mrun *r = machine_run(m, t->run);
	int64_t timeout = r->spec->tables[t->at.table].timeout_ms;
	if (timeout > 0)
		t->deadline_ms = timeout < INT64_MAX - m->now_ms ? m->now_ms + timeout : INT64_MAX;
	t->since_ms = m->now_ms;
	try_set(m, t, TRY_STARTING, TRY_RUNNING, OUTCOME_NONE);
}

/* A try that was told to stop and then was interrupted, or did not listen and was killed, ended for the
 * reason it was told. */
static enum try_outcome outcome_of(const struct mtry *t, enum try_outcome reported)
{
	if (t->stopped && (reported == OUTCOME_KILLED || reported == OUTCOME_LOST))
		return t->stop == STOP_TIMEOUT ? OUTCOME_TIMEOUT : OUTCOME_KILLED;
	return reported;
}

static bool curable(const struct spec_table *table, enum try_outcome outcome, enum error_class error)
{
	return outcome != OUTCOME_ERROR || error == ERROR_TRANSIENT || table->retry_any;
}

#define RETRY_OF_NOBODY UINT64_MAX

static uint64_t retry_value(const struct mrun *r, struct place p)
{
	return (uint64_t)r->serial << 32 | (r->first[p.table] + p.date);
}

static void plan_retry(struct machine *m, struct mrun *r, const struct mtry *t, double jitter)
{
	const struct spec_table *table = &r->spec->tables[t->at.table];
	struct retry_policy policy = {table->retry_delay_ms, table->max_retry_delay_ms, table->retry_backoff};
	int64_t at = m->now_ms + retry_delay_ms(&policy, t->try_no - task_at(r, t->at)->spared, jitter);
	task_set(m, r, t->at, (struct task_change){.to = TASK_WAITING, .wait = WAIT_RETRY, .retry_at_ms = at});
	task_at(r, t->at)->flags |= TASK_RETRYING;
	heap_push(&m->retries, at, retry_value(r, t->at));
}

/* Nearly the most: one long date after many short ones is not forgotten at once. */
static void learn(struct mrun *r, uint32_t table, int64_t took_us)
{
	int64_t *known = &r->took_us[table];
	*known -= *known / 8;
	if (took_us > *known)
		*known = took_us;
}

/* Lost with its batch, for what another try did: it goes back as if it had not been started, to be withheld if it would be
 * by now. Another one of the batch is to blame each time, whose tries are numbered; so this comes to an end. */
static bool is_spared(const struct mrun *r, const struct mtry *t, const struct event *ev)
{
	return ev->blameless && ev->outcome == OUTCOME_LOST && !r->canceled && task_at(r, t->at)->spared < UINT8_MAX;
}

static void spare(struct machine *m, struct mrun *r, struct mtry *t)
{
	struct mtry was = try_end(m, r, t, OUTCOME_LOST);
	task_at(r, was.at)->spared++;
	task_put_back(m, r, was.at, WAIT_POOL);
	run_withhold(m, r, was.at);
}

void try_ended(struct machine *m, struct mtry *t, const struct event *ev)
{
	if (!t->sent)
		return;
	struct mrun *r = machine_run(m, t->run);
	if (ev->took_us > 0)
		learn(r, t->at.table, ev->took_us);
	if (is_spared(r, t, ev)) {
		spare(m, r, t);
		return;
	}
	const struct spec_table *table = &r->spec->tables[t->at.table];
	enum try_outcome outcome = outcome_of(t, ev->outcome);
	struct mtry was = try_end(m, r, t, outcome);
	if (outcome == OUTCOME_SUCCESS) {
		task_done(m, r, was.at, ev->empty ? TASK_EMPTY : TASK_SUCCESS);
		return;
	}
	bool again = curable(table, outcome, ev->error) && was.try_no - task_at(r, was.at)->spared <= table->retries;
	if (r->canceled && (again || outcome == OUTCOME_KILLED))
		task_done(m, r, was.at, TASK_CANCELED);
	else if (again && !r->failed_fast && was.at.date <= r->failed_from[was.at.table])
		plan_retry(m, r, &was, ev->jitter);
	else
		task_done(m, r, was.at, outcome == OUTCOME_TIMEOUT ? TASK_TIMEOUT : TASK_FAILED);
}

void try_cancel(struct machine *m, struct mrun *r, struct mtry *t)
{
	if (!t->sent) { /* no worker has heard of it */
		struct mtry was = try_end(m, r, t, OUTCOME_KILLED);
		task_done(m, r, was.at, TASK_CANCELED);
	} else if (!t->stopped || t->stop == STOP_TIMEOUT) { /* a timeout may have been ignored: live_try_stop */
		t->stopped = true;
		t->stop = STOP_CANCEL;
		struct action *a = machine_emit(m, ACT_STOP);
		a->task = task_id(r, t->at);
		a->fence = t->fence;
		a->stop = STOP_CANCEL;
	}
}

void tries_stop_due(struct machine *m)
{
	for (size_t i = 0; i < m->ntries; i++) {
		struct mtry *t = &m->tries[i];
		if (t->stopped || t->deadline_ms > m->now_ms)
			continue;
		t->stopped = true;
		t->stop = STOP_TIMEOUT;
		struct action *a = machine_emit(m, ACT_STOP);
		a->task = (struct task_id){t->run, t->at.table, t->at.date};
		a->fence = t->fence;
		a->stop = STOP_TIMEOUT;
	}
}

int64_t tries_next_deadline(const struct machine *m)
{
	int64_t next = INT64_MAX;
	for (size_t i = 0; i < m->ntries; i++) {
		if (!m->tries[i].stopped && m->tries[i].deadline_ms < next)
			next = m->tries[i].deadline_ms;
	}
	return next;
}

/* The run and task of an entry of m->retries; false when it no longer waits for its retry. */
static bool retry_of(const struct machine *m, uint64_t value, struct mrun **ret_run, struct place *ret_place)
{
	uint32_t serial = (uint32_t)(value >> 32), index = (uint32_t)value;
	struct mrun *r = machine_run_by_serial(m, serial);
	if (!r || !(r->tasks[index].flags & TASK_RETRYING))
		return false;
	uint32_t lo = 0, hi = r->ntables; /* the table with first[table] <= index < first[table + 1] */
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (r->first[mid] <= index)
			lo = mid;
		else
			hi = mid;
	}
	*ret_run = r;
	*ret_place = (struct place){lo, index - r->first[lo]};
	return true;
}

int64_t tasks_next_retry(struct machine *m)
{
	struct heap_item item;
	struct mrun *r;
	struct place p;
	while (heap_peek(&m->retries, &item)) {
		if (retry_of(m, item.value, &r, &p))
			return item.key;
		heap_pop(&m->retries, &item);
	}
	return INT64_MAX;
}

int64_t task_retry_at(const struct machine *m, const struct mrun *r, struct place p)
{
	int64_t at = m->now_ms;
	for (size_t i = 0; i < m->retries.len; i++) {
		if (m->retries.items[i].value == retry_value(r, p))
			at = m->retries.items[i].key;
	}
	return at;
}

/* Its time has come. It keeps its decision, unless somebody else may change the partition meanwhile. */
static void retry(struct machine *m, struct mrun *r, struct place p)
{
	struct place other;
	if (r->paused || hold_of(m, r, p) || claim_holder(m, r, p, &other))
		task_eligible(r, p);
	else
		task_ready(m, r, p);
}

void task_retry_now(struct machine *m, struct mrun *r, struct place p)
{
	if (!is_task(r, p) || !(task_at(r, p)->flags & TASK_RETRYING))
		return;
	uint64_t value = retry_value(r, p);
	for (size_t i = 0; i < m->retries.len; i++) { /* no place in the heap depends on it */
		if (m->retries.items[i].value == value)
			m->retries.items[i].value = RETRY_OF_NOBODY;
	}
	retry(m, r, p);
}

void tasks_retry_due(struct machine *m)
{
	struct heap_item item;
	struct mrun *r;
	struct place p;
	while (tasks_next_retry(m) <= m->now_ms) {
		heap_pop(&m->retries, &item);
		if (retry_of(m, item.value, &r, &p))
			retry(m, r, p);
	}
}
