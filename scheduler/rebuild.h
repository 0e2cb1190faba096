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

/* Called for each partition that is left out, with its folder and why. */
typedef void (*rebuild_damaged_fn)(void *ctx, const char *folder, const char *why);

/* By who holds the lake's lock: `conn` is its connection, `leader` what it got. All of it is one transaction;
 * `dry_run` rolls it back. The project's tables are looked at, wherever they are published. ERR_LAKE, ERR_STATE. */
int rebuild_partitions(struct workspace *ws, PGconn *conn, const struct leader *leader, bool dry_run, rebuild_damaged_fn damaged,
                       void *ctx, struct rebuild_report *ret, struct err *err);

#endif
