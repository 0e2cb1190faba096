/* Locks that live as long as a process: a worker's that is free means that the worker and all its children are
 * gone, the scheduler's that the last scheduler is.
 * The file's text (the worker's pid, its program's group or 0) is for people only. */
#ifndef STRATA_SCHEDULER_LOCKS_H
#define STRATA_SCHEDULER_LOCKS_H

#include <stdbool.h>

#include "base/err.h"

enum { LOCKS_GRACE_MS = 10 * 1000 };

/* Block until `path` is free; after grace_ms kill (pidfd, SIGKILL) every process that holds it, also
 * by inheritance. A missing file is free. */
void locks_await(const char *path, int grace_ms);

/* The same for every *.lock in a folder (those of a dead scheduler), which are then removed. Returns how
 * many there were, or a negative error. */
int locks_await_all(const char *dir, int grace_ms, struct err *err);

/* Does a process hold it? */
bool locks_held(const char *path);

/* Take the lock `path` for this process: a descriptor that no child inherits, or a negative error. Who holds it
 * is given grace_ms to end; then, if may_kill(ctx) says so, it is killed as above; if not, or if it is not to be seen: ERR_LOCKED. */
int locks_hold(const char *path, int grace_ms, bool (*may_kill)(void *ctx), void *ctx, struct err *err);

#endif
