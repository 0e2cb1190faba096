/* What people ask of the scheduler (daemon_internal.h): rows of strata.command, oldest first. Each can be done twice,
 * should this process die between the deed and the answer: a run has the name that its order says. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "core/jsonio.h"
#include "scheduler/clear.h"
#include "scheduler/daemon_internal.h"
#include "scheduler/db.h"
#include "scheduler/queries.h"

#define CANCELED_EARLY "canceled before it began"

enum { DETAIL_MAX = 2000 };

/* A command that is carried out. */
struct request {
	struct daemon *d;
	int64_t id;
	const char *kind, *requested_by;
	const json_t *args;
	bool later;              /* it is answered when its run has begun */
	bool told;               /* it is answered */
	char detail[DETAIL_MAX]; /* what was done, for people */
};

static int end_with(struct daemon *d, const char *sql, int64_t id, const char *outcome, const char *detail)
{
	char lake[12], epoch[24], text[24];
	struct err err = {0};
	snprintf(lake, sizeof lake, "%d", d->ws->db.lake_id);
	snprintf(epoch, sizeof epoch, "%" PRId64, d->config.leader->epoch);
	snprintf(text, sizeof text, "%" PRId64, id);
	const char *const values[] = {lake, epoch, text, outcome, detail};
	int rc = daemon_desk(d, &err);
	if (rc == 0)
		rc = db_exec_params(d->desk.conn, sql, 5, values, &err);
	if (rc == 0)
		return 0;
	log_event(LOG_WARN, "command.not_answered", "error", err.text, NULL); /* it is done again, to the same effect */
	d->mail = true;
	daemon_again(d);
	return rc;
}

int command_end(struct daemon *d, int64_t id, const char *outcome, const char *detail)
{
	return end_with(d, "SELECT strata.command_end($1::integer, $2::bigint, $3::bigint, $4, $5)", id, outcome, detail);
}

/* The same for what changes nothing, and is not in the audit. */
static void question_end(struct daemon *d, int64_t id, const char *outcome, const char *detail)
{
	static const char sql[] =
		"WITH ended AS (UPDATE strata.command c SET outcome = $4, detail = $5, ended_at = now() WHERE lake_id = $1::integer AND command_id ="
		" $3::bigint AND outcome = '' AND EXISTS (SELECT FROM strata.scheduler s WHERE s.lake_id = c.lake_id AND s.epoch = $2::bigint)"
		" RETURNING command_id) SELECT pg_notify('strata_answer_' || $1, command_id::text) FROM ended";
	end_with(d, sql, id, outcome, detail);
}

static const char *text_arg(const struct request *rq, const char *key)
{
	const char *text = json_string_value(json_object_get(rq->args, key));
	return text ? text : "";
}

/* run, backfill, trigger: an order. */
static int take_order(struct request *rq, struct err *err)
{
	struct daemon *d = rq->d;
	struct job *j = job_new(d);
	struct arena arena = {0};
	struct run_row row;
	int rc = d->draining ? err_set(err, ERR_LOCKED, "the scheduler is about to end; ask the next one") : 0;
	if (rc == 0)
		rc = order_decode(&j->arena, rq->args, &j->order, err);
	if (rc == 0)
		rc = order_check_run_id(j->order.run_id, err);
	if (rc < 0) {
		job_free(j);
		return rc;
	}
	j->order.requested_by = arena_strdup(&j->arena, rq->requested_by);
	struct query q = {.conn = d->desk.conn, .lake_id = d->ws->db.lake_id, .arena = &arena};
	const struct job *same = job_find(d, j->order.run_id);
	if (same && same->command) { /* not on record yet: to be looked at again when that one is answered */
		rq->later = true;
		job_free(j);
		return 0;
	}
	bool known = same != NULL;
	if (!known)
		rc = query_run(&q, j->order.run_id, &row, err);
	known = known || (rc == 0 && strcmp(row.run_id, j->order.run_id) == 0);
	arena_free(&arena);
	if (rc == ERR_STATE) { /* nobody knows whether it is carried out */
		job_free(j);
		return rc;
	}
	if (known) { /* an answer was lost; the order is carried out */
		snprintf(rq->detail, sizeof rq->detail, "%s", j->order.run_id);
		job_free(j);
		return 0;
	}
	*err = (struct err){0};
	j->command = rq->id;
	rq->later = true;
	d->reload = d->reload || watch_has_news(d->watch); /* who edits and then orders means the edited project */
	j->reading = d->readings + d->reload;
	job_add(j);
	return 0;
}

static int store_paused_schedule(struct daemon *d, const char *name, bool pause, struct err *err)
{
	char lake[12];
	snprintf(lake, sizeof lake, "%d", d->ws->db.lake_id);
	const char *const values[] = {lake, name, pause ? "t" : "f"};
	return db_exec_params(d->desk.conn, "UPDATE strata.schedule SET paused = $3::boolean, updated_at = now() WHERE lake_id = $1::integer"
	                                    " AND name = $2", 3, values, err);
}

/* It has no row yet, so that the order itself says it. */
static int store_paused_order(struct daemon *d, const struct job *j, bool pause, struct err *err)
{
	char command[24];
	snprintf(command, sizeof command, "%" PRId64, j->command);
	const char *const values[] = {command, pause ? "t" : "f"};
	return db_exec_params(d->desk.conn, "UPDATE strata.command SET args = args || jsonb_build_object('paused', $2::boolean)"
	                                    " WHERE command_id = $1::bigint", 2, values, err);
}

/* Nobody but the journal writes into the row of a run: it may be at it, and could not go on while we waited. And a run of a
 * schedule that has not begun has none, nor an order that could keep it. So the command is answered when it is on record. */
static int pause_run(struct request *rq, struct job *j, bool pause, struct err *err)
{
	bool of_order = j->command && j->state != JOB_ACTIVE;
	if (j->pausing) { /* one after the other: looked at again when that one is answered */
		rq->later = true;
		return 0;
	}
	int rc = of_order ? store_paused_order(rq->d, j, pause, err) : 0;
	if (rc < 0)
		return rc;
	rq->later = !of_order;
	job_pause(j, pause, of_order ? 0 : rq->id);
	return 0;
}

static int set_paused(struct request *rq, bool pause, struct err *err)
{
	struct daemon *d = rq->d;
	const char *name = text_arg(rq, "name");
	struct timetable *t = timetable_find(d, name);
	struct job *j = t ? NULL : job_find(d, name);
	int rc;
	if (t) {
		rc = store_paused_schedule(d, name, pause, err);
		if (rc == 0) {
			t->paused = pause;
			d->due = true;
		}
	} else if (j) {
		rc = pause_run(rq, j, pause, err);
	} else {
		const char *near = project_nearest_schedule(d->ws->project, name);
		rc = err_set(err, ERR_USAGE, "there is no schedule and no unfinished run '%s'%s%s%s; 'strata status' shows them", name,
		             near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
	}
	if (rc == 0)
		snprintf(rq->detail, sizeof rq->detail, "%s %s is %s", t ? "schedule" : "run", name, pause ? "paused" : "going on");
	return rc;
}

static int do_pause(struct request *rq, struct err *err)
{
	return set_paused(rq, true, err);
}

static int do_unpause(struct request *rq, struct err *err)
{
	return set_paused(rq, false, err);
}

static int do_cancel(struct request *rq, struct err *err)
{
	const char *name = text_arg(rq, "name");
	struct job *j = job_find(rq->d, name);
	if (!j)
		return err_set(err, ERR_USAGE, "there is no unfinished run '%s'; 'strata status' shows them", name);
	if (j->cancel) { /* that one is open still, so that no death loses it */
		snprintf(rq->detail, sizeof rq->detail, "run %s is about to be canceled", name);
		return 0;
	}
	j->canceled = true;
	j->cancel = rq->id; /* answered when it is on record: jobs_answer */
	rq->later = true;
	if (j->state == JOB_ACTIVE)
		runner_cancel(rq->d->runner, j->run);
	else if (j->state == JOB_ORDERED && !j->resumes) /* what resumes has tasks on record, which end when it goes on */
		return job_not_begun(rq->d, j, RUN_CANCELED, &(struct err){.code = ERR_CANCELED, .text = CANCELED_EARLY}, err);
	return 0; /* who plans it sees it in a moment */
}

/* "dwd.dwd_x" and "2013-01-03" or "" of the arguments. */
static struct job *active_run(struct request *rq, struct err *err)
{
	struct job *j = job_find(rq->d, text_arg(rq, "name"));
	if (!j || j->state != JOB_ACTIVE) {
		err_set(err, ERR_USAGE, "run '%s' is %s", text_arg(rq, "name"), j ? "not planned yet; it waits for its turn" : "not under way");
		return NULL;
	}
	return j;
}

static int no_task(const struct request *rq, struct err *err)
{
	return err_set(err, ERR_USAGE, "run '%s' has no task '%s%s%s'; 'strata tasks %s' shows them", text_arg(rq, "name"), text_arg(rq, "table"),
	               *text_arg(rq, "partition") ? " " : "", text_arg(rq, "partition"), text_arg(rq, "name"));
}

/* A question is no deed: its answer goes to who asks, and not into the audit. */
static int do_explain(struct request *rq, struct err *err)
{
	json_t *answer = NULL;
	int rc = explain_task(rq->d, text_arg(rq, "name"), text_arg(rq, "table"), text_arg(rq, "partition"), &answer, err);
	if (rc == 0 && !answer)
		rc = no_task(rq, err);
	char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	json_decref(answer);
	rq->told = true;
	question_end(rq->d, rq->id, rc == 0 ? "done" : "refused", rc == 0 ? text : err->text);
	snprintf(rq->detail, sizeof rq->detail, "told");
	free(text);
	return rc;
}

static int do_retry(struct request *rq, struct err *err)
{
	struct job *j = active_run(rq, err);
	if (!j)
		return err->code;
	if (!runner_retry_now(rq->d->runner, j->run, text_arg(rq, "table"), text_arg(rq, "partition")))
		return no_task(rq, err);
	snprintf(rq->detail, sizeof rq->detail, "%s%s%s does not wait for its retry's time any more", text_arg(rq, "table"),
	         *text_arg(rq, "partition") ? " " : "", text_arg(rq, "partition"));
	return 0;
}

static int do_clear(struct request *rq, struct err *err)
{
	int rc = clearing_take(rq->d, rq->id, rq->requested_by, rq->args, err);
	rq->later = rc == 0;
	snprintf(rq->detail, sizeof rq->detail, "waits until nothing works on %s", text_arg(rq, "name"));
	return rc;
}

static int do_reload(struct request *rq, struct err *err)
{
	(void)err;
	rq->d->reload = true;
	snprintf(rq->detail, sizeof rq->detail, "the project is read again");
	return 0;
}

static int do_drain(struct request *rq, struct err *err)
{
	(void)err;
	if (!rq->d->settled) { /* it was meant for the one before, which is gone */
		snprintf(rq->detail, sizeof rq->detail, "that scheduler has ended");
		return 0;
	}
	if (!rq->d->signals && !rq->d->draining) /* or it was not answered, and comes again */
		raise(SIGTERM);
	snprintf(rq->detail, sizeof rq->detail, "the scheduler ends when what runs has ended");
	return 0;
}

static const struct {
	const char *kind;
	int (*carry_out)(struct request *rq, struct err *err);
} kinds[] = {{"order", take_order}, {"pause", do_pause}, {"unpause", do_unpause}, {"cancel", do_cancel}, {"explain", do_explain}, {"retry", do_retry}, {CLEAR_COMMAND, do_clear}, {"reload", do_reload}, {"drain", do_drain}};

/* 'accepted': what is asked for is answered when it is done, and the run's own events tell of it. */
static void say_command(const struct request *rq, const char *outcome, const char *answer)
{
	const char *run = text_arg(rq, "run_id"), *name = text_arg(rq, "name");
	log_event(LOG_INFO, "command", "kind", rq->kind, *run ? "run" : "name", *run ? run : name, "by", rq->requested_by, "outcome", outcome, "answer",
	          answer, NULL);
}

/* ERR_STATE: it was not answered, and those after it are to wait. */
static int carry_out(struct request *rq)
{
	struct err err = {0};
	int rc = err_set(&err, ERR_USAGE, "this scheduler does not know the command '%s'; is it older than you?", rq->kind);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (strcmp(kinds[i].kind, rq->kind) == 0) {
			err = (struct err){0};
			rc = kinds[i].carry_out(rq, &err);
		}
	}
	const char *outcome = rc == 0 ? "done" : rc == ERR_STATE ? "failed" : "refused";
	say_command(rq, rc == 0 && rq->later ? "accepted" : outcome, rc < 0 ? err.text : rq->detail);
	if (rq->later || rq->told)
		return 0;
	return command_end(rq->d, rq->id, outcome, rc == 0 ? rq->detail : err.text);
}

/* One that is answered later is still open, and not to be taken twice. */
static bool is_taken(struct daemon *d, int64_t id)
{
	LIST_FOR_EACH(it, &d->jobs) {
		const struct job *j = LIST_ENTRY(it, struct job, link);
		if (j->command == id || j->cancel == id || j->pausing == id)
			return true;
	}
	return clearing_has(d, id);
}

int commands_take(struct daemon *d, struct err *err)
{
	char lake[12];
	snprintf(lake, sizeof lake, "%d", d->ws->db.lake_id);
	const char *const values[] = {lake};
	PGresult *r;
	int rc = db_query(d->desk.conn, "SELECT command_id, kind, args, requested_by FROM strata.command WHERE lake_id = $1::integer"
	                                  " AND outcome = '' ORDER BY command_id", 1, values, false, &r, err);
	if (rc < 0)
		return rc;
	for (int i = 0; rc == 0 && i < PQntuples(r); i++) {
		json_t *args = json_loads(PQgetvalue(r, i, 2), 0, NULL);
		struct request rq = {.d = d, .id = strtoll(PQgetvalue(r, i, 0), NULL, 10), .kind = PQgetvalue(r, i, 1), .requested_by = PQgetvalue(r, i, 3),
		                     .args = args};
		if (!is_taken(d, rq.id))
			rc = carry_out(&rq);
		json_decref(args);
	}
	PQclear(r);
	d->settled = d->settled || rc == 0;
	return rc;
}
