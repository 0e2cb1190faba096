/* One try from its inputs to its result: pinning, dt, checks, errors, cancel. Sources are test_attempt_source.c's. */
#include "lake.h"

#include <pthread.h>

static const char *const d3[] = {"2013-01-03"}, *const d34[] = {"2013-01-03", "2013-01-04"}, *const whole[] = {""};

static struct try_result run_on(struct lake *l, struct try_request *rq, const struct try_input *in, size_t n)
{
	rq->inputs = in;
	rq->ninputs = n;
	return lake_run(l, rq);
}

static void reads_partitions_with_dt_and_by_macro(void **state)
{
	struct lake *l = *state;
	lake_publish(l, "ods.ods_x", "2013-01-03", "SELECT 1 AS a FROM range(2)");
	lake_publish(l, "ods.ods_x", "2013-01-04", "SELECT 1 AS a, 'new' AS b FROM range(5)"); /* the schema grew */
	struct try_input in = lake_input("ods.ods_x", true, d34, 2);
	struct try_request rq = lake_request(l, "dwd.dwd_x", "",
	                                     "SELECT dt, count(*) AS n, count(b) AS b, (SELECT count(*) FROM "
	                                     "ods.ods_x_dt('2013-01-04')) AS m FROM ods.ods_x GROUP BY ALL; -- done\n");
	struct try_result r = run_on(l, &rq, &in, 1);
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_string_equal(r.manifest.schema[0].type, "VARCHAR");
	assert_int_equal(r.manifest.ninputs, 2);
	assert_string_equal(r.manifest.inputs[1].partition, "2013-01-04");
	assert_string_equal(r.manifest.inputs[1].try_id, "try-2");
	assert_int_equal(lake_number(l, "SELECT sum(n * 100 + b * 10 + m) FROM read_parquet('dwd/dwd_x/*.parquet')"), 760);
}

static void analysts_views_are_there(void **state)
{
	struct lake *l = *state;
	lake_publish(l, "ods.ods_x", "2013-01-03", "SELECT 1 AS a FROM range(2)");
	lake_publish(l, "ods.ods_x", "2013-01-04", "SELECT 1 AS a FROM range(5)");
	struct try_input in = lake_input("ods.ods_x", true, d34, 2);
	const struct view views[] = {
		{.qname = "m.of", .ddl = "CREATE SCHEMA IF NOT EXISTS m; CREATE OR REPLACE MACRO m.of(d) AS TABLE FROM ods.ods_x_dt(d)"},
		{.qname = "fourth", .ddl = "CREATE OR REPLACE VIEW fourth AS SELECT * FROM m.of('2013-01-04')"},
		{.qname = "m.wrong", .ddl = "CREATE OR REPLACE VIEW m.wrong AS SELECT nope FROM ods.ods_x"},
	};
	const struct view *const uses[] = {&views[0], &views[1], &views[2]};
	struct try_request rq = lake_request(l, "dwd.dwd_x", "", "SELECT count(*) AS n FROM fourth");
	rq.views = uses;
	rq.nviews = 2;
	assert_int_equal(run_on(l, &rq, &in, 1).outcome, OUTCOME_SUCCESS);
	assert_int_equal(lake_number(l, "SELECT n FROM read_parquet('dwd/dwd_x/*.parquet')"), 5);
	rq = lake_request(l, "dwd.dwd_x", "", "SELECT count(*) AS n FROM fourth");
	rq.views = uses;
	rq.nviews = 3;
	struct try_result r = run_on(l, &rq, &in, 1);
	assert_failed(&r, "sql", "'m.wrong' of catalog/migrations: Referenced column \"nope\"");
}

static void a_reader_by_one_date_gets_dt(void **state)
{
	struct lake *l = *state;
	lake_publish(l, "ods.ods_x", "2013-01-03", "SELECT 1 AS a");
	struct try_input in = lake_input("ods.ods_x", true, d3, 1);
	struct try_request rq = lake_request(l, "dwd.dwd_x", "2013-01-03", "FROM ods.ods_x WHERE dt = '2013-01-03'");
	assert_int_equal(run_on(l, &rq, &in, 1).outcome, OUTCOME_SUCCESS);
	struct manifest m = lake_manifest(l, "dwd/dwd_x/dt=2013-01-03");
	assert_int_equal(m.nschema, 1); /* dt is not stored */
}

struct republish {
	struct lake *l;
	int64_t sum;
};

/* While the query's input is pinned, it is published anew, twice. */
static int read_after_republish(struct attempt *t, void *ctx)
{
	struct republish *p = ctx;
	lake_publish(p->l, "ods.ods_x", "", "SELECT 5 AS a");
	lake_publish(p->l, "ods.ods_x", "", "SELECT 6 AS a");
	struct duck_error e;
	return duck_int64(t->session.con, "SELECT sum(a) FROM ods.ods_x", &p->sum, &e);
}

static void pins_survive_a_republish(void **state)
{
	struct lake *l = *state;
	lake_publish(l, "ods.ods_x", "", "SELECT 1 AS a FROM range(3)");
	struct try_input in = lake_input("ods.ods_x", false, whole, 1);
	struct try_request rq = lake_request(l, "dwd.dwd_x", "", "SELECT 1");
	rq.inputs = &in;
	rq.ninputs = 1;
	struct republish p = {.l = l};
	struct try_result r;
	attempt_query(&l->w, &l->arena, &rq, read_after_republish, &p, &r);
	attempt_tidy(&l->w);
	assert_int_equal(p.sum, 3);
	assert_string_equal(r.manifest.inputs[0].try_id, "try-1");
	assert_int_equal(lake_number(l, "SELECT a FROM read_parquet('ods/ods_x/*.parquet')"), 6);
	assert_int_equal(lake_staged(l), 0);
}

static void upstream_without_rows_is_a_typed_empty_view(void **state)
{
	struct lake *l = *state;
	const struct column schema[] = {{"a", "DECIMAL(18,3)"}, {"dt", "VARCHAR"}};
	struct try_input in = lake_input("ods.ods_x", true, NULL, 0);
	in.schema = schema;
	in.nschema = 2;
	struct try_request rq = lake_request(l, "dwd.dwd_x", "", "SELECT count(*) AS n, typeof(max(a)) AS t, max(dt) AS d FROM ods.ods_x");
	struct try_result r = run_on(l, &rq, &in, 1);
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_int_equal(lake_number(l, "SELECT count(*) FROM read_parquet('dwd/dwd_x/*.parquet') WHERE n = 0 AND t = 'DECIMAL(18,3)'"), 1);

	const struct column published[] = {{"u", "STRUCT(UTINYINT, INTEGER)"}}; /* what a UNION is once published */
	in.schema = published;
	in.nschema = 1;
	rq = lake_request(l, "dwd.dwd_y", "", "SELECT u FROM ods.ods_x");
	r = run_on(l, &rq, &in, 1);
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_string_equal(r.note, "no input: ods.ods_x");

	in.nschema = 0;
	rq = lake_request(l, "dwd.dwd_x", "", "SELECT nothing FROM ods.ods_x");
	r = run_on(l, &rq, &in, 1);
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_true(r.empty);
	assert_string_equal(r.note, "no input: ods.ods_x");
	assert_int_equal(r.cleared_rows, 1);
}

static void an_input_that_has_gone_fails_the_try(void **state)
{
	struct lake *l = *state;
	static const char *const ids[] = {"try-77"};
	struct try_input in = lake_input("ods.ods_x", true, d3, 1);
	in.try_ids = ids;
	struct try_request rq = lake_request(l, "dwd.dwd_x", "", "SELECT 1 AS a");
	struct try_result r = run_on(l, &rq, &in, 1);
	assert_failed(&r, "transient", "ods.ods_x 2013-01-03 is not published any more");
}

static void dt_must_be_the_partitions_own(void **state)
{
	struct lake *l = *state;
	static const char *const wrong[] = {
		"SELECT 1 AS a, '2013-01-04' AS dt", "SELECT 1 AS a, NULL::VARCHAR AS dt", "SELECT 1 AS a, TIMESTAMP '2013-01-03' AS dt",
		"SELECT '2013-01-03' AS dt", "SELECT i AS a, DATE '2013-01-03' + CAST(i AS INTEGER) AS dt FROM range(2) t(i)",
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct try_request rq = lake_request(l, "dwd.dwd_x", "2013-01-03", wrong[i]);
		struct try_result r = lake_run(l, &rq);
		assert_failed(&r, "sql", "dt");
		assert_false(lake_has("dwd/dwd_x/dt=2013-01-03"));
	}
	lake_publish(l, "dwd.dwd_x", "2013-01-03", "SELECT DATE '2013-01-03' AS \"DT\", i AS a FROM range(3000) t(i) ORDER BY i DESC");
	assert_int_equal(lake_number(l, "SELECT count(*) FROM parquet_schema('dwd/dwd_x/*/*.parquet') WHERE lower(name) = 'dt'"), 0);
	assert_int_equal(lake_number(l, "SELECT a FROM read_parquet('dwd/dwd_x/*/*.parquet') LIMIT 1"), 2999);
	lake_publish(l, "dwd.dwd_y", "", "SELECT '1999-01-01' AS dt, 1 AS a"); /* an ordinary column there */
	assert_int_equal(lake_manifest(l, "dwd/dwd_y").nschema, 2);
}

static void errors_have_their_place_in_the_text(void **state)
{
	struct lake *l = *state;
	static const char *const dates[] = {"", "2013-01-03"};
	for (int i = 0; i < 2; i++) {
		struct try_request rq = lake_request(l, "dwd.dwd_x", dates[i], "SELECT 1 AS a,\n  frob AS b\nFROM range(1)");
		struct try_result r = lake_run(l, &rq);
		assert_failed(&r, "sql", "frob");
		assert_int_equal(r.error.line, 2);
		assert_int_equal(r.error.col, 3);
		assert_null(strstr(r.error.message, "LINE"));
	}
	struct try_request rq = lake_request(l, "dwd.dwd_x", "", "SELECT CAST('x' || i AS INTEGER) AS a FROM range(3) t(i)");
	struct try_result r = lake_run(l, &rq);
	assert_failed(&r, "sql", "Conversion");
	assert_int_equal(lake_staged(l), 0);
}

static void sql_cannot_change_the_configuration(void **state)
{
	struct lake *l = *state;
	struct try_request rq = lake_request(l, "dwd.dwd_x", "", "SELECT 1); SET threads = 3; DESCRIBE SELECT * FROM (SELECT 1");
	struct try_result r = lake_run(l, &rq);
	assert_failed(&r, "sql", "locked");
	assert_false(lake_has("dwd/dwd_x"));
}

static ino_t inode(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

/* Emptied, and by a rename; what somebody has swept meanwhile is made anew. */
static void the_next_try_takes_the_staging_of_the_one_before(void **state)
{
	struct lake *l = *state;
	lake_publish(l, "dwd.dwd_x", "", "SELECT 1 AS a");
	assert_int_equal(lake_staged(l), 0);
	ino_t first = inode(l->w.spares[0]);
	const char *const only[] = {""};
	struct try_input in = lake_input("dwd.dwd_x", false, only, 1);
	struct try_request rq = lake_request(l, "dwd.dwd_y", "", "SELECT * FROM dwd.dwd_x");
	rq.inputs = &in;
	rq.ninputs = 1;
	assert_int_equal(lake_run(l, &rq).outcome, OUTCOME_SUCCESS);
	assert_int_equal(inode(l->w.spares[0]), first);
	assert_int_equal(lake_staged(l), 0);

	rq = lake_request(l, "dwd.dwd_y", "", "SELECT 2 AS a");
	rq.keep_staging = true;
	struct try_result r = lake_run(l, &rq);
	assert_int_equal(inode(r.staging), first);
	assert_int_equal(l->w.nspares, 0);

	lake_publish(l, "dwd.dwd_x", "", "SELECT 2 AS a");
	assert_int_equal(tree_remove(AT_FDCWD, l->w.spares[0], NULL), 0);
	lake_publish(l, "dwd.dwd_x", "", "SELECT 3 AS a");
	staging_rest(&l->w);
	assert_int_equal(lake_count(".strata/staging"), 1); /* what was kept */
}

static void a_failed_check_publishes_nothing_and_keeps_the_data(void **state)
{
	struct lake *l = *state;
	static const char *const keys[] = {"a", "b"};
	const struct column columns[] = {{"a", "bigint"}, {"b", NULL}};
	struct try_request rq = lake_request(l, "dwd.dwd_x", "2013-01-03", "SELECT * FROM (VALUES (1::BIGINT, 'x'), (1, 'x'), (2, 'y')) t(a, b)");
	rq.primary_keys = keys;
	rq.nprimary_keys = 2;
	rq.columns = columns;
	rq.ncolumns = 2;
	struct try_result r = lake_run(l, &rq);
	assert_failed(&r, "check", "primary_keys failed: 1 value of (\"a\", \"b\") is there more than once");
	assert_string_equal(r.staging, ".strata/staging/try-1");
	assert_false(lake_has("dwd/dwd_x/dt=2013-01-03"));
	assert_int_equal(lake_number(l, "SELECT count(*) FROM read_parquet('.strata/staging/try-1/out/*.parquet')"), 3);
	assert_int_equal(r.manifest.nchecks, 2);

	rq = lake_request(l, "dwd.dwd_x", "2013-01-03", "SELECT 1 AS a, NULL AS b");
	rq.primary_keys = keys;
	rq.nprimary_keys = 2;
	r = lake_run(l, &rq);
	assert_failed(&r, "check", "1 row has NULL");
	rq = lake_request(l, "dwd.dwd_x", "2013-01-03", "SELECT * FROM (VALUES (1, NULL), (1, 'x'), (1, 'x')) t(a, b)");
	rq.primary_keys = keys;
	rq.nprimary_keys = 2;
	r = lake_run(l, &rq);
	assert_failed(&r, "check", "1 row has NULL in (\"a\", \"b\"), and 1 value of (\"a\", \"b\") is there more than once");
	rq = lake_request(l, "dwd.dwd_x", "2013-01-03", "SELECT 1 AS a, TIMESTAMP '2013-01-03' AS t");
	rq.timestamp_col = "t";
	rq.columns = columns;
	rq.ncolumns = 2;
	r = lake_run(l, &rq);
	assert_failed(&r, "check", "'a' is INTEGER, declared bigint, no column 'b'");
	assert_string_equal(r.manifest.checks[1].status, "passed");
}

static void the_schema_is_that_of_the_files(void **state)
{
	struct lake *l = *state;
	struct try_result r = lake_publish(l, "dwd.dwd_x", "2013-01-03", "SELECT 1.5 AS d, 'x' AS s, DATE '2013-01-03' AS dt");
	assert_int_equal(r.manifest.nschema, 2);
	assert_string_equal(r.manifest.schema[0].type, "DECIMAL(2,1)");
	assert_string_equal(r.manifest.schema[1].name, "s");
	r = lake_publish(l, "dwd.dwd_y", "2013-01-03", "SELECT sum(i) AS s, 'x'::ENUM('x') AS e FROM range(3) t(i)");
	assert_string_equal(r.manifest.schema[0].type, "DECIMAL(38,0)"); /* Parquet has no HUGEINT */
	assert_string_equal(r.manifest.schema[1].type, "VARCHAR");
}

static void a_sum_of_integers_stays_exact(void **state)
{
	struct lake *l = *state;
	static const char sums[] = "SELECT sum(i) AS s, {'n': [sum(i)]} AS t, 18446744073709551617::UHUGEINT AS u%s "
	                           "FROM (VALUES (9007199254740993), (NULL)) t(i)";
	static const char *const dates[] = {"", "2013-01-03"};
	for (int i = 0; i < 2; i++) {
		const char *dt = i ? ", '2013-01-03' AS dt" : ", 1 AS dt";
		struct try_result r = lake_publish(l, i ? "dwd.dwd_x" : "dwd.dwd_y", dates[i], arena_printf(&l->arena, sums, dt));
		assert_int_equal(r.manifest.nschema, i ? 3 : 4);
		assert_string_equal(r.manifest.schema[0].type, "DECIMAL(38,0)");
		assert_string_equal(r.manifest.schema[1].type, "STRUCT(n DECIMAL(38,0)[])");
		assert_int_equal(lake_number(l, i ? "SELECT count(*) FROM read_parquet('dwd/dwd_x/*/*.parquet') WHERE s = 9007199254740993 AND "
		                                    "t.n[1] = 9007199254740993 AND u = 18446744073709551617"
		                                  : "SELECT count(*) FROM read_parquet('dwd/dwd_y/*.parquet') WHERE s = 9007199254740993 AND "
		                                    "t.n[1] = 9007199254740993 AND u = 18446744073709551617 AND dt = 1"), 1);
	}
	struct try_request rq = lake_request(l, "dwd.dwd_y", "", "SELECT 1 AS a, 170141183460469231731687303715884105727 AS s");
	struct try_result r = lake_run(l, &rq);
	assert_failed(&r, "sql", "Could not cast value 170141183460469231731687303715884105727 to DECIMAL(38,0) when casting from source column s");
	assert_int_equal(lake_manifest(l, "dwd/dwd_y").version, 1);
}

/* Nothing in the text tells of the HUGEINT: the file does. */
static void what_is_not_plain_is_seen_in_the_file(void **state)
{
	struct lake *l = *state;
	struct try_result r = lake_publish(l, "dwd.dwd_x", "", "SELECT 1 AS a, 9007199254740993::INT128 AS s, {'n': [1::INT128]} AS t FROM range(3)");
	assert_string_equal(r.manifest.schema[1].type, "DECIMAL(38,0)");
	assert_string_equal(r.manifest.schema[2].type, "STRUCT(n DECIMAL(38,0)[])");
	assert_int_equal(r.manifest.row_count, 3);
	assert_int_equal(r.manifest.nfiles, 1);
	assert_int_equal(lake_number(l, "SELECT count(*) FROM read_parquet('dwd/dwd_x/*.parquet') WHERE s = 9007199254740993"), 3);
	r = lake_publish(l, "dwd.dwd_x", "", "SELECT 1 AS a, 1e0 AS d, TIMESTAMP '2013-01-03' AS t, 2 AS A FROM range(2)");
	assert_string_equal(r.manifest.schema[1].type, "DOUBLE");
	assert_string_equal(r.manifest.schema[2].type, "TIMESTAMP");
	assert_string_equal(r.manifest.schema[3].name, "A_1");
	assert_int_equal(r.manifest.row_count, 2);
	struct try_request rq = lake_request(l, "dwd.dwd_x", "", "SELECT 170141183460469231731687303715884105727 AS s");
	r = lake_run(l, &rq);
	assert_failed(&r, "sql", "Could not cast value 170141183460469231731687303715884105727 to DECIMAL(38,0) when casting from source column s");
	rq = lake_request(l, "dwd.dwd_x", "", "SELECT 1) TO 'elsewhere.parquet'; COPY (SELECT 2");
	r = lake_run(l, &rq);
	assert_failed(&r, "sql", "syntax error");
	assert_false(lake_has("elsewhere.parquet"));
}

struct canceler {
	struct lake *l;
	pthread_t thread;
	bool over;
};

static void *poke(void *ctx)
{
	struct canceler *c = ctx;
	stop_ask(&c->l->w.stop, false);
	while (!__atomic_load_n(&c->over, __ATOMIC_ACQUIRE))
		stop_poke(&c->l->w.stop);
	return NULL;
}

static void cancel_at_load(void *ctx, const char *stage, int64_t rows)
{
	(void)rows;
	struct canceler *c = ctx;
	if (strcmp(stage, "load") == 0)
		pthread_create(&c->thread, NULL, poke, c);
}

static void a_canceled_try_is_killed_and_leaves_nothing(void **state)
{
	struct lake *l = *state;
	struct canceler c = {.l = l};
	struct try_request rq = lake_request(l, "dwd.dwd_x", "", "SELECT sum(hash(a.range + b.range)) AS s FROM range(10000000) a, range(10000000) b");
	struct try_result r;
	attempt_run(&l->w, &l->arena, &rq, cancel_at_load, &c, &r);
	__atomic_store_n(&c.over, true, __ATOMIC_RELEASE);
	pthread_join(c.thread, NULL);
	assert_int_equal(r.outcome, OUTCOME_KILLED);
	attempt_tidy(&l->w);
	assert_int_equal(lake_staged(l), 0);
	assert_false(lake_has("dwd/dwd_x"));
	stop_reset(&l->w.stop);
	lake_publish(l, "dwd.dwd_x", "", "SELECT 1 AS a"); /* the worker goes on */
}

static void names_cannot_leave_the_lake(void **state)
{
	struct lake *l = *state;
	static const char *const bad[] = {"x", "dwd.../x", "../dwd.x", "dwd.x/y", ".strata.x"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct try_request rq = lake_request(l, bad[i], "", "SELECT 1 AS a");
		struct try_result r = lake_run(l, &rq);
		assert_int_equal(r.outcome, OUTCOME_ERROR);
		assert_string_equal(r.error.class, "permanent");
	}
	struct try_request rq = lake_request(l, "dwd.x", "../../x", "SELECT 1 AS a");
	assert_int_equal(lake_run(l, &rq).outcome, OUTCOME_ERROR);
}

#define T(f) cmocka_unit_test_setup_teardown(f, lake_setup, lake_teardown)

/* Found by test_fresh_mutants.c: on one thread DuckDB waits for itself, and only SIGKILL ends it. */
static void an_asof_full_join_ends(void **state)
{
	struct lake *l = *state;
	lake_publish(l, "ods.ods_x", "", "SELECT 1 AS k, 10 AS v");
	struct try_input in = lake_input("ods.ods_x", false, whole, 1);
	assert_int_equal(l->w.threads, 1);
	static const char *const kinds[] = {"FULL", "RIGHT"};
	for (size_t i = 0; i < 2; i++) {
		char *sql = arena_printf(&l->arena, "SELECT a.v, b.v AS w FROM ods.ods_x a asof %s JOIN (SELECT 2 AS k, 5 AS v) b ON a.k = b.k AND a.v >= b.v",
		                         kinds[i]);
		struct try_request rq = lake_request(l, "dwd.dwd_x", "", sql);
		struct try_result r = run_on(l, &rq, &in, 1);
		assert_int_equal(r.outcome, OUTCOME_SUCCESS);
		assert_int_equal(r.manifest.row_count, i == 0 ? 2 : 1);
	}
}

static struct try_result act(struct lake *l, const char *sql, const struct try_input *in)
{
	struct try_request rq = lake_request(l, "ads.ads_alert", "2013-01-03", sql);
	rq.output_none = true;
	return run_on(l, &rq, in, in ? 1 : 0);
}

static void an_action_of_sql_is_run_and_leaves_nothing(void **state)
{
	struct lake *l = *state;
	lake_publish(l, "ods.ods_x", "2013-01-03", "SELECT 1 AS a FROM range(2)");
	struct try_input in = lake_input("ods.ods_x", true, d3, 1);
	assert_int_equal(act(l, "SELECT 1", NULL).outcome, OUTCOME_SUCCESS);
	assert_int_equal(act(l, "SELECT dt, a FROM ods.ods_x; -- all\n", &in).outcome, OUTCOME_SUCCESS);
	assert_int_equal(act(l, "PIVOT ods.ods_x ON a USING count(*)", &in).outcome, OUTCOME_SUCCESS);
	assert_int_equal(act(l, "SELECT a FROM ods.ods_x WHERE false", &in).outcome, OUTCOME_SUCCESS);
	/* More than the worker may have in memory: rows go as they come. */
	struct try_result r = act(l, "SELECT i, repeat('x', 1000) || i AS s FROM range(2000000) t(i)", NULL);
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_false(r.empty);
	assert_null(r.manifest.partition_date);
	assert_false(lake_has("ads"));
	assert_false(lake_has(".strata/locks/ads"));
	assert_int_equal(lake_staged(l), 0);
}

static void an_action_of_sql_fails_with_its_place(void **state)
{
	struct lake *l = *state;
	/* Every row is looked at: the last one has the error. */
	struct try_result r = act(l, "SELECT CASE WHEN i = 299999 THEN error('too late') END FROM range(300000) t(i)", NULL);
	assert_int_equal(r.outcome, OUTCOME_ERROR);
	assert_non_null(strstr(r.error.message, "too late"));
	r = act(l, "SELECT 1 AS a,\n  nothing", NULL);
	assert_string_equal(r.error.class, "sql");
	assert_int_equal(r.error.line, 2);
	assert_int_equal(r.error.col, 3);
	static const char *const others[] = {"CREATE TABLE x AS SELECT 1", "SELECT 1) CROSS JOIN (SELECT 2; DROP TABLE x", "SELECT 1; SELECT 2", "SELEC 1"};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		r = act(l, others[i], NULL);
		assert_int_equal(r.outcome, OUTCOME_ERROR);
		assert_string_equal(r.error.class, "sql");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(reads_partitions_with_dt_and_by_macro), T(analysts_views_are_there), T(a_reader_by_one_date_gets_dt),
		T(pins_survive_a_republish),
		T(upstream_without_rows_is_a_typed_empty_view), T(an_input_that_has_gone_fails_the_try), T(dt_must_be_the_partitions_own),
		T(errors_have_their_place_in_the_text), T(sql_cannot_change_the_configuration),
		T(the_next_try_takes_the_staging_of_the_one_before),
		T(a_failed_check_publishes_nothing_and_keeps_the_data),
		T(the_schema_is_that_of_the_files), T(a_sum_of_integers_stays_exact), T(what_is_not_plain_is_seen_in_the_file), T(a_canceled_try_is_killed_and_leaves_nothing), T(names_cannot_leave_the_lake),
		T(an_asof_full_join_ends),
		T(an_action_of_sql_is_run_and_leaves_nothing), T(an_action_of_sql_fails_with_its_place),
	};
	return cmocka_run_group_tests_name("attempt", tests, NULL, NULL);
}
