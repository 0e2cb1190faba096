/* The journal's tables: the C row of each, its columns in Postgres, and the statement that stores many
 * rows at once. For scheduler/journal*.c only. */
#ifndef STRATA_SCHEDULER_JOURNAL_TABLES_H
#define STRATA_SCHEDULER_JOURNAL_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scheduler/pg.h"
#include "scheduler/pg_array.h"

/* In the order of their statements. */
enum journal_table {
	JOURNAL_RUN_NEW,
	JOURNAL_RUN,
	JOURNAL_TASK,
	JOURNAL_TRY,
	JOURNAL_PARTITION,
	JOURNAL_CHECKED,
	JOURNAL_LINEAGE,
	JOURNAL_CHECK,
	JOURNAL_STAT,
	JOURNAL_EVENT,
	JOURNAL_SCHEDULER,
	JOURNAL_TABLES,
};

struct run_new_row {
	const char *run_id, *kind, *state, *selection, *params, *git_commit, *requested_by;
	int32_t first_day, last_day;
	bool force, paused;
	int64_t tasks, fresh, epoch, created_us;
};

struct run_row {
	const char *run_id, *state, *result, *counts;
	const char *pause; /* "t", "f"; NULL or "": as it was */
	int64_t epoch, started_us, ended_us;
};

struct task_row {
	const char *run_id, *table, *partition, *state, *result, *wait, *reason, *cause, *error;
	int32_t tries;
	int64_t rows, bytes, retry_us, ready_us, started_us, ended_us;
};

struct try_row {
	int64_t fence;
	const char *try_id, *run_id, *table, *partition, *state, *outcome, *worker, *log_path, *error_class, *error;
	const char *staging, *note;
	int32_t try_no, error_line, error_col;
	int64_t rows, bytes, cleared_rows, prepare_us, load_us, validate_us, commit_us, cleanup_us;
	int64_t started_us, running_us, ended_us;
};

struct published_row {
	const char *table, *partition, *grain, *try_id, *run_id, *fingerprint, *schema, *git_commit;
	int64_t version, fence, rows, bytes, published_us;
	int32_t files;
	bool empty;
};

/* What is published has passed the checks that are declared now. */
struct checked_row {
	const char *table, *partition, *try_id, *fingerprint;
};

struct lineage_row {
	int64_t fence, version;
	const char *table, *partition, *identity;
};

struct check_row {
	int64_t fence;
	const char *name, *status, *detail;
};

struct stat_row {
	const char *table, *schema;
	int64_t built, duration_us, schema_fence;
};

struct event_row {
	int64_t at_us, epoch, seq, fence;
	const char *run_id, *object, *table, *partition, *from, *to, *result, *wait, *cause;
	int32_t try_no;
};

/* What its workers do just now, for who looks on. */
struct scheduler_row {
	const char *workers; /* a JSON array */
	const char *lanes;   /* a JSON object */
};

struct journal_table_def {
	const char *table; /* in schema strata */
	size_t stride;     /* bytes of the C row */
	const struct pg_column *columns;
	size_t ncolumns;
	const char *conflict; /* what follows the INSERT; NULL: there is `update` instead */
	const char *update;
};

extern const struct journal_table_def journal_tables[JOURNAL_TABLES];

/* To prepare: one statement per journal_table, by its index. The caller does not free them. */
const struct pg_statement *journal_statements(void);

#endif
