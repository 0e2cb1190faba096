/* The scheduler that stays up: it begins runs by schedule and by command, carries them out side by side, and goes on
 * with those that an earlier one has left.
 *
 *     struct daemon_config config = {…};        a workspace that leads: project read, database open, lock held
 *     int rc = daemon_run(&config, &err);
 *
 * Event-driven: commands wake it by NOTIFY, schedules by a timer of the wall clock, the project by its files. What it
 * was asked to do is durable before it is begun: a command is answered when its run has a row, and the interval of a
 * schedule is in the ledger with its run, in one transaction. SIGTERM and SIGINT end it when what runs has ended
 * (a second one stops that, too), and unfinished runs go on with the next scheduler; SIGHUP reads the project again. */
#ifndef STRATA_SCHEDULER_DAEMON_H
#define STRATA_SCHEDULER_DAEMON_H

#include <libpq-fe.h>

#include "base/err.h"
#include "scheduler/leader.h"
#include "scheduler/workspace.h"

struct daemon_config {
	struct workspace *ws;
	PGconn *conn;                /* holds the lake's lock; the daemon's from now on */
	const struct leader *leader;
	const char *requested_by;    /* who started it: runs of schedules are his */
	bool stale;                  /* the project was read long ago: that it is read again is worth a word */
};

/* 0 after a clean end. ERR_LOCKED: another scheduler has taken the lake, and this one is free to wait for it again, with what it
 * has in the workspace; ERR_STATE: it cannot go on. Nothing that was published is lost, and orders go on with who leads next. */
int daemon_run(const struct daemon_config *config, struct err *err);

#endif
