/* See runner.h. */
#include "scheduler/runner.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/date.h"
#include "scheduler/load.h"
#include "scheduler/runner_internal.h"

int64_t runner_now_ms(void)
{
	return clock_mono_us() / 1000;
}

char *runner_make_id(char out[RUN_ID_SIZE])
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789"; /* 32, none alike */
	unsigned char random[4];
	if (getrandom(random, sizeof random, 0) != sizeof random)
		abort();
	time_t now = (time_t)(clock_wall_us() / 1000000);
	struct tm tm;
	gmtime_r(&now, &tm);
	size_t n = strftime(out, RUN_ID_SIZE, "%Y%m%d-%H%M%S-", &tm);
	for (size_t i = 0; i < sizeof random; i++)
		out[n++] = letters[random[i] % 32];
	out[n] = '\0';
	return out;
}

/* What is published is looked at once more, with what the tasks before it have published since the plan. */
static void decide(struct runner *r, struct task_id task)
{
	struct buf fingerprint = BUF_INIT(1 << 16);
	struct live_run *run = live_run_find(r, task.run);
	struct plan *plan = run->plan;
	struct plan_task t = plan_decide(plan, task.table, task.date, &fingerprint);
	*run_planned(run, task) = t;
	enum decision d = t.verdict == PLAN_FRESH ? DECIDE_FRESH : t.verdict == PLAN_FAIL ? DECIDE_FAIL
	                : t.reason == REASON_SOURCE_AWAITED ? DECIDE_WAIT : DECIDE_BUILD;
	if (d == DECIDE_FAIL && run->observer.try_ended) {
		struct buf why = BUF_INIT(1 << 16);
		plan_reason_text(plan, task.table, &t, &why);
		run->observer.try_ended(run->observer.ctx, &(struct try_report){.table = run_table(run, task),
		                                                                .day = run_day(run, task),
		                                                                .outcome = OUTCOME_ERROR,
		                                                                .cleared_rows = -1,
		                                                                .error = buf_cstr(&why)});
		buf_free(&why);
	}
	buf_free(&fingerprint);
	runner_event(r, &(struct event){.kind = EV_DECIDED, .task = task, .decision = d});
}

static void on_timer(uv_timer_t *timer)
{
	struct runner *r = timer->data;
	runner_event(r, &(struct event){.kind = EV_TIME});
}

static void set_timer(struct runner *r, int64_t at_ms)
{
	if (at_ms == INT64_MAX) {
		uv_timer_stop(&r->timer);
		return;
	}
	int64_t now = runner_now_ms();
	uv_update_time(r->config.loop);
	uv_timer_start(&r->timer, on_timer, at_ms > now ? (uint64_t)(at_ms - now) : 0, 0);
}

static void tell_task_end(struct runner *r, const struct transition *t)
{
	const struct live_run *run = live_run_find(r, t->task.run);
	if (t->object != OBJECT_TASK || t->to != TASK_DONE || !run->observer.task_ended)
		return;
	struct task_report report = {.table = run_table(run, t->task), .day = run_day(run, t->task), .result = (enum task_result)t->result};
	if (t->cause == CAUSE_UPSTREAM) {
		report.cause = run_table(run, t->cause_task);
		report.cause_day = run_day(run, t->cause_task);
	}
	run->observer.task_ended(run->observer.ctx, &report);
}

/* It waits for its source from here on, or not any more. */
static void watch_source_of(struct runner *r, const struct transition *t)
{
	struct live_run *run = live_run_find(r, t->task.run);
	if (t->wait != WAIT_SOURCE) {
		sensor_forget(r->sensor, t->task);
		return;
	}
	const struct plan_task *task = run_planned(run, t->task);
	const struct table *table = run_table(run, t->task);
	sensor_await(r->sensor, &(struct sensor_wait){.task = t->task,
	                                              .source = table->source,
	                                              .table = table->index,
	                                              .day = task->subject_day,
	                                              .snapshot = run->plan->in.snapshot});
	if (!run->observer.source_awaited)
		return;
	struct buf why = BUF_INIT(1 << 16);
	plan_reason_text(run->plan, t->task.table, task, &why);
	run->observer.source_awaited(run->observer.ctx, table, run_day(run, t->task), buf_cstr(&why));
	buf_free(&why);
}

static void on_transition(struct runner *r, const struct transition *said)
{
	struct transition t = *said;
	if (t.object != OBJECT_RUN)
		t.try_no += resume_tries(live_run_find(r, t.task.run), t.task);
	if (t.object == OBJECT_TRY && t.from < 0)
		live_try_new(r, &t);
	record_transition(r, &t);
	if (t.object == OBJECT_TASK && t.from == TASK_WAITING)
		watch_source_of(r, &t);
	tell_task_end(r, &t);
	struct live_try *ended = t.object == OBJECT_TRY && t.to == TRY_ENDED ? live_try_find(r, t.fence) : NULL;
	if (ended && ended != r->ending) /* canceled before a worker heard of it: no answer will come */
		live_try_free(ended);
}

static void act(struct runner *r, const struct action *a)
{
	struct live_try *lt;
	switch (a->kind) {
	case ACT_TRANSITION:
		on_transition(r, &a->transition);
		break;
	case ACT_DECIDE:
		decide(r, a->task);
		break;
	case ACT_START:
		if ((lt = live_try_find(r, a->fence)))
			live_try_start(lt);
		break;
	case ACT_STOP:
		if ((lt = live_try_find(r, a->fence)))
			live_try_stop(lt, a->stop);
		break;
	case ACT_TIMER:
		set_timer(r, a->at_ms);
		break;
	case ACT_HELD:
		live_hold_told(r, a->hold);
		break;
	case ACT_RUN_DONE:
		live_run_done(live_run_find(r, a->run), a->run_result);
		break;
	}
}

/* The tries of a batch are started one right after the other, and go to one worker. */
static void step(struct runner *r, const struct event *ev)
{
	uint64_t batch = 0;
	r->ending = ev->kind == EV_TRY_ENDED ? live_try_find(r, ev->fence) : NULL;
	machine_step(r->machine, ev, &r->actions);
	for (size_t i = 0; i < r->actions.len; i++) {
		const struct action *a = &r->actions.items[i];
		uint64_t its = a->kind == ACT_START ? a->batch : 0;
		if (its != batch)
			workers_gather(r->config.workers, its != 0);
		batch = its;
		act(r, a);
	}
	if (batch)
		workers_gather(r->config.workers, false);
	live_try_free(r->ending);
	r->ending = NULL;
}

static void drain(struct runner *r)
{
	r->stepping = true;
	while (r->taken < r->queued) {
		struct event ev = r->queue[r->taken++];
		ev.now_ms = runner_now_ms();
		step(r, &ev);
	}
	r->taken = r->queued = 0;
	r->stepping = false;
	record_flush(r);
	live_runs_tell(r);
}

void runner_event(struct runner *r, const struct event *ev)
{
	MEM_GROW(r->queue, r->queued, r->queue_cap);
	r->queue[r->queued++] = *ev;
	if (!r->stepping)
		drain(r);
}

void runner_cancel(struct runner *r, uint32_t run)
{
	runner_event(r, &(struct event){.kind = EV_CANCEL_RUN, .run = run});
}

void runner_time_out(struct runner *r, uint32_t run)
{
	runner_event(r, &(struct event){.kind = EV_RUN_TIMEOUT, .run = run});
}

bool runner_failed(const struct runner *r, struct err *err)
{
	if (r->err.code && err)
		*err = r->err;
	return r->err.code != 0;
}

void runner_give_up(struct runner *r, const struct err *why)
{
	if (r->err.code)
		return;
	r->err = *why;
	struct live_try *lt, *next;
	HASH_ITER(hh, r->tries, lt, next)
		live_try_stop(lt, STOP_CANCEL); /* one that no worker has yet ends in here */
}

void runner_abandon(struct runner *r)
{
	runner_give_up(r, &(struct err){.code = ERR_CANCELED, .text = "stopped; unfinished runs go on with the next scheduler"});
}

/* Tries that were given up still have a worker each: they end before this process may. */
void runner_stop(struct runner *r)
{
	sensor_stop(r->sensor);
	while (r->tries || r->sweeping || sensor_busy(r->sensor)) {
		struct live_try *lt = r->tries;
		if (!lt || lt->request)
			uv_run(r->config.loop, UV_RUN_ONCE);
		else
			live_try_free(lt);
	}
}

static void on_source(void *ctx, struct task_id task)
{
	runner_event(ctx, &(struct event){.kind = EV_SOURCE, .task = task});
}

struct runner *runner_new(const struct runner_config *config)
{
	struct runner *r = mem_alloc(sizeof *r);
	r->config = *config;
	list_init(&r->heard);
	uv_timer_init(config->loop, &r->timer);
	r->timer.data = r;
	r->sensor = sensor_new(&(struct sensor_config){.loop = config->loop, .workers = config->workers, .lake = config->lake,
	                                               .found = on_source, .ctx = r});
	live_progress_open(r);
	record_open(r);
	return r;
}

void runner_free(struct runner *r)
{
	if (!r)
		return;
	runner_stop(r);
	struct live_run *run, *next;
	HASH_ITER(hh, r->runs, run, next)
		live_run_free(run);
	sensor_free(r->sensor);
	live_holds_free(r);
	machine_free(r->machine);
	r->machine = NULL; /* what the journal still commits is no news to it */
	shared_names_free(r->tables);
	shared_names_free(r->pools);
	free(r->pool_slots);
	uv_close((uv_handle_t *)&r->timer, NULL);
	live_progress_close(r);
	free(r->workers_told);
	free(r->lanes_told);
	record_close(r);
	heard_close(r);
	actions_free(&r->actions);
	free(r->queue);
	free(r);
}
