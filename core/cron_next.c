/* When a cron expression fires (core/cron.h). By fields: from the next month that fits to its next day, hour and
 * minute, in wall time; and from there to UTC by the zone's spans, in each of which both go on alike.
 *
 * A *tick* is an instant at which the clock shows a whole minute: cron looks at the clock then, and only then. */
#include "core/cron.h"
#include "core/date.h"

enum { MINUTES_A_DAY = 24 * 60 };

static int64_t floor_minute(int64_t t)
{
	return t - ((t % 60) + 60) % 60;
}

static int64_t ceil_minute(int64_t t)
{
	return floor_minute(t + 59);
}

/* --- wall times that fit --- */

/* The bit at or above, at or below `from`, or -1. */
static int bit_from(uint64_t bits, int from)
{
	bits = from > 63 ? 0 : bits >> from << from;
	return bits ? __builtin_ctzll(bits) : -1;
}

static int bit_to(uint64_t bits, int to)
{
	bits = to < 0 ? 0 : bits & (UINT64_MAX >> (63 - to));
	return bits ? 63 - __builtin_clzll(bits) : -1;
}

/* The minute of a day, at or after (before) one, or -1. */
static int minute_from(const struct cron *c, int from)
{
	int hour = bit_from(c->bits[CRON_HOUR], from / 60);
	if (hour < 0)
		return -1;
	int minute = bit_from(c->bits[CRON_MINUTE], hour == from / 60 ? from % 60 : 0);
	if (minute < 0) {
		hour = bit_from(c->bits[CRON_HOUR], hour + 1);
		minute = bit_from(c->bits[CRON_MINUTE], 0);
	}
	return hour < 0 ? -1 : hour * 60 + minute;
}

static int minute_to(const struct cron *c, int to)
{
	int hour = bit_to(c->bits[CRON_HOUR], to / 60);
	if (hour < 0)
		return -1;
	int minute = bit_to(c->bits[CRON_MINUTE], hour == to / 60 ? to % 60 : 59);
	if (minute < 0) {
		hour = bit_to(c->bits[CRON_HOUR], hour - 1);
		minute = bit_to(c->bits[CRON_MINUTE], 59);
	}
	return hour < 0 ? -1 : hour * 60 + minute;
}

/* The days of a month that fit, a bit each. */
static uint64_t days_of(const struct cron *c, int year, int month)
{
	if (!(c->bits[CRON_MONTH] >> month & 1))
		return 0;
	int32_t first = date_from_civil(year, month, 1);
	int length = (int)(date_from_civil(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) - first);
	uint64_t weekdays = 0;
	for (int day = 1, weekday = date_weekday(first); day <= length; day++, weekday = (weekday + 1) % 7)
		weekdays |= (c->bits[CRON_WEEKDAY] >> weekday & 1) << day;
	uint64_t all = (UINT64_C(1) << (length + 1)) - 2;
	return (c->either_day ? c->bits[CRON_DAY] | weekdays : c->bits[CRON_DAY] & weekdays) & all;
}

static int32_t first_day(void)
{
	return zone_wall_day(ZONE_TIME_MIN);
}

static int32_t last_day(void)
{
	return zone_wall_day(ZONE_TIME_MAX);
}

/* The day at or after (before) one; false beyond the years that there are. */
static bool day_from(const struct cron *c, int32_t from, int32_t *ret)
{
	int year, month, day;
	date_to_civil(from < first_day() ? first_day() : from, &year, &month, &day);
	for (; year <= 9999; day = 1) {
		int found = bit_from(days_of(c, year, month), day);
		if (found > 0) {
			*ret = date_from_civil(year, month, found);
			return true;
		}
		year += month == 12;
		month = month == 12 ? 1 : month + 1;
	}
	return false;
}

static bool day_to(const struct cron *c, int32_t to, int32_t *ret)
{
	int year, month, day;
	date_to_civil(to > last_day() ? last_day() : to, &year, &month, &day);
	for (; year >= 1; day = 31) {
		int found = bit_to(days_of(c, year, month), day);
		if (found > 0) {
			*ret = date_from_civil(year, month, found);
			return true;
		}
		year -= month == 1;
		month = month == 1 ? 12 : month - 1;
	}
	return false;
}

/* The wall time that fits at or after (before) one, which is a whole minute. */
static bool wall_from(const struct cron *c, int64_t from, int64_t *ret)
{
	int32_t day = zone_wall_day(from), found;
	int minute = (int)((from - (int64_t)day * 86400) / 60);
	if (!day_from(c, day, &found))
		return false;
	minute = minute_from(c, found == day ? minute : 0);
	if (minute < 0) { /* that day has none any more */
		if (!day_from(c, day + 1, &found))
			return false;
		minute = minute_from(c, 0);
	}
	*ret = (int64_t)found * 86400 + minute * 60;
	return true;
}

static bool wall_to(const struct cron *c, int64_t to, int64_t *ret)
{
	int32_t day = zone_wall_day(to), found;
	int minute = (int)((to - (int64_t)day * 86400) / 60);
	if (!day_to(c, day, &found))
		return false;
	minute = minute_to(c, found == day ? minute : MINUTES_A_DAY - 1);
	if (minute < 0) {
		if (!day_to(c, day - 1, &found))
			return false;
		minute = minute_to(c, MINUTES_A_DAY - 1);
	}
	*ret = (int64_t)found * 86400 + minute * 60;
	return true;
}

/* --- what follows the clock --- */

static bool next_by_clock(const struct cron *c, const struct zone *z, int64_t after, int64_t *ret)
{
	struct zone_span s;
	int64_t wall;
	for (int64_t t = after + 1;;) {
		zone_at(z, t, &s);
		if (wall_from(c, ceil_minute(t + s.offset), &wall) && wall - s.offset < s.until) {
			*ret = wall - s.offset;
			return true;
		}
		/* On with the next span, whose clock may show again what is past by this one; and past all that can have
		 * nothing, whatever their offsets are. */
		t = s.until;
		if (t == INT64_MAX || !wall_from(c, floor_minute(t - ZONE_OFFSET_MAX), &wall))
			return false;
		if (t < wall - ZONE_OFFSET_MAX)
			t = wall - ZONE_OFFSET_MAX;
	}
}

static bool prev_by_clock(const struct cron *c, const struct zone *z, int64_t before, int64_t *ret)
{
	struct zone_span s;
	int64_t wall;
	for (int64_t t = before - 1;;) {
		zone_at(z, t, &s);
		if (wall_to(c, floor_minute(t + s.offset), &wall) && wall - s.offset >= s.from) {
			*ret = wall - s.offset;
			return true;
		}
		if (s.from == INT64_MIN)
			return false;
		t = s.from - 1;
		if (!wall_to(c, ceil_minute(t + ZONE_OFFSET_MAX), &wall))
			return false;
		if (t > wall + ZONE_OFFSET_MAX)
			t = wall + ZONE_OFFSET_MAX;
	}
}

/* --- what fires once for each time --- */

/* The latest wall time that a tick up to t has shown: what is not later than this has fired. */
static int64_t shown_until(const struct zone *z, int64_t t)
{
	int64_t latest = INT64_MIN;
	struct zone_span s;
	for (int64_t at = t;; at = s.from - 1) {
		zone_at(z, at, &s);
		int64_t wall = floor_minute(at + s.offset);
		if ((s.from == INT64_MIN || wall - s.offset >= s.from) && wall > latest)
			latest = wall;
		/* What was before cannot have been later, by offsets alone. */
		if (s.from == INT64_MIN || s.from - 1 + ZONE_OFFSET_MAX <= latest)
			return latest;
	}
}

/* The first tick that shows this wall time or a later one. */
static int64_t first_shown(const struct zone *z, int64_t wall)
{
	struct zone_span s;
	for (int64_t t = wall - ZONE_OFFSET_MAX;; t = s.until) {
		zone_at(z, t, &s);
		int64_t tick = ceil_minute(t + s.offset);
		tick = (tick > wall ? tick : wall) - s.offset;
		if (tick < s.until)
			return tick;
	}
}

bool cron_next(const struct cron *c, const struct zone *z, int64_t after, int64_t *ret)
{
	int64_t wall;
	if (after >= ZONE_TIME_MAX)
		return false;
	if (after < ZONE_TIME_MIN)
		after = ZONE_TIME_MIN - 1;
	if (c->follows_clock)
		return next_by_clock(c, z, after, ret);
	if (!wall_from(c, shown_until(z, after) + 60, &wall))
		return false;
	*ret = first_shown(z, wall);
	return true;
}

bool cron_prev(const struct cron *c, const struct zone *z, int64_t before, int64_t *ret)
{
	int64_t wall;
	if (before <= ZONE_TIME_MIN)
		return false;
	if (before > ZONE_TIME_MAX)
		before = ZONE_TIME_MAX + 1;
	if (c->follows_clock)
		return prev_by_clock(c, z, before, ret);
	if (!wall_to(c, shown_until(z, before - 1), &wall))
		return false;
	*ret = first_shown(z, wall);
	return true;
}

void cron_stands_for(const struct cron *c, const struct zone *z, int64_t at, int64_t *ret_first, int64_t *ret_last)
{
	struct zone_span s;
	int64_t first, last;
	zone_at(z, at, &s);
	int64_t wall = at + s.offset;
	*ret_first = *ret_last = wall;
	if (c->follows_clock || !wall_from(c, shown_until(z, at - 1) + 60, &first) || first > wall ||
	    !wall_to(c, floor_minute(wall), &last))
		return;
	*ret_first = first;
	*ret_last = last;
}
