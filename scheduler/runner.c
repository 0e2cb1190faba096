/* See runner.h. */
#include "scheduler/runner.h"

#include <inttypes.h>
#include <signal.h>
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

/* Tries that may be recorded as starting while every worker is busy: they hide the commit's latency. */
enum { AHEAD_PER_JOB = 1 };

static void drain(struct runner *r);

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

const struct table *runner_table(const struct runner *r, struct task_id task)
{
	const struct plan *plan = r->plan;
	return &plan->in.project->tables[plan->tables[task.table]];
}

int32_t runner_day(const struct runner *r, struct task_id task)
{
	return plan_day(r->plan, task.table, task.date);
}

void runner_task_name(const struct runner *r, struct task_id task, struct buf *out)
{
	char date[DATE_SIZE];
	date_format(date, runner_day(r, task));
	buf_addf(out, "%s%s%s", runner_table(r, task)->qname, *date ? " " : "", date);
}

/* What is published is looked at once more, with what the tasks before it have published since the plan. */
static void decide(struct runner *r, struct task_id task)
{
	struct buf fingerprint = BUF_INIT(1 << 16);
	struct plan *plan = r->plan;
	struct plan_task t = plan_decide(plan, task.table, task.date, &fingerprint);
	plan->tasks[(size_t)task.table * plan->ndates + task.date] = t;
	enum decision d = t.verdict == PLAN_FRESH ? DECIDE_FRESH : t.verdict == PLAN_FAIL ? DECIDE_FAIL : DECIDE_BUILD;
	if (d == DECIDE_FAIL && r->observer.try_ended) {
		struct buf why = BUF_INIT(1 << 16);
		plan_reason_text(plan, task.table, &t, &why);
		r->observer.try_ended(r->observer.ctx, &(struct try_report){.table = runner_table(r, task),
		                                                                          .day = runner_day(r, task),
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
	if (t->object != OBJECT_TASK || t->to != TASK_DONE || !r->observer.task_ended)
		return;
	struct task_report report = {.table = runner_table(r, t->task), .day = runner_day(r, t->task), .result = (enum task_result)t->result};
	if (t->cause == CAUSE_UPSTREAM) {
		report.cause = runner_table(r, t->cause_task);
		report.cause_day = runner_day(r, t->cause_task);
	}
	r->observer.task_ended(r->observer.ctx, &report);
}

static void on_transition(struct runner *r, const struct transition *said)
{
	struct transition t = *said;
	if (t.object != OBJECT_RUN)
		t.try_no += resume_tries(r, t.task);
	if (t.object == OBJECT_TRY && t.from < 0)
		live_try_new(r, &t);
	record_transition(r, &t);
	tell_task_end(r, &t);
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
	case ACT_RUN_DONE:
		r->summary.result = a->run_result;
		machine_run_counts(r->machine, RUN_HANDLE, &r->summary.counts);
		resume_add(r, &r->summary.counts);
		r->done = true;
		break;
	}
}

static void step(struct runner *r, const struct event *ev)
{
	r->ending = ev->kind == EV_TRY_ENDED ? live_try_find(r, ev->fence) : NULL;
	machine_step(r->machine, ev, &r->actions);
	for (size_t i = 0; i < r->actions.len; i++)
		act(r, &r->actions.items[i]);
	live_try_free(r->ending);
	r->ending = NULL;
}

static void tell_progress(struct runner *r)
{
	struct run_counts counts;
	if (r->observer.progress && machine_run_counts(r->machine, RUN_HANDLE, &counts))
		r->observer.progress(r->observer.ctx, &counts);
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
	tell_progress(r);
}

void runner_event(struct runner *r, const struct event *ev)
{
	MEM_GROW(r->queue, r->queued, r->queue_cap);
	r->queue[r->queued++] = *ev;
	if (!r->stepping)
		drain(r);
}

void runner_give_up(struct runner *r, const struct err *why)
{
	if (r->err.code)
		return;
	r->err = *why;
	r->done = true;
	struct live_try *lt, *next;
	HASH_ITER(hh, r->tries, lt, next)
		live_try_stop(lt, STOP_CANCEL); /* one that no worker has yet ends in here */
}

/* The first one cancels; from the third on nothing is waited for. */
static void on_signal(uv_signal_t *handle, int signum)
{
	struct runner *r = handle->data;
	(void)signum;
	if (++r->signals == 1)
		runner_event(r, &(struct event){.kind = EV_CANCEL_RUN, .run = RUN_HANDLE});
	else if (r->signals > 2)
		runner_give_up(r, &(struct err){.code = ERR_CANCELED, .text = "interrupted before the run could be ended cleanly"});
}

static void watch_signals(struct runner *r)
{
	uv_signal_init(r->config.loop, &r->sigint);
	uv_signal_init(r->config.loop, &r->sigterm);
	r->sigint.data = r->sigterm.data = r;
	uv_signal_start(&r->sigint, on_signal, SIGINT);
	uv_signal_start(&r->sigterm, on_signal, SIGTERM);
	uv_timer_init(r->config.loop, &r->timer);
	r->timer.data = r;
}

static void unwatch(struct runner *r)
{
	uv_close((uv_handle_t *)&r->sigint, NULL);
	uv_close((uv_handle_t *)&r->sigterm, NULL);
	uv_close((uv_handle_t *)&r->timer, NULL);
	uv_run(r->config.loop, UV_RUN_NOWAIT);
}

static struct machine *make_machine(const struct runner *r)
{
	const struct project *p = r->plan->in.project;
	uint32_t *slots = mem_array(p->npools, sizeof *slots);
	for (size_t i = 0; i < p->npools; i++)
		slots[i] = p->pools[i].slots;
	struct machine *m = machine_new(&(struct machine_config){.next_fence = r->config.leader->next_fence,
	                                                         .capacity = r->config.jobs * (1 + AHEAD_PER_JOB),
	                                                         .pool_slots = slots,
	                                                         .npools = (uint32_t)p->npools});
	free(slots);
	return m;
}

/* Tries that were given up still have a worker each: they end before this process may. */
static void stop_tries(struct runner *r)
{
	while (r->tries || r->sweeping) {
		struct live_try *lt = r->tries;
		if (!lt || lt->request)
			uv_run(r->config.loop, UV_RUN_ONCE);
		else
			live_try_free(lt);
	}
}

struct runner *runner_new(const struct runner_config *config)
{
	struct runner *r = mem_alloc(sizeof *r);
	r->config = *config;
	record_open(r);
	return r;
}

static void begin(struct runner *r, struct plan *plan, const struct runner_request *rq, const struct runner_observer *observer)
{
	r->plan = plan;
	r->request = *rq;
	r->observer = *observer;
	r->started_us = clock_mono_us();
	r->summary = (struct run_summary){.fresh = plan->fresh};
	r->done = false;
	r->common = (struct try_common){.run_id = rq->run_id, .git_commit = rq->git_commit, .keep_staging = rq->keep_staging};
	r->common.log_dir = arena_printf(&r->arena, "%s/.strata/logs/%s", r->config.lake, rq->run_id);
	r->spec = plan_to_spec(plan,
	                       &(struct spec_options){.kind = rq->kind, .fail_fast = rq->fail_fast, .continue_on_error = rq->continue_on_error},
	                       &r->arena);
	r->machine = make_machine(r);
	watch_signals(r);
}

int runner_run(struct runner *r, struct plan *plan, const struct runner_request *request,
               const struct runner_observer *observer, struct run_summary *ret, struct err *err)
{
	if (r->err.code) { /* the journal was lost while the run was planned: nothing would ever be durable */
		if (err)
			*err = r->err;
		return r->err.code;
	}
	begin(r, plan, request, observer);
	resume_begin(r);
	record_run(r);
	runner_event(r, &(struct event){.kind = EV_RUN_ADD, .run = RUN_HANDLE, .spec = r->spec});
	loop_until(r->config.loop, &r->done);
	stop_tries(r);
	unwatch(r);
	machine_free(r->machine);
	r->machine = NULL;
	r->summary.duration_us = clock_mono_us() - r->started_us;
	*ret = r->summary;
	if (r->err.code && err)
		*err = r->err;
	return r->err.code;
}

void runner_free(struct runner *r)
{
	if (!r)
		return;
	record_close(r);
	actions_free(&r->actions);
	free(r->queue);
	arena_free(&r->arena);
	free(r);
}
