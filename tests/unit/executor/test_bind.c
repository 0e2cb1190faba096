/* executor/bind: schemas go from table to table, errors have a place, what is not known is not an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "executor/bind.h"
#include "executor/bind_type.h"
#include "executor/duck.h"

static duckdb_database db;
static struct binder *binder;
static json_t *reply;

static int setup(void **state)
{
	(void)state;
	struct err err = {0};
	assert_int_equal(duck_open(&(struct duck_config){.threads = 1, .lock = true}, &db, &err), 0);
	binder = binder_new(db);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(reply);
	binder_free(binder);
	duckdb_close(&db);
	return 0;
}

/* Requests are written with ' for ". */
static void ask(const char *text)
{
	struct err err = {0};
	json_error_t where;
	char *copy = strdup(text);
	for (char *c = copy; *c; c++)
		*c = *c == '`' ? '\'' : *c == '\'' ? '"' : *c;
	json_t *req = json_loads(copy, 0, &where);
	free(copy);
	if (!req)
		fail_msg("%s at %d", where.text, where.position);
	json_decref(reply);
	reply = NULL;
	if (bind_request(binder, req, &reply, &err) < 0)
		fail_msg("%s", err.text);
	json_decref(req);
}

static const char *answer(size_t i)
{
	static char text[4096];
	json_t *one = json_array_get(json_object_get(reply, "tables"), i);
	json_t *columns = json_object_get(one, "columns"), *error = json_object_get(one, "error");
	const json_t *c;
	size_t n = 0, k;
	text[0] = '\0';
	json_array_foreach(columns, k, c)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s %s", k ? ", " : "",
		                      json_string_value(json_object_get(c, "name")),
		                      json_string_value(json_object_get(c, "type")));
	if (error)
		snprintf(text, sizeof text, "%d:%d %s [%s]", (int)json_integer_value(json_object_get(error, "line")),
		         (int)json_integer_value(json_object_get(error, "col")),
		         json_string_value(json_object_get(error, "message")),
		         json_string_value(json_object_get(error, "candidates")));
	if (json_object_get(one, "unknown"))
		snprintf(text, sizeof text, "unknown: %s", json_string_value(json_object_get(one, "unknown")));
	return text;
}

static void schemas_go_downstream(void **state)
{
	(void)state;
	ask("{'tables': ["
	    "{'qname': 'ods.ods_f', 'partitioned': true, 'columns': [{'name': 'Carrier', 'type': 'VARCHAR'}, {'name': 'd', 'type': 'DECIMAL(18,3)'}]},"
	    "{'qname': 'dwd.dwd_f', 'partitioned': true, 'sql': 'SELECT carrier, sum(d) AS s, dt, [1] AS l FROM ods.ods_f GROUP BY ALL -- x\\n;'},"
	    "{'qname': 'ads.ads_f', 'partitioned': false, 'sql': 'SELECT dt, s, l FROM dwd.dwd_f_dt(`2013-01-01`)'},"
	    "{'qname': 'ads.ads_g', 'partitioned': false, 'sql': 'SELECT NULL AS n, dt::DATE AS dt FROM ads.ads_f'},"
	    "{'qname': 'ads.ads_h', 'partitioned': false, 'sql': 'SELECT n FROM ads.ads_g'}]}");
	assert_string_equal(answer(0), "Carrier VARCHAR, d DECIMAL(18,3)");
	assert_string_equal(answer(1), "Carrier VARCHAR, s DECIMAL(38,3), l INTEGER[]");
	assert_string_equal(answer(2), "dt VARCHAR, s DECIMAL(38,3), l INTEGER[]");
	assert_true(str_has_suffix(answer(3), "dt DATE"));
	assert_non_null(strstr(answer(4), "n "));
}

static void errors_have_place_and_candidates(void **state)
{
	(void)state;
	ask("{'tables': ["
	    "{'qname': 'ods.f', 'partitioned': true, 'columns': [{'name': 'carrier', 'type': 'VARCHAR'}, {'name': 'delay', 'type': 'INTEGER'}]},"
	    "{'qname': 'dwd.a', 'partitioned': true, 'sql': 'SELECT delay,\\n  carier\\nFROM ods.f'},"
	    "{'qname': 'dwd.b', 'sql': 'SELECT sum(carrier) FROM ods.f'},"
	    "{'qname': 'dwd.c', 'sql': 'SELECT delay FROM ods.f f JOIN ods.f g USING (carrier)'},"
	    "{'qname': 'dwd.d', 'sql': 'SELECT nofunction(delay) FROM ods.f'},"
	    "{'qname': 'dwd.e', 'sql': 'SELECT x FROM dwd.a'},"
	    "{'qname': 'dwd.g', 'columns': [{'name': 'x', 'type': 'NOTYPE'}]}]}");
	assert_string_equal(answer(1), "2:3 Referenced column \"carier\" not found in FROM clause! [carrier]");
	assert_true(str_has_prefix(answer(2), "1:8 No function matches the given name and argument types 'sum(VARCHAR)'."));
	assert_null(strchr(answer(2), '\n'));
	assert_non_null(strstr(answer(3), "1:8 Ambiguous reference to column name \"delay\""));
	assert_true(str_has_prefix(answer(4), "1:8 Scalar Function with name nofunction does not exist!"));
	assert_true(str_has_prefix(answer(5), "unknown: Table with name \"dwd.a\" does not exist"));
	assert_true(str_has_prefix(answer(6), "0:0 Type with name NOTYPE does not exist!"));
}

static void a_source_is_its_columns_or_its_header(void **state)
{
	(void)state;
	char path[] = "/tmp/strata-bind-XXXXXX", text[2048];
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	static const char CSV[] = "year,carrier,when\n2013,UA,2013-01-01 05:00:00\n";
	assert_int_equal(write(fd, CSV, sizeof CSV - 1), (ssize_t)sizeof CSV - 1);
	close(fd);
	snprintf(text, sizeof text,
	         "{'lake': '/tmp', 'tables': ["
	         "{'qname': 'ods.a', 'partitioned': true, 'sql': 'FROM tmp_a', 'source': {'view': 'tmp_a', 'format': 'csv', 'files': ['%s']}},"
	         "{'qname': 'ods.b', 'partitioned': true, 'sql': 'FROM tmp_b', 'source': {'view': 'tmp_b', 'format': 'csv', 'all_varchar': true, 'files': ['%s']}},"
	         "{'qname': 'ods.c', 'sql': 'FROM tmp_c', 'source': {'view': 'tmp_c', 'format': 'json', 'columns': [{'name': 'k', 'type': 'BIGINT'}]}},"
	         "{'qname': 'ods.d', 'sql': 'FROM tmp_d', 'source': {'view': 'tmp_d', 'format': 'csv'}},"
	         "{'qname': 'ods.e', 'sql': 'FROM tmp_e', 'source': {'view': 'tmp_e', 'format': 'csv', 'files': ['/nowhere/x.csv']}},"
	         "{'qname': 'dwd.f', 'sql': 'SELECT k FROM ods.c JOIN ods.e USING (k)'}]}",
	         path, path + 5);
	ask(text);
	unlink(path);
	assert_string_equal(answer(0), "year BIGINT, carrier VARCHAR, when TIMESTAMP");
	assert_string_equal(answer(1), "year VARCHAR, carrier VARCHAR, when VARCHAR");
	assert_string_equal(answer(2), "k BIGINT");
	assert_string_equal(answer(3), "unknown: its source has neither columns nor files");
	assert_true(str_has_prefix(answer(4), "unknown: No files found"));
	assert_true(str_has_prefix(answer(5), "unknown: Table with name e does not exist"));
}

static void analysts_views_are_bound(void **state)
{
	(void)state;
	ask("{'tables': ["
	    "{'qname': 'ods.ods_f', 'partitioned': true, 'columns': [{'name': 'a', 'type': 'BIGINT'}]},"
	    "{'qname': 'dwd.dwd_f', 'sql': 'SELECT * FROM m.v', 'views': ["
	    "{'name': 'm.v', 'ddl': 'CREATE SCHEMA IF NOT EXISTS m; CREATE OR REPLACE VIEW m.v AS SELECT a + 1 AS b FROM ods.ods_f_dt(`x`)'}]},"
	    "{'qname': 'dwd.dwd_g', 'sql': 'SELECT c FROM m.v', 'views': ["
	    "{'name': 'm.v', 'ddl': 'CREATE SCHEMA IF NOT EXISTS m; CREATE OR REPLACE VIEW m.v AS SELECT a + 1 AS b FROM ods.ods_f_dt(`x`)'}]},"
	    "{'qname': 'dwd.dwd_h', 'sql': 'SELECT 1 AS a', 'views': ["
	    "{'name': 'm.w', 'ddl': 'CREATE OR REPLACE VIEW m.w AS SELECT gone FROM ods.ods_f'}]},"
	    "{'qname': 'dwd.dwd_i', 'sql': 'SELECT 1 AS a', 'views': ["
	    "{'name': 'm.w', 'ddl': 'CREATE OR REPLACE VIEW m.w AS SELECT 1 FROM ods.ods_unknown'}]}]}");
	assert_string_equal(answer(1), "b BIGINT");
	assert_string_equal(answer(2), "1:8 Referenced column \"c\" not found in FROM clause! [b]");
	assert_true(str_has_prefix(answer(3), "0:0 'm.w' of catalog/migrations: Referenced column \"gone\" not found"));
	assert_true(str_has_prefix(answer(4), "unknown: Table with name ods_unknown"));
}

static void keep_goes_on_with_the_catalog(void **state)
{
	(void)state;
	ask("{'tables': [{'qname': 'a.x', 'partitioned': true, 'columns': [{'name': 'k', 'type': 'INTEGER'}]}]}");
	ask("{'keep': true, 'tables': [{'qname': 'b.y', 'sql': 'SELECT k, dt FROM a.x_dt(`2013-01-01`)'}]}");
	assert_string_equal(answer(0), "k INTEGER, dt VARCHAR");
	ask("{'keep': true, 'tables': [{'qname': 'b.z', 'sql': 'SELECT k FROM b.y'}]}");
	assert_string_equal(answer(0), "k INTEGER");
	ask("{'tables': [{'qname': 'b.z', 'sql': 'SELECT k FROM a.x'}]}");
	assert_true(str_has_prefix(answer(0), "unknown: Table with name \"a.x\" does not exist"));
}

static void pivots_bind_if_they_name_their_values(void **state)
{
	(void)state;
	ask("{'tables': [{'qname': 'a.x', 'partitioned': true, 'columns': [{'name': 'k', 'type': 'VARCHAR'}, {'name': 'v', 'type': 'INTEGER'}]},"
	    "{'qname': 'b.y', 'sql': 'PIVOT a.x ON k IN (`p`, `q`) USING sum(v) GROUP BY dt'},"
	    "{'qname': 'b.z', 'sql': 'PIVOT a.x ON k USING sum(v) GROUP BY dt'}]}");
	assert_string_equal(answer(1), "dt VARCHAR, p DECIMAL(38,0), q DECIMAL(38,0)");
	assert_true(str_has_prefix(answer(2), "unknown: the columns of a PIVOT without IN"));
}

/* Against DuckDB itself: what it writes to Parquet, as load.c has it written, and reads back. */
static void types_are_those_of_the_files(void **state)
{
	(void)state;
	static const char *const types[] = {
		"HUGEINT", "UHUGEINT", "ENUM('a', 'it''s)')", "INTEGER[3]", "HUGEINT[]", "STRUCT(BIT HUGEINT, \"E (\" ENUM('x'))[2]",
		"MAP(VARCHAR, STRUCT(a BIT, b DECIMAL(18,3)))", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "BIT", "BIGNUM", "TIME_NS",
		"TIMESTAMP WITH TIME ZONE", "UUID", "INTERVAL", "DECIMAL(38,0)", "VARCHAR", "DATE", "UTINYINT", "BLOB", "JSON",
	};
	duckdb_connection con;
	struct arena arena = {0};
	struct err err = {0};
	struct duck_error e = {0};
	char path[] = "/tmp/strata-type-XXXXXX", sql[512];
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(duck_connect(db, &con, &err), 0);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		struct column *query, *file;
		size_t n;
		snprintf(sql, sizeof sql, "SELECT CAST(NULL AS %s) AS x", types[i]);
		assert_int_equal(duck_describe(con, &arena, sql, &query, &n, &e), 0);
		snprintf(sql, sizeof sql, "COPY (SELECT CAST(CAST(NULL AS %s) AS %s) AS x) TO '%s' (FORMAT parquet)", types[i],
		         bind_exact_type(&arena, query[0].type), path);
		if (duck_run(con, sql, &e) < 0)
			fail_msg("%s: %s", types[i], e.message);
		snprintf(sql, sizeof sql, "SELECT * FROM read_parquet('%s')", path);
		assert_int_equal(duck_describe(con, &arena, sql, &file, &n, &e), 0);
		assert_string_equal(bind_published_type(&arena, query[0].type), file[0].type);
	}
	unlink(path);
	duckdb_disconnect(&con);
	arena_free(&arena);
}

static void types_have_names(void **state)
{
	(void)state;
	ask("{'tables': [], 'types': ['int', 'Text', 'NOTATYPE', 'numeric(4, 1)', '', 'long[]', 'INTEGER) AS a, (1', 7]}");
	json_t *want = json_pack("[s, s, n, s, n, s, n, n]", "INTEGER", "VARCHAR", "DECIMAL(4,1)", "BIGINT[]");
	assert_true(json_equal(json_object_get(reply, "types"), want));
	json_decref(want);
}

static void a_type_without_a_name_is_an_unknown_schema(void **state)
{
	(void)state;
	static const char *const nameless[] = {"UNION(a INTEGER)", "STRUCT(UTINYINT, INTEGER)", "STRUCT(a INTEGER, b STRUCT(DECIMAL(3,1)[]))[]",
	                                       "MAP(VARCHAR, UNION(\"a b\" INTEGER))"};
	static const char *const named[] = {"STRUCT(\"UNION(\" INTEGER, \"x\"\"y,\" DECIMAL(3,1), \"select\" STRUCT(\"1\" DATE))", "ENUM('UNION(', 'STRUCT(a)')",
	                                    "MAP(VARCHAR, INTEGER[3])"};
	for (size_t i = 0; i < sizeof nameless / sizeof *nameless; i++)
		assert_true(bind_type_nameless(nameless[i]));
	for (size_t i = 0; i < sizeof named / sizeof *named; i++)
		assert_false(bind_type_nameless(named[i]));
	ask("{'tables': [{'qname': 'a.x', 'sql': 'SELECT union_value(a := 1) AS u'}, {'qname': 'b.y', 'sql': 'SELECT u FROM a.x'},"
	    "{'qname': 'a.p', 'columns': [{'name': 'u', 'type': 'STRUCT(UTINYINT, INTEGER)'}]}, {'qname': 'b.z', 'sql': 'SELECT v FROM a.p'},"
	    "{'qname': 'a.q', 'sql': 'SELECT {`a b`: 1, `select`: 2} AS s'}, {'qname': 'b.q', 'sql': 'SELECT s FROM a.q'}]}");
	assert_true(str_has_prefix(answer(0), "unknown: a column is a UNION"));
	assert_true(str_has_prefix(answer(1), "unknown: "));
	assert_true(str_has_prefix(answer(2), "unknown: a column is a UNION"));
	assert_true(str_has_prefix(answer(3), "unknown: "));
	assert_string_equal(answer(4), "s STRUCT(\"a b\" INTEGER, \"select\" INTEGER)");
	assert_string_equal(answer(5), "s STRUCT(\"a b\" INTEGER, \"select\" INTEGER)");
}

/* Batches over one catalog: each table reads the one before it. */
static void a_long_chain_binds(void **state)
{
	(void)state;
	enum { TABLES = 2000, BATCH = 500 };
	for (int first = 0; first < TABLES; first += BATCH) {
		json_t *req = json_pack("{s:b, s:[]}", "keep", first > 0, "tables"), *list = json_object_get(req, "tables");
		for (int i = first; i < first + BATCH; i++) {
			char name[32], sql[128];
			snprintf(name, sizeof name, "l.t%d", i);
			snprintf(sql, sizeof sql, i ? "SELECT a, b || 'x' AS b FROM l.t%d" : "SELECT 1 AS a, 'y' AS b", i - 1);
			json_array_append_new(list, json_pack("{s:s, s:b, s:s}", "qname", name, "partitioned", true, "sql", sql));
		}
		struct err err = {0};
		json_decref(reply);
		reply = NULL;
		assert_int_equal(bind_request(binder, req, &reply, &err), 0);
		json_decref(req);
		for (size_t i = 0; i < BATCH; i++)
			assert_string_equal(answer(i), "a INTEGER, b VARCHAR");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schemas_go_downstream),
		cmocka_unit_test(errors_have_place_and_candidates),
		cmocka_unit_test(a_source_is_its_columns_or_its_header),
		cmocka_unit_test(analysts_views_are_bound),
		cmocka_unit_test(keep_goes_on_with_the_catalog),
		cmocka_unit_test(pivots_bind_if_they_name_their_values),
		cmocka_unit_test(types_are_those_of_the_files),
		cmocka_unit_test(types_have_names),
		cmocka_unit_test(a_type_without_a_name_is_an_unknown_schema),
		cmocka_unit_test(a_long_chain_binds),
	};
	return cmocka_run_group_tests_name("bind", tests, setup, teardown);
}
