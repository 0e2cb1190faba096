/* The rule of schedules (docs/SCHEDULES.md) once more, by walking through time minute by minute. Of the product it asks
 * core/zone.h alone what clocks show, which tests/helper/cron_compare.py holds against others. */
#include "base/mem.h"
#include "core/date.h"
#include "scheduler/zone.h"
#include "tests/sim/daemon.h"

enum { ON_TIME = 300 };

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* 1970-01-01 was a Thursday. */
static bool shows(const struct rule *r, int64_t wall_minute)
{
	int64_t minute_of_day = wall_minute - floor_div(wall_minute, 1440) * 1440, day = floor_div(wall_minute, 1440);
	uint32_t weekday = (uint32_t)(day + 4 - floor_div(day + 4, 7) * 7);
	char text[DATE_SIZE];
	if (!(r->minutes >> (minute_of_day % 60) & 1) || !(r->hours >> (minute_of_day / 60) & 1))
		return false;
	date_format(text, (int32_t)day); /* YYYY-MM-DD */
	bool by_day = r->days >> strtol(text + 8, NULL, 10) & 1, by_weekday = r->weekdays >> weekday & 1;
	if (!(r->months >> strtol(text + 5, NULL, 10) & 1))
		return false;
	return r->star_day || r->star_weekday ? by_day && by_weekday : by_day || by_weekday;
}

static void add(struct rule *r, size_t *cap, int64_t at, int64_t first_wall, int64_t last_wall)
{
	struct firing f = {at, (int32_t)floor_div(first_wall, 1440) + r->date_offset - r->lookback, (int32_t)floor_div(last_wall, 1440) + r->date_offset};
	if (r->start_date != DATE_NONE && f.first < r->start_date)
		f.first = r->start_date;
	MEM_GROW(r->firings, r->nfirings, *cap);
	r->firings[r->nfirings++] = f;
}

/* Who follows the clock comes whenever it shows a time that fits. Any other comes once for each of its times, when the
 * clock first shows it or has gone past it: `seen` is how far the clock has ever been. */
void rule_fire(struct rule *r)
{
	struct err err;
	struct zone *zone = zone_load(r->zone, &err);
	CHECK(zone);
	struct zone_span span = {.until = INT64_MIN};
	int64_t from = floor_div(world_start_s, 60) - 100 * 1440, until = from + (int64_t)(world.ndates + 60) * 1440, seen = INT64_MIN;
	size_t cap = 0;
	bool follows = r->star_minute || r->star_hour;
	for (int64_t minute = from; minute < until; minute++) {
		if (minute * 60 >= span.until || span.until == INT64_MIN)
			zone_at(zone, minute * 60, &span);
		CHECK(span.offset % 60 == 0);
		int64_t wall = minute + span.offset / 60, first = 0, last = 0;
		bool fires = false;
		for (int64_t w = follows || seen == INT64_MIN ? wall : seen + 1; w <= wall; w++) {
			if (!shows(r, w))
				continue;
			first = fires ? first : w;
			last = w;
			fires = true;
		}
		seen = wall > seen ? wall : seen;
		if (fires && minute - from > 2 * 1440)
			add(r, &cap, minute * 60, first, last);
	}
	zone_free(zone);
}

const struct firing *rule_at(const struct rule *r, int64_t at)
{
	size_t lo = 0, hi = r->nfirings;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (r->firings[mid].at < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < r->nfirings && r->firings[lo].at == at ? &r->firings[lo] : NULL;
}

/* What has had its run is over with all before it. Before the first one there is what start_date begins with, for who
 * catches up, or nothing before the schedule was seen. */
int64_t rule_over(const struct rule *r, int64_t now)
{
	const struct db_schedule *s = ddb_schedule(r->name);
	size_t n = s ? ddb_intervals_until(s, now) : 0;
	if (n)
		return s->ledger[n - 1].at;
	if (r->start_date == DATE_NONE || r->catchup == CATCHUP_OFF)
		return s && s->seen < now ? s->seen : now;
	return INT64_MIN;
}

static bool is_given(const struct rule *r, int64_t at)
{
	const struct db_schedule *s = ddb_schedule(r->name);
	size_t n = s ? ddb_intervals_until(s, at) : 0;
	return n && s->ledger[n - 1].at == at;
}

bool rule_owes(const struct rule *r, const struct firing *f, int64_t over, int64_t now)
{
	int64_t age = now - f->at, most = r->window > ON_TIME ? r->window : ON_TIME;
	if (age < 0 || f->at <= over || f->last < f->first || is_given(r, f->at))
		return false;
	if (r->catchup == CATCHUP_OFF)
		most = ON_TIME;
	else if (r->window == 0)
		most = INT64_MAX;
	if (age > most)
		return false;
	if (r->catchup == CATCHUP_ALL)
		return true;
	return f + 1 == r->firings + r->nfirings || f[1].at > now; /* the newest alone */
}
