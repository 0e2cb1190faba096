/* The machine in seeded random worlds: random graphs, pools, capacities, retries, timeouts, cancels and
 * fail-fast; runs that share tables, are paused, limited, or scheduled; pools that change; workers that die, commits and results that come late, twice or in another order.
 *
 * The model beside it (machine_model.h) checks each action as it is said:
 *   - a task is decided, started or ended only when every task that it reads is done well and durable;
 *   - a try starts only when its row is durable; fences grow; a task has at most one live try;
 *   - tries in flight fit the capacity and the pools, and no room is left while a task is ready;
 *   - over all runs, one task of a partition at a time is decided, ready or running; the others wait for it;
 *   - nothing of a paused run is decided or started; no run is passed over without end, for a worker or a pool;
 *   - nothing becomes ready before its source has come; what waits for it keeps nobody from the partition, and goes on when it comes;
 *   - what machine_explain names as holding a task up is what holds it up: without it, the task runs;
 *   - dates go together only where they may, each with a slot of its pool, and all of them at once; who is lost without
 *     blame goes back and does not pay for it with a retry;
 *   - of partitions that are held nothing is decided, ready or running, and the hold is told as soon as that is so;
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
#include "core/explain.h"
#include "core/machine.h"
#include "tests/sim/machine_model.h"

enum { STEPS_WANTED = 1000000 };

static uint64_t random_state;
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
		const uint64_t all[] = {a->kind, a->run, a->run_result, a->fence, a->batch, a->try_no, a->stop, (uint64_t)a->at_ms,
		                        t->seq, t->object, t->fence, t->batch, t->try_no, (uint64_t)t->from, (uint64_t)t->to,
		                        (uint64_t)t->result, t->wait, t->cause, (uint64_t)t->retry_at_ms, a->hold};
		for (size_t k = 0; k < sizeof all / sizeof *all; k++)
			mix(&h, all[k]);
	}
	return h;
}

static void retried_now(struct task_id id)
{
	struct task *t = &w.runs[id.run].tasks[id.table][id.date];
	if (w.runs[id.run].added && t->exists && t->state == TASK_WAITING && t->retrying)
		t->retry_at = w.now;
}

static void end_hold(uint32_t id)
{
	for (uint32_t i = 0; i < w.nholds; i++) {
		if (w.holds[i].what.id == id)
			w.holds[i--] = w.holds[--w.nholds];
	}
}

static void step(struct machine *m, struct event ev, struct actions *out)
{
	ev.now_ms = w.now;
	if (ev.kind == EV_TIME)
		w.timer = INT64_MAX;
	if (ev.kind == EV_COMMITTED && ev.seq > w.committed)
		w.committed = ev.seq;
	if (ev.kind == EV_CAPACITY) {
		w.capacity = ev.capacity;
		w.kept = ev.kept;
	}
	if (ev.kind == EV_POOLS) {
		memcpy(w.pools, ev.pool_slots, ev.npools * sizeof *w.pools);
		w.npools = ev.npools > w.npools ? ev.npools : w.npools;
	}
	if ((ev.kind == EV_PAUSE_RUN || ev.kind == EV_UNPAUSE_RUN) && w.runs[ev.run].added && w.runs[ev.run].state != RUN_DONE)
		w.runs[ev.run].paused = ev.kind == EV_PAUSE_RUN;
	if (ev.kind == EV_RETRY_NOW)
		retried_now(ev.task);
	if (ev.kind == EV_HOLD)
		w.holds[w.nholds++] = (struct held){.what = ev.hold};
	if (ev.kind == EV_HOLD_END)
		end_hold(ev.hold.id);
	if (ev.kind == EV_SOURCE && ev.task.table < MAX_TABLES && ev.task.date < MAX_DATES)
		w.runs[ev.task.run].tasks[ev.task.table][ev.task.date].awaiting = false; /* also when it has not come: it is asked about */
	bool ends = ev.kind == EV_CANCEL_RUN || ev.kind == EV_RUN_TIMEOUT;
	if (ends && w.runs[ev.run].added && w.runs[ev.run].state != RUN_DONE) {
		w.runs[ev.run].timed_out |= ev.kind == EV_RUN_TIMEOUT && !w.runs[ev.run].canceled; /* whoever came first */
		w.runs[ev.run].canceled = true;
	}
	if (ev.kind == EV_RUN_ADD)
		w.runs[ev.run].added = true;
	if (verbose)
		printf("%5zu now=%" PRId64 " event=%d run=%u task=%u/%u fence=%" PRIu64 " seq=%" PRIu64 " outcome=%d\n",
		       w.nevents, w.now, ev.kind, ev.run, ev.task.table, ev.task.date, ev.fence, ev.seq, ev.outcome);
	struct live_try *try = ev.kind == EV_TRY_ENDED ? live(ev.fence) : NULL;
	struct live_try was = try ? *try : (struct live_try){0};
	bool canceled = try && w.runs[was.id.run].canceled;
	bool hasty = try && ((w.runs[was.id.run].spec.fail_fast && w.runs[was.id.run].failed) || earlier_date_failed(was.id));
	w.spared = try && was.sent && ev.blameless && ev.outcome == OUTCOME_LOST ? ev.fence : 0;
	w.started = 0;
	MEM_GROW(w.events, w.nevents, w.cap_events);
	w.events[w.nevents++] = ev;
	machine_step(m, &ev, out);
	if (ev.kind == EV_DECIDED && ev.task.table < MAX_TABLES && ev.task.date < MAX_DATES)
		saw_fresh_quietly(ev.task, w.seq);
	saw_quiet_ends(m);
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
	                      .error = (enum error_class)(1 + below(4)), .jitter = (double)below(101) / 100,
	                      .took_us = chance(60) ? 1000 * (int64_t)below(w.batching ? 20 : 60) : 0, .blameless = chance(30)};
}

/* Slots of all pools, of a few of them, or of more than before. */
static struct event random_pools(uint32_t n)
{
	if (w.npool_changes + 1 + MAX_RUNS >= MAX_POOL_CHANGES && !n) /* the last ones are for runs that need more pools */
		return (struct event){.kind = EV_TIME};
	uint32_t *slots = w.pool_changes[w.npool_changes++];
	for (uint32_t i = 0; i < MAX_POOLS; i++)
		slots[i] = (n ? 1 : 0) + below(w.batching ? 16 : 4);
	return (struct event){.kind = EV_POOLS, .pool_slots = slots, .npools = n ? n : 1 + below(MAX_POOLS)};
}

static struct event answer_decision(void)
{
	size_t i = below((uint32_t)w.ndecisions);
	struct event ev = {.kind = EV_DECIDED, .task = w.decisions[i]};
	uint32_t dice = below(20);
	ev.decision = dice == 0 ? DECIDE_FAIL : dice < 4 ? DECIDE_FRESH : DECIDE_BUILD;
	struct task *t = task_of(ev.task);
	if (t->late)
		ev.decision = DECIDE_WAIT;
	t->deciding = false;
	t->awaiting = t->late;
	t->found_fresh = ev.decision == DECIDE_FRESH;
	w.decisions[i] = w.decisions[--w.ndecisions];
	return ev;
}

/* A source comes, or somebody thinks so: of a task that waits for it, if there is one; else of any. */
static struct event source_comes(uint32_t percent)
{
	struct task_id id = {below(w.nruns), below(MAX_TABLES), below(MAX_DATES)};
	for (uint32_t k = 0; k < MAX_RUNS * MAX_TABLES * MAX_DATES && !w.runs[id.run].tasks[id.table][id.date].awaiting; k++)
		id = (struct task_id){k / (MAX_TABLES * MAX_DATES), k / MAX_DATES % MAX_TABLES, k % MAX_DATES};
	if (chance(percent))
		w.runs[id.run].tasks[id.table][id.date].late = false;
	return (struct event){.kind = EV_SOURCE, .task = id};
}

static bool anything_awaits(void)
{
	for (uint32_t k = 0; k < MAX_RUNS * MAX_TABLES * MAX_DATES; k++) {
		if (w.runs[k / (MAX_TABLES * MAX_DATES)].tasks[k / MAX_DATES % MAX_TABLES][k % MAX_DATES].awaiting)
			return true;
	}
	return false;
}

/* Somebody wants partitions for himself, or gives them back; also what he has not. */
static struct event random_hold(void)
{
	if (w.nholds == MAX_HOLDS || chance(30))
		return (struct event){.kind = EV_HOLD_END, .hold = {.id = w.nholds ? w.holds[below(w.nholds)].what.id : 1 + below(w.hold_ids + 1)}};
	struct machine_hold h = {++w.hold_ids, 1 + below(MAX_TABLES), INT32_MIN, INT32_MIN};
	if (chance(60)) {
		h.first = 98 + (int32_t)below(8);
		h.last = h.first + (int32_t)below(6);
	}
	return (struct event){.kind = EV_HOLD, .hold = h};
}

/* Somebody gives a command, or the project was reloaded. */
static struct event random_command(void)
{
	uint32_t run = below(w.nruns);
	switch (below(5)) {
	case 0:
		return (struct event){.kind = EV_CAPACITY, .capacity = below(w.batching ? 3 : 6), .kept = below(3)};
	case 1:
		return (struct event){.kind = chance(50) ? EV_TIME : chance(50) ? EV_CANCEL_RUN : EV_RUN_TIMEOUT, .run = run};
	case 2:
		return random_pools(0);
	case 3:
		return (struct event){.kind = EV_PAUSE_RUN, .run = run};
	default:
		return (struct event){.kind = EV_UNPAUSE_RUN, .run = run};
	}
}

/* Of a task that waits for its retry, if there is one; else of any. */
static struct event hurry_a_retry(void)
{
	struct task_id task = {below(w.nruns), below(MAX_TABLES), below(MAX_DATES)};
	for (uint32_t k = 0; k < MAX_TABLES * MAX_DATES && !w.runs[task.run].tasks[task.table][task.date].retrying; k++)
		task = (struct task_id){task.run, k / MAX_DATES, k % MAX_DATES};
	return (struct event){.kind = EV_RETRY_NOW, .task = task};
}

/* The run, once there are the pools that it uses. */
static struct event add_run(uint32_t run)
{
	for (uint32_t t = 0; t < w.runs[run].spec.ntables; t++) {
		if (w.runs[run].tables[t].pool >= w.npools)
			return random_pools(MAX_POOLS);
	}
	return (struct event){.kind = EV_RUN_ADD, .run = run, .spec = &w.runs[run].spec};
}

/* ---- removing what machine_explain names ---- */

static struct event end_well(const struct blocker *b)
{
	const struct live_try *t = live(b->fence);
	CHECK(t);
	if (!t->sent)
		return (struct event){.kind = EV_COMMITTED, .seq = w.seq};
	return (struct event){.kind = EV_TRY_ENDED, .fence = b->fence, .outcome = OUTCOME_SUCCESS};
}

static struct event decide_to_build(struct task_id id)
{
	size_t i = 0;
	CHECK(task_of(id)->deciding);
	while (w.decisions[i].run != id.run || w.decisions[i].table != id.table || w.decisions[i].date != id.date)
		i++;
	w.decisions[i] = w.decisions[--w.ndecisions];
	task_of(id)->deciding = false;
	task_of(id)->awaiting = task_of(id)->late;
	return (struct event){.kind = EV_DECIDED, .task = id, .decision = task_of(id)->late ? DECIDE_WAIT : DECIDE_BUILD};
}

static struct event more_slots(uint32_t pool)
{
	CHECK(w.pools[pool] == 0 && w.npool_changes < MAX_POOL_CHANGES);
	uint32_t *slots = w.pool_changes[w.npool_changes++];
	memcpy(slots, w.pools, sizeof w.pools);
	slots[pool]++;
	return (struct event){.kind = EV_POOLS, .pool_slots = slots, .npools = w.npools};
}

/* False: nothing can be done about it, but only about what stands before it. */
static bool removal(const struct blocker *b, struct event *ret)
{
	switch (b->kind) {
	case BLOCK_COMMIT:
		*ret = (struct event){.kind = EV_COMMITTED, .seq = w.seq};
		return w.committed < w.seq;
	case BLOCK_UPSTREAM:
	case BLOCK_TWIN:
		CHECK(b->state == task_of(b->task)->state && b->state != TASK_DONE);
		if (b->kind == BLOCK_TWIN && task_of(b->task)->deciding)
			*ret = decide_to_build(b->task);
		else if (b->fence)
			*ret = end_well(b);
		else
			return false;
		return true;
	case BLOCK_DECIDING:
		*ret = decide_to_build(b->of);
		return true;
	case BLOCK_SOURCE:
		CHECK(task_of(b->of)->awaiting && task_of(b->of)->late);
		task_of(b->of)->late = false;
		*ret = (struct event){.kind = EV_SOURCE, .task = b->of};
		return true;
	case BLOCK_HOLD:
		CHECK(is_held(b->of));
		*ret = (struct event){.kind = EV_HOLD_END, .hold = {.id = b->hold}};
		return true;
	case BLOCK_RETRY:
		CHECK(b->at_ms == task_of(b->of)->retry_at && b->at_ms > w.now);
		w.now = b->at_ms;
		*ret = (struct event){.kind = EV_TIME};
		return true;
	case BLOCK_PAUSED:
		CHECK(w.runs[b->run].paused);
		*ret = (struct event){.kind = EV_UNPAUSE_RUN, .run = b->run};
		return true;
	case BLOCK_POOL:
		CHECK(pool_used(b->pool) >= w.pools[b->pool]);
		*ret = b->fence ? end_well(b) : more_slots(b->pool);
		return true;
	case BLOCK_WORKERS:
		CHECK(batches(true) >= w.capacity);
		*ret = b->fence ? end_well(b) : (struct event){.kind = EV_CAPACITY, .capacity = w.capacity + 1, .kept = w.kept};
		return true;
	default:
		CHECK((b->kind == BLOCK_KEPT || b->kind == BLOCK_MAX_ACTIVE) && !worker_for(b->run));
		*ret = end_well(b);
		return true;
	}
}

static bool pick_idle(struct task_id *ret)
{
	for (uint32_t tries = 0; tries < 20; tries++) {
		*ret = (struct task_id){below(w.nruns), below(MAX_TABLES), below(MAX_DATES)};
		const struct run *r = &w.runs[ret->run];
		const struct task *t = &r->tasks[ret->table][ret->date];
		if (r->added && !r->gone && t->exists && (t->state == TASK_WAITING || t->state == TASK_READY))
			return true;
	}
	return false;
}

/* Of a task that does not run, the first blocker that can be removed is, again and again, and nothing else
 * happens: it comes to run. */
static void unblock(struct machine *m, struct actions *out)
{
	struct task_id id;
	struct arena arena = {0};
	struct explanation why;
	for (uint32_t left = pick_idle(&id) ? 2000 : 0; left && !w.runs[id.run].gone; left--) {
		CHECK(machine_explain(m, id, &arena, &why) && why.state == task_of(id)->state);
		if (why.state == TASK_DONE || (why.state == TASK_RUNNING && live(why.fence)->sent))
			break;
		struct event ev = {0};
		size_t i = 0;
		while (i < why.nblockers && !removal(&why.blockers[i], &ev))
			i++;
		CHECK(i < why.nblockers); /* else nothing holds it up, and it does not run */
		step(m, ev, out);
		CHECK(left > 1);
		arena_free(&arena);
	}
	arena_free(&arena);
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
		if (chance(w.meddling))
			ev = hurry_a_retry();
		else if (chance(w.late))
			ev = source_comes(70);
		else if (w.timer != INT64_MAX && chance(50))
			w.now = w.timer > w.now ? w.timer : w.now;
		break;
	case 10:
		if (w.shared && chance(25))
			ev = random_hold();
		else if (chance(w.meddling))
			ev = random_command();
		break;
	default: {
		uint32_t run = below(w.nruns);
		if (!w.runs[run].added)
			ev = add_run(run);
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
	step(m, (struct event){.kind = EV_CAPACITY, .capacity = 2, .kept = below(3)}, out);
	step(m, random_pools(MAX_POOLS), out);
	while (w.nholds)
		step(m, (struct event){.kind = EV_HOLD_END, .hold = {.id = w.holds[0].what.id}}, out);
	for (uint32_t i = 0; i < w.nruns; i++) {
		if (!w.runs[i].added)
			step(m, add_run(i), out);
		step(m, (struct event){.kind = EV_UNPAUSE_RUN, .run = i}, out);
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
		} else if (anything_awaits()) {
			step(m, source_comes(90), out);
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
	uint32_t density = chance(w.batching ? 80 : 50) ? 100 : below(100);
	for (uint32_t t = 0; t < ntables; t++) {
		struct spec_table *table = &r->tables[t];
		*table = (struct spec_table){.partitioned = chance(75), .pool = below(MAX_POOLS), .weight = (int32_t)below(5) - 1,
		                             .retries = below(3), .retry_delay_ms = below(80), .max_retry_delay_ms = 100,
		                             .retry_backoff = 2, .retry_any = chance(10),
		                             .key = chance(w.shared) ? 1 + t : 0,
		                             .timeout_ms = chance(30) ? 1 + below(60) : 0, .batch = chance(70) ? below(6) : 0,
		                             .edge_first = nedges};
		for (uint32_t up = 0; up <= t && nedges < MAX_EDGES; up++) {
			if (!chance(up == t ? 20 : 30))
				continue;
			r->spans[nedges][0] = random_span();
			r->spans[nedges][1] = random_span();
			r->edges[nedges] = (struct spec_edge){up, r->spans[nedges], below(3)};
			nedges++;
		}
		table->edge_end = nedges;
		bool from_source = chance(w.late);
		for (uint32_t d = 0; d < (table->partitioned ? ndates : 1); d++) {
			bool in = chance(density);
			r->tasks[t][d].exists = in;
			r->tasks[t][d].late = in && from_source && chance(70);
			r->tasks[t][d].told = in && chance(10); /* in an earlier life */
			r->todo[0] |= (uint64_t)in << (t * ndates + d);
			r->told[0] |= (uint64_t)r->tasks[t][d].told << (t * ndates + d);
		}
	}
	r->spec = (struct run_spec){.kind = (enum run_kind)below(RUN_KINDS_END), .first_day = 99 + (int32_t)below(3), .ndates = ndates,
	                            .tables = r->tables, .ntables = ntables, .edges = r->edges, .todo = r->todo, .told = r->told,
	                            .fail_fast = chance(25), .continue_on_error = chance(50), .paused = chance(10), .quiet = chance(30),
	                            .max_active = chance(25) ? 1 + below(2) : 0};
	r->paused = r->spec.paused;
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
	w.batching = chance(50);
	w.capacity = 1 + below(w.batching ? 2 : 6);
	w.kept = chance(50) ? below(3) : 0;
	w.meddling = chance(50) ? 40 : 8;
	w.shared = chance(50) ? 90 : 0;
	w.late = chance(50) ? 60 : 0;
	w.fence = 10;
	uint32_t first_pools[MAX_POOLS] = {0};
	for (uint32_t i = 0; i < w.npools; i++)
		w.pools[i] = first_pools[i] = w.batching ? 8 + below(8) : 1 + below(4);
	for (uint32_t i = 0; i < w.nruns; i++)
		random_run(&w.runs[i]);

	const struct machine_config config = {.next_fence = 11, .capacity = w.capacity, .kept = w.kept, .pool_slots = first_pools, .npools = w.npools};
	struct machine *m = machine_new(&config);
	struct actions out = {0};
	for (uint32_t n = 50 + below(400); n--;)
		step(m, random_event(), &out);
	if (chance(50))
		unblock(m, &out);
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
	uint64_t seed = 1, batched = 0, held = 0;
	for (; steps < STEPS_WANTED; seed++) {
		steps += one_world(seed);
		batched += w.batches;
		held += w.held;
	}
	free(w.events);
	free(w.digests);
	printf("sim_machine: %" PRIu64 " worlds, %zu steps, %" PRIu64 " batches, %" PRIu64 " holds\n", seed - 1, steps, batched, held);
	CHECK(batched > 100 && held > 100); /* else nothing was seen of them */
	return 0;
}
