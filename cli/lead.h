/* Taking the lake: the lock on a connection of its own, the lake's own lock, workers that may have tries.
 * What `run`, `backfill` and `scheduler` do before anything else. */
#ifndef STRATA_CLI_LEAD_H
#define STRATA_CLI_LEAD_H

#include <libpq-fe.h>

#include "cli/command.h"
#include "scheduler/leader.h"
#include "scheduler/workspace.h"

struct lead {
	const char *run_id; /* NULL: a scheduler that stays */
	bool replace;       /* who stays and has the lake is asked to end, and whoever takes it then before us */
	int64_t asked_us;   /* since when who was asked last has had it; 0: nobody was */
	bool no_wait;       /* ERR_LOCKED where somebody has the lake */
	bool elsewhere;     /* out: who has it is on another host, and cannot be waited for: ERR_LOCKED */
	bool daemon;        /* out, for a run: a scheduler came up meanwhile, which takes orders; the lake was not taken */
	struct leader leader; /* out: of what was taken */
	PGconn *conn;       /* out: holds the lock, and is the runner's afterwards; NULL: not taken */
};

/* Asks the scheduler that is up to end when what runs has ended, once; what it leaves unfinished is ours then. */
int lead_ask_to_end(struct workspace *ws, struct lead *lead, struct err *err);

/* Waits for who has the lake and says for whom, until a signal (ERR_CANCELED). A scheduler that has only lost its database
 * has some seconds to be back first. */
int lead_take(const struct invocation *inv, struct workspace *ws, struct lead *lead, struct err *err);

/* The same for a scheduler that stays, as a standby: over losses of the database, and as a service manager expects it. */
int lead_stand_by(const struct invocation *inv, struct workspace *ws, struct lead *lead, struct err *err);

#endif
