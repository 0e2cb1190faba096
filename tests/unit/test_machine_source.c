/* core/machine: tasks that wait for their source. tests/sim/sim_machine.c has their combinations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/explain.h"
#include "core/machine.h"
#include "tests/helper/machine_fixture.h"

enum { OTHER = RUN + 1 };

static void decided(struct fixture *f, uint32_t run, uint32_t table, uint32_t date, enum decision d)
{
	feed(f, (struct event){.kind = EV_DECIDED, .task = {run, table, date}, .decision = d});
}

static void source_comes(struct fixture *f, uint32_t run, uint32_t table, uint32_t date)
{
	feed(f, (struct event){.kind = EV_SOURCE, .task = {run, table, date}});
}

static bool asked(const struct fixture *f, uint32_t run, uint32_t table, uint32_t date)
{
	for (size_t i = 0; i < f->out.len; i++) {
		const struct action *a = &f->out.items[i];
		if (a->kind == ACT_DECIDE && a->task.run == run && a->task.table == table && a->task.date == date)
			return true;
	}
	return false;
}

/* Table 0, read by table 1 on the same day; decisions are the test's. */
static void two_tables(struct fixture *f, uint32_t ndates)
{
	fixture_init(f, ndates);
	f->hold_decisions = true;
	f->tables[add_table(f, true)].key = 7;
	add_table(f, true);
	add_edge(f, 0, &same_day);
}

static void it_is_on_record_and_takes_nothing(void **state)
{
	(void)state;
	struct fixture f;
	two_tables(&f, 2);
	begin(&f, 1);
	decided(&f, RUN, 0, 0, DECIDE_WAIT);
	const struct transition *t = &said(&f, ACT_TRANSITION)->transition;
	assert_int_equal(count(&f, ACT_TRANSITION), 1);
	assert_true(t->from == TASK_WAITING && t->to == TASK_WAITING && t->wait == WAIT_SOURCE);
	assert_null(said(&f, ACT_START));
	decided(&f, RUN, 0, 1, DECIDE_BUILD); /* the only worker, and another date's readers */
	assert_true(started(&f, 0, 1));
	succeed(&f, started(&f, 0, 1));
	assert_true(asked(&f, RUN, 1, 1) && !asked(&f, RUN, 1, 0));
	decided(&f, RUN, 1, 1, DECIDE_FRESH);
	assert_null(said(&f, ACT_RUN_DONE));
	source_comes(&f, RUN, 0, 0);
	assert_true(asked(&f, RUN, 0, 0));
	decided(&f, RUN, 0, 0, DECIDE_BUILD);
	succeed(&f, started(&f, 0, 0));
	decided(&f, RUN, 1, 0, DECIDE_FRESH);
	assert_int_equal(said(&f, ACT_RUN_DONE)->run_result, RUN_SUCCESS);
	end(&f);
}

static void it_keeps_nobody_from_its_partition(void **state)
{
	(void)state;
	struct fixture f;
	two_tables(&f, 1);
	begin(&f, 4);
	decided(&f, RUN, 0, 0, DECIDE_WAIT);
	struct run_spec other = f.spec;
	feed(&f, (struct event){.kind = EV_RUN_ADD, .run = OTHER, .spec = &other});
	assert_true(asked(&f, OTHER, 0, 0));
	decided(&f, OTHER, 0, 0, DECIDE_BUILD);
	uint64_t fence = said(&f, ACT_START)->fence;
	source_comes(&f, RUN, 0, 0); /* and now it does wait for the other */
	assert_false(asked(&f, RUN, 0, 0));
	succeed(&f, fence);
	assert_true(asked(&f, RUN, 0, 0));
	end(&f);
}

static void it_ends_with_its_run(void **state)
{
	(void)state;
	struct fixture f;
	two_tables(&f, 2);
	f.spec.fail_fast = true;
	begin(&f, 4);
	decided(&f, RUN, 0, 0, DECIDE_WAIT);
	decided(&f, RUN, 0, 1, DECIDE_FAIL);
	assert_int_equal(result(&f, 0, 0), TASK_SKIPPED);
	assert_int_equal(said(&f, ACT_RUN_DONE)->run_result, RUN_FAILED);
	end(&f);
	two_tables(&f, 1);
	f.spec.quiet = true;
	begin(&f, 4);
	decided(&f, RUN, 0, 0, DECIDE_WAIT);
	feed(&f, (struct event){.kind = EV_CANCEL_RUN, .run = RUN});
	assert_int_equal(result(&f, 0, 0), TASK_CANCELED);
	assert_int_equal(count(&f, ACT_TRANSITION), 2); /* on record, even in a quiet run, as it was before; and the run's end */
	source_comes(&f, RUN, 0, 0);                    /* too late */
	assert_false(asked(&f, RUN, 0, 0));
	end(&f);
}

static void later_dates_that_need_it_wait_with_it(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 2);
	f.hold_decisions = true;
	uint32_t a = add_table(&f, true);
	add_edge(&f, a, &day_before);
	begin(&f, 4);
	assert_true(asked(&f, RUN, a, 0) && !asked(&f, RUN, a, 1));
	decided(&f, RUN, a, 0, DECIDE_WAIT);
	assert_false(asked(&f, RUN, a, 1));
	source_comes(&f, RUN, a, 0);
	decided(&f, RUN, a, 0, DECIDE_BUILD);
	succeed(&f, started(&f, a, 0));
	assert_true(asked(&f, RUN, a, 1));
	end(&f);
}

static void a_paused_run_hears_of_it_when_it_goes_on(void **state)
{
	(void)state;
	struct fixture f;
	two_tables(&f, 1);
	begin(&f, 4);
	feed(&f, (struct event){.kind = EV_PAUSE_RUN, .run = RUN});
	decided(&f, RUN, 0, 0, DECIDE_WAIT);
	source_comes(&f, RUN, 0, 0);
	assert_false(asked(&f, RUN, 0, 0));
	feed(&f, (struct event){.kind = EV_UNPAUSE_RUN, .run = RUN});
	assert_true(asked(&f, RUN, 0, 0));
	end(&f);
}

static void what_the_world_says_too_often_changes_nothing(void **state)
{
	(void)state;
	struct fixture f;
	two_tables(&f, 1);
	begin(&f, 4);
	source_comes(&f, RUN, 0, 0); /* it is being decided */
	source_comes(&f, RUN, 9, 9);
	source_comes(&f, OTHER, 0, 0);
	assert_int_equal(f.out.len, 0);
	decided(&f, RUN, 0, 0, DECIDE_WAIT);
	feed(&f, (struct event){.kind = EV_RETRY_NOW, .task = {RUN, 0, 0}});
	assert_int_equal(f.out.len, 0);
	source_comes(&f, RUN, 0, 0);
	source_comes(&f, RUN, 0, 0);
	assert_int_equal(f.out.len, 0); /* asked once, by the first */
	decided(&f, RUN, 0, 0, DECIDE_WAIT); /* not so: it waits on */
	assert_int_equal(state_of(&f, 0, 0), TASK_WAITING);
	source_comes(&f, RUN, 0, 0);
	assert_true(asked(&f, RUN, 0, 0));
	end(&f);
}

static void it_is_what_explain_names(void **state)
{
	(void)state;
	struct fixture f;
	struct arena arena = {0};
	struct explanation e;
	two_tables(&f, 1);
	begin(&f, 4);
	decided(&f, RUN, 0, 0, DECIDE_WAIT);
	assert_true(machine_explain(f.m, (struct task_id){RUN, 1, 0}, &arena, &e));
	assert_int_equal(e.nblockers, 2);
	assert_int_equal(e.blockers[0].kind, BLOCK_SOURCE);
	assert_int_equal(e.blockers[0].of.table, 0);
	assert_int_equal(e.blockers[1].kind, BLOCK_UPSTREAM);
	assert_int_equal(e.start_ms, INT64_MAX); /* nobody knows when it comes */
	arena_free(&arena);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_on_record_and_takes_nothing),
		cmocka_unit_test(it_keeps_nobody_from_its_partition),
		cmocka_unit_test(it_ends_with_its_run),
		cmocka_unit_test(later_dates_that_need_it_wait_with_it),
		cmocka_unit_test(a_paused_run_hears_of_it_when_it_goes_on),
		cmocka_unit_test(what_the_world_says_too_often_changes_nothing),
		cmocka_unit_test(it_is_what_explain_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
