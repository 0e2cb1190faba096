/* core/date, core/span: civil dates, and spans against their inverse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/date.h"
#include "core/span.h"

static void dates_round_trip(void **state)
{
	(void)state;
	char text[DATE_SIZE];
	int32_t day, again;
	assert_true(date_parse("1970-01-01", &day));
	assert_int_equal(day, 0);
	assert_true(date_parse("20130107", &day));
	assert_string_equal(date_format(text, day), "2013-01-07");
	for (int32_t d = -719162; d < 2932896; d += 97) {
		assert_true(date_parse(date_format(text, d), &again));
		assert_int_equal(again, d);
	}
	const char *const bad[] = {"2013-02-29", "2013-13-01", "2013-1-1", "2013-01-0x", "", "201301070", "0000-01-01"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(date_parse(bad[i], &day));
}

static struct bound random_bound(void)
{
	enum bound_kind kind = (enum bound_kind)(rand() % 3);
	return (struct bound){kind, kind == BOUND_REL ? rand() % 9 - 4 : rand() % 20};
}

/* u is read by r exactly when r is among the readers of u. */
static void readers_are_the_inverse_of_reads(void **state)
{
	(void)state;
	srand(1);
	for (int i = 0; i < 20000; i++) {
		struct span s = {random_bound(), random_bound()};
		int32_t reader = rand() % 20, up = rand() % 20, lo, hi;
		int reads = span_reads(&s, reader, &lo, &hi) && lo <= up && up <= hi;
		int readers = span_readers(&s, up, &lo, &hi) && lo <= reader && reader <= hi;
		assert_int_equal(reads, readers);
	}
}

/* As a damaged cache could have them: days so far away that adding a date to them is no number any more. */
static void an_end_beyond_all_dates_is_no_span(void **state)
{
	(void)state;
	static const char *const bad[] = {"-4000001:+0", "*:@4000001", "-2147483648:+2147483647", "@99999999999:*", "+:*", "1:2"};
	struct span s;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_null(span_parse(bad[i], &s));
	const char *good = "-4000000:@4000000";
	assert_ptr_equal(span_parse(good, &s), good + strlen(good));
	assert_int_equal(s.lo.day, -SPAN_DAYS_MAX);
	assert_int_equal(s.hi.day, SPAN_DAYS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_round_trip),
		cmocka_unit_test(readers_are_the_inverse_of_reads),
		cmocka_unit_test(an_end_beyond_all_dates_is_no_span),
	};
	return cmocka_run_group_tests_name("date_span", tests, NULL, NULL);
}
