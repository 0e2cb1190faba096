/* The last step of a try: its staged folder becomes the published one (docs/COMMIT.md). */
#ifndef STRATA_EXECUTOR_COMMIT_H
#define STRATA_EXECUTOR_COMMIT_H

#include "executor/attempt.h"

/* Publish what was validated, or, without rows, take away what is published; of several dates of one table at once. Sets the
 * outcome of each, its manifest and cleared_rows: SUCCESS, ERROR, KILLED or FENCED. */
enum { COMMIT_MAX = 8 };
void commit_attempts(struct attempt *const *tries, size_t n);

#endif
