/* core/cron: what cron itself would take, the reasons for what it would not, and when it fires. Every transition of the
 * tz database is compared with other implementations by the suite `compare`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/cron.h"
#include "core/date.h"
#include "tests/helper/tzif_fixture.h"

static void what_cron_takes(void **state)
{
	(void)state;
	static const char *const good[] = {
		"* * * * *", "0 0 1 1 0", "59 23 31 12 7", "30 6 * * 1-5", "*/5 * * * *", "0-59/15 8-18 * * mon-fri", "1,2,5-9/2 0 * JAN,Feb sUn",
		" 0\t6  1 * * ", "*/60 * * * *", "0 0 29 2 *", "0 0 30,28 feb *", "0 0 31 2 mon", "00 06 01 01 *",
		"@daily", "@midnight", "@hourly", "@weekly", "@monthly", "@yearly", "@annually",
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct err err = {0};
		if (cron_check(good[i], &err) != 0)
			fail_msg("%s: %s", good[i], err.text);
	}
}

static void what_it_refuses_and_why(void **state)
{
	(void)state;
	static const char *const bad[][2] = {
		{"60 * * * *", "minute '60' is not within 0-59"},
		{"* 24 * * *", "hour '24' is not within 0-23"},
		{"* * 0 * *", "day '0' is not within 1-31"},
		{"* * * 13 *", "month '13' is not within 1-12"},
		{"* * * * 8", "weekday '8' is not within 0-7"},
		{"99999999999999999999 * * * *", "minute '99999999999999999999' is not within 0-59"},
		{"x * * * *", "minute 'x' is no number"},
		{"* * * janu *", "month 'janu' is no number or jan-dec"},
		{"* * * * jan", "weekday 'jan' is no number or sun-sat"},
		{"* * * * fri#2", "weekday 'fri#2' is no number or sun-sat"},
		{"5, * * * *", "minute: a value is missing"},
		{"5- * * * *", "minute: a value is missing"},
		{"-5 * * * *", "minute: a value is missing"},
		{"*5 * * * *", "minute '*5' is no value, range or step"},
		{"1-2-3 * * * *", "minute '1-2-3' is no value, range or step"},
		{"* 5/2 * * *", "hour '5/2': a step needs a range, such as 5-23/…"},
		{"*/0 * * * *", "minute: step '0' is not within 1-60"},
		{"*/61 * * * *", "minute: step '61' is not within 1-60"},
		{"*/ * * * *", "minute: step '' is not within 1-60"},
		{"*/x * * * *", "minute: step 'x' is not within 1-60"},
		{"* * * * fri-mon", "weekday 'fri-mon' is a range from high to low: write it as two, with a comma"},
		{"0 0 30 2 *", "none of its months has a day 30: it would never come"},
		{"0 0 31 2,4,jun */2", "none of its months has a day 31: it would never come"},
		{"* * * *", "there are 4 of five fields"},
		{"", "there are 0 of five fields"},
		{"* * * * * *", "there are more than five fields"},
		{"@dayly", "unknown name '@dayly' (did you mean '@daily'?)"},
		{"@reboot", "'@reboot' is not supported: a schedule is a time of the calendar, and a start of the machine is none"},
		{"@often", "unknown name '@often'; there are @yearly, @monthly, @weekly, @daily and @hourly"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = {0};
		assert_int_equal(cron_check(bad[i][0], &err), ERR_PROJECT);
		assert_string_equal(err.text, bad[i][1]);
	}
	struct err err = {0};
	char text[400];
	memset(text, '1', sizeof text);
	memcpy(text + sizeof text - 9, " * * * *", 9);
	assert_int_equal(cron_check(text, &err), ERR_PROJECT);
	assert_string_equal(err.text, "minute: longer than 255 bytes");
}

static int64_t at(int year, int month, int day, int hour, int minute)
{
	return (int64_t)date_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60;
}

/* "2024-03-10T07:00Z" */
static const char *show(int64_t t)
{
	static char text[4][40];
	static int turn;
	char day[DATE_SIZE];
	int64_t seconds = ((t % 86400) + 86400) % 86400;
	turn = (turn + 1) % 4;
	snprintf(text[turn], sizeof text[turn], "%sT%02d:%02d%sZ", date_format(day, zone_wall_day(t)), (int)(seconds / 3600),
	         (int)(seconds / 60 % 60), seconds % 60 ? ":??" : "");
	return text[turn];
}

/* What fires after `after`, one by one; then backwards. */
static void fires(const char *zone, const char *text, int64_t after, const int64_t *expected, size_t n)
{
	struct err err = {0};
	struct cron c;
	struct zone *z = tzif_rule(zone, &err);
	assert_non_null(z);
	if (cron_parse(text, &c, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	int64_t t = after, back;
	for (size_t i = 0; i < n; i++) {
		assert_true(cron_next(&c, z, t, &t));
		if (t != expected[i])
			fail_msg("%s in %s, number %zu: %s, not %s", text, zone, i + 1, show(t), show(expected[i]));
	}
	for (size_t i = n; i-- > 1; t = back) {
		assert_true(cron_prev(&c, z, t, &back));
		if (back != expected[i - 1])
			fail_msg("%s in %s, back to number %zu: %s, not %s", text, zone, i, show(back), show(expected[i - 1]));
	}
	assert_true(cron_prev(&c, z, t + 1, &back) && back == t); /* before, but not at */
	zone_free(z);
}
#define FIRES(zone, text, after, ...)                                                                        \
	do {                                                                                                 \
		const int64_t expected[] = {__VA_ARGS__};                                                    \
		fires(zone, text, after, expected, sizeof expected / sizeof *expected);                      \
	} while (0)

#define NEW_YORK "EST5EDT,M3.2.0,M11.1.0"

static void fields_and_names(void **state)
{
	(void)state;
	int64_t t = at(2024, 1, 31, 23, 59);
	FIRES("UTC0", "* * * * *", t - 30, t, t + 60, t + 120);
	FIRES("UTC0", "30 6 * * *", t, at(2024, 2, 1, 6, 30), at(2024, 2, 2, 6, 30));
	FIRES("UTC0", "*/20 8-9 * * *", t, at(2024, 2, 1, 8, 0), at(2024, 2, 1, 8, 20), at(2024, 2, 1, 8, 40), at(2024, 2, 1, 9, 0),
	      at(2024, 2, 1, 9, 20), at(2024, 2, 1, 9, 40), at(2024, 2, 2, 8, 0));
	FIRES("UTC0", "0 12 * * fri-7", t, at(2024, 2, 2, 12, 0), at(2024, 2, 3, 12, 0), at(2024, 2, 4, 12, 0), at(2024, 2, 9, 12, 0));
	FIRES("UTC0", "@hourly", t, at(2024, 2, 1, 0, 0), at(2024, 2, 1, 1, 0));
	FIRES("UTC0", "@daily", t, at(2024, 2, 1, 0, 0), at(2024, 2, 2, 0, 0));
	FIRES("UTC0", "@weekly", t, at(2024, 2, 4, 0, 0), at(2024, 2, 11, 0, 0));
	FIRES("UTC0", "@monthly", t, at(2024, 2, 1, 0, 0), at(2024, 3, 1, 0, 0));
	FIRES("UTC0", "@yearly", t, at(2025, 1, 1, 0, 0), at(2026, 1, 1, 0, 0));
}

/* Either of day and weekday is enough, unless one of them begins with a star: then both must fit. */
static void day_and_weekday(void **state)
{
	(void)state;
	int64_t t = at(2024, 9, 1, 0, 0);
	FIRES("UTC0", "0 0 13 * fri", t, at(2024, 9, 6, 0, 0), at(2024, 9, 13, 0, 0), at(2024, 9, 20, 0, 0), at(2024, 9, 27, 0, 0),
	      at(2024, 10, 4, 0, 0), at(2024, 10, 11, 0, 0), at(2024, 10, 13, 0, 0));
	FIRES("UTC0", "0 0 */2 * fri", t, at(2024, 9, 13, 0, 0), at(2024, 9, 27, 0, 0), at(2024, 10, 11, 0, 0));
	FIRES("UTC0", "0 0 13 * */5", t, at(2024, 9, 13, 0, 0), at(2024, 10, 13, 0, 0), at(2024, 12, 13, 0, 0), at(2025, 4, 13, 0, 0));
	FIRES("UTC0", "0 0 1-31 * fri", t, at(2024, 9, 2, 0, 0), at(2024, 9, 3, 0, 0));
}

static void what_comes_seldom(void **state)
{
	(void)state;
	FIRES("UTC0", "0 0 29 2 *", at(2025, 1, 1, 0, 0), at(2028, 2, 29, 0, 0), at(2032, 2, 29, 0, 0));
	FIRES(NEW_YORK, "*/30 0 29 2 *", at(2096, 3, 1, 0, 0), at(2104, 2, 29, 5, 0), at(2104, 2, 29, 5, 30), at(2108, 2, 29, 5, 0));
	/* A 29 February on a Sunday, over a century without one: forty years. */
	FIRES(NEW_YORK, "0 12 29 2 */7", at(2072, 1, 1, 0, 0), at(2088, 2, 29, 17, 0), at(2128, 2, 29, 17, 0), at(2156, 2, 29, 17, 0));
	struct err err = {0};
	struct cron c;
	int64_t t;
	struct zone *z = tzif_rule(NEW_YORK, &err);
	assert_int_equal(cron_parse("0 0 29 2 *", &c, &err), 0);
	assert_false(cron_next(&c, z, at(9996, 3, 1, 0, 0), &t));
	assert_false(cron_next(&c, z, INT64_MAX, &t));
	assert_true(cron_next(&c, z, INT64_MIN, &t));
	assert_int_equal(t, at(4, 2, 29, 5, 0));
	assert_false(cron_prev(&c, z, t, &t));
	assert_false(cron_prev(&c, z, INT64_MIN, &t));
	assert_true(cron_prev(&c, z, INT64_MAX, &t));
	assert_int_equal(t, at(9996, 2, 29, 5, 0));
	assert_int_equal(cron_parse("* * 29 2 *", &c, &err), 0);
	assert_false(cron_next(&c, z, at(9996, 3, 2, 0, 0), &t));
	assert_false(cron_prev(&c, z, at(4, 2, 29, 0, 0), &t));
	zone_free(z);
}

/* 2024-03-10 02:00 is 03:00 in New York. */
static void the_hour_that_is_left_out(void **state)
{
	(void)state;
	int64_t t = at(2024, 3, 9, 17, 0), end = at(2024, 3, 10, 7, 0);
	FIRES(NEW_YORK, "30 2 * * *", t, end, at(2024, 3, 11, 6, 30));
	FIRES(NEW_YORK, "0,20,40 2 * * *", t, end, at(2024, 3, 11, 6, 0), at(2024, 3, 11, 6, 20));
	FIRES(NEW_YORK, "30 1,2,3 * * *", t, end - 1800, end, end + 1800, at(2024, 3, 11, 5, 30));
	FIRES(NEW_YORK, "0 2,3 * * *", t, end, at(2024, 3, 11, 6, 0));
	/* With a star the clock alone counts. */
	FIRES(NEW_YORK, "30 * * * *", t + 13 * 3600, end - 1800, end + 1800);
	FIRES(NEW_YORK, "*/30 2 * * *", t, at(2024, 3, 11, 6, 0));
}

/* 2024-11-03 02:00 is 01:00 in New York, again. */
static void the_hour_that_comes_twice(void **state)
{
	(void)state;
	int64_t t = at(2024, 11, 2, 16, 0), again = at(2024, 11, 3, 6, 0);
	FIRES(NEW_YORK, "30 1 * * *", t, again - 1800, at(2024, 11, 4, 6, 30));
	FIRES(NEW_YORK, "30 0,1,2 * * *", t, again - 5400, again - 1800, again + 5400);
	FIRES(NEW_YORK, "0 2 * * *", t, again + 3600, at(2024, 11, 4, 7, 0));
	FIRES(NEW_YORK, "30 1 * * *", again, at(2024, 11, 4, 6, 30));
	FIRES(NEW_YORK, "30 * * * *", t + 12 * 3600, again - 5400, again - 1800, again + 1800, again + 5400);
	FIRES(NEW_YORK, "*/30 1 * * *", t, again - 3600, again - 1800, again, again + 1800, at(2024, 11, 4, 6, 0));
}

static void what_a_firing_stands_for(void **state)
{
	(void)state;
	struct err err = {0};
	struct cron c;
	int64_t first, last;
	/* Nuuk: on Saturday 2024-03-30, 23:00 is midnight. */
	struct zone *z = tzif_rule("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", &err);
	const int64_t end = at(2024, 3, 31, 1, 0);
	assert_int_equal(cron_parse("30 23 * * *", &c, &err), 0);
	cron_stands_for(&c, z, end, &first, &last);
	assert_int_equal(first, at(2024, 3, 30, 23, 30));
	assert_int_equal(last, first);
	cron_stands_for(&c, z, end + 23 * 3600 + 1800, &first, &last);
	assert_int_equal(first, at(2024, 3, 31, 23, 30));
	assert_int_equal(last, first);
	assert_int_equal(cron_parse("0,30 0,23 * * *", &c, &err), 0);
	cron_stands_for(&c, z, end, &first, &last);
	assert_int_equal(first, at(2024, 3, 30, 23, 0));
	assert_int_equal(last, at(2024, 3, 31, 0, 0));
	assert_int_equal(cron_parse("*/30 * * * *", &c, &err), 0);
	cron_stands_for(&c, z, end, &first, &last);
	assert_int_equal(first, at(2024, 3, 31, 0, 0));
	assert_int_equal(last, first);
	zone_free(z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cron_takes),
		cmocka_unit_test(what_it_refuses_and_why),
		cmocka_unit_test(fields_and_names),
		cmocka_unit_test(day_and_weekday),
		cmocka_unit_test(what_comes_seldom),
		cmocka_unit_test(the_hour_that_is_left_out),
		cmocka_unit_test(the_hour_that_comes_twice),
		cmocka_unit_test(what_a_firing_stands_for),
	};
	return cmocka_run_group_tests_name("cron", tests, NULL, NULL);
}
