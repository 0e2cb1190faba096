/* core/machine: each rule of the scheduler by itself. tests/sim/sim_machine.c has their combinations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/machine.h"
#include "tests/helper/machine_fixture.h"

static void a_chain_runs_in_order_and_the_run_ends(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 1);
	uint32_t a = add_table(&f, true), b = add_table(&f, true);
	add_edge(&f, a, &same_day);
	begin(&f, 8);
	assert_int_equal(started(&f, a, 0), 50);
	assert_int_equal(started(&f, b, 0), 0);
	succeed(&f, 50);
	assert_int_equal(started(&f, b, 0), 51);
	feed(&f, (struct event){.kind = EV_TRY_RUNNING, .fence = 51});
	feed(&f, (struct event){.kind = EV_TRY_ENDED, .fence = 51, .outcome = OUTCOME_SUCCESS, .empty = true});
	assert_int_equal(said(&f, ACT_RUN_DONE)->run_result, RUN_SUCCESS);
	struct run_counts counts;
	assert_true(machine_run_counts(f.m, RUN, &counts));
	assert_int_equal(counts.tries, 2);
	assert_int_equal(counts.by_result[TASK_SUCCESS], 1);
	assert_int_equal(counts.by_result[TASK_EMPTY], 1);
	feed(&f, (struct event){.kind = EV_TIME});
	assert_false(machine_run_counts(f.m, RUN, &counts));
	end(&f);
}

static void nothing_is_told_before_it_is_durable(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 1);
	uint32_t a = add_table(&f, true), b = add_table(&f, true);
	add_edge(&f, a, &same_day);
	f.hold_commits = true;
	begin(&f, 8);
	assert_int_equal(count(&f, ACT_START), 0);
	feed(&f, (struct event){.kind = EV_COMMITTED, .seq = f.seq - 1});
	assert_int_equal(count(&f, ACT_START), 0);
	feed(&f, (struct event){.kind = EV_COMMITTED, .seq = f.seq});
	assert_int_equal(started(&f, a, 0), 50);
	ended(&f, 50, OUTCOME_SUCCESS, ERROR_NONE);
	assert_int_equal(result(&f, a, 0), TASK_SUCCESS);
	assert_int_equal(count(&f, ACT_DECIDE), 0);
	feed(&f, (struct event){.kind = EV_COMMITTED, .seq = f.seq - 1});
	assert_int_equal(count(&f, ACT_DECIDE), 0);
	feed(&f, (struct event){.kind = EV_COMMITTED, .seq = f.seq});
	assert_int_equal(count(&f, ACT_DECIDE), 1);
	feed(&f, (struct event){.kind = EV_COMMITTED, .seq = f.seq});
	assert_int_equal(started(&f, b, 0), 51);
	ended(&f, 51, OUTCOME_SUCCESS, ERROR_NONE);
	assert_null(said(&f, ACT_RUN_DONE));
	feed(&f, (struct event){.kind = EV_COMMITTED, .seq = f.seq});
	assert_non_null(said(&f, ACT_RUN_DONE));
	end(&f);
}

/* One row a rule: which reader dates are ready at once, and which after upstream date 1 is done. */
static void spans_decide_who_waits_for_whom(void **state)
{
	(void)state;
	static const struct span fixed = {{BOUND_ABS, 101}, {BOUND_ABS, 101}};
	static const struct {
		bool up_partitioned, reader_partitioned;
		const struct span *span;
		const char *first, *after; /* of dates 0..2: 's' started by then */
	} rules[] = {
		{true, true, &same_day, "---", "-s-"},
		{true, true, &day_before, "s--", "s-s"},
		{true, true, &last_three, "---", "---"},
		{true, true, &fixed, "---", "sss"},
		{true, true, NULL, "---", "---"},
		{true, false, &fixed, "-", "s"},
		{true, false, NULL, "-", "-"},
		{false, true, &day_before, "---", "---"},
	};
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		struct fixture f;
		fixture_init(&f, 3);
		uint32_t up = add_table(&f, rules[i].up_partitioned), reader = add_table(&f, rules[i].reader_partitioned);
		add_edge(&f, up, rules[i].span);
		begin(&f, 99);
		uint64_t fence = started(&f, up, 1);
		char first[4] = "", after[4] = "";
		for (uint32_t d = 0; d < strlen(rules[i].first); d++)
			first[d] = state_of(&f, reader, d) == TASK_RUNNING ? 's' : '-';
		if (fence)
			succeed(&f, fence);
		for (uint32_t d = 0; d < strlen(rules[i].first); d++)
			after[d] = state_of(&f, reader, d) == TASK_RUNNING ? 's' : '-';
		assert_string_equal(first, rules[i].first);
		assert_string_equal(after, rules[i].after);
		end(&f);
	}
}

static void a_self_read_goes_date_by_date(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 3);
	uint32_t a = add_table(&f, true);
	add_edge(&f, a, NULL); /* all dates: never itself, never later ones */
	begin(&f, 8);
	for (uint32_t d = 0; d < 3; d++) {
		uint64_t fence = started(&f, a, d);
		assert_int_equal(count(&f, ACT_START), 1);
		succeed(&f, fence);
	}
	assert_int_equal(said(&f, ACT_RUN_DONE)->run_result, RUN_SUCCESS);
	end(&f);
}

static void overlapping_spans_count_alike_up_and_down(void **state)
{
	(void)state;
	static const struct span both[] = {{{BOUND_REL, -2}, {BOUND_REL, 0}}, {{BOUND_REL, -1}, {BOUND_REL, 0}}};
	struct fixture f;
	fixture_init(&f, 3);
	uint32_t a = add_table(&f, true), b = add_table(&f, true);
	f.edges[f.nedges++] = (struct spec_edge){a, both, 2};
	f.tables[b].edge_end = f.nedges;
	begin(&f, 8);
	uint64_t fences[3] = {started(&f, a, 0), started(&f, a, 1), started(&f, a, 2)};
	succeed(&f, fences[0]);
	assert_true(started(&f, b, 0));
	succeed(&f, fences[2]);
	assert_int_equal(count(&f, ACT_START), 0);
	succeed(&f, fences[1]);
	assert_true(started(&f, b, 1) && started(&f, b, 2));
	end(&f);
}

static void capacity_and_pools_hold_back_and_weight_goes_first(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 2);
	uint32_t light = add_table(&f, true), heavy = add_table(&f, true), pooled = add_table(&f, true);
	f.tables[light].weight = 1;
	f.tables[heavy].weight = 5;
	f.tables[pooled].weight = 9;
	f.tables[pooled].pool = 1; /* one slot */
	begin(&f, 2);
	uint64_t fence = started(&f, pooled, 0);
	assert_true(fence && started(&f, heavy, 0));
	assert_int_equal(machine_in_flight(f.m), 2);
	feed(&f, (struct event){.kind = EV_CAPACITY, .capacity = 4});
	assert_true(started(&f, heavy, 1) && started(&f, light, 0));
	succeed(&f, fence);
	assert_true(started(&f, pooled, 1));
	assert_int_equal(count(&f, ACT_START), 1);
	end(&f);
}

static void a_decision_may_be_fresh_or_a_failure(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 2);
	uint32_t a = add_table(&f, true), b = add_table(&f, true);
	add_edge(&f, a, &same_day);
	f.hold_decisions = true;
	begin(&f, 8);
	assert_int_equal(count(&f, ACT_DECIDE), 2);
	feed(&f, (struct event){.kind = EV_DECIDED, .task = {RUN, a, 0}, .decision = DECIDE_FRESH});
	assert_int_equal(said(&f, ACT_DECIDE)->task.table, b);
	feed(&f, (struct event){.kind = EV_DECIDED, .task = {RUN, a, 1}, .decision = DECIDE_FAIL});
	assert_int_equal(result(&f, b, 1), TASK_UPSTREAM_FAILED);
	feed(&f, (struct event){.kind = EV_DECIDED, .task = {RUN, a, 1}, .decision = DECIDE_BUILD}); /* too late */
	feed(&f, (struct event){.kind = EV_DECIDED, .task = {RUN, 99, 1}}); /* no such task */
	feed(&f, (struct event){.kind = EV_DECIDED, .task = {RUN, b, 0}, .decision = DECIDE_FRESH});
	assert_int_equal(said(&f, ACT_RUN_DONE)->run_result, RUN_FAILED);
	end(&f);
}

static void a_failure_withholds_its_readers_with_its_name(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 2);
	uint32_t a = add_table(&f, true), b = add_table(&f, true);
	add_edge(&f, a, &same_day);
	uint32_t c = add_table(&f, false);
	add_edge(&f, b, NULL);
	begin(&f, 8);
	uint64_t other = started(&f, a, 0);
	ended(&f, started(&f, a, 1), OUTCOME_ERROR, ERROR_SQL);
	assert_int_equal(result(&f, a, 1), TASK_FAILED);
	assert_int_equal(result(&f, b, 1), TASK_UPSTREAM_FAILED);
	assert_int_equal(result(&f, c, 0), TASK_UPSTREAM_FAILED);
	size_t withheld = 0;
	for (size_t i = 0; i < f.out.len; i++) {
		const struct transition *t = &f.out.items[i].transition;
		if (f.out.items[i].kind != ACT_TRANSITION || t->cause != CAUSE_UPSTREAM)
			continue;
		assert_true(t->cause_task.table == a && t->cause_task.date == 1);
		withheld++;
	}
	assert_int_equal(withheld, 2);
	succeed(&f, other); /* independent work goes on */
	succeed(&f, started(&f, b, 0));
	assert_int_equal(said(&f, ACT_RUN_DONE)->run_result, RUN_FAILED);
	end(&f);
}

static void a_backfill_withholds_later_dates_unless_told(void **state)
{
	(void)state;
	for (int go_on = 0; go_on < 2; go_on++) {
		struct fixture f;
		fixture_init(&f, 4);
		f.spec.kind = RUN_BACKFILL;
		f.spec.continue_on_error = go_on;
		uint32_t a = add_table(&f, true);
		begin(&f, 2);
		uint64_t other = started(&f, a, 0);
		ended(&f, started(&f, a, 1), OUTCOME_ERROR, ERROR_CHECK);
		for (uint32_t d = 2; d < 4; d++)
			assert_int_equal(result(&f, a, d) == TASK_UPSTREAM_FAILED, !go_on);
		assert_int_equal(state_of(&f, a, 0), TASK_RUNNING);
		ended(&f, other, OUTCOME_SUCCESS, ERROR_NONE);
		assert_int_equal(said(&f, ACT_RUN_DONE) != NULL, !go_on);
		end(&f);
	}
}

static void fail_fast_starts_nothing_more(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 4);
	f.spec.fail_fast = true;
	uint32_t a = add_table(&f, true);
	f.tables[a].retries = 3;
	begin(&f, 2);
	uint64_t other = started(&f, a, 1);
	ended(&f, started(&f, a, 0), OUTCOME_ERROR, ERROR_PERMANENT);
	assert_int_equal(result(&f, a, 2), TASK_SKIPPED);
	assert_int_equal(state_of(&f, a, 1), TASK_RUNNING);
	ended(&f, other, OUTCOME_LOST, ERROR_NONE); /* would be tried again */
	assert_int_equal(result(&f, a, 1), TASK_FAILED);
	assert_int_equal(said(&f, ACT_RUN_DONE)->run_result, RUN_FAILED);
	end(&f);
}

static void only_what_a_retry_can_cure_is_tried_again(void **state)
{
	(void)state;
	static const struct {
		enum try_outcome outcome;
		enum error_class error;
		bool any, again;
		enum task_result result;
	} rules[] = {
		{OUTCOME_ERROR, ERROR_TRANSIENT, false, true, TASK_FAILED},
		{OUTCOME_ERROR, ERROR_SQL, false, false, TASK_FAILED},
		{OUTCOME_ERROR, ERROR_CHECK, false, false, TASK_FAILED},
		{OUTCOME_ERROR, ERROR_PERMANENT, false, false, TASK_FAILED},
		{OUTCOME_ERROR, ERROR_SQL, true, true, TASK_FAILED},
		{OUTCOME_LOST, ERROR_NONE, false, true, TASK_FAILED},
		{OUTCOME_FENCED, ERROR_NONE, false, true, TASK_FAILED},
		{OUTCOME_TIMEOUT, ERROR_NONE, false, true, TASK_TIMEOUT},
	};
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		struct fixture f;
		fixture_init(&f, 1);
		uint32_t a = add_table(&f, true);
		f.tables[a].retries = 1;
		f.tables[a].retry_any = rules[i].any;
		begin(&f, 8);
		ended(&f, started(&f, a, 0), rules[i].outcome, rules[i].error);
		if (rules[i].again) {
			assert_int_equal(state_of(&f, a, 0), TASK_WAITING);
			assert_int_equal(said(&f, ACT_TIMER)->at_ms, f.now + 1000);
			f.now += 999;
			feed(&f, (struct event){.kind = EV_TIME});
			assert_int_equal(started(&f, a, 0), 0);
			assert_int_equal(said(&f, ACT_TIMER)->at_ms, f.now + 1); /* the early one is used up */
			f.now++;
			feed(&f, (struct event){.kind = EV_TIME});
			assert_int_equal(started(&f, a, 0), 51);
			assert_int_equal(said(&f, ACT_START)->try_no, 2);
			ended(&f, 51, rules[i].outcome, rules[i].error);
		}
		assert_int_equal(said(&f, ACT_RUN_DONE)->run_result, RUN_FAILED);
		assert_int_equal(result(&f, a, 0), rules[i].result);
		end(&f);
	}
}

static void a_timeout_counts_from_running_and_stops(void **state)
{
	(void)state;
	for (int late_success = 0; late_success < 2; late_success++) {
		struct fixture f;
		fixture_init(&f, 1);
		uint32_t a = add_table(&f, true);
		f.tables[a].timeout_ms = 500;
		begin(&f, 8);
		f.now += 10000;
		feed(&f, (struct event){.kind = EV_TIME});
		assert_null(said(&f, ACT_STOP));
		feed(&f, (struct event){.kind = EV_TRY_RUNNING, .fence = 50});
		assert_int_equal(said(&f, ACT_TIMER)->at_ms, f.now + 500);
		f.now += 500;
		feed(&f, (struct event){.kind = EV_TIME});
		assert_int_equal(said(&f, ACT_STOP)->stop, STOP_TIMEOUT);
		assert_int_equal(said(&f, ACT_STOP)->fence, 50);
		f.now += 500;
		feed(&f, (struct event){.kind = EV_TIME});
		assert_null(said(&f, ACT_STOP)); /* once */
		ended(&f, 50, late_success ? OUTCOME_SUCCESS : OUTCOME_KILLED, ERROR_NONE);
		assert_int_equal(result(&f, a, 0), late_success ? TASK_SUCCESS : TASK_TIMEOUT);
		end(&f);
	}
}

static void cancel_ends_the_idle_at_once_and_stops_the_running(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 3);
	uint32_t a = add_table(&f, true);
	begin(&f, 2);
	uint64_t first = started(&f, a, 0), second = started(&f, a, 1);
	feed(&f, (struct event){.kind = EV_CANCEL_RUN, .run = RUN});
	assert_int_equal(count(&f, ACT_STOP), 2);
	assert_int_equal(result(&f, a, 2), TASK_CANCELED);
	feed(&f, (struct event){.kind = EV_CANCEL_RUN, .run = RUN});
	assert_int_equal(f.out.len, 0);
	ended(&f, first, OUTCOME_SUCCESS, ERROR_NONE); /* it had published */
	assert_int_equal(result(&f, a, 0), TASK_SUCCESS);
	ended(&f, second, OUTCOME_LOST, ERROR_NONE);
	assert_int_equal(result(&f, a, 1), TASK_CANCELED);
	assert_int_equal(said(&f, ACT_RUN_DONE)->run_result, RUN_CANCELED);
	end(&f);
}

static void a_run_that_takes_too_long_has_failed_and_says_so(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 3);
	uint32_t a = add_table(&f, true);
	begin(&f, 2);
	uint64_t first = started(&f, a, 0), second = started(&f, a, 1);
	feed(&f, (struct event){.kind = EV_RUN_TIMEOUT, .run = RUN});
	assert_int_equal(count(&f, ACT_STOP), 2);
	assert_int_equal(result(&f, a, 2), TASK_CANCELED);
	feed(&f, (struct event){.kind = EV_CANCEL_RUN, .run = RUN}); /* it is over already */
	assert_int_equal(f.out.len, 0);
	ended(&f, first, OUTCOME_SUCCESS, ERROR_NONE); /* it had published */
	assert_int_equal(result(&f, a, 0), TASK_SUCCESS);
	ended(&f, second, OUTCOME_LOST, ERROR_NONE);
	assert_int_equal(result(&f, a, 1), TASK_CANCELED);
	assert_int_equal(f.out.items[0].transition.cause, CAUSE_NONE); /* of the try */
	assert_int_equal(f.out.items[1].transition.cause, CAUSE_RUN_TIMEOUT);
	assert_int_equal(said(&f, ACT_RUN_DONE)->run_result, RUN_FAILED);
	end(&f);
}

static void a_timeout_after_a_cancel_changes_nothing(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 1);
	uint32_t a = add_table(&f, true);
	begin(&f, 1);
	uint64_t fence = started(&f, a, 0);
	feed(&f, (struct event){.kind = EV_CANCEL_RUN, .run = RUN});
	feed(&f, (struct event){.kind = EV_RUN_TIMEOUT, .run = RUN});
	ended(&f, fence, OUTCOME_LOST, ERROR_NONE);
	assert_int_equal(said(&f, ACT_RUN_DONE)->run_result, RUN_CANCELED);
	end(&f);
}

/* Who runs it ignores the timeout of one that only waits for its batch: the cancel must reach that, or it publishes. */
static void a_cancel_after_a_timeout_is_told_too(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 1);
	uint32_t a = add_table(&f, true);
	f.tables[a].timeout_ms = 500;
	begin(&f, 1);
	uint64_t fence = started(&f, a, 0);
	feed(&f, (struct event){.kind = EV_TRY_RUNNING, .fence = fence});
	f.now += 500;
	feed(&f, (struct event){.kind = EV_TIME});
	assert_int_equal(said(&f, ACT_STOP)->stop, STOP_TIMEOUT);
	feed(&f, (struct event){.kind = EV_CANCEL_RUN, .run = RUN});
	assert_int_equal(said(&f, ACT_STOP)->stop, STOP_CANCEL);
	assert_int_equal(said(&f, ACT_STOP)->fence, fence);
	feed(&f, (struct event){.kind = EV_CANCEL_RUN, .run = RUN});
	assert_int_equal(f.out.len, 0); /* once */
	ended(&f, fence, OUTCOME_KILLED, ERROR_NONE);
	assert_int_equal(result(&f, a, 0), TASK_CANCELED);
	assert_int_equal(said(&f, ACT_RUN_DONE)->run_result, RUN_CANCELED);
	end(&f);
}

static void a_cancel_before_the_commit_starts_nothing(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 1);
	uint32_t a = add_table(&f, true);
	f.hold_commits = true;
	begin(&f, 2);
	assert_int_equal(state_of(&f, a, 0), TASK_RUNNING);
	feed(&f, (struct event){.kind = EV_CANCEL_RUN, .run = RUN});
	assert_int_equal(count(&f, ACT_STOP), 0);
	assert_int_equal(machine_in_flight(f.m), 0);
	feed(&f, (struct event){.kind = EV_COMMITTED, .seq = f.seq});
	assert_int_equal(count(&f, ACT_START), 0);
	assert_int_equal(said(&f, ACT_RUN_DONE)->run_result, RUN_CANCELED);
	end(&f);
}

static void what_comes_too_late_is_ignored(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 1);
	add_table(&f, true);
	begin(&f, 2);
	succeed(&f, 50);
	size_t before = f.seq;
	ended(&f, 50, OUTCOME_ERROR, ERROR_SQL);
	feed(&f, (struct event){.kind = EV_TRY_RUNNING, .fence = 50});
	feed(&f, (struct event){.kind = EV_TRY_RUNNING, .fence = 9999});
	feed(&f, (struct event){.kind = EV_CANCEL_RUN, .run = RUN});
	feed(&f, (struct event){.kind = EV_COMMITTED, .seq = 1});
	feed(&f, (struct event){.kind = EV_DECIDED, .task = {RUN, 0, 0}});
	assert_int_equal(f.seq, before);
	assert_int_equal(f.out.len, 0);
	end(&f);
}

static void a_run_without_tasks_is_done(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 1);
	begin(&f, 2);
	assert_int_equal(said(&f, ACT_RUN_DONE)->run_result, RUN_SUCCESS);
	assert_int_equal(f.seq, 1);
	end(&f);
}

static void runs_take_turns(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 8);
	add_table(&f, true);
	begin(&f, 0);
	feed(&f, (struct event){.kind = EV_RUN_ADD, .run = RUN + 1, .spec = &f.spec});
	feed(&f, (struct event){.kind = EV_CAPACITY, .capacity = 4});
	size_t second = 0;
	for (size_t i = 0; i < f.out.len; i++)
		second += f.out.items[i].kind == ACT_START && f.out.items[i].run == RUN + 1;
	assert_int_equal(count(&f, ACT_START), 4);
	assert_int_equal(second, 2);
	end(&f);
}

/* A million tasks are a matter of bytes: they are added whole, and asked for a few at a time. */
static void a_million_tasks_are_not_said_at_once(void **state)
{
	(void)state;
	enum { TABLES = 2740, DATES = 365 };
	struct spec_table *tables = mem_array(TABLES, sizeof *tables);
	struct spec_edge *edges = mem_array(TABLES, sizeof *edges);
	uint64_t *todo = mem_array(TABLES * DATES / 64 + 1, sizeof *todo);
	for (uint32_t t = 0; t < TABLES; t++) {
		tables[t] = (struct spec_table){.partitioned = true, .edge_first = t, .edge_end = t + (t >= 100)};
		edges[t] = (struct spec_edge){t >= 100 ? t - 100 : 0, &last_three, 1};
	}
	for (uint32_t bit = 0; bit < TABLES * DATES; bit++)
		todo[bit / 64] |= UINT64_C(1) << (bit % 64);
	struct fixture f;
	fixture_init(&f, DATES);
	f.spec.tables = tables;
	f.spec.edges = edges;
	f.spec.todo = todo;
	f.spec.ntables = TABLES;
	f.hold_decisions = true;
	begin(&f, 4);
	struct run_counts counts;
	assert_true(machine_run_counts(f.m, RUN, &counts));
	assert_int_equal(counts.tasks, TABLES * DATES);
	assert_in_range(count(&f, ACT_DECIDE), 4, 1000);
	end(&f);
	free(tables);
	free(edges);
	free(todo);
}

/* What lies behind the look-ahead is asked for as the answers come, and nothing is forgotten. */
static void a_wide_run_is_decided_piece_by_piece(void **state)
{
	(void)state;
	enum { DATES = 900 };
	struct fixture f;
	fixture_init(&f, DATES);
	add_table(&f, true);
	f.hold_decisions = true;
	begin(&f, 1);
	struct task_id asked[DATES];
	size_t head = 0, tail = 0;
	for (;;) {
		for (size_t i = 0; i < f.out.len; i++) {
			if (f.out.items[i].kind == ACT_DECIDE)
				asked[tail++] = f.out.items[i].task;
		}
		if (said(&f, ACT_RUN_DONE))
			break;
		assert_in_range(tail - head, 1, 300);
		assert_int_equal(asked[head].date, head); /* older dates first */
		feed(&f, (struct event){.kind = EV_DECIDED, .task = asked[head++], .decision = DECIDE_FRESH});
	}
	assert_int_equal(tail, DATES);
	assert_int_equal(said(&f, ACT_RUN_DONE)->run_result, RUN_SUCCESS);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_runs_in_order_and_the_run_ends),
		cmocka_unit_test(nothing_is_told_before_it_is_durable),
		cmocka_unit_test(spans_decide_who_waits_for_whom),
		cmocka_unit_test(a_self_read_goes_date_by_date),
		cmocka_unit_test(overlapping_spans_count_alike_up_and_down),
		cmocka_unit_test(capacity_and_pools_hold_back_and_weight_goes_first),
		cmocka_unit_test(a_decision_may_be_fresh_or_a_failure),
		cmocka_unit_test(a_failure_withholds_its_readers_with_its_name),
		cmocka_unit_test(a_backfill_withholds_later_dates_unless_told),
		cmocka_unit_test(fail_fast_starts_nothing_more),
		cmocka_unit_test(only_what_a_retry_can_cure_is_tried_again),
		cmocka_unit_test(a_timeout_counts_from_running_and_stops),
		cmocka_unit_test(cancel_ends_the_idle_at_once_and_stops_the_running),
		cmocka_unit_test(a_run_that_takes_too_long_has_failed_and_says_so),
		cmocka_unit_test(a_timeout_after_a_cancel_changes_nothing),
		cmocka_unit_test(a_cancel_after_a_timeout_is_told_too),
		cmocka_unit_test(a_cancel_before_the_commit_starts_nothing),
		cmocka_unit_test(what_comes_too_late_is_ignored),
		cmocka_unit_test(a_run_without_tasks_is_done),
		cmocka_unit_test(runs_take_turns),
		cmocka_unit_test(a_million_tasks_are_not_said_at_once),
		cmocka_unit_test(a_wide_run_is_decided_piece_by_piece),
	};
	return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
