/* See feed.h. The thread sleeps in poll() on the database's socket and on an event of the screen's; `lock` guards what the
 * two share. */
#include "ui-tui/feed.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "scheduler/control.h"
#include "scheduler/db.h"
#include "scheduler/queries_screen.h"
#include "scheduler/watch.h"

/* A scheduler that is killed tells nobody, so there is a look without a word now and then. */
enum { AGAIN_MS = 2000, PAUSE_MS = 250, LOOK_MS = 10000, PAUSE_FACTOR = 10 };

struct feed {
	struct feed_options options;
	uv_async_t async;
	struct watch *watch;        /* the project's files; of the screen's loop */
	char *dir;                  /* the project's */
	uv_thread_t thread;
	int wake;                   /* eventfd: there is something for the thread */
	uv_mutex_t lock;
	/* shared */
	struct view_request wanted;
	bool look, ending;          /* `wanted` is new; the thread is to end */
	struct picture *newest;
	struct feed_state state;
	bool edited;                /* the project's files have changed */
	char problem[FEED_PROBLEM_SIZE]; /* of the project; "": none */
	bool problem_news;          /* and nobody has asked since */
	/* the thread's own */
	bool listening, changed;
	bool analyzed;              /* the project has its edges */
	bool broken;                /* as its files are now it has errors, and is not read again until they change */
	bool reread;                /* they have */
	int64_t loaded_us, took_us; /* the newest load: when it ended (monotonic), and how long it took */
};

void picture_free(struct picture *s)
{
	if (!s)
		return;
	arena_free(&s->arena);
	free(s);
}

static void on_async(uv_async_t *async)
{
	struct feed *f = async->data;
	f->options.on_news(f->options.ctx);
}

static void wake(struct feed *f)
{
	const uint64_t one = 1;
	ssize_t n;
	do
		n = write(f->wake, &one, sizeof one);
	while (n < 0 && errno == EINTR);
}

/* --- the thread --- */

static void set_connected(struct feed *f, bool connected, const char *problem)
{
	uv_mutex_lock(&f->lock);
	bool news = f->state.connected != connected || !str_eq(f->state.problem, problem);
	f->state.connected = connected;
	snprintf(f->state.problem, sizeof f->state.problem, "%s", problem);
	uv_mutex_unlock(&f->lock);
	if (news)
		uv_async_send(&f->async);
}

static void lose(struct feed *f, const char *problem)
{
	struct db *db = &f->options.ws->db;
	char text[512];
	snprintf(text, sizeof text, "%s", problem); /* it may be the connection's own */
	PQfinish(db->conn);
	db->conn = NULL;
	f->listening = false;
	set_connected(f, false, text);
}

static bool connect_and_listen(struct feed *f)
{
	struct db *db = &f->options.ws->db;
	struct err err = {0};
	char sql[96];
	if (f->listening)
		return true;
	snprintf(sql, sizeof sql, "LISTEN strata_changed_%d; LISTEN strata_answer_%d", db->lake_id, db->lake_id);
	if ((!db->conn && db_connect(db->conninfo, &db->conn, &err) < 0) || db_exec(db->conn, sql, &err) < 0) {
		lose(f, err.text);
		return false;
	}
	f->listening = f->changed = true; /* what has changed before anybody listened */
	set_connected(f, true, "");
	return true;
}

static void set_problem(struct feed *f, const char *problem)
{
	uv_mutex_lock(&f->lock);
	bool news = !str_eq(f->problem, problem);
	snprintf(f->problem, sizeof f->problem, "%s", problem);
	f->problem_news |= news;
	uv_mutex_unlock(&f->lock);
	if (news)
		uv_async_send(&f->async);
}

/* With who reads whom only for panels that show it, because that takes a while, and where that is what had the errors. */
static void read_project(struct feed *f, bool needs_edges)
{
	struct workspace *ws = f->options.ws;
	struct project *former = ws->project;
	struct buf problem = BUF_INIT(FEED_PROBLEM_SIZE);
	struct err err = {0};
	bool analyze = needs_edges || f->broken;
	f->reread = false;
	int rc = workspace_reload(ws, analyze, &err);
	f->broken = rc < 0;
	if (rc == 0) {
		f->analyzed = analyze;
		project_free(former);
	}
	malloc_trim(0);
	if (rc == ERR_PROJECT)
		diags_first_error(&ws->diags, err.text, &problem);
	set_problem(f, rc == ERR_PROJECT ? buf_cstr(&problem) : rc < 0 ? err.text : "");
	buf_free(&problem);
}

static void load(struct feed *f, const struct view_request *request)
{
	struct workspace *ws = f->options.ws;
	const struct panel_class *class = request->place.panel;
	struct picture *s = mem_alloc(sizeof *s);
	struct view_source source = {.query = {.conn = ws->db.conn, .lake_id = ws->db.lake_id, .arena = &s->arena}, .lake = ws->lake.dir};
	struct control c = {.conn = ws->db.conn, .lake_id = ws->db.lake_id};
	s->request = *request;
	int64_t began_us = clock_mono_us();
	f->changed = false;
	int rc = control_find(&c, &source.scheduler_up, &source.holder, &s->err);
	if (f->reread || (class->needs_edges && !f->analyzed && !f->broken))
		read_project(f, class->needs_edges);
	if (rc == 0 && *request->place.run)
		rc = query_run_paused(&source.query, request->place.run, &s->run_paused, &s->err);
	source.project = ws->project;
	if (rc == 0)
		s->data = class->load(request, &source, &s->arena, &s->err);
	f->loaded_us = clock_mono_us();
	f->took_us = f->loaded_us - began_us;
	if (f->options.loads)
		spans_add(f->options.loads, f->took_us);
	if (PQstatus(ws->db.conn) != CONNECTION_OK) {
		lose(f, s->err.text);
		picture_free(s);
		return;
	}
	uv_mutex_lock(&f->lock);
	struct picture *old = f->newest;
	f->newest = s;
	f->state.scheduler_up = source.scheduler_up;
	f->state.holder = source.holder;
	uv_mutex_unlock(&f->lock);
	picture_free(old);
	uv_async_send(&f->async);
}

/* Until something happens, or `most_ms` have passed; -1: no limit. */
static void wait_for_news(struct feed *f, int most_ms)
{
	PGconn *conn = f->options.ws->db.conn;
	struct pollfd fds[] = {{.fd = f->wake, .events = POLLIN}, {.fd = conn ? PQsocket(conn) : -1, .events = POLLIN}};
	uint64_t count;
	if (poll(fds, 2, most_ms) > 0 && fds[0].revents && read(f->wake, &count, sizeof count) < 0)
		return;
	if (!conn || !fds[1].revents)
		return;
	if (!PQconsumeInput(conn)) {
		lose(f, db_message(conn, NULL));
		return;
	}
	for (PGnotify *n; (n = PQnotifies(conn));) {
		f->changed = true;
		PQfreemem(n);
	}
}

/* How long it may sleep: until the next load is due, or the next try to connect. What takes long to load is loaded the less
 * often, so that looking on never costs more than a tenth of the database, and a hundredth while nothing changes. */
static int pause_ms(const struct feed *f, bool connected)
{
	int64_t since_ms = (clock_mono_us() - f->loaded_us) / 1000, pause = PAUSE_FACTOR * f->took_us / 1000;
	if (!connected)
		return AGAIN_MS;
	if (f->changed)
		pause = pause > PAUSE_MS ? pause : PAUSE_MS;
	else
		pause = PAUSE_FACTOR * pause > LOOK_MS ? PAUSE_FACTOR * pause : LOOK_MS;
	return since_ms >= pause ? 0 : (int)(pause - since_ms);
}

static void run(void *arg)
{
	struct feed *f = arg;
	struct view_request request = {0};
	malloc_trim(0); /* reading a large project takes twice what it keeps, and this stays up for days */
	for (;;) {
		bool connected = connect_and_listen(f);
		wait_for_news(f, pause_ms(f, connected));
		uv_mutex_lock(&f->lock);
		bool ending = f->ending, look = f->look && f->state.connected;
		request = f->wanted;
		f->look = f->look && !look;
		f->reread |= f->edited;
		f->edited = false;
		uv_mutex_unlock(&f->lock);
		if (ending)
			return;
		if (!f->listening)
			continue;
		if (request.place.panel && (look || f->reread || pause_ms(f, true) == 0))
			load(f, &request);
	}
}

/* --- the screen's side --- */

static void on_edited(void *ctx)
{
	struct feed *f = ctx;
	watch_project(f->watch, f->dir); /* there may be new folders */
	uv_mutex_lock(&f->lock);
	f->edited = true;
	uv_mutex_unlock(&f->lock);
	wake(f);
}

struct feed *feed_new(const struct feed_options *options)
{
	struct feed *f = mem_alloc(sizeof *f);
	f->options = *options;
	f->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	f->state.connected = true;
	uv_mutex_init(&f->lock);
	uv_async_init(options->loop, &f->async, on_async);
	f->async.data = f;
	f->dir = mem_strdup(options->ws->project->dir);
	f->watch = watch_new(options->loop, on_edited, f);
	watch_project(f->watch, f->dir);
	f->broken = options->ws->diags.errors > 0; /* it has been opened all the same, for its history */
	if (f->broken) {
		struct buf problem = BUF_INIT(FEED_PROBLEM_SIZE);
		diags_first_error(&options->ws->diags, "", &problem);
		set_problem(f, buf_cstr(&problem));
		buf_free(&problem);
	}
	uv_thread_create(&f->thread, run, f);
	return f;
}

void feed_free(struct feed *f)
{
	uv_mutex_lock(&f->lock);
	f->ending = true;
	uv_mutex_unlock(&f->lock);
	wake(f);
	uv_thread_join(&f->thread);
	uv_close((uv_handle_t *)&f->async, NULL);
	watch_free(f->watch);
	uv_run(f->options.loop, UV_RUN_NOWAIT);
	close(f->wake);
	uv_mutex_destroy(&f->lock);
	picture_free(f->newest);
	free(f->dir);
	free(f);
}

void feed_look(struct feed *f, const struct view_request *request)
{
	uv_mutex_lock(&f->lock);
	f->wanted = *request;
	f->look = true;
	uv_mutex_unlock(&f->lock);
	wake(f);
}

struct picture *feed_take(struct feed *f)
{
	uv_mutex_lock(&f->lock);
	struct picture *s = f->newest;
	f->newest = NULL;
	uv_mutex_unlock(&f->lock);
	return s;
}

void feed_state(struct feed *f, struct feed_state *ret)
{
	uv_mutex_lock(&f->lock);
	*ret = f->state;
	uv_mutex_unlock(&f->lock);
}

bool feed_project_news(struct feed *f, char ret_problem[FEED_PROBLEM_SIZE])
{
	uv_mutex_lock(&f->lock);
	bool news = f->problem_news;
	f->problem_news = false;
	memcpy(ret_problem, f->problem, FEED_PROBLEM_SIZE);
	uv_mutex_unlock(&f->lock);
	return news;
}
