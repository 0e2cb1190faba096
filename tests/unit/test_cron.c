/* core/cron: what cron itself would take, and the reasons for what it would not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/cron.h"

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
		{"0 0 30 2 *", "no month that it names has such a day: it would never come"},
		{"0 0 31 2,4,jun */2", "no month that it names has such a day: it would never come"},
		{"* * * *", "there are 4 of five fields"},
		{"", "there are 0 of five fields"},
		{"* * * * * *", "there are more than five fields"},
		{"@dayly", "unknown name '@dayly' (did you mean '@daily'?)"},
		{"@reboot", "unknown name '@reboot'; there are @yearly, @monthly, @weekly, @daily and @hourly"},
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cron_takes),
		cmocka_unit_test(what_it_refuses_and_why),
	};
	return cmocka_run_group_tests_name("cron", tests, NULL, NULL);
}
