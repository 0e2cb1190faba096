/* executor/analyze: what is an error and where, what is never fresh, what is canonical, positions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "core/protocol.h"
#include "executor/analyze.h"
#include "executor/duck.h"

static duckdb_database db;
static duckdb_connection con;
static struct arena arena;

static int setup(void **state)
{
	(void)state;
	struct err err = {0};
	assert_int_equal(duck_open(&(struct duck_config){.threads = 1, .lock = true}, &db, &err), 0);
	assert_int_equal(duck_connect(db, &con, &err), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	duckdb_disconnect(&con);
	duckdb_close(&db);
	return 0;
}

static struct analysis analyze(const char *text)
{
	struct analysis a;
	analyze_sql(con, &arena, "dwd.dwd_x", text, &a);
	return a;
}

static void what_is_no_query_is_an_error_at_its_place(void **state)
{
	(void)state;
	static const struct {
		const char *text, *error;
		int line, col;
	} cases[] = {
		{"SELECT 1 +\n  FROM t WHERE", "syntax error at or near \"FROM\"", 2, 3},
		{"SELECT *\nFROM dwd.x_dt('2024-02-29'), dwd.x_dt('2024-13-45')", "'2024-13-45' is no date; x_dt takes one like '2013-01-31'", 2, 39},
		{"FROM x_dt('${PARTITION_DATE}') JOIN x_dt('20240115') USING (a)", "'20240115' is no date; x_dt takes one like '2013-01-31'", 1, 42},
		{"\n\n  SELEC 1", "syntax error at or near \"SELEC\"", 3, 3},
		{"SELECT 'open", "unterminated quoted string at or near \"'open\"", 1, 8},
		{"SELECT '${PARTITION_DATE}' AS d,\n ${PARTITION_DATE} x y", "syntax error at or near \"y\"", 2, 22},
		{"SELECT '\xf0\x9f\x98\x80', '\xc3\xa9' FRO m x y", "syntax error at or near \"m\"", 1, 25},
		{"SELECT 1;\n-- two\n SELECT 2;", "a second statement; a table's file holds one query", 3, 2},
		{"", "the file holds no query", 1, 1},
		{"-- nothing\n;", "the file holds no query", 1, 1},
		{"-- c\nCREATE TABLE x AS SELECT 1", "not a query; write one SELECT, strata makes the table of it", 2, 1},
		{"COPY (SELECT 1) TO 'x'", "not a query; write one SELECT, strata makes the table of it", 1, 1},
		{"INSERT INTO t SELECT 1", "not a query; write one SELECT, strata makes the table of it", 1, 1},
		{"-- c\nDESCRIBE SELECT 1", "not a query; write one SELECT, strata makes the table of it", 2, 1},
		{"SHOW TABLES", "not a query; write one SELECT, strata makes the table of it", 1, 1},
		{"SUMMARIZE dwd.a", "not a query; write one SELECT, strata makes the table of it", 1, 1},
		{"EXPLAIN SELECT 1", "not a query; write one SELECT, strata makes the table of it", 1, 1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct analysis a = analyze(cases[i].text);
		if (!str_eq(a.error, cases[i].error) || a.error_line != cases[i].line || a.error_col != cases[i].col)
			fail_msg("%s\n  gave %d:%d %s", cases[i].text, a.error_line, a.error_col,
			         a.error ? a.error : "no error");
		assert_false(a.parsed);
		assert_int_equal(strlen(a.canonical), 64);
	}
	assert_non_null(strstr(analyze("SELECT 1,\n ${NOPE}").error, "NOPE"));
	assert_int_equal(analyze("SELECT 1,\n ${NOPE}").error_line, 2);
}

static void doubt_reads_everything(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"PIVOT dwd.a ON k USING sum(x)",
		"SELECT * FROM (PIVOT dwd.a ON k USING sum(x))",
		"SELECT * FROM query('SELECT * FROM dwd.a')",
		"SELECT * FROM query_table('a')",
		"SELECT (SELECT max(x) FROM query('FROM dwd.b')) FROM dwd.a",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct analysis a = analyze(texts[i]);
		if (a.error || a.parsed || a.nrefs != 0)
			fail_msg("%s: %s", texts[i], a.error ? a.error : "parsed");
		assert_int_equal(strlen(a.canonical), 64);
	}
}

static void what_may_change_by_itself_is_volatile(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"SELECT 1", NULL},
		{"SELECT now()", "now()"},
		{"SELECT NOW() AS x", "now()"},
		{"SELECT current_date", "current_date"},
		{"SELECT CURRENT_TIMESTAMP", "current_timestamp"},
		{"SELECT localtime", "localtime"},
		{"SELECT today()", "today()"},
		{"SELECT get_current_timestamp()", "get_current_timestamp()"},
		{"SELECT random()", "random()"},
		{"SELECT uuid()", "uuid()"},
		{"SELECT gen_random_uuid()", "gen_random_uuid()"},
		{"SELECT nextval('s')", "nextval()"},
		{"SELECT getenv('HOME')", "getenv()"},
		{"SELECT txid_current()", "txid_current()"},
		{"SELECT current_setting('threads')", "current_setting()"},
		{"SELECT age(t) FROM a", "age()"},
		{"SELECT age(t, u) FROM a", NULL},
		{"SELECT x, sum(y) OVER (ORDER BY random()) FROM a", "random()"},
		{"SELECT list_filter(l, z -> z = now()) FROM a", "now()"},
		{"SELECT x FROM a ORDER BY uuid()", "uuid()"},
		{"WITH c AS (SELECT now() n) SELECT 1 FROM c", "now()"},
		{"SELECT * FROM read_csv('x.csv')", "read_csv()"},
		{"SELECT * FROM read_parquet(['a', 'b'])", "read_parquet()"},
		{"SELECT * FROM glob('*')", "glob()"},
		{"SELECT * FROM 'x.parquet'", "'x.parquet'"},
		{"SELECT * FROM a JOIN 's3://b/x.csv' USING (k)", "'s3://b/x.csv'"},
		{"SELECT * FROM duckdb_tables()", "duckdb_tables()"},
		{"SELECT * FROM information_schema.tables", "information_schema"},
		{"FROM (SHOW TABLES)", "SHOW"},
		{"SELECT * FROM a TABLESAMPLE 10%", "TABLESAMPLE"},
		{"SELECT * FROM a USING SAMPLE 10%", "USING SAMPLE"},
		{"SELECT 'now()', \"now\" FROM a -- random()", NULL},
		{"SELECT nowhere(), my_random() FROM a", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct analysis a = analyze(cases[i][0]);
		if (!str_eq(a.volatile_by, cases[i][1]) || a.error)
			fail_msg("%s: volatile by %s, error %s", cases[i][0], a.volatile_by ? a.volatile_by : "nothing",
			         a.error ? a.error : "none");
	}
}

static void layout_and_comments_are_not_canonical(void **state)
{
	(void)state;
	const char *same[] = {
		"SELECT a, b FROM dwd.t WHERE dt = '${PARTITION_DATE}' AND r = '${RUN_ID}'",
		"select a,\n\tb -- the b\nfrom dwd.t\nwhere dt = '$PARTITION_DATE' and /* why */ r = '$RUN_ID';",
		"\n\n\nSELECT a, b FROM dwd.t WHERE (dt = '${PARTITION_DATE}') AND (r = '${RUN_ID}') --",
	};
	const char *other[] = {
		"SELECT a, c FROM dwd.t WHERE dt = '${PARTITION_DATE}' AND r = '${RUN_ID}'",
		"SELECT a, b FROM dwd.t WHERE dt = '${PARTITION_DATE-1}' AND r = '${RUN_ID}'",
		"SELECT a, b FROM dwd.t WHERE dt = '${PARTITION_DATE}' AND r = 'x'",
	};
	struct analysis first = analyze(same[0]);
	assert_true(first.uses_run_id);
	assert_true(first.partitioned);
	for (size_t i = 1; i < 3; i++)
		assert_string_equal(analyze(same[i]).canonical, first.canonical);
	for (size_t i = 0; i < 3; i++)
		assert_string_not_equal(analyze(other[i]).canonical, first.canonical);
}

static void references_have_their_place_in_the_file(void **state)
{
	(void)state;
	struct analysis a = analyze("-- \xc3\xa9 ${PARTITION_DATE}\nSELECT '${PARTITION_DATE}', x FROM dwd.b\n"
	                            "  JOIN dwd.\"C\" USING (k) WHERE b.dt = '$PARTITION_DATE' AND x IN (SELECT y FROM ods.d_dt('2013-01-01'))");
	static const struct {
		const char *schema, *name;
		int line, col;
	} want[] = {{"dwd", "b", 2, 36}, {"dwd", "c", 3, 8}, {"ods", "d", 3, 81}};
	assert_int_equal(a.nrefs, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(a.refs[i].schema, want[i].schema);
		assert_string_equal(a.refs[i].name, want[i].name);
		assert_int_equal(a.refs[i].line, want[i].line);
		assert_int_equal(a.refs[i].col, want[i].col);
	}
	assert_int_equal(a.refs[2].kind, REF_MACRO);
	assert_true(analyze("SELECT 1 -- $PARTITION_DATE").comment_only);
}

static void exec_files_are_bytes(void **state)
{
	(void)state;
	struct analysis a;
	static const char TEXT[] = "#!/bin/sh\necho $STRATA_PARTITION_DATE\n";
	analyze_exec(&arena, TEXT, sizeof TEXT - 1, &a);
	assert_true(a.partitioned && a.parsed);
	assert_string_equal(a.volatile_by, "exec");
	analyze_exec(&arena, "#!/bin/true", 11, &a);
	assert_false(a.partitioned);
}

/* A batch with a text that is wrong, one that cannot be serialised, and good ones around them. */
static void a_request_answers_each_table(void **state)
{
	(void)state;
	json_t *req = json_pack("{s:[{s:s,s:s,s:s},{s:s,s:s,s:s},{s:s,s:s,s:s},{s:s,s:s,s:s},{s:s,s:s,s:s}]}", "tables",
	                        "qname", "dwd.a", "kind", "sql", "text", "SELECT * FROM ods.x",
	                        "qname", "dwd.b", "kind", "sql", "text", "SELECT FROM WHERE",
	                        "qname", "dwd.c", "kind", "sql", "text", "PIVOT t ON k USING sum(v)",
	                        "qname", "dwd.d", "kind", "exec", "text", "#!/bin/sh",
	                        "qname", "dwd.e", "kind", "sql", "text", "SELECT * FROM ods.${TABLE}_${LAYER}");
	json_t *reply = NULL;
	struct err err = {0};
	assert_int_equal(analyze_request(db, req, &reply, &err), 0);
	struct analysis a[5];
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(analysis_from_json(&arena, json_array_get(json_object_get(reply, "tables"), i), &a[i], &err), 0);
	assert_true(a[0].parsed && a[0].nrefs == 1);
	assert_non_null(a[1].error);
	assert_true(!a[2].error && !a[2].parsed);
	assert_string_equal(a[3].volatile_by, "exec");
	assert_string_equal(a[4].refs[0].name, "e_dwd");
	json_decref(reply);
	json_decref(req);
}

static void calls_of_analysts_macros_are_references(void **state)
{
	(void)state;
	json_t *req = json_pack("{s:[{s:s,s:s,s:s}],s:[s,s,s]}", "tables", "qname", "dwd.a", "kind", "sql", "text",
	                        "SELECT M.f(1), g(2), m.g(3), sum(4)\nFROM m.h_dt('2013-01-01'), m.f_dt('2013-01-01')", "macros", "m.f",
	                        "main.g", "m.h_dt");
	json_t *reply = NULL;
	struct err err = {0};
	struct analysis a;
	assert_int_equal(analyze_request(db, req, &reply, &err), 0);
	assert_int_equal(analysis_from_json(&arena, json_array_get(json_object_get(reply, "tables"), 0), &a, &err), 0);
	char text[256] = "";
	for (size_t i = 0; i < a.nrefs; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%d %s.%s %d:%d; ", a.refs[i].kind, a.refs[i].schema,
		         a.refs[i].name, a.refs[i].line, a.refs[i].col);
	assert_string_equal(text, "2 m.f 1:8; 2 .g 1:16; 2 m.h_dt 2:6; 1 m.f 2:28; ");
	json_decref(reply);
	json_decref(req);
}

/* As deep as DuckDB parses, and deeper: a reference found, an error, or doubt; never a crash. */
static void deep_nesting_ends_well(void **state)
{
	(void)state;
	static const struct {
		const char *open, *core, *close;
	} shapes[] = {
		{"SELECT * FROM (", "SELECT * FROM dwd.a", ")"},
		{"", "SELECT x FROM dwd.a WHERE x = 'b'", "||'a'"},
		{"SELECT (", "SELECT max(x) FROM dwd.a", ")"},
		{"", "SELECT x FROM dwd.a", " UNION ALL SELECT 1"},
		{"WITH c AS (", "SELECT x FROM dwd.a", ") SELECT * FROM c"},
	};
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		for (int depth = 1; depth < 3000; depth = depth * 3 / 2 + 1) {
			struct buf text = BUF_INIT(1 << 20);
			for (int k = 0; k < depth; k++)
				buf_adds(&text, shapes[i].open);
			buf_adds(&text, shapes[i].core);
			for (int k = 0; k < depth; k++)
				buf_adds(&text, shapes[i].close);
			struct analysis a = analyze(buf_cstr(&text));
			if (!a.error && a.parsed)
				assert_int_equal(a.nrefs, 1);
			if (depth < 100)
				assert_true(a.parsed);
			buf_free(&text);
		}
	}
}

/* Found by test_fresh_mutants.c: DuckDB prints both as 1.0, and so the table kept its decimals. */
static void a_double_is_no_decimal_in_the_canonical_form(void **state)
{
	(void)state;
	assert_string_not_equal(analyze("SELECT 1e0 AS x").canonical, analyze("SELECT 1.0 AS x").canonical);
	assert_string_not_equal(analyze("SELECT a % 10e-1 FROM dwd.t").canonical, analyze("SELECT a % 1.0 FROM dwd.t").canonical);
	assert_string_equal(analyze("SELECT  1.0 AS x").canonical, analyze("SELECT 1.0 AS x").canonical);
	const char *quoted = "SELECT '\"query_location\":1' AS x", *other = "SELECT '\"query_location\":2' AS x";
	assert_string_not_equal(analyze(quoted).canonical, analyze(other).canonical);
}

/* Found by fuzz_sql.c: DuckDB makes no value of bytes that are no UTF-8, and a list of none is its crash. */
static void bytes_that_are_no_text_are_not_parsed(void **state)
{
	(void)state;
	struct analysis a = analyze("SELECT '\xe4' AS x FROM dwd.a");
	assert_false(a.parsed);
	assert_null(a.error);
	assert_int_equal(a.nrefs, 0);
	assert_true(analyze("SELECT '\xc3\xa4' AS x FROM dwd.a").parsed);
}

/* Found by test_fresh_mutants.c: its tree has numbers that the reader of JSON refused. */
static void a_number_beyond_64_bits_is_parsed_like_any(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"SELECT 123456789012345678901234567890 AS x FROM dwd.a WHERE dt = '2013-01-03'",
		"SELECT hash(k) % 18446744073709551615 FROM dwd.a WHERE dt = '2013-01-03'",
		"SELECT 9223372036854775808, '9223372036854775808, \\' FROM dwd.a WHERE dt = '2013-01-03'",
		"SELECT 1 FROM dwd.a WHERE dt = '2013-01-03' AND k < 170141183460469231731687303715884105727",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct analysis a = analyze(texts[i]);
		assert_true(a.parsed);
		assert_int_equal(a.nrefs, 1);
		assert_int_equal(a.refs[0].nspans, 1);
		assert_int_equal(a.refs[0].spans[0].lo.day, 15708);
		assert_true(a.refs[0].line == 1 && a.refs[0].col > 0);
	}
	assert_string_not_equal(analyze("SELECT 18446744073709551615").canonical, analyze("SELECT 18446744073709551614").canonical);
	struct analysis wide = analyze("SELECT 1 FROM dwd.a WHERE dt::DATE >= DATE '2013-01-03' - 9223372036854775808");
	assert_true(wide.parsed && wide.refs[0].spans[0].lo.kind == BOUND_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_query_is_an_error_at_its_place),
		cmocka_unit_test(doubt_reads_everything),
		cmocka_unit_test(what_may_change_by_itself_is_volatile),
		cmocka_unit_test(layout_and_comments_are_not_canonical),
		cmocka_unit_test(a_double_is_no_decimal_in_the_canonical_form),
		cmocka_unit_test(bytes_that_are_no_text_are_not_parsed),
		cmocka_unit_test(a_number_beyond_64_bits_is_parsed_like_any),
		cmocka_unit_test(references_have_their_place_in_the_file),
		cmocka_unit_test(exec_files_are_bytes),
		cmocka_unit_test(a_request_answers_each_table),
		cmocka_unit_test(calls_of_analysts_macros_are_references),
		cmocka_unit_test(deep_nesting_ends_well),
	};
	return cmocka_run_group_tests_name("analyze", tests, setup, teardown);
}
