/* `strata gc` once a day, and after a worker's death, as a process of its own (daemon_internal.h): what it removes takes as long as it takes, and the
 * loop does not wait for it. It is the command that people give beside a scheduler, and safe there whatever dies.
 *
 * The day counts from when one last came to its end, which the state knows: a scheduler that is started anew each hour has
 * one a day all the same. It waits for a moment in which no run is under way, but not longer than six hours.
 *
 * A worker that is killed while it tidies, after its answer, leaves staging of a try that is over, and nobody asks for it
 * again: its death makes a gc due, once an hour at most. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "scheduler/daemon_internal.h"
#include "scheduler/db.h"
#include "scheduler/retention.h"

enum {
	DAY_S = 86400,
	JITTER_S = 3600,       /* lakes that share a machine or a database do not all begin at once */
	PATIENCE_S = 6 * 3600,
	AWAY_S = 60,           /* the database cannot be asked when it is time */
	AGAIN_S = 3600,        /* after one that failed; between two for the sake of deaths */
	SAID_MAX = 4096,
};

static int64_t now_s(void)
{
	return clock_wall_us() / 1000000;
}

static void on_alarm(void *ctx)
{
	((struct daemon *)ctx)->gc.look = true;
}

static void on_death(void *ctx)
{
	struct daemon_gc *gc = &((struct daemon *)ctx)->gc;
	gc->death = gc->look = true;
}

void gc_open(struct daemon *d)
{
	d->gc.said = BUF_INIT(SAID_MAX);
	workers_on_death(d->ws->workers, on_death, d);
	d->gc.look = true;
	alarm_open(&d->gc.alarm, &d->ws->loop, on_alarm, d);
}

/* What it has to say is one field of a line. */
static const char *said(struct daemon *d)
{
	char *text = (char *)(uintptr_t)buf_cstr(&d->gc.said);
	size_t n = strlen(text);
	while (n && text[n - 1] == '\n')
		text[--n] = '\0';
	for (size_t i = 0; i < n; i++)
		text[i] = text[i] == '\n' ? ';' : text[i];
	return str_has_prefix(text, "strata: ") ? text + strlen("strata: ") : text;
}

/* Exit status and end of what it says are both there. */
static void ended(struct daemon *d)
{
	struct daemon_gc *gc = &d->gc;
	if (--gc->open > 0)
		return;
	if (gc->status == 0)
		log_event(LOG_INFO, "gc.done", "says", said(d), NULL);
	else
		log_event(LOG_WARN, "gc.failed", LOG_INT("status", gc->status), "error", said(d), NULL);
	gc->not_before = gc->status == 0 ? 0 : now_s() + AGAIN_S;
	gc->running = gc->due = false;
	gc->look = true;
}

static void on_closed(uv_handle_t *handle)
{
	ended(handle->data);
}

static void on_exit_status(uv_process_t *process, int64_t status, int sig)
{
	struct daemon *d = process->data;
	d->gc.status = sig ? 128 + sig : status;
	uv_close((uv_handle_t *)process, on_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct daemon *d = handle->data;
	(void)suggested;
	*ret = uv_buf_init(d->gc.chunk, sizeof d->gc.chunk);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *data)
{
	struct daemon *d = stream->data;
	if (n > 0)
		buf_add(&d->gc.said, data->base, (size_t)n); /* what is more than fits is dropped */
	else if (n < 0)
		uv_close((uv_handle_t *)stream, on_closed);
}

/* The way to the database may hold a password: not for the eyes of who lists processes. */
static char **environment(const struct daemon *d, char **ret_own)
{
	extern char **environ;
	static const char name[] = "STRATA_DB=";
	size_t n = 0, kept = 0;
	while (environ[n])
		n++;
	char **env = mem_array(n + 2, sizeof *env);
	for (size_t i = 0; i < n; i++) {
		if (!d->ws->options.db || strncmp(environ[i], name, strlen(name)) != 0)
			env[kept++] = environ[i];
	}
	*ret_own = d->ws->options.db ? mem_printf("%s%s", name, d->ws->options.db) : NULL;
	env[kept] = *ret_own;
	return env;
}

/* This very program, also if another version has taken its place on disk. */
static int spawn(struct daemon *d)
{
	struct daemon_gc *gc = &d->gc;
	const char *args[] = {"strata", "-C", d->ws->project->dir, "gc", d->ws->options.lake ? "--lake" : NULL, d->ws->options.lake, NULL};
	char *own, **env = environment(d, &own);
	uv_pipe_init(&d->ws->loop, &gc->err, 0);
	uv_stdio_container_t stdio[] = {
		{.flags = UV_IGNORE},
		{.flags = UV_IGNORE},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&gc->err},
	};
	uv_process_options_t o = {.file = "/proc/self/exe", .args = (char **)(uintptr_t)args, .env = env, .stdio = stdio, .stdio_count = 3,
	                          .exit_cb = on_exit_status};
	gc->process.data = gc->err.data = d;
	int rc = uv_spawn(&d->ws->loop, &gc->process, &o);
	free(env);
	free(own);
	return rc;
}

static void begin(struct daemon *d)
{
	struct daemon_gc *gc = &d->gc;
	buf_clear(&gc->said);
	gc->open = 2;
	gc->running = true;
	gc->death = false;
	gc->begun_at = now_s();
	int rc = spawn(d);
	if (rc == 0) {
		uv_os_setpriority(uv_process_get_pid(&gc->process), UV_PRIORITY_LOW); /* tables come first */
		uv_read_start((uv_stream_t *)&gc->err, on_alloc, on_read);
		log_event(LOG_INFO, "gc.begin", NULL);
		return;
	}
	buf_adds(&gc->said, uv_strerror(rc));
	gc->status = -rc;
	uv_close((uv_handle_t *)&gc->process, on_closed);
	uv_close((uv_handle_t *)&gc->err, on_closed);
}

/* When the last one came to its end; of a new lake when it was made. */
static int read_last(struct daemon *d, int64_t *ret_s, struct err *err)
{
	struct retention_past past;
	int rc = retention_past(d->ws->db.conn, d->ws->db.lake_id, &past, err);
	if (rc < 0 || past.done_us) {
		*ret_s = past.done_us / 1000000;
		return rc;
	}
	char lake[12];
	snprintf(lake, sizeof lake, "%d", d->ws->db.lake_id);
	const char *const values[] = {lake};
	PGresult *r;
	if (db_query(d->ws->db.conn, "SELECT extract(epoch FROM created_at)::bigint FROM strata.lake WHERE lake_id = $1::integer", 1, values,
	             false, &r, err) < 0)
		return err_wrap(err, "see how old the lake is");
	*ret_s = PQntuples(r) ? strtoll(PQgetvalue(r, 0, 0), NULL, 10) : now_s();
	PQclear(r);
	return 0;
}

static int look(struct daemon *d, struct err *err)
{
	struct daemon_gc *gc = &d->gc;
	int64_t last = 0, now = now_s();
	int rc = read_last(d, &last, err);
	if (rc < 0)
		return rc;
	last = last < now ? last : now; /* its clock was ahead */
	int64_t at = last + DAY_S + (int64_t)((uint64_t)last * UINT64_C(2654435761) % JITTER_S);
	if (gc->death && gc->begun_at + AGAIN_S < at)
		at = gc->begun_at + AGAIN_S;
	at = at > gc->not_before ? at : gc->not_before;
	if (gc->due && now < gc->patience)
		at = gc->patience;
	else if (now >= at && !gc->due) {
		gc->due = true;
		at = gc->patience = now + PATIENCE_S;
	}
	alarm_set(&gc->alarm, at > now ? at : INT64_MAX);
	return 0;
}

bool gc_begin(struct daemon *d)
{
	struct daemon_gc *gc = &d->gc;
	struct err err = {0};
	if (gc->running || d->draining || !d->settled) /* settled: orders that waited go first */
		return false;
	if (gc->look) {
		gc->look = false;
		if (daemon_db(d, &err) < 0 || look(d, &err) < 0) {
			log_event(LOG_WARN, "gc.not_looked", "error", err.text, NULL);
			alarm_set(&gc->alarm, now_s() + AWAY_S);
			return false;
		}
	}
	if (!gc->due || (!list_empty(&d->jobs) && now_s() < gc->patience))
		return false;
	begin(d);
	return true;
}

void gc_close(struct daemon *d)
{
	struct daemon_gc *gc = &d->gc;
	workers_on_death(d->ws->workers, NULL, NULL);
	alarm_close(&gc->alarm);
	if (gc->running) { /* it may die anywhere */
		gc->open++;    /* its end is nobody's any more */
		if (!uv_is_closing((uv_handle_t *)&gc->process)) {
			uv_process_kill(&gc->process, SIGTERM);
			uv_close((uv_handle_t *)&gc->process, NULL);
		}
		if (!uv_is_closing((uv_handle_t *)&gc->err))
			uv_close((uv_handle_t *)&gc->err, NULL);
	}
	buf_free(&gc->said);
}
