/* Taking a table's published data away: both layouts, ranges, versions afterwards, and dying in between. */
#include "lake.h"

#include "executor/clear.h"

static const char *const one_row = "SELECT 1 AS v";

struct cleared {
	int64_t published, rows, others, bytes;
};

static struct cleared clear(struct lake *l, const char *qname, const char *first, const char *last, bool count)
{
	struct op_error e = {0};
	json_t *reply = NULL, *rq = json_pack("{s:s, s:s, s:s, s:b}", "qname", qname, "first", first, "last", last, "count", count);
	if (op_clear(&l->w, rq, &reply, &e) < 0)
		fail_msg("%s", e.err.text);
	struct cleared c = {json_integer_value(json_object_get(reply, "published")), json_integer_value(json_object_get(reply, "rows")),
	                    json_integer_value(json_object_get(reply, "others")), json_integer_value(json_object_get(reply, "bytes"))};
	json_decref(reply);
	json_decref(rq);
	return c;
}

static void counts_and_takes_away_partitions(void **state)
{
	struct lake *l = *state;
	lake_publish(l, "dwd.dwd_x", "2013-01-03", "SELECT 1 AS v FROM range(3)");
	lake_publish(l, "dwd.dwd_x", "2013-01-04", "SELECT 1 AS v FROM range(4)");
	lake_publish(l, "dwd.dwd_y", "2013-01-03", one_row);
	lake_write("dwd/dwd_x/dt=2013-01-05/by_hand.csv", "123");
	lake_write("dwd/dwd_x/dt=other/by_hand.csv", "123");
	struct cleared c = clear(l, "dwd.dwd_x", "", "", true);
	assert_int_equal(c.published, 2);
	assert_int_equal(c.rows, 7);
	assert_int_equal(c.others, 2);
	assert_true(c.bytes > 6);
	assert_true(lake_has("dwd/dwd_x/dt=2013-01-03/manifest.json"));
	struct cleared again = clear(l, "dwd.dwd_x", "", "", false);
	assert_memory_equal(&c, &again, sizeof c);
	assert_false(lake_has("dwd/dwd_x"));
	assert_true(lake_has("dwd/dwd_y/dt=2013-01-03/manifest.json"));
	assert_int_equal(lake_staged(l), 0);
	assert_int_equal(clear(l, "dwd.dwd_x", "", "", false).published, 0);
}

static void a_range_leaves_the_rest(void **state)
{
	struct lake *l = *state;
	lake_publish(l, "dwd.dwd_x", "2013-01-03", one_row);
	lake_publish(l, "dwd.dwd_x", "2013-01-04", one_row);
	lake_publish(l, "dwd.dwd_x", "2013-01-05", one_row);
	lake_write("dwd/dwd_x/dt=2013-01-04x/by_hand.csv", "123");
	assert_int_equal(clear(l, "dwd.dwd_x", "2013-01-04", "2013-01-05", false).published, 2);
	assert_true(lake_has("dwd/dwd_x/dt=2013-01-03/manifest.json"));
	assert_true(lake_has("dwd/dwd_x/dt=2013-01-04x"));
	assert_false(lake_has("dwd/dwd_x/dt=2013-01-04"));
	lake_publish(l, "dim.dim_x", "", one_row);
	assert_int_equal(clear(l, "dim.dim_x", "2013-01-04", "2013-01-05", false).published, 0);
	assert_true(lake_has("dim/dim_x/manifest.json"));
}

static void afterwards_the_other_layout_is_welcome(void **state)
{
	struct lake *l = *state;
	lake_publish(l, "dwd.dwd_x", "2013-01-03", one_row);
	assert_int_equal(clear(l, "dwd.dwd_x", "", "", false).published, 1);
	lake_publish(l, "dwd.dwd_x", "", one_row);
	assert_int_equal(clear(l, "dwd.dwd_x", "", "", false).published, 1);
	assert_false(lake_has("dwd/dwd_x"));
	lake_publish(l, "dwd.dwd_x", "2013-01-03", one_row);
}

static void versions_go_on(void **state)
{
	struct lake *l = *state;
	lake_publish(l, "dwd.dwd_x", "2013-01-03", one_row);
	assert_int_equal(lake_publish(l, "dwd.dwd_x", "2013-01-03", one_row).manifest.version, 2);
	clear(l, "dwd.dwd_x", "", "", false);
	assert_int_equal(lake_publish(l, "dwd.dwd_x", "2013-01-03", one_row).manifest.version, 3);
	/* An empty one has no manifest: its lock has both its fence and its version. */
	assert_int_equal(lake_publish(l, "dwd.dwd_x", "2013-01-03", "SELECT 1 AS v WHERE false").manifest.version, 4);
	clear(l, "dwd.dwd_x", "", "", false);
	assert_int_equal(lake_publish(l, "dwd.dwd_x", "2013-01-03", one_row).manifest.version, 5);
}

static void nothing_outside_of_the_lake_is_named(void **state)
{
	struct lake *l = *state;
	static const char *const names[] = {"../x.y", "dwd.../y", "dwd", ".strata", "dwd.a/b", "..x", "dwd."};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct op_error e = {0};
		json_t *reply = NULL, *rq = json_pack("{s:s}", "qname", names[i]);
		assert_int_equal(op_clear(&l->w, rq, &reply, &e), ERR_PROTOCOL);
		json_decref(rq);
	}
}

static void a_damaged_manifest_goes_too(void **state)
{
	struct lake *l = *state;
	lake_publish(l, "dim.dim_x", "", one_row);
	lake_write("dim/dim_x/manifest.json", "{\"vers");
	struct cleared c = clear(l, "dim.dim_x", "", "", false);
	assert_int_equal(c.published, 1);
	assert_int_equal(c.rows, 0);
	assert_false(lake_has("dim/dim_x"));
}

#ifdef STRATA_FAULTS

static void dying_in_between_is_gone_on_with(void **state)
{
	struct lake *l = *state;
	static const char *const points[] = {"clear.move:1:kill", "clear.move:2:kill", "clear.remove:1:kill"};
	static const unsigned left[] = {2, 1, 0};
	for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
		const char *qname = arena_printf(&l->arena, "dwd.t_%zu", i);
		for (int day = 3; day <= 4; day++) {
			pid_t writer = fork(); /* DuckDB and fork do not mix: it is opened in children only */
			if (writer == 0) {
				lake_publish(l, qname, arena_printf(&l->arena, "2013-01-%02d", day), one_row);
				_exit(0);
			}
			waitpid(writer, NULL, 0);
		}
		pid_t pid = fork();
		if (pid == 0) {
			fault_arm(points[i]);
			clear(l, qname, "", "", false);
			_exit(0);
		}
		int status;
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		assert_int_equal(clear(l, qname, "", "", false).published, left[i]);
		assert_false(lake_has(arena_printf(&l->arena, "dwd/t_%zu/dt=2013-01-03", i)));
		assert_false(lake_has(arena_printf(&l->arena, "dwd/t_%zu/dt=2013-01-04", i)));
	}
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counts_and_takes_away_partitions, lake_setup, lake_teardown),
		cmocka_unit_test_setup_teardown(a_range_leaves_the_rest, lake_setup, lake_teardown),
		cmocka_unit_test_setup_teardown(afterwards_the_other_layout_is_welcome, lake_setup, lake_teardown),
		cmocka_unit_test_setup_teardown(versions_go_on, lake_setup, lake_teardown),
		cmocka_unit_test_setup_teardown(nothing_outside_of_the_lake_is_named, lake_setup, lake_teardown),
		cmocka_unit_test_setup_teardown(a_damaged_manifest_goes_too, lake_setup, lake_teardown),
#ifdef STRATA_FAULTS
		cmocka_unit_test_setup_teardown(dying_in_between_is_gone_on_with, lake_setup, lake_teardown),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
