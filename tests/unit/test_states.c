/* core/states, core/retry: names, transition tables, docs/STATES.md; delays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>

#include "base/file.h"
#include "core/retry.h"
#include "core/states.h"
#include "tests/helper/states_doc.h"

static void names_are_the_words_of_the_records(void **state)
{
	(void)state;
	assert_string_equal(run_state_name(RUN_PLANNED), "planned");
	assert_string_equal(run_result_name(RUN_RESULT_NONE), "");
	assert_string_equal(run_kind_name(RUN_BACKFILL), "backfill");
	assert_string_equal(task_state_name(TASK_WAITING), "waiting");
	assert_string_equal(task_result_name(TASK_UPSTREAM_FAILED), "upstream_failed");
	assert_string_equal(task_wait_name(WAIT_HOST), "host");
	assert_string_equal(try_state_name(TRY_ENDED), "ended");
	assert_string_equal(try_outcome_name(OUTCOME_FENCED), "fenced");
	assert_string_equal(try_outcome_name((enum try_outcome)99), "?");
}

static void every_state_is_reached_and_only_the_last_is_final(void **state)
{
	(void)state;
	for (int s = 0; s < RUN_STATES_END; s++) {
		bool out = false, in = s == RUN_PLANNED;
		for (int o = 0; o < RUN_STATES_END; o++) {
			out |= run_may((enum run_state)s, (enum run_state)o);
			in |= run_may((enum run_state)o, (enum run_state)s);
		}
		assert_true(in && out == (s != RUN_DONE));
	}
	for (int s = 0; s < TASK_STATES_END; s++) {
		bool out = false, in = s == TASK_WAITING;
		for (int o = 0; o < TASK_STATES_END; o++) {
			out |= task_may((enum task_state)s, (enum task_state)o);
			in |= task_may((enum task_state)o, (enum task_state)s);
		}
		assert_true(in && out == (s != TASK_DONE));
		assert_int_equal(task_may((enum task_state)s, (enum task_state)s), s == TASK_WAITING); /* from now on for its source */
	}
	assert_true(try_may(TRY_STARTING, TRY_RUNNING) && try_may(TRY_STARTING, TRY_ENDED));
	assert_false(try_may(TRY_ENDED, TRY_RUNNING) || try_may(TRY_RUNNING, TRY_STARTING));
	assert_false(task_may((enum task_state)-1, TASK_READY) || run_may(RUN_PLANNED, RUN_STATES_END));
}

static void the_document_is_what_the_tables_say(void **state)
{
	(void)state;
	struct buf want = BUF_INIT(1 << 20), have = BUF_INIT(1 << 20);
	struct err err = {0};
	states_doc(&want);
	assert_int_equal(file_read(AT_FDCWD, "docs/STATES.md", &have, &err), 0);
	assert_string_equal(buf_cstr(&have), buf_cstr(&want));
	buf_free(&want);
	buf_free(&have);
}

static void delays_grow_to_the_ceiling(void **state)
{
	(void)state;
	struct retry_policy p = {.delay_ms = 1000, .max_delay_ms = 5000, .backoff = 2};
	assert_int_equal(retry_delay_ms(&p, 1, 1), 1000);
	assert_int_equal(retry_delay_ms(&p, 2, 1), 2000);
	assert_int_equal(retry_delay_ms(&p, 3, 1), 4000);
	assert_int_equal(retry_delay_ms(&p, 4, 1), 5000);
	assert_int_equal(retry_delay_ms(&p, UINT32_MAX, 1), 5000);
	assert_int_equal(retry_delay_ms(&p, 1, 0), 500); /* jitter takes away up to half */
	assert_int_equal(retry_delay_ms(&p, 1, 7), 1000);
	p.backoff = 0.1;
	assert_int_equal(retry_delay_ms(&p, 9, 1), 1000);
	p = (struct retry_policy){.delay_ms = INT64_MAX, .backoff = 1e300};
	assert_int_equal(retry_delay_ms(&p, 9, 1), 24 * 3600 * 1000);
	p = (struct retry_policy){.delay_ms = 0, .backoff = 2};
	assert_int_equal(retry_delay_ms(&p, 9, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_the_words_of_the_records),
		cmocka_unit_test(every_state_is_reached_and_only_the_last_is_final),
		cmocka_unit_test(the_document_is_what_the_tables_say),
		cmocka_unit_test(delays_grow_to_the_ceiling),
	};
	return cmocka_run_group_tests_name("states", tests, NULL, NULL);
}
