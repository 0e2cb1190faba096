/* Stopping the request at work from the reader thread: a running query, or an exec child's group.
 *
 * The worker's main thread says what it runs; the reader thread says that it must stop. An interrupt that
 * comes between two queries is lost inside DuckDB, so the reader repeats it (stop_poke) until the request
 * ends. After the exchange has begun nobody asks stop_wanted any more: what is published stays so. */
#ifndef STRATA_EXECUTOR_STOP_H
#define STRATA_EXECUTOR_STOP_H

#include <duckdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { STOP_POKE_MS = 20, STOP_GRACE_MS = 5000 }; /* between interrupts; from SIGTERM to SIGKILL */

struct stop {
	pthread_mutex_t mutex;
	bool canceled;          /* the request at work was canceled */
	bool closed;            /* the scheduler is gone: end everything, at once */
	duckdb_connection con;  /* whose query to interrupt; NULL: none */
	pid_t group;            /* process group to end; 0: none */
	int64_t term_us;        /* when SIGTERM was sent, monotonic; 0: not yet */
};

void stop_init(struct stop *s);
void stop_reset(struct stop *s);       /* a new request begins; `closed` stays */
bool stop_wanted(struct stop *s);
bool stop_closed(struct stop *s);      /* the end of the pipe, which is everybody's */
bool stop_take(struct stop *s);        /* whether a cancel came, which is nobody's from here on; an end of the pipe stays */

/* What there is to stop from here on; NULL and 0 end it. */
void stop_watch_query(struct stop *s, duckdb_connection con);
void stop_watch_group(struct stop *s, pid_t group);

/* The reader's side. stop_poke interrupts again; true: call it again in STOP_POKE_MS. */
void stop_ask(struct stop *s, bool closed);
bool stop_poke(struct stop *s);

#endif
