/* Taking what is published of one table out of the lake and out of the state.
 *
 * Calling sequence:
 *     struct clear_found found, gone;
 *     clear_count(&ws, &request, &found, &err);              says what would go; no lock
 *     leader_try(conn, ...);                                 clear_carry_out on that connection
 *     clear_carry_out(&ws, conn, &request, actor, &found, &gone, &err);
 *
 * The lake comes first: the manifests are the truth, and state that names what has gone is put right by the
 * same command again, or by the next run, which finds the partitions missing. The other way round a death in
 * between would leave data that nobody knows of, and `db rebuild` would bring it back. */
#ifndef STRATA_SCHEDULER_CLEAR_H
#define STRATA_SCHEDULER_CLEAR_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "scheduler/workspace.h"

struct clear_request {
	const char *qname;   /* of the project, or of a table that it has no longer */
	int32_t first, last; /* inclusive; DATE_NONE both: everything */
};

struct clear_found {
	int64_t published;   /* folders with a manifest */
	int64_t rows, bytes; /* of those, as their manifests say; bytes of all that would go */
	int64_t others;      /* dt= folders without a manifest */
	int64_t recorded;    /* partitions of the state, those without rows too */
};

int clear_count(struct workspace *ws, const struct clear_request *rq, struct clear_found *ret, struct err *err);

/* `conn` holds the lake's lock. Waits for the workers of a scheduler that died, so that nothing is published meanwhile; writes
 * who asks for what (`found`) into the audit before anything goes. */
int clear_carry_out(struct workspace *ws, PGconn *conn, const struct clear_request *rq, const char *actor,
                    const struct clear_found *found, struct clear_found *ret_gone, struct err *err);

#endif
