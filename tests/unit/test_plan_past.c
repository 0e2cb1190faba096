/* core/plan: a table that reads itself, and what is there of its past. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/helper/plan_fixture.h"

static void a_running_total_does_not_begin_anew_after_a_gap(void **state)
{
	(void)state;
	static const struct span yesterday = {{BOUND_REL, -1}, {BOUND_REL, -1}}, last_week = {{BOUND_REL, -7}, {BOUND_REL, -7}},
	                         days = {{BOUND_REL, -6}, {BOUND_REL, -1}}, all = {{BOUND_NONE, 0}, {BOUND_NONE, 0}};
	struct world w;
	setup_world(&w);
	add_table(&w, "ads.ads_total", true);
	add_edge(&w, 0, &yesterday);
	make_plan(&w, DAY, DAY + 2, false); /* its first date has no past, wherever it is */
	assert_int_equal(w.plan->builds, 3);
	assert_int_equal(run(&w), 0);
	make_plan(&w, DAY - 9, DAY - 8, false);
	assert_int_equal(w.plan->builds, 2);

	make_plan(&w, DAY + 6, DAY + 8, false);
	assert_string_equal(why(&w, 0, DAY + 6), "ads.ads_total 2013-01-04 was never built, but dates before it were, and it goes on from them; "
	                                         "'strata backfill +ads_total --start 2013-01-04' first");
	assert_string_equal(why(&w, 0, DAY + 7), "upstream will fail: ads.ads_total 2013-01-07");
	assert_int_equal(w.plan->fails, 3);
	assert_int_equal(plan_decide(w.plan, 0, 0, &(struct buf){.max = 999}).verdict, PLAN_FAIL);
	make_plan(&w, DAY + 3, DAY + 8, false);
	assert_int_equal(w.plan->builds, 6);
	snapshot_drop_parts(w.s, 0, DAY + 1, DAY + 1); /* cleared by hand */
	make_plan(&w, DAY + 2, DAY + 2, false);
	assert_int_equal(w.plan->fails, 1);
	make_plan(&w, DAY + 1, DAY + 2, false);
	assert_int_equal(w.plan->builds, 2);

	/* By the steps in which it reads; of a range one date is enough; and all that there is has no gap. */
	w.edges[0].spans = (struct span *)(uintptr_t)&last_week;
	make_plan(&w, DAY + 23, DAY + 23, false);
	assert_int_equal(task_of(&w, 0, DAY + 23)->subject_day, DAY + 9);
	make_plan(&w, DAY + 7, DAY + 7, false);
	assert_int_equal(w.plan->builds, 1);
	w.edges[0].spans = (struct span *)(uintptr_t)&days;
	make_plan(&w, DAY + 7, DAY + 7, false);
	assert_int_equal(w.plan->builds, 1);
	make_plan(&w, DAY + 9, DAY + 9, false);
	assert_int_equal(w.plan->fails, 1);
	w.edges[0].spans = (struct span *)(uintptr_t)&all;
	make_plan(&w, DAY + 9, DAY + 9, false);
	assert_int_equal(w.plan->builds, 1);
	teardown_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_running_total_does_not_begin_anew_after_a_gap)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
