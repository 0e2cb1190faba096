/* See ops.h. */
#include "executor/ops.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "core/jsonio.h"
#include "executor/analyze.h"
#include "executor/batch.h"
#include "executor/catalog.h"
#include "executor/clear.h"
#include "executor/probe.h"
#include "executor/recheck.h"
#include "executor/sql.h"
#include "executor/staging.h"
#include "executor/sweep.h"

/* Taken before the reply and inherited by every child: who gets it knows that all of us are gone. */
static int take_lock(struct worker *w, const char *path, struct err *err)
{
	char *dir = mem_strdup(path);
	char *slash = strrchr(dir, '/');
	int rc = 0;
	if (slash && slash != dir) {
		*slash = '\0';
		rc = dir_make_all(dir, 0777, err);
	}
	free(dir);
	if (rc < 0)
		return rc;
	w->lock_fd = file_lock(AT_FDCWD, path, false, err);
	if (w->lock_fd < 0)
		return w->lock_fd;
	fcntl(w->lock_fd, F_SETFD, 0);
	char text[32];
	int n = snprintf(text, sizeof text, "%-10ld %-10d\n", (long)getpid(), 0);
	if (pwrite(w->lock_fd, text, (size_t)n, 0) != n)
		return err_errno(err, ERR_IO, "write '%s'", path);
	return 0;
}

int op_hello(struct worker *w, const json_t *req, json_t **ret_reply, struct op_error *e)
{
	struct arena arena = {0};
	struct jget g = {.arena = &arena, .err = &e->err, .code = ERR_PROTOCOL};
	int64_t version = jget_int(&g, req, "version", 0, INT32_MAX);
	const char *lake = jget_text(&g, req, "lake"), *lock = jget_text_or(&g, req, "lock", NULL);
	const char *uuid = jget_text_or(&g, req, "lake_uuid", ""), *id = jget_text_or(&g, req, "worker", "worker");
	int threads = (int)jget_int_or(&g, req, "threads", 0, 4096, 0);
	int64_t memory = jget_int_or(&g, req, "memory_bytes", 0, INT64_MAX, 0);
	int rc = g.result;
	if (rc == 0 && version != PROTOCOL_VERSION)
		rc = err_set(&e->err, ERR_PROTOCOL, "strata speaks version %d of the protocol, strata-worker %d; install both from one build",
		             (int)version, PROTOCOL_VERSION);
	if (rc == 0)
		rc = worker_enter(w, lake, &e->err);
	if (rc == 0 && lock)
		rc = take_lock(w, lock, &e->err);
	if (rc == 0) {
		dir_make_all(".strata/staging", 0777, NULL); /* who needs it and has it not says so */
		w->lake_uuid = mem_strdup(uuid);
		w->id = mem_strdup(id);
		w->threads = threads;
		w->memory_bytes = memory;
		*ret_reply = json_pack("{s:i, s:s, s:s, s:I}", "version", PROTOCOL_VERSION, "duckdb", duckdb_library_version(),
		                       "strata", STRATA_VERSION, "pid", (json_int_t)getpid());
	}
	arena_free(&arena);
	return rc;
}

int op_error_of(const struct try_result *r, struct op_error *e)
{
	static const char *const classes[] = {"sql", "transient", "check", NULL};
	if (r->outcome == OUTCOME_SUCCESS)
		return 0;
	if (r->outcome == OUTCOME_KILLED)
		return err_set(&e->err, ERR_CANCELED, "canceled");
	for (size_t i = 0; classes[i]; i++)
		e->class = strcmp(classes[i], r->error.class) == 0 ? classes[i] : e->class;
	e->line = r->error.line;
	e->col = r->error.col;
	return err_set(&e->err, ERR_ENGINE, "%s", r->error.message);
}

static int op_analyze(struct worker *w, const json_t *req, json_t **ret_reply, struct op_error *e)
{
	int rc = worker_duckdb(w, 0, 0, &e->err);
	return rc < 0 ? rc : analyze_request(w->db, req, ret_reply, &e->err);
}

static int op_bind(struct worker *w, const json_t *req, json_t **ret_reply, struct op_error *e)
{
	int rc = worker_duckdb(w, 0, 0, &e->err);
	if (rc == 0 && !w->binder)
		w->binder = binder_new(w->db);
	return rc < 0 ? rc : bind_request(w->binder, req, ret_reply, &e->err);
}

int op_run(struct worker *w, const char *op, const json_t *req, struct op_events events, json_t **ret_reply,
           struct op_error *e)
{
	if (strcmp(op, "run") == 0)
		return batch_run(w, req, &events, ret_reply, e);
	if (w->nbatched)
		batch_publish(w, &events);
	if (strcmp(op, "analyze") == 0)
		return op_analyze(w, req, ret_reply, e);
	if (strcmp(op, "bind") == 0)
		return op_bind(w, req, ret_reply, e);
	if (strcmp(op, "probe") == 0)
		return op_probe(req, ret_reply, e);
	if (strcmp(op, "sweep") == 0) {
		staging_rest(w); /* ours is nobody's leftover */
		return op_sweep(req, ret_reply, e);
	}
	if (strcmp(op, "clear") == 0)
		return op_clear(w, req, ret_reply, e);
	if (strcmp(op, "catalog") == 0)
		return op_catalog(w, req, ret_reply, e);
	if (strcmp(op, "check") == 0)
		return op_check(w, req, ret_reply, e);
	if (strcmp(op, "sql") == 0)
		return op_sql(w, req, events, ret_reply, e);
	return err_set(&e->err, ERR_PROTOCOL, "unknown request '%s'", op);
}
