/* See daemon.h. Callbacks of the loop only note what there is to do; it is done between two turns of the loop. What takes
 * long, a plan or a look at the project's files, turns the loop itself and attends to the rest between its slices
 * (scheduler/turns.h): what is done then never touches what is under way, but for a word that it is not wanted any more. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "scheduler/callbacks.h"
#include "scheduler/catalog.h"
#include "scheduler/control.h"
#include "scheduler/daemon_internal.h"
#include "scheduler/systemd.h"

enum {
	PROBLEM_MAX = 1 << 20, /* one that does not fit would be none */
	AXE_MS = 3000, /* LOCKS_GRACE_MS is what there is in all */
	AGAIN_MS = 2000,
	DEEPEST = 2, /* daemon.level: within something long a small order is planned, and within that nothing */
	LAST_WORDS_MS = 5000, /* what callbacks are to be told is tried for so long when it ends; the next one goes on */
};

/* A private server that is down is the keeper's to start: that takes its time. */
int daemon_db(struct daemon *d, struct err *err)
{
	return db_revive(&d->ws->db, false, err);
}

int daemon_desk(struct daemon *d, struct err *err)
{
	return db_revive(&d->desk, false, err);
}

void version_drop(struct project_version *v)
{
	if (--v->users)
		return;
	project_free(v->project);
	free(v);
}

static struct project_version *version_of(struct project *p)
{
	struct project_version *v = mem_alloc(sizeof *v);
	*v = (struct project_version){.project = p, .users = 1};
	git_commit_of(p->dir, v->git_commit);
	return v;
}

/* --- what wakes it --- */

static void on_mail(void *ctx)
{
	struct daemon *d = ctx;
	d->mail = true;
	d->waits = false;
}

static void on_alarm(void *ctx)
{
	((struct daemon *)ctx)->due = true;
}

static void on_changed(void *ctx)
{
	((struct daemon *)ctx)->reload = true;
}

/* The first lets what runs come to its end, the second stops it. */
static void on_end(uv_signal_t *handle, int signum)
{
	struct daemon *d = handle->data;
	(void)signum;
	d->signals++;
}

static void on_hangup(uv_signal_t *handle, int signum)
{
	(void)signum;
	((struct daemon *)handle->data)->reload = true;
}

static void on_watchdog(uv_timer_t *timer)
{
	(void)timer;
	systemd_notify("WATCHDOG=1");
}

static void on_again(uv_timer_t *timer)
{
	((struct daemon *)timer->data)->waits = false;
}

bool daemon_again(struct daemon *d)
{
	d->waits = true;
	uv_timer_start(&d->again, on_again, AGAIN_MS, 0);
	return false;
}

/* --- what it does --- */

/* Said again in a while where the database does not take it. */
static void say_state(struct daemon *d)
{
	char lake[12], epoch[24];
	struct err err = {0};
	snprintf(lake, sizeof lake, "%d", d->ws->db.lake_id);
	snprintf(epoch, sizeof epoch, "%" PRId64, d->config.leader->epoch);
	const char *const values[] = {lake, epoch, d->problem, d->draining ? "t" : "f"};
	d->unsaid = false;
	if (daemon_db(d, &err) < 0 ||
	    db_exec_params(d->ws->db.conn, "UPDATE strata.scheduler SET daemon = true, project_error = $3, draining = $4::boolean,"
	                                   " project_read_at = now() WHERE lake_id = $1::integer AND epoch = $2::bigint", 4, values, &err) < 0 ||
	    (!d->draining && control_say_up(d->ws->db.conn, d->ws->db.lake_id, &err) < 0)) {
		log_event(LOG_WARN, "state.not_said", "error", err.text, NULL);
		d->unsaid = true;
		daemon_again(d);
	}
}

/* Before anything can end that they are to be told. */
static int register_callbacks(struct daemon *d, struct err *err)
{
	return callbacks_register(d->ws->db.conn, d->ws->db.lake_id, d->ws->project, true, err);
}

/* The schedules of the newest good project. Where the database does not answer there are none until the next reading, which
 * may be of a project that is broken: they are made then all the same. */
static int schedule_project(struct daemon *d)
{
	struct err err = {0};
	int rc = timetables_make(d, &err);
	if (rc == 0)
		rc = register_callbacks(d, &err);
	d->unscheduled = rc < 0;
	if (rc < 0) {
		log_event(LOG_WARN, "schedules.not_read", "error", err.text, NULL);
		timetables_free(d); /* they may be of a project that is gone */
		d->reload = true;   /* once more, when the database is back */
	}
	return rc;
}

/* Runs keep the project that they were planned with; a broken one changes nothing. */
static int read_again(struct daemon *d)
{
	struct err err = {0};
	struct buf problem = BUF_INIT(PROBLEM_MAX);
	char line[64];
	snprintf(line, sizeof line, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_mono_us());
	systemd_notify(line);
	watch_project(d->watch, d->ws->project->dir); /* first: what changes while it is read is read once more */
	int rc = workspace_reload(d->ws, true, &err);
	if (rc == ERR_CANCELED) /* this scheduler is about to end */
		return rc;
	if (rc == 0) {
		outbox_project(d->outbox, d->ws->project);
		version_drop(d->version);
		d->version = version_of(d->ws->project);
		d->unscheduled = true;
		log_event(d->looked || d->config.stale ? LOG_INFO : LOG_DEBUG, "project.read", LOG_INT("tables", d->ws->project->ntables), LOG_INT("schedules", d->ws->project->nschedules), NULL);
	} else {
		if (rc == ERR_PROJECT)
			diags_first_error(&d->ws->diags, err.text, &problem);
		else
			buf_adds(&problem, err.text);
		log_event(LOG_ERROR, "project.broken", "error", buf_cstr(&problem), "still", "the last good one", NULL);
	}
	rc = d->unscheduled ? schedule_project(d) : 0;
	d->looked = d->looked || rc == 0;
	free(d->problem);
	d->problem = mem_strdup(buf_cstr(&problem));
	say_state(d);
	systemd_notify("READY=1");
	buf_free(&problem);
	return rc;
}

static void drain(struct daemon *d)
{
	d->draining = true;
	systemd_notify("STOPPING=1");
	log_event(LOG_INFO, "scheduler.draining", NULL);
	LIST_FOR_EACH(it, &d->jobs) {
		struct job *j = LIST_ENTRY(it, struct job, link);
		if (j->state == JOB_ACTIVE)
			runner_pause(d->runner, j->run, true);
	}
	say_state(d);
}

static void refresh_catalog(struct daemon *d)
{
	struct err err = {0};
	d->catalog = false;
	if (daemon_db(d, &err) < 0 || catalog_refresh_if_stale(d->ws, &err) < 0)
		log_event(LOG_WARN, "catalog.not_refreshed", "error", err.text, NULL);
}

/* What has to be looked at again; false: nothing. Where the database is away, what needs it stays to be done. */
static bool look(struct daemon *d)
{
	struct err err = {0};
	if (d->signals && !d->draining) {
		drain(d);
		return true;
	}
	if (d->ended && jobs_drop_done(d)) {
		d->due = true; /* a schedule may have waited for the end of its run */
		return true;
	}
	if (d->mail && !d->waits) {
		d->mail = false;
		int rc = daemon_desk(d, &err);
		if (rc == 0)
			rc = commands_take(d, &err);
		d->mail = d->mail || rc < 0;
		return rc == 0 || daemon_again(d);
	}
	if (clearings_step(d))
		return true;
	if (d->unsaid && !d->waits && d->level < DEEPEST) {
		say_state(d);
		return !d->unsaid;
	}
	if (d->due && !d->waits && d->level < DEEPEST) {
		d->due = false;
		int rc = daemon_db(d, &err);
		if (rc == 0)
			rc = timetables_look(d, &err);
		if (rc < 0)
			log_event(LOG_WARN, "schedules.not_looked", "error", err.text, NULL);
		d->due = d->due || rc < 0;
		return rc == 0 || daemon_again(d);
	}
	return false;
}

/* One thing that there is to do; false: nothing. */
static bool work(struct daemon *d)
{
	if (look(d))
		return true;
	if (d->reload && !d->waits) {
		d->reload = false;
		d->level++;
		d->readings++;
		int rc = read_again(d);
		d->read = d->readings;
		d->level--;
		return rc == 0 || (rc == ERR_STATE && daemon_again(d));
	}
	if (jobs_begin_one(d))
		return true;
	if (d->catalog && list_empty(&d->jobs)) {
		d->level = DEEPEST; /* it asks the state on our connection */
		refresh_catalog(d);
		d->level = 0;
		return true;
	}
	return gc_begin(d);
}

/* Something long is under way. What can be answered is, and of the orders that come meanwhile the small ones are begun;
 * while such a one is planned in its turn, nothing more. */
static void attend(void *ctx)
{
	struct daemon *d = ctx;
	do
		jobs_answer(d);
	while (look(d) || (d->level < DEEPEST && jobs_begin_one(d)));
}

/* Is what is planned not wanted any more? */
static bool is_stopped(void *ctx)
{
	const struct daemon *d = ctx;
	return d->draining || d->signals || (d->planning && d->planning->canceled && !d->planning->resumes);
}

static bool is_over(struct daemon *d)
{
	return runner_failed(d->runner, &d->err) || d->signals > 1 || (d->draining && runner_idle(d->runner) && !clearing_works(d));
}

static void live(struct daemon *d)
{
	struct turns *turns = &d->ws->turns;
	turns->attend = attend;
	turns->stop = is_stopped;
	turns->ctx = d;
	while (!is_over(d)) {
		jobs_answer(d);
		/* Work does not keep results and signals waiting; and what came of it may be the end. */
		uv_run(&d->ws->loop, work(d) || is_over(d) ? UV_RUN_NOWAIT : UV_RUN_ONCE);
	}
	turns->attend = NULL;
	turns->stop = NULL;
}

static void watch_signal(struct daemon *d, uv_signal_t *handle, uv_signal_cb on_signal, int signum)
{
	uv_signal_init(&d->ws->loop, handle);
	handle->data = d;
	uv_signal_start(handle, on_signal, signum);
}

static void open_ears(struct daemon *d)
{
	uv_loop_t *loop = &d->ws->loop;
	watch_signal(d, &d->sigint, on_end, SIGINT);
	watch_signal(d, &d->sigterm, on_end, SIGTERM);
	watch_signal(d, &d->sighup, on_hangup, SIGHUP);
	uv_timer_init(loop, &d->again);
	d->again.data = d;
	uv_timer_init(loop, &d->watchdog);
	uint64_t half = (uint64_t)systemd_watchdog_us() / 2000;
	if (half)
		uv_timer_start(&d->watchdog, on_watchdog, half, half);
	alarm_open(&d->alarm, loop, on_alarm, d);
	gc_open(d);
	d->watch = watch_new(loop, on_changed, d);
	watch_project(d->watch, d->ws->project->dir);
	inbox_open(&d->inbox, loop, d->ws->db.conninfo, d->ws->db.lake_id, on_mail, d);
}

static void close_ears(struct daemon *d)
{
	uv_close((uv_handle_t *)&d->sigint, NULL);
	uv_close((uv_handle_t *)&d->sigterm, NULL);
	uv_close((uv_handle_t *)&d->sighup, NULL);
	uv_close((uv_handle_t *)&d->again, NULL);
	uv_close((uv_handle_t *)&d->watchdog, NULL);
	alarm_close(&d->alarm);
	gc_close(d);
	watch_free(d->watch);
	inbox_close(&d->inbox);
}

static void on_axe_closed(uv_handle_t *axe)
{
	*(bool *)axe->data = true;
}

static void on_axe(uv_timer_t *timer)
{
	workers_kill(((struct daemon *)timer->data)->ws->workers);
}

/* The lake is another's, who kills this process if it is not let go soon: tries are asked to end, and then ended. */
static void end_tries(struct daemon *d)
{
	uv_timer_t axe;
	bool closed = false;
	uv_timer_init(&d->ws->loop, &axe);
	axe.data = d;
	if (d->err.code == ERR_LOCKED)
		uv_timer_start(&axe, on_axe, AXE_MS, 0);
	runner_stop(d->runner);
	clearings_stop(d);
	axe.data = &closed;
	uv_close((uv_handle_t *)&axe, on_axe_closed);
	loop_until(&d->ws->loop, &closed);
}

static void free_jobs(struct daemon *d)
{
	while (!list_empty(&d->jobs)) {
		struct job *j = LIST_ENTRY(d->jobs.next, struct job, link);
		list_remove(&j->link);
		job_free(j);
	}
}

int daemon_run(const struct daemon_config *config, struct err *err)
{
	struct daemon d = {.config = *config, .ws = config->ws, .reload = true}; /* what changed before it was watched */
	list_init(&d.jobs);
	jobs_open(&d);
	list_init(&d.clearings);
	d.problem = mem_strdup("");
	d.desk = d.ws->db;
	d.desk.conn = NULL;
	d.desk.conninfo = mem_strdup(d.ws->db.conninfo);
	db_keeper_init(&d.keeper, &d.ws->loop, &d.ws->db);
	d.runner = runner_new(&(struct runner_config){.loop = &d.ws->loop,
	                                              .workers = d.ws->workers,
	                                              .jobs = d.ws->jobs,
	                                              .conn = config->conn,
	                                              .conninfo = d.ws->db.conninfo,
	                                              .leader = config->leader,
	                                              .lake = d.ws->lake.dir,
	                                              .stays = true,
	                                              .db_away = db_keeper_look,
	                                              .ctx = &d.keeper});
	d.version = version_of(d.ws->project);
	d.outbox = outbox_new(&(struct outbox_config){.loop = &d.ws->loop,
	                                              .conninfo = d.ws->db.conninfo,
	                                              .lake_id = d.ws->db.lake_id});
	outbox_project(d.outbox, d.ws->project);
	int rc = daemon_db(&d, err); /* a standby may have waited long */
	if (rc == 0)
		rc = register_callbacks(&d, err);
	if (rc == 0)
		rc = jobs_resume(&d, err);
	if (rc == 0)
		rc = timetables_make(&d, err);
	if (rc == 0) {
		open_ears(&d);
		say_state(&d);
		systemd_notify("READY=1");
		log_event(LOG_INFO, "scheduler.ready", LOG_INT("tables", d.ws->project->ntables), LOG_INT("schedules", d.ntimetables),
		          LOG_INT("workers", d.ws->jobs), NULL);
		live(&d);
		if (d.err.code)
			*err = d.err;
		rc = d.err.code;
		log_event(LOG_INFO, "scheduler.ends", NULL);
		if (d.signals > 1)
			runner_abandon(d.runner);
		else if (rc == 0)
			outbox_settle(d.outbox, LAST_WORDS_MS);
		close_ears(&d);
		end_tries(&d);
	}
	outbox_free(d.outbox);
	runner_free(d.runner);
	free_jobs(&d);
	uv_close((uv_handle_t *)&d.plan_again, NULL);
	clearings_free(&d);
	timetables_free(&d);
	db_keeper_close(&d.keeper);
	db_close(&d.desk);
	free(d.problem);
	d.ws->project = d.version->project; /* every other user of it is gone */
	free(d.version);
	uv_run(&d.ws->loop, UV_RUN_NOWAIT); /* what was closed above lies in here */
	return rc;
}
