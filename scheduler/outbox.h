/* What callbacks are to be told, delivered: the rows of strata.outbox, until each was taken or is given up.
 *
 *     callbacks_register(conn, lake_id, project, …);
 *     struct outbox *o = outbox_new(&config);
 *     outbox_project(o, project);     at first, and whenever it was read again
 *     ... the loop turns ...
 *     outbox_settle(o, ms);           what is due is tried, for so long at most
 *     outbox_free(o);
 *
 * A row is made by the transaction that makes it true, which wakes this by NOTIFY. It is marked only after the receiver has
 * taken it, so whoever dies in between delivers it again, under the same key: at least once, and exactly once where the
 * receiver knows keys. It has a connection of its own and never waits for an answer: neither a slow receiver nor a slow
 * database holds anything up. Of one callback and subject a row waits for the one before it. */
#ifndef STRATA_SCHEDULER_OUTBOX_H
#define STRATA_SCHEDULER_OUTBOX_H

#include <stdint.h>
#include <uv.h>

#include "core/project.h"

struct outbox;

struct outbox_config {
	uv_loop_t *loop;
	const char *conninfo; /* the caller's */
	int lake_id;
	bool quiet;           /* what is tried again is not logged: the caller says at its end what is left */
};

struct outbox *outbox_new(const struct outbox_config *config);
/* Valid until the next call or outbox_free. Without callbacks nothing is connected. */
void outbox_project(struct outbox *o, const struct project *p);
/* Run the loop until all that is due has been tried once, for `ms` at most. */
void outbox_settle(struct outbox *o, int64_t ms);
/* What is under way is stopped, and is delivered again by the next one. Runs the loop; NULL is fine. */
void outbox_free(struct outbox *o);

#endif
