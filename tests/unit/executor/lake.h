/* For the tests of executor/: a lake in a temporary folder, a worker on it, and one-line tries.
 *
 * DuckDB is opened only by what needs it, so that a test may fork before. */
#ifndef STRATA_TESTS_LAKE_H
#define STRATA_TESTS_LAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/mem.h"
#include "executor/attempt.h"
#include "executor/probe.h"
#include "executor/staging.h"

struct lake {
	char path[64];
	struct worker w;
	struct arena arena;
	uint64_t fence;
	unsigned tries;
};

static inline int lake_setup(void **state)
{
	struct lake *l = mem_alloc(sizeof *l);
	snprintf(l->path, sizeof l->path, "/tmp/strata-test-XXXXXX");
	assert_non_null(mkdtemp(l->path));
	worker_init(&l->w);
	struct err err = {0};
	assert_int_equal(worker_enter(&l->w, l->path, &err), 0);
	assert_int_equal(dir_make_all(".strata/staging", 0777, &err), 0);
	l->w.threads = 1;
	l->w.memory_bytes = 512 << 20;
	*state = l;
	return 0;
}

static inline int lake_teardown(void **state)
{
	struct lake *l = *state;
#ifdef STRATA_FAULTS
	fault_arm(NULL);
#endif
	worker_close(&l->w);
	arena_free(&l->arena);
	(void)!chdir("/");
	tree_remove(AT_FDCWD, l->path, NULL);
	free(l);
	return 0;
}

/* A try of layer.table with the next fence; date "" for an unpartitioned table. */
static inline struct try_request lake_request(struct lake *l, const char *qname, const char *date, const char *sql)
{
	return (struct try_request){
		.try_id = arena_printf(&l->arena, "try-%u", ++l->tries),
		.run_id = "run-1", .fence = ++l->fence, .qname = qname, .partition = date, .run_date = "2013-01-09",
		.partitioned = *date != '\0', .engine = "duckdb", .sql = sql, .allow_empty = true, .fingerprint = "f", .git_commit = "",
		.project_dir = l->path, .log_path = arena_printf(&l->arena, "%s/log", l->path),
	};
}

static inline struct try_result lake_run(struct lake *l, const struct try_request *rq)
{
	struct try_result r;
	attempt_run(&l->w, &l->arena, rq, NULL, NULL, &r);
	attempt_tidy(&l->w);
	return r;
}

static inline struct try_result lake_publish(struct lake *l, const char *qname, const char *date, const char *sql)
{
	struct try_request rq = lake_request(l, qname, date, sql);
	struct try_result r = lake_run(l, &rq);
	if (r.outcome != OUTCOME_SUCCESS)
		fail_msg("%s: %s", qname, r.error.message ? r.error.message : try_outcome_name(r.outcome));
	return r;
}

/* One number of the lake as a foreign reader sees it. */
static inline int64_t lake_number(struct lake *l, const char *sql)
{
	struct err err = {0};
	struct duck_error e;
	int64_t n = -1;
	assert_int_equal(worker_duckdb(&l->w, 0, 0, &err), 0);
	if (duck_int64(l->w.base, sql, &n, &e) < 0)
		fail_msg("%s: %s", sql, e.message);
	return n;
}

static inline bool lake_has(const char *path)
{
	return access(path, F_OK) == 0;
}

static inline void lake_write(const char *path, const char *text)
{
	char *dir = mem_strdup(path);
	*strrchr(dir, '/') = '\0';
	struct err err = {0};
	assert_int_equal(dir_make_all(dir, 0777, &err), 0);
	assert_int_equal(file_replace(AT_FDCWD, path, text, strlen(text), 0777, &err), 0);
	free(dir);
}

/* The identity of what is published in `path`; version 0: nothing. */
static inline struct manifest lake_manifest(struct lake *l, const char *path)
{
	struct manifest m = {0};
	struct buf text = BUF_INIT(MANIFEST_MAX);
	struct err err = {0};
	if (file_read(AT_FDCWD, arena_printf(&l->arena, "%s/manifest.json", path), &text, &err) == 0)
		assert_int_equal(manifest_decode(&l->arena, text.data, text.len, &m, &err), 0);
	buf_free(&text);
	return m;
}

/* Number of entries of a folder; -1 when it is not there. */
static inline int lake_count(const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, NULL);
	for (int i = 0; i < n; i++)
		free(names[i]);
	if (n >= 0)
		free(names);
	return n < 0 ? n : n - 2;
}

/* Number of entries of the staging, but for the emptied ones that the worker keeps for its next tries. */
static inline int lake_staged(struct lake *l)
{
	for (size_t i = 0; i < l->w.nspares; i++) {
		int in = lake_count(arena_printf(&l->arena, "%s/in", l->w.spares[i]));
		assert_int_equal(lake_count(l->w.spares[i]), in < 0 ? 0 : 1);
		assert_true(in <= 0);
	}
	return lake_count(".strata/staging") - (int)l->w.nspares;
}

static inline struct try_input lake_input(const char *qname, bool partitioned, const char *const *dates, size_t n)
{
	static const char *const any[64] = {"", "", "", "", "", "", "", "", "", "", "", "", "", "", "", ""};
	return (struct try_input){.qname = qname, .partitioned = partitioned, .partitions = dates, .try_ids = any, .npartitions = n};
}

static inline void assert_failed(const struct try_result *r, const char *class, const char *part)
{
	assert_int_equal(r->outcome, OUTCOME_ERROR);
	assert_string_equal(r->error.class, class);
	if (!strstr(r->error.message, part))
		fail_msg("'%s' is not in '%s'", part, r->error.message);
}

#endif
