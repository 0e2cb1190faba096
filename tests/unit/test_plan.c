/* core/plan, core/snapshot: what is built and why, and that a run builds what was planned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/date.h"
#include "core/plan.h"
#include "tests/helper/plan_fixture.h"

/* The sample's shape: a source, its cleaned day, a rolling week, a league over all days, a dimension. */
enum { ODS, DIM, DWD, ROLL, LEAGUE };
static void sample(struct world *w)
{
	setup_world(w);
	add_table(w, "ods.ods_f", true);
	add_source(w, ODS, DAY - 30, DAY + 30);
	add_table(w, "dim.dim_c", false);
	add_table(w, "dwd.dwd_f", true);
	add_edge(w, ODS, &same_day);
	add_table(w, "dws.dws_roll", true);
	add_edge(w, DIM, &all_dates);
	add_edge(w, DWD, &week);
	add_table(w, "ads.ads_league", false);
	add_edge(w, DWD, &all_dates);
}

static void new_then_fresh(void **state)
{
	(void)state;
	struct world w;
	sample(&w);
	make_plan(&w, DAY, DAY + 9, false);
	assert_int_equal(w.plan->builds, 32);
	assert_string_equal(why(&w, DWD, DAY), "new");
	assert_int_equal(run(&w), 0);
	make_plan(&w, DAY, DAY + 9, false);
	assert_int_equal(w.plan->builds, 0);
	assert_int_equal(w.plan->fresh, 32);
	assert_string_equal(why(&w, LEAGUE, DAY), "fresh");
	make_plan(&w, DAY, DAY + 9, true);
	assert_int_equal(w.plan->builds, 32);
	assert_string_equal(why(&w, LEAGUE, DAY), "forced");
	teardown_world(&w);
}

static void one_rebuilt_day_makes_its_week_stale(void **state)
{
	(void)state;
	struct world w;
	sample(&w);
	make_plan(&w, DAY, DAY + 19, false);
	run(&w);
	publish(&w, DWD, DAY + 5, snapshot_part(w.s, DWD, DAY + 5)->fingerprint); /* somebody forced this one */
	make_plan(&w, DAY, DAY + 19, false);
	for (int32_t d = 0; d < 20; d++)
		assert_int_equal(task_of(&w, ROLL, DAY + d)->verdict, d >= 5 && d <= 11 ? PLAN_BUILD : PLAN_FRESH);
	assert_string_equal(why(&w, ROLL, DAY + 9), "upstream changed: dwd.dwd_f 2013-01-06");
	assert_string_equal(why(&w, LEAGUE, 0), "upstream changed: dwd.dwd_f 2013-01-06");
	assert_int_equal(w.plan->builds, 8);
	assert_int_equal(run(&w), 0);
	teardown_world(&w);
}

static void recorded_inputs_name_the_upstream_exactly(void **state)
{
	(void)state;
	struct world w;
	sample(&w);
	make_plan(&w, DAY, DAY + 6, false);
	run(&w);
	/* Another scheduler's try, with a smaller fence than the reader's. */
	struct part other = *snapshot_part(w.s, DWD, DAY + 2);
	struct part *roll = snapshot_part_mutable(w.s, ROLL, DAY + 6);
	struct manifest_input inputs[8] = {{"dim.dim_c", "", 1, snapshot_part(w.s, DIM, DATE_NONE)->try_id}};
	char dates[7][DATE_SIZE];
	for (int32_t d = 0; d < 7; d++)
		inputs[1 + d] = (struct manifest_input){"dwd.dwd_f", date_format(dates[d], DAY + d), 1,
		                                        snapshot_part(w.s, DWD, DAY + d)->try_id};
	roll->inputs = inputs;
	roll->ninputs = 8;
	other.try_id = "another";
	snapshot_put_part(w.s, DWD, DAY + 2, &other);
	make_plan(&w, DAY + 6, DAY + 6, false);
	assert_string_equal(why(&w, ROLL, DAY + 6), "upstream changed: dwd.dwd_f 2013-01-03");
	teardown_world(&w);
}

/* Somebody removed them beside the run. */
static void parts_that_are_dropped_were_never_built(void **state)
{
	(void)state;
	struct world w;
	size_t n;
	sample(&w);
	make_plan(&w, DAY, DAY + 6, false);
	run(&w);
	snapshot_drop_parts(w.s, DWD, DAY + 10, DAY + 20);
	snapshot_drop_parts(w.s, DIM, DAY, DAY + 6); /* it has no days */
	assert_int_equal(snapshot_days_of(w.s, DWD, &n)[6], DAY + 6);
	assert_int_equal(n, 7);
	assert_non_null(snapshot_part(w.s, DIM, DATE_NONE));
	snapshot_drop_parts(w.s, DWD, DAY + 2, DAY + 3);
	assert_int_equal(snapshot_days_of(w.s, DWD, &n)[2], DAY + 4);
	assert_int_equal(n, 5);
	make_plan(&w, DAY, DAY + 6, false);
	assert_string_equal(why(&w, DWD, DAY + 1), "fresh");
	assert_string_equal(why(&w, DWD, DAY + 2), "new");
	assert_string_equal(why(&w, ROLL, DAY + 3), "upstream changed"); /* what it read is gone */
	snapshot_drop_parts(w.s, DWD, DATE_NONE, DATE_NONE);
	snapshot_drop_parts(w.s, DWD, DATE_NONE, DATE_NONE);
	snapshot_days_of(w.s, DWD, &n);
	assert_int_equal(n, 0);
	teardown_world(&w);
}

static void each_reason_has_its_words(void **state)
{
	(void)state;
	struct world w;
	sample(&w);
	make_plan(&w, DAY, DAY, false);
	run(&w);

	w.analyses[DWD].canonical = "other";
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, ODS, DAY), "fresh");
	assert_string_equal(why(&w, DWD, DAY), "sql changed");
	assert_string_equal(why(&w, ROLL, DAY), "upstream will rebuild: dwd.dwd_f 2013-01-01");
	assert_string_equal(why(&w, LEAGUE, DAY), "upstream will rebuild: dwd.dwd_f 2013-01-01");
	assert_int_equal(run(&w), 0);

	w.p.env = "prod";
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, DIM, DAY), "config changed");
	w.p.env = "dev";

	put_source(&w, ODS, DAY, 2000);
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, ODS, DAY), "source changed");
	put_source(&w, ODS, DAY, INT64_C(999999999999));
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, ODS, DAY), "source changed just now");
	assert_int_equal(run(&w), 0);
	put_source(&w, ODS, DAY, INT64_C(1000000000000) + INT64_C(3000000000)); /* wall_ns and 3 s: the clock went back */
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, ODS, DAY), "source is newer than this machine's clock");
	put_source(&w, ODS, DAY, INT64_C(999999999999));
	make_plan(&w, DAY, DAY, false); /* what was young when it was recorded tells nothing */
	assert_int_equal(task_of(&w, ODS, DAY)->verdict, PLAN_BUILD);
	put_source(&w, ODS, DAY, 1000);
	make_plan(&w, DAY, DAY, false);
	run(&w);

	snapshot_part_mutable(w.s, DIM, DATE_NONE)->probe = PART_MISSING;
	snapshot_part_mutable(w.s, DWD, DAY)->probe = PART_DAMAGED;
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, DIM, DAY), "missing in the lake");
	assert_string_equal(why(&w, DWD, DAY), "changed in the lake");
	assert_int_equal(run(&w), 0);

	struct part *part = snapshot_part_mutable(w.s, DIM, DATE_NONE);
	part->probe = PART_MISSING;
	part->empty = true; /* nothing recorded, nothing there */
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, DIM, DAY), "fresh");
	part->fingerprint = "";
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, DIM, DAY), "recorded without a fingerprint");

	w.analyses[LEAGUE].volatile_by = "now()";
	w.tables[DIM].output_none = true;
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, LEAGUE, DAY), "never fresh: now()");
	assert_string_equal(why(&w, DIM, DAY), "action");
	w.tables[LEAGUE].policy.deterministic = true;
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, LEAGUE, DAY), "fresh");
	w.tables[LEAGUE].kind = TABLE_EXEC;
	w.tables[LEAGUE].policy.deterministic = false;
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, LEAGUE, DAY), "never fresh: an executable");
	teardown_world(&w);
}

static void what_cannot_be_built_says_what_to_do(void **state)
{
	(void)state;
	struct world w;
	sample(&w);
	w.selected[DWD] = w.selected[DIM] = w.selected[ODS] = false;
	make_plan(&w, DAY, DAY, true);
	assert_int_equal(w.plan->fails, 1); /* the league reads what there is */
	assert_string_equal(why(&w, ROLL, DAY), "dim.dim_c was never built; select +dws_roll");
	publish(&w, DIM, DATE_NONE, "");
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, ROLL, DAY), "dwd.dwd_f 2013-01-01 was never built; select +dws_roll");
	assert_int_equal(task_of(&w, ROLL, DAY)->verdict, PLAN_FAIL);
	assert_int_equal(plan_decide(w.plan, w.plan->slot[ROLL], 0, &(struct buf){.max = 999}).verdict, PLAN_FAIL);

	/* History begins somewhere, but has no gaps and does not end before the day itself. */
	publish(&w, DWD, DAY - 3, "");
	publish(&w, DWD, DAY - 1, "");
	publish(&w, DWD, DAY, "");
	make_plan(&w, DAY - 3, DAY + 6, false);
	assert_string_equal(why(&w, ROLL, DAY - 3), "new");
	assert_string_equal(why(&w, ROLL, DAY - 1), "dwd.dwd_f 2012-12-30 was never built; select +dws_roll");
	assert_string_equal(why(&w, ROLL, DAY + 1), "dwd.dwd_f 2012-12-30 was never built; select +dws_roll");
	assert_string_equal(why(&w, ROLL, DAY + 5), "dwd.dwd_f 2013-01-02 was never built; select +dws_roll");

	w.selected[ODS] = w.selected[DWD] = true;
	w.sources[ODS].missing = MISSING_FAIL;
	snapshot_put_source(w.s, ODS, DAY, &(struct source_files){.probed = true, .path_exists = true});
	snapshot_put_source(w.s, ODS, DAY + 1, &(struct source_files){.probed = true});
	make_plan(&w, DAY, DAY + 1, false);
	assert_string_equal(why(&w, ODS, DAY), "source 'raw/x' has no files for 2013-01-01");
	assert_string_equal(why(&w, ODS, DAY + 1), "source path 'raw/x' does not exist below the lake; put the files there, or correct `sources` in dags/dw_config.yaml");
	assert_string_equal(why(&w, DWD, DAY), "upstream will fail: ods.ods_f 2013-01-01");
	assert_int_equal(task_of(&w, DWD, DAY)->verdict, PLAN_FAIL);
	w.sources[ODS].missing = MISSING_EMPTY;
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, ODS, DAY), "new");

	/* A range says it for each of its dates but those that have something put. */
	snapshot_put_source_range(w.s, ODS, DAY, DAY + 400, &(struct source_files){.probed = true, .path_exists = true});
	w.sources[ODS].missing = MISSING_FAIL;
	make_plan(&w, DAY + 1, DAY + 401, false);
	assert_string_equal(why(&w, ODS, DAY + 1), "source path 'raw/x' does not exist below the lake; put the files there, or correct `sources` in dags/dw_config.yaml");
	assert_string_equal(why(&w, ODS, DAY + 400), "source 'raw/x' has no files for 2014-02-05");
	assert_string_equal(why(&w, ODS, DAY + 401), "new");
	assert_null(snapshot_source(w.s, DWD, DAY));
	teardown_world(&w);
}

static void a_range_of_constants_is_a_filter(void **state)
{
	(void)state;
	static const struct span year = {{BOUND_ABS, DAY}, {BOUND_ABS, DAY + 364}}, one = {{BOUND_ABS, DAY + 9}, {BOUND_ABS, DAY + 9}};
	struct world w;
	setup_world(&w);
	add_table(&w, "dwd.dwd_f", true);
	add_table(&w, "ads.ads_year", false);
	add_edge(&w, 0, &year);
	w.selected[0] = false;
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, 1, 0), "dwd.dwd_f 2013-12-31 was never built; select +ads_year");
	publish(&w, 0, DAY + 3, "");
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, 1, 0), "new");
	publish(&w, 0, DAY + 5, "");
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, 1, 0), "dwd.dwd_f 2013-01-05 was never built; select +ads_year");
	w.edges[0].spans = (struct span *)(uintptr_t)&one;
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, 1, 0), "dwd.dwd_f 2013-01-10 was never built; select +ads_year");
	w.edges[0].declared = true; /* it waits, but reads nothing */
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, 1, 0), "new");
	teardown_world(&w);
}

static void own_history_counts_only_with_bounds(void **state)
{
	(void)state;
	static const struct span yesterday = {{BOUND_REL, -1}, {BOUND_REL, -1}}, two_days = {{BOUND_REL, -1}, {BOUND_REL, 0}};
	struct world w;
	setup_world(&w);
	add_table(&w, "dws.dws_sum", true);
	add_edge(&w, 0, &all_dates);
	w.tables[0].policy.depends_on_past = true;
	make_plan(&w, DAY, DAY + 4, false);
	assert_int_equal(run(&w), 0);
	publish(&w, 0, DAY, snapshot_part(w.s, 0, DAY)->fingerprint);
	make_plan(&w, DAY, DAY + 4, false);
	assert_int_equal(w.plan->builds, 0);

	snapshot_part_mutable(w.s, 0, DAY)->probe = PART_MISSING;
	make_plan(&w, DAY, DAY + 4, false);
	assert_int_equal(w.plan->builds, 1); /* the later days read it, and are what they were all the same */
	assert_int_equal(run(&w), 0);

	w.edges[0].spans = (struct span *)(uintptr_t)&two_days;
	make_plan(&w, DAY, DAY + 4, true);
	run(&w);
	make_plan(&w, DAY, DAY + 4, false);
	assert_int_equal(w.plan->builds, 0); /* its own day is no input of it */

	w.edges[0].spans = (struct span *)(uintptr_t)&yesterday;
	make_plan(&w, DAY, DAY + 4, true);
	assert_int_equal(run(&w), 0);
	publish(&w, 0, DAY, snapshot_part(w.s, 0, DAY)->fingerprint);
	make_plan(&w, DAY, DAY + 4, false);
	assert_string_equal(why(&w, 0, DAY + 1), "upstream changed: dws.dws_sum 2013-01-01");
	assert_string_equal(why(&w, 0, DAY + 2), "upstream will rebuild: dws.dws_sum 2013-01-02");
	assert_int_equal(w.plan->builds, 4);
	assert_int_equal(run(&w), 0);
	teardown_world(&w);
}

struct seen {
	char text[512];
};

static void see(void *ctx, uint32_t up, const int32_t *days, size_t ndays)
{
	struct seen *s = ctx;
	size_t len = strlen(s->text);
	len += (size_t)snprintf(s->text + len, sizeof s->text - len, "%u:", up);
	for (size_t i = 0; i < ndays; i++) {
		char text[DATE_SIZE];
		len += (size_t)snprintf(s->text + len, sizeof s->text - len, "%s,", date_format(text, days[i]));
	}
}

static void reads_are_what_is_built_in_the_read_set(void **state)
{
	(void)state;
	static struct span several[] = {{{BOUND_REL, 0}, {BOUND_REL, 0}}, {{BOUND_ABS, DAY}, {BOUND_ABS, DAY + 1}}, {{BOUND_REL, -1}, {BOUND_REL, 0}}};
	struct world w;
	sample(&w);
	w.edges[2].spans = several; /* dws_roll reads dwd_f */
	w.edges[2].nspans = 3;
	for (int32_t d = 5; d >= 0; d--)
		publish(&w, DWD, DAY + d, "");
	publish(&w, DIM, DATE_NONE, "");
	make_plan(&w, DAY, DAY + 5, false);
	struct seen s = {""};
	plan_reads(w.plan, ROLL, DAY + 5, see, &s);
	assert_string_equal(s.text, "1:,2:2013-01-01,2013-01-02,2013-01-05,2013-01-06,");
	s.text[0] = '\0';
	plan_reads(w.plan, LEAGUE, DATE_NONE, see, &s);
	assert_string_equal(s.text, "2:2013-01-01,2013-01-02,2013-01-03,2013-01-04,2013-01-05,2013-01-06,");
	s.text[0] = '\0';
	plan_reads(w.plan, DWD, DAY, see, &s);
	assert_string_equal(s.text, "0:");
	teardown_world(&w);
}

static void an_action_makes_nobody_stale(void **state)
{
	(void)state;
	struct world w;
	setup_world(&w);
	add_table(&w, "ods.ods_pull", true);
	w.tables[0].output_none = true;
	add_table(&w, "dwd.dwd_x", true);
	add_edge(&w, 0, &same_day);
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, 1, DAY), "new");
	run(&w);
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, 0, DAY), "action");
	assert_string_equal(why(&w, 1, DAY), "fresh");
	assert_int_equal(run(&w), 0);
	teardown_world(&w);
}

static void what_cannot_be_parsed_waits_but_needs_nothing(void **state)
{
	(void)state;
	struct world w;
	setup_world(&w);
	add_table(&w, "dim.dim_c", false);
	add_table(&w, "dwd.dwd_x", true);
	add_edge(&w, 0, &all_dates);
	w.selected[0] = false;
	w.analyses[1].parsed = false;
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, 1, DAY), "new");
	w.analyses[1].parsed = true;
	make_plan(&w, DAY, DAY, false);
	assert_string_equal(why(&w, 1, DAY), "dim.dim_c was never built; select +dwd_x");
	teardown_world(&w);
}

static void an_unpartitioned_table_takes_the_last_date_of_its_source(void **state)
{
	(void)state;
	struct world w;
	setup_world(&w);
	add_table(&w, "ods.ods_c", false);
	add_source(&w, 0, DAY, DAY + 1);
	make_plan(&w, DAY, DAY + 1, false);
	run(&w);
	put_source(&w, 0, DAY, 2000);
	make_plan(&w, DAY, DAY + 1, false);
	assert_string_equal(why(&w, 0, DAY), "fresh");
	put_source(&w, 0, DAY + 1, 2000);
	make_plan(&w, DAY, DAY + 1, false);
	assert_string_equal(why(&w, 0, DAY), "source changed");
	w.sources[0].partitioned = false;
	make_plan(&w, DAY, DAY + 1, false);
	run(&w);
	make_plan(&w, DAY, DAY + 1, false);
	assert_int_equal(w.plan->builds, 1); /* nobody looked at its one folder: doubt builds */
	put_source(&w, 0, DATE_NONE, 1000);
	make_plan(&w, DAY, DAY + 1, false);
	run(&w);
	make_plan(&w, DAY, DAY + 1, false);
	assert_int_equal(w.plan->builds, 0);
	teardown_world(&w);
}

/* Whatever is edited, a run builds exactly what was planned, and then everything is fresh. */
static void plan_and_run_agree_over_random_edits(void **state)
{
	(void)state;
	srand(7);
	struct world w;
	sample(&w);
	char canonical[MAX_TABLES][16];
	static const char *const keys[] = {"id", "day"};
	size_t ran = 0, checked = 0;
	for (int edit = 0; edit < 1000; edit++) {
		uint32_t t = (uint32_t)rand() % 5;
		int32_t day = DAY + rand() % 10;
		struct part *part = snapshot_part_mutable(w.s, t, table_partitioned(&w.tables[t]) ? day : DATE_NONE);
		switch (rand() % 7) {
		case 0:
			snprintf(canonical[t], sizeof canonical[t], "%d", edit);
			w.analyses[t].canonical = canonical[t];
			break;
		case 1:
			put_source(&w, ODS, day, 1000 + edit);
			break;
		case 2:
			if (part)
				part->probe = rand() % 2 ? PART_MISSING : PART_DAMAGED;
			break;
		case 3:
			if (part)
				publish(&w, t, table_partitioned(&w.tables[t]) ? day : DATE_NONE, part->fingerprint);
			break;
		case 4:
			if (part)
				part->fingerprint = "";
			break;
		case 5:
			w.tables[t].primary_keys = keys;
			w.tables[t].nprimary_keys = (size_t)rand() % 3;
			break;
		default:
			break;
		}
		int32_t first = DAY + rand() % 4;
		make_plan(&w, first, first + rand() % 6, rand() % 20 == 0);
		bool complete = w.plan->fails == 0;
		assert_true(!complete || run(&w) == 0);
		if (!complete)
			continue;
		ran += w.plan->builds > 0;
		checked += w.plan->checks > 0;
		make_plan(&w, w.plan->in.first, w.plan->in.last, false);
		assert_int_equal(plan_todo(w.plan), 0);
	}
	assert_true(ran > 200 && checked > 20);
	teardown_world(&w);
}

static void the_spec_is_the_plan_for_the_machine(void **state)
{
	(void)state;
	struct world w;
	sample(&w);
	w.tables[ROLL].policy = (struct table_policy){.engine = "duckdb", .retries = 3, .timeout_ms = 9, .pool = 2,
	                                              .depends_on_past = true, .priority_weight = 77};
	w.selected[DIM] = false;
	publish(&w, DIM, DATE_NONE, "");
	make_plan(&w, DAY, DAY + 1, false);
	struct buf fingerprint = BUF_INIT(999);
	plan_decide(w.plan, w.plan->slot[ODS], 1, &fingerprint);
	publish(&w, ODS, DAY + 1, buf_cstr(&fingerprint));
	make_plan(&w, DAY, DAY + 1, false);
	struct arena arena = {0};
	const struct run_spec *spec = plan_to_spec(w.plan, &(struct spec_options){.kind = RUN_BACKFILL, .fail_fast = true, .continue_on_error = true}, &arena);
	assert_int_equal(spec->ntables, 4);
	assert_true(spec->kind == RUN_BACKFILL && spec->fail_fast && spec->continue_on_error);
	assert_int_equal(spec->first_day, DAY);
	/* ods 0 (its second day is fresh), dwd 1, roll 2, league 3 */
	assert_int_equal(spec->todo[0], 0x1 | 0x3 << 2 | 0x3 << 4 | 0x1 << 6);
	assert_int_equal(spec->tables[0].weight, 2);
	assert_int_equal(spec->tables[1].weight, 1);
	assert_int_equal(spec->tables[2].weight, 77);
	assert_int_equal(spec->tables[3].weight, 0);
	assert_false(spec->tables[3].partitioned);
	assert_true(spec->tables[2].retries == 3 && spec->tables[2].timeout_ms == 9 && spec->tables[2].pool == 2);
	assert_int_equal(spec->tables[2].edge_end - spec->tables[2].edge_first, 2); /* dwd, its own past */
	const struct spec_edge *past = &spec->edges[spec->tables[2].edge_first + 1];
	assert_true(past->up == 2 && past->spans[0].lo.kind == BOUND_NONE && past->spans[0].hi.day == -1);
	arena_free(&arena);
	buf_free(&fingerprint);
	teardown_world(&w);
}

static void weights_are_the_longest_path_by_learned_durations(void **state)
{
	(void)state;
	struct world w;
	sample(&w);
	w.p.layers = &w.layer;
	w.p.nlayers = 1;
	int64_t us[8] = {0};
	uint32_t keys[8] = {0};
	us[ODS] = 5000000;
	us[DWD] = 200;           /* less than a ms counts as one */
	us[ROLL] = INT64_MAX / 2; /* saturates */
	keys[DWD] = 41;
	make_plan(&w, DAY, DAY, true);
	struct arena arena = {0};
	const struct spec_options options = {.duration_us = us, .keys = keys, .paused = true, .quiet = true, .max_active = 3};
	const struct run_spec *spec = plan_to_spec(w.plan, &options, &arena);
	assert_true(spec->paused && spec->quiet && spec->max_active == 3);
	const uint32_t *slot = w.plan->slot;
	assert_int_equal(spec->tables[slot[DWD]].key, 41);
	assert_int_equal(spec->tables[slot[ODS]].key, 0);
	assert_int_equal(spec->tables[slot[ROLL]].weight, INT32_MAX);
	assert_int_equal(spec->tables[slot[ODS]].weight, INT32_MAX);
	us[ROLL] = 0; /* not known: the median of its layer's others */
	w.tables[LEAGUE].policy.priority_weight = 3;
	spec = plan_to_spec(w.plan, &options, &arena);
	assert_int_equal(spec->tables[slot[LEAGUE]].weight, 3000);
	assert_int_equal(spec->tables[slot[ROLL]].duration_us, 5000000);
	assert_int_equal(spec->tables[slot[ROLL]].weight, 5000);
	assert_int_equal(spec->tables[slot[DWD]].weight, 5001);
	assert_int_equal(spec->tables[slot[ODS]].weight, 10001);
	us[LEAGUE] = 1000000; /* the middle one, neither the mean nor the longest */
	spec = plan_to_spec(w.plan, &options, &arena);
	assert_int_equal(spec->tables[slot[ROLL]].duration_us, 1000000);
	us[ODS] = us[DWD] = us[LEAGUE] = 0; /* of none: a second each */
	spec = plan_to_spec(w.plan, &options, &arena);
	assert_int_equal(spec->tables[slot[ODS]].weight, 3000);
	arena_free(&arena);
	teardown_world(&w);
}

static void ranges_that_are_none_or_too_large_are_errors(void **state)
{
	(void)state;
	struct world w;
	struct err err = {0};
	struct plan *plan;
	sample(&w);
	struct plan_input in = {.project = &w.p, .selected = w.selected, .first = 5, .last = 4, .snapshot = w.s,
	                        .engine_version = "v1"};
	assert_int_equal(plan_make(&in, &plan, &err), ERR_USAGE);
	in.last = INT32_MAX - 1;
	assert_int_equal(plan_make(&in, &plan, &err), ERR_USAGE);
	teardown_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_then_fresh),
		cmocka_unit_test(one_rebuilt_day_makes_its_week_stale),
		cmocka_unit_test(recorded_inputs_name_the_upstream_exactly),
		cmocka_unit_test(parts_that_are_dropped_were_never_built),
		cmocka_unit_test(each_reason_has_its_words),
		cmocka_unit_test(what_cannot_be_built_says_what_to_do),
		cmocka_unit_test(a_range_of_constants_is_a_filter),
		cmocka_unit_test(own_history_counts_only_with_bounds),
		cmocka_unit_test(reads_are_what_is_built_in_the_read_set),
		cmocka_unit_test(an_action_makes_nobody_stale),
		cmocka_unit_test(what_cannot_be_parsed_waits_but_needs_nothing),
		cmocka_unit_test(an_unpartitioned_table_takes_the_last_date_of_its_source),
		cmocka_unit_test(plan_and_run_agree_over_random_edits),
		cmocka_unit_test(the_spec_is_the_plan_for_the_machine),
		cmocka_unit_test(weights_are_the_longest_path_by_learned_durations),
		cmocka_unit_test(ranges_that_are_none_or_too_large_are_errors),
	};
	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
