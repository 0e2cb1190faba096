/* The data-quality checks that a table declares, run on what was staged. */
#ifndef STRATA_EXECUTOR_CHECKS_H
#define STRATA_EXECUTOR_CHECKS_H

#include "executor/attempt.h"

/* primary_keys (no NULL, unique), timestamp_col (no NULL), columns (there, of their type), allow_empty.
 * Every one runs and is noted in t->checks; if any failed, the try fails with class "check" and its
 * staged data stays (t->keep). */
int checks_run(struct attempt *t);

#endif
