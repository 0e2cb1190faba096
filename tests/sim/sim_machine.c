/* The machine in seeded random worlds: random graphs, pools, capacities, retries, timeouts, cancels and
 * fail-fast; workers that die, commits and results that come late, twice or in another order.
 *
 * A model beside it, written without the machine's counters and queues (it enumerates every date and
 * searches every list), checks each action as it is said:
 *   - a task is decided, started or ended only when every task that it reads is done well and durable;
 *   - a try starts only when its row is durable; fences grow; a task has at most one live try;
 *   - tries in flight fit the capacity and the pools, and no room is left while a task is ready;
 *   - every transition is legal, every task gets exactly one result, every run ends;
 *   - the same events give the same actions.
 *
 *   sim_machine          many worlds from the fixed seeds
 *   sim_machine SEED     one world, with its events printed */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/machine.h"

enum { MAX_TABLES = 8, MAX_DATES = 7, MAX_EDGES = 24, MAX_RUNS = 3, MAX_POOLS = 3, STEPS_WANTED = 1000000 };

/* ---- randomness, failure ---- */

static uint64_t seed_of_world, random_state;
static bool verbose;

static uint64_t draw(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)(draw() % n);
}

static bool chance(uint32_t percent)
{
	return below(100) < percent;
}

#define CHECK(what)                                                                            \
	do {                                                                                   \
		if (!(what)) {                                                                 \
			fprintf(stderr, "%s:%d: %s\nreplay with: sim_machine %" PRIu64 "\n",   \
			        __FILE__, __LINE__, #what, seed_of_world);                     \
			exit(1);                                                               \
		}                                                                              \
	} while (0)

/* ---- the model ---- */

struct task {
	bool exists;
	enum task_state state;
	enum task_result result;
	uint64_t end_seq;     /* of the transition to done */
	uint32_t tries;
	uint64_t live;        /* fence of its live try; 0: none */
	bool deciding, retrying;
	int64_t retry_at;
};

struct run {
	bool added, gone, canceled, failed;
	uint64_t done_seq;
	enum run_state state;
	enum run_result result;
	struct run_spec spec;
	struct spec_table tables[MAX_TABLES];
	struct spec_edge edges[MAX_EDGES];
	struct span spans[MAX_EDGES][2];
	uint64_t todo[1];
	struct task tasks[MAX_TABLES][MAX_DATES];
};

struct live_try {
	uint64_t fence, seq; /* seq: of its starting row */
	struct task_id id;
	uint32_t try_no;
	enum try_state state;
	bool sent, stopped;
	enum stop_reason stop;
	int64_t deadline;
};

struct world {
	struct run runs[MAX_RUNS];
	uint32_t nruns, npools, capacity;
	uint32_t pools[MAX_POOLS];
	struct live_try tries[64];
	size_t ntries;
	uint64_t fence, seq, committed;
	int64_t now, timer;
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

/* ---- checking actions against the model ---- */

static void saw_task(const struct transition *t)
{
	struct run *r = &w.runs[t->task.run];
	struct task *task = task_of(t->task);
	CHECK(r->state != RUN_DONE);
	CHECK(t->from == (int)task->state);
	CHECK(task_may((enum task_state)t->from, (enum task_state)t->to));
	CHECK(t->try_no == task->tries + (t->to == TASK_RUNNING));
	CHECK((t->to == TASK_DONE) == (t->result != TASK_RESULT_NONE));
	task->state = (enum task_state)t->to;
	switch (task->state) {
	case TASK_READY:
		CHECK(r->state == RUN_RUNNING && all_upstream_durable(t->task));
		CHECK(!r->canceled && !(r->spec.fail_fast && r->failed));
		CHECK(!task->retrying || w.now >= task->retry_at);
		task->retrying = false;
		break;
	case TASK_RUNNING:
		CHECK(all_upstream_durable(t->task) && !task->live);
		CHECK(!r->canceled && !(r->spec.fail_fast && r->failed));
		task->tries++;
		break;
	case TASK_WAITING:
		CHECK(t->wait == WAIT_RETRY && !task->live && task->tries <= r->tables[t->task.table].retries);
		CHECK(t->retry_at_ms >= w.now);
		task->retrying = true;
		task->retry_at = t->retry_at_ms;
		break;
	default:
		CHECK(!task->live && task->result == TASK_RESULT_NONE);
		task->result = (enum task_result)t->result;
		task->end_seq = t->seq;
		task->deciding = false;
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

static void saw_try(const struct transition *t)
{
	struct task *task = task_of(t->task);
	struct live_try *try = live(t->fence);
	if (t->from < 0) {
		CHECK(t->to == TRY_STARTING && t->fence > w.fence && task->state == TASK_RUNNING && !task->live);
		CHECK(t->try_no == task->tries);
		w.fence = task->live = t->fence;
		uint32_t pool = w.runs[t->task.run].tables[t->task.table].pool, used = 0;
		for (size_t i = 0; i < w.ntries; i++)
			used += w.runs[w.tries[i].id.run].tables[w.tries[i].id.table].pool == pool;
		CHECK(used < w.pools[pool] && w.ntries < w.capacity);
		w.tries[w.ntries++] = (struct live_try){.fence = t->fence, .seq = t->seq, .id = t->task,
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
	CHECK(a->run_result == (by_result[TASK_CANCELED] ? RUN_CANCELED : r->failed ? RUN_FAILED : RUN_SUCCESS));
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
		CHECK(!task_of(a->task)->deciding && !task_of(a->task)->tries);
		task_of(a->task)->deciding = true;
		w.decisions[w.ndecisions++] = a->task;
		break;
	case ACT_START:
		CHECK(try && !try->sent && try->seq <= w.committed && task_of(a->task)->live == a->fence);
		CHECK(a->try_no == task_of(a->task)->tries);
		try->sent = true;
		break;
	case ACT_STOP:
		CHECK(try && try->sent && !try->stopped);
		CHECK(a->stop == STOP_CANCEL ? w.runs[try->id.run].canceled : try->deadline <= w.now);
		try->stopped = true;
		try->stop = a->stop;
		break;
	case ACT_TIMER:
		CHECK(a->at_ms > w.now);
		w.timer = a->at_ms;
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
		CHECK(!w.runs[t->id.run].canceled || t->stopped);
		if (!t->stopped && t->deadline < due)
			due = t->deadline;
	}
	CHECK(machine_in_flight(m) == w.ntries);
	for (uint32_t i = 0; i < w.nruns; i++) {
		struct run *r = &w.runs[i];
		bool all_done = r->added;
		for (uint32_t k = 0; k < MAX_TABLES * MAX_DATES; k++) {
			struct task_id id = {i, k / MAX_DATES, k % MAX_DATES};
			const struct task *t = &r->tasks[id.table][id.date];
			if (!r->added || r->gone || !t->exists)
				continue;
			all_done &= t->state == TASK_DONE;
			uint32_t pool = r->tables[id.table].pool;
			CHECK(t->state != TASK_READY || w.ntries >= w.capacity || used[pool] >= w.pools[pool]);
			CHECK((t->state == TASK_RUNNING) == (t->live != 0));
			CHECK(t->state == TASK_DONE || !r->canceled || t->live);
			CHECK(machine_task_state(m, id) == t->state);
			if (t->state == TASK_WAITING && !t->retrying)
				CHECK(t->deciding == all_upstream_durable(id));
			if (t->state == TASK_WAITING || t->state == TASK_READY)
				CHECK(!withheld_rightly(id));
			if (t->result == TASK_UPSTREAM_FAILED)
				CHECK(withheld_rightly(id));
			if (t->retrying && t->state == TASK_WAITING && t->retry_at < due)
				due = t->retry_at;
		}
		CHECK(all_done == (r->state == RUN_DONE));
		CHECK(r->gone == (r->state == RUN_DONE && r->done_seq <= w.committed));
	}
	CHECK(due > w.now && w.timer == due);
}

/* What must follow from the end of a try, beside what any transition must obey. */
static void check_try_end(const struct event *ev, const struct live_try *was, bool canceled, bool hasty)
{
	const struct task *t = task_of(was->id);
	const struct spec_table *table = &w.runs[was->id.run].tables[was->id.table];
	if (ev->outcome == OUTCOME_SUCCESS) {
		CHECK(t->result == (ev->empty ? TASK_EMPTY : TASK_SUCCESS));
		return;
	}
	bool forced = was->stopped && (ev->outcome == OUTCOME_KILLED || ev->outcome == OUTCOME_LOST);
	bool timeout = forced ? was->stop == STOP_TIMEOUT : ev->outcome == OUTCOME_TIMEOUT;
	bool killed = forced ? was->stop == STOP_CANCEL : ev->outcome == OUTCOME_KILLED;
	bool curable = ev->outcome != OUTCOME_ERROR || ev->error == ERROR_TRANSIENT || table->retry_any;
	bool again = curable && was->try_no <= table->retries;
	if (canceled && (killed || again))
		CHECK(t->result == TASK_CANCELED);
	else if (again && !hasty)
		CHECK(t->state != TASK_DONE && t->retrying == (t->state == TASK_WAITING));
	else
		CHECK(t->result == (timeout ? TASK_TIMEOUT : TASK_FAILED));
}

/* ---- driving ---- */

static void mix(uint64_t *h, uint64_t v)
{
	*h = (*h ^ v) * 0x100000001b3u;
}

static uint64_t digest(const struct actions *out)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (size_t i = 0; i < out->len; i++) {
		const struct action *a = &out->items[i];
		const struct transition *t = &a->transition;
		const struct task_id ids[] = {a->task, t->task, t->cause_task};
		for (size_t k = 0; k < 3; k++) {
			mix(&h, ids[k].run);
			mix(&h, ids[k].table);
			mix(&h, ids[k].date);
		}
		const uint64_t all[] = {a->kind, a->run, a->run_result, a->fence, a->try_no, a->stop, (uint64_t)a->at_ms,
		                        t->seq, t->object, t->fence, t->try_no, (uint64_t)t->from, (uint64_t)t->to,
		                        (uint64_t)t->result, t->wait, t->cause, (uint64_t)t->retry_at_ms};
		for (size_t k = 0; k < sizeof all / sizeof *all; k++)
			mix(&h, all[k]);
	}
	return h;
}

static void step(struct machine *m, struct event ev, struct actions *out)
{
	ev.now_ms = w.now;
	if (ev.kind == EV_TIME)
		w.timer = INT64_MAX;
	if (ev.kind == EV_COMMITTED && ev.seq > w.committed)
		w.committed = ev.seq;
	if (ev.kind == EV_CAPACITY)
		w.capacity = ev.capacity;
	if (ev.kind == EV_CANCEL_RUN && w.runs[ev.run].added && w.runs[ev.run].state != RUN_DONE)
		w.runs[ev.run].canceled = true;
	if (ev.kind == EV_RUN_ADD)
		w.runs[ev.run].added = true;
	if (verbose)
		printf("%5zu now=%" PRId64 " event=%d run=%u task=%u/%u fence=%" PRIu64 " seq=%" PRIu64 " outcome=%d\n",
		       w.nevents, w.now, ev.kind, ev.run, ev.task.table, ev.task.date, ev.fence, ev.seq, ev.outcome);
	struct live_try *try = ev.kind == EV_TRY_ENDED ? live(ev.fence) : NULL;
	struct live_try was = try ? *try : (struct live_try){0};
	bool canceled = try && w.runs[was.id.run].canceled;
	bool hasty = try && ((w.runs[was.id.run].spec.fail_fast && w.runs[was.id.run].failed) || earlier_date_failed(was.id));
	MEM_GROW(w.events, w.nevents, w.cap_events);
	w.events[w.nevents++] = ev;
	machine_step(m, &ev, out);
	for (size_t i = 0; i < out->len; i++)
		saw(m, &out->items[i]);
	if (was.sent)
		check_try_end(&ev, &was, canceled, hasty);
	check_rest(m);
	MEM_GROW(w.digests, w.ndigests, w.cap_digests);
	w.digests[w.ndigests++] = digest(out);
}

static struct event random_end(uint64_t fence)
{
	static const enum try_outcome outcomes[] = {OUTCOME_SUCCESS, OUTCOME_SUCCESS, OUTCOME_SUCCESS, OUTCOME_ERROR,
	                                            OUTCOME_LOST,    OUTCOME_KILLED,  OUTCOME_TIMEOUT, OUTCOME_FENCED};
	return (struct event){.kind = EV_TRY_ENDED, .fence = fence, .empty = chance(20),
	                      .outcome = chance(60) ? OUTCOME_SUCCESS : outcomes[below(8)],
	                      .error = (enum error_class)(1 + below(4)), .jitter = (double)below(101) / 100};
}

static struct event answer_decision(void)
{
	size_t i = below((uint32_t)w.ndecisions);
	struct event ev = {.kind = EV_DECIDED, .task = w.decisions[i]};
	uint32_t dice = below(20);
	ev.decision = dice == 0 ? DECIDE_FAIL : dice < 4 ? DECIDE_FRESH : DECIDE_BUILD;
	struct task *t = task_of(ev.task);
	t->deciding = false;
	w.decisions[i] = w.decisions[--w.ndecisions];
	return ev;
}

/* An event that the world could send now; also late, doubled and senseless ones. */
static struct event random_event(void)
{
	struct event ev = {.kind = EV_TIME};
	w.now += chance(30) ? below(20) : 0;
	switch (below(12)) {
	case 0:
	case 1:
	case 2: /* a commit of anything said so far, also of what was committed long ago */
		ev.kind = EV_COMMITTED;
		ev.seq = chance(70) ? w.seq : (w.seq ? draw() % (w.seq + 1) : 0);
		break;
	case 3:
	case 4:
		if (w.ndecisions)
			ev = answer_decision();
		break;
	case 5:
	case 6:
		ev = (struct event){.kind = EV_TRY_RUNNING, .fence = w.ntries ? w.tries[below((uint32_t)w.ntries)].fence : 1};
		break;
	case 7:
	case 8:
		ev = random_end(w.ntries && chance(90) ? w.tries[below((uint32_t)w.ntries)].fence : 1 + draw() % (w.fence + 2));
		break;
	case 9:
		if (w.timer != INT64_MAX && chance(50))
			w.now = w.timer > w.now ? w.timer : w.now;
		break;
	case 10:
		if (chance(20))
			ev = (struct event){.kind = EV_CAPACITY, .capacity = below(6)};
		else if (chance(10))
			ev = (struct event){.kind = EV_CANCEL_RUN, .run = below(w.nruns)};
		break;
	default: {
		uint32_t run = below(w.nruns);
		if (!w.runs[run].added)
			ev = (struct event){.kind = EV_RUN_ADD, .run = run, .spec = &w.runs[run].spec};
		else if (chance(10)) /* nobody asked */
			ev = (struct event){.kind = EV_DECIDED, .task = {run, below(MAX_TABLES + 1), below(MAX_DATES + 1)},
			                    .decision = DECIDE_FRESH};
		if (ev.kind == EV_DECIDED && ev.task.table < MAX_TABLES && ev.task.date < MAX_DATES &&
		    w.runs[run].tasks[ev.task.table][ev.task.date].deciding)
			ev.kind = EV_TIME; /* somebody did ask */
		break;
	}
	}
	return ev;
}

/* From here the world only finishes what is open: every run must end. */
static void drain(struct machine *m, struct actions *out)
{
	step(m, (struct event){.kind = EV_CAPACITY, .capacity = 2}, out);
	for (uint32_t i = 0; i < w.nruns; i++) {
		if (!w.runs[i].added)
			step(m, (struct event){.kind = EV_RUN_ADD, .run = i, .spec = &w.runs[i].spec}, out);
	}
	for (uint32_t left = 5000;; left--) {
		bool open = false;
		for (uint32_t i = 0; i < w.nruns; i++)
			open |= !w.runs[i].gone;
		if (!open)
			return;
		CHECK(left); /* else a run never ends */
		if (w.committed < w.seq) {
			step(m, (struct event){.kind = EV_COMMITTED, .seq = w.seq}, out);
		} else if (w.ndecisions) {
			step(m, answer_decision(), out);
		} else if (w.ntries) {
			step(m, random_end(w.tries[below((uint32_t)w.ntries)].fence), out);
		} else {
			CHECK(w.timer != INT64_MAX); /* else nothing will ever happen again */
			w.now = w.timer;
			step(m, (struct event){.kind = EV_TIME}, out);
		}
	}
}

static struct span random_span(void)
{
	struct span s;
	s.lo = (struct bound){(enum bound_kind)below(3), 0};
	s.hi = (struct bound){(enum bound_kind)below(3), 0};
	if (chance(40))
		s = SPAN_SAME_DAY;
	int32_t width = (int32_t)below(3);
	s.lo.day = s.lo.kind == BOUND_ABS ? 98 + (int32_t)below(8) : s.lo.kind == BOUND_REL ? (int32_t)below(3) - 1 - width : 0;
	s.hi.day = s.hi.kind == BOUND_ABS ? 100 + (int32_t)below(8) : s.hi.kind == BOUND_REL ? (int32_t)below(3) - 1 : 0;
	return s;
}

static void random_run(struct run *r)
{
	uint32_t nedges = 0, ndates = 1 + below(MAX_DATES), ntables = 1 + below(MAX_TABLES);
	uint32_t density = chance(50) ? 100 : below(100);
	for (uint32_t t = 0; t < ntables; t++) {
		struct spec_table *table = &r->tables[t];
		*table = (struct spec_table){.partitioned = chance(75), .pool = below(w.npools), .weight = (int32_t)below(5) - 1,
		                             .retries = below(3), .retry_delay_ms = below(80), .max_retry_delay_ms = 100,
		                             .retry_backoff = 2, .retry_any = chance(10),
		                             .timeout_ms = chance(30) ? 1 + below(60) : 0, .edge_first = nedges};
		for (uint32_t up = 0; up <= t && nedges < MAX_EDGES; up++) {
			if (!chance(up == t ? 20 : 30))
				continue;
			r->spans[nedges][0] = random_span();
			r->spans[nedges][1] = random_span();
			r->edges[nedges] = (struct spec_edge){up, r->spans[nedges], below(3)};
			nedges++;
		}
		table->edge_end = nedges;
		for (uint32_t d = 0; d < (table->partitioned ? ndates : 1); d++) {
			bool in = chance(density);
			r->tasks[t][d].exists = in;
			r->todo[0] |= (uint64_t)in << (t * ndates + d);
		}
	}
	r->spec = (struct run_spec){.kind = (enum run_kind)below(RUN_KINDS_END), .first_day = 100, .ndates = ndates,
	                            .tables = r->tables, .ntables = ntables, .edges = r->edges, .todo = r->todo,
	                            .fail_fast = chance(25), .continue_on_error = chance(50)};
}

_Static_assert(MAX_TABLES * MAX_DATES <= 64, "todo is one word");

static size_t one_world(uint64_t seed)
{
	seed_of_world = random_state = seed;
	struct event *events = w.events;
	uint64_t *digests = w.digests;
	w = (struct world){.events = events, .cap_events = w.cap_events, .digests = digests, .cap_digests = w.cap_digests};
	w.now = w.timer = 0;
	w.timer = INT64_MAX;
	w.nruns = 1 + below(MAX_RUNS);
	w.npools = 1 + below(MAX_POOLS);
	w.capacity = 1 + below(6);
	w.fence = 10;
	for (uint32_t i = 0; i < w.npools; i++)
		w.pools[i] = 1 + below(4);
	for (uint32_t i = 0; i < w.nruns; i++)
		random_run(&w.runs[i]);

	const struct machine_config config = {.next_fence = 11, .capacity = w.capacity, .pool_slots = w.pools, .npools = w.npools};
	struct machine *m = machine_new(&config);
	struct actions out = {0};
	for (uint32_t n = 50 + below(400); n--;)
		step(m, random_event(), &out);
	drain(m, &out);
	CHECK(machine_next_fence(m) == w.fence + 1 || w.fence == 10);
	machine_free(m);

	m = machine_new(&config);
	for (size_t i = 0; i < w.nevents; i++) {
		machine_step(m, &w.events[i], &out);
		CHECK(digest(&out) == w.digests[i]);
	}
	machine_free(m);
	actions_free(&out);
	return w.nevents;
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		verbose = true;
		printf("%zu steps\n", one_world(strtoull(argv[1], NULL, 10)));
		return 0;
	}
	size_t steps = 0;
	uint64_t seed = 1;
	for (; steps < STEPS_WANTED; seed++)
		steps += one_world(seed);
	free(w.events);
	free(w.digests);
	printf("sim_machine: %" PRIu64 " worlds, %zu steps\n", seed - 1, steps);
	return 0;
}
