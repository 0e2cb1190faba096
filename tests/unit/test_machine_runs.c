/* core/machine with several runs in it: shared partitions, pauses, limits, the kept worker, pools that change.
 * tests/sim/sim_machine.c has their combinations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/machine.h"
#include "tests/helper/machine_fixture.h"

enum { OTHER = RUN + 1 };

static uint64_t started_in(const struct fixture *f, uint32_t run, uint32_t table, uint32_t date)
{
	for (size_t i = 0; i < f->out.len; i++) {
		const struct action *a = &f->out.items[i];
		if (a->kind == ACT_START && a->run == run && a->task.table == table && a->task.date == date)
			return a->fence;
	}
	return 0;
}

static size_t starts_in(const struct fixture *f, uint32_t run)
{
	size_t n = 0;
	for (size_t i = 0; i < f->out.len; i++)
		n += f->out.items[i].kind == ACT_START && f->out.items[i].run == run;
	return n;
}

static enum task_state state_in(const struct fixture *f, uint32_t run, uint32_t date)
{
	return machine_task_state(f->m, (struct task_id){run, 0, date});
}

static void add_other(struct fixture *f, const struct run_spec *spec)
{
	feed(f, (struct event){.kind = EV_RUN_ADD, .run = OTHER, .spec = spec});
}

static bool asked(const struct fixture *f, uint32_t run, uint32_t date)
{
	for (size_t i = 0; i < f->out.len; i++) {
		const struct action *a = &f->out.items[i];
		if (a->kind == ACT_DECIDE && a->task.run == run && a->task.date == date)
			return true;
	}
	return false;
}

/* The other run's days begin a day later: its date 0 is the first one's date 1. */
static void a_partition_of_two_runs_is_built_once_at_a_time(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 2);
	uint32_t a = add_table(&f, true);
	f.tables[a].key = 5;
	f.tables[a].retries = 1;
	begin(&f, 9);
	uint64_t fence = started_in(&f, RUN, a, 1);
	struct run_spec later = f.spec;
	later.first_day++;
	add_other(&f, &later);
	assert_int_equal(starts_in(&f, OTHER), 1);
	assert_true(started_in(&f, OTHER, a, 1));
	assert_false(asked(&f, OTHER, 0));
	ended(&f, fence, OUTCOME_LOST, ERROR_NONE); /* it waits for its retry: now the other may */
	assert_true(asked(&f, OTHER, 0));
	fence = started_in(&f, OTHER, a, 0);
	f.now += 1000;
	feed(&f, (struct event){.kind = EV_TIME}); /* the retry is due, and waits for the other */
	assert_int_equal(state_in(&f, RUN, 1), TASK_WAITING);
	assert_null(said(&f, ACT_TIMER));
	f.hold_decisions = true;
	succeed(&f, fence);
	assert_true(asked(&f, RUN, 1));
	feed(&f, (struct event){.kind = EV_DECIDED, .task = {RUN, a, 1}, .decision = DECIDE_FRESH});
	assert_int_equal(result(&f, a, 1), TASK_FRESH);
	end(&f);
}

static void other_keys_and_days_do_not_wait_for_each_other(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 1);
	uint32_t a = add_table(&f, true), b = add_table(&f, true), c = add_table(&f, false);
	f.tables[a].key = 1;
	f.tables[c].key = 2;
	begin(&f, 99);
	struct spec_table others[3] = {f.tables[a], f.tables[b], f.tables[c]};
	struct run_spec other = f.spec;
	other.tables = others;
	other.first_day += 7;
	others[c].key = 3;
	add_other(&f, &other);
	assert_int_equal(starts_in(&f, OTHER), 3); /* another day, no key, another table */
	end(&f);
}

static void who_is_parked_can_be_canceled_and_comes_back_in_a_crowd(void **state)
{
	(void)state;
	enum { CROWD = 40 };
	struct fixture f;
	fixture_init(&f, 1);
	uint32_t a = add_table(&f, true);
	f.tables[a].key = 9;
	begin(&f, 99);
	uint64_t fence = started(&f, a, 0);
	for (uint32_t i = 1; i <= CROWD; i++)
		feed(&f, (struct event){.kind = EV_RUN_ADD, .run = RUN + i, .spec = &f.spec});
	assert_int_equal(machine_in_flight(f.m), 1);
	feed(&f, (struct event){.kind = EV_CANCEL_RUN, .run = OTHER});
	assert_int_equal(said(&f, ACT_RUN_DONE)->run, OTHER);
	for (uint32_t i = 1; i <= CROWD; i++) {
		ended(&f, fence, OUTCOME_SUCCESS, ERROR_NONE);
		assert_int_equal(count(&f, ACT_START), i < CROWD);
		fence = i < CROWD ? said(&f, ACT_START)->fence : 0;
	}
	end(&f);
}

static void a_paused_run_starts_nothing_and_holds_up_nobody(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 4);
	uint32_t a = add_table(&f, true);
	f.tables[a].key = 1;
	f.tables[a].retries = 1;
	begin(&f, 1);
	uint64_t fence = started(&f, a, 0);
	feed(&f, (struct event){.kind = EV_PAUSE_RUN, .run = RUN});
	assert_int_equal(count(&f, ACT_TRANSITION), 3); /* what was ready waits */
	assert_int_equal(said(&f, ACT_TRANSITION)->transition.wait, WAIT_PAUSED);
	feed(&f, (struct event){.kind = EV_PAUSE_RUN, .run = RUN});
	assert_int_equal(f.out.len, 0);
	ended(&f, fence, OUTCOME_LOST, ERROR_NONE);
	f.now += 9999;
	feed(&f, (struct event){.kind = EV_TIME});
	assert_int_equal(machine_in_flight(f.m), 0);
	struct run_spec one_day = f.spec;
	one_day.ndates = 1;
	one_day.first_day++;
	add_other(&f, &one_day);
	fence = started_in(&f, OTHER, a, 0);
	feed(&f, (struct event){.kind = EV_UNPAUSE_RUN, .run = RUN});
	assert_int_equal(state_in(&f, RUN, 1), TASK_WAITING); /* behind the other's */
	assert_int_equal(state_in(&f, RUN, 0), TASK_READY);
	feed(&f, (struct event){.kind = EV_PAUSE_RUN, .run = RUN});
	feed(&f, (struct event){.kind = EV_CANCEL_RUN, .run = RUN});
	assert_int_equal(said(&f, ACT_RUN_DONE)->run_result, RUN_CANCELED);
	succeed(&f, fence);
	end(&f);
}

static void a_run_may_begin_paused_and_an_answer_may_come_in_the_pause(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 2);
	add_table(&f, true);
	f.spec.paused = true;
	f.hold_decisions = true;
	begin(&f, 9);
	assert_int_equal(f.out.len, 0);
	feed(&f, (struct event){.kind = EV_UNPAUSE_RUN, .run = RUN});
	assert_int_equal(count(&f, ACT_DECIDE), 2);
	feed(&f, (struct event){.kind = EV_PAUSE_RUN, .run = RUN});
	feed(&f, (struct event){.kind = EV_DECIDED, .task = {RUN, 0, 0}, .decision = DECIDE_BUILD});
	assert_int_equal(state_in(&f, RUN, 0), TASK_WAITING);
	feed(&f, (struct event){.kind = EV_DECIDED, .task = {RUN, 0, 1}, .decision = DECIDE_FRESH});
	assert_int_equal(state_in(&f, RUN, 1), TASK_DONE);
	feed(&f, (struct event){.kind = EV_UNPAUSE_RUN, .run = RUN});
	assert_true(asked(&f, RUN, 0));
	end(&f);
}

static void a_run_has_at_most_max_active_tries(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 5);
	uint32_t a = add_table(&f, true);
	f.spec.max_active = 2;
	begin(&f, 9);
	assert_int_equal(count(&f, ACT_START), 2);
	succeed(&f, started(&f, a, 0));
	assert_int_equal(count(&f, ACT_START), 1);
	end(&f);
}

static void a_worker_is_kept_for_scheduled_runs_but_never_the_last(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 9);
	add_table(&f, true);
	begin(&f, 0);
	feed(&f, (struct event){.kind = EV_CAPACITY, .capacity = 3, .kept = 1});
	assert_int_equal(starts_in(&f, RUN), 2);
	struct run_spec scheduled = f.spec;
	scheduled.kind = RUN_SCHEDULED;
	add_other(&f, &scheduled);
	assert_int_equal(starts_in(&f, OTHER), 1);
	feed(&f, (struct event){.kind = EV_CAPACITY, .capacity = 9, .kept = 9});
	assert_int_equal(starts_in(&f, OTHER), 6); /* one was left for others, and they have two */
	feed(&f, (struct event){.kind = EV_CANCEL_RUN, .run = OTHER});
	ended(&f, 50, OUTCOME_SUCCESS, ERROR_NONE);
	assert_int_equal(starts_in(&f, RUN), 0);
	ended(&f, 51, OUTCOME_SUCCESS, ERROR_NONE);
	assert_int_equal(starts_in(&f, RUN), 1);
	end(&f);
}

/* One row a pair of kinds: who had the task, who wants it, and whether it gives way. */
static void what_is_only_ready_gives_way_to_more_urgent_runs(void **state)
{
	(void)state;
	static const struct {
		enum run_kind first, second;
		bool gives_way;
	} rules[] = {
		{RUN_BACKFILL, RUN_SCHEDULED, true}, {RUN_BACKFILL, RUN_MANUAL, true},   {RUN_MANUAL, RUN_SCHEDULED, true},
		{RUN_MANUAL, RUN_BACKFILL, false},   {RUN_SCHEDULED, RUN_MANUAL, false}, {RUN_BACKFILL, RUN_BACKFILL, false},
	};
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		struct fixture f;
		fixture_init(&f, 2);
		f.spec.kind = rules[i].first;
		uint32_t a = add_table(&f, true);
		f.tables[a].key = 1;
		begin(&f, 1);
		struct run_spec other = f.spec;
		other.kind = rules[i].second;
		add_other(&f, &other);
		assert_int_equal(state_in(&f, OTHER, 0), TASK_WAITING); /* that one runs */
		assert_int_equal(state_in(&f, OTHER, 1), rules[i].gives_way ? TASK_READY : TASK_WAITING);
		assert_int_equal(state_in(&f, RUN, 1), rules[i].gives_way ? TASK_WAITING : TASK_READY);
		end(&f);
	}
}

static void pools_may_change_and_grow_while_runs_go_on(void **state)
{
	(void)state;
	static const uint32_t more[] = {9, 2, 1}, fewer[] = {1};
	struct fixture f;
	fixture_init(&f, 4);
	uint32_t a = add_table(&f, true);
	f.tables[a].pool = 1; /* one slot */
	begin(&f, 9);
	assert_int_equal(count(&f, ACT_START), 1);
	feed(&f, (struct event){.kind = EV_POOLS, .pool_slots = more, .npools = 3});
	assert_int_equal(count(&f, ACT_START), 1);
	struct spec_table pooled = f.tables[a];
	pooled.pool = 2;
	struct run_spec other = f.spec;
	other.tables = &pooled;
	add_other(&f, &other);
	assert_int_equal(count(&f, ACT_START), 1);
	feed(&f, (struct event){.kind = EV_POOLS, .pool_slots = fewer, .npools = 1});
	succeed(&f, 50);
	assert_int_equal(starts_in(&f, RUN), 1); /* pool 1 has its two slots still */
	end(&f);
}

static void a_hurried_retry_does_not_come_again_at_its_old_time(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 2);
	uint32_t a = add_table(&f, true);
	f.tables[a].retries = 2;
	begin(&f, 9);
	uint64_t second = started(&f, a, 1);
	ended(&f, started(&f, a, 0), OUTCOME_LOST, ERROR_NONE); /* at 1000 */
	f.now += 10;
	ended(&f, second, OUTCOME_LOST, ERROR_NONE); /* at 1010, behind the other */
	feed(&f, (struct event){.kind = EV_RETRY_NOW, .task = {RUN, a, 9}});
	feed(&f, (struct event){.kind = EV_RETRY_NOW, .task = {RUN, a, 1}});
	second = started(&f, a, 1);
	assert_true(second);
	ended(&f, second, OUTCOME_LOST, ERROR_NONE); /* two seconds later */
	feed(&f, (struct event){.kind = EV_TIME});
	f.now += 1000;
	feed(&f, (struct event){.kind = EV_TIME});
	assert_true(started(&f, a, 0));
	assert_int_equal(started(&f, a, 1), 0);
	assert_int_equal(said(&f, ACT_TIMER)->at_ms, f.now + 1000);
	end(&f);
}

/* One slot that is free whenever it is somebody else's turn: the pool has turns of its own. */
static void a_pool_takes_turns_of_its_own(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 20);
	uint32_t pooled = add_table(&f, true), free_table = add_table(&f, true);
	f.tables[pooled].pool = 1;
	f.tables[pooled].weight = 9;
	begin(&f, 0);
	add_other(&f, &f.spec);
	feed(&f, (struct event){.kind = EV_CAPACITY, .capacity = 2});
	size_t mine = starts_in(&f, RUN), before = mine;
	uint64_t in_pool = started_in(&f, RUN, pooled, 0), in_free = 0;
	assert_int_equal(before, 1);
	for (uint32_t i = 0; i < 6; i++) {
		for (size_t k = 0; k < f.out.len; k++) {
			const struct action *act = &f.out.items[k];
			if (act->kind == ACT_START && act->task.table == free_table)
				in_free = act->fence;
		}
		succeed(&f, in_free); /* takes a turn of one run, and then the pool's slot is free */
		in_free = said(&f, ACT_START)->fence;
		succeed(&f, in_pool);
		assert_int_equal(said(&f, ACT_START)->task.table, pooled);
		assert_int_equal(said(&f, ACT_START)->run, i % 2 ? RUN : OTHER);
		in_pool = said(&f, ACT_START)->fence;
	}
	end(&f);
}

/* What was never told of ends in the counts only; what was, and a failure, is told to the end. */
static void a_quiet_run_says_nothing_of_what_never_began(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 4);
	uint32_t a = add_table(&f, true), b = add_table(&f, true);
	add_edge(&f, a, &same_day);
	f.spec.quiet = true;
	f.hold_decisions = true;
	begin(&f, 1);
	feed(&f, (struct event){.kind = EV_DECIDED, .task = {RUN, a, 0}, .decision = DECIDE_FRESH});
	assert_int_equal(count(&f, ACT_TRANSITION), 0);
	assert_true(asked(&f, RUN, 0)); /* b: there was nothing to wait for */
	assert_int_equal(state_of(&f, a, 0), TASK_DONE);
	feed(&f, (struct event){.kind = EV_DECIDED, .task = {RUN, a, 1}, .decision = DECIDE_FAIL});
	assert_int_equal(count(&f, ACT_TRANSITION), 1);
	assert_int_equal(result(&f, b, 1), TASK_UPSTREAM_FAILED);
	feed(&f, (struct event){.kind = EV_DECIDED, .task = {RUN, a, 2}, .decision = DECIDE_BUILD});
	assert_int_equal(state_of(&f, a, 2), TASK_RUNNING);
	feed(&f, (struct event){.kind = EV_CANCEL_RUN, .run = RUN});
	assert_int_equal(count(&f, ACT_TRANSITION), 0);
	ended(&f, 50, OUTCOME_KILLED, ERROR_NONE);
	struct run_counts counts;
	assert_true(machine_run_counts(f.m, RUN, &counts));
	assert_int_equal(counts.by_result[TASK_CANCELED], 5);
	assert_int_equal(counts.by_result[TASK_FRESH], 1);
	assert_int_equal(counts.by_result[TASK_FAILED], 1);
	assert_int_equal(counts.by_result[TASK_UPSTREAM_FAILED], 1);
	end(&f);
}

static void more_capacity_is_more_room_ahead_at_once(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 900);
	add_table(&f, true);
	f.hold_decisions = true;
	begin(&f, 1);
	size_t before = count(&f, ACT_DECIDE);
	assert_in_range(before, 1, 300);
	feed(&f, (struct event){.kind = EV_CAPACITY, .capacity = 11});
	assert_int_equal(count(&f, ACT_DECIDE), 20);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_partition_of_two_runs_is_built_once_at_a_time),
		cmocka_unit_test(other_keys_and_days_do_not_wait_for_each_other),
		cmocka_unit_test(who_is_parked_can_be_canceled_and_comes_back_in_a_crowd),
		cmocka_unit_test(a_paused_run_starts_nothing_and_holds_up_nobody),
		cmocka_unit_test(a_run_may_begin_paused_and_an_answer_may_come_in_the_pause),
		cmocka_unit_test(a_run_has_at_most_max_active_tries),
		cmocka_unit_test(a_worker_is_kept_for_scheduled_runs_but_never_the_last),
		cmocka_unit_test(what_is_only_ready_gives_way_to_more_urgent_runs),
		cmocka_unit_test(pools_may_change_and_grow_while_runs_go_on),
		cmocka_unit_test(a_hurried_retry_does_not_come_again_at_its_old_time),
		cmocka_unit_test(a_pool_takes_turns_of_its_own),
		cmocka_unit_test(more_capacity_is_more_room_ahead_at_once),
		cmocka_unit_test(a_quiet_run_says_nothing_of_what_never_began),
	};
	return cmocka_run_group_tests_name("machine_runs", tests, NULL, NULL);
}
