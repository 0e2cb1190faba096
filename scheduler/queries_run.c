/* See queries.h: runs, tasks, tries, their events and checks, what people did, and what recovery asks. */
#include "scheduler/queries.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "scheduler/db.h"
#include "scheduler/leader.h"
#include "scheduler/pg_rows.h"
#include "scheduler/queries_internal.h"
#include "scheduler/retention.h"

#define COLUMN(row, name, type, field) {name, COLUMN_##type, offsetof(struct row, field)}
#define COUNT(a) (sizeof(a) / sizeof *(a))

enum { AMBIGUOUS_MOST = 5 };

/* Of the lake $1: a run is carried out by the life that wrote it, and an order by any scheduler that takes commands. */
#define LEADER(what) "(SELECT " what " FROM strata.scheduler s WHERE s.lake_id = $1::integer AND " LEADER_LIVES ")"
#define RUN_IS_ALIVE                                                                                                           \
	"run.state <> 'done' AND coalesce(run.epoch = " LEADER("s.epoch") " OR (run.params ? 'run_id' AND " LEADER("s.daemon AND NOT s.draining") "), false)"

static const struct pg_column run_columns[] = {
	COLUMN(run_row, "run_id", TEXT, run_id), COLUMN(run_row, "kind", TEXT, kind),
	COLUMN(run_row, "state", TEXT, state), COLUMN(run_row, "result", TEXT, result),
	COLUMN(run_row, "selection", TEXT, selection), COLUMN(run_row, "first_date", DATE, first_day),
	COLUMN(run_row, "last_date", DATE, last_day), COLUMN(run_row, "force", BOOL, force), COLUMN(run_row, "paused", BOOL, paused),
	COLUMN(run_row, RUN_IS_ALIVE, BOOL, alive),
	COLUMN(run_row, "params", JSON, params), COLUMN(run_row, "counts", JSON, counts),
	COLUMN(run_row, "tasks", INT8, tasks), COLUMN(run_row, "fresh", INT8, fresh),
	COLUMN(run_row, "epoch", INT8, epoch), COLUMN(run_row, "created_at", TIME, created_us),
	COLUMN(run_row, "started_at", TIME, started_us), COLUMN(run_row, "ended_at", TIME, ended_us),
	COLUMN(run_row, "git_commit", TEXT, git_commit), COLUMN(run_row, "requested_by", TEXT, requested_by),
};

static const struct pg_column task_columns[] = {
	COLUMN(task_row, "table_name", TEXT, table), COLUMN(task_row, "partition", TEXT, partition),
	COLUMN(task_row, "state", TEXT, state), COLUMN(task_row, "result", TEXT, result),
	COLUMN(task_row, "wait", TEXT, wait), COLUMN(task_row, "reason", TEXT, reason),
	COLUMN(task_row, "cause", TEXT, cause), COLUMN(task_row, "error", TEXT, error),
	COLUMN(task_row, "tries", INT4, tries), COLUMN(task_row, "rows", INT8, rows),
	COLUMN(task_row, "bytes", INT8, bytes), COLUMN(task_row, "retry_at", TIME, retry_us),
	COLUMN(task_row, "ready_at", TIME, ready_us), COLUMN(task_row, "started_at", TIME, started_us),
	COLUMN(task_row, "ended_at", TIME, ended_us),
};

static const struct pg_column try_columns[] = {
	COLUMN(try_row, "t.fence", INT8, fence), COLUMN(try_row, "t.try_id", UUID, try_id),
	COLUMN(try_row, "t.run_id", TEXT, run_id), COLUMN(try_row, "t.table_name", TEXT, table),
	COLUMN(try_row, "t.partition", TEXT, partition), COLUMN(try_row, "t.state", TEXT, state),
	COLUMN(try_row, "t.outcome", TEXT, outcome), COLUMN(try_row, "t.worker", TEXT, worker),
	COLUMN(try_row, "t.log_path", TEXT, log_path), COLUMN(try_row, "t.error_class", TEXT, error_class),
	COLUMN(try_row, "t.error", TEXT, error), COLUMN(try_row, "t.staging", TEXT, staging),
	COLUMN(try_row, "t.note", TEXT, note), COLUMN(try_row, "t.try_no", INT4, try_no),
	COLUMN(try_row, "t.error_line", INT4, error_line), COLUMN(try_row, "t.error_col", INT4, error_col),
	COLUMN(try_row, "t.rows", INT8, rows), COLUMN(try_row, "t.bytes", INT8, bytes),
	COLUMN(try_row, "t.cleared_rows", INT8, cleared_rows), COLUMN(try_row, "t.prepare_us", INT8, prepare_us),
	COLUMN(try_row, "t.load_us", INT8, load_us), COLUMN(try_row, "t.validate_us", INT8, validate_us),
	COLUMN(try_row, "t.commit_us", INT8, commit_us), COLUMN(try_row, "t.cleanup_us", INT8, cleanup_us),
	COLUMN(try_row, "t.started_at", TIME, started_us), COLUMN(try_row, "t.running_at", TIME, running_us),
	COLUMN(try_row, "t.ended_at", TIME, ended_us),
};

static const struct pg_column check_columns[] = {
	COLUMN(check_row, "t.table_name", TEXT, table), COLUMN(check_row, "t.partition", TEXT, partition),
	COLUMN(check_row, "c.name", TEXT, name), COLUMN(check_row, "c.status", TEXT, status),
	COLUMN(check_row, "c.detail", TEXT, detail), COLUMN(check_row, "c.fence", INT8, fence),
};

/* A select whose parameters are the lake ($1) and up to three texts. */
static int select_rows(const struct query *q, const struct pg_column *columns, size_t ncolumns, size_t stride,
                       const char *rest, const char *const *texts, int ntexts, void *ret_rows, size_t *ret_count,
                       struct err *err)
{
	char lake[12];
	struct pg_param params[4] = {query_lake(q, lake)};
	for (int i = 0; i < ntexts; i++)
		params[i + 1] = query_text(texts[i]);
	return pg_rows_select(q->conn, columns, ncolumns, stride, rest, params, ntexts + 1, q->arena, ret_rows, ret_count, err);
}

int query_runs(const struct query *q, int64_t limit, struct run_row **ret_rows, size_t *ret_count, struct err *err)
{
	char most[24];
	snprintf(most, sizeof most, "%lld", (long long)limit);
	const char *const texts[] = {most};
	return select_rows(q, run_columns, COUNT(run_columns), sizeof **ret_rows,
	                   "FROM strata.run WHERE lake_id = $1::integer ORDER BY created_at DESC, run_id DESC LIMIT $2::bigint",
	                   texts, 1, ret_rows, ret_count, err);
}

static int ambiguous(const char *name, const struct run_row *rows, size_t n, struct err *err)
{
	struct buf b = BUF_INIT(1024);
	for (size_t i = 0; i < n && i < AMBIGUOUS_MOST; i++)
		buf_addf(&b, "%s%s", i ? ", " : "", rows[i].run_id);
	int rc = err_set(err, ERR_USAGE, "'%s' begins several runs: %s%s", name, buf_cstr(&b), n > AMBIGUOUS_MOST ? ", ..." : "");
	buf_free(&b);
	return rc;
}

static const char *run_id_at(const void *rows, size_t i)
{
	return PQgetvalue(rows, (int)i, 0);
}

/* " (did you mean '…'?)" of the newest runs, in the arena; "" where none is near. */
static int near_run(const struct query *q, const char *name, const char **ret, struct err *err)
{
	char lake[12];
	PGresult *r;
	snprintf(lake, sizeof lake, "%d", q->lake_id);
	const char *const values[] = {lake};
	*ret = "";
	if (db_query(q->conn, "SELECT run_id FROM strata.run WHERE lake_id = $1::integer ORDER BY created_at DESC LIMIT 100", 1, values, false, &r,
	             err) < 0)
		return err->code;
	const char *near = str_nearest(name, run_id_at, r, (size_t)PQntuples(r));
	if (str_distance(name, "latest") <= 2)
		near = "latest";
	if (near)
		*ret = arena_printf(q->arena, " (did you mean '%s'?)", near);
	PQclear(r);
	return 0;
}

/* A run that nobody remembers is told from one that never was, where something of it is left. */
static int no_such_run(const struct query *q, const char *name, struct err *err)
{
	static const char sql[] =
		"SELECT (EXISTS (SELECT FROM strata.try WHERE lake_id = $1::integer AND run_id = $2::text) OR EXISTS (SELECT FROM"
		" strata.schedule_interval WHERE lake_id = $1::integer AND run_id = $2::text"
		" AND schedule = regexp_replace($2::text, '-[0-9]{8}T[0-9]{6}Z$', '') COLLATE \"C\"))::integer";
	struct retention_past past = {0};
	char lake[12], before[CLOCK_ISO_SIZE];
	PGresult *r;
	snprintf(lake, sizeof lake, "%d", q->lake_id);
	const char *const values[] = {lake, name};
	if (retention_past(q->conn, q->lake_id, &past, err) < 0 || db_query(q->conn, sql, 2, values, false, &r, err) < 0)
		return err->code;
	bool known = PQgetvalue(r, 0, 0)[0] == '1';
	PQclear(r);
	const char *hint;
	if (near_run(q, name, &hint, err) < 0)
		return err->code;
	if (!past.removed_before_us)
		return err_set(err, ERR_USAGE, "there is no run '%s'%s; 'strata runs' lists them", name, hint);
	clock_iso(before, past.removed_before_us);
	if (known)
		return err_set(err, ERR_USAGE, "the history of run '%s' has been removed, as of all runs that ended before %.10s (history.keep_days); "
		                               "what it published is in `strata lineage`", name, before);
	return err_set(err, ERR_USAGE, "there is no run '%s'%s; 'strata runs' lists them, but for those that ended before %.10s, whose history "
	                               "has been removed (history.keep_days)", name, hint, before);
}

/* starts_with is a range of the primary key: run_id has the collation "C". */
int query_run(const struct query *q, const char *name, struct run_row *ret_run, struct err *err)
{
	struct run_row *rows;
	size_t n;
	const char *const texts[] = {name};
	bool latest = strcmp(name, "latest") == 0;
	int rc = latest ? query_runs(q, 1, &rows, &n, err) :
	         select_rows(q, run_columns, COUNT(run_columns), sizeof *rows,
	                     "FROM strata.run WHERE lake_id = $1::integer AND starts_with(run_id, $2::text)"
	                     " ORDER BY run_id = $2::text DESC, created_at DESC LIMIT 6", texts, 1, &rows, &n, err);
	if (rc < 0)
		return rc;
	if (n == 0)
		return latest ? err_set(err, ERR_USAGE, "there is no run yet") : no_such_run(q, name, err);
	if (n > 1 && !str_eq(rows[0].run_id, name))
		return ambiguous(name, rows, n, err);
	*ret_run = rows[0];
	return 0;
}

int query_tasks(const struct query *q, const char *run_id, const char *table, struct task_row **ret_rows,
                size_t *ret_count, struct err *err)
{
	const char *const texts[] = {run_id, table};
	return select_rows(q, task_columns, COUNT(task_columns), sizeof **ret_rows,
	                   "FROM strata.task WHERE lake_id = $1::integer AND run_id = $2::text"
	                   " AND ($3::text IS NULL OR table_name = $3::text) ORDER BY table_name, partition",
	                   texts, 2, ret_rows, ret_count, err);
}

int query_tasks_first(const struct query *q, const char *run_id, int64_t limit, struct task_row **ret_rows, size_t *ret_count,
                      struct err *err)
{
	char most[24];
	snprintf(most, sizeof most, "%lld", (long long)limit);
	const char *const texts[] = {run_id, most};
	return select_rows(q, task_columns, COUNT(task_columns), sizeof **ret_rows,
	                   "FROM strata.task WHERE lake_id = $1::integer AND run_id = $2::text"
	                   " ORDER BY state <> 'running', result NOT IN ('failed', 'timeout'), state = 'done', ended_at DESC,"
	                   " table_name, partition LIMIT $3::bigint",
	                   texts, 2, ret_rows, ret_count, err);
}

int query_failed_tasks(const struct query *q, const char *run_id, const char *partition, int64_t limit, struct task_row **ret_rows,
                       size_t *ret_count, struct err *err)
{
	char most[24];
	snprintf(most, sizeof most, "%lld", (long long)limit);
	const char *const texts[] = {run_id, partition, most};
	return select_rows(q, task_columns, COUNT(task_columns), sizeof **ret_rows,
	                   "FROM strata.task WHERE lake_id = $1::integer AND run_id = $2::text AND result IN ('failed', 'timeout')"
	                   " ORDER BY partition <> $3::text, partition, table_name LIMIT $4::bigint", texts, 3, ret_rows, ret_count, err);
}

int query_tries(const struct query *q, const char *run_id, const char *table, const char *partition,
                struct try_row **ret_rows, size_t *ret_count, struct err *err)
{
	const char *const texts[] = {run_id, table, partition};
	return select_rows(q, try_columns, COUNT(try_columns), sizeof **ret_rows,
	                   "FROM strata.try t WHERE lake_id = $1::integer AND run_id = $2::text"
	                   " AND ($3::text IS NULL OR table_name = $3::text)"
	                   " AND ($4::text IS NULL OR partition = $4::text) ORDER BY table_name, partition, try_no",
	                   texts, 3, ret_rows, ret_count, err);
}

int query_checks(const struct query *q, const char *run_id, struct check_row **ret_rows, size_t *ret_count,
                 struct err *err)
{
	const char *const texts[] = {run_id};
	return select_rows(q, check_columns, COUNT(check_columns), sizeof **ret_rows,
	                   "FROM strata.try t JOIN strata.check_result c USING (lake_id, fence) WHERE lake_id = $1::integer"
	                   " AND t.run_id = $2::text ORDER BY t.table_name, t.partition, c.fence, c.name",
	                   texts, 1, ret_rows, ret_count, err);
}

int query_unfinished_runs(const struct query *q, int64_t epoch, struct run_row **ret_rows, size_t *ret_count,
                          struct err *err)
{
	char before[24];
	snprintf(before, sizeof before, "%lld", (long long)epoch);
	const char *const texts[] = {before};
	return select_rows(q, run_columns, COUNT(run_columns), sizeof **ret_rows,
	                   "FROM strata.run WHERE lake_id = $1::integer AND state <> 'done' AND epoch < $2::bigint"
	                   " ORDER BY created_at, run_id", texts, 1, ret_rows, ret_count, err);
}

int query_open_tries(const struct query *q, int64_t epoch, struct try_row **ret_rows, size_t *ret_count,
                     struct err *err)
{
	char before[24];
	snprintf(before, sizeof before, "%lld", (long long)epoch);
	const char *const texts[] = {before};
	return select_rows(q, try_columns, COUNT(try_columns), sizeof **ret_rows,
	                   "FROM strata.run r JOIN strata.try t USING (lake_id, run_id) WHERE lake_id = $1::integer"
	                   " AND r.state <> 'done' AND r.epoch < $2::bigint AND t.state <> 'ended' ORDER BY t.fence",
	                   texts, 1, ret_rows, ret_count, err);
}

static const struct pg_column audit_columns[] = {
	COLUMN(audit_row, "at", TIME, at_us), COLUMN(audit_row, "actor", TEXT, actor), COLUMN(audit_row, "action", TEXT, action),
	COLUMN(audit_row, "object", TEXT, object), COLUMN(audit_row, "coalesce(detail->>'outcome', '')", TEXT, outcome),
	COLUMN(audit_row, "coalesce(detail->>'detail', '')", TEXT, answer), COLUMN(audit_row, "detail", JSON, detail),
};

int query_audit(const struct query *q, int64_t since_us, int64_t limit, struct audit_row **ret_rows, size_t *ret_count, struct err *err)
{
	char since[24], most[24];
	snprintf(since, sizeof since, "%lld", (long long)since_us);
	snprintf(most, sizeof most, "%lld", (long long)limit);
	const char *const texts[] = {since, most};
	return select_rows(q, audit_columns, COUNT(audit_columns), sizeof **ret_rows,
	                   "FROM strata.audit WHERE lake_id = $1::integer AND at >= to_timestamp($2::bigint / 1000000.0)"
	                   " ORDER BY at DESC, audit_id DESC LIMIT $3::bigint", texts, 2, ret_rows, ret_count, err);
}

int query_audit_of(const struct query *q, const char *action, const char *object, struct audit_row **ret_rows, size_t *ret_count,
                   struct err *err)
{
	const char *const texts[] = {action, object};
	return select_rows(q, audit_columns, COUNT(audit_columns), sizeof **ret_rows,
	                   "FROM strata.audit WHERE lake_id = $1::integer AND action = $2::text AND object = $3::text"
	                   " AND detail->>'outcome' = 'done' ORDER BY at DESC, audit_id DESC LIMIT 1", texts, 2, ret_rows, ret_count, err);
}

int query_kept_staging(const struct query *q, const char *const **ret_paths, size_t *ret_count, struct err *err)
{
	static const struct pg_column column = {"staging", COLUMN_TEXT, 0};
	return select_rows(q, &column, 1, sizeof **ret_paths, "FROM strata.try WHERE lake_id = $1::integer AND staging <> ''", NULL, 0,
	                   ret_paths, ret_count, err);
}
