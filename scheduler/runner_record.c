/* What the runner writes into the journal, and what the journal says back (runner_internal.h). */
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/date.h"
#include "scheduler/turns.h"
#include "scheduler/runner_internal.h"

enum {
	DB_LOOK_MS = 2 * 1000,
	DB_AWAY_MAX_MS = 60 * 1000, /* then a foreground run stops its workers and exits 3 */
};

static void on_commit(void *ctx, uint64_t seq)
{
	struct runner *r = ctx;
	if (!r->err.code && r->machine)
		runner_event(r, &(struct event){.kind = EV_COMMITTED, .seq = seq});
}

static void on_lost(void *ctx, const struct err *err)
{
	runner_give_up(ctx, err);
}

static void look_at_db(uv_timer_t *timer)
{
	struct runner *r = timer->data;
	int64_t since = journal_down_since(r->journal);
	if (!since) /* an idle scheduler sleeps */
		uv_timer_stop(timer);
	if (since && r->config.db_away)
		r->config.db_away(r->config.ctx);
	if (since && !r->config.stays && (clock_mono_us() - since) / 1000 > DB_AWAY_MAX_MS) {
		struct err err;
		err_set(&err, ERR_STATE, "the state database has been away for a minute; what was running has been stopped. "
		                         "Nothing published is lost: start the database, and the same command completes the rest");
		runner_give_up(r, &err);
	}
}

static void on_down(void *ctx)
{
	struct runner *r = ctx;
	uv_timer_start(&r->db_timer, look_at_db, DB_LOOK_MS, DB_LOOK_MS);
}

void record_open(struct runner *r)
{
	uv_timer_init(r->config.loop, &r->db_timer);
	r->db_timer.data = r;
	r->journal = journal_new(&(struct journal_config){.loop = r->config.loop,
	                                                  .conn = r->config.conn,
	                                                  .conninfo = r->config.conninfo,
	                                                  .leader = *r->config.leader,
	                                                  .on_commit = on_commit,
	                                                  .on_down = on_down,
	                                                  .on_lost = on_lost,
	                                                  .ctx = r});
}

void record_run(struct live_run *run)
{
	const struct runner_request *rq = &run->request;
	const struct plan *plan = run->plan;
	journal_run(run->runner->journal, &(struct journal_run){.run_id = rq->run_id,
	                                              .kind = rq->kind,
	                                              .selection = rq->selection,
	                                              .first_day = plan->in.first,
	                                              .last_day = plan->in.last,
	                                              .force = rq->force,
	                                              .paused = rq->paused,
	                                              .params = rq->params,
	                                              .tasks = (int64_t)(plan_todo(plan) + run->resumed.counts.tasks),
	                                              .fresh = (int64_t)run->summary.fresh,
	                                              .git_commit = rq->git_commit,
	                                              .requested_by = rq->requested_by,
	                                              .wall_us = clock_wall_us()});
	run->mark = journal_mark(run->runner->journal);
}

enum task_result row_result(const struct task_row *row)
{
	for (int i = 1; i < TASK_RESULTS_END; i++) {
		if (str_eq(row->result, task_result_name((enum task_result)i)))
			return (enum task_result)i;
	}
	return TASK_RESULT_NONE;
}

void record_row_end(struct runner *r, const char *run_id, const struct task_row *row, enum task_result result, const char *cause)
{
	enum task_state from = str_eq(row->state, task_state_name(TASK_RUNNING)) ? TASK_RUNNING
	                       : str_eq(row->state, task_state_name(TASK_READY)) ? TASK_READY
	                                                                          : TASK_WAITING;
	journal_transition(r->journal,
	                   &(struct transition){.object = OBJECT_TASK, .try_no = (uint32_t)row->tries, .from = (int)from, .to = TASK_DONE, .result = (int)result},
	                   &(struct journal_names){.run_id = run_id,
	                                           .wall_us = clock_wall_us(),
	                                           .table = row->table,
	                                           .partition = row->partition,
	                                           .reason = row->reason,
	                                           .cause = cause});
}

/* What an earlier life of the run has left open is canceled; it counts with what that life has done. */
static struct run_counts end_before(struct runner *r, const struct runner_request *rq, const char *why)
{
	struct run_counts counts = {.tasks = rq->nbefore};
	for (size_t i = 0; i < rq->nbefore; i++) {
		enum task_result result = row_result(&rq->before[i]);
		if (!result) {
			result = TASK_CANCELED;
			record_row_end(r, rq->run_id, &rq->before[i], result, why);
		}
		counts.by_result[result]++;
		counts.tries += (uint64_t)rq->before[i].tries;
	}
	return counts;
}

int64_t runner_record_unbegun(struct runner *r, const struct runner_request *rq, int32_t first_day, int32_t last_day,
                              enum run_result result, const char *why)
{
	int64_t now_us = clock_wall_us();
	const struct transition steps[] = {
		{.object = OBJECT_RUN, .from = RUN_PLANNED, .to = RUN_RUNNING},
		{.object = OBJECT_RUN, .from = RUN_RUNNING, .to = RUN_DONE, .result = (int)result},
	};
	journal_run(r->journal, &(struct journal_run){.run_id = rq->run_id,
	                                              .kind = rq->kind,
	                                              .selection = rq->selection,
	                                              .first_day = first_day,
	                                              .last_day = last_day,
	                                              .force = rq->force,
	                                              .params = rq->params,
	                                              .tasks = (int64_t)rq->nbefore,
	                                              .git_commit = rq->git_commit,
	                                              .requested_by = rq->requested_by,
	                                              .wall_us = now_us});
	const struct run_counts counts = end_before(r, rq, why);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		journal_transition(r->journal, &steps[i],
		                   &(struct journal_names){.run_id = rq->run_id, .wall_us = now_us, .cause = why, .counts = &counts});
	int64_t mark = journal_mark(r->journal);
	journal_flush(r->journal);
	return mark;
}

int64_t runner_record_pause(struct runner *r, const char *run_id, bool pause)
{
	journal_pause(r->journal, run_id, pause);
	int64_t mark = journal_mark(r->journal);
	journal_flush(r->journal);
	return mark;
}

bool runner_has_written(const struct runner *r, int64_t mark)
{
	return journal_transactions(r->journal) >= mark;
}

static void describe_cause(const struct live_run *run, const struct transition *t, struct buf *out)
{
	if (t->cause == CAUSE_UPSTREAM)
		run_task_name(run, t->cause_task, out);
	else if (t->cause == CAUSE_FAIL_FAST)
		buf_adds(out, "--fail-fast");
	else if (t->cause == CAUSE_CANCEL)
		buf_adds(out, "canceled by its user");
	else if (t->cause == CAUSE_RUN_TIMEOUT)
		buf_adds(out, "the run took longer than its timeout");
}

static void name_try(const struct live_try *lt, struct journal_names *names)
{
	names->try_id = lt->try_id;
	names->worker = lt->worker;
	names->log_path = lt->log_path;
	names->error = lt->error;
	names->error_class = lt->error_class;
	names->result = lt->result;
}

/* What was checked is what the state knows of. */
static bool is_recorded(const struct live_try *lt)
{
	const struct part *part = snapshot_part(lt->run->plan->in.snapshot, run_table(lt->run, lt->task)->index, run_day(lt->run, lt->task));
	return part && str_eq(part->try_id, lt->result->checked);
}

/* The partition, lineage and checks of a success go with it; the checks of a try that made nothing, too. */
static void publish(struct runner *r, const struct live_try *lt, const struct journal_names *names)
{
	const struct table *t = run_table(lt->run, lt->task);
	if (!lt->result)
		return;
	if (lt->outcome != OUTCOME_SUCCESS || lt->result->checked) {
		journal_checks(r->journal, lt->fence, lt->result->manifest.checks, lt->result->manifest.nchecks);
		if (lt->outcome == OUTCOME_SUCCESS && is_recorded(lt))
			journal_checked(r->journal, names->table, names->partition, lt->result->checked, lt->fingerprint);
		return;
	}
	if (t->output_none)
		return;
	journal_publish(r->journal, &(struct journal_publish){.run_id = names->run_id,
	                                                      .table = names->table,
	                                                      .partition = names->partition,
	                                                      .partitioned = table_partitioned(t),
	                                                      .wall_us = names->wall_us,
	                                                      .result = lt->result});
	heard_keep(r, lt, journal_mark(r->journal));
}

/* What a commit lets happen: a try is sent, readers of a task are released, a run is said to be over. */
static bool is_waited_for(const struct transition *t)
{
	switch (t->object) {
	case OBJECT_RUN: return true;
	case OBJECT_TASK: return t->to == TASK_DONE;
	case OBJECT_TRY: return t->to != TRY_RUNNING;
	}
	return true;
}

void record_transition(struct runner *r, const struct transition *t)
{
	struct buf cause = BUF_INIT(1 << 12), reason = BUF_INIT(1 << 14);
	char date[DATE_SIZE];
	struct run_counts counts;
	const struct live_run *run = live_run_find(r, t->task.run);
	struct journal_names names = {.run_id = run->request.run_id, .wall_us = clock_wall_us()};
	r->waited = r->waited || is_waited_for(t);
	describe_cause(run, t, &cause);
	names.cause = buf_cstr(&cause);
	struct live_try *lt = NULL;
	if (t->object == OBJECT_RUN) {
		live_run_find(r, t->task.run)->ended = t->to == RUN_DONE;
		if (t->to == RUN_DONE && machine_run_counts(r->machine, run->handle, &counts)) {
			resume_add(run, &counts);
			names.counts = &counts;
		}
	} else {
		const struct plan *plan = run->plan;
		const struct plan_task *task = run_planned(run, t->task);
		names.table = run_table(run, t->task)->qname;
		names.partition = date_format(date, run_day(run, t->task));
		plan_reason_text(plan, t->task.table, task, &reason);
		names.reason = buf_cstr(&reason);
		lt = t->object == OBJECT_TRY ? live_try_find(r, t->fence) : r->ending;
		if (lt)
			name_try(lt, &names);
		else if (t->to == TASK_DONE && task->verdict == PLAN_FAIL)
			names.error = names.reason;
	}
	if (t->retry_at_ms)
		names.retry_at_us = names.wall_us + (t->retry_at_ms - runner_now_ms()) * 1000;
	journal_transition(r->journal, t, &names);
	if (lt && t->object == OBJECT_TRY && t->to == TRY_ENDED)
		publish(r, lt, &names);
	buf_free(&cause);
	buf_free(&reason);
}

void record_flush(struct runner *r)
{
	if (r->err.code)
		return;
	if (r->waited)
		journal_flush(r->journal);
	else
		journal_flush_soon(r->journal);
	r->waited = false;
}

static void on_closed(void *ctx)
{
	*(bool *)ctx = true;
}

void record_settle(struct runner *r)
{
	journal_flush(r->journal);
	while (!r->err.code && !journal_idle(r->journal))
		uv_run(r->config.loop, UV_RUN_ONCE);
}

void record_close(struct runner *r)
{
	bool closed = false;
	record_settle(r);
	uv_close((uv_handle_t *)&r->db_timer, NULL);
	journal_close(r->journal, on_closed, &closed);
	loop_until(r->config.loop, &closed);
}
