/* The read-only queries on a real Postgres, over rows written by plain SQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/date.h"
#include "scheduler/queries_screen.h"
#include "tests/unit/scheduler/pg_fixture.h"

static const char rows_sql[] =
	"INSERT INTO strata.partition (lake_id, table_name, partition, grain, version, fence, try_id, run_id, empty, rows,"
	" bytes, files, fingerprint, published_at) VALUES"
	" (:l, 'dwd.b', '2013-01-02', 'day', 1, 2, '00000000-0000-4000-8000-00000000000b', 'r1', false, 7, 70, 1, 'fp', '2013-01-07 12:00Z'),"
	" (:l, 'dwd.b', '2013-01-01', 'day', 3, 1, '00000000-0000-4000-8000-00000000000a', 'r1', true, 0, 0, 0, '', '2013-01-07 12:00Z'),"
	" (:l, 'dim.a', '', '', 5, 3, '00000000-0000-4000-8000-00000000000c', 'r1', false, 9, 90, 2, 'fp', '2013-01-07 12:00Z'),"
	" (:l + 1, 'dim.a', '', '', 5, 3, '00000000-0000-4000-8000-00000000000c', 'r1', false, 9, 90, 2, 'fp', '2013-01-07 12:00Z');"
	"INSERT INTO strata.lineage (lake_id, fence, up_table, up_partition, up_version, up_identity) VALUES"
	" (:l, 2, 'dim.a', '', 4, '00000000-0000-4000-8000-0000000000cc'), (:l, 2, 'source:raw/x', '', 0, '1:2:3:4'),"
	" (:l, 99, 'dim.a', '', 1, 'of a try that published nothing that is there now');"
	"INSERT INTO strata.table_stat VALUES (:l, 'dim.a', 2, 1500, '[{\"name\": \"k\", \"type\": \"VARCHAR\"}]', 3),"
	" (:l, 'dwd.b', 1, 10, NULL, 0);"
	"INSERT INTO strata.run (lake_id, run_id, kind, state, result, epoch, first_date, created_at) VALUES"
	" (:l, '20130107T1-aa', 'manual', 'done', 'success', 1, '2013-01-01', '2013-01-07 12:00Z'),"
	" (:l, '20130107T2-bb', 'backfill', 'running', '', 1, NULL, '2013-01-07 13:00Z'),"
	" (:l, '20130107T2-b', 'manual', 'running', '', 2, NULL, '2013-01-07 12:30Z');"
	"INSERT INTO strata.task (lake_id, run_id, table_name, partition, state, result, reason) VALUES"
	" (:l, '20130107T2-bb', 'dwd.b', '2013-01-02', 'running', '', 'new'), (:l, '20130107T2-bb', 'dim.a', '', 'done', 'success', 'new');"
	"INSERT INTO strata.try (lake_id, fence, try_id, run_id, table_name, partition, try_no, state, outcome, worker, started_at) VALUES"
	" (:l, 5, '00000000-0000-4000-8000-00000000000d', '20130107T2-bb', 'dwd.b', '2013-01-02', 2, 'running', '', 'w1', now()),"
	" (:l, 4, '00000000-0000-4000-8000-00000000000e', '20130107T2-bb', 'dwd.b', '2013-01-02', 1, 'ended', 'error', 'w1', now()),"
	" (:l, 6, '00000000-0000-4000-8000-00000000000f', '20130107T2-b', 'dim.a', '', 1, 'running', '', 'w1', now());"
	"INSERT INTO strata.check_result VALUES (:l, 4, 'primary_keys', 'failed', '3 duplicates');";

static struct db db;
static struct arena arena;
static struct query q;
static struct err err;

static int setup(void **state)
{
	if (fixture_start(state) < 0)
		return -1;
	db = fixture_open();
	q = (struct query){db.conn, db.lake_id, &arena};
	struct buf sql = BUF_INIT(1 << 16);
	for (const char *p = rows_sql; *p; p++) {
		if (p[0] == ':' && p[1] == 'l') {
			buf_addf(&sql, "%d", db.lake_id);
			p++;
		} else {
			buf_addc(&sql, *p);
		}
	}
	int rc = db_exec(db.conn, buf_cstr(&sql), &err);
	if (rc < 0)
		fprintf(stderr, "%s\n", err.text);
	buf_free(&sql);
	return rc;
}

static int teardown(void **state)
{
	arena_free(&arena);
	db_close(&db);
	return fixture_stop(state);
}

static void partitions_come_in_order_and_only_those_asked_for(void **state)
{
	(void)state;
	struct partition_row *rows;
	size_t n;
	assert_int_equal(query_partitions(&q, NULL, 0, DATE_NONE, DATE_NONE, &rows, &n, &err), 0);
	assert_int_equal(n, 3);
	assert_string_equal(rows[0].table, "dim.a");
	assert_int_equal(rows[0].day, DATE_NONE);
	assert_int_equal(rows[0].version, 5);
	assert_int_equal(rows[0].files, 2);
	assert_string_equal(rows[0].try_id, "00000000-0000-4000-8000-00000000000c");
	assert_true(rows[0].published_us == 1357560000000000);
	assert_string_equal(rows[1].partition, "2013-01-01");
	assert_int_equal(rows[1].day, 15706);
	assert_true(rows[1].empty);
	assert_string_equal(rows[2].partition, "2013-01-02");
	assert_int_equal(rows[2].rows, 7);
	assert_false(rows[2].empty);
	assert_ptr_equal(rows[1].table, rows[2].table);
	const char *const tables[] = {"dwd.b", "dwd.unknown"};
	assert_int_equal(query_partitions(&q, tables, 2, 15707, 15800, &rows, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_string_equal(rows[0].partition, "2013-01-02");
	assert_int_equal(query_partitions(&q, NULL, 0, 15800, 15801, &rows, &n, &err), 0);
	assert_int_equal(n, 1); /* the unpartitioned one */
	assert_int_equal(query_partitions(&q, tables, 0, DATE_NONE, DATE_NONE, &rows, &n, &err), 0);
	assert_int_equal(n, 0); /* no table is not every table */
}

static void stats_have_the_columns(void **state)
{
	(void)state;
	struct table_stat *rows;
	size_t n;
	assert_int_equal(query_table_stats(&q, NULL, 0, &rows, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(rows[0].duration_us, 1500);
	assert_int_equal(rows[0].nschema, 1);
	assert_string_equal(rows[0].schema[0].name, "k");
	assert_string_equal(rows[0].schema[0].type, "VARCHAR");
	assert_int_equal(rows[1].nschema, 0);
}

static void runs_are_found_by_id_beginning_and_latest(void **state)
{
	(void)state;
	struct run_row *rows, run;
	size_t n;
	assert_int_equal(query_runs(&q, 2, &rows, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_string_equal(rows[0].run_id, "20130107T2-bb");
	assert_int_equal(query_run(&q, "latest", &run, &err), 0);
	assert_string_equal(run.run_id, "20130107T2-bb");
	assert_int_equal(query_run(&q, "20130107T1", &run, &err), 0);
	assert_string_equal(run.run_id, "20130107T1-aa");
	assert_int_equal(run.first_day, 15706);
	assert_int_equal(run.last_day, DATE_NONE);
	assert_string_equal(run.params, "{}");
	assert_int_equal(query_run(&q, "20130107T2-b", &run, &err), 0); /* whole, though another begins so */
	assert_string_equal(run.run_id, "20130107T2-b");
	assert_int_equal(query_run(&q, "20130107T", &run, &err), ERR_USAGE);
	assert_non_null(strstr(err.text, "20130107T1-aa"));
	assert_int_equal(query_run(&q, "nope", &run, &err), ERR_USAGE);
}

static void tasks_tries_and_checks_of_a_run(void **state)
{
	(void)state;
	struct task_row *tasks;
	struct try_row *tries;
	struct check_row *checks;
	size_t n;
	assert_int_equal(query_tasks(&q, "20130107T2-bb", NULL, &tasks, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_string_equal(tasks[0].table, "dim.a");
	assert_string_equal(tasks[0].result, "success");
	assert_true(tasks[0].rows == PG_NULL64);
	assert_int_equal(query_tasks(&q, "20130107T2-bb", "dwd.b", &tasks, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(query_tries(&q, "20130107T2-bb", "dwd.b", "2013-01-02", &tries, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(tries[0].try_no, 1);
	assert_string_equal(tries[0].outcome, "error");
	assert_string_equal(tries[1].try_id, "00000000-0000-4000-8000-00000000000d");
	assert_int_equal(query_checks(&q, "20130107T2-bb", &checks, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_string_equal(checks[0].detail, "3 duplicates");
}

static void lineage_is_that_of_what_is_published_now(void **state)
{
	(void)state;
	struct lineage_row *rows;
	size_t n;
	assert_int_equal(query_lineage_up(&q, "dwd.b", "2013-01-02", &rows, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_string_equal(rows[0].up_table, "dim.a");
	assert_int_equal(rows[0].up_version, 4);
	assert_int_equal(rows[0].up_version_now, 5);
	assert_string_equal(rows[1].up_table, "source:raw/x");
	assert_true(rows[1].up_version_now == PG_NULL64);
	assert_int_equal(query_lineage_down(&q, "dim.a", NULL, &rows, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_string_equal(rows[0].table, "dwd.b");
	assert_string_equal(rows[0].partition, "2013-01-02");
}

static void recovery_sees_only_dead_schedulers(void **state)
{
	(void)state;
	struct run_row *runs;
	struct try_row *tries;
	size_t n;
	assert_int_equal(query_unfinished_runs(&q, 2, &runs, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_string_equal(runs[0].run_id, "20130107T2-bb");
	assert_int_equal(query_open_tries(&q, 2, &tries, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(tries[0].fence, 5);
	assert_string_equal(tries[0].worker, "w1");
	assert_int_equal(query_open_tries(&q, 3, &tries, &n, &err), 0);
	assert_int_equal(n, 2);
}

static void a_large_snapshot_is_whole(void **state)
{
	(void)state;
	assert_int_equal(db_exec(db.conn, "INSERT INTO strata.partition SELECT 7, 'dwd.t' || lpad(t::text, 3, '0'),"
	                         " to_char(date '2013-01-01' + d, 'YYYY-MM-DD'), 'day', 1, t * 100 + d, gen_random_uuid(), 'r', false,"
	                         " d, 1, 1, repeat('f', 64), '[]', '', now() FROM generate_series(0, 199) t, generate_series(0, 29) d",
	                         &err), 0);
	struct query other = {db.conn, 7, &arena};
	struct partition_row *rows;
	size_t n;
	assert_int_equal(query_partitions(&other, NULL, 0, DATE_NONE, DATE_NONE, &rows, &n, &err), 0);
	assert_int_equal(n, 6000);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(rows[i].day, 15706 + (int)(i % 30));
		assert_int_equal(rows[i].fence, (i / 30) * 100 + i % 30);
	}
}

static void tell(const char *workers, const char *lanes)
{
	const char *const values[] = {workers, lanes};
	assert_int_equal(db_exec_params(db.conn, "UPDATE strata.scheduler SET workers = $1::jsonb, lanes = $2::jsonb", 2, values, &err), 0);
}

static void workers_say_how_far_they_are(void **state)
{
	(void)state;
	struct worker_row *rows;
	struct lanes_row lanes;
	struct lane_slots lane[LANES_MOST];
	char far[WORKER_FAR_SIZE];
	size_t n;
	assert_int_equal(query_workers(&q, &rows, &n, &lanes, &err), 0);
	assert_int_equal(n, 0);
	assert_int_equal(lanes_list(&lanes, lane), 0); /* nobody has said anything yet */
	tell("[{\"worker\": \"w1\", \"memory\": 1048576}, {\"worker\": \"w2\", \"table\": \"dwd.b\", \"stage\": \"load\", \"since_ms\": 5},"
	     " {\"worker\": \"w3\", \"table\": \"dwd.b\", \"percent\": 43, \"of_rows\": 2800000, \"written\": 0},"
	     " {\"worker\": \"w4\", \"table\": \"dwd.b\", \"percent\": 0, \"of_rows\": 10, \"written\": 12000000},"
	     " {\"worker\": \"w5\", \"table\": \"dwd.b\", \"written\": 12000000}, {\"worker\": \"w6\", \"table\": \"dwd.b\", \"rows\": 1},"
	     " {\"worker\": \"w7\", \"table\": \"dwd.b\", \"rows\": 1234}]",
	     "{\"slots\": 4, \"kept\": 1, \"scheduled\": 2, \"other\": 1}");
	assert_int_equal(query_workers(&q, &rows, &n, &lanes, &err), 0);
	static const char *const wanted[] = {"", "", "43 % of some 2,800,000 rows", "0 % of some 10 rows, wrote 12 MB", "wrote 12 MB", "1 row", "1,234 rows"};
	assert_int_equal(n, sizeof wanted / sizeof *wanted);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(worker_far(far, &rows[i]), wanted[i]);
	assert_int_equal(rows[1].since_us, 5000);
	assert_string_equal(rows[0].table, "");
	assert_int_equal(lanes_list(&lanes, lane), 2);
	assert_string_equal(lane[0].runs, "scheduled runs");
	assert_true(lane[0].used == 2 && lane[0].slots == 4 && lane[0].kept == 1);
	assert_true(lane[1].used == 1 && lane[1].slots == 3 && lane[1].kept == 0);
	tell("[]", "{\"slots\": 4, \"kept\": 0, \"scheduled\": 2, \"other\": 1}");
	assert_int_equal(query_workers(&q, &rows, &n, &lanes, &err), 0);
	assert_int_equal(lanes_list(&lanes, lane), 1);
	assert_true(lane[0].used == 3 && lane[0].slots == 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(partitions_come_in_order_and_only_those_asked_for),
		cmocka_unit_test(stats_have_the_columns),
		cmocka_unit_test(runs_are_found_by_id_beginning_and_latest),
		cmocka_unit_test(tasks_tries_and_checks_of_a_run),
		cmocka_unit_test(lineage_is_that_of_what_is_published_now),
		cmocka_unit_test(recovery_sees_only_dead_schedulers),
		cmocka_unit_test(a_large_snapshot_is_whole),
		cmocka_unit_test(workers_say_how_far_they_are),
	};
	return cmocka_run_group_tests_name("queries", tests, setup, teardown);
}
