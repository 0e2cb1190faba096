/* One try of the runner: its request, its answer, and what its end means (runner_internal.h). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/date.h"
#include "scheduler/lake_probe.h"
#include "scheduler/runner_internal.h"

struct live_try *live_try_new(struct runner *r, const struct transition *t)
{
	struct live_try *lt = mem_alloc(sizeof *lt);
	lt->runner = r;
	lt->run = live_run_find(r, t->task.run);
	lt->fence = t->fence;
	lt->task = t->task;
	lt->try_no = t->try_no;
	uuid_make(lt->try_id);
	try_event_decode(NULL, &lt->far);
	lt->log_path = try_log_path(&lt->arena, lt->run->common.log_dir, run_table(lt->run, t->task), run_day(lt->run, t->task), t->try_no);
	HASH_ADD(hh, r->tries, fence, sizeof lt->fence, lt);
	return lt;
}

struct live_try *live_try_find(struct runner *r, uint64_t fence)
{
	struct live_try *lt;
	HASH_FIND(hh, r->tries, &fence, sizeof fence, lt);
	return lt;
}

void live_try_free(struct live_try *lt)
{
	if (!lt)
		return;
	HASH_DEL(lt->runner->tries, lt);
	arena_free(&lt->arena);
	free(lt);
}

static double jitter(void)
{
	uint32_t random = 0;
	if (getrandom(&random, sizeof random, 0) != sizeof random)
		random = 0;
	return random / 4294967296.0;
}

static enum error_class class_of(const char *name)
{
	static const struct {
		const char *name;
		enum error_class class;
	} classes[] = {{"sql", ERROR_SQL}, {"check", ERROR_CHECK}, {"transient", ERROR_TRANSIENT}};
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
		if (str_eq(name, classes[i].name))
			return classes[i].class;
	}
	return ERROR_PERMANENT;
}

/* Of a failed check it is what would have been published. */
static const char *kept_staging(struct live_try *lt)
{
	const struct try_result *result = lt->result;
	if (!result || !result->staging)
		return NULL;
	bool check = result->error.class && str_eq(result->error.class, "check");
	return arena_printf(&lt->arena, "%s%s", result->staging, check ? "/out" : "");
}

/* Without what it waited for its batch. */
static int64_t work_us(const struct try_result *r)
{
	return r->prepare_us + r->load_us + r->validate_us + r->commit_us + r->cleanup_us;
}

static void report(struct live_try *lt)
{
	const struct live_run *run = lt->run;
	const struct plan *plan = run->plan;
	const struct try_result *result = lt->result;
	if (!run->observer.try_ended)
		return;
	struct buf reason = BUF_INIT(1 << 16);
	plan_reason_text(plan, lt->task.table, run_planned(run, lt->task), &reason);
	bool good = lt->outcome == OUTCOME_SUCCESS && result;
	int64_t worked_us = result ? work_us(result) : 0;
	run->observer.try_ended(run->observer.ctx,
	                             &(struct try_report){.table = run_table(lt->run, lt->task),
	                                                  .day = run_day(lt->run, lt->task),
	                                                  .try_no = lt->try_no,
	                                                  .reason = buf_cstr(&reason),
	                                                  .outcome = lt->outcome,
	                                                  .empty = good && result->empty,
	                                                  .checked = good && result->checked,
	                                                  .rows = good ? result->manifest.row_count : 0,
	                                                  .bytes = good ? result->bytes : 0,
	                                                  .cleared_rows = good ? result->cleared_rows : -1,
	                                                  .duration_us = worked_us ? worked_us : lt->running_us ? clock_mono_us() - lt->running_us : 0,
	                                                  .error = good ? NULL : lt->error,
	                                                  .file = run_table(lt->run, lt->task)->file,
	                                                  .line = lt->error_line,
	                                                  .col = lt->error_col,
	                                                  .log_path = lt->log_path,
	                                                  .staging = kept_staging(lt),
	                                                  .note = result ? result->note : NULL});
	buf_free(&reason);
}

/* The end: tell the machine, whose transitions take lt's result into the journal and then free it. */
static void end(struct live_try *lt, enum try_outcome outcome, enum error_class class)
{
	struct runner *r = lt->runner;
	lt->outcome = outcome;
	lt->request = 0;
	report(lt);
	if (r->err.code) {
		live_try_free(lt);
		return;
	}
	runner_event(r, &(struct event){.kind = EV_TRY_ENDED,
	                                .fence = lt->fence,
	                                .outcome = outcome,
	                                .error = class,
	                                .empty = outcome == OUTCOME_SUCCESS && lt->result && lt->result->empty,
	                                .blameless = lt->blameless,
	                                .took_us = lt->result && !lt->result->checked ? work_us(lt->result) : 0,
	                                .jitter = jitter()});
}

static void end_with_error(struct live_try *lt, enum error_class class, const char *class_name, const char *text)
{
	lt->error = arena_strdup(&lt->arena, text);
	lt->error_class = class_name;
	end(lt, OUTCOME_ERROR, class);
}

/* Every run sees it: one that reads the partition pins what is there, not what was when it was planned. */
static void published(struct live_try *lt)
{
	const struct try_result *result = lt->result;
	struct run_summary *sum = &lt->run->summary;
	if (run_table(lt->run, lt->task)->output_none)
		return;
	if (result->checked) {
		heard_tell_checked(lt);
		sum->checked++;
		return;
	}
	heard_tell_runs(lt);
	sum->rows += result->manifest.row_count;
	sum->bytes += result->bytes;
	sum->published += !result->empty;
	if (result->empty && result->cleared_rows >= 0) {
		sum->cleared++;
		sum->cleared_rows += result->cleared_rows;
	}
}

static char *timeout_text(struct live_try *lt, const char *more)
{
	char limit[32];
	clock_human(limit, sizeof limit, lt->run->spec->tables[lt->task.table].timeout_ms * 1000);
	return arena_printf(&lt->arena, "timed out after %s%s", limit, more);
}

static void end_with_result(struct live_try *lt, const struct try_result *result)
{
	lt->result = result;
	switch (result->outcome) {
	case OUTCOME_SUCCESS:
		published(lt);
		end(lt, OUTCOME_SUCCESS, ERROR_NONE);
		return;
	case OUTCOME_FENCED:
		lt->error = arena_strdup(&lt->arena, "a newer try had published this partition; nothing was changed. If the "
		                                      "state database is older than the lake (a backup?): strata db rebuild");
		end(lt, OUTCOME_FENCED, ERROR_PERMANENT);
		return;
	case OUTCOME_KILLED:
		lt->error = lt->stop == STOP_TIMEOUT ? timeout_text(lt, "") : arena_strdup(&lt->arena, "canceled");
		end(lt, lt->stopped && lt->stop == STOP_TIMEOUT ? OUTCOME_TIMEOUT : OUTCOME_KILLED, ERROR_TRANSIENT);
		return;
	default:
		break;
	}
	rendered_line_position(&lt->rendered, result->error.line, result->error.col, &lt->error_line, &lt->error_col);
	lt->error_class = result->error.class;
	lt->error = arena_strdup(&lt->arena, result->error.message);
	end(lt, OUTCOME_ERROR, class_of(result->error.class));
}

static void on_swept(void *ctx, const struct worker_answer *a)
{
	struct runner *r = ctx;
	r->sweeping--;
	if (a->err)
		log_event(LOG_WARN, "sweep.failed", "error", a->err->text, NULL);
}

/* What the dead worker could not remove: half a result, or, after the exchange, the version before it. */
static void sweep_staging(struct live_try *lt)
{
	struct runner *r = lt->runner;
	json_t *body = json_pack("{s:s, s:[s]}", "op", "sweep", "tries", lt->try_id);
	r->sweeping++;
	workers_ask(r->config.workers, body, true, NULL, on_swept, r);
}

/* The worker is gone with all its children. The manifest tells whether it had published. */
static void on_looked_up(void *ctx, const struct try_result *found, const struct err *err)
{
	struct live_try *lt = ctx;
	if (err) {
		/* It may have published, so neither end can be recorded: the next recovery looks again. */
		log_event(LOG_WARN, "try.lookup_failed", "try", lt->try_id, "error", err->text, NULL);
		runner_give_up(lt->runner, err);
		end(lt, OUTCOME_LOST, ERROR_TRANSIENT);
		return;
	}
	sweep_staging(lt);
	if (found) {
		log_event(LOG_INFO, "try.recovered", "try", lt->try_id, NULL);
		end_with_result(lt, found);
		return;
	}
	lt->error_class = "transient";
	if (lt->blameless) {
		end(lt, OUTCOME_LOST, ERROR_TRANSIENT);
		return;
	}
	bool timed_out = lt->stopped && lt->stop == STOP_TIMEOUT;
	if (timed_out)
		lt->error = timeout_text(lt, "; its worker had to be killed");
	end(lt, timed_out ? OUTCOME_TIMEOUT : lt->stopped ? OUTCOME_KILLED : OUTCOME_LOST, ERROR_TRANSIENT);
}

static void on_running(struct live_try *lt)
{
	struct runner *r = lt->runner;
	lt->running_us = clock_mono_us();
	const char *worker = workers_holder(r->config.workers, lt->request);
	snprintf(lt->worker, sizeof lt->worker, "%s", worker ? worker : "");
	if (lt->run->observer.try_started)
		lt->run->observer.try_started(lt->run->observer.ctx, run_table(lt->run, lt->task), run_day(lt->run, lt->task), lt->try_no, lt->worker);
	if (!r->err.code)
		runner_event(r, &(struct event){.kind = EV_TRY_RUNNING, .fence = lt->fence});
}

static void on_event(void *ctx, const json_t *event)
{
	struct live_try *lt = ctx;
	struct try_event e;
	try_event_decode(event, &e);
	if (*e.stage) {
		lt->staged = str_eq(e.stage, "staged"); /* until its commit begins */
		snprintf(lt->stage, sizeof lt->stage, "%s", e.stage);
	}
	lt->far = (struct try_event){.rows = e.rows, .percent = e.percent, .of_rows = e.of_rows, .written = e.written};
	if (str_eq(e.event, "running") && !lt->running_us)
		on_running(lt);
}

static void on_answer(void *ctx, const struct worker_answer *a)
{
	struct live_try *lt = ctx;
	struct runner *r = lt->runner;
	struct try_result result;
	struct err err = {0};
	(void)FAULT("try.result");
	if (a->reply) {
		if (try_result_decode(&lt->arena, a->reply, &result, &err) < 0)
			end_with_error(lt, ERROR_TRANSIENT, "transient", err.text);
		else
			end_with_result(lt, &result);
	} else if (a->died) {
		lt->blameless = a->blameless;
		lt->error = arena_printf(&lt->arena, "%s%s", a->err->text, a->blameless ? ", at work on another date; this one is tried again" : "");
		char date[DATE_SIZE];
		lake_probe_try(r->config.workers, run_table(lt->run, lt->task)->qname, date_format(date, run_day(lt->run, lt->task)),
		               lt->try_id, on_looked_up, lt);
	} else if (a->err->code == ERR_CANCELED) {
		lt->error = arena_strdup(&lt->arena, "canceled before it began");
		end(lt, OUTCOME_KILLED, ERROR_TRANSIENT);
	} else {
		const char *said = json_string_value(json_object_get(a->error, "class"));
		const char *class = a->err->code == ERR_USAGE ? "permanent" : said ? said : "transient";
		end_with_error(lt, class_of(class), arena_strdup(&lt->arena, class), a->err->text);
	}
}

/* The request; NULL, with the reason, if it cannot be made. */
static json_t *request_of(struct live_try *lt, bool check, struct err *err)
{
	struct plan *plan = lt->run->plan;
	const struct task_id task = lt->task;
	const struct try_common *common = &lt->run->common;
	struct try_request rq;
	if (check)
		rq = try_build_check(&lt->arena, plan, task.table, task.date, common, lt->try_id, lt->fence, lt->try_no);
	else if (try_build(&lt->arena, plan, task.table, task.date, common, lt->try_id, lt->fence, lt->try_no, lt->fingerprint, &rq,
	                   &lt->rendered, err) < 0)
		return NULL;
	json_t *body = try_request_encode(&rq);
	json_object_set_new(body, "op", json_string("run"));
	return body;
}

void live_try_start(struct live_try *lt)
{
	struct runner *r = lt->runner;
	struct plan *plan = lt->run->plan;
	struct err err = {0};
	struct buf fingerprint = BUF_INIT(1 << 16);
	struct plan_task now = plan_decide(plan, lt->task.table, lt->task.date, &fingerprint);
	lt->fingerprint = arena_strdup(&lt->arena, buf_cstr(&fingerprint));
	buf_clear(&fingerprint);
	if (now.verdict == PLAN_FAIL) /* what it reads was removed since it was decided */
		plan_reason_text(plan, lt->task.table, &now, &fingerprint);
	const char *why = now.verdict == PLAN_FAIL ? arena_strdup(&lt->arena, buf_cstr(&fingerprint)) : NULL;
	buf_free(&fingerprint);
	if (why) {
		end_with_error(lt, ERROR_PERMANENT, "permanent", why);
		return;
	}
	struct plan_task *task = run_planned(lt->run, lt->task);
	if (task->verdict == PLAN_CHECK && now.verdict == PLAN_BUILD)
		*task = now; /* a retry keeps its decision, and what it reads was published since */
	/* Fresh: another run has checked it meanwhile. */
	json_t *body = request_of(lt, now.verdict == PLAN_CHECK || (now.verdict == PLAN_FRESH && task->verdict == PLAN_CHECK), &err);
	if (!body) {
		end_with_error(lt, ERROR_PERMANENT, "permanent", err.text);
		return;
	}
	if (FAULT("try.send")) {
		json_decref(body);
		end_with_error(lt, ERROR_TRANSIENT, "transient", "the try could not be sent");
		return;
	}
	lt->sent_us = clock_mono_us();
	workers_modest(r->config.workers, lt->run->request.kind != RUN_SCHEDULED);
	lt->request = workers_ask(r->config.workers, body, false, on_event, on_answer, lt);
	workers_modest(r->config.workers, false);
}

void live_try_stop(struct live_try *lt, enum stop_reason why)
{
	if (why == STOP_TIMEOUT && lt->staged)
		return; /* its time was enough: it waits for others, whose time is counted, too */
	if (!lt->stopped)
		lt->stop = why; /* what it is told later has not ended it */
	lt->stopped = true;
	if (lt->request)
		workers_cancel(lt->runner->config.workers, lt->request);
}
