/* A model of what the machine may do, beside it in the simulation: written without the machine's counters
 * and queues, it enumerates every date and searches every list. Each action is checked as it is said, and the
 * whole between steps; a violation ends the program and names the seed. */
#ifndef STRATA_TESTS_SIM_MACHINE_MODEL_H
#define STRATA_TESTS_SIM_MACHINE_MODEL_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/machine.h"

enum { MAX_TABLES = 8, MAX_DATES = 7, MAX_EDGES = 24, MAX_RUNS = 4, MAX_POOLS = 3, MAX_POOL_CHANGES = 256, MAX_HOLDS = 3 };

static uint64_t seed_of_world;

#define CHECK(what)                                                                            \
	do {                                                                                   \
		if (!(what)) {                                                                 \
			fprintf(stderr, "%s:%d: %s\nreplay with: sim_machine %" PRIu64 "\n",   \
			        __FILE__, __LINE__, #what, seed_of_world);                     \
			exit(1);                                                               \
		}                                                                              \
	} while (0)

struct task {
	bool exists;
	enum task_state state;
	enum task_result result;
	uint64_t end_seq;     /* of the transition to done */
	uint32_t tries, spared;
	uint64_t live;        /* fence of its live try; 0: none */
	bool deciding, retrying, told;
	bool late;            /* its source has not come yet */
	bool awaiting;        /* that is why it waits, and it is on record */
	bool found_fresh;     /* that is the answer which is on its way */
	int64_t retry_at;
};

struct run {
	bool added, gone, canceled, timed_out, failed, paused;
	uint64_t done_seq;
	enum run_state state;
	enum run_result result;
	struct run_spec spec;
	struct spec_table tables[MAX_TABLES];
	struct spec_edge edges[MAX_EDGES];
	struct span spans[MAX_EDGES][2];
	uint64_t todo[1], told[1];
	struct task tasks[MAX_TABLES][MAX_DATES];
	uint32_t passed, passed_in[MAX_POOLS]; /* how often others started something when it could have */
};

struct live_try {
	uint64_t fence, seq; /* seq: of the last starting row of its batch */
	uint64_t batch;
	struct task_id id;
	uint32_t try_no;
	enum try_state state;
	bool sent, stopped;
	enum stop_reason stop;
	int64_t deadline;
};

struct held {
	struct machine_hold what;
	bool told;
};

struct world {
	struct run runs[MAX_RUNS];
	uint32_t nruns, npools, capacity, kept;
	uint32_t pools[MAX_POOLS];
	uint32_t pool_changes[MAX_POOL_CHANGES][MAX_POOLS], npool_changes;
	struct live_try tries[64];
	struct held holds[MAX_HOLDS]; /* that have not ended */
	uint32_t nholds, hold_ids;
	uint64_t held;        /* how many were told */
	uint64_t spared;      /* the try that the event of this step ends without blame */
	bool batching;        /* a world with room for batches */
	uint64_t batches;     /* that had more than one try */
	uint64_t started;     /* fence of the last ACT_START of this step */
	size_t ntries;
	uint64_t fence, seq, committed;
	int64_t now, timer;
	uint32_t meddling, shared, late; /* percent: of commands, of tables that other runs have too, or whose sources come late */
	struct task_id decisions[MAX_RUNS * MAX_TABLES * MAX_DATES];
	size_t ndecisions;
	struct event *events; /* all, for the replay */
	uint64_t *digests;    /* of the actions of each */
	size_t nevents, cap_events, ndigests, cap_digests;
};

static struct world w;

static struct task *task_of(struct task_id id)
{
	CHECK(id.run < w.nruns && id.table < w.runs[id.run].spec.ntables && id.date < MAX_DATES);
	struct task *t = &w.runs[id.run].tasks[id.table][id.date];
	CHECK(t->exists);
	return t;
}

static struct live_try *live(uint64_t fence)
{
	for (size_t i = 0; i < w.ntries; i++) {
		if (w.tries[i].fence == fence)
			return &w.tries[i];
	}
	return NULL;
}

static bool good(enum task_result r)
{
	return r == TASK_SUCCESS || r == TASK_EMPTY || r == TASK_FRESH;
}

static bool bad(enum task_result r)
{
	return r == TASK_FAILED || r == TASK_TIMEOUT || r == TASK_UPSTREAM_FAILED;
}

/* Whether the reader's span has the upstream's day, from the words of span.h. */
static bool end_holds(struct bound b, bool dated, int64_t reader, int64_t up, bool low)
{
	if (b.kind == BOUND_NONE || (b.kind == BOUND_REL && !dated))
		return true;
	int64_t end = b.kind == BOUND_ABS ? b.day : reader + b.day;
	return low ? up >= end : up <= end;
}

static bool edge_covers(const struct run *r, uint32_t reader, uint32_t date, const struct spec_edge *e, uint32_t up_date)
{
	bool self = e->up == reader;
	if (self && up_date >= date)
		return false;
	if (!r->tables[e->up].partitioned)
		return up_date == 0;
	bool covered = e->nspans == 0;
	for (size_t s = 0; s < e->nspans; s++) {
		bool dated = r->tables[reader].partitioned;
		int64_t day = r->spec.first_day + (int64_t)date, up = r->spec.first_day + (int64_t)up_date;
		covered |= end_holds(e->spans[s].lo, dated, day, up, true) && end_holds(e->spans[s].hi, dated, day, up, false);
	}
	return covered;
}

static bool all_upstream_durable(struct task_id id)
{
	struct run *r = &w.runs[id.run];
	for (uint32_t e = r->tables[id.table].edge_first; e < r->tables[id.table].edge_end; e++) {
		for (uint32_t d = 0; d < r->spec.ndates; d++) {
			const struct task *up = &r->tasks[r->edges[e].up][d];
			if (up->exists && edge_covers(r, id.table, id.date, &r->edges[e], d) &&
			    (up->state != TASK_DONE || !good(up->result) || up->end_seq > w.committed))
				return false;
		}
	}
	return true;
}

/* In a backfill: an earlier date of its table failed. */
static bool earlier_date_failed(struct task_id id)
{
	const struct run *r = &w.runs[id.run];
	for (uint32_t d = 0; d < id.date; d++) {
		const struct task *t = &r->tasks[id.table][d];
		if (r->spec.kind == RUN_BACKFILL && !r->spec.continue_on_error && t->exists &&
		    (t->result == TASK_FAILED || t->result == TASK_TIMEOUT))
			return true;
	}
	return false;
}

/* Something that it reads went wrong, or an earlier date. */
static bool withheld_rightly(struct task_id id)
{
	struct run *r = &w.runs[id.run];
	for (uint32_t e = r->tables[id.table].edge_first; e < r->tables[id.table].edge_end; e++) {
		for (uint32_t d = 0; d < r->spec.ndates; d++) {
			const struct task *up = &r->tasks[r->edges[e].up][d];
			if (up->exists && up->state == TASK_DONE && bad(up->result) &&
			    edge_covers(r, id.table, id.date, &r->edges[e], d))
				return true;
		}
	}
	return earlier_date_failed(id);
}

#include "tests/sim/machine_turns.h"

/* ---- checking actions against the model ---- */

/* ---- quiet runs ---- */

static bool is_quiet(const struct run *r, const struct task *t, enum task_result result)
{
	return r->spec.quiet && !t->told && result != TASK_RESULT_NONE && result != TASK_FAILED;
}

static void end_quietly(struct task *t, enum task_result result, uint64_t seq)
{
	t->state = TASK_DONE;
	t->result = result;
	t->end_seq = seq;
	t->deciding = false;
}

/* The answer to a decision in a quiet run; `seq`: the last one said before it. Fresh tasks release their readers
 * when all that was said before is durable. */
static void saw_fresh_quietly(struct task_id id, uint64_t seq)
{
	struct run *r = &w.runs[id.run];
	struct task *t = &r->tasks[id.table][id.date];
	if (t->found_fresh && t->state == TASK_WAITING && is_quiet(r, t, TASK_FRESH))
		end_quietly(t, TASK_FRESH, seq);
	t->found_fresh = false;
}

/* What else ended without a word in this step, before anything that follows from it: check_rest sees whether it
 * should have. */
static void saw_quiet_ends(const struct machine *m)
{
	for (uint32_t k = 0; k < MAX_RUNS * MAX_TABLES * MAX_DATES; k++) {
		struct task_id id = {k / (MAX_TABLES * MAX_DATES), k / MAX_DATES % MAX_TABLES, k % MAX_DATES};
		struct run *r = &w.runs[id.run];
		struct task *t = &r->tasks[id.table][id.date];
		if (!r->spec.quiet || !r->added || r->gone || !t->exists || t->state != TASK_WAITING || machine_task_state(m, id) != TASK_DONE)
			continue;
		enum task_result result = machine_task_result(m, id);
		if (!is_quiet(r, t, result))
			continue; /* it is told */
		CHECK(result == TASK_CANCELED || result == TASK_SKIPPED || result == TASK_UPSTREAM_FAILED);
		end_quietly(t, result, w.seq);
	}
}

static void saw_task(const struct transition *t)
{
	struct run *r = &w.runs[t->task.run];
	struct task *task = task_of(t->task);
	CHECK(r->state != RUN_DONE);
	CHECK(t->from == (int)task->state);
	CHECK(task_may((enum task_state)t->from, (enum task_state)t->to));
	CHECK(t->try_no == task->tries + (t->to == TASK_RUNNING));
	CHECK((t->to == TASK_DONE) == (t->result != TASK_RESULT_NONE));
	CHECK(!is_quiet(r, task, (enum task_result)t->result));
	task->told = true;
	task->state = (enum task_state)t->to;
	switch (task->state) {
	case TASK_READY:
		CHECK(r->state == RUN_RUNNING && all_upstream_durable(t->task));
		CHECK(!r->canceled && !(r->spec.fail_fast && r->failed));
		CHECK(!task->retrying || w.now >= task->retry_at);
		CHECK(!r->paused && !twin_under_way(t->task));
		CHECK(!task->late && !task->awaiting && !is_held(t->task));
		task->retrying = false;
		break;
	case TASK_RUNNING:
		CHECK(!r->paused && !twin_under_way(t->task) && !task->late && !is_held(t->task));
		CHECK(all_upstream_durable(t->task) && !task->live);
		CHECK(!r->canceled && !(r->spec.fail_fast && r->failed));
		task->tries++;
		break;
	case TASK_WAITING:
		if (t->from == TASK_READY) {
			CHECK(t->wait == WAIT_PAUSED ? r->paused
			                             : t->wait == WAIT_POOL && (is_held(t->task) || urgent_twin_waits(t->task, false)));
			break;
		}
		if (t->from == TASK_WAITING) {
			CHECK(t->wait == WAIT_SOURCE && task->awaiting && task->late && !task->deciding);
			break;
		}
		if (t->wait == WAIT_POOL) {
			CHECK(w.spared && !task->live && !r->canceled);
			task->spared++;
			break;
		}
		CHECK(t->wait == WAIT_RETRY && !task->live && task->tries - task->spared <= r->tables[t->task.table].retries);
		CHECK(t->retry_at_ms >= w.now);
		task->retrying = true;
		task->retry_at = t->retry_at_ms;
		break;
	default:
		CHECK(!task->live && task->result == TASK_RESULT_NONE);
		task->result = (enum task_result)t->result;
		task->end_seq = t->seq;
		task->deciding = task->awaiting = false;
		r->failed |= bad(task->result);
		CHECK(task->result != TASK_CANCELED || r->canceled);
		CHECK(task->result != TASK_SKIPPED || (r->spec.fail_fast && r->failed));
		if (task->result == TASK_UPSTREAM_FAILED) {
			enum task_result cause = task_of(t->cause_task)->result;
			CHECK(t->cause == CAUSE_UPSTREAM && (cause == TASK_FAILED || cause == TASK_TIMEOUT));
		}
		break;
	}
}

/* The next date of a batch: one table that does not read itself, which may have so many, with a slot for each. */
static void check_mate(const struct transition *t)
{
	const struct run *r = &w.runs[t->task.run];
	const struct spec_table *table = &r->tables[t->task.table];
	const struct live_try *before = &w.tries[w.ntries - 1];
	uint32_t n = 1;
	for (size_t i = 0; i < w.ntries; i++) {
		if (w.tries[i].batch == t->batch) {
			w.tries[i].seq = t->seq;
			n++;
		}
	}
	CHECK(before->batch == t->batch && before->fence == t->fence - 1 && !before->sent);
	CHECK(before->id.run == t->task.run && before->id.table == t->task.table && before->id.date + 1 == t->task.date);
	CHECK(n <= table->batch && (!r->spec.max_active || in_flight(t->task.run) < r->spec.max_active));
	for (uint32_t e = table->edge_first; e < table->edge_end; e++)
		CHECK(r->edges[e].up != t->task.table);
	w.batches += n == 2;
}

static void saw_try(const struct transition *t)
{
	struct task *task = task_of(t->task);
	struct live_try *try = live(t->fence);
	if (t->from < 0) {
		CHECK(t->to == TRY_STARTING && t->fence > w.fence && task->state == TASK_RUNNING && !task->live);
		CHECK(t->try_no == task->tries && t->batch <= t->fence && w.ntries < sizeof w.tries / sizeof *w.tries);
		w.fence = task->live = t->fence;
		uint32_t pool = w.runs[t->task.run].tables[t->task.table].pool;
		CHECK(pool_used(pool) < w.pools[pool]);
		if (t->batch != t->fence) {
			check_mate(t);
		} else {
			CHECK(worker_for(t->task.run));
			check_turn(t->task);
		}
		w.tries[w.ntries++] = (struct live_try){.fence = t->fence, .seq = t->seq, .batch = t->batch, .id = t->task,
		                                           .try_no = t->try_no, .deadline = INT64_MAX};
		return;
	}
	CHECK(try && t->from == (int)try->state && try_may(try->state, (enum try_state)t->to));
	try->state = (enum try_state)t->to;
	CHECK(try->sent || (try->state == TRY_ENDED && w.runs[t->task.run].canceled));
	if (try->state == TRY_RUNNING) {
		int64_t timeout = w.runs[t->task.run].tables[t->task.table].timeout_ms;
		try->deadline = timeout ? w.now + timeout : INT64_MAX;
	}
	if (try->state == TRY_ENDED) {
		CHECK(t->result != OUTCOME_NONE);
		task->live = 0;
		*try = w.tries[--w.ntries];
	}
}

static void saw_run(const struct transition *t)
{
	struct run *r = &w.runs[t->task.run];
	CHECK(t->from == (int)r->state && run_may(r->state, (enum run_state)t->to));
	r->state = (enum run_state)t->to;
	r->result = (enum run_result)t->result;
	if (r->state == RUN_DONE)
		r->done_seq = t->seq;
}

static void saw_run_done(const struct machine *m, const struct action *a)
{
	struct run *r = &w.runs[a->run];
	struct run_counts counts;
	uint64_t tasks = 0, by_result[TASK_RESULTS_END] = {0}, tries = 0;
	CHECK(r->state == RUN_DONE && !r->gone && r->done_seq <= w.committed && a->run_result == r->result);
	r->gone = true;
	for (uint32_t t = 0; t < MAX_TABLES; t++) {
		for (uint32_t d = 0; d < MAX_DATES; d++) {
			const struct task *task = &r->tasks[t][d];
			if (!task->exists)
				continue;
			CHECK(task->state == TASK_DONE && task->result != TASK_RESULT_NONE);
			CHECK(machine_task_result(m, (struct task_id){a->run, t, d}) == task->result);
			tasks++;
			tries += task->tries;
			by_result[task->result]++;
		}
	}
	CHECK(machine_run_counts(m, a->run, &counts) && counts.tasks == tasks && counts.tries == tries);
	CHECK(!memcmp(counts.by_result, by_result, sizeof by_result));
	CHECK(a->run_result == (by_result[TASK_CANCELED] ? (r->timed_out ? RUN_FAILED : RUN_CANCELED) : r->failed ? RUN_FAILED : RUN_SUCCESS));
}

/* From here on it is somebody else's: nothing of it is under way, and what was is durable. */
static void saw_held(uint32_t id)
{
	struct held *h = NULL;
	for (uint32_t i = 0; i < w.nholds; i++)
		h = w.holds[i].what.id == id ? &w.holds[i] : h;
	CHECK(h && !h->told && !held_under_way(h));
	for (uint32_t k = 0; k < MAX_RUNS * MAX_TABLES * MAX_DATES; k++) {
		const struct task *t = &w.runs[k / (MAX_TABLES * MAX_DATES)].tasks[k / MAX_DATES % MAX_TABLES][k % MAX_DATES];
		CHECK(!good(t->result) || t->end_seq <= w.committed || !in_hold(h, task_no(k)));
	}
	h->told = true;
	w.held++;
}

static void saw(const struct machine *m, const struct action *a)
{
	struct live_try *try = live(a->fence);
	switch (a->kind) {
	case ACT_TRANSITION:
		CHECK(a->transition.seq == w.seq + 1);
		w.seq++;
		if (a->transition.object == OBJECT_TASK)
			saw_task(&a->transition);
		else if (a->transition.object == OBJECT_TRY)
			saw_try(&a->transition);
		else
			saw_run(&a->transition);
		break;
	case ACT_DECIDE:
		CHECK(all_upstream_durable(a->task) && task_of(a->task)->state == TASK_WAITING);
		CHECK(!task_of(a->task)->deciding && !twin_under_way(a->task) && !w.runs[a->task.run].paused);
		CHECK(!task_of(a->task)->retrying || w.now >= task_of(a->task)->retry_at);
		CHECK(!task_of(a->task)->awaiting && !is_held(a->task));
		task_of(a->task)->deciding = true;
		task_of(a->task)->retrying = false;
		w.decisions[w.ndecisions++] = a->task;
		break;
	case ACT_START:
		CHECK(try && !try->sent && try->seq <= w.committed && task_of(a->task)->live == a->fence);
		CHECK(a->try_no == task_of(a->task)->tries && a->batch == try->batch);
		for (size_t i = 0; i < w.ntries; i++) /* its mates are said right after each other: those before it have gone */
			CHECK(w.tries[i].batch != a->batch || w.tries[i].fence >= a->fence || w.started >= w.tries[i].fence);
		w.started = a->fence;
		try->sent = true;
		break;
	case ACT_STOP:
		CHECK(try && try->sent && (!try->stopped || (try->stop == STOP_TIMEOUT && a->stop == STOP_CANCEL)));
		CHECK(a->stop == STOP_CANCEL ? w.runs[try->id.run].canceled : try->deadline <= w.now);
		try->stopped = true;
		try->stop = a->stop;
		break;
	case ACT_TIMER:
		CHECK(a->at_ms > w.now);
		w.timer = a->at_ms;
		break;
	case ACT_HELD:
		saw_held(a->hold);
		break;
	case ACT_RUN_DONE:
		saw_run_done(m, a);
		break;
	}
}

/* What must hold between steps: no room is left unused, nothing due is left undone. */
static void check_rest(const struct machine *m)
{
	uint32_t used[MAX_POOLS] = {0};
	int64_t due = INT64_MAX;
	for (size_t i = 0; i < w.ntries; i++) {
		const struct live_try *t = &w.tries[i];
		used[w.runs[t->id.run].tables[t->id.table].pool]++;
		CHECK(t->sent == (t->seq <= w.committed));
		CHECK(!w.runs[t->id.run].canceled || (t->stopped && t->stop == STOP_CANCEL));
		if (!t->stopped && t->deadline < due)
			due = t->deadline;
	}
	CHECK(machine_in_flight(m) == w.ntries);
	for (uint32_t i = 0; i < w.nruns; i++) {
		struct run *r = &w.runs[i];
		bool all_done = r->added;
		for (uint32_t k = 0; k < MAX_TABLES * MAX_DATES; k++) {
			struct task_id id = {i, k / MAX_DATES, k % MAX_DATES};
			struct task *t = &r->tasks[id.table][id.date];
			if (!r->added || r->gone || !t->exists)
				continue;
			all_done &= t->state == TASK_DONE;
			uint32_t pool = r->tables[id.table].pool;
			CHECK(t->state != TASK_READY || !worker_for(i) || used[pool] >= w.pools[pool]);
			CHECK(t->state != TASK_READY || (!is_held(id) && !urgent_twin_waits(id, true)));
			CHECK((t->state == TASK_RUNNING) == (t->live != 0));
			CHECK(t->state == TASK_DONE || !r->canceled || t->live);
			CHECK(machine_task_state(m, id) == t->state);
			if (t->retrying && t->state == TASK_WAITING && w.now >= t->retry_at)
				t->retrying = false; /* due, and held back: to be decided anew */
			if (t->state == TASK_WAITING && !t->retrying && (t->deciding || !r->paused))
				CHECK(t->deciding == (all_upstream_durable(id) && !twin_under_way(id) && !t->awaiting && (t->deciding || !is_held(id))));
			if (t->state == TASK_WAITING || t->state == TASK_READY)
				CHECK(!withheld_rightly(id));
			CHECK(t->result != TASK_UPSTREAM_FAILED || withheld_rightly(id));
			CHECK(t->result != TASK_CANCELED || r->canceled);
			CHECK(t->result != TASK_SKIPPED || (r->spec.fail_fast && r->failed));
			if (t->retrying && t->state == TASK_WAITING && t->retry_at < due)
				due = t->retry_at;
		}
		CHECK(all_done == (r->state == RUN_DONE));
		CHECK(r->gone == (r->state == RUN_DONE && r->done_seq <= w.committed));
	}
	for (uint32_t i = 0; i < w.nholds; i++)
		CHECK(w.holds[i].told || held_under_way(&w.holds[i]) || w.committed < w.seq);
	CHECK(due > w.now && w.timer == due);
}

/* What must follow from the end of a try, beside what any transition must obey. */
static void check_try_end(const struct event *ev, const struct live_try *was, bool canceled, bool hasty)
{
	const struct task *t = task_of(was->id);
	const struct spec_table *table = &w.runs[was->id.run].tables[was->id.table];
	if (w.spared && !canceled) {
		CHECK(hasty ? t->result == TASK_UPSTREAM_FAILED || t->result == TASK_SKIPPED : t->result == TASK_RESULT_NONE && !t->live);
		return;
	}
	if (ev->outcome == OUTCOME_SUCCESS) {
		CHECK(t->result == (ev->empty ? TASK_EMPTY : TASK_SUCCESS));
		return;
	}
	bool forced = was->stopped && (ev->outcome == OUTCOME_KILLED || ev->outcome == OUTCOME_LOST);
	bool timeout = forced ? was->stop == STOP_TIMEOUT : ev->outcome == OUTCOME_TIMEOUT;
	bool killed = forced ? was->stop == STOP_CANCEL : ev->outcome == OUTCOME_KILLED;
	bool curable = ev->outcome != OUTCOME_ERROR || ev->error == ERROR_TRANSIENT || table->retry_any;
	bool again = curable && was->try_no - t->spared <= table->retries;
	if (canceled && (killed || again))
		CHECK(t->result == TASK_CANCELED);
	else if (again && !hasty)
		CHECK(t->state != TASK_DONE && (t->state == TASK_WAITING || !t->retrying));
	else
		CHECK(t->result == (timeout ? TASK_TIMEOUT : TASK_FAILED));
}

#endif
