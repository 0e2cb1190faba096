/* core/schedule: which intervals are due, of which dates, and when to ask again; by cases, and in random weeks of a
 * clock that goes on, jumps ahead and goes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/date.h"
#include "core/schedule.h"
#include "tests/helper/tzif_fixture.h"

#define NEW_YORK "EST5EDT,M3.2.0,M11.1.0"
enum { HOUR = 3600, DAY = 86400 };

static int64_t at(int year, int month, int day, int hour, int minute)
{
	return (int64_t)date_from_civil(year, month, day) * DAY + hour * HOUR + minute * 60;
}

static struct zone *zone;

static int forget(void **state)
{
	(void)state;
	zone_free(zone);
	zone = NULL;
	return 0;
}

/* One of a test, in UTC unless it says otherwise. */
static struct schedule_rule rule_of(struct schedule s, const char *footer)
{
	struct err err = {0};
	struct schedule_rule r;
	zone_free(zone);
	zone = tzif_rule(footer, &err);
	assert_non_null(zone);
	if (schedule_rule_init(&r, &s, zone, &err) < 0)
		fail_msg("%s", err.text);
	return r;
}

static struct schedule_rule daily(enum catchup catchup, int64_t window_s)
{
	return rule_of((struct schedule){.cron = "30 6 * * *", .date_offset = -1, .catchup = catchup, .catchup_window_ms = window_s * 1000,
	                                 .start_date = DATE_NONE}, "UTC0");
}

/* What is due, at most three, and what comes next. */
static void due(const struct schedule_rule *r, struct schedule_ledger l, int64_t now, const int64_t *expected, size_t n, bool more,
                int64_t wake)
{
	int64_t got[3];
	struct schedule_next next;
	assert_int_equal(schedule_due(r, &l, now, got, 3, &next), n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(got[i], expected[i]);
	assert_int_equal(next.more, more);
	assert_int_equal(next.wake, wake);
	/* Without room for a run all of it waits. */
	assert_int_equal(schedule_due(r, &l, now, NULL, 0, &next), 0);
	assert_int_equal(next.more, n > 0);
}
#define DUE(r, l, now, more, wake, ...)                                                          \
	do {                                                                                     \
		const int64_t expected[] = {__VA_ARGS__};                                        \
		due(r, l, now, expected, sizeof expected / sizeof *expected, more, wake);        \
	} while (0)
#define NOTHING_DUE(r, l, now, wake) due(r, l, now, NULL, 0, false, wake)

static void on_time_whatever_catchup_says(void **state)
{
	(void)state;
	const int64_t t = at(2024, 5, 10, 6, 30);
	const struct schedule_ledger l = {.last = t - DAY, .since = t - 100 * DAY};
	for (int catchup = CATCHUP_OFF; catchup <= CATCHUP_ALL; catchup++) {
		struct schedule_rule r = daily((enum catchup)catchup, catchup == CATCHUP_OFF ? 0 : 1);
		NOTHING_DUE(&r, l, t - 1, t);
		DUE(&r, l, t, false, t + DAY, t);
		DUE(&r, l, t + SCHEDULE_ON_TIME, false, t + DAY, t);
		NOTHING_DUE(&r, ((struct schedule_ledger){.last = t, .since = t}), t + 1, t + DAY);
		NOTHING_DUE(&r, l, t + SCHEDULE_ON_TIME + 1, t + DAY); /* not within a window of a second either */
	}
}

static void what_a_sleeping_machine_missed(void **state)
{
	(void)state;
	const int64_t t = at(2024, 5, 10, 6, 30), now = t + 7 * DAY + HOUR;
	const struct schedule_ledger l = {.last = t, .since = t - 100 * DAY};
	struct schedule_rule r = daily(CATCHUP_OFF, 0);
	NOTHING_DUE(&r, l, now, t + 8 * DAY);
	r = daily(CATCHUP_LATEST, 0);
	DUE(&r, l, now, false, t + 8 * DAY, t + 7 * DAY);
	r = daily(CATCHUP_ALL, 0);
	DUE(&r, l, now, true, t + 8 * DAY, t + DAY, t + 2 * DAY, t + 3 * DAY);
	r = daily(CATCHUP_ALL, 2 * DAY);
	DUE(&r, l, now, false, t + 8 * DAY, t + 6 * DAY, t + 7 * DAY);
	r = daily(CATCHUP_LATEST, HOUR - 1);
	NOTHING_DUE(&r, l, now, t + 8 * DAY);
	r = daily(CATCHUP_LATEST, HOUR);
	DUE(&r, l, now, false, t + 8 * DAY, t + 7 * DAY);
}

static void where_it_begins(void **state)
{
	(void)state;
	const int64_t now = at(2024, 5, 10, 12, 0), today = at(2024, 5, 10, 6, 30);
	const struct schedule_ledger l = {.last = SCHEDULE_NEVER, .since = now};
	for (int catchup = CATCHUP_OFF; catchup <= CATCHUP_ALL; catchup++) {
		struct schedule_rule r = daily((enum catchup)catchup, 0);
		NOTHING_DUE(&r, l, now, today + DAY);
		/* Seen yesterday, and nobody was there in the morning. */
		if (catchup != CATCHUP_OFF)
			DUE(&r, ((struct schedule_ledger){.last = SCHEDULE_NEVER, .since = now - DAY}), now, false, today + DAY, today);
		/* From its first date on; the date of today's firing is yesterday. */
		r.start_date = date_from_civil(2024, 5, 8);
		if (catchup == CATCHUP_ALL)
			DUE(&r, l, now, false, today + DAY, today - DAY, today);
		else if (catchup == CATCHUP_LATEST)
			DUE(&r, l, now, false, today + DAY, today);
		else
			NOTHING_DUE(&r, l, now, today + DAY);
		r.start_date = date_from_civil(2024, 5, 10);
		NOTHING_DUE(&r, ((struct schedule_ledger){.last = today - DAY, .since = 0}), today, today + DAY);
		r.start_date = date_from_civil(2030, 1, 1);
		NOTHING_DUE(&r, l, now, at(2030, 1, 2, 6, 30));
		/* An hour that has begun when it is seen first is not on time. */
		r.start_date = date_from_civil(2020, 1, 1);
		if (catchup == CATCHUP_OFF)
			NOTHING_DUE(&r, ((struct schedule_ledger){.last = SCHEDULE_NEVER, .since = today + 60}), today + 60, today + DAY);
	}
}

static void a_clock_that_was_wrong(void **state)
{
	(void)state;
	const int64_t t = at(2024, 5, 10, 6, 30);
	struct schedule_rule r = daily(CATCHUP_ALL, 0);
	/* It was set back by an hour: nothing twice, and on from there. */
	NOTHING_DUE(&r, ((struct schedule_ledger){.last = t, .since = 0}), t - HOUR, t);
	NOTHING_DUE(&r, ((struct schedule_ledger){.last = t - DAY, .since = 0}), t - HOUR, t);
	NOTHING_DUE(&r, ((struct schedule_ledger){.last = t, .since = 0}), t + HOUR, t + DAY);
	/* It was years ahead, and what fired then keeps nothing of now from firing. */
	DUE(&r, ((struct schedule_ledger){.last = t - DAY, .since = 0}), t, false, t + DAY, t);
	/* First seen in a year that was wrong. */
	NOTHING_DUE(&r, ((struct schedule_ledger){.last = SCHEDULE_NEVER, .since = t + 1000 * DAY}), t, t + DAY);
	/* A minute's schedule and a jump of ten years: a week of it, in portions. */
	r = rule_of((struct schedule){.cron = "* * * * *", .catchup = CATCHUP_ALL, .catchup_window_ms = INT64_C(1000) * 7 * DAY, .start_date = DATE_NONE}, "UTC0");
	const int64_t later = at(2034, 5, 10, 6, 30);
	DUE(&r, ((struct schedule_ledger){.last = t, .since = 0}), later, true, later + 60, later - 7 * DAY, later - 7 * DAY + 60, later - 7 * DAY + 120);
	/* No time is too far. */
	for (int i = 0; i < 2; i++) {
		struct schedule_next next;
		int64_t got[1];
		r.catchup_window = i * DAY;
		schedule_due(&r, &(struct schedule_ledger){.last = SCHEDULE_NEVER, .since = ZONE_TIME_MIN}, ZONE_TIME_MAX, got, 1, &next);
		assert_int_equal(next.wake, INT64_MAX);
		assert_true(next.more);
	}
}

static void dates(const struct schedule_rule *r, int64_t t, const char *first, const char *last)
{
	int32_t lo, hi;
	char text[DATE_SIZE];
	assert_true(schedule_dates(r, t, &lo, &hi));
	assert_string_equal(date_format(text, lo), first);
	assert_string_equal(date_format(text, hi), last);
}

static void the_dates_of_a_run(void **state)
{
	(void)state;
	struct schedule s = {.cron = "30 22 * * *", .date_offset = -1, .start_date = DATE_NONE};
	struct schedule_rule r = rule_of(s, NEW_YORK);
	dates(&r, at(2024, 5, 11, 2, 30), "2024-05-09", "2024-05-09"); /* the evening of the tenth */
	r.lookback = 3;
	dates(&r, at(2024, 5, 11, 2, 30), "2024-05-06", "2024-05-09");
	r.start_date = date_from_civil(2024, 5, 8);
	dates(&r, at(2024, 5, 11, 2, 30), "2024-05-08", "2024-05-09");
	r.start_date = date_from_civil(2024, 5, 10);
	int32_t lo, hi;
	assert_false(schedule_dates(&r, at(2024, 5, 11, 2, 30), &lo, &hi));
	r.date_offset = 2;
	r.lookback = 0;
	dates(&r, at(2024, 5, 11, 2, 30), "2024-05-12", "2024-05-12");
	r.start_date = DATE_NONE;
	r.lookback = 3660;
	dates(&r, ZONE_TIME_MIN + 5 * DAY, "0001-01-01", "0001-01-07");
	r.date_offset = 0;
	r.lookback = 0;
	dates(&r, ZONE_TIME_MAX, "9999-12-31", "9999-12-31");
	/* Nuuk's clocks go from Saturday 23:00 to midnight: Saturday's firing comes on Sunday and is Saturday's. */
	r = rule_of((struct schedule){.cron = "30 23 * * *", .date_offset = -1, .start_date = DATE_NONE}, "<-02>2<-01>,M3.5.0/-1,M10.5.0/0");
	dates(&r, at(2024, 3, 30, 1, 30), "2024-03-28", "2024-03-28");
	dates(&r, at(2024, 3, 31, 1, 0), "2024-03-29", "2024-03-29");
	dates(&r, at(2024, 4, 1, 0, 30), "2024-03-30", "2024-03-30");
	/* One that is due before the gap's end and at it stands for both days. */
	r = rule_of((struct schedule){.cron = "0,30 0,23 * * *", .date_offset = -1, .start_date = DATE_NONE}, "<-02>2<-01>,M3.5.0/-1,M10.5.0/0");
	dates(&r, at(2024, 3, 31, 1, 0), "2024-03-29", "2024-03-30");
}

/* Samoa had no 30 December 2011: its firing comes at the first minute of the 31st, and its dates are not lost. */
static void a_day_that_was_left_out(void **state)
{
	(void)state;
	static const int64_t times[] = {1325239200};
	static const uint8_t kinds[] = {1};
	static const struct tzif_kind kind[] = {{-36000, 1, "-10"}, {50400, 1, "+14"}};
	struct err err = {0};
	struct buf b = tzif_bytes(&(struct tzif){.version = '2', .at = times, .kind = kinds, .n = 1, .kinds = kind, .nkinds = 2});
	struct schedule_rule r = daily(CATCHUP_ALL, 0);
	zone_free(zone);
	r.zone = zone = zone_parse(b.data, b.len, &err);
	buf_free(&b);
	int64_t got[5];
	struct schedule_next next;
	const struct schedule_ledger l = {.last = at(2011, 12, 28, 16, 30), .since = 0};
	assert_int_equal(schedule_due(&r, &l, at(2012, 1, 1, 0, 0), got, 5, &next), 4);
	dates(&r, got[0], "2011-12-28", "2011-12-28");
	assert_int_equal(got[1], times[0]);
	dates(&r, got[1], "2011-12-29", "2011-12-29");
	dates(&r, got[2], "2011-12-30", "2011-12-30");
	dates(&r, got[3], "2011-12-31", "2011-12-31");
}

/* --- random clocks --- */

enum { LEDGER_MAX = 100000, BATCH = 7 };

struct world {
	struct schedule_rule rule;
	int64_t *ledger; /* ascending */
	size_t n;
	int64_t since, now;
	bool went_back;
};

/* As a scheduler would load it. */
static struct schedule_ledger load(const struct world *w)
{
	struct schedule_ledger l = {.last = SCHEDULE_NEVER, .since = w->since};
	size_t i = 0;
	while (i < w->n && w->ledger[i] <= w->now)
		i++;
	if (i > 0)
		l.last = w->ledger[i - 1];
	return l;
}

static void record(struct world *w, int64_t t)
{
	size_t i = w->n;
	while (i > 0 && w->ledger[i - 1] >= t)
		i--;
	assert_true(w->n < LEDGER_MAX);
	assert_true(i == w->n || w->ledger[i] != t); /* unique */
	memmove(w->ledger + i + 1, w->ledger + i, (w->n - i) * sizeof *w->ledger);
	w->ledger[i] = t;
	w->n++;
}

static bool recorded(const struct world *w, int64_t t)
{
	size_t i = 0;
	while (i < w->n && w->ledger[i] < t)
		i++;
	return i < w->n && w->ledger[i] == t;
}

/* Ask until nothing is due any more. */
static int64_t serve(struct world *w)
{
	const struct schedule_rule *r = &w->rule;
	int64_t got[BATCH], t;
	int32_t first, last;
	struct schedule_next next = {.more = true};
	while (next.more) {
		struct schedule_ledger l = load(w);
		size_t max = (size_t)(rand() % BATCH + 1), n = schedule_due(r, &l, w->now, got, max, &next);
		assert_true(n <= max && (n == max || !next.more));
		for (size_t i = 0; i < n; i++) {
			assert_true(got[i] <= w->now && got[i] > l.last && (i == 0 || got[i] > got[i - 1]));
			assert_true(cron_next(&r->cron, r->zone, got[i] - 1, &t) && t == got[i]);
			assert_true(r->catchup == CATCHUP_ALL || (n == 1 && cron_next(&r->cron, r->zone, got[i], &t) && t > w->now));
			assert_true(r->catchup != CATCHUP_OFF || w->now - got[i] <= SCHEDULE_ON_TIME);
			assert_true(r->catchup_window == 0 || w->now - got[i] <= r->catchup_window);
			assert_true(schedule_dates(r, got[i], &first, &last));
			record(w, got[i]);
		}
	}
	assert_true(cron_next(&r->cron, r->zone, w->now, &t) && next.wake == t);
	return next.wake;
}

static void a_clock_that_does_as_it_likes(void **state)
{
	(void)state;
	static const char *const crons[] = {"*/10 * * * *", "0 * * * *", "30 2 * * *", "15,45 1-3 * * *", "0 0 29 2 *", "30 1 * * sun"};
	static const char *const zones[] = {"UTC0", NEW_YORK, "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0"};
	struct world w = {.ledger = calloc(LEDGER_MAX, sizeof *w.ledger)};
	srand(7);
	for (int round = 0; round < 150; round++) {
		enum catchup catchup = (enum catchup)(rand() % 3);
		int64_t window = rand() % 2 ? INT64_C(86400000) * (rand() % 9 + 1) : 0;
		bool frequent = round % 6 < 2;
		w.rule = rule_of((struct schedule){.cron = crons[round % 6], .date_offset = -1, .catchup = catchup,
		                                   .catchup_window_ms = catchup == CATCHUP_OFF ? 0 : window, .start_date = DATE_NONE},
		                 zones[rand() % 4]);
		w.n = 0;
		w.since = w.now = at(2024, 1, 1, 0, 0) + rand() % (366 * DAY);
		w.went_back = false;
		bool jumped = false;
		int64_t wake = serve(&w);
		for (int step = 0; step < 60; step++) {
			int kind = rand() % 10;
			if (kind < 6)
				w.now = wake + rand() % 60;
			else if (kind < 8)
				w.now += rand() % HOUR;
			else if (kind == 8)
				w.now += rand() % ((frequent ? 20 : 2000) * DAY);
			else
				w.now -= rand() % 2 ? rand() % (2 * HOUR) : rand() % (40 * DAY);
			w.went_back |= kind == 9;
			jumped |= kind == 8;
			if (w.since > w.now)
				w.since = w.now;
			bool on_time = kind < 6;
			int64_t before = wake;
			wake = serve(&w);
			assert_true(!on_time || recorded(&w, before));
		}
		/* Each interval has its run, where nothing says otherwise. */
		int64_t t = w.since;
		bool whole = !w.went_back && (!jumped || (catchup == CATCHUP_ALL && window == 0));
		for (size_t i = 0; whole && catchup == CATCHUP_ALL && i < w.n; i++)
			assert_true(cron_next(&w.rule.cron, w.rule.zone, t, &t) && t == w.ledger[i]);
	}
	free(w.ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(on_time_whatever_catchup_says, forget),
		cmocka_unit_test_teardown(what_a_sleeping_machine_missed, forget),
		cmocka_unit_test_teardown(where_it_begins, forget),
		cmocka_unit_test_teardown(a_clock_that_was_wrong, forget),
		cmocka_unit_test_teardown(the_dates_of_a_run, forget),
		cmocka_unit_test_teardown(a_day_that_was_left_out, forget),
		cmocka_unit_test_teardown(a_clock_that_does_as_it_likes, forget),
	};
	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
