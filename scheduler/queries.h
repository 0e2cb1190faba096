/* What the state database knows, for the plan, the commands and recovery: read only, synchronous, rows in
 * the caller's arena. Errors are ERR_STATE unless said otherwise.
 *
 * Texts are never NULL: what is absent is "". Numbers that are absent are PG_NULL32/PG_NULL64, times 0
 * (microseconds since 1970). State, result, wait and outcome are the names of core/states.h. */
#ifndef STRATA_SCHEDULER_QUERIES_H
#define STRATA_SCHEDULER_QUERIES_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/analysis.h"
#include "scheduler/pg_array.h"

/* The database connection and whose rows are meant. */
struct query {
	PGconn *conn;
	int lake_id;
	struct arena *arena;
};

/* ---- what is published ---- */

struct partition_row {
	const char *table, *partition;
	int32_t day;             /* DATE_NONE: the only partition of an unpartitioned table */
	int32_t files;
	int64_t version, fence, rows, bytes, published_us;
	const char *try_id;      /* the identity that the manifest carries */
	const char *run_id, *fingerprint, *git_commit;
	bool empty;              /* built and without rows: no folder, no manifest */
};

/* Ordered by table, then partition; rows of one table share the pointer `table`. `tables` NULL: all.
 * Dates outside [lo, hi] are left out; DATE_NONE: no end. The only partition of an unpartitioned table
 * is always there. */
int query_partitions(const struct query *q, const char *const *tables, size_t ntables, int32_t lo, int32_t hi,
                     struct partition_row **ret_rows, size_t *ret_count, struct err *err);

/* What was learned of each table that was ever built. */
struct table_stat {
	const char *table;
	int64_t built;           /* successful tries */
	int64_t duration_us;     /* of one, moving average */
	const char *schema_text; /* [{"name": …, "type": …}] or "" */
	const struct column *schema; /* of its newest publish that had columns; empty when never */
	size_t nschema;
};

/* Ordered by table. `tables` NULL: all. */
int query_table_stats(const struct query *q, const char *const *tables, size_t ntables, struct table_stat **ret_rows,
                      size_t *ret_count, struct err *err);

/* ---- runs, tasks, tries ---- */

struct run_row {
	const char *run_id, *kind, *state, *result, *selection;
	int32_t first_day, last_day; /* DATE_NONE: none */
	bool force, paused;
	bool alive; /* it is not done, and somebody is up who works on it or goes on with it; as it was when it was asked for */
	const char *params, *counts; /* JSON objects */
	int64_t tasks, fresh, epoch, created_us, started_us, ended_us;
	const char *git_commit, *requested_by;
};

/* Newest first. */
int query_runs(const struct query *q, int64_t limit, struct run_row **ret_rows, size_t *ret_count, struct err *err);

/* By id, by an unambiguous beginning of one, or "latest". ERR_USAGE: none or several. */
int query_run(const struct query *q, const char *name, struct run_row *ret_run, struct err *err);

struct task_row {
	const char *table, *partition, *state, *result, *wait, *reason, *cause, *error;
	int32_t tries;
	int64_t rows, bytes, retry_us, ready_us, started_us, ended_us;
};

/* Ordered by table, then partition. `table` NULL: all. */
int query_tasks(const struct query *q, const char *run_id, const char *table, struct task_row **ret_rows,
                size_t *ret_count, struct err *err);

/* At most `limit` of them, for who looks on: running ones, failed ones, waiting ones, then the newest of the others. */
int query_tasks_first(const struct query *q, const char *run_id, int64_t limit, struct task_row **ret_rows, size_t *ret_count,
                      struct err *err);

/* Those that failed by themselves, `limit` at most; those of `partition` first. */
int query_failed_tasks(const struct query *q, const char *run_id, const char *partition, int64_t limit, struct task_row **ret_rows,
                       size_t *ret_count, struct err *err);

struct try_row {
	int64_t fence;
	const char *try_id, *run_id, *table, *partition, *state, *outcome, *worker, *log_path, *error_class, *error;
	const char *staging, *note;
	int32_t try_no, error_line, error_col;
	int64_t rows, bytes, cleared_rows, prepare_us, load_us, validate_us, commit_us, cleanup_us;
	int64_t started_us, running_us, ended_us;
};

/* Ordered by table, partition, number. `table` or `partition` NULL: all. */
int query_tries(const struct query *q, const char *run_id, const char *table, const char *partition,
                struct try_row **ret_rows, size_t *ret_count, struct err *err);

struct check_row {
	const char *table, *partition, *name, *status, *detail;
	int64_t fence;
};

/* Checks of the tries of a run, ordered by table, partition, fence, name. */
int query_checks(const struct query *q, const char *run_id, struct check_row **ret_rows, size_t *ret_count,
                 struct err *err);

/* ---- lineage ---- */

struct lineage_row {
	const char *table, *partition; /* the reader, as it is published now */
	int64_t version;
	const char *up_table, *up_partition; /* "source:<path>", "" for a file */
	int64_t up_version;            /* that was read */
	const char *up_identity;
	int64_t up_version_now;        /* that is published now; PG_NULL64: nothing, or a file */
};

/* What the published partitions of a table were made from. `partition` NULL: all. */
int query_lineage_up(const struct query *q, const char *table, const char *partition, struct lineage_row **ret_rows,
                     size_t *ret_count, struct err *err);

struct input_row {
	const char *table, *partition, *identity; /* as in lineage_row: up_table and so on */
	int64_t version;
};

/* What the try with that fence read. */
int query_inputs(const struct query *q, int64_t fence, struct input_row **ret_rows, size_t *ret_count, struct err *err);

/* Which published partitions were made from it. `partition` NULL: from any of it. */
int query_lineage_down(const struct query *q, const char *table, const char *partition, struct lineage_row **ret_rows,
                       size_t *ret_count, struct err *err);

/* ---- what people did ---- */

struct audit_row {
	int64_t at_us;
	const char *actor, *action, *object;
	const char *outcome; /* done, refused, failed; "": it was begun */
	const char *answer;  /* what they were told */
	const char *detail;  /* all that was kept, a JSON object */
};

/* Newest first, since `since_us`. */
int query_audit(const struct query *q, int64_t since_us, int64_t limit, struct audit_row **ret_rows, size_t *ret_count, struct err *err);

/* The last time that `action` was done to `object`: one row or none. */
int query_audit_of(const struct query *q, const char *action, const char *object, struct audit_row **ret_rows, size_t *ret_count,
                   struct err *err);

/* ---- recovery: to be asked by who holds the lake's lock ---- */

/* Runs that are not done and whose scheduler had an epoch before `epoch`: it is dead. */
int query_unfinished_runs(const struct query *q, int64_t epoch, struct run_row **ret_rows, size_t *ret_count,
                          struct err *err);

/* Tries of those runs that have not ended: their workers' locks tell whether they can still be alive. */
int query_open_tries(const struct query *q, int64_t epoch, struct try_row **ret_rows, size_t *ret_count,
                     struct err *err);

/* Folders of staged data that was kept on purpose, relative to the lake. */
int query_kept_staging(const struct query *q, const char *const **ret_paths, size_t *ret_count, struct err *err);

#endif
