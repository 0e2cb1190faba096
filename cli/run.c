/* See run.h. */
#include "cli/run.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/annotations.h"
#include "cli/follow.h"
#include "cli/lead.h"
#include "cli/open.h"
#include "cli/progress.h"
#include "cli/state.h"
#include "cli/summary.h"
#include "core/date.h"
#include "scheduler/callbacks.h"
#include "scheduler/catalog.h"
#include "scheduler/clear.h"
#include "scheduler/db_keeper.h"
#include "scheduler/git.h"
#include "scheduler/order.h"
#include "scheduler/leader.h"
#include "scheduler/outbox.h"
#include "scheduler/planning.h"
#include "scheduler/queries.h"
#include "scheduler/zone.h"

enum {
	JOBS_MAX = 512,
	TEXT_MAX = 1 << 16,
	LAST_WORDS_MS = 10 * 1000, /* what callbacks are to be told is tried for so long; the next run or scheduler goes on */
};

/* One run of this program, from the lock to the summary. */
struct execution {
	const struct invocation *inv;
	struct workspace ws;
	bool *selected;
	struct date_range range;
	long max_active;       /* --max-active; 0: none */
	char run_id[128];
	bool resumes;          /* run_id is of an unfinished run of a scheduler that died */
	char git_commit[GIT_COMMIT_SIZE];
	uv_thread_t git;       /* fills git_commit: the library reads all CA certificates when it starts */
	bool git_started;
	struct leader leader;
	struct runner *runner;
	struct db_keeper keeper;
	struct planning planning;
	struct outbox *outbox; /* NULL: the project has no callbacks */
};

/* The words of the selection as they were typed; "" for all. */
static void selection_text(const struct invocation *inv, struct buf *out)
{
	for (size_t i = 0; i < inv->noperands; i++)
		buf_addf(out, "%s%s", i ? " " : "", inv->operands[i]);
}

/* An unfinished run goes on as what it was asked to be: its days and its selection are its record. */
static int check_resumed(struct execution *x, const struct run_row *run, struct err *err)
{
	char first[DATE_SIZE], last[DATE_SIZE];
	struct buf selection = BUF_INIT(TEXT_MAX);
	selection_text(x->inv, &selection);
	bool same = strcmp(buf_cstr(&selection), run->selection) == 0 && run->first_day == x->range.first &&
	            run->last_day == x->range.last && run->force == options_flag(x->inv->options, "force");
	buf_free(&selection);
	x->resumes = same;
	if (same)
		return 0;
	return err_set(err, ERR_USAGE, "run '%s' is unfinished and was asked for with '%s%s--start %s --end %s%s'; give the same to "
	                               "let it go on, or another name", run->run_id, run->selection, *run->selection ? " " : "",
	               date_format(first, run->first_day), date_format(last, run->last_day), run->force ? " --force" : "");
}

/* A name that somebody gave must be good for a folder, and new or an unfinished run's. */
static int check_run_id(struct execution *x, const char *given, struct err *err)
{
	struct arena arena = {0};
	struct run_row row;
	if (!given)
		return 0;
	if (order_check_run_id(given, err) < 0)
		return err->code;
	struct query q = {.conn = x->ws.db.conn, .lake_id = x->ws.db.lake_id, .arena = &arena};
	int rc = query_run(&q, given, &row, err);
	if (rc == ERR_USAGE || (rc == 0 && strcmp(row.run_id, given) != 0))
		rc = 0; /* nobody's yet */
	else if (rc == 0 && strcmp(row.state, run_state_name(RUN_DONE)) != 0)
		rc = check_resumed(x, &row, err);
	else if (rc == 0)
		rc = err_set(err, ERR_USAGE, "there is a run '%s' already; 'strata show %s' tells about it", given, given);
	arena_free(&arena);
	return rc;
}

/* Also without any: those of an earlier project are not to be told of this run. */
static int start_callbacks(struct execution *x, struct err *err)
{
	int rc = callbacks_register(x->ws.db.conn, x->ws.db.lake_id, x->ws.project, false, err);
	if (rc < 0 || x->ws.project->ncallbacks == 0)
		return rc;
	x->outbox = outbox_new(&(struct outbox_config){.loop = &x->ws.loop,
	                                               .conninfo = x->ws.db.conninfo,
	                                               .lake_id = x->ws.db.lake_id,
	                                               .quiet = true});
	outbox_project(x->outbox, x->ws.project);
	return 0;
}

/* What the run had to tell, and whom it could not reach. */
static void end_callbacks(struct execution *x)
{
	static const char sql[] = "SELECT callback, event, error FROM strata.outbox WHERE lake_id = $1::integer AND run_id = $2 AND outcome = '' ORDER BY seq";
	char lake[12];
	struct err ignored;
	PGresult *r;
	if (!x->outbox)
		return;
	outbox_settle(x->outbox, LAST_WORDS_MS);
	snprintf(lake, sizeof lake, "%d", x->ws.db.lake_id);
	const char *const values[] = {lake, x->run_id};
	if (db_revive(&x->ws.db, false, &ignored) < 0 || db_query(x->ws.db.conn, sql, 2, values, false, &r, &ignored) < 0)
		return;
	for (int i = 0; i < PQntuples(r); i++)
		fprintf(stderr, "strata: callback '%s' could not be told of the %s: %s; the next run or scheduler tries again\n", PQgetvalue(r, i, 0),
		        PQgetvalue(r, i, 1), *PQgetvalue(r, i, 2) ? PQgetvalue(r, i, 2) : "no answer yet");
	PQclear(r);
}

/* *ret_daemon: a scheduler came up while the lake was waited for, and takes the run. */
static int start_runner(struct execution *x, bool *ret_daemon, struct err *err)
{
	struct lead lead = {.run_id = x->run_id, .no_wait = options_flag(x->inv->options, "no-wait")};
	int rc = lead_take(x->inv, &x->ws, &lead, err);
	*ret_daemon = rc == 0 && lead.daemon;
	if (rc < 0 || lead.daemon)
		return rc;
	x->leader = lead.leader;
	db_keeper_init(&x->keeper, &x->ws.loop, &x->ws.db);
	x->runner = runner_new(&(struct runner_config){.loop = &x->ws.loop,
	                                               .workers = x->ws.workers,
	                                               .jobs = x->ws.jobs,
	                                               .conn = lead.conn,
	                                               .conninfo = x->ws.db.conninfo,
	                                               .leader = &x->leader,
	                                               .lake = x->ws.lake.dir,
	                                               .db_away = db_keeper_look,
	                                               .ctx = &x->keeper});
	size_t closed = 0;
	rc = start_callbacks(x, err);
	if (rc < 0)
		return rc;
	/* While the lake was waited for, somebody may have closed the run, or taken its name. */
	x->resumes = false;
	rc = check_run_id(x, options_text(x->inv->options, "run-id", NULL), err);
	if (rc < 0)
		return rc;
	if (x->resumes)
		fprintf(stderr, "strata: run %s goes on; what it has published is kept\n", x->run_id);
	rc = clear_give_up(x->ws.db.conn, &x->leader, err); /* what this run publishes shall stay */
	if (rc < 0)
		return rc;
	const char *resume[] = {x->run_id};
	rc = runner_recover(x->runner, x->ws.db.conn, x->ws.db.lake_id, resume, x->resumes, &closed, err);
	if (rc == 0 && closed)
		fprintf(stderr, "strata: closed %zu run%s of a scheduler that died; what they had published is kept\n", closed,
		        closed == 1 ? "" : "s");
	return rc;
}

static int make_plan(struct execution *x, struct err *err)
{
	size_t known = x->ws.diags.len;
	int rc = planning_make(&x->ws,
	                       &(struct planning_request){.selected = x->selected,
	                                                  .first = x->range.first,
	                                                  .last = x->range.last,
	                                                  .force = options_flag(x->inv->options, "force"),
	                                                  .resumes = x->resumes ? x->run_id : NULL,
	                                                  .bind = true},
	                       &x->planning, err);
	if (x->ws.diags.len > known)
		open_print_diags(x->inv, &x->ws, known);
	return rc;
}

/* Its connection has slept while the run had its own: the server may have been started anew since. */
static int refresh_catalog(struct execution *x, struct err *err)
{
	int rc = db_revive(&x->ws.db, true, err);
	return rc < 0 ? rc : catalog_refresh_if_stale(&x->ws, err);
}

static int carry_out(struct execution *x, enum run_kind kind, bool continue_on_error, struct err *err)
{
	const struct options *o = x->inv->options;
	struct buf selection = BUF_INIT(TEXT_MAX);
	struct progress progress;
	struct run_summary summary;
	struct arena arena = {0};
	struct task_row *before = NULL;
	size_t nbefore = 0;
	if (x->resumes && query_tasks(&(struct query){.conn = x->ws.db.conn, .lake_id = x->ws.db.lake_id, .arena = &arena}, x->run_id, NULL,
	                              &before, &nbefore, err) < 0)
		return err->code;
	selection_text(x->inv, &selection);
	uint64_t total = plan_todo(x->planning.plan);
	if (x->inv->globals->verbosity >= 0)
		progress_head(x->run_id, x->range.first, x->range.last, total, x->planning.plan->fresh);
	progress_begin(&progress, &x->ws.loop, total, x->inv->globals->verbosity < 0);
	struct runner_observer observer = progress_observer(&progress);
	struct runner_request request = {.kind = kind,
	                                 .run_id = x->run_id,
	                                 .selection = buf_cstr(&selection),
	                                 .force = options_flag(o, "force"),
	                                 .fail_fast = options_flag(o, "fail-fast"),
	                                 .continue_on_error = continue_on_error,
	                                 .keep_staging = options_flag(o, "keep-staging"),
	                                 .git_commit = x->git_commit,
	                                 .requested_by = state_user(),
	                                 .max_active = (uint32_t)x->max_active,
	                                 .duration_us = x->planning.duration_us,
	                                 .before = before,
	                                 .nbefore = nbefore};
	int rc = runner_run(x->runner, x->planning.plan, &request, &observer, &summary, err);
	progress_end(&progress);
	/* Also when nothing was published: whoever published last may have died before this. */
	int catalog = rc == 0 ? refresh_catalog(x, err) : 0;
	if (rc == 0) {
		summary_print(&(struct summary){.inv = x->inv,
		                                .ws = &x->ws,
		                                .run_id = x->run_id,
		                                .planning = &x->planning,
		                                .run = summary,
		                                .failures = progress.failures,
		                                .nfailures = progress.nfailures});
		rc = summary.result == RUN_SUCCESS ? catalog : summary_exit(summary.result);
	}
	progress_free(&progress);
	buf_free(&selection);
	arena_free(&arena);
	return rc;
}

static void find_commit(void *arg)
{
	struct execution *x = arg;
	git_commit_of(x->ws.project->dir, x->git_commit);
}

static void join_git(struct execution *x)
{
	if (x->git_started)
		uv_thread_join(&x->git);
	x->git_started = false;
}

static int prepare(struct execution *x, struct err *err)
{
	const struct options *o = x->inv->options;
	const char *given = options_text(o, "run-id", NULL);
	const char *junit = options_text(o, "junit", NULL);
	int rc = options_number(o, "max-active", 0, 1, JOBS_MAX, &x->max_active, err);
	if (rc == 0 && junit)
		rc = junit_check(junit, err);
	if (rc == 0)
		rc = open_project(x->inv, &x->ws, err);
	if (rc == 0)
		x->git_started = uv_thread_create(&x->git, find_commit, x) == 0;
	if (rc == 0)
		rc = select_tables(x->inv, x->ws.project, &x->selected, err);
	if (rc == 0)
		rc = dates_read(o, &x->range, err);
	if (rc == 0)
		rc = open_db(x->inv, &x->ws, err);
	if (rc == 0)
		rc = check_run_id(x, given, err);
	if (given)
		snprintf(x->run_id, sizeof x->run_id, "%s", given);
	else
		runner_make_id(x->run_id);
	return rc;
}

/* A scheduler that is up takes the run, and this program follows it. */
static int hand_over(struct execution *x, enum run_kind kind, bool continue_on_error, bool *ret_handed, struct err *err)
{
	const struct options *o = x->inv->options;
	struct control c = {.conn = x->ws.db.conn, .lake_id = x->ws.db.lake_id, .requested_by = state_user()};
	struct leader_holder holder;
	struct arena arena = {0};
	int rc = control_find(&c, ret_handed, &holder, err);
	if (rc == 0 && !*ret_handed && options_flag(o, "detach"))
		rc = err_set(err, ERR_LOCKED, "--detach: no scheduler is up that would carry it out; start one with 'strata scheduler'");
	if (rc < 0 || !*ret_handed)
		return rc;
	struct order order = {.run_id = x->run_id,
	                      .kind = kind,
	                      .first = x->range.first,
	                      .last = x->range.last,
	                      .force = options_flag(o, "force"),
	                      .fail_fast = options_flag(o, "fail-fast"),
	                      .continue_on_error = continue_on_error,
	                      .keep_staging = options_flag(o, "keep-staging"),
	                      .max_active = (uint32_t)x->max_active,
	                      .requested_by = state_user()};
	follow_selection(x->inv, &arena, &order);
	rc = follow_order(&c, &order, err);
	arena_free(&arena);
	if (rc == 0 && x->inv->globals->verbosity >= 0)
		fprintf(stderr, "strata: run %s, carried out by '%s' (process %ld on %s)\n", x->run_id, holder.command, holder.pid, holder.host);
	if (rc == 0 && options_flag(o, "detach") && x->inv->globals->output == OUTPUT_TABLE)
		puts(x->run_id);
	else if (rc == 0 && options_flag(o, "detach"))
		summary_ordered(x->inv, x->run_id);
	else if (rc == 0)
		rc = follow_run(x->inv, &x->ws, x->run_id, err);
	return rc;
}

/* For machines that look at the run: a report, and in GitHub's CI a mark at each line that failed. `status` is the run's. */
static int tell_machines(struct execution *x, int status, struct err *err)
{
	const char *path = options_text(x->inv->options, "junit", NULL);
	struct arena arena = {0};
	int rc = 0;
	if (options_flag(x->inv->options, "detach") || (!path && !annotations_wanted()))
		return status;
	rc = db_revive(&x->ws.db, true, err);
	const struct query q = {.conn = x->ws.db.conn, .lake_id = x->ws.db.lake_id, .arena = &arena};
	if (rc == 0 && annotations_wanted())
		rc = annotations_of_run(&q, x->ws.project, x->run_id, stderr, err);
	if (rc == 0 && path)
		rc = junit_write(&q, x->run_id, path, err);
	arena_free(&arena);
	return rc < 0 ? rc : status;
}

int run_execute(const struct invocation *inv, enum run_kind kind, bool continue_on_error, struct err *err)
{
	bool handed = false;
	struct execution x = {.inv = inv};
	long jobs;
	int rc = options_number(inv->options, "jobs", 0, 1, JOBS_MAX, &jobs, err);
	if (rc < 0)
		return rc;
	open_workspace(inv, (uint32_t)jobs, &x.ws);
	x.ws.options.state = true;
	rc = prepare(&x, err);
	for (bool daemon = true; rc == 0 && daemon;) {
		daemon = false;
		rc = hand_over(&x, kind, continue_on_error, &handed, err);
		if (rc == 0 && !handed)
			rc = start_runner(&x, &daemon, err);
	}
	if (rc == 0 && !handed)
		rc = make_plan(&x, err);
	join_git(&x);
	if (rc == 0 && !handed)
		rc = carry_out(&x, kind, continue_on_error, err);
	if (rc >= 0) /* else its rows are not there, or the state is out of reach */
		end_callbacks(&x);
	if (rc >= 0)
		rc = tell_machines(&x, rc, err);
	outbox_free(x.outbox);
	runner_free(x.runner);
	db_keeper_close(&x.keeper);
	planning_free(&x.planning);
	free(x.selected);
	workspace_close(&x.ws);
	return rc;
}
