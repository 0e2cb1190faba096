/* The index from the truth: strata.partition, with lineage, checks and what was learned of the tables, is made
 * anew from the manifests of the lake and the records of empty results. For a database that was lost, restored
 * or never knew this lake. Runs and tries stay as they are. */
#ifndef STRATA_SCHEDULER_REBUILD_H
#define STRATA_SCHEDULER_REBUILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "scheduler/leader.h"
#include "scheduler/workspace.h"

struct rebuild_report {
	int64_t tables, partitions, empty, rows; /* that the lake has now */
	int64_t added, changed, removed;         /* of strata.partition */
	int64_t damaged;                         /* published, but unreadable or incomplete: left out */
};

struct rebuild_observer {
	/* A partition that is left out, by its folder, and why. */
	void (*damaged)(void *ctx, const char *folder, const char *why);
	/* A table that is published and that no file of the project builds: it is recorded all the same. */
	void (*left)(void *ctx, const char *qname);
	void *ctx;
};

/* By who holds the lake's lock: `conn` is its connection, `leader` what it got. All of it is one transaction;
 * `dry_run` rolls it back. Every table is looked at that the project builds or that the lake has something of.
 * ERR_LAKE, ERR_STATE. */
int rebuild_partitions(struct workspace *ws, PGconn *conn, const struct leader *leader, bool dry_run,
                       const struct rebuild_observer *observer, struct rebuild_report *ret, struct err *err);

#endif
