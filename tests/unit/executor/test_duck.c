/* executor/duck: errors with positions, describing, trimming. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "executor/duck.h"

static duckdb_database db;
static duckdb_connection con;

static int setup(void **state)
{
	(void)state;
	struct err err = {0};
	assert_int_equal(duck_open(&(struct duck_config){.threads = 1, .memory_bytes = 1 << 28, .lock = true}, &db, &err), 0);
	assert_int_equal(duck_connect(db, &con, &err), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	duckdb_disconnect(&con);
	duckdb_close(&db);
	return 0;
}

static void errors_have_a_place_and_candidates(void **state)
{
	(void)state;
	struct duck_error e;
	assert_int_equal(duck_run(con, "SELECT 1,\n  flihgt\nFROM (SELECT 1 AS flight)", &e), -1);
	assert_string_equal(e.kind, "Binder");
	assert_string_equal(e.message, "Referenced column \"flihgt\" not found in FROM clause!");
	assert_string_equal(e.candidates, "flight");
	assert_int_equal(e.line, 2);
	assert_int_equal(e.col, 3);
	assert_string_equal(duck_error_class(&e), "sql");
	struct err err = {0};
	assert_int_equal(duck_err(&e, &err), ERR_ENGINE);
	assert_string_equal(err.text, "Binder Error: Referenced column \"flihgt\" not found in FROM clause!; candidates: "
	                              "flight (line 2, column 3)");
	assert_int_equal(duck_run(con, "FROM read_parquet('/nowhere/*.parquet')", &e), -1);
	assert_string_equal(duck_error_class(&e), "transient");
	assert_int_equal(duck_run(con, "SET threads = 2", &e), -1);
	assert_non_null(strstr(e.message, "locked"));
	assert_int_equal(duck_run(con, "SELECT '\xc3\xa9\xe2\x82\xac' FRO m x y", &e), -1);
	assert_int_equal(e.col, 20); /* the parser counts characters */
	assert_int_equal(duck_run(con, "SELECT '\xc3\xa9\xe2\x82\xac', nope", &e), -1);
	assert_int_equal(e.col, 17); /* the binder counts bytes */
	duck_error_parse(&e, DUCKDB_ERROR_BINDER, "plain words\n\nLINE 1: SELECT\n        ^", "SELECT");
	assert_string_equal(e.message, "plain words");
	assert_int_equal(e.line, 0);
}

static void answers_come_back(void **state)
{
	(void)state;
	struct duck_error e;
	int64_t n;
	assert_int_equal(duck_int64(con, "SELECT count(*) FROM range(7)", &n, &e), 0);
	assert_int_equal(n, 7);
	assert_int_equal(duck_int64(con, "SELECT NULL", &n, &e), -1);
	struct buf out = BUF_INIT(1 << 16);
	assert_int_equal(duck_text(con, "SELECT 'a string of more than twelve bytes'", &out, &e), 0);
	assert_string_equal(buf_cstr(&out), "a string of more than twelve bytes");
	buf_clear(&out);
	duck_ident(&out, "a\"b");
	duck_literal(&out, "it's");
	assert_string_equal(buf_cstr(&out), "\"a\"\"b\"'it''s'");
	buf_free(&out);
}

static void describe_names_columns_and_types(void **state)
{
	(void)state;
	struct arena arena = {0};
	struct column *columns;
	size_t n;
	struct duck_error e;
	assert_int_equal(duck_describe(con, &arena, "FROM (SELECT 1::DECIMAL(18,3) AS a, {'x': [1]} AS b) -- c\n;", &columns, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_string_equal(columns[0].name, "a");
	assert_string_equal(columns[0].type, "DECIMAL(18,3)");
	assert_string_equal(columns[1].type, "STRUCT(x INTEGER[])");
	assert_int_equal(duck_describe(con, &arena, "SELECT 1,\nnope", &columns, &n, &e), -1);
	assert_int_equal(e.line, 2);
	assert_int_equal(e.col, 1);
	arena_free(&arena);
}

static void trim_ends_where_the_statement_does(void **state)
{
	(void)state;
	static const char *const texts[][2] = {
		{"SELECT 1", "SELECT 1"},
		{"SELECT 1 ; -- done\n", "SELECT 1"},
		{"SELECT 1 /* a /* nested */ ; */ ;;", "SELECT 1"},
		{"SELECT '--;' ;", "SELECT '--;'"},
		{"SELECT 'it''s;'--", "SELECT 'it''s;'"},
		{"SELECT E'\\';' ;", "SELECT E'\\';'"},
		{"SELECT \"a;--\" ;", "SELECT \"a;--\""},
		{"SELECT $x$ ;--$x$ ;", "SELECT $x$ ;--$x$"},
		{"SELECT $1 ;", "SELECT $1"},
		{"-- only\n", ""},
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_int_equal(duck_trim(texts[i][0], strlen(texts[i][0])), strlen(texts[i][1]));
	const char *two = "-- a;\nSELECT ';' ;; /*;*/ SELECT 2;";
	assert_string_equal(two + duck_statement(two, strlen(two), 0), "SELECT ';' ;; /*;*/ SELECT 2;");
	assert_string_equal(two + duck_statement(two, strlen(two), 1), "SELECT 2;");
	assert_int_equal(duck_statement(two, strlen(two), 2), strlen(two));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_have_a_place_and_candidates),
		cmocka_unit_test(answers_come_back),
		cmocka_unit_test(describe_names_columns_and_types),
		cmocka_unit_test(trim_ends_where_the_statement_does),
	};
	return cmocka_run_group_tests_name("duck", tests, setup, teardown);
}
