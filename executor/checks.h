/* The data-quality checks that a table declares: of a try on what it staged, of `strata check` on what is published. */
#ifndef STRATA_EXECUTOR_CHECKS_H
#define STRATA_EXECUTOR_CHECKS_H

#include "executor/attempt.h"

/* primary_keys (no NULL, unique), timestamp_col (no NULL), columns (there, of their type), allow_empty, on the rows of
 * t->files in t->out. Every one runs and is noted in t->checks, with one of the rows that it fails for; -1 only where the
 * engine cannot say. */
int checks_evaluate(struct attempt *t);

/* What has been evaluated: if any failed, the try fails with class "check" and its staged data stays (t->keep). */
int checks_verdict(struct attempt *t);

/* The stage of a try: both. */
int checks_run(struct attempt *t);

#endif
