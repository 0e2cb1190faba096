/* core/explain: what it says of each kind of blocker, in which order, and its estimates. That what it names is what
 * holds a task up is shown in random worlds by tests/sim/sim_machine.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/explain.h"
#include "tests/helper/machine_fixture.h"

static struct arena arena;

static struct explanation why(const struct fixture *f, uint32_t run, uint32_t table, uint32_t date)
{
	struct explanation e;
	arena_free(&arena);
	assert_true(machine_explain(f->m, (struct task_id){run, table, date}, &arena, &e));
	return e;
}

static void finish(struct fixture *f)
{
	arena_free(&arena);
	end(f);
}

static void is(const struct blocker *b, enum blocker_kind kind, uint32_t table, uint32_t date)
{
	assert_string_equal(blocker_kind_name(b->kind), blocker_kind_name(kind));
	assert_int_equal(b->task.table, table);
	assert_int_equal(b->task.date, date);
}

static void a_chain_is_told_from_its_deepest_end(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 1);
	uint32_t a = add_table(&f, true), b = add_table(&f, true);
	add_edge(&f, a, &same_day);
	uint32_t c = add_table(&f, true);
	add_edge(&f, b, &same_day);
	f.tables[a].duration_us = 3999000;
	f.tables[b].duration_us = 1999000;
	f.tables[c].duration_us = 999000;
	begin(&f, 8);
	feed(&f, (struct event){.kind = EV_TRY_RUNNING, .fence = 50});
	f.now += 1500;
	feed(&f, (struct event){.kind = EV_TIME});
	struct explanation e = why(&f, RUN, c, 0);
	assert_int_equal(e.state, TASK_WAITING);
	assert_int_equal(e.nblockers, 2);
	is(&e.blockers[0], BLOCK_UPSTREAM, a, 0);
	assert_int_equal(e.blockers[0].of.table, b);
	assert_true(e.blockers[0].state == TASK_RUNNING && e.blockers[0].fence == 50);
	is(&e.blockers[1], BLOCK_UPSTREAM, b, 0);
	assert_int_equal(e.blockers[1].of.table, c);
	assert_int_equal(e.start_ms, f.now + 2500 + 2000); /* what is left of a, and b */
	e = why(&f, RUN, a, 0);
	assert_true(e.state == TASK_RUNNING && e.fence == 50 && !e.nblockers);
	f.hold_commits = true;
	ended(&f, 50, OUTCOME_SUCCESS, ERROR_NONE);
	e = why(&f, RUN, b, 0);
	assert_int_equal(e.nblockers, 1);
	is(&e.blockers[0], BLOCK_COMMIT, a, 0);
	finish(&f);
}

static void a_full_pool_names_who_has_its_slots(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 3);
	uint32_t a = add_table(&f, true);
	f.tables[a].pool = 1; /* one slot */
	f.tables[a].duration_us = 9999000;
	begin(&f, 8);
	struct explanation e = why(&f, RUN, a, 2);
	assert_int_equal(e.nblockers, 1);
	is(&e.blockers[0], BLOCK_POOL, a, 0);
	assert_true(e.blockers[0].pool == 1 && e.blockers[0].fence == 50);
	assert_int_equal(e.start_ms, f.now + 20000); /* the one that runs, and date 1 */
	static const uint32_t none[] = {9, 0};
	feed(&f, (struct event){.kind = EV_POOLS, .pool_slots = none, .npools = 2});
	succeed(&f, 50);
	e = why(&f, RUN, a, 2);
	is(&e.blockers[0], BLOCK_POOL, a, 2);
	assert_int_equal(e.blockers[0].fence, 0);
	assert_int_equal(e.start_ms, INT64_MAX);
	finish(&f);
}

static void workers_that_are_busy_kept_or_too_many_for_the_run_are_named(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 4);
	uint32_t a = add_table(&f, true);
	f.spec.max_active = 2;
	begin(&f, 1);
	struct explanation e = why(&f, RUN, a, 3);
	assert_int_equal(e.nblockers, 1);
	is(&e.blockers[0], BLOCK_WORKERS, a, 0);
	assert_int_equal(e.start_ms, INT64_MAX); /* nothing is known of a */
	feed(&f, (struct event){.kind = EV_CAPACITY, .capacity = 2, .kept = 1});
	e = why(&f, RUN, a, 3);
	assert_int_equal(e.nblockers, 1);
	is(&e.blockers[0], BLOCK_KEPT, a, 0);
	feed(&f, (struct event){.kind = EV_CAPACITY, .capacity = 9});
	e = why(&f, RUN, a, 3);
	assert_int_equal(e.nblockers, 2);
	is(&e.blockers[0], BLOCK_MAX_ACTIVE, a, 0);
	is(&e.blockers[1], BLOCK_MAX_ACTIVE, a, 1);
	feed(&f, (struct event){.kind = EV_CAPACITY, .capacity = 0});
	succeed(&f, 50);
	succeed(&f, 51);
	e = why(&f, RUN, a, 3);
	is(&e.blockers[0], BLOCK_WORKERS, a, 3);
	assert_int_equal(e.blockers[0].fence, 0);
	finish(&f);
}

static void pauses_retries_and_decisions_are_named(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 2);
	uint32_t a = add_table(&f, true);
	f.tables[a].retries = 1;
	f.tables[a].duration_us = 999000;
	begin(&f, 1);
	ended(&f, 50, OUTCOME_LOST, ERROR_NONE);
	succeed(&f, 51);
	struct explanation e = why(&f, RUN, a, 0);
	assert_int_equal(e.nblockers, 1);
	assert_int_equal(e.blockers[0].kind, BLOCK_RETRY);
	assert_int_equal(e.blockers[0].at_ms, f.now + 1000);
	assert_int_equal(e.start_ms, f.now + 1000);
	feed(&f, (struct event){.kind = EV_PAUSE_RUN, .run = RUN});
	f.now += 1000;
	feed(&f, (struct event){.kind = EV_TIME});
	e = why(&f, RUN, a, 0);
	assert_int_equal(e.nblockers, 1);
	assert_int_equal(e.blockers[0].kind, BLOCK_PAUSED);
	assert_int_equal(e.start_ms, INT64_MAX);
	f.hold_decisions = true;
	feed(&f, (struct event){.kind = EV_UNPAUSE_RUN, .run = RUN});
	e = why(&f, RUN, a, 0);
	assert_int_equal(e.nblockers, 1);
	assert_int_equal(e.blockers[0].kind, BLOCK_DECIDING);
	e = why(&f, RUN, a, 1);
	assert_true(e.state == TASK_DONE && e.result == TASK_SUCCESS && !e.nblockers);
	assert_false(machine_explain(f.m, (struct task_id){RUN, 5, 0}, &arena, &e));
	assert_false(machine_explain(f.m, (struct task_id){RUN + 5, 0, 0}, &arena, &e));
	finish(&f);
}

static void a_twin_is_named_with_its_run_and_what_holds_it_up(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 2);
	uint32_t a = add_table(&f, true);
	f.tables[a].key = 3;
	f.tables[a].duration_us = 999000;
	begin(&f, 1);
	feed(&f, (struct event){.kind = EV_RUN_ADD, .run = RUN + 1, .spec = &f.spec});
	struct explanation e = why(&f, RUN + 1, a, 0);
	assert_int_equal(e.nblockers, 1);
	is(&e.blockers[0], BLOCK_TWIN, a, 0);
	assert_true(e.blockers[0].run == RUN && e.blockers[0].fence == 50);
	assert_int_equal(e.start_ms, f.now + 1000);
	e = why(&f, RUN + 1, a, 1);
	assert_int_equal(e.nblockers, 2);
	is(&e.blockers[0], BLOCK_WORKERS, a, 0);
	is(&e.blockers[1], BLOCK_TWIN, a, 1);
	assert_int_equal(e.blockers[1].state, TASK_READY);
	assert_int_equal(e.start_ms, f.now + 2000);
	finish(&f);
}

/* A wide fan: as many as fit are named, the rest is counted, and the work is shared by all workers. */
static void what_is_too_much_to_name_is_counted(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 120);
	uint32_t a = add_table(&f, true), b = add_table(&f, false);
	f.tables[a].duration_us = 999000;
	f.tables[b].duration_us = 999000;
	add_edge(&f, a, NULL);
	begin(&f, 10);
	struct explanation e = why(&f, RUN, b, 0);
	assert_int_equal(e.nblockers, EXPLAIN_MAX);
	assert_int_equal(e.more, 120 + 10 - EXPLAIN_MAX); /* the workers are named once */
	assert_int_equal(e.start_ms, f.now + 12900); /* 119 before the last one, ten at a time, and itself */
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_is_told_from_its_deepest_end),
		cmocka_unit_test(a_full_pool_names_who_has_its_slots),
		cmocka_unit_test(workers_that_are_busy_kept_or_too_many_for_the_run_are_named),
		cmocka_unit_test(pauses_retries_and_decisions_are_named),
		cmocka_unit_test(a_twin_is_named_with_its_run_and_what_holds_it_up),
		cmocka_unit_test(what_is_too_much_to_name_is_counted),
	};
	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
