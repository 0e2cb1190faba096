/* Cron expressions as in Vixie's cron: five fields, or a name such as @daily.
 *
 *     minute 0-59, hour 0-23, day 1-31, month 1-12 or jan-dec, weekday 0-7 or sun-sat (0 and 7: Sunday)
 *
 * A field is a list of `*`, `N`, `N-M`, and of `*` and `N-M` with a step, `/S`. Where day and weekday are both
 * restricted, either is enough. */
#ifndef STRATA_CORE_CRON_H
#define STRATA_CORE_CRON_H

#include "base/err.h"

/* 0, or ERR_PROJECT with what is wrong: "minute '61' is not within 0-59". Also refused is what is well written and
 * never comes, such as a 30 February. */
int cron_check(const char *text, struct err *err);

#endif
