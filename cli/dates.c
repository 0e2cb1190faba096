/* See dates.h. */
#include "cli/dates.h"

#include "base/clock.h"
#include "core/date.h"
#include "scheduler/zone.h"

static int read_day(const struct options *o, const char *option, int32_t fallback, int32_t *ret, struct err *err)
{
	const char *text = options_text(o, option, NULL);
	if (text && !date_parse(text, ret))
		return err_set(err, ERR_USAGE, "'--%s %s' is no date; write it YYYY-MM-DD or YYYYMMDD", option, text);
	if (!text)
		*ret = fallback;
	return 0;
}

int dates_read(const struct options *o, struct date_range *ret, struct err *err)
{
	bool date = options_flag(o, "date"), start = options_flag(o, "start"), end = options_flag(o, "end");
	if (date && (start || end))
		return err_set(err, ERR_USAGE, "'--date' is one day; leave it out or leave out '--start' and '--end'");
	if (end && !start)
		return err_set(err, ERR_USAGE, "'--end' needs '--start'; for one day say '--date'");
	int32_t yesterday = zone_day(clock_wall_us()) - 1;
	struct date_range range;
	if (read_day(o, start ? "start" : "date", yesterday, &range.first, err) < 0 ||
	    read_day(o, "end", start ? yesterday : range.first, &range.last, err) < 0)
		return ERR_USAGE;
	if (range.last < range.first) {
		char first[DATE_SIZE], last[DATE_SIZE];
		return err_set(err, ERR_USAGE, "the range ends (%s) before it starts (%s)", date_format(last, range.last),
		               date_format(first, range.first));
	}
	*ret = range;
	return 0;
}
