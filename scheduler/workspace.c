/* See workspace.h. */
#include "scheduler/workspace.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "scheduler/callbacks.h"
#include "scheduler/load.h"
#include "scheduler/locks.h"
#include "scheduler/zone.h"

void workspace_init(struct workspace *ws, const struct workspace_options *options)
{
	*ws = (struct workspace){.options = *options, .hold_fd = -1};
	ws->jobs = options->jobs ? options->jobs : load_cores();
	uv_loop_init(&ws->loop);
	ws->turns.loop = &ws->loop;
}

int workspace_threads(uint32_t jobs)
{
	uint32_t share = load_cores() / (jobs ? jobs : 1);
	return share ? (int)share : 1;
}

int64_t workspace_memory(uint32_t jobs)
{
	int64_t ram = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	return ram / 10 * 7 / (jobs ? jobs : 1);
}

static int find_lake(struct workspace *ws, const struct project *p, struct err *err)
{
	if (ws->lake.dir[0])
		return 0;
	return load_lake(p, ws->options.lake, ws->lake.dir, sizeof ws->lake.dir, err);
}

/* Can a lock be made there? Only writing tells: of a full disk, too. */
static int try_writing(const struct workspace *ws, const char *folder, struct err *err)
{
	if (dir_make_all(folder, 0777, err) < 0)
		return err_wrap(err, "the lake '%s' cannot be written", ws->lake.dir);
	char *path = mem_printf("%s/probe-%ld", folder, (long)getpid());
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666), rc = 0;
	if (fd < 0 || write(fd, "x", 1) != 1)
		rc = err_errno(err, ERR_IO, "the lake '%s' cannot be written", ws->lake.dir);
	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	free(path);
	return rc;
}

/* A lake that is not ours to write can be looked at all the same: who only looks keeps locks elsewhere. */
static char *lock_folder(struct workspace *ws, const char *folder, bool look, struct err *err)
{
	char *locks = mem_printf("%s/.strata/workers/%s", ws->lake.dir, folder);
	if (try_writing(ws, locks, err) == 0)
		return locks;
	free(locks);
	if (!look)
		return NULL;
	const char *tmp = getenv("TMPDIR");
	if (!ws->look_dir) {
		ws->look_dir = mem_printf("%s/strata-look-XXXXXX", tmp && *tmp ? tmp : "/tmp");
		if (!mkdtemp(ws->look_dir)) {
			free(ws->look_dir);
			ws->look_dir = NULL;
			return NULL;
		}
	}
	return mem_strdup(ws->look_dir);
}

static int make_workers(struct workspace *ws, const struct project *p, bool look, struct err *err)
{
	char program[PATH_MAX];
	if (find_lake(ws, p, err) < 0 || !workers_find_program(program, sizeof program, err))
		return err->code;
	char *locks = lock_folder(ws, look ? "look" : "run", look, err);
	if (!locks)
		return err->code;
	ws->workers = workers_new(&(struct workers_config){.loop = &ws->loop,
	                                                   .program = program,
	                                                   .lake = ws->lake.dir,
	                                                   .lock_dir = locks,
	                                                   .most = ws->jobs,
	                                                   .threads = workspace_threads(ws->jobs),
	                                                   .memory_bytes = workspace_memory(ws->jobs)});
	free(locks);
	return 0;
}

static struct db_options db_options_of(const struct workspace *ws, const struct lake *lake)
{
	return (struct db_options){.conninfo = ws->options.db,
	                           .home = lake->dir,
	                           .lake = {.uuid = lake->uuid, .uri = lake->dir, .host = lake->host}};
}

static void ready_early(void *arg)
{
	struct workspace *ws = arg;
	struct workspace_early *e = &ws->early;
	const struct db_options o = db_options_of(ws, &e->lake);
	struct err ignored;
	e->result = db_ready(&e->db, &o.lake, &ignored);
}

/* The schema of a new database takes as long as the analysis of a few hundred queries. Only where nothing has to be made
 * or started: a project with errors must leave no trace. What fails here is done, and told, by workspace_db. */
static void begin_early(struct workspace *ws)
{
	struct workspace_early *e = &ws->early;
	struct err ignored;
	if (!lake_known(ws->lake.dir) || lake_open(&e->lake, ws->lake.dir, &ignored) < 0)
		return;
	const struct db_options o = db_options_of(ws, &e->lake);
	if (db_reach(&o, false, &e->db, &ignored) < 0)
		return;
	e->started = uv_thread_create(&e->thread, ready_early, ws) == 0;
	if (!e->started)
		db_close(&e->db);
}

static void join_early(struct workspace *ws)
{
	struct workspace_early *e = &ws->early;
	if (!e->started)
		return;
	uv_thread_join(&e->thread);
	e->started = false;
	if (e->result < 0) {
		db_close(&e->db);
		return;
	}
	ws->lake = e->lake;
	ws->db = e->db;
}

static struct workers *workers_for_load(void *ctx, const struct project *p, struct err *err)
{
	struct workspace *ws = ctx;
	if (!ws->workers && make_workers(ws, p, true, err) < 0)
		return NULL;
	if (ws->options.state && !ws->db.conn && !ws->early.started)
		begin_early(ws);
	return ws->workers;
}

static int count_problems(const struct workspace *ws, struct err *err)
{
	if (!ws->diags.errors)
		return 0;
	return err_set(err, ERR_PROJECT, "the project has %zu error%s; nothing was started", ws->diags.errors,
	               ws->diags.errors == 1 ? "" : "s");
}

int workspace_project(struct workspace *ws, bool analyze, struct err *err)
{
	struct load_options o = {.dir = ws->options.dir,
	                         .analyze = analyze,
	                         .keep_texts = ws->options.keep_texts,
	                         .jobs = ws->jobs,
	                         .turns = &ws->turns,
	                         .get_workers = workers_for_load,
	                         .ctx = ws};
	struct project *p = NULL;
	int rc = project_load(&o, &p, &ws->diags, err);
	join_early(ws); /* before the zone is set: that changes the environment */
	if (rc < 0)
		return rc;
	ws->project = p; /* only now: while it is read again, the former one is there for who asks */
	/* A zone that the project names is one of its problems, among all of them. */
	struct err zone;
	rc = zone_set(ws->options.timezone ? ws->options.timezone : ws->project->timezone, &zone);
	if (rc < 0 && !ws->options.timezone && ws->project->timezone && zone_set("UTC", NULL) == 0) {
		diag_add(&ws->diags, DIAG_ERROR, ws->project->timezone_loc, "%s", zone.text);
		rc = 0;
	}
	for (size_t i = 0; i < ws->project->nschedules; i++) {
		const struct schedule *s = &ws->project->schedules[i];
		struct err unknown;
		if (s->timezone && zone_check(s->timezone, &unknown) < 0)
			diag_add(&ws->diags, DIAG_ERROR, s->timezone_loc, "%s", unknown.text);
	}
	callbacks_check(ws->project, &ws->diags);
	diags_sort(&ws->diags);
	if (rc < 0 && err)
		*err = zone;
	return rc < 0 ? rc : count_problems(ws, err);
}

int workspace_reload(struct workspace *ws, bool analyze, struct err *err)
{
	struct project *former = ws->project;
	diags_free(&ws->diags);
	ws->diags = (struct diags){0};
	int rc = workspace_project(ws, analyze, err);
	if (rc < 0 && ws->project != former) {
		project_free(ws->project);
		ws->project = former;
	}
	return rc;
}

int workspace_lake(struct workspace *ws, struct err *err)
{
	if (ws->lake.uuid[0])
		return 0;
	int rc = find_lake(ws, ws->project, err);
	if (rc < 0)
		return rc;
	char dir[PATH_MAX];
	snprintf(dir, sizeof dir, "%s", ws->lake.dir);
	return lake_open(&ws->lake, dir, err);
}

int workspace_db(struct workspace *ws, struct err *err)
{
	if (ws->db.conn)
		return 0;
	int rc = workspace_lake(ws, err);
	if (rc < 0)
		return rc;
	const struct db_options o = db_options_of(ws, &ws->lake);
	return db_open(&o, &ws->db, err);
}

int workspace_workers(struct workspace *ws, struct err *err)
{
	return ws->workers ? 0 : make_workers(ws, ws->project, true, err);
}

struct claim {
	PGconn *conn;
	const struct leader *leader;
};

/* Who holds the lake may have taken it from us, too, while we stood still. */
static bool still_leads(void *ctx)
{
	const struct claim *c = ctx;
	char lake[12], epoch[24];
	snprintf(lake, sizeof lake, "%d", c->leader->lake_id);
	snprintf(epoch, sizeof epoch, "%" PRId64, c->leader->epoch);
	const char *const values[] = {lake, epoch};
	PGresult *r;
	struct err ignored;
	if (db_query(c->conn, "SELECT FROM strata.scheduler WHERE lake_id = $1::integer AND epoch = $2::bigint", 2, values, false, &r,
	             &ignored) < 0)
		return false;
	bool leads = PQntuples(r) == 1;
	PQclear(r);
	return leads;
}

static char *hold_path(const struct workspace *ws)
{
	return mem_printf("%s/.strata/scheduler.lock", ws->lake.dir);
}

bool workspace_is_held(const struct workspace *ws)
{
	char *path = hold_path(ws);
	bool held = locks_held(path);
	free(path);
	return held;
}

int workspace_hold(struct workspace *ws, PGconn *conn, const struct leader *leader, struct err *err)
{
	struct claim claim = {conn, leader};
	char *path = hold_path(ws);
	ws->hold_fd = locks_hold(path, LOCKS_GRACE_MS, still_leads, &claim, err);
	free(path);
	if (ws->hold_fd >= 0)
		return 0;
	return err->code == ERR_LOCKED ? ERR_LOCKED : err_wrap(err, "the lake '%s' cannot be written", ws->lake.dir);
}

void workspace_let_go(struct workspace *ws)
{
	if (ws->hold_fd >= 0)
		close(ws->hold_fd);
	ws->hold_fd = -1;
}

int workspace_lead(struct workspace *ws, struct err *err)
{
	if (ws->workers)
		workers_close(ws->workers);
	ws->former = ws->workers;
	ws->workers = NULL;
	return make_workers(ws, ws->project, false, err);
}

struct waiting {
	json_t *reply;
	struct err err;
	bool done;
};

static void on_answer(void *ctx, const struct worker_answer *a)
{
	struct waiting *w = ctx;
	if (a->reply)
		w->reply = json_incref((json_t *)(uintptr_t)a->reply);
	else
		w->err = *a->err;
	w->done = true;
}

int workspace_ask(struct workspace *ws, json_t *body, json_t **ret_reply, struct err *err)
{
	int rc = workspace_workers(ws, err);
	if (rc < 0) {
		json_decref(body);
		return rc;
	}
	struct waiting w = {0};
	workers_ask(ws->workers, body, false, NULL, on_answer, &w);
	turns_until(&ws->turns, &w.done);
	if (w.reply) {
		*ret_reply = w.reply;
		return 0;
	}
	*err = w.err;
	return err->code;
}

static void end_workers(struct workspace *ws, struct workers *w)
{
	if (!w)
		return;
	workers_close(w);
	while (!workers_gone(w))
		uv_run(&ws->loop, UV_RUN_ONCE);
	workers_free(w);
}

void workspace_unlead(struct workspace *ws)
{
	end_workers(ws, ws->workers);
	end_workers(ws, ws->former);
	ws->workers = ws->former = NULL;
	if (ws->hold_fd >= 0)
		close(ws->hold_fd);
	ws->hold_fd = -1;
}

void workspace_close(struct workspace *ws)
{
	end_workers(ws, ws->workers);
	end_workers(ws, ws->former);
	if (ws->db.conn)
		db_close(&ws->db);
	uv_run(&ws->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&ws->loop) != 0)
		log_event(LOG_DEBUG, "loop.busy", NULL);
	workspace_let_go(ws);
	if (ws->look_dir)
		rmdir(ws->look_dir);
	free(ws->look_dir);
	project_free(ws->project);
	diags_free(&ws->diags);
}
