/* What a screen asks of the state beside scheduler/queries.h: parts of runs that are too large to be read whole, and what
 * goes on just now. Read only, synchronous, rows in the query's arena, as there. */
#ifndef STRATA_SCHEDULER_QUERIES_SCREEN_H
#define STRATA_SCHEDULER_QUERIES_SCREEN_H

#include "scheduler/queries.h"

/* One cell of a run's map. */
struct cell_row {
	const char *table, *partition, *state, *result, *wait;
};

/* The tasks with a row of these tables, of dates in [lo, hi] and unpartitioned; ordered by table, then partition. */
int query_cells(const struct query *q, const char *run_id, const char *const *tables, size_t ntables, int32_t lo, int32_t hi,
                struct cell_row **ret_rows, size_t *ret_count, struct err *err);

/* Whether a run is paused; false also of one that there is not. */
int query_run_paused(const struct query *q, const char *run_id, bool *ret, struct err *err);

/* How many tasks of a run with a row are how, table by table; ordered by table. */
struct table_count_row {
	const char *table, *state, *result, *wait;
	int64_t n;
};
int query_counts_by_table(const struct query *q, const char *run_id, struct table_count_row **ret_rows, size_t *ret_count, struct err *err);

/* Tries that have not ended, of unfinished runs, the oldest first. */
struct busy_row {
	const char *run_id, *table, *partition, *worker, *state;
	int32_t try_no;
	int64_t started_us, running_us;
};
int query_busy(const struct query *q, struct busy_row **ret_rows, size_t *ret_count, struct err *err);

/* What a worker of the scheduler did when something changed last (scheduler/runner_workers.c). */
struct worker_row {
	const char *worker;
	int64_t memory;               /* bytes; 0: unknown */
	const char *run_id, *table, *partition, *stage; /* that it is at work on; all "": it is idle */
	int32_t try_no;
	int64_t since_us;
	int64_t rows;                 /* that the try has made; -1 until its query is done */
	int percent;                  /* of what the query is to read, as DuckDB estimates it; -1: not known */
	int64_t of_rows;              /* what percent is of, as DuckDB estimates it; -1 */
	int64_t written;              /* bytes of the result so far; -1 */
};

/* Its workers as slots: how many there may be, and are at work. */
struct lanes_row {
	uint32_t slots, kept;         /* kept: of these, for scheduled runs only */
	uint32_t scheduled, other;    /* at work for such runs, and for others */
};

/* Both are of the scheduler that leads, or led last: who has its lock is leader_who's to say. No worker and zeroes where none
 * has said so yet. */
int query_workers(const struct query *q, struct worker_row **ret_rows, size_t *ret_count, struct lanes_row *ret_lanes, struct err *err);

/* The lanes that there are: of scheduled runs and of others, each with what it may have; where none is kept, one for all. */
struct lane_slots {
	const char *runs;             /* "scheduled runs" */
	uint32_t used, slots, kept;   /* kept: of slots, that no other run gets */
};
enum { LANES_MOST = 2 };
size_t lanes_list(const struct lanes_row *lanes, struct lane_slots ret[LANES_MOST]);

/* How far it is, as a person reads it: "43 % of some 2,800,000 rows, wrote 12 MB", "1,234 rows", or ""; cut to size. Returns out. */
enum { WORKER_FAR_SIZE = 96 };
char *worker_far(char out[WORKER_FAR_SIZE], const struct worker_row *w);

/* Partitions of which a task failed since, with the newest failure of each: those that are published since then come last,
 * else the newest first; at most `limit`. */
struct failure_row {
	const char *run_id, *table, *partition, *result, *error;
	int64_t ended_us;
	int64_t times;   /* that it failed */
	bool mended;     /* it is published since */
};
int query_failures(const struct query *q, int64_t since_us, int64_t limit, struct failure_row **ret_rows, size_t *ret_count, struct err *err);

/* Schedules, by name, with the newest interval that was given a run. */
struct schedule_row {
	const char *name, *last_run;
	bool paused;
	int64_t last_us, seen_us; /* 0: none */
};
int query_schedules(const struct query *q, struct schedule_row **ret_rows, size_t *ret_count, struct err *err);

/* Every table that was ever published, by name, with its partitions put together. */
struct published_table_row {
	const char *table;
	int64_t partitions, rows, bytes, published_us;
	const char *newest; /* the last date, or "" */
};
int query_published_tables(const struct query *q, struct published_table_row **ret_rows, size_t *ret_count, struct err *err);

/* The tries of one table that succeeded, the newest first. */
struct past_row {
	const char *run_id, *partition;
	int64_t rows, bytes, took_us, ended_us;
};
int query_past(const struct query *q, const char *table, int64_t limit, struct past_row **ret_rows, size_t *ret_count, struct err *err);

#endif
