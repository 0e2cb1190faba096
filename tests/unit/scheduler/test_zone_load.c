/* scheduler/zone: zones by name from the system's tz database, and names that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/zone.h"

static void a_zone_by_its_name(void **state)
{
	(void)state;
	struct err err = {0};
	struct zone_span s;
	struct zone *z = zone_load("America/New_York", &err);
	if (!z)
		fail_msg("%s", err.text);
	zone_at(z, 1720000000, &s);
	assert_int_equal(s.offset, -4 * 3600);
	assert_string_equal(s.abbrev, "EDT");
	zone_free(z);
	z = zone_load("UTC", &err);
	assert_non_null(z);
	zone_free(z);
	assert_int_equal(zone_check("Europe/Vienna", &err), 0);
}

static void a_name_of_none(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "Mars/Olympus", "../zoneinfo/UTC", "/usr/share/zoneinfo/UTC", "America", "tzdata.zi", "zone.tab"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = {0};
		assert_null(zone_load(bad[i], &err));
		assert_int_equal(err.code, ERR_USAGE);
		assert_non_null(strstr(err.text, "unknown time zone"));
		assert_int_equal(zone_check(bad[i], &err), ERR_USAGE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zone_by_its_name),
		cmocka_unit_test(a_name_of_none),
	};
	return cmocka_run_group_tests_name("zone_load", tests, NULL, NULL);
}
