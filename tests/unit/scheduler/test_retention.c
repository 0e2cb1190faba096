/* Old history on a real Postgres: what goes, what stays whatever its age, and that whoever dies in between, again and
 * again, leaves the same in the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "scheduler/queries.h"
#include "scheduler/retention.h"
#include "tests/unit/scheduler/pg_fixture.h"

#define BEFORE_US INT64_C(1420070400000000) /* 2015-01-01 */

/* Lake 2 has the same database. Runs of lake 1: `big` and `small`, old; `kept`, old, of which a try is what is published;
 * `new`; `open`, old and not done; `late`, begun long ago and done lately. */
static const char fill[] =
	"SET client_min_messages = error; TRUNCATE strata.run, strata.task, strata.try, strata.event, strata.partition, strata.lineage,"
	" strata.check_result, strata.table_stat, strata.command, strata.audit, strata.schedule_interval;"
	"DO $$ DECLARE m text; BEGIN FOR m IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'strata.event'::regclass LOOP"
	" EXECUTE 'DROP TABLE ' || m; END LOOP; END $$;"
	"INSERT INTO strata.lake (uuid, uri) VALUES ('00000000-0000-4000-8000-000000000002', 'other') ON CONFLICT DO NOTHING;"
	"CREATE TEMP TABLE IF NOT EXISTS u AS SELECT min(lake_id) AS one, max(lake_id) AS two FROM strata.lake;"
	"INSERT INTO strata.run (lake_id, run_id, kind, state, result, params, epoch, created_at, ended_at)"
	" SELECT l, id, 'manual', CASE e WHEN '' THEN 'running' ELSE 'done' END, CASE e WHEN '' THEN '' ELSE 'success' END, p::jsonb, 1,"
	" c::timestamptz, nullif(e, '')::timestamptz FROM u, LATERAL (VALUES"
	" (one, 'big', '2014-02-01', '2014-02-02', '{}'), (one, 'small', '2014-03-01', '2014-03-02', '{\"schedule\": \"s\", \"interval\": 1393632000}'),"
	" (one, 'kept', '2014-03-03', '2014-03-04', '{}'), (one, 'new', '2015-02-01', '2015-02-02', '{}'),"
	" (one, 'open', '2014-05-01', '', '{}'), (one, 'late', '2014-06-01', '2015-01-02', '{}'),"
	" (two, 'big', '2014-02-01', '2014-02-02', '{}')) v(l, id, c, e, p);"
	"INSERT INTO strata.task (lake_id, run_id, table_name, partition, state, result) SELECT lake_id, run_id, 'dwd.dwd_x', i::text, 'done',"
	" 'success' FROM strata.run, generate_series(1, CASE run_id WHEN 'big' THEN 700 ELSE 2 END) i;"
	"INSERT INTO strata.try (lake_id, fence, try_id, run_id, table_name, partition, try_no, state, outcome, started_at, ended_at)"
	" SELECT lake_id, row_number() OVER (ORDER BY r.created_at, lake_id, partition), gen_random_uuid(), run_id, table_name, partition, 1,"
	" CASE run_id WHEN 'open' THEN 'running' ELSE 'ended' END, CASE run_id WHEN 'open' THEN '' ELSE 'success' END, r.created_at, r.ended_at"
	" FROM strata.task JOIN strata.run r USING (lake_id, run_id);"
	"INSERT INTO strata.lineage SELECT lake_id, fence, 'ods.ods_x', d::text, 1, 'id' FROM strata.try, generate_series(1, 3) d;"
	"INSERT INTO strata.check_result SELECT lake_id, fence, 'primary_keys', 'passed', '' FROM strata.try;"
	"INSERT INTO strata.partition (lake_id, table_name, partition, version, fence, try_id, run_id, rows, bytes, files, published_at)"
	" SELECT lake_id, table_name, partition, 1, fence, try_id, run_id, 1, 1, 1, ended_at FROM strata.try WHERE run_id = 'kept' AND partition = '1';"
	"SELECT strata.event_months('2014-01-01', '2014-06-01'), strata.event_months('2015-02-01', '2015-02-01');"
	"INSERT INTO strata.event (at, lake_id, epoch, seq, run_id, object, from_state, to_state)"
	" SELECT created_at, lake_id, 1, row_number() OVER (), run_id, 'run', 'planned', 'running' FROM strata.run, generate_series(1, 3);"
	"INSERT INTO strata.event (at, lake_id, epoch, seq, run_id, object, from_state, to_state)"
	" SELECT '2014-01-31', one, 1, 1, 'gone', 'run', 'planned', 'running' FROM u;"
	"INSERT INTO strata.command (lake_id, kind, requested_at, outcome, ended_at) SELECT one, k, t::timestamptz, o, t::timestamptz FROM u, LATERAL"
	" (VALUES ('old', '2014-02-01', 'done'), ('waits', '2014-02-01', ''), ('new', '2015-02-01', 'done')) v(k, t, o);"
	"INSERT INTO strata.audit (lake_id, at, actor, action, object) SELECT one, t::timestamptz, 'me', a, 'x' FROM u, LATERAL"
	" (VALUES ('2014-02-01', 'old'), ('2015-02-01', 'new')) v(t, a);"
	/* Of `s` the run of March is there; of `never` nothing is young. Lake 2's are not ours. */
	"INSERT INTO strata.schedule_interval SELECT l, s, t::timestamptz, 'gone' FROM u, LATERAL (VALUES (one, 's', '2014-01-01'), (one, 's', '2014-04-01'),"
	" (one, 's', '2014-05-01'), (one, 's', '2015-02-01'), (one, 'never', '2014-01-01'), (one, 'never', '2014-01-02'),"
	" (two, 's', '2014-01-01'), (two, 's', '2014-01-02')) v(l, s, t);"
	"INSERT INTO strata.schedule_interval SELECT one, 's', '2014-02-15', 'open' FROM u";

/* All that is left, as one text. */
static const char left[] =
	"SELECT concat_ws(E'\\n', (SELECT string_agg(lake_id || run_id, ' ' ORDER BY lake_id, run_id) FROM strata.run),"
	" (SELECT string_agg(concat(lake_id, run_id, n), ' ' ORDER BY lake_id, run_id) FROM (SELECT lake_id, run_id, count(*) n FROM strata.task GROUP BY 1, 2) x),"
	" (SELECT string_agg(concat(lake_id, run_id, n), ' ' ORDER BY lake_id, run_id) FROM (SELECT lake_id, run_id, count(*) n FROM strata.try GROUP BY 1, 2) x),"
	" (SELECT string_agg(concat(lake_id, run_id, n), ' ' ORDER BY lake_id, run_id) FROM (SELECT t.lake_id, run_id, count(*) n FROM strata.lineage l"
	"  JOIN strata.try t USING (lake_id, fence) GROUP BY 1, 2) x),"
	" (SELECT count(*) FROM strata.lineage), (SELECT count(*) FROM strata.check_result), (SELECT count(*) FROM strata.partition),"
	" (SELECT string_agg(concat(lake_id, schedule, to_char(at, 'YYMMDD')), ' ' ORDER BY lake_id, schedule, at) FROM strata.schedule_interval),"
	" (SELECT string_agg(inhrelid::regclass::text, ' ' ORDER BY inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = 'strata.event'::regclass),"
	" (SELECT string_agg(concat(lake_id, run_id, n), ' ' ORDER BY lake_id, run_id) FROM (SELECT lake_id, run_id, count(*) n FROM strata.event GROUP BY 1, 2) x),"
	" (SELECT string_agg(kind, ' ' ORDER BY kind) FROM strata.command),"
	" (SELECT string_agg(DISTINCT action || object, ' ' ORDER BY action || object) FROM strata.audit))";

static char *text_of(PGconn *conn, const char *sql)
{
	static char value[8192];
	PGresult *r = PQexec(conn, sql);
	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		fprintf(stderr, "%s: %s\n", sql, db_message(conn, r));
	assert_int_equal(PQresultStatus(r), PGRES_TUPLES_OK);
	snprintf(value, sizeof value, "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	return value;
}

static struct retention of(const struct db *db)
{
	return (struct retention){.conn = db->conn, .lake_id = db->lake_id, .before_us = BEFORE_US, .actor = "me"};
}

static struct db filled(void)
{
	struct db db = fixture_open();
	struct err err = {0};
	if (db_exec(db.conn, fill, &err) < 0)
		fail_msg("%s", err.text);
	return db;
}

static struct retention_report removed(const struct db *db)
{
	struct retention rt = of(db);
	struct retention_report report;
	struct err err = {0};
	if (retention_remove(&rt, &report, &err) < 0)
		fail_msg("%s", err.text);
	return report;
}

static void what_is_old_goes_and_the_rest_stays(void **state)
{
	(void)state;
	struct db db = filled();
	struct retention rt = of(&db);
	struct retention_report would, did;
	struct err err = {0};
	if (retention_look(&rt, &would, &err) < 0)
		fail_msg("%s", err.text);
	char before[8192];
	snprintf(before, sizeof before, "%s", text_of(db.conn, left));
	assert_int_equal(retention_look(&rt, &would, NULL), 0);
	assert_string_equal(text_of(db.conn, left), before);
	did = removed(&db);
	assert_memory_equal(&would, &did, sizeof did);
	assert_int_equal(did.runs, 3);
	assert_int_equal(did.tasks, 704);
	assert_int_equal(did.tries, 703);
	assert_int_equal(did.lineage, 3 * 703);
	assert_int_equal(did.checks, 703);
	assert_int_equal(did.commands, 1);
	assert_int_equal(did.audits, 1);
	assert_int_equal(did.intervals, 4);
	/* January and March go; in February lake 2 has events; `open` keeps what came after it began. */
	assert_int_equal(did.months, 3);
	assert_int_equal(did.events, 10);
	assert_int_equal(did.months_in_use, 0);
	assert_true(did.oldest_us == INT64_C(1391299200000000) && did.newest_us == INT64_C(1393891200000000));
	assert_string_equal(text_of(db.conn, left),
	                    "1late 1new 1open 2big\n1late2 1new2 1open2 2big700\n1kept1 1late2 1new2 1open2 2big700\n"
	                    "1kept3 1late6 1new6 1open6 2big2100\n2121\n707\n1\n1never140102 1s140215 1s140501 1s150201 2s140101 2s140102\n"
	                    "event_201402 event_201405 event_201406 event_201502\n"
	                    "1late3 1new3 1open3 2big3\nnew waits\ngchistory newx");
	struct retention_report again = removed(&db);
	struct retention_report nothing = {0};
	assert_memory_equal(&again, &nothing, sizeof nothing);
	db_close(&db);
}

/* A try goes when what it published has been replaced, however long its run has been gone. */
static void a_try_that_was_kept_goes_once_it_is_replaced(void **state)
{
	(void)state;
	struct db db = filled();
	removed(&db);
	assert_string_equal(text_of(db.conn, "SELECT count(*) FROM strata.try WHERE run_id = 'kept'"), "1");
	assert_int_equal(db_exec(db.conn, "UPDATE strata.partition SET fence = (SELECT max(fence) FROM strata.try)", NULL), 0);
	struct retention_report report = removed(&db);
	assert_int_equal(report.tries, 1);
	assert_int_equal(report.lineage, 3);
	assert_string_equal(text_of(db.conn, "SELECT count(*) FROM strata.try WHERE run_id = 'kept'"), "0");
	db_close(&db);
}

static void a_run_that_was_removed_is_told_from_one_that_never_was(void **state)
{
	(void)state;
	struct db db = filled();
	struct arena arena = {0};
	struct run_row row;
	struct err err = {0};
	struct query q = {.conn = db.conn, .lake_id = db.lake_id, .arena = &arena};
	assert_int_equal(query_run(&q, "never", &row, &err), ERR_USAGE);
	assert_null(strstr(err.text, "removed"));
	removed(&db);
	assert_int_equal(query_run(&q, "kept", &row, &err), ERR_USAGE);
	assert_non_null(strstr(err.text, "the history of run 'kept' has been removed, as of all runs that ended before 2015-01-01"));
	assert_int_equal(query_run(&q, "never", &row, &err), ERR_USAGE);
	assert_non_null(strstr(err.text, "there is no run 'never'; 'strata runs' lists them, but for those that ended before 2015-01-01"));
	struct retention_past past;
	assert_int_equal(retention_past(db.conn, db.lake_id, &past, &err), 0);
	assert_true(past.done_us == 0 && past.removed_before_us == BEFORE_US);
	assert_int_equal(retention_done(db.conn, db.lake_id, "me", "{}", &err), 0);
	/* Somebody keeps more now: what is gone is gone. */
	struct retention rt = of(&db);
	struct retention_report report;
	assert_int_equal(db_exec(db.conn, "UPDATE strata.run SET created_at = '2001-01-01', ended_at = '2001-01-01' WHERE run_id = 'late'", NULL), 0);
	rt.before_us -= INT64_C(86400000000) * 1000;
	assert_int_equal(retention_remove(&rt, &report, &err), 0);
	assert_int_equal(report.runs, 1);
	assert_int_equal(retention_past(db.conn, db.lake_id, &past, &err), 0);
	assert_true(past.done_us > 0 && past.removed_before_us == BEFORE_US);
	arena_free(&arena);
	db_close(&db);
}

/* A reader of the events (a dump that takes hours) keeps a month, and no journal waits behind who wants to drop it. */
static void a_month_that_is_read_stays_for_now(void **state)
{
	(void)state;
	struct db db = filled();
	PGconn *reader;
	assert_int_equal(db_connect(db.conninfo, &reader, NULL), 0);
	assert_int_equal(db_exec(reader, "BEGIN; SELECT count(*) FROM strata.event", NULL), 0);
	struct retention_report report = removed(&db);
	assert_int_equal(report.months, 0);
	assert_int_equal(report.months_in_use, 3);
	assert_int_equal(report.runs, 3);
	assert_int_equal(db_exec(reader, "ROLLBACK", NULL), 0);
	PQfinish(reader);
	report = removed(&db);
	assert_int_equal(report.months, 3);
	db_close(&db);
}

static void one_at_a_time(void **state)
{
	(void)state;
	struct db db = filled(), other = fixture_open();
	assert_int_equal(db_exec(other.conn, "SELECT pg_advisory_lock(1398035010, lake_id) FROM strata.lake", NULL), 0);
	struct retention rt = of(&db);
	struct retention_report report;
	struct err err = {0};
	assert_int_equal(retention_remove(&rt, &report, &err), ERR_LOCKED);
	db_close(&other);
	db_close(&db);
}

/* It is killed at the n-th crossing of a point, and dies with its connection; false: it came to its end. */
static bool dies_at(const char *point, int n)
{
	pid_t pid = fork();
	if (pid == 0) {
		char spec[64];
		struct db db = fixture_open();
		struct retention rt = of(&db);
		struct retention_report report;
		struct err err = {0};
		snprintf(spec, sizeof spec, "%s:%d:kill", point, n);
		fault_arm(spec);
		int rc = retention_remove(&rt, &report, &err);
		if (rc < 0)
			fprintf(stderr, "%s\n", err.text);
		_exit(rc < 0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return true;
	assert_int_equal(status, 0);
	return false;
}

static void killed_anywhere_the_next_one_leaves_the_same(void **state)
{
	(void)state;
	struct db db = filled();
	char whole[8192];
	removed(&db);
	snprintf(whole, sizeof whole, "%s", text_of(db.conn, left));
	static const char *const points[] = {"retention.batch", "retention.drop"};
	int deaths = 0;
	for (size_t i = 0; i < 2; i++) {
		for (int n = 1;; n++) {
			assert_int_equal(db_exec(db.conn, fill, NULL), 0);
			bool died = dies_at(points[i], n);
			/* Until the server has seen that it is gone. */
			assert_int_equal(db_exec(db.conn, "SELECT pg_advisory_lock(1398035010, min(lake_id)) FROM strata.lake", NULL), 0);
			assert_int_equal(db_exec(db.conn, "SELECT pg_advisory_unlock(1398035010, min(lake_id)) FROM strata.lake", NULL), 0);
			deaths += died;
			/* And nobody has seen half of a run. */
			assert_string_equal(text_of(db.conn, "SELECT count(*) FROM strata.run r WHERE (SELECT count(*) FROM strata.task t WHERE"
			                                     " t.lake_id = r.lake_id AND t.run_id = r.run_id) <> CASE run_id WHEN 'big' THEN 700 ELSE 2 END"), "0");
			removed(&db);
			assert_string_equal(text_of(db.conn, left), whole);
			if (!died)
				break;
		}
	}
	assert_true(deaths >= 15);
	db_close(&db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_old_goes_and_the_rest_stays),
		cmocka_unit_test(a_try_that_was_kept_goes_once_it_is_replaced),
		cmocka_unit_test(a_run_that_was_removed_is_told_from_one_that_never_was),
		cmocka_unit_test(a_month_that_is_read_stays_for_now),
		cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(killed_anywhere_the_next_one_leaves_the_same),
	};
	return cmocka_run_group_tests_name("retention", tests, fixture_start, fixture_stop);
}
