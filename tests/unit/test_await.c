/* core/await: what files mean to who waits for a source, and when it is looked at again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/await.h"

enum { SECOND = 1000 };
#define WALL INT64_C(1000000000000)
#define S_NS INT64_C(1000000000)

static const struct source any = {.path = "raw/x", .partitioned = true, .missing = MISSING_WAIT, .settle_ms = 2 * SECOND};

static struct source_look at(const struct source *s, size_t n, const int64_t *ctime_ns, bool marked)
{
	struct source_file files[4] = {{0}};
	for (size_t i = 0; i < n; i++)
		files[i] = (struct source_file){.path = "a", .ctime_ns = ctime_ns[i], .mtime_ns = WALL + 1000 * S_NS};
	const struct source_files found = {.probed = true, .path_exists = true, .marked = marked, .files = files, .nfiles = n};
	return source_look(s, &found, WALL);
}

static void files_that_have_settled_are_there(void **state)
{
	(void)state;
	assert_int_equal(at(&any, 0, NULL, false).state, SOURCE_ABSENT);
	assert_int_equal(at(&any, 1, (int64_t[]){WALL - 2 * S_NS}, false).state, SOURCE_THERE);
	assert_int_equal(at(&any, 2, (int64_t[]){WALL - 9 * S_NS, WALL - S_NS / 2}, false).state, SOURCE_SETTLING);
	assert_int_equal(at(&any, 2, (int64_t[]){WALL - 9 * S_NS, WALL - S_NS / 2}, false).left_ms, 1500);
	assert_int_equal(at(&any, 1, (int64_t[]){WALL - 2 * S_NS + 1}, false).left_ms, 1); /* not looked at too early */
	assert_int_equal(source_look(&any, NULL, WALL).state, SOURCE_THERE); /* nobody looked: who reads it will see */
	struct source once = any;
	once.settle_ms = 0;
	assert_int_equal(at(&once, 1, (int64_t[]){WALL}, false).state, SOURCE_THERE);
}

/* A copy keeps the file's own time, and a clock may be wrong: neither may hold it up for a year. */
static void times_ahead_of_the_clock_hold_nothing_up(void **state)
{
	(void)state;
	assert_int_equal(at(&any, 1, (int64_t[]){WALL + S_NS}, false).left_ms, 3000);
	assert_int_equal(at(&any, 1, (int64_t[]){WALL + 3 * S_NS}, false).state, SOURCE_THERE);
}

static void files_are_as_old_as_when_they_were_listed(void **state)
{
	(void)state;
	const struct source_file file = {.path = "a", .ctime_ns = WALL};
	struct source_files found = {.probed = true, .path_exists = true, .files = &file, .nfiles = 1};
	assert_int_equal(source_look(&any, &found, WALL).state, SOURCE_SETTLING);
	found.wall_ns = WALL + 2 * S_NS;
	assert_int_equal(source_look(&any, &found, WALL).state, SOURCE_THERE);
}

static void a_mark_is_what_counts_where_one_is_named(void **state)
{
	(void)state;
	struct source s = any;
	s.wait_for = "_SUCCESS";
	assert_int_equal(at(&s, 1, (int64_t[]){WALL - 9 * S_NS}, false).state, SOURCE_UNMARKED);
	assert_int_equal(at(&s, 1, (int64_t[]){WALL - 9 * S_NS}, true).state, SOURCE_THERE);
	assert_int_equal(at(&s, 1, (int64_t[]){WALL}, true).state, SOURCE_SETTLING);
	assert_int_equal(at(&s, 0, NULL, true).state, SOURCE_THERE); /* whole, and empty */
}

static void a_burst_of_changes_is_one_look_and_puts_it_off_for_a_while_only(void **state)
{
	(void)state;
	struct await a = {0};
	assert_int_equal(await_due(&a), 0); /* at once, when somebody begins to wait */
	await_begin(&a);
	assert_int_equal(await_due(&a), INT64_MAX);
	await_end(&a, 1000, -1, false);
	assert_int_equal(await_due(&a), 1000 + AWAIT_ANYWAY_MS);
	await_changed(&a, 2000);
	assert_int_equal(await_due(&a), 2000 + AWAIT_QUIET_MS);
	int64_t now = 2000;
	for (int i = 0; i < 100; i++)
		await_changed(&a, now += AWAIT_QUIET_MS / 2);
	assert_int_equal(await_due(&a), 2000 + AWAIT_BURST_MS);
}

static void what_changes_during_a_look_is_looked_at_after_it(void **state)
{
	(void)state;
	struct await a = {0};
	await_begin(&a);
	await_changed(&a, 5000);
	assert_int_equal(await_due(&a), INT64_MAX);
	await_end(&a, 5100, -1, false);
	assert_int_equal(await_due(&a), 5000 + AWAIT_QUIET_MS);
	await_begin(&a);
	await_end(&a, 6000, -1, false);
	assert_int_equal(await_due(&a), 6000 + AWAIT_ANYWAY_MS);
}

static void the_next_look_is_when_something_settles_and_soon_where_no_change_is_told(void **state)
{
	(void)state;
	struct await a = {0};
	await_end(&a, 1000, 700, false);
	assert_int_equal(await_due(&a), 1700);
	await_end(&a, 1000, INT64_C(10) * AWAIT_ANYWAY_MS, false);
	assert_int_equal(await_due(&a), 1000 + AWAIT_ANYWAY_MS);
	await_end(&a, 1000, -1, true);
	assert_int_equal(await_due(&a), 1000 + AWAIT_BLIND_MS);
}

static void the_words_name_the_place_and_what_is_lacking(void **state)
{
	(void)state;
	struct source s = any;
	struct buf out = BUF_INIT(1000);
	struct source_files found = {.probed = true, .path_exists = true};
	source_look_text(&s, 15706, &found, (struct source_look){SOURCE_ABSENT, 0}, &out);
	assert_string_equal(buf_cstr(&out), "raw/x/dt=2013-01-01 has no files yet");
	buf_clear(&out);
	found.path_exists = false;
	source_look_text(&s, 15706, &found, (struct source_look){SOURCE_ABSENT, 0}, &out);
	assert_string_equal(buf_cstr(&out), "raw/x/dt=2013-01-01 is not there: raw/x does not exist yet");
	buf_clear(&out);
	s.wait_for = "_DONE";
	s.partitioned = false;
	found = (struct source_files){.probed = true, .path_exists = true, .nfiles = 2};
	source_look_text(&s, 15706, &found, (struct source_look){SOURCE_UNMARKED, 0}, &out);
	assert_string_equal(buf_cstr(&out), "raw/x has 2 files and no _DONE yet");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_that_have_settled_are_there),
		cmocka_unit_test(times_ahead_of_the_clock_hold_nothing_up),
		cmocka_unit_test(files_are_as_old_as_when_they_were_listed),
		cmocka_unit_test(a_mark_is_what_counts_where_one_is_named),
		cmocka_unit_test(a_burst_of_changes_is_one_look_and_puts_it_off_for_a_while_only),
		cmocka_unit_test(what_changes_during_a_look_is_looked_at_after_it),
		cmocka_unit_test(the_next_look_is_when_something_settles_and_soon_where_no_change_is_told),
		cmocka_unit_test(the_words_name_the_place_and_what_is_lacking),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
