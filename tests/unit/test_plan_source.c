/* core/plan of what others make: sources that are waited for, external tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/helper/plan_fixture.h"

enum { ODS, DWD };

static void what_is_awaited_will_be_built(void **state)
{
	(void)state;
	struct world w;
	struct buf fingerprint = BUF_INIT(4096);
	setup_world(&w);
	add_table(&w, "ods.ods_f", true);
	add_source(&w, ODS, DAY - 3, DAY + 3);
	add_table(&w, "dwd.dwd_f", true);
	add_edge(&w, ODS, &same_day);
	w.sources[ODS].missing = MISSING_WAIT;
	w.sources[ODS].settle_ms = 2000;
	snapshot_put_source(w.s, ODS, DAY, &(struct source_files){.probed = true, .path_exists = true});
	snapshot_put_source(w.s, ODS, DAY + 1, &(struct source_files){.probed = true});
	put_source(&w, ODS, DAY + 2, INT64_C(999999999999)); /* a nanosecond ago */
	publish(&w, ODS, DAY, "");                           /* and then its files went away: what is published stays */
	make_plan(&w, DAY, DAY + 3, false);
	assert_string_equal(why(&w, ODS, DAY), "source awaited: raw/x/dt=2013-01-01 has no files yet");
	assert_string_equal(why(&w, ODS, DAY + 1), "source awaited: raw/x/dt=2013-01-02 is not there: raw/x does not exist yet");
	assert_string_equal(why(&w, ODS, DAY + 2), "source awaited: raw/x/dt=2013-01-03 has 1 file, of which one has just changed");
	assert_string_equal(why(&w, ODS, DAY + 3), "new");
	assert_int_equal(task_of(&w, ODS, DAY)->verdict, PLAN_BUILD);
	assert_string_equal(why(&w, DWD, DAY), "new"); /* no failure */
	make_plan(&w, DAY, DAY, true);
	assert_string_equal(why(&w, ODS, DAY), "source awaited: raw/x/dt=2013-01-01 has no files yet"); /* --force makes no files */

	/* Files are as old as they were when somebody looked: later than the plan. */
	const struct source_file late = {.path = "raw/a.csv", .size = 1, .mtime_ns = INT64_C(2000000000000), .ctime_ns = INT64_C(2000000000000)};
	struct source_files found = {.probed = true, .path_exists = true, .files = &late, .nfiles = 1, .wall_ns = late.ctime_ns + INT64_C(2000000000)};
	snapshot_put_source(w.s, ODS, DAY, &found);
	struct plan_task again = plan_decide(w.plan, w.plan->slot[ODS], 0, &fingerprint);
	assert_int_equal(again.reason, REASON_FORCED);
	assert_null(strstr(buf_cstr(&fingerprint), "source=young"));
	assert_null(strstr(buf_cstr(&fingerprint), "source=future"));
	buf_free(&fingerprint);
	teardown_world(&w);
}

static void an_external_table_keeps_its_readers_from_being_fresh(void **state)
{
	(void)state;
	struct world w;
	setup_world(&w);
	add_table(&w, "ext.ext_rates", false);
	w.tables[0].kind = TABLE_EXTERNAL;
	w.tables[0].analysis = NULL;
	w.tables[0].path = "rates";
	add_table(&w, "dwd.dwd_x", false);
	add_edge(&w, 0, &all_dates);
	make_plan(&w, DAY, DAY, false);
	assert_int_equal(w.plan->ntables, 1);
	run(&w);
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, 1, DAY), "never fresh: reads external ext.ext_rates");
	put_source(&w, 0, DATE_NONE, 1000); /* somebody looks at its files */
	make_plan(&w, DAY, DAY, false);
	run(&w);
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, 1, DAY), "fresh");
	put_source(&w, 0, DATE_NONE, 2000);
	make_plan(&w, DAY, DAY, false);
	assert_int_equal(task_of(&w, 1, DAY)->verdict, PLAN_BUILD);
	teardown_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_external_table_keeps_its_readers_from_being_fresh),
		cmocka_unit_test(what_is_awaited_will_be_built),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
