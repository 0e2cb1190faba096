/* Worker locks: a lock file that is free means that the worker and all its children are gone.
 * The file's text (the worker's pid, its program's group or 0) is for people only. */
#ifndef STRATA_SCHEDULER_LOCKS_H
#define STRATA_SCHEDULER_LOCKS_H

#include "base/err.h"

enum { LOCKS_GRACE_MS = 10 * 1000 };

/* Block until `path` is free; after grace_ms kill (pidfd, SIGKILL) every process that holds it, also
 * by inheritance. A missing file is free. */
void locks_await(const char *path, int grace_ms);

/* The same for every *.lock in a folder (those of a dead scheduler), which are then removed. Returns how
 * many there were, or a negative error. */
int locks_await_all(const char *dir, int grace_ms, struct err *err);

#endif
