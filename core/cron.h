/* Cron expressions as in Vixie's cron: five fields, or a name such as @daily.
 *
 *     minute 0-59, hour 0-23, day 1-31, month 1-12 or jan-dec, weekday 0-7 or sun-sat (0 and 7: Sunday)
 *
 * A field is a list of `*`, `N`, `N-M`, and of `*` and `N-M` with a step, `/S`. If neither day nor weekday begins with
 * a star, either is enough; else both must fit.
 *
 *     struct cron c;
 *     if (cron_parse("30 6 * * 1-5", &c, &err) < 0) ...
 *     for (int64_t at = now; cron_next(&c, zone, at, &at);) ...
 *
 * It fires at whole minutes by the zone's clock, and where clocks change as Debian's cron does:
 * - One that follows the clock (minute or hour begins with a star) fires whenever the clock shows a time that fits. An
 *   hour that is left out has none of it, one that is repeated has it twice.
 * - Any other fires once for each time that fits: when the clock first shows that time or, where it is left out, a
 *   later one. So what falls into a gap fires at its end, once for all of it. */
#ifndef STRATA_CORE_CRON_H
#define STRATA_CORE_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/zone.h"

enum cron_field { CRON_MINUTE, CRON_HOUR, CRON_DAY, CRON_MONTH, CRON_WEEKDAY, CRON_FIELDS };

struct cron {
	uint64_t bits[CRON_FIELDS]; /* a bit a value; Sunday is weekday 0 */
	bool either_day;            /* day or weekday is enough; else both */
	bool follows_clock;
};

/* 0, or ERR_PROJECT with what is wrong: "minute '61' is not within 0-59". Also refused is what is well written and
 * never comes, such as a 30 February. */
int cron_parse(const char *text, struct cron *ret, struct err *err);

/* The same, for who wants to know no more. */
int cron_check(const char *text, struct err *err);

/* The first time that it fires after, or the last time before, a time. UTC seconds (core/zone.h); false when there is
 * none from year 1 to 9999. */
bool cron_next(const struct cron *c, const struct zone *z, int64_t after, int64_t *ret);
bool cron_prev(const struct cron *c, const struct zone *z, int64_t before, int64_t *ret);

/* The wall times, first and last, that its firing at `at` is for: that of `at` itself, but at the end of a gap those in
 * the gap that fit (and `at`'s own if it fits too). */
void cron_stands_for(const struct cron *c, const struct zone *z, int64_t at, int64_t *ret_first, int64_t *ret_last);

#endif
