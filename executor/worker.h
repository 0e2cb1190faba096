/* One worker process: what `hello` told it, its DuckDB (opened only when a request needs it), and how
 * to stop what it does.
 *
 * The working folder is the lake, so that every path in here and in DuckDB is relative to it and the
 * lake's own path (which may hold "key=value") is never taken for a partition. */
#ifndef STRATA_EXECUTOR_WORKER_H
#define STRATA_EXECUTOR_WORKER_H

#include <duckdb.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "executor/bind.h"
#include "executor/progress.h"
#include "executor/stop.h"

/* A connection with an empty catalog of its own, which the reader thread can interrupt. */
struct session {
	duckdb_connection con;
	char catalog[32];
};

/* A folder that is to go. */
struct trash {
	char *folder;
	bool reuse;            /* it is a whole staging: the next try can have it */
};

enum { TRASH_MAX = 8, BATCH_MAX = 8 };
struct batched;

struct worker {
	char *lake;            /* absolute path of the local lake, no slash at its end */
	char *lake_uuid, *id;
	int threads;           /* 0: DuckDB's own choice */
	int64_t memory_bytes;  /* 0: DuckDB's own choice */
	int lock_fd;           /* held from before the hello reply until death; -1: none */
	struct stop stop;
	struct progress progress; /* of the query at work */

	duckdb_database db;    /* NULL: not open */
	duckdb_connection base; /* for ATTACH and DETACH of the tries' catalogs */
	struct binder *binder; /* catalog of the last `bind`; NULL: none */
	int db_threads;
	int64_t db_memory;
	bool db_broken;        /* a fatal error: open it anew for the next request */
	uint64_t catalogs;     /* sessions opened so far: names try_<n> */
	uint64_t db_until;     /* of them: then DuckDB is opened anew */

	struct batched *batched[BATCH_MAX]; /* tries that wait to be published together (batch.h) */
	size_t nbatched;

	/* What the last try left to be removed when its reply is on its way (attempt_tidy). */
	struct trash trash[TRASH_MAX];
	size_t ntrash;
	char *spares[TRASH_MAX]; /* whole stagings of tries, emptied (staging.h) */
	size_t nspares;
	struct session spent;
	struct session untouched; /* nothing was made in it: the next try can have it; con NULL: none */
};

void worker_init(struct worker *w);
/* Take `lake` (an absolute path that exists) as the working folder. ERR_LAKE. */
int worker_enter(struct worker *w, const char *lake, struct err *err);
void worker_close(struct worker *w);

/* Open DuckDB if it is not, or not with these limits; 0 means the worker's own share. ERR_ENGINE. */
int worker_duckdb(struct worker *w, int threads, int64_t memory_bytes, struct err *err);
void worker_close_duckdb(struct worker *w);

/* Open and close in pairs, on one thread. ERR_ENGINE, or ERR_CANCELED. */
int session_open(struct worker *w, int threads, int64_t memory_bytes, struct session *ret, struct err *err);
void session_close(struct worker *w, struct session *s); /* a zeroed one is fine */

#endif
