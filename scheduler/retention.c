/* See retention.h. */
#include "scheduler/retention.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fault.h"
#include "scheduler/db.h"

enum {
	ROWS_FIRST = 200, ROWS_MAX = 5000, /* of a statement; it takes as many as about 100 ms allow */
	BATCH_US = 100 * 1000,
	MONTH_SIZE = 24,                   /* "event_201301" */
};

/* One at a time for a lake; (class, 0) and (class, lake) of DB_LOCK_CLASS are others'. */
#define RETENTION_LOCK_CLASS "1398035010"

/* What is old of a lake: $1 the lake, $2 the moment in microseconds. */
#define BEFORE "to_timestamp($2::bigint / 1000000.0)"
#define OLD_RUN "r.lake_id = $1::integer AND r.state = 'done' AND r.created_at < " BEFORE " AND r.ended_at < " BEFORE
/* Of a try `t`: nothing that is published now comes from it. */
#define UNPUBLISHED "NOT EXISTS (SELECT FROM strata.partition p WHERE p.lake_id = t.lake_id AND p.fence = t.fence)"
#define NO_RUN(x) "NOT EXISTS (SELECT FROM strata.run r WHERE r.lake_id = " x ".lake_id AND r.run_id = " x ".run_id)"
#define US(x) "coalesce((extract(epoch FROM " x ") * 1000000)::bigint, 0)"

struct pass {
	const struct retention *rt;
	struct retention_report *report;
	char lake[12], before[24];
	int64_t rows;          /* of the next statement */
};

static int64_t number(const PGresult *r, int column)
{
	return strtoll(PQgetvalue(r, 0, column), NULL, 10);
}

static void pass_init(struct pass *p, const struct retention *rt, struct retention_report *ret)
{
	*ret = (struct retention_report){0};
	*p = (struct pass){.rt = rt, .report = ret, .rows = ROWS_FIRST};
	snprintf(p->lake, sizeof p->lake, "%d", rt->lake_id);
	snprintf(p->before, sizeof p->before, "%" PRId64, rt->before_us);
}

/* One statement that is a transaction; $1 the lake, $2 `second`, $3 the most rows, $4 `fourth` (or none). */
static int batch(struct pass *p, const char *sql, const char *second, const char *fourth, PGresult **ret, struct err *err)
{
	char rows[24];
	snprintf(rows, sizeof rows, "%" PRId64, p->rows);
	const char *const values[] = {p->lake, second, rows, fourth};
	int64_t start = clock_mono_us();
	if (FAULT("retention.batch"))
		return err_errno(err, ERR_STATE, "remove old history");
	if (db_query(p->rt->conn, sql, fourth ? 4 : 3, values, false, ret, err) < 0)
		return err_wrap(err, "remove old history");
	int64_t took = clock_mono_us() - start;
	if (took > 2 * BATCH_US)
		p->rows = p->rows > 1 ? p->rows / 2 : 1;
	else if (took < BATCH_US / 2)
		p->rows = p->rows * 2 < ROWS_MAX ? p->rows * 2 : ROWS_MAX;
	return 0;
}

/* ---- runs, and what no run has any more ---- */

static void span(int64_t *oldest, int64_t *newest, int64_t first, int64_t last)
{
	if (first && (!*oldest || first < *oldest))
		*oldest = first;
	if (last > *newest)
		*newest = last;
}

static int remove_runs(struct pass *p, struct err *err)
{
	static const char sql[] =
		"WITH old AS (SELECT r.run_id FROM strata.run r WHERE " OLD_RUN " ORDER BY r.created_at LIMIT $3::bigint),"
		" gone AS (DELETE FROM strata.run r USING old WHERE " OLD_RUN " AND r.run_id = old.run_id RETURNING r.ended_at)"
		" SELECT count(*), " US("min(ended_at)") ", " US("max(ended_at)") " FROM gone";
	for (int64_t n = 1; n;) {
		PGresult *r;
		if (batch(p, sql, p->before, NULL, &r, err) < 0)
			return err->code;
		n = number(r, 0);
		p->report->runs += n;
		span(&p->report->oldest_us, &p->report->newest_us, number(r, 1), number(r, 2));
		PQclear(r);
	}
	return 0;
}

static int remove_tasks_of(struct pass *p, const char *run_id, struct err *err)
{
	static const char sql[] =
		"WITH gone AS (DELETE FROM strata.task WHERE lake_id = $1::integer AND run_id = $2::text AND ctid IN"
		" (SELECT t.ctid FROM strata.task t WHERE t.lake_id = $1::integer AND t.run_id = $2::text AND " NO_RUN("t")
		" LIMIT $3::bigint) RETURNING 1) SELECT count(*) FROM gone";
	for (int64_t n = 1; n;) {
		PGresult *r;
		if (batch(p, sql, run_id, NULL, &r, err) < 0)
			return err->code;
		n = number(r, 0);
		p->report->tasks += n;
		PQclear(r);
	}
	return 0;
}

/* From one run to the next in the index, not from task to task. */
static int remove_tasks(struct pass *p, struct err *err)
{
	static const char sql[] =
		"WITH RECURSIVE t(lake_id, run_id) AS ("
		"SELECT $1::integer, (SELECT min(run_id) FROM strata.task WHERE lake_id = $1::integer)"
		" UNION ALL SELECT lake_id, (SELECT min(run_id) FROM strata.task WHERE lake_id = $1::integer AND run_id > t.run_id)"
		" FROM t WHERE run_id IS NOT NULL)"
		" SELECT run_id FROM t WHERE run_id IS NOT NULL AND " NO_RUN("t");
	const char *const values[] = {p->lake};
	PGresult *r;
	if (db_query(p->rt->conn, sql, 1, values, false, &r, err) < 0)
		return err_wrap(err, "find tasks of runs that are gone");
	int rc = 0;
	for (int i = 0; i < PQntuples(r) && rc == 0; i++)
		rc = remove_tasks_of(p, PQgetvalue(r, i, 0), err);
	PQclear(r);
	return rc;
}

/* Fences grow with time: from the oldest on, until one is younger than all that is old. */
static int remove_tries(struct pass *p, struct err *err)
{
	static const char sql[] =
		"WITH seen AS MATERIALIZED (SELECT * FROM strata.try WHERE lake_id = $1::integer AND fence > $4::bigint ORDER BY fence"
		" LIMIT $3::bigint),"
		" dead AS (SELECT fence FROM seen t WHERE t.state = 'ended' AND " NO_RUN("t") " AND " UNPUBLISHED "),"
		" read AS (DELETE FROM strata.lineage WHERE lake_id = $1::integer AND fence IN (SELECT fence FROM dead) RETURNING 1),"
		" checked AS (DELETE FROM strata.check_result WHERE lake_id = $1::integer AND fence IN (SELECT fence FROM dead) RETURNING 1),"
		" gone AS (DELETE FROM strata.try WHERE lake_id = $1::integer AND fence IN (SELECT fence FROM dead) RETURNING 1)"
		" SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM read), (SELECT count(*) FROM checked),"
		" coalesce(max(fence), 0), coalesce(min(started_at) < " BEFORE ", false)::integer FROM seen";
	char after[24] = "0";
	for (bool more = true; more;) {
		PGresult *r;
		if (batch(p, sql, p->before, after, &r, err) < 0)
			return err->code;
		p->report->tries += number(r, 0);
		p->report->lineage += number(r, 1);
		p->report->checks += number(r, 2);
		snprintf(after, sizeof after, "%" PRId64, number(r, 3));
		more = number(r, 4) != 0;
		PQclear(r);
	}
	return 0;
}

/* ---- what schedules and people asked for ---- */

#define OLD_COMMAND "lake_id = $1::integer AND outcome <> '' AND requested_at < " BEFORE " AND ended_at < " BEFORE
/* What retention itself remembers stays: the newest of each. */
#define OLD_AUDIT                                                                                                     \
	"lake_id = $1::integer AND at < " BEFORE " AND NOT (action = 'gc' AND audit_id IN (SELECT max(audit_id) FROM" \
	" strata.audit WHERE lake_id = $1::integer AND action = 'gc' GROUP BY object))"

/* Of the ledger `i` of schedules: the newest interval says what has been dealt with. One whose run is there stays with it. */
#define OLD_INTERVAL(without_run)                                                                                     \
	"i.lake_id = $1::integer AND i.at < " BEFORE " AND (" without_run ") AND EXISTS (SELECT FROM strata.schedule_interval n"  \
	" WHERE n.lake_id = i.lake_id AND n.schedule = i.schedule AND n.at > i.at AND n.at < " BEFORE ")"

static int remove_asked(struct pass *p, const char *sql, int64_t *total, struct err *err)
{
	for (int64_t n = 1; n;) {
		PGresult *r;
		if (batch(p, sql, p->before, NULL, &r, err) < 0)
			return err->code;
		n = number(r, 0);
		*total += n;
		PQclear(r);
	}
	return 0;
}

static int remove_intervals(struct pass *p, struct err *err)
{
	static const char sql[] =
		"WITH gone AS (DELETE FROM strata.schedule_interval WHERE ctid IN (SELECT i.ctid FROM strata.schedule_interval i WHERE "
		OLD_INTERVAL(NO_RUN("i")) " LIMIT $3::bigint) RETURNING 1) SELECT count(*) FROM gone";
	return remove_asked(p, sql, &p->report->intervals, err);
}

static int remove_commands(struct pass *p, struct err *err)
{
	static const char commands[] =
		"WITH gone AS (DELETE FROM strata.command WHERE command_id IN (SELECT command_id FROM strata.command WHERE " OLD_COMMAND
		" LIMIT $3::bigint) RETURNING 1) SELECT count(*) FROM gone";
	static const char audits[] =
		"WITH gone AS (DELETE FROM strata.audit WHERE audit_id IN (SELECT audit_id FROM strata.audit WHERE " OLD_AUDIT
		" LIMIT $3::bigint) RETURNING 1) SELECT count(*) FROM gone";
	int rc = remove_asked(p, commands, &p->report->commands, err);
	return rc < 0 ? rc : remove_asked(p, audits, &p->report->audits, err);
}

/* ---- events ---- */

/* The months that are wholly old, oldest first: name, first moment, bytes. A run that is not done keeps its own. */
static int old_months(struct pass *p, PGresult **ret, struct err *err)
{
	static const char limit_sql[] =
		"SELECT least($2::bigint, (SELECT (extract(epoch FROM min(created_at)) * 1000000)::bigint FROM strata.run"
		" WHERE lake_id = $1::integer AND state <> 'done'))";
	static const char months_sql[] =
		"SELECT c.relname, (extract(epoch FROM m.first) * 1000000)::bigint, pg_total_relation_size(c.oid) FROM pg_inherits i"
		" JOIN pg_class c ON c.oid = i.inhrelid,"
		" LATERAL (SELECT to_timestamp(substr(c.relname, 7) || '01 00:00 +00', 'YYYYMMDD HH24:MI TZH') AS first) m"
		" WHERE i.inhparent = 'strata.event'::regclass AND c.relname ~ '^event_[0-9]{6}$'"
		" AND (m.first AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC' <= to_timestamp($1::bigint / 1000000.0)"
		" ORDER BY c.relname";
	const char *const values[] = {p->lake, p->before};
	if (db_query(p->rt->conn, limit_sql, 2, values, false, ret, err) < 0)
		return err_wrap(err, "find old events");
	char limit[24];
	snprintf(limit, sizeof limit, "%s", PQgetvalue(*ret, 0, 0));
	PQclear(*ret);
	const char *const limits[] = {limit};
	return db_query(p->rt->conn, months_sql, 1, limits, false, ret, err) < 0 ? err_wrap(err, "find old months of events") : 0;
}

static int ask_of_month(const struct pass *p, const char *format, const char *month, int64_t *ret, struct err *err)
{
	struct buf sql = BUF_INIT(1024);
	for (const char *c = format; *c; c++) {
		if (*c == '@')
			buf_addf(&sql, "strata.%s", month);
		else
			buf_add(&sql, c, 1);
	}
	const char *const values[] = {p->lake};
	PGresult *r;
	int rc = db_query(p->rt->conn, buf_cstr(&sql), 1, values, false, &r, err);
	buf_free(&sql);
	if (rc < 0)
		return err_wrap(err, "look at events of %s", month);
	*ret = number(r, 0);
	PQclear(r);
	return 0;
}

/* Another lake has events there: two looks into the index. */
static int is_shared(const struct pass *p, const char *month, bool *ret, struct err *err)
{
	int64_t shared = 0;
	int rc = ask_of_month(p, "SELECT (EXISTS (SELECT FROM @ WHERE lake_id < $1::integer) OR"
	                         " EXISTS (SELECT FROM @ WHERE lake_id > $1::integer))::integer", month, &shared, err);
	*ret = shared != 0;
	return rc;
}

/* In a transaction that has lock_timeout. */
static int lock_month(const struct pass *p, const char *month, bool *ret_locked, struct err *err)
{
	char sql[128];
	snprintf(sql, sizeof sql, "LOCK TABLE ONLY strata.event, ONLY strata.%.*s IN ACCESS EXCLUSIVE MODE", MONTH_SIZE, month);
	PGresult *r = PQexec(p->rt->conn, sql);
	const char *code = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	*ret_locked = PQresultStatus(r) == PGRES_COMMAND_OK;
	int rc = 0;
	if (!*ret_locked && !(code && strcmp(code, "55P03") == 0))
		rc = err_set(err, ERR_STATE, "lock the events of %s: %s", month, db_message(p->rt->conn, r));
	PQclear(r);
	return rc;
}

/* For a moment no journal writes; whoever keeps that moment away has the month stay. *ret_dropped false: that, or
 * another lake has got rows there meanwhile. */
static int drop_month(const struct pass *p, const char *month, bool *ret_dropped, struct err *err)
{
	char sql[64];
	bool locked = false, shared = true;
	int rc = db_exec(p->rt->conn, "BEGIN; SET LOCAL lock_timeout = '100ms'", err);
	if (rc < 0)
		return rc;
	rc = lock_month(p, month, &locked, err);
	if (rc == 0 && locked)
		rc = is_shared(p, month, &shared, err);
	bool drop = rc == 0 && locked && !shared;
	snprintf(sql, sizeof sql, "DROP TABLE strata.%.*s", MONTH_SIZE, month);
	if (drop)
		rc = db_exec(p->rt->conn, sql, err);
	if (drop && rc == 0 && FAULT("retention.drop"))
		rc = err_errno(err, ERR_STATE, "drop '%s'", month);
	*ret_dropped = drop && rc == 0;
	int ended = db_exec(p->rt->conn, *ret_dropped ? "COMMIT" : "ROLLBACK", rc < 0 ? NULL : err);
	return rc < 0 ? rc : ended;
}

static int delete_events(struct pass *p, const char *month, struct err *err)
{
	char sql[512];
	snprintf(sql, sizeof sql, "WITH gone AS (DELETE FROM strata.%.*s WHERE lake_id = $1::integer AND ctid IN (SELECT ctid FROM strata.%.*s"
	                          " WHERE lake_id = $1::integer LIMIT $3::bigint) AND $2::text <> '' RETURNING 1) SELECT count(*) FROM gone",
	         MONTH_SIZE, month, MONTH_SIZE, month);
	for (int64_t n = 1; n;) {
		PGresult *r;
		if (batch(p, sql, "all", NULL, &r, err) < 0)
			return err->code;
		n = number(r, 0);
		PQclear(r);
	}
	return 0;
}

static int remove_month(struct pass *p, const char *month, int64_t first_us, int64_t bytes, bool look_only, struct err *err)
{
	struct retention_report *report = p->report;
	int64_t ours = 0;
	bool shared = false, dropped = false;
	int rc = ask_of_month(p, "SELECT count(*) FROM @ WHERE lake_id = $1::integer", month, &ours, err);
	if (rc == 0)
		rc = is_shared(p, month, &shared, err);
	if (rc < 0 || (shared && ours == 0))
		return rc;
	if (!look_only && shared)
		rc = delete_events(p, month, err);
	if (!look_only && !shared)
		rc = drop_month(p, month, &dropped, err);
	if (rc < 0)
		return rc;
	if (!look_only && !shared && !dropped) {
		report->months_in_use++;
		return 0;
	}
	report->events += ours;
	report->months += !shared;
	report->event_bytes += shared ? 0 : bytes;
	span(&report->oldest_month_us, &report->newest_month_us, first_us, first_us);
	return 0;
}

static int each_month(struct pass *p, bool look_only, struct err *err)
{
	PGresult *months;
	int rc = old_months(p, &months, err);
	if (rc < 0)
		return rc;
	for (int i = 0; i < PQntuples(months) && rc == 0; i++)
		rc = remove_month(p, PQgetvalue(months, i, 0), strtoll(PQgetvalue(months, i, 1), NULL, 10),
		                  strtoll(PQgetvalue(months, i, 2), NULL, 10), look_only, err);
	PQclear(months);
	return rc;
}

/* ---- all of it ---- */

int retention_look(const struct retention *rt, struct retention_report *ret, struct err *err)
{
	/* What a pass would remove: of old runs, and what one that died has left of others. */
	static const char sql[] =
		"WITH old AS MATERIALIZED (SELECT r.lake_id, r.run_id, r.ended_at FROM strata.run r WHERE " OLD_RUN "),"
		" t AS MATERIALIZED (SELECT lake_id, fence FROM strata.try t WHERE t.lake_id = $1::integer AND t.state = 'ended'"
		" AND (t.run_id IN (SELECT run_id FROM old) OR (t.started_at < " BEFORE " AND " NO_RUN("t") ")) AND " UNPUBLISHED ")"
		" SELECT (SELECT count(*) FROM old), (SELECT " US("min(ended_at)") " FROM old), (SELECT " US("max(ended_at)") " FROM old),"
		" (SELECT count(*) FROM strata.task k WHERE k.lake_id = $1::integer AND (k.run_id IN (SELECT run_id FROM old) OR " NO_RUN("k") ")),"
		" (SELECT count(*) FROM t), (SELECT count(*) FROM strata.lineage JOIN t USING (lake_id, fence)),"
		" (SELECT count(*) FROM strata.check_result JOIN t USING (lake_id, fence)),"
		" (SELECT count(*) FROM strata.command WHERE " OLD_COMMAND "), (SELECT count(*) FROM strata.audit WHERE " OLD_AUDIT "),"
		" (SELECT count(*) FROM strata.schedule_interval i WHERE " OLD_INTERVAL(NO_RUN("i") " OR i.run_id IN (SELECT run_id FROM old)") ")";
	struct pass p;
	PGresult *r;
	pass_init(&p, rt, ret);
	const char *const values[] = {p.lake, p.before};
	if (db_query(rt->conn, sql, 2, values, false, &r, err) < 0)
		return err_wrap(err, "look at old history");
	int64_t *const fields[] = {&ret->runs, &ret->oldest_us, &ret->newest_us, &ret->tasks, &ret->tries, &ret->lineage,
	                           &ret->checks, &ret->commands, &ret->audits, &ret->intervals};
	for (int i = 0; i < (int)(sizeof fields / sizeof *fields); i++)
		*fields[i] = number(r, i);
	PQclear(r);
	return each_month(&p, true, err);
}

/* Before anything goes: whoever asks for a run that is gone is told so, also if we die in between. */
static int record_beginning(const struct pass *p, struct err *err)
{
	static const char sql[] =
		"INSERT INTO strata.audit (lake_id, actor, action, object, detail) SELECT $1::integer, $3, 'gc', 'history',"
		" jsonb_build_object('removed_before_us', greatest($2::bigint, (SELECT max((detail->>'removed_before_us')::bigint)"
		" FROM strata.audit WHERE lake_id = $1::integer AND action = 'gc' AND object = 'history')))"
		" WHERE EXISTS (SELECT FROM strata.run r WHERE " OLD_RUN ")";
	const char *const values[] = {p->lake, p->before, p->rt->actor};
	return db_exec_params(p->rt->conn, sql, 3, values, err) < 0 ? err_wrap(err, "record what is about to go") : 0;
}

static int lock(const struct pass *p, struct err *err)
{
	const char *const values[] = {p->lake};
	PGresult *r;
	if (db_query(p->rt->conn, "SELECT pg_try_advisory_lock(" RETENTION_LOCK_CLASS ", $1::integer)", 1, values, false, &r, err) < 0)
		return err_wrap(err, "lock the history");
	bool locked = PQgetvalue(r, 0, 0)[0] == 't';
	PQclear(r);
	return locked ? 0 : err_set(err, ERR_LOCKED, "another 'strata gc' is removing old history; this one has left it alone");
}

int retention_remove(const struct retention *rt, struct retention_report *ret, struct err *err)
{
	static int (*const parts[])(struct pass *, struct err *) = {remove_runs, remove_tasks, remove_tries, remove_intervals, remove_commands};
	struct pass p;
	pass_init(&p, rt, ret);
	int rc = lock(&p, err);
	if (rc < 0)
		return rc;
	rc = record_beginning(&p, err);
	for (size_t i = 0; i < sizeof parts / sizeof *parts && rc == 0; i++)
		rc = parts[i](&p, err);
	if (rc == 0)
		rc = each_month(&p, false, err);
	const char *const values[] = {p.lake};
	db_exec_params(rt->conn, "SELECT pg_advisory_unlock(" RETENTION_LOCK_CLASS ", $1::integer)", 1, values, NULL);
	return rc;
}

int retention_past(PGconn *conn, int lake_id, struct retention_past *ret, struct err *err)
{
	static const char sql[] =
		"SELECT (SELECT " US("at") " FROM strata.audit WHERE lake_id = $1::integer AND action = 'gc' AND object = 'done'"
		" ORDER BY at DESC LIMIT 1), (SELECT (detail->>'removed_before_us')::bigint FROM strata.audit WHERE lake_id = $1::integer"
		" AND action = 'gc' AND object = 'history' ORDER BY at DESC LIMIT 1)";
	char lake[12];
	snprintf(lake, sizeof lake, "%d", lake_id);
	const char *const values[] = {lake};
	PGresult *r;
	if (db_query(conn, sql, 1, values, false, &r, err) < 0)
		return err_wrap(err, "see what was removed");
	*ret = (struct retention_past){number(r, 0), number(r, 1)};
	PQclear(r);
	return 0;
}

int retention_done(PGconn *conn, int lake_id, const char *actor, const char *detail, struct err *err)
{
	char lake[12];
	snprintf(lake, sizeof lake, "%d", lake_id);
	const char *const values[] = {lake, actor, detail};
	return db_exec_params(conn, "INSERT INTO strata.audit (lake_id, actor, action, object, detail)"
	                            " VALUES ($1::integer, $2, 'gc', 'done', $3::jsonb)", 3, values, err);
}
