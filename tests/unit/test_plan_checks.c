/* core/plan: other checks than those that what is published has passed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/date.h"
#include "core/plan.h"
#include "tests/helper/plan_fixture.h"

enum { ODS, DWD, ROLL };

static void a_changed_check_asks_for_a_look_and_for_no_build(void **state)
{
	(void)state;
	struct world w;
	const char *keys[] = {"id"};
	setup_world(&w);
	add_table(&w, "ods.ods_f", true);
	add_source(&w, ODS, DAY, DAY + 1);
	add_table(&w, "dwd.dwd_f", true);
	add_edge(&w, ODS, &same_day);
	add_table(&w, "dws.dws_roll", true);
	add_edge(&w, DWD, &week);
	for (size_t i = 0; i < w.p.ntables; i++)
		w.tables[i].policy.allow_empty = true;
	make_plan(&w, DAY, DAY + 1, false);
	run(&w);
	w.tables[DWD].primary_keys = keys;
	w.tables[DWD].nprimary_keys = 1;
	make_plan(&w, DAY, DAY + 1, false);
	assert_int_equal(task_of(&w, DWD, DAY)->verdict, PLAN_CHECK);
	assert_string_equal(why(&w, DWD, DAY), "checks changed");
	assert_string_equal(why(&w, ROLL, DAY), "fresh"); /* what it reads stays what it is */
	assert_int_equal(w.plan->checks, 2);
	assert_int_equal(w.plan->builds, 0);
	assert_int_equal(plan_todo(w.plan), 2);
	struct arena arena = {0};
	struct run_spec *spec = plan_to_spec(w.plan, &(struct spec_options){.kind = RUN_MANUAL}, &arena);
	assert_int_equal(__builtin_popcountll(spec->todo[0]), 2);
	arena_free(&arena);

	put_source(&w, ODS, DAY, 2000); /* what it is made from changes, too: that is a build */
	make_plan(&w, DAY, DAY + 1, false);
	assert_string_equal(why(&w, DWD, DAY), "upstream will rebuild: ods.ods_f 2013-01-01");
	assert_string_equal(why(&w, DWD, DAY + 1), "checks changed");
	assert_int_equal(run(&w), 0);
	make_plan(&w, DAY, DAY + 1, false);
	assert_int_equal(plan_todo(w.plan), 0);
	w.tables[DWD].nprimary_keys = 0;
	make_plan(&w, DAY, DAY + 1, false);
	assert_int_equal(plan_todo(w.plan), 0); /* what held still holds */
	teardown_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_changed_check_asks_for_a_look_and_for_no_build),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
