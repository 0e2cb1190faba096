/* Named fault points at the I/O seams, for tests: FAULT("commit.exchange") does nothing in a release
 * build. In a build with -DSTRATA_FAULTS the environment arms one:
 *
 *     STRATA_FAULT=commit.exchange:3:kill     at its third crossing
 *
 * what is `kill` (SIGKILL to self), `stop` (SIGSTOP to self), `error` (FAULT yields true: the caller
 * fails as if the call after it had failed, with errno EIO) or `enospc` (likewise, ENOSPC).
 * STRATA_FAULT_ONCE=path: the point fires only if it can create that file, so that exactly one of many
 * processes and tries is hit. */
#ifndef STRATA_BASE_FAULT_H
#define STRATA_BASE_FAULT_H

#include <stdbool.h>

#ifdef STRATA_FAULTS
bool fault_cross(const char *name);
/* As if the environment had said it now; NULL disarms. For tests within one process. */
void fault_arm(const char *spec);
#define FAULT(name) fault_cross(name)
#else
#define FAULT(name) false
#endif

#endif
