/* See schedule.h. */
#include "core/schedule.h"

#include "core/date.h"

int schedule_rule_init(struct schedule_rule *r, const struct schedule *s, const struct zone *zone, struct err *err)
{
	struct schedule_rule rule = {
		.zone = zone,
		.date_offset = s->date_offset,
		.lookback = (int32_t)s->lookback,
		.catchup = s->catchup,
		.catchup_window = s->catchup_window_ms / 1000,
		.start_date = s->start_date,
	};
	int rc = cron_parse(s->cron, &rule.cron, err);
	if (rc == 0)
		*r = rule;
	return rc;
}

bool schedule_dates(const struct schedule_rule *r, int64_t at, int32_t *ret_first, int32_t *ret_last)
{
	int64_t from, to;
	cron_stands_for(&r->cron, r->zone, at, &from, &to);
	int32_t first = zone_wall_day(from) + r->date_offset - r->lookback, last = zone_wall_day(to) + r->date_offset;
	int32_t least = r->start_date != DATE_NONE ? r->start_date : zone_wall_day(ZONE_TIME_MIN);
	int32_t most = zone_wall_day(ZONE_TIME_MAX);
	*ret_first = first < least ? least : first;
	*ret_last = last > most ? most : last;
	return *ret_first <= *ret_last;
}

/* An instant before which every interval is too early for start_date. */
static int64_t before_start(const struct schedule_rule *r)
{
	int64_t first, last;
	if (r->start_date == DATE_NONE)
		return INT64_MIN;
	zone_from_wall(r->zone, (int64_t)(r->start_date - r->date_offset) * 86400, &first, &last);
	return first - 1;
}

/* The interval that comes after a time; those too early for start_date are none. */
static bool interval_after(const struct schedule_rule *r, int64_t after, int64_t *ret)
{
	int64_t start = before_start(r);
	int32_t first, last;
	if (after < start)
		after = start;
	do {
		if (!cron_next(&r->cron, r->zone, after, ret))
			return false;
		after = *ret;
	} while (!schedule_dates(r, *ret, &first, &last));
	return true;
}

/* Intervals up to this one are over. */
static int64_t over_until(const struct schedule_rule *r, const struct schedule_ledger *l, int64_t now)
{
	int64_t over = l->last, window = SCHEDULE_ON_TIME;
	if (over == SCHEDULE_NEVER)
		over = r->start_date != DATE_NONE && r->catchup != CATCHUP_OFF ? before_start(r) : l->since;
	if (r->catchup != CATCHUP_OFF && r->catchup_window == 0)
		return over;
	if (r->catchup != CATCHUP_OFF && r->catchup_window > window)
		window = r->catchup_window;
	return over < now - window - 1 ? now - window - 1 : over;
}

static size_t all_due(const struct schedule_rule *r, int64_t over, int64_t now, int64_t *ret_at, size_t max, bool *ret_more)
{
	size_t n = 0;
	for (int64_t at = over; interval_after(r, at, &at) && at <= now;) {
		*ret_more = n == max;
		if (n == max)
			break;
		ret_at[n++] = at;
	}
	return n;
}

static size_t newest_due(const struct schedule_rule *r, int64_t over, int64_t now, int64_t *ret_at, size_t max, bool *ret_more)
{
	int64_t at;
	int32_t first, last;
	if (!cron_prev(&r->cron, r->zone, now + 1, &at) || at <= over || !schedule_dates(r, at, &first, &last))
		return 0;
	*ret_more = max == 0;
	if (max == 0)
		return 0;
	*ret_at = at;
	return 1;
}

size_t schedule_due(const struct schedule_rule *r, const struct schedule_ledger *l, int64_t now, int64_t *ret_at, size_t max,
                    struct schedule_next *ret)
{
	int64_t at;
	*ret = (struct schedule_next){.wake = interval_after(r, now, &at) ? at : INT64_MAX};
	if (l->last > now)
		return 0; /* all that there is up to now is older than what had its run */
	int64_t over = over_until(r, l, now);
	return (r->catchup == CATCHUP_ALL ? all_due : newest_due)(r, over, now, ret_at, max, &ret->more);
}
