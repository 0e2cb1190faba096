/* Taking the lake: the lock on a connection of its own, the lake's own lock, workers that may have tries.
 * What `run`, `backfill` and `scheduler` do before anything else. */
#ifndef STRATA_CLI_LEAD_H
#define STRATA_CLI_LEAD_H

#include <libpq-fe.h>

#include "cli/command.h"
#include "scheduler/leader.h"
#include "scheduler/workspace.h"

/* *ret_conn holds the lock and is the runner's afterwards. Waits for who has it and says for whom, until a signal
 * (ERR_CANCELED); with `no_wait` ERR_LOCKED at once. `run_id` NULL: a scheduler that stays. */
int lead_take(const struct invocation *inv, struct workspace *ws, const char *run_id, bool no_wait, struct leader *ret_leader,
              PGconn **ret_conn, struct err *err);

#endif
