/* The last step of a try: its staged folder becomes the published one (docs/COMMIT.md). */
#ifndef STRATA_EXECUTOR_COMMIT_H
#define STRATA_EXECUTOR_COMMIT_H

#include "executor/attempt.h"

/* Publish what was validated, or, without rows, take away what is published. Sets t->result->manifest
 * and cleared_rows. 0; -1 with outcome ERROR, KILLED or FENCED. */
int commit_attempt(struct attempt *t);

#endif
