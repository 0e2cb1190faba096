/* base/: buffers with a ceiling, arenas, heap order, nearest names, globs, clock text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/heap.h"
#include "base/mem.h"
#include "base/str.h"

static void buf_keeps_to_its_ceiling(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(8);
	buf_adds(&b, "1234567");
	buf_adds(&b, "89");
	assert_true(b.overflow);
	assert_string_equal(buf_cstr(&b), "1234567");
	buf_drop(&b, 3);
	assert_string_equal(buf_cstr(&b), "4567");
	buf_free(&b);
	assert_string_equal(buf_cstr(&b), "");
}

static void arena_survives_large_and_many(void **state)
{
	(void)state;
	struct arena a = {0};
	char *big = arena_alloc(&a, 3 << 20);
	memset(big, 1, 3 << 20);
	for (int i = 0; i < 10000; i++) {
		char *s = arena_printf(&a, "name-%d", i);
		assert_int_equal((uintptr_t)s % 16, 0);
	}
	arena_free(&a);
	assert_null(a.head);
}

static void heap_pops_in_order_and_is_stable(void **state)
{
	(void)state;
	struct heap h = {0};
	const int64_t keys[] = {5, 1, 5, 3, 1, -2};
	for (uint64_t i = 0; i < 6; i++)
		heap_push(&h, keys[i], i);
	const uint64_t want[] = {5, 1, 4, 3, 0, 2};
	struct heap_item item;
	for (int i = 0; i < 6; i++) {
		assert_true(heap_pop(&h, &item));
		assert_int_equal(item.value, want[i]);
	}
	assert_false(heap_pop(&h, &item));
	heap_free(&h);
}

static void nearest_name_is_found_or_not(void **state)
{
	(void)state;
	const char *const names[] = {"dwd_flights", "dwd_weather", "dim_planes", NULL};
	char out[64];
	assert_string_equal(str_did_you_mean(out, sizeof out, "dwd_filghts", names), " (did you mean 'dwd_flights'?)");
	assert_string_equal(str_did_you_mean(out, sizeof out, "zzz", names), "");
	assert_int_equal(str_distance("ab", "ba"), 1);
	assert_int_equal(str_distance("", "abc"), 3);
}

static void globs_match_whole_strings(void **state)
{
	(void)state;
	assert_true(str_glob("*_route", "dws_daily_route"));
	assert_false(str_glob("*_route", "dws_route_x"));
	assert_true(str_glob("d?d_*", "dwd_flights"));
	assert_true(str_glob("**", ""));
	assert_false(str_glob("a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void paths_are_tidied_without_leaving_links(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"/a/b", "/a/b"}, {"//a//./b/.", "/a/b"}, {"/", "/"}, {"/.", "/"}, {"/..", "/"}, {"/a/..", "/"}, {"/none/x/../y/", "/none/y"},
		{"/none/x/y/../../z", "/none/z"}, {"/../../a", "/a"}, {"/a/...", "/a/..."}, {"/.a/..b", "/.a/..b"},
		{"/proc/self/../x", "/proc/self/../x"}, {"/proc/self/../../x", "/proc/self/../../x"}, {"/proc/self/a/../x", "/proc/self/x"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char path[64];
		snprintf(path, sizeof path, "%s", cases[i][0]);
		path_tidy(path);
		assert_string_equal(path, cases[i][1]);
	}
}

static void programs_are_found_by_folders_named_from_the_root(void **state)
{
	(void)state;
	char path[64], small[6];
	char *before = mem_strdup(getenv("PATH"));
	setenv("PATH", "bin:::/nowhere:/bin:/usr/bin", 1);
	assert_true(path_find_program("sh", path, sizeof path));
	assert_string_equal(path, "/bin/sh");
	assert_false(path_find_program("sh", small, sizeof small)); /* no room */
	assert_false(path_find_program("no-such-program", path, sizeof path));
	setenv("PATH", "bin:.", 1);
	assert_false(path_find_program("sh", path, sizeof path));
	unsetenv("PATH");
	assert_true(path_find_program("sh", path, sizeof path));
	setenv("PATH", before, 1);
	free(before);
}

static void durations_read_well(void **state)
{
	(void)state;
	char out[32], iso[CLOCK_ISO_SIZE];
	assert_string_equal(clock_human(out, sizeof out, 850000), "850 ms");
	assert_string_equal(clock_human(out, sizeof out, 12345678), "12.3 s");
	assert_string_equal(clock_human(out, sizeof out, 245000000), "4 m 05 s");
	assert_string_equal(clock_iso(iso, 1357537020123000), "2013-01-07T05:37:00.123Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf_keeps_to_its_ceiling),
		cmocka_unit_test(arena_survives_large_and_many),
		cmocka_unit_test(heap_pops_in_order_and_is_stable),
		cmocka_unit_test(nearest_name_is_found_or_not),
		cmocka_unit_test(globs_match_whole_strings),
		cmocka_unit_test(paths_are_tidied_without_leaving_links),
		cmocka_unit_test(programs_are_found_by_folders_named_from_the_root),
		cmocka_unit_test(durations_read_well),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
