/* How far the query at work is, for who looks on.
 *
 * The main thread says which query it runs; the reader thread looks at it, at most once a second, and tells where something has
 * changed. Between progress_begin and progress_end the main thread itself tells the peer nothing: the two never write at once,
 * and nothing is told of a try after its reply.
 *
 * What DuckDB says of itself is an estimate: how much of the files that it scans has been read, as a share of all rows that it
 * expects to pass through its operators. Of a query that scans nothing it says nothing. */
#ifndef STRATA_EXECUTOR_PROGRESS_H
#define STRATA_EXECUTOR_PROGRESS_H

#include <duckdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { PROGRESS_EVERY_MS = 1000 };

/* What a query reads, in bytes, that is worth asking DuckDB for its progress: that takes two statements, 0.1 ms. */
enum { PROGRESS_WORTH_BYTES = 256 << 10 };

struct query_progress {
	int percent;       /* 0 to 100; -1: DuckDB does not say */
	int64_t of_rows;   /* what percent is of, as DuckDB estimates it; 0 with percent -1 */
	int64_t written;   /* bytes of the result's file so far */
};

struct progress {
	pthread_mutex_t mutex;
	duckdb_connection con; /* whose query is at work; NULL: none */
	const char *file;      /* what it writes; NULL: nothing */
	struct query_progress told;
	int64_t told_us;       /* monotonic: when something was told last, or the query began */
};

/* Tells it; false: the peer cannot take it now. */
typedef bool progress_fn(void *ctx, const struct query_progress *now);

void progress_init(struct progress *p);
void progress_begin(struct progress *p, duckdb_connection con, const char *file); /* `file` is used until the end */
void progress_end(struct progress *p);

/* The reader's side: calls `tell`, at most once, when there is something new, and its time has come. */
void progress_look(struct progress *p, progress_fn *tell, void *ctx);

#endif
