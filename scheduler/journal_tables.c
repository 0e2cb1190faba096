/* See journal_tables.h. */
#include "scheduler/journal_tables.h"

#include <string.h>

#include "base/buf.h"

#define COLUMN(row, name, type, field) {name, COLUMN_##type, offsetof(struct row, field)}

static const struct pg_column run_new_columns[] = {
	COLUMN(run_new_row, "run_id", TEXT, run_id), COLUMN(run_new_row, "kind", TEXT, kind),
	COLUMN(run_new_row, "state", TEXT, state), COLUMN(run_new_row, "selection", TEXT, selection),
	COLUMN(run_new_row, "params", JSON, params), COLUMN(run_new_row, "git_commit", TEXT, git_commit),
	COLUMN(run_new_row, "requested_by", TEXT, requested_by), COLUMN(run_new_row, "first_date", DATE, first_day),
	COLUMN(run_new_row, "last_date", DATE, last_day), COLUMN(run_new_row, "force", BOOL, force),
	COLUMN(run_new_row, "paused", BOOL, paused),
	COLUMN(run_new_row, "tasks", INT8, tasks), COLUMN(run_new_row, "fresh", INT8, fresh),
	COLUMN(run_new_row, "epoch", INT8, epoch), COLUMN(run_new_row, "created_at", TIME, created_us),
};

static const struct pg_column run_columns[] = {
	COLUMN(run_row, "run_id", TEXT, run_id), COLUMN(run_row, "state", TEXT, state),
	COLUMN(run_row, "result", TEXT, result), COLUMN(run_row, "counts", JSON, counts),
	COLUMN(run_row, "epoch", INT8, epoch), COLUMN(run_row, "started_at", TIME, started_us),
	COLUMN(run_row, "ended_at", TIME, ended_us), COLUMN(run_row, "pause", TEXT, pause),
};

static const struct pg_column task_columns[] = {
	COLUMN(task_row, "run_id", TEXT, run_id), COLUMN(task_row, "table_name", TEXT, table),
	COLUMN(task_row, "partition", TEXT, partition), COLUMN(task_row, "state", TEXT, state),
	COLUMN(task_row, "result", TEXT, result), COLUMN(task_row, "wait", TEXT, wait),
	COLUMN(task_row, "reason", TEXT, reason), COLUMN(task_row, "cause", TEXT, cause),
	COLUMN(task_row, "error", TEXT, error), COLUMN(task_row, "tries", INT4, tries),
	COLUMN(task_row, "rows", INT8, rows), COLUMN(task_row, "bytes", INT8, bytes),
	COLUMN(task_row, "retry_at", TIME, retry_us), COLUMN(task_row, "ready_at", TIME, ready_us),
	COLUMN(task_row, "started_at", TIME, started_us), COLUMN(task_row, "ended_at", TIME, ended_us),
};

static const struct pg_column try_columns[] = {
	COLUMN(try_row, "fence", INT8, fence), COLUMN(try_row, "try_id", UUID, try_id),
	COLUMN(try_row, "run_id", TEXT, run_id), COLUMN(try_row, "table_name", TEXT, table),
	COLUMN(try_row, "partition", TEXT, partition), COLUMN(try_row, "try_no", INT4, try_no),
	COLUMN(try_row, "state", TEXT, state), COLUMN(try_row, "outcome", TEXT, outcome),
	COLUMN(try_row, "worker", TEXT, worker), COLUMN(try_row, "log_path", TEXT, log_path),
	COLUMN(try_row, "error_class", TEXT, error_class), COLUMN(try_row, "error", TEXT, error),
	COLUMN(try_row, "error_line", INT4, error_line), COLUMN(try_row, "error_col", INT4, error_col),
	COLUMN(try_row, "rows", INT8, rows), COLUMN(try_row, "bytes", INT8, bytes),
	COLUMN(try_row, "cleared_rows", INT8, cleared_rows), COLUMN(try_row, "prepare_us", INT8, prepare_us),
	COLUMN(try_row, "load_us", INT8, load_us), COLUMN(try_row, "validate_us", INT8, validate_us),
	COLUMN(try_row, "commit_us", INT8, commit_us), COLUMN(try_row, "cleanup_us", INT8, cleanup_us),
	COLUMN(try_row, "staging", TEXT, staging), COLUMN(try_row, "note", TEXT, note),
	COLUMN(try_row, "started_at", TIME, started_us), COLUMN(try_row, "running_at", TIME, running_us),
	COLUMN(try_row, "ended_at", TIME, ended_us),
};

static const struct pg_column partition_columns[] = {
	COLUMN(published_row, "table_name", TEXT, table), COLUMN(published_row, "partition", TEXT, partition),
	COLUMN(published_row, "grain", TEXT, grain), COLUMN(published_row, "version", INT8, version),
	COLUMN(published_row, "fence", INT8, fence), COLUMN(published_row, "try_id", UUID, try_id),
	COLUMN(published_row, "run_id", TEXT, run_id), COLUMN(published_row, "empty", BOOL, empty),
	COLUMN(published_row, "rows", INT8, rows), COLUMN(published_row, "bytes", INT8, bytes),
	COLUMN(published_row, "files", INT4, files), COLUMN(published_row, "fingerprint", TEXT, fingerprint),
	COLUMN(published_row, "schema", JSON, schema), COLUMN(published_row, "git_commit", TEXT, git_commit),
	COLUMN(published_row, "published_at", TIME, published_us),
};

static const struct pg_column checked_columns[] = {
	COLUMN(checked_row, "table_name", TEXT, table), COLUMN(checked_row, "partition", TEXT, partition),
	COLUMN(checked_row, "try_id", UUID, try_id), COLUMN(checked_row, "fingerprint", TEXT, fingerprint),
};

static const struct pg_column lineage_columns[] = {
	COLUMN(lineage_row, "fence", INT8, fence), COLUMN(lineage_row, "up_table", TEXT, table),
	COLUMN(lineage_row, "up_partition", TEXT, partition), COLUMN(lineage_row, "up_version", INT8, version),
	COLUMN(lineage_row, "up_identity", TEXT, identity),
};

static const struct pg_column check_columns[] = {
	COLUMN(check_row, "fence", INT8, fence), COLUMN(check_row, "name", TEXT, name),
	COLUMN(check_row, "status", TEXT, status), COLUMN(check_row, "detail", TEXT, detail),
};

static const struct pg_column stat_columns[] = {
	COLUMN(stat_row, "table_name", TEXT, table), COLUMN(stat_row, "built", INT8, built),
	COLUMN(stat_row, "duration_us", INT8, duration_us), COLUMN(stat_row, "schema", JSON, schema),
	COLUMN(stat_row, "schema_fence", INT8, schema_fence),
};

static const struct pg_column event_columns[] = {
	COLUMN(event_row, "at", TIME, at_us), COLUMN(event_row, "epoch", INT8, epoch),
	COLUMN(event_row, "seq", INT8, seq), COLUMN(event_row, "run_id", TEXT, run_id),
	COLUMN(event_row, "object", TEXT, object), COLUMN(event_row, "table_name", TEXT, table),
	COLUMN(event_row, "partition", TEXT, partition), COLUMN(event_row, "fence", INT8, fence),
	COLUMN(event_row, "try_no", INT4, try_no), COLUMN(event_row, "from_state", TEXT, from),
	COLUMN(event_row, "to_state", TEXT, to), COLUMN(event_row, "result", TEXT, result),
	COLUMN(event_row, "wait", TEXT, wait), COLUMN(event_row, "cause", TEXT, cause),
};

static const struct pg_column scheduler_columns[] = {COLUMN(scheduler_row, "workers", JSON, workers), COLUMN(scheduler_row, "lanes", JSON, lanes)};

/* A run is updated, never upserted: its row has what a transition does not know. */
static const char run_update[] =
	"UPDATE strata.run r SET state = coalesce(nullif(t.state, ''), r.state),"
	" result = CASE WHEN t.state = '' THEN r.result ELSE t.result END, epoch = t.epoch,"
	" counts = coalesce(t.counts, r.counts), started_at = coalesce(r.started_at, t.started_at), ended_at = coalesce(t.ended_at, r.ended_at),"
	" paused = CASE t.pause WHEN '' THEN r.paused ELSE t.pause = 't' END"
	" FROM unnest($2::text[], $3::text[], $4::text[], $5::jsonb[], $6::bigint[], $7::timestamptz[], $8::timestamptz[], $9::text[])"
	" AS t(run_id, state, result, counts, epoch, started_at, ended_at, pause)"
	" WHERE r.lake_id = $1::integer AND r.run_id = t.run_id";
/* Of another publication it says nothing. */
static const char checked_update[] =
	"UPDATE strata.partition p SET fingerprint = t.fingerprint, checked_at = now() FROM unnest($2::text[], $3::text[], $4::uuid[], $5::text[])"
	" AS t(table_name, partition, try_id, fingerprint)"
	" WHERE p.lake_id = $1::integer AND p.table_name = t.table_name AND p.partition = t.partition AND p.try_id = t.try_id";
static const char scheduler_update[] =
	"UPDATE strata.scheduler s SET workers = t.workers, lanes = t.lanes FROM unnest($2::jsonb[], $3::jsonb[]) AS t(workers, lanes)"
	" WHERE s.lake_id = $1::integer";

#define DESCRIBE(row, columns) sizeof(struct row), columns, sizeof columns / sizeof *columns

const struct journal_table_def journal_tables[JOURNAL_TABLES] = {
	[JOURNAL_RUN_NEW] = {"run", DESCRIBE(run_new_row, run_new_columns),
		/* A run that goes on with another scheduler; the project may have changed. */
		" ON CONFLICT (lake_id, run_id) DO UPDATE SET tasks = excluded.tasks, fresh = excluded.fresh, epoch = excluded.epoch", NULL},
	[JOURNAL_RUN] = {"run", DESCRIBE(run_row, run_columns), NULL, run_update},
	[JOURNAL_TASK] = {"task", DESCRIBE(task_row, task_columns),
		" ON CONFLICT (lake_id, run_id, table_name, partition) DO UPDATE SET state = excluded.state,"
		" result = excluded.result, wait = excluded.wait, tries = greatest(task.tries, excluded.tries),"
		" reason = CASE WHEN excluded.reason <> '' THEN excluded.reason ELSE task.reason END,"
		" cause = excluded.cause, error = excluded.error, rows = excluded.rows, bytes = excluded.bytes,"
		" retry_at = excluded.retry_at, ready_at = coalesce(excluded.ready_at, task.ready_at),"
		" started_at = coalesce(task.started_at, excluded.started_at), ended_at = excluded.ended_at", NULL},
	[JOURNAL_TRY] = {"try", DESCRIBE(try_row, try_columns),
		" ON CONFLICT (lake_id, fence) DO UPDATE SET state = excluded.state, outcome = excluded.outcome,"
		" worker = CASE WHEN excluded.worker <> '' THEN excluded.worker ELSE try.worker END,"
		" log_path = CASE WHEN excluded.log_path <> '' THEN excluded.log_path ELSE try.log_path END,"
		" error_class = excluded.error_class, error = excluded.error, error_line = excluded.error_line,"
		" error_col = excluded.error_col, rows = excluded.rows, bytes = excluded.bytes,"
		" cleared_rows = excluded.cleared_rows, prepare_us = excluded.prepare_us, load_us = excluded.load_us,"
		" validate_us = excluded.validate_us, commit_us = excluded.commit_us, cleanup_us = excluded.cleanup_us,"
		" staging = excluded.staging, note = excluded.note,"
		" running_at = coalesce(excluded.running_at, try.running_at), ended_at = excluded.ended_at", NULL},
	[JOURNAL_PARTITION] = {"partition", DESCRIBE(published_row, partition_columns),
		" ON CONFLICT (lake_id, table_name, partition) DO UPDATE SET grain = excluded.grain,"
		" version = excluded.version, fence = excluded.fence, try_id = excluded.try_id, run_id = excluded.run_id,"
		" empty = excluded.empty, rows = excluded.rows, bytes = excluded.bytes, files = excluded.files,"
		" fingerprint = excluded.fingerprint, schema = excluded.schema, git_commit = excluded.git_commit,"
		" published_at = excluded.published_at, checked_at = NULL WHERE partition.fence < excluded.fence", NULL},
	[JOURNAL_CHECKED] = {"partition", DESCRIBE(checked_row, checked_columns), NULL, checked_update},
	[JOURNAL_LINEAGE] = {"lineage", DESCRIBE(lineage_row, lineage_columns), " ON CONFLICT DO NOTHING", NULL},
	[JOURNAL_CHECK] = {"check_result", DESCRIBE(check_row, check_columns), " ON CONFLICT DO NOTHING", NULL},
	[JOURNAL_STAT] = {"table_stat", DESCRIBE(stat_row, stat_columns),
		" ON CONFLICT (lake_id, table_name) DO UPDATE SET built = table_stat.built + excluded.built,"
		" duration_us = (table_stat.duration_us * 7 + excluded.duration_us * 3) / 10,"
		" schema = CASE WHEN excluded.schema IS NULL OR excluded.schema_fence < table_stat.schema_fence"
		" THEN table_stat.schema ELSE excluded.schema END,"
		" schema_fence = greatest(table_stat.schema_fence, excluded.schema_fence)", NULL},
	[JOURNAL_EVENT] = {"event", DESCRIBE(event_row, event_columns), "", NULL},
	[JOURNAL_SCHEDULER] = {"scheduler", DESCRIBE(scheduler_row, scheduler_columns), NULL, scheduler_update},
};

const struct pg_statement *journal_statements(void)
{
	static struct pg_statement list[JOURNAL_TABLES];
	static char text[JOURNAL_TABLES][4096], names[JOURNAL_TABLES][24];
	if (list[0].sql)
		return list;
	for (int i = 0; i < JOURNAL_TABLES; i++) {
		struct buf b = BUF_INIT(sizeof text[i] - 1);
		struct buf name = BUF_INIT(sizeof names[i] - 1);
		if (journal_tables[i].conflict) {
			pg_array_insert_sql(journal_tables[i].table, journal_tables[i].columns, journal_tables[i].ncolumns, &b);
			buf_adds(&b, journal_tables[i].conflict);
		} else {
			buf_adds(&b, journal_tables[i].update);
		}
		buf_addf(&name, "journal_%d", i);
		memcpy(text[i], buf_cstr(&b), b.len + 1);
		memcpy(names[i], buf_cstr(&name), name.len + 1);
		list[i] = (struct pg_statement){names[i], text[i]};
		buf_free(&b);
		buf_free(&name);
	}
	return list;
}
