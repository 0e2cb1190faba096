/* Orders carried out (daemon_internal.h): planned with the newest project, begun, and told when they are done. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/date.h"
#include "core/retry.h"
#include "core/jsonio.h"
#include "core/selection.h"
#include "scheduler/again.h"
#include "scheduler/daemon_internal.h"
#include "scheduler/db.h"
#include "scheduler/queries.h"

enum {
	PARAMS_MAX = 1 << 22,
	PLANS_MOST = 6, /* over some four minutes */
	SMALL_TASKS = 20000, /* planned in some tens of milliseconds */
};

struct job *job_new(struct daemon *d)
{
	struct job *j = mem_alloc(sizeof *j);
	*j = (struct job){.daemon = d};
	return j;
}

void job_add(struct job *j)
{
	j->paused = j->order.paused;
	list_append(&j->daemon->jobs, &j->link);
}

void job_free(struct job *j)
{
	planning_free(&j->planning);
	free(j->selected);
	if (j->version)
		version_drop(j->version);
	arena_free(&j->arena);
	free(j);
}

struct job *job_find(struct daemon *d, const char *run_id)
{
	LIST_FOR_EACH(it, &d->jobs) {
		struct job *j = LIST_ENTRY(it, struct job, link);
		if (j->state != JOB_DONE && strcmp(j->order.run_id, run_id) == 0)
			return j;
	}
	return NULL;
}

size_t jobs_of_schedule(const struct daemon *d, const char *schedule)
{
	size_t n = 0;
	LIST_FOR_EACH(it, &d->jobs) {
		const struct job *j = LIST_ENTRY(it, struct job, link);
		n += j->state != JOB_DONE && j->order.schedule && strcmp(j->order.schedule, schedule) == 0;
	}
	return n;
}

static void record_pause(struct job *j)
{
	j->pause_mark = runner_record_pause(j->daemon->runner, j->order.run_id, j->paused);
}

void job_pause(struct job *j, bool pause, int64_t command)
{
	j->paused = pause;
	j->pausing = command;
	if (j->state != JOB_ACTIVE)
		return; /* it begins that way */
	runner_pause(j->daemon->runner, j->run, pause);
	record_pause(j);
}

static void on_try_ended(void *ctx, const struct try_report *r)
{
	const struct job *j = ctx;
	char date[DATE_SIZE];
	date_format(date, r->day);
	if (r->outcome == OUTCOME_SUCCESS)
		log_event(LOG_INFO, "task.done", "run", j->order.run_id, "table", r->table->qname, "dt", date, LOG_INT("rows", r->rows),
		          LOG_INT("us", r->duration_us), NULL);
	else
		log_event(LOG_WARN, "try.failed", "run", j->order.run_id, "table", r->table->qname, "dt", date, "outcome",
		          try_outcome_name(r->outcome), "error", r->error ? r->error : "", NULL);
}

static void on_source_awaited(void *ctx, const struct table *t, int32_t day, const char *why)
{
	const struct job *j = ctx;
	char date[DATE_SIZE];
	log_event(LOG_INFO, "task.waits", "run", j->order.run_id, "table", t->qname, "dt", date_format(date, day), "reason", why, NULL);
}

static void on_task_ended(void *ctx, const struct task_report *r)
{
	const struct job *j = ctx;
	char date[DATE_SIZE];
	if (r->result == TASK_FAILED || r->result == TASK_TIMEOUT || r->result == TASK_UPSTREAM_FAILED)
		log_event(LOG_ERROR, "task.failed", "run", j->order.run_id, "table", r->table->qname, "dt", date_format(date, r->day),
		          "result", task_result_name(r->result), NULL);
}

static void on_done(void *ctx, const struct run_summary *summary)
{
	struct job *j = ctx;
	j->summary = *summary;
	j->state = JOB_DONE;
	j->daemon->ended = j->daemon->catalog = true;
	log_event(summary->result == RUN_SUCCESS ? LOG_INFO : LOG_ERROR, "run.done", "run", j->order.run_id, "result",
	          run_result_name(summary->result), LOG_INT("tasks", summary->counts.tasks), LOG_INT("published", summary->published),
	          LOG_INT("rows", summary->rows), LOG_INT("us", summary->duration_us), NULL);
}

static void catch_up(void *ctx, struct snapshot *s)
{
	const struct daemon *d = ctx;
	runner_tell(d->runner, d->ws->project, s);
}

static int plan(struct daemon *d, struct job *j, struct err *err)
{
	const struct order *o = &j->order;
	struct project *p = d->ws->project;
	planning_free(&j->planning); /* of a time when the database went away */
	j->planning = (struct planning){0};
	free(j->selected);
	j->selected = mem_array(p->ntables ? p->ntables : 1, sizeof *j->selected);
	int rc = selection_eval(p, o->select, o->nselect, o->exclude, o->nexclude, j->selected, err);
	struct again *again = NULL;
	if (rc == 0 && o->of)
		rc = again_select(p, o, j->selected, &j->arena, &again, err);
	if (rc < 0)
		return rc;
	rc = planning_make(d->ws,
	                   &(struct planning_request){.selected = j->selected,
	                                              .first = o->first,
	                                              .last = o->last,
	                                              .force = o->force,
	                                              .wish = again ? again_wish : NULL,
	                                              .wish_ctx = again,
	                                              .resumes = j->resumes ? o->run_id : NULL,
	                                              .catch_up = catch_up,
	                                              .catch_up_ctx = d,
	                                              .bind = true},
	                   &j->planning, err);
	if (rc == ERR_PROJECT && d->ws->diags.errors) { /* all are told by `strata validate` */
		struct buf text = BUF_INIT(PARAMS_MAX); /* err_set cuts it */
		diags_first_error(&d->ws->diags, "", &text);
		err_set(err, ERR_PROJECT, "%s", buf_cstr(&text));
		buf_free(&text);
	}
	return rc;
}

/* What a run that goes on has behind it. */
static int read_before(struct daemon *d, struct job *j, struct runner_request *rq, struct err *err)
{
	struct task_row *rows = NULL;
	if (!j->resumes)
		return 0;
	int rc = query_tasks(&(struct query){.conn = d->ws->db.conn, .lake_id = d->ws->db.lake_id, .arena = &j->arena}, j->order.run_id, NULL,
	                     &rows, &rq->nbefore, err);
	rq->before = rows;
	return rc;
}

/* What the runner is told of an order; its texts live as long as the job. */
static struct runner_request request_of(struct daemon *d, struct job *j)
{
	const struct order *o = &j->order;
	struct buf params = BUF_INIT(PARAMS_MAX);
	json_t *json = order_encode(o);
	json_print(json, JSON_COMPACT, &params);
	json_decref(json);
	struct runner_request rq = {.kind = o->kind,
	                            .run_id = o->run_id,
	                            .selection = order_selection(o, &j->arena),
	                            .force = o->force,
	                            .fail_fast = o->fail_fast,
	                            .continue_on_error = o->continue_on_error,
	                            .keep_staging = o->keep_staging,
	                            .paused = j->paused,
	                            .canceled = j->canceled,
	                            .quiet = o->kind == RUN_BACKFILL, /* a million rows for one word "canceled" */
	                            .max_active = o->max_active,
	                            .params = arena_strdup(&j->arena, buf_cstr(&params)),
	                            .git_commit = d->version->git_commit,
	                            .requested_by = o->requested_by};
	buf_free(&params);
	return rq;
}

static int begin(struct daemon *d, struct job *j, struct err *err)
{
	const struct order *o = &j->order;
	int rc = plan(d, j, err);
	for (size_t i = 0; rc == 0 && i < d->ws->diags.len; i++)
		log_event(LOG_WARN, "plan.warning", "run", o->run_id, "text", d->ws->diags.items[i].text, NULL);
	if (rc < 0)
		return rc;
	struct runner_request rq = request_of(d, j); /* only now: it may have been paused while it was planned */
	rc = read_before(d, j, &rq, err);
	if (rc == 0 && d->draining) /* it was told so in the last turn of the planning: the next scheduler begins it */
		rc = err_set(err, ERR_CANCELED, "the scheduler is about to end");
	if (rc < 0)
		return rc;
	rq.duration_us = j->planning.duration_us;
	j->version = d->version;
	j->version->users++;
	j->state = JOB_ACTIVE;
	const struct runner_observer observer = {.try_ended = on_try_ended, .task_ended = on_task_ended, .source_awaited = on_source_awaited, .ctx = j};
	log_event(LOG_INFO, "run.begin", "run", o->run_id, "kind", run_kind_name(o->kind), "select", rq.selection,
	          LOG_INT("tasks", plan_todo(j->planning.plan)), LOG_INT("fresh", j->planning.plan->fresh), NULL);
	if (!j->began)
		j->began = clock_wall_us() / 1000000;
	j->clock = run_clock_of(0, 0, j->began, o->timeout_ms);
	j->clock.deadline = o->deadline;
	j->recorded = false;
	catch_up(d, j->planning.snapshot); /* from now on it hears it itself */
	j->run = runner_begin(d->runner, j->planning.plan, &rq, &observer, on_done, j);
	if (j->pausing && j->resumes) /* its row is older than that */
		record_pause(j);
	if (j->canceled && j->state == JOB_ACTIVE)
		runner_cancel(d->runner, j->run);
	return 0;
}

int job_not_begun(struct daemon *d, struct job *j, enum run_result result, const struct err *why, struct err *err)
{
	if (j->order.schedule || j->resumes) {
		struct runner_request rq = request_of(d, j);
		int rc = read_before(d, j, &rq, err);
		if (rc < 0)
			return rc;
		j->mark = runner_record_unbegun(d->runner, &rq, j->order.first, j->order.last, result, why->text);
	}
	log_event(LOG_ERROR, "run.refused", "run", j->order.run_id, "error", why->text, NULL);
	if (j->command)
		command_end(d, j->command, "refused", why->text);
	d->mail = d->mail || j->command; /* the same order may have come twice */
	j->command = 0;
	j->state = JOB_DONE;
	d->ended = true;
	return 0;
}

static int64_t now_ms(void)
{
	return clock_mono_us() / 1000;
}

static void on_plan_again(uv_timer_t *timer);

static void wake_to_plan(struct daemon *d)
{
	int64_t now = now_ms(), next = INT64_MAX;
	LIST_FOR_EACH(it, &d->jobs) {
		const struct job *j = LIST_ENTRY(it, struct job, link);
		if (j->state == JOB_ORDERED && j->plan_at_ms > now && j->plan_at_ms < next)
			next = j->plan_at_ms;
	}
	if (next < INT64_MAX)
		uv_timer_start(&d->plan_again, on_plan_again, (uint64_t)(next - now), 0);
}

/* The loop is awake now, and plans what may be planned. */
static void on_plan_again(uv_timer_t *timer)
{
	wake_to_plan(timer->data);
}

void jobs_open(struct daemon *d)
{
	uv_timer_init(&d->ws->loop, &d->plan_again);
	d->plan_again.data = d;
}

/* Workers died or could not be started, the lake is out of reach: that has nothing to do with the run, and may be over in a
 * while. What is wrong with its words or with the project stays so. */
static bool may_pass(const struct err *why)
{
	return why->code == ERR_PROTOCOL || why->code == ERR_LAKE || why->code == ERR_IO;
}

/* One that is canceled needs no plan, but for a run that goes on: its open tasks are canceled by it. */
static bool plan_later(struct daemon *d, struct job *j, const struct err *why)
{
	static const struct retry_policy pauses = {.delay_ms = 2000, .backoff = 3, .max_delay_ms = 10 * 60 * 1000};
	if (!may_pass(why) || (j->canceled && !j->resumes) || ++j->plans >= PLANS_MOST)
		return false;
	int64_t pause_ms = retry_delay_ms(&pauses, j->plans, 1);
	j->state = JOB_ORDERED;
	j->plan_at_ms = now_ms() + pause_ms;
	log_event(LOG_WARN, "plan.failed", "run", j->order.run_id, "error", why->text, LOG_INT("again_in_ms", pause_ms), NULL);
	wake_to_plan(d);
	return true;
}

/* What tells the newest project from those before it: they are freed, and their addresses given out again. */
static uint64_t newest_serial(struct daemon *d)
{
	if (!d->version->serial)
		d->version->serial = ++d->last_serial;
	return d->version->serial;
}

/* Can it be planned at once, while something long is under way? */
static bool is_small(struct daemon *d, struct job *j)
{
	if (j->sized != newest_serial(d)) {
		const struct order *o = &j->order;
		const struct project *p = d->version->project;
		bool *selected = mem_array(p->ntables ? p->ntables : 1, sizeof *selected);
		uint64_t n = 0;
		struct err ignored;
		if (selection_eval(p, o->select, o->nselect, o->exclude, o->nexclude, selected, &ignored) == 0) {
			for (size_t t = 0; t < p->ntables; t++)
				n += selected[t];
		}
		free(selected);
		j->sized = newest_serial(d);
		j->tasks = n * (uint64_t)((int64_t)o->last - o->first + 1);
	}
	return j->tasks <= SMALL_TASKS;
}

static struct job *next_to_begin(struct daemon *d)
{
	struct job *next = NULL;
	LIST_FOR_EACH(it, &d->jobs) {
		struct job *j = LIST_ENTRY(it, struct job, link);
		if (j->state != JOB_ORDERED || j->reading > d->read || j->plan_at_ms > now_ms() || (d->level && !is_small(d, j)))
			continue;
		if (!next || (j->order.kind == RUN_SCHEDULED && next->order.kind != RUN_SCHEDULED))
			next = j; /* scheduled ones are planned first */
	}
	return next;
}

/* Within another one that is planned, too; what both use is put back as it was. */
static int begin_within(struct daemon *d, struct job *j, struct err *err)
{
	struct job *outer = d->planning;
	struct diags theirs = d->ws->diags;
	d->ws->diags = (struct diags){0};
	d->planning = j;
	d->level++;
	j->state = JOB_PLANNING;
	runner_listen(d->runner, true);
	int rc = begin(d, j, err);
	runner_listen(d->runner, false);
	d->level--;
	d->planning = outer;
	diags_free(&d->ws->diags);
	d->ws->diags = theirs;
	return rc;
}

bool jobs_begin_one(struct daemon *d)
{
	struct err err = {0}, unread;
	struct job *next = d->draining || d->waits || clearing_works(d) ? NULL : next_to_begin(d);
	if (!next)
		return false;
	if (daemon_db(d, &err) < 0)
		return daemon_again(d);
	int rc = begin_within(d, next, &err);
	bool canceled = next->canceled && !next->resumes;
	if (rc == ERR_STATE || (rc == ERR_CANCELED && !canceled)) {
		next->state = JOB_ORDERED;
		if (rc == ERR_STATE)
			return daemon_again(d);
		return !d->draining && !d->signals; /* else it was stopped for an order that was planned within it: once more */
	}
	if (rc < 0 && !plan_later(d, next, &err) && job_not_begun(d, next, next->canceled ? RUN_CANCELED : RUN_FAILED, &err, &unread) < 0) {
		next->state = JOB_ORDERED;
		return daemon_again(d);
	}
	return true;
}

/* A canceled run ends when what runs of it has been stopped. Should this scheduler die before, its answer tells the next
 * one: was_canceled. */
static void answer_cancel(struct daemon *d, struct job *j)
{
	char text[256];
	snprintf(text, sizeof text, "run %s is canceled; %s", j->order.run_id, j->run ? "what runs is stopped" : "it had not begun");
	command_end(d, j->cancel, "done", text);
	j->cancel = 0;
}

/* Should this scheduler die before, the next one is told again, whether the run has got its row by then or not. */
static void answer_pause(struct daemon *d, struct job *j)
{
	char text[256];
	bool ended = j->state == JOB_DONE;
	snprintf(text, sizeof text, "run %s %s", j->order.run_id, ended ? "has ended" : j->paused ? "is paused" : "is going on");
	command_end(d, j->pausing, ended ? "refused" : "done", text);
	j->pausing = 0;
	d->mail = true; /* the next one may wait */
}

/* An order is answered when its run is on record, and not before: who asks next finds it. */
void jobs_answer(struct daemon *d)
{
	if (runner_failed(d->runner, NULL))
		return; /* nothing becomes durable any more */
	LIST_FOR_EACH(it, &d->jobs) {
		struct job *j = LIST_ENTRY(it, struct job, link);
		bool begun = (j->state == JOB_ACTIVE || j->state == JOB_DONE) && runner_is_recorded(d->runner, j->run) &&
		             runner_has_written(d->runner, j->mark);
		d->mail = d->mail || (begun && j->command); /* the same order may have come twice */
		if (begun && j->command)
			command_end(d, j->command, "done", j->order.run_id);
		if (begun && j->cancel && !d->waits)
			answer_cancel(d, j);
		if (begun && j->pausing && runner_has_written(d->runner, j->pause_mark) && !d->waits)
			answer_pause(d, j);
		if (begun)
			j->command = 0;
		if (begun && !j->recorded)
			d->due |= j->clock.deadline || j->clock.end; /* from now on they can be found over */
		j->recorded = j->recorded || begun;
	}
}

/* An interval that is neither in the ledger nor a job's would be ordered once more: so a run that could not be planned
 * stays until that is on record. */
bool jobs_drop_done(struct daemon *d)
{
	bool dropped = false;
	d->ended = false;
	for (struct list *it = d->jobs.next, *next; it != &d->jobs; it = next) {
		struct job *j = LIST_ENTRY(it, struct job, link);
		next = it->next;
		if (j->state != JOB_DONE)
			continue;
		if (!runner_has_written(d->runner, j->mark) || j->cancel || j->pausing) {
			d->ended = true;
			continue;
		}
		list_remove(&j->link);
		job_free(j);
		dropped = true;
	}
	return dropped;
}

/* Only runs that were ordered go on; one in the foreground is its command's to give again. */
static bool order_of(struct job *j, const struct run_row *row)
{
	struct err ignored;
	json_t *json = json_loads(row->params, 0, NULL);
	bool ordered = json && json_object_get(json, "run_id") && order_decode(&j->arena, json, &j->order, &ignored) == 0;
	json_decref(json);
	return ordered;
}

/* Nothing is written into the row of a run but by its journal: that may be at it, and would have to wait for us. */
static int was_canceled(struct daemon *d, const char *run_id, bool *ret, struct err *err)
{
	char lake[12];
	snprintf(lake, sizeof lake, "%d", d->ws->db.lake_id);
	const char *const values[] = {lake, run_id};
	PGresult *r;
	int rc = db_query(d->ws->db.conn, "SELECT FROM strata.command WHERE lake_id = $1::integer AND kind = 'cancel' AND outcome = 'done'"
	                                  " AND args->>'name' = $2 LIMIT 1", 2, values, false, &r, err);
	if (rc < 0)
		return err_wrap(err, "see whether run '%s' is canceled", run_id);
	*ret = PQntuples(r) == 1;
	PQclear(r);
	return 0;
}

int jobs_resume(struct daemon *d, struct err *err)
{
	struct arena arena = {0};
	struct query q = {.conn = d->ws->db.conn, .lake_id = d->ws->db.lake_id, .arena = &arena};
	struct run_row *rows;
	size_t n, closed = 0;
	int rc = query_unfinished_runs(&q, d->config.leader->epoch, &rows, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct job *j = job_new(d);
		if (!order_of(j, &rows[i])) {
			job_free(j);
			continue;
		}
		j->resumes = true;
		j->reading = d->readings + d->reload; /* the first one */
		rc = was_canceled(d, j->order.run_id, &j->canceled, err);
		job_add(j);
		j->paused = rows[i].paused;
		j->began = rows[i].created_us / 1000000;
		log_event(LOG_INFO, "run.goes_on", "run", j->order.run_id, NULL);
	}
	if (rc == 0)
		rc = runner_recover(d->runner, d->ws->db.conn, d->ws->db.lake_id, NULL, 0, &closed, err);
	if (rc == 0 && closed)
		log_event(LOG_WARN, "run.closed", LOG_INT("runs", closed), "why", "their scheduler died", NULL);
	arena_free(&arena);
	return rc;
}
