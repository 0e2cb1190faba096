/* A run's tasks once more: what `retry` and `clear` order of an earlier run. */
#ifndef STRATA_CLI_AGAIN_H
#define STRATA_CLI_AGAIN_H

#include "cli/state.h"
#include "scheduler/order.h"

/* The run's own order under a new name, of no schedule, unpaused and not forced. ERR_USAGE: it was made in the foreground,
 * and has none. */
int again_whole(const struct run_row *run, struct arena *arena, struct order *ret, struct err *err);

/* An order for those of its tasks that have ended, or only for those that failed or were withheld. ERR_USAGE: there are
 * none. */
int again_tasks(const struct state *s, const struct run_row *run, bool failed_only, struct arena *arena, struct order *ret, struct err *err);

#endif
