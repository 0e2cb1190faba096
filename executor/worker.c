/* See worker.h. */
#include "executor/worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "executor/duck.h"
#include "executor/staging.h"

/* DuckDB keeps the headers of dead blocks in its eviction queues until they hold some 30,000, and a try leaves about a
 * hundred: 5 kB a try that only a new instance gives back, which takes 10 ms. */
enum { CATALOGS_MAX = 500 };

void worker_init(struct worker *w)
{
	*w = (struct worker){.lock_fd = -1};
	stop_init(&w->stop);
	progress_init(&w->progress);
}

int worker_enter(struct worker *w, const char *lake, struct err *err)
{
	if (lake[0] != '/')
		return err_set(err, ERR_LAKE, "lake '%s': not an absolute path", lake);
	if (chdir(lake) < 0)
		return err_errno(err, ERR_LAKE, "lake '%s'", lake);
	free(w->lake);
	w->lake = mem_strdup(lake);
	size_t n = strlen(w->lake);
	while (n > 1 && w->lake[n - 1] == '/')
		w->lake[--n] = '\0';
	return 0;
}

void worker_close_duckdb(struct worker *w)
{
	if (!w->db)
		return;
	binder_free(w->binder);
	w->binder = NULL;
	session_close(w, &w->spent);
	session_close(w, &w->untouched);
	duckdb_disconnect(&w->base);
	duckdb_close(&w->db);
	w->db = NULL;
	w->db_broken = false;
}

void worker_close(struct worker *w)
{
	worker_close_duckdb(w);
	if (w->lock_fd >= 0)
		close(w->lock_fd);
	staging_rest(w);
	while (w->ntrash)
		free(w->trash[--w->ntrash].folder);
	free(w->lake);
	free(w->lake_uuid);
	free(w->id);
	pthread_mutex_destroy(&w->stop.mutex);
	pthread_mutex_destroy(&w->progress.mutex);
	*w = (struct worker){.lock_fd = -1};
}

int worker_duckdb(struct worker *w, int threads, int64_t memory_bytes, struct err *err)
{
	threads = threads > 0 ? threads : w->threads;
	memory_bytes = memory_bytes > 0 ? memory_bytes : w->memory_bytes;
	bool worn = w->catalogs >= w->db_until;
	if (w->db && !w->db_broken && !worn && w->db_threads == threads && w->db_memory == memory_bytes)
		return 0;
	worker_close_duckdb(w);
	char temp[256];
	snprintf(temp, sizeof temp, ".strata/tmp/%s", w->id ? w->id : "worker");
	struct err ignored;
	if (dir_make_all(".strata/tmp", 0777, &ignored) < 0)
		*temp = '\0'; /* a lake that cannot be written can be looked at: without spilling */
	struct duck_config config = {.threads = threads, .memory_bytes = memory_bytes, .temp_dir = temp, .lock = true};
	int rc = duck_open(&config, &w->db, err);
	if (rc < 0) {
		w->db = NULL;
		return rc;
	}
	rc = duck_connect(w->db, &w->base, err);
	if (rc < 0) {
		duckdb_close(&w->db);
		w->db = NULL;
		return rc;
	}
	w->db_threads = threads;
	w->db_memory = memory_bytes;
	w->db_until = w->catalogs + CATALOGS_MAX;
	return 0;
}

int session_open(struct worker *w, int threads, int64_t memory_bytes, struct session *ret, struct err *err)
{
	int rc = worker_duckdb(w, threads, memory_bytes, err);
	if (rc < 0)
		return rc;
	struct session s = w->untouched;
	w->catalogs++;
	if (s.con) {
		w->untouched = (struct session){0};
		stop_watch_query(&w->stop, s.con);
		*ret = s;
		return 0;
	}
	rc = duck_connect(w->db, &s.con, err);
	if (rc < 0)
		return rc;
	snprintf(s.catalog, sizeof s.catalog, "try_%" PRIu64, w->catalogs);
	char sql[128];
	snprintf(sql, sizeof sql, "ATTACH ':memory:' AS %s; USE %s", s.catalog, s.catalog);
	stop_watch_query(&w->stop, s.con);
	struct duck_error e;
	if (duck_run(s.con, sql, &e) < 0) {
		session_close(w, &s);
		return duck_err(&e, err);
	}
	*ret = s;
	return 0;
}

void session_close(struct worker *w, struct session *s)
{
	if (!s->con)
		return;
	stop_watch_query(&w->stop, NULL);
	duckdb_disconnect(&s->con);
	char sql[64];
	snprintf(sql, sizeof sql, "DETACH DATABASE IF EXISTS %s", s->catalog);
	struct duck_error e;
	if (duck_run(w->base, sql, &e) < 0)
		w->db_broken = true; /* what it holds goes with the database */
	*s = (struct session){0};
}
