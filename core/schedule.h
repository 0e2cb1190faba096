/* What a schedule has to start at a moment, and when to ask again. Without a clock and without a memory of its own: the
 * caller says what time it is and what the ledger of intervals holds.
 *
 * An **interval** is one firing of the schedule's cron expression, and is known by its time. The ledger has each one
 * that was given a run, once. Times are UTC seconds (core/zone.h).
 *
 *     struct schedule_rule rule;
 *     schedule_rule_init(&rule, s, zone, &err);
 *     size_t n = schedule_due(&rule, &ledger, now, at, free_runs, &next);
 *     for (size_t i = 0; i < n; i++)
 *             if (schedule_dates(&rule, at[i], &first, &last)) ...  // record the interval, and the run of these dates
 *     ... ask again at next.wake; if next.more, also when a run of it has ended
 *
 * A clock that stands still, jumps or goes back is no danger. What is in the ledger is never due, whatever the time; a
 * jump ahead is as a machine that slept: `catchup` says what becomes of it, in portions of the caller's size. */
#ifndef STRATA_CORE_SCHEDULE_H
#define STRATA_CORE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/cron.h"
#include "core/project.h"

enum {
	/* Seconds. An interval that is not older is on time, and not a missed one. A restart is not to cost a run. */
	SCHEDULE_ON_TIME = 300,
};

struct schedule_rule {
	struct cron cron;
	const struct zone *zone; /* the caller's */
	int32_t date_offset;
	int32_t lookback;
	enum catchup catchup;
	int64_t catchup_window;  /* seconds; 0: no limit */
	int32_t start_date;      /* DATE_NONE: none */
};

/* 0, or ERR_PROJECT as cron_parse. Nothing of the project is kept, so that a reload may free it. */
int schedule_rule_init(struct schedule_rule *r, const struct schedule *s, const struct zone *zone, struct err *err);

#define SCHEDULE_NEVER INT64_MIN

/* What is remembered of a schedule. Where the clock may have gone back (now < last, now < since), load it anew: then
 * `last` is the newest that is not after now, and `since` is to be lowered to now. */
struct schedule_ledger {
	int64_t last;  /* the newest interval that is not after now; SCHEDULE_NEVER: none */
	int64_t since; /* when the schedule was first seen: before that it missed nothing, but for start_date */
};

struct schedule_next {
	int64_t wake; /* when the next interval comes, always after now; INT64_MAX: never */
	bool more;    /* more than `max` are due */
};

/* The intervals that are due a run now, oldest first, at most `max` of them (0 is fine). Of those after the ledger's
 * last one, up to now:
 *   off     the newest, if it is on time
 *   latest  the newest, if it is on time or within the window
 *   all     each that is on time or within the window
 * None whose dates are all before start_date. With no interval in the ledger `latest` and `all` begin at start_date, or
 * without one when the schedule was first seen. Intervals passed over are over: asked later, they are not due. */
size_t schedule_due(const struct schedule_rule *r, const struct schedule_ledger *l, int64_t now, int64_t *ret_at, size_t max,
                    struct schedule_next *ret);

/* The dates of an interval's run, first and last: the day that it stands for plus date_offset, and `lookback` days before
 * it, none before start_date. The day is that of the time which was written in cron, also where the clocks went past that
 * into the next day. False when no date is left. */
bool schedule_dates(const struct schedule_rule *r, int64_t at, int32_t *ret_first, int32_t *ret_last);

#endif
