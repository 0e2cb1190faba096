/* Old history goes: runs that ended before a moment, with all that hangs on them, and whole months of events.
 *
 * Calling sequence, on a connection of its own; no lake's lock is needed, and a scheduler may be at work beside it:
 *     struct retention rt = {.conn = conn, .lake_id = id, .before_us = t, .actor = "me"};
 *     retention_look(&rt, &report, &err);     what would go, or
 *     retention_remove(&rt, &report, &err);   it goes; ERR_LOCKED: somebody else is at it
 *
 * What stays, whatever its age: runs that are not done, and all that they wrote; of each partition as it is published now
 * the try that made it, with its lineage and checks; `partition` and `table_stat`; of the ledger each schedule's newest old
 * interval and all that are younger: that is as much as a schedule looks at, but for a clock that goes back to before it.
 *
 * Invariant: a run's row goes first, so nobody ever sees half of one, and what no run has any more is found by that alone.
 * So whoever dies anywhere leaves the rest to the next one. Each statement is a transaction of about 100 ms that locks
 * only rows which nobody writes; a month waits at most 100 ms for its lock, and else goes another day. */
#ifndef STRATA_SCHEDULER_RETENTION_H
#define STRATA_SCHEDULER_RETENTION_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct retention {
	PGconn *conn;
	int lake_id;
	int64_t before_us;   /* wall clock: what ended before is old */
	const char *actor;   /* for strata.audit */
};

struct retention_report {
	int64_t runs, tasks, tries, lineage, checks; /* rows */
	int64_t oldest_us, newest_us;                /* ends of those runs; 0: none */
	int64_t commands, audits, intervals;
	int64_t months, events, event_bytes;         /* whole months; of months that other lakes share only the rows */
	int64_t oldest_month_us, newest_month_us;    /* their first moments; 0: none */
	int64_t months_in_use;                       /* could not be locked, and stay for now */
};

int retention_look(const struct retention *rt, struct retention_report *ret, struct err *err);
int retention_remove(const struct retention *rt, struct retention_report *ret, struct err *err);

/* When a gc last came to its end, and before when runs were removed so far; 0: never. From strata.audit. */
struct retention_past {
	int64_t done_us, removed_before_us;
};
int retention_past(PGconn *conn, int lake_id, struct retention_past *ret, struct err *err);

/* Put it on record that a gc has come to its end; `detail` is a JSON object. */
int retention_done(PGconn *conn, int lake_id, const char *actor, const char *detail, struct err *err);

#endif
