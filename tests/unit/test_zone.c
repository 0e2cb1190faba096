/* core/zone: what a TZif file says, table and rule; what is none. Every zone of the tz database is compared with
 * another implementation by the suite `compare`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/date.h"
#include "core/zone.h"
#include "tests/helper/tzif_fixture.h"

static int64_t at(int year, int month, int day, int hour, int minute)
{
	return (int64_t)date_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60;
}

static struct zone *rule(const char *footer)
{
	struct err err = {0};
	struct zone *z = tzif_rule(footer, &err);
	if (!z)
		fail_msg("%s: %s", footer, err.text);
	return z;
}

static void says(const struct zone *z, int64_t utc, int offset, bool dst, const char *abbrev)
{
	struct zone_span s;
	zone_at(z, utc, &s);
	assert_int_equal(s.offset, offset);
	assert_int_equal(s.dst, dst);
	assert_string_equal(s.abbrev, abbrev);
	assert_true(s.from <= utc && utc < s.until);
}

/* The transition that comes next after utc. */
static void next(const struct zone *z, int64_t utc, int64_t expected)
{
	struct zone_span s, t;
	zone_at(z, utc, &s);
	assert_int_equal(s.until, expected);
	zone_at(z, s.until, &t);
	assert_int_equal(t.from, s.until);
}

static void the_rule_says_what_the_table_does_not(void **state)
{
	(void)state;
	static const int64_t times[] = {-2000000000, 1173596400, 1194156000};
	static const uint8_t kinds[] = {1, 2, 1};
	static const struct tzif_kind kind[] = {{-17762, 0, "LMT"}, {-18000, 0, "EST"}, {-14400, 1, "EDT"}};
	struct err err = {0};
	for (int version = 2; version <= 4; version++) {
		struct buf b = tzif_bytes(&(struct tzif){.version = (char)('0' + version), .at = times, .kind = kinds, .n = 3,
		                                         .kinds = kind, .nkinds = 3, .footer = "EST5EDT,M3.2.0,M11.1.0"});
		struct zone *z = zone_parse(b.data, b.len, &err);
		buf_free(&b);
		assert_non_null(z);
		says(z, at(1800, 1, 1, 0, 0), -17762, false, "LMT");
		says(z, 1173596399, -18000, false, "EST");
		says(z, 1173596400, -14400, true, "EDT");
		says(z, 1194156000, -18000, false, "EST");
		next(z, 1194156000, at(2008, 3, 9, 7, 0));
		says(z, at(2024, 7, 1, 0, 0), -14400, true, "EDT");
		next(z, at(2024, 7, 1, 0, 0), at(2024, 11, 3, 6, 0));
		next(z, at(2199, 12, 31, 0, 0), at(2200, 3, 9, 7, 0));
		says(z, INT64_MIN, -17762, false, "LMT");
		says(z, INT64_MAX - 1, -18000, false, "EST");
		zone_free(z);
	}
	/* Of version 1 there is a table only: it stays as it was. */
	struct buf b = tzif_bytes(&(struct tzif){.at = times, .kind = kinds, .n = 3, .kinds = kind, .nkinds = 3});
	struct zone *z = zone_parse(b.data, b.len, &err);
	buf_free(&b);
	assert_non_null(z);
	says(z, at(2024, 7, 1, 0, 0), -18000, false, "EST");
	zone_free(z);
}

static void rules_of_all_forms(void **state)
{
	(void)state;
	struct zone *z = rule("<+0545>-5:45");
	says(z, at(2024, 1, 1, 0, 0), 20700, false, "+0545");
	struct zone_span s;
	zone_at(z, at(2024, 1, 1, 0, 0), &s);
	assert_true(s.from == INT64_MIN && s.until == INT64_MAX);
	zone_free(z);
	/* Winter time is the exception by law. */
	z = rule("IST-1GMT0,M10.5.0,M3.5.0/1");
	says(z, at(2024, 7, 1, 0, 0), 3600, false, "IST");
	says(z, at(2024, 1, 1, 0, 0), 0, true, "GMT");
	next(z, at(2024, 1, 1, 0, 0), at(2024, 3, 31, 1, 0));
	zone_free(z);
	/* Hours before the day and after it. */
	z = rule("<-02>2<-01>,M3.5.0/-1,M10.5.0/0");
	next(z, at(2024, 1, 1, 0, 0), at(2024, 3, 31, 1, 0));
	zone_free(z);
	z = rule("EET-2EEST,M3.4.4/50,M10.4.4/50");
	next(z, at(2024, 1, 1, 0, 0), at(2024, 3, 30, 0, 0));
	zone_free(z);
	/* By the day of the year: J60 is 1 March always, 59 the day after 28 February. */
	z = rule("AAA0BBB,J60/0,J300/0");
	next(z, at(2024, 1, 1, 0, 0), at(2024, 3, 1, 0, 0));
	next(z, at(2023, 1, 1, 0, 0), at(2023, 3, 1, 0, 0));
	zone_free(z);
	z = rule("AAA0BBB,59/0,300/0");
	next(z, at(2024, 1, 1, 0, 0), at(2024, 2, 29, 0, 0));
	next(z, at(2023, 1, 1, 0, 0), at(2023, 3, 1, 0, 0));
	zone_free(z);
	/* Always summer: it ends when it begins. */
	z = rule("EST3EDT4,0/0,J365/23");
	for (int day = 0; day < 1500; day++)
		says(z, at(2022, 6, 1, 0, 0) + day * INT64_C(43200), -14400, true, "EDT");
	says(z, at(2024, 1, 1, 3, 0), -14400, true, "EDT");
	zone_free(z);
}

static void wall_time_and_back(void **state)
{
	(void)state;
	struct zone *z = rule("EST5EDT,M3.2.0,M11.1.0");
	int64_t first, last;
	assert_int_equal(zone_from_wall(z, at(2024, 7, 1, 12, 0), &first, &last), ZONE_ONCE);
	assert_int_equal(first, at(2024, 7, 1, 16, 0));
	assert_int_equal(last, first);
	assert_int_equal(zone_from_wall(z, at(2024, 3, 10, 2, 30), &first, &last), ZONE_NEVER);
	assert_int_equal(first, at(2024, 3, 10, 7, 0));
	assert_int_equal(last, first);
	assert_int_equal(zone_from_wall(z, at(2024, 3, 10, 3, 0), &first, &last), ZONE_ONCE);
	assert_int_equal(first, at(2024, 3, 10, 7, 0));
	assert_int_equal(zone_from_wall(z, at(2024, 11, 3, 1, 30), &first, &last), ZONE_TWICE);
	assert_int_equal(first, at(2024, 11, 3, 5, 30));
	assert_int_equal(last, at(2024, 11, 3, 6, 30));
	assert_int_equal(zone_from_wall(z, at(2024, 11, 3, 2, 0), &first, &last), ZONE_ONCE);
	zone_free(z);
	z = zone_utc();
	assert_int_equal(zone_from_wall(z, 17, &first, &last), ZONE_ONCE);
	assert_int_equal(first, 17);
	says(z, 17, 0, false, "UTC");
	zone_free(z);
}

static void refused(const void *bytes, size_t size, const char *why)
{
	struct err err = {0};
	assert_null(zone_parse(bytes, size, &err));
	assert_int_equal(err.code, ERR_IO);
	if (!strstr(err.text, why))
		fail_msg("'%s' is not about '%s'", err.text, why);
}

static void what_is_no_zone(void **state)
{
	(void)state;
	static const int64_t times[] = {1000, 1000};
	static const uint8_t kinds[] = {0, 1}, first[] = {0, 0};
	static const struct tzif_kind utc[] = {{0, 0, "UTC"}}, far[] = {{100000, 0, "FAR"}}, odd[] = {{0, 2, "ODD"}}, longer[] = {{0, 0, "ABCDEFGHIJKLMNOP"}};
	static const struct {
		struct tzif file;
		const char *why;
	} bad[] = {
		{{.version = '2', .kinds = utc, .nkinds = 1, .leaps = 27}, "leap seconds"},
		{{.version = '2', .kinds = utc, .nkinds = 0}, "counts"},
		{{.version = '1', .kinds = utc, .nkinds = 1}, "version"},
		{{.version = '2', .kinds = far, .nkinds = 1}, "offset 100000"},
		{{.version = '2', .kinds = odd, .nkinds = 1}, "offset 0"},
		{{.version = '2', .kinds = longer, .nkinds = 1}, "abbreviation"},
		{{.version = '2', .at = times, .kind = kinds, .n = 2, .kinds = utc, .nkinds = 1}, "transition 2"},
		{{.version = '2', .at = times, .kind = first, .n = 2, .kinds = utc, .nkinds = 1}, "transition 2"},
		{{.version = '2', .kinds = utc, .nkinds = 1, .footer = "EST5EDT"}, "'EST5EDT' is wrong at byte 8"},
		{{.version = '2', .kinds = utc, .nkinds = 1, .footer = "EST5EDT,M3.2.7,M11.1.0"}, "at byte 15"},
		{{.version = '2', .kinds = utc, .nkinds = 1, .footer = "E5"}, "wrong at byte 2"},
		{{.version = '2', .kinds = utc, .nkinds = 1, .footer = "EST5 "}, "wrong"},
		{{.version = '2', .kinds = utc, .nkinds = 1, .footer = "EST25"}, "wrong"},
		{{.version = '2', .kinds = utc, .nkinds = 1, .footer = "EST5EDT,J0,J5"}, "wrong"},
		{{.version = '2', .kinds = utc, .nkinds = 1, .footer = "EST5EDT,1,2/168"}, "wrong"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct buf b = tzif_bytes(&bad[i].file);
		refused(b.data, b.len, bad[i].why);
		buf_free(&b);
	}
	refused("", 0, "no compiled time zone");
	refused("# a list of zones, which is a text, not one of them\n", 51, "no compiled time zone");
	/* Any beginning of a file is none. */
	struct buf b = tzif_bytes(&(struct tzif){.version = '2', .at = times, .kind = first, .n = 1, .kinds = utc, .nkinds = 1, .footer = "UTC0"});
	for (size_t n = 0; n < b.len; n++) {
		char *cut = malloc(n ? n : 1); /* of that size, for the sanitizers */
		memcpy(cut, b.data, n);
		refused(cut, n, "it");
		free(cut);
	}
	struct zone *z = zone_parse(b.data, b.len, NULL);
	assert_non_null(z);
	zone_free(z);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rule_says_what_the_table_does_not),
		cmocka_unit_test(rules_of_all_forms),
		cmocka_unit_test(wall_time_and_back),
		cmocka_unit_test(what_is_no_zone),
	};
	return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
