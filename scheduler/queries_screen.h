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

/* What the workers of the scheduler did when something changed last, as JSON (scheduler/runner_workers.c): an array of
 * {worker, pid, memory} and, of one that is at work, {run, table, partition, try, stage, since_ms}. */
int query_workers(const struct query *q, const char **ret_json, struct err *err);

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
