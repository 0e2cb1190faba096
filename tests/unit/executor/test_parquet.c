/* The footer reader, against files that DuckDB writes, and against every truncation and many damages. */
#include "lake.h"

#include "executor/parquet.h"

static void write_parquet(struct lake *l, const char *select, const char *path)
{
	lake_number(l, "SELECT 1");
	struct duck_error e;
	const char *sql = arena_printf(&l->arena, "COPY (%s) TO '%s' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048)", select, path);
	if (duck_run(l->w.base, sql, &e) < 0)
		fail_msg("%s", e.message);
}

static void counts_the_rows(void **state)
{
	struct lake *l = *state;
	static const struct {
		const char *select;
		int64_t rows;
	} cases[] = {
		{"SELECT 1 AS a", 1},
		{"SELECT 1 AS a WHERE false", 0},
		{"SELECT i, i::VARCHAR AS s, i / 3 AS d, [i, 2] AS l, {'a': i, 'b': {'c': true}} AS st, MAP {'k': i} AS m, "
		 "DATE '2013-01-03' AS dd, i::DECIMAL(30, 4) AS de, NULL AS n FROM range(10000) t(i)", 10000},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t rows = -1;
		struct err err = {0};
		write_parquet(l, cases[i].select, "x.parquet");
		if (parquet_rows("x.parquet", &rows, &err) < 0)
			fail_msg("%s", err.text);
		assert_int_equal(rows, cases[i].rows);
	}
}

static void a_torn_file_is_refused(void **state)
{
	struct lake *l = *state;
	int64_t rows;
	struct err err = {0};
	struct stat st;
	write_parquet(l, "SELECT i, i::VARCHAR AS s FROM range(20) t(i)", "x.parquet");
	assert_int_equal(stat("x.parquet", &st), 0);
	for (off_t size = st.st_size - 1; size >= 0; size -= 7) {
		assert_int_equal(truncate("x.parquet", size), 0);
		assert_int_equal(parquet_rows("x.parquet", &rows, &err), ERR_IO);
	}
	assert_int_equal(parquet_rows("none.parquet", &rows, &err), ERR_IO);
}

/* What is called plain is what DuckDB reads there; what it stores otherwise than it is, or reads otherwise, is not. */
static void plain_columns_are_those_that_duckdb_reads(void **state)
{
	struct lake *l = *state;
	static const char *const plain[] = {
		"SELECT true AS a, 1::TINYINT AS b, 1::SMALLINT AS c, 1 AS d, 1::BIGINT AS \"e E\", 1::UTINYINT AS f, 1::USMALLINT AS g",
		"SELECT 1::UINTEGER AS a, 1::UBIGINT AS b, 1::FLOAT AS c, 'x' AS d, DATE '2013-01-03' AS e, NULL AS f, '101'::BIT AS g",
		"SELECT 1.5 AS a, 1.5::DECIMAL(9,0) AS b, 1.5::DECIMAL(18,18) AS c, 1::DECIMAL(38,0) AS d, 0.1::DECIMAL(38,38) AS e WHERE false",
		"SELECT 'x'::ENUM('x') AS a, 1 AS \"quoted \"\"name\"\"\"", "SELECT 1 AS a, 2 AS a, 3 AS A_1X",
	};
	static const char *const other[] = {
		"SELECT 1 AS a, sum(i) AS b FROM range(3) t(i)", "SELECT 1::UHUGEINT AS a", "SELECT 1::DOUBLE AS a", "SELECT [1::HUGEINT] AS a",
		"SELECT {'a': 1} AS a", "SELECT [1] AS a", "SELECT MAP {1: 2} AS a", "SELECT TIMESTAMP '2013-01-03' AS a", "SELECT 'x'::BLOB AS a",
		"SELECT TIMESTAMPTZ '2013-01-03' AS a", "SELECT TIME '10:00:00' AS a", "SELECT uuid() AS a", "SELECT INTERVAL 1 DAY AS a",
		"SELECT '{}'::JSON AS a", "SELECT 1 AS \"\u00e4\"", "SELECT union_value(k := 1) AS a", "SELECT row(1, 2) AS a",
		"SELECT TIMESTAMP_NS '2013-01-03' AS a",
	};
	struct column *columns, *read;
	size_t n, nread;
	struct duck_error e;
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
		write_parquet(l, plain[i], "x.parquet");
		if (parquet_plain_columns("x.parquet", &l->arena, &columns, &n) < 0)
			fail_msg("not plain: %s", plain[i]);
		assert_int_equal(duck_describe(l->w.base, &l->arena, "FROM read_parquet('x.parquet')", &read, &nread, &e), 0);
		assert_int_equal(n, nread);
		for (size_t k = 0; k < n; k++) {
			assert_string_equal(columns[k].name, read[k].name);
			assert_string_equal(columns[k].type, read[k].type);
		}
	}
	for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
		write_parquet(l, other[i], "x.parquet");
		if (parquet_plain_columns("x.parquet", &l->arena, &columns, &n) == 0)
			fail_msg("plain: %s", other[i]);
	}
	assert_int_equal(parquet_plain_columns("none.parquet", &l->arena, &columns, &n), -1);
}

/* Any damage ends: with an answer or a refusal, never beyond the footer (the sanitizers watch). */
static void no_damage_leads_astray(void **state)
{
	struct lake *l = *state;
	write_parquet(l, "SELECT i, [i] AS l, MAP {'k': i} AS m FROM range(5000) t(i)", "x.parquet");
	struct buf b = BUF_INIT(1 << 20);
	assert_int_equal(file_read(AT_FDCWD, "x.parquet", &b, NULL), 0);
	size_t n = (size_t)(unsigned char)b.data[b.len - 8] | (size_t)(unsigned char)b.data[b.len - 7] << 8;
	unsigned char *footer = (unsigned char *)b.data + b.len - 8 - n, *copy = mem_alloc(n);
	int64_t rows;
	struct column *columns;
	size_t ncolumns;
	assert_int_equal(parquet_footer_rows(footer, n, &rows), 0);
	for (size_t i = 0; i < n; i++) {
		for (unsigned flip = 1; flip < 256; flip <<= 1) {
			memcpy(copy, footer, n);
			copy[i] ^= (unsigned char)flip;
			(void)parquet_footer_rows(copy, n, &rows);
			(void)parquet_footer_plain(copy, n, &l->arena, &columns, &ncolumns);
		}
		assert_int_equal(parquet_footer_rows(footer, i, &rows), -1);
	}
	free(copy);
	buf_free(&b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, lake_setup, lake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {T(counts_the_rows), T(a_torn_file_is_refused), T(plain_columns_are_those_that_duckdb_reads),
	                                   T(no_damage_leads_astray)};
	return cmocka_run_group_tests_name("parquet", tests, NULL, NULL);
}
