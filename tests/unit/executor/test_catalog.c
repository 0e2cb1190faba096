/* The analysts' catalog and its migrations, read back by a DuckDB of their own. */
#include "lake.h"

#include "executor/catalog.h"

static json_t *build(struct lake *l, const char *tables, struct op_error *e)
{
	json_t *req = json_pack("{s:s, s:o, s:o}", "op", "catalog", "tables", json_loads(tables, 0, NULL), "migrations",
	                        json_sprintf("%s/migrations", l->path));
	json_t *reply = NULL;
	*e = (struct op_error){.class = "permanent"};
	if (op_catalog(&l->w, req, &reply, e) < 0)
		assert_null(reply);
	json_decref(req);
	return reply;
}

/* One number from the finished file, as somebody else opens it, from another folder. */
static int64_t ask(struct lake *l, const char *sql)
{
	duckdb_database db;
	duckdb_connection con;
	int64_t n = -1;
	struct duck_error e = {0};
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(duckdb_open(arena_printf(&l->arena, "%s/.strata/catalog.duckdb", l->path), &db), DuckDBSuccess);
	assert_int_equal(duckdb_connect(db, &con), DuckDBSuccess);
	int rc = duck_int64(con, sql, &n, &e);
	duckdb_disconnect(&con);
	duckdb_close(&db);
	assert_int_equal(chdir(l->path), 0);
	return rc < 0 ? -1 : n;
}

static const char *const both = "[{\"qname\": \"dwd.dwd_x\", \"partitioned\": true},"
                                "{\"qname\": \"dim.dim_y\", \"partitioned\": false, \"columns\": [{\"name\": \"a\", \"type\": \"DATE\"}]},"
                                "{\"qname\": \"dim.dim_unknown\", \"partitioned\": false}]";

static void shows_what_is_published(void **state)
{
	struct lake *l = *state;
	struct op_error e;
	lake_publish(l, "dwd.dwd_x", "2013-01-03", "SELECT 1 AS v FROM range(2)");
	lake_publish(l, "dwd.dwd_x", "2013-01-04", "SELECT 1 AS v FROM range(3)");
	json_t *r = build(l, both, &e);
	assert_int_equal(json_integer_value(json_object_get(r, "tables")), 2);
	json_decref(r);
	assert_int_equal(ask(l, "SELECT count(*) FROM dwd.dwd_x"), 5);
	assert_int_equal(ask(l, "SELECT count(*) FROM dwd.dwd_x_dt('2013-01-04') WHERE dt = '2013-01-04'"), 3);
	assert_int_equal(ask(l, "SELECT count(*) FROM dim.dim_y WHERE a > DATE '2013-01-01'"), 0);
	assert_int_equal(ask(l, "SELECT count(*) FROM dim.dim_unknown"), -1);
	lake_publish(l, "dwd.dwd_x", "2013-01-05", "SELECT 1 AS v"); /* seen without a new catalog */
	assert_int_equal(ask(l, "SELECT count(*) FROM dwd.dwd_x"), 6);
	lake_publish(l, "dim.dim_y", "", "SELECT DATE '2013-01-09' AS a FROM range(4)");
	json_decref(build(l, both, &e));
	assert_int_equal(ask(l, "SELECT count(*) FROM dim.dim_y WHERE a > DATE '2013-01-01'"), 4);
	lake_publish(l, "dim.dim_y", "", "SELECT DATE '2013-01-09' AS a FROM range(7)");
	assert_int_equal(ask(l, "SELECT count(*) FROM dim.dim_y"), 7);
	json_decref(build(l, "[]", &e)); /* a table that is gone goes */
	assert_int_equal(ask(l, "SELECT count(*) FROM dwd.dwd_x"), -1);
	assert_int_equal(lake_has(".strata/catalog.duckdb.wal"), false);
}

static void migrations_apply_once_and_define_only(void **state)
{
	struct lake *l = *state;
	struct op_error e;
	lake_publish(l, "dwd.dwd_x", "2013-01-03", "SELECT 1 AS v FROM range(2)");
	lake_write("migrations/0002_b.sql", "CREATE VIEW marts.twice AS SELECT plus(n, n) AS n FROM marts.mine");
	lake_write("migrations/0001_a.sql", "-- one; two\nCREATE SCHEMA marts; CREATE VIEW marts.mine AS SELECT count(*) AS n, ';' AS s FROM dwd.dwd_x;\n"
	                                    "CREATE TABLE t(a INTEGER); /* ; */ CREATE OR REPLACE VIEW \"dwd\".\"dwd_x\" AS SELECT 1;\n"
	                                    "CREATE MACRO plus(a, b) AS a + b;");
	json_t *r = build(l, both, &e);
	assert_non_null(r);
	assert_string_equal(json_string_value(json_array_get(json_object_get(r, "applied"), 0)), "0001_a.sql");
	assert_int_equal(json_array_size(json_object_get(r, "applied")), 2);
	assert_int_equal(json_array_size(json_object_get(r, "skipped")), 2);
	json_decref(r);
	assert_int_equal(ask(l, "SELECT n FROM marts.twice"), 4);
	assert_int_equal(ask(l, "SELECT count(*) FROM catalog_meta.schema_migrations WHERE length(checksum) = 64"), 2);
	r = build(l, both, &e);
	assert_int_equal(json_array_size(json_object_get(r, "applied")), 0);
	json_decref(r);
	assert_int_equal(ask(l, "SELECT n FROM marts.twice"), 4);

	lake_write("migrations/0002_b.sql", "CREATE VIEW marts.other AS SELECT 1");
	assert_null(build(l, both, &e));
	assert_non_null(strstr(e.err.text, "0002_b.sql was applied and has changed since"));
	lake_write("migrations/0002_b.sql", "CREATE VIEW marts.twice AS SELECT plus(n, n) AS n FROM marts.mine");
	lake_write("migrations/0003_c.sql", "CREATE VIEW marts.c AS SELECT 1 AS n; CREATE VIEW marts.d AS SELECT nope FROM marts.mine");
	assert_null(build(l, both, &e));
	assert_non_null(strstr(e.err.text, "0003_c.sql: Binder Error"));
	assert_int_equal(ask(l, "SELECT n FROM marts.twice"), 4); /* the old file is as it was */
	assert_int_equal(ask(l, "SELECT n FROM marts.c"), -1);
	assert_int_equal(lake_count(".strata"), 5); /* no half-built file: catalog, its lock, locks, staging, tmp */
}

#define T(f) cmocka_unit_test_setup_teardown(f, lake_setup, lake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {T(shows_what_is_published), T(migrations_apply_once_and_define_only)};
	return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}
