/* A worker's DuckDB: one instance for many tries, but not for all of them. */
#include "lake.h"

static bool has_mark(struct lake *l)
{
	int64_t n;
	struct duck_error e;
	return duck_int64(l->w.base, "SELECT count(*) FROM memory.main.mark", &n, &e) == 0;
}

static void duckdb_is_opened_anew_after_some_hundred_tries(void **state)
{
	struct lake *l = *state;
	struct err err = {0};
	struct duck_error e;
	assert_int_equal(worker_duckdb(&l->w, 0, 0, &err), 0);
	assert_int_equal(duck_run(l->w.base, "CREATE TABLE memory.main.mark(i INTEGER)", &e), 0);
	int tries = 0;
	for (; tries < 2000 && has_mark(l); tries++) {
		struct session s = {0};
		assert_int_equal(session_open(&l->w, 0, 0, &s, &err), 0);
		assert_int_equal(duck_run(s.con, "CREATE TABLE t(i INTEGER)", &e), 0);
		session_close(&l->w, &s);
	}
	assert_in_range(tries, 100, 1000); /* opening takes 10 ms: not for every other try, but before its memory shows */
}

#define T(f) cmocka_unit_test_setup_teardown(f, lake_setup, lake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {T(duckdb_is_opened_anew_after_some_hundred_tries)};
	return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
