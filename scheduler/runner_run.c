/* The runs of a runner: how one begins and ends, and the foreground's single one (runner_internal.h). */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "core/date.h"
#include "scheduler/load.h"
#include "scheduler/runner_internal.h"

/* Batches of tries that may be recorded as starting while every worker is busy: they hide the commit's latency. */
enum { AHEAD_PER_JOB = 1 };
/* Dates of a table that a worker publishes at once. */
enum { DATES_PER_BATCH = 8 };

struct live_run *live_run_find(const struct runner *r, uint32_t handle)
{
	struct live_run *run;
	HASH_FIND(hh, r->runs, &handle, sizeof handle, run);
	return run;
}

const struct table *run_table(const struct live_run *run, struct task_id task)
{
	return &run->plan->in.project->tables[run->plan->tables[task.table]];
}

int32_t run_day(const struct live_run *run, struct task_id task)
{
	return plan_day(run->plan, task.table, task.date);
}

struct plan_task *run_planned(const struct live_run *run, struct task_id task)
{
	return &run->plan->tasks[(size_t)task.table * run->plan->ndates + task.date];
}

void run_task_name(const struct live_run *run, struct task_id task, struct buf *out)
{
	char date[DATE_SIZE];
	date_format(date, run_day(run, task));
	buf_addf(out, "%s%s%s", run_table(run, task)->qname, *date ? " " : "", date);
}

void live_run_free(struct live_run *run)
{
	HASH_DEL(run->runner->runs, run);
	arena_free(&run->arena);
	free(run);
}

void live_run_done(struct live_run *run, enum run_result result)
{
	run->done = true;
	run->summary.result = result;
	run->summary.duration_us = clock_mono_us() - run->started_us;
	machine_run_counts(run->runner->machine, run->handle, &run->summary.counts);
	resume_add(run, &run->summary.counts);
}

void live_runs_tell(struct runner *r)
{
	struct live_run *run, *next;
	struct run_counts counts;
	HASH_ITER(hh, r->runs, run, next) {
		bool known = run->done || machine_run_counts(r->machine, run->handle, &counts);
		if (run->observer.progress && known)
			run->observer.progress(run->observer.ctx, run->done ? &run->summary.counts : &counts);
		if (known && !run->done)
			live_progress_note(run, &counts);
		if (!run->done)
			continue;
		struct run_summary summary = run->summary;
		runner_done_fn *on_done = run->on_done;
		void *ctx = run->on_done_ctx;
		live_run_free(run);
		on_done(ctx, &summary);
	}
}

void shared_names_free(struct shared_name *names)
{
	struct shared_name *n, *next;
	HASH_ITER(hh, names, n, next) {
		HASH_DEL(names, n);
		free(n);
	}
}

uint32_t shared_name_number(struct shared_name **names, const char *name, uint32_t first)
{
	struct shared_name *n;
	size_t len = strlen(name);
	HASH_FIND(hh, *names, name, len, n);
	if (n)
		return n->number;
	n = mem_alloc(sizeof *n + len + 1);
	memcpy(n->name, name, len + 1);
	n->number = first + HASH_COUNT(*names);
	HASH_ADD_KEYPTR(hh, *names, n->name, len, n);
	return n->number;
}

void live_machine(struct runner *r)
{
	if (!r->machine)
		r->machine = machine_new(&(struct machine_config){.next_fence = r->config.leader->next_fence,
		                                                  .capacity = r->config.jobs * (1 + AHEAD_PER_JOB),
		                                                  .kept = r->kept * (1 + AHEAD_PER_JOB),
		                                                  .pool_slots = r->pool_slots,
		                                                  .npools = HASH_COUNT(r->pools)});
}

/* The machine's pools become those of this project; a pool that it does not have any more stays as it was, for the
 * runs that use it. *ret_map: from the project's number of a pool to the machine's. */
static uint32_t *share_pools(struct runner *r, const struct project *p, struct arena *arena)
{
	uint32_t *map = arena_array(arena, p->npools, sizeof *map);
	for (size_t i = 0; i < p->npools; i++) {
		map[i] = shared_name_number(&r->pools, p->pools[i].name, 0);
		r->pool_slots = mem_realloc(r->pool_slots, HASH_COUNT(r->pools), sizeof *r->pool_slots);
		r->pool_slots[map[i]] = p->pools[i].slots;
	}
	uint32_t npools = HASH_COUNT(r->pools);
	if (r->machine)
		runner_event(r, &(struct event){.kind = EV_POOLS, .pool_slots = r->pool_slots, .npools = npools});
	live_machine(r);
	return map;
}

static struct run_spec *make_spec(struct live_run *run, const struct runner_request *rq)
{
	const struct project *p = run->plan->in.project;
	uint32_t *keys = arena_array(&run->arena, p->ntables, sizeof *keys);
	for (size_t t = 0; t < p->ntables; t++)
		keys[t] = shared_name_number(&run->runner->tables, p->tables[t].qname, 1);
	const struct spec_options options = {.kind = rq->kind,
	                                     .fail_fast = rq->fail_fast,
	                                     .continue_on_error = rq->continue_on_error,
	                                     .paused = rq->paused || rq->canceled,
	                                     .quiet = rq->quiet,
	                                     .max_active = rq->max_active,
	                                     .duration_us = rq->duration_us,
	                                     .keys = keys};
	struct run_spec *spec = plan_to_spec(run->plan, &options, &run->arena);
	const uint32_t *map = share_pools(run->runner, p, &run->arena);
	struct spec_table *tables = arena_array(&run->arena, spec->ntables, sizeof *tables);
	for (uint32_t t = 0; t < spec->ntables; t++) {
		tables[t] = spec->tables[t];
		tables[t].pool = map[tables[t].pool];
		tables[t].batch = p->tables[run->plan->tables[t]].output_none ? 1 : DATES_PER_BATCH;
	}
	spec->tables = tables;
	spec->told = run->resumed.told;
	return spec;
}

static const char *copy(struct live_run *run, const char *text)
{
	return text ? arena_strdup(&run->arena, text) : NULL;
}

uint32_t runner_begin(struct runner *r, struct plan *plan, const struct runner_request *rq, const struct runner_observer *observer,
                      runner_done_fn *done, void *ctx)
{
	struct live_run *run = mem_alloc(sizeof *run);
	run->runner = r;
	run->handle = ++r->handles;
	run->plan = plan;
	run->request = *rq;
	run->request.run_id = copy(run, rq->run_id);
	run->request.selection = copy(run, rq->selection);
	run->request.params = copy(run, rq->params);
	run->request.git_commit = copy(run, rq->git_commit);
	run->request.requested_by = copy(run, rq->requested_by);
	run->observer = *observer;
	run->on_done = done;
	run->on_done_ctx = ctx;
	run->started_us = clock_mono_us();
	run->summary = (struct run_summary){.fresh = plan->fresh};
	run->common = (struct try_common){.run_id = run->request.run_id,
	                                  .git_commit = run->request.git_commit,
	                                  .keep_staging = rq->keep_staging,
	                                  .log_dir = arena_printf(&run->arena, "%s/.strata/logs/%s", r->config.lake, rq->run_id)};
	HASH_ADD(hh, r->runs, handle, sizeof run->handle, run);
	resume_begin(run, rq->before, rq->nbefore);
	run->spec = make_spec(run, rq);
	record_run(run);
	live_progress_begin(run, rq);
	runner_event(r, &(struct event){.kind = EV_RUN_ADD, .run = run->handle, .spec = run->spec});
	return run->handle;
}

bool runner_is_recorded(const struct runner *r, uint32_t run)
{
	const struct live_run *known = live_run_find(r, run);
	return !known || runner_has_written(r, known->mark);
}

void runner_pause(struct runner *r, uint32_t run, bool pause)
{
	runner_event(r, &(struct event){.kind = pause ? EV_PAUSE_RUN : EV_UNPAUSE_RUN, .run = run});
}

void runner_keep(struct runner *r, uint32_t kept)
{
	r->kept = kept < r->config.jobs ? kept : 0;
	workers_keep(r->config.workers, r->kept);
	live_progress_look(r);
	if (r->machine)
		runner_event(r, &(struct event){.kind = EV_CAPACITY,
		                                .capacity = r->config.jobs * (1 + AHEAD_PER_JOB),
		                                .kept = r->kept * (1 + AHEAD_PER_JOB)});
}

bool runner_idle(const struct runner *r)
{
	return !r->tries && !r->sweeping && journal_idle(r->journal);
}

/* --- the foreground: one run, ended by its end or by signals --- */

struct foreground {
	struct runner *runner;
	uint32_t run;
	uv_signal_t sigint, sigterm, sighup;
	int signals; /* how many asked it to stop */
	bool done;
	struct run_summary summary;
};

/* The first one cancels; from the third on nothing is waited for. */
static void on_signal(uv_signal_t *handle, int signum)
{
	struct foreground *f = handle->data;
	(void)signum;
	if (++f->signals == 1)
		runner_cancel(f->runner, f->run);
	else if (f->signals > 2)
		runner_give_up(f->runner, &(struct err){.code = ERR_CANCELED, .text = "interrupted before the run could be ended cleanly"});
}

static void on_done(void *ctx, const struct run_summary *summary)
{
	struct foreground *f = ctx;
	f->summary = *summary;
	f->done = true;
}

int runner_run(struct runner *r, struct plan *plan, const struct runner_request *request,
               const struct runner_observer *observer, struct run_summary *ret, struct err *err)
{
	if (runner_failed(r, err)) /* the journal was lost while the run was planned: nothing would ever be durable */
		return err->code;
	struct foreground f = {.runner = r};
	uv_signal_init(r->config.loop, &f.sigint);
	uv_signal_init(r->config.loop, &f.sigterm);
	uv_signal_init(r->config.loop, &f.sighup);
	f.sigint.data = f.sigterm.data = f.sighup.data = &f;
	uv_signal_start(&f.sigint, on_signal, SIGINT);
	uv_signal_start(&f.sigterm, on_signal, SIGTERM);
	/* A terminal that is closed is a Ctrl-C; who said nohup means otherwise. */
	struct sigaction hangup;
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		uv_signal_start(&f.sighup, on_signal, SIGHUP);
	f.run = runner_begin(r, plan, request, observer, on_done, &f);
	while (!f.done && !r->err.code)
		uv_run(r->config.loop, UV_RUN_ONCE);
	runner_stop(r);
	uv_close((uv_handle_t *)&f.sigint, NULL);
	uv_close((uv_handle_t *)&f.sigterm, NULL);
	uv_close((uv_handle_t *)&f.sighup, NULL);
	uv_run(r->config.loop, UV_RUN_NOWAIT);
	*ret = f.summary;
	return runner_failed(r, err) ? err->code : 0;
}
