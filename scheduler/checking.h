/* The declared checks of tables on what is published of them now, partition by partition, through the workers. Only the lake
 * is looked at: nothing is recorded, and no lock is needed, as each partition is pinned while it is checked. */
#ifndef STRATA_SCHEDULER_CHECKING_H
#define STRATA_SCHEDULER_CHECKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/manifest.h"
#include "scheduler/workspace.h"

enum checked_state {
	CHECKED,           /* each of `checks` says how it ended */
	CHECKED_EMPTY,     /* published without rows: only allow_empty is in `checks`, if that */
	CHECKED_ABSENT,    /* nothing is published */
	CHECKED_ERROR,     /* it could not be read; `error` says why */
	CHECKED_UNDECLARED, /* the table has no checks; one for all dates */
	CHECKED_ACTION,    /* output: none; likewise */
};

struct checked {
	const struct table *table;
	int32_t day;       /* DATE_NONE: of an unpartitioned table, or of all dates */
	enum checked_state state;
	uint64_t version;
	int64_t rows;
	const struct manifest_check *checks; size_t nchecks;
	const char *error;
};

/* Of the selected tables in the order of the project, each date of the range; as many at a time as there are workers. All of
 * *ret lives in `arena`. ERR_PROTOCOL when no worker can be had; what goes wrong with one partition is said of that one. */
int checking_make(struct workspace *ws, const bool *selected, int32_t first, int32_t last, struct arena *arena,
                  struct checked **ret, size_t *ret_n, struct err *err);

#endif
