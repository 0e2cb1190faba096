/* The data-quality checks that a table declares: of a try on what it staged, of `strata check` on what is published. */
#ifndef STRATA_EXECUTOR_CHECKS_H
#define STRATA_EXECUTOR_CHECKS_H

#include "executor/attempt.h"

/* primary_keys (no NULL, unique), timestamp_col (no NULL), columns (there, of their type), allow_empty, on the rows of
 * t->files in t->out. Every one runs and is noted in t->checks, with one of the rows that it fails for; -1 only where the
 * engine cannot say. */
int checks_evaluate(struct attempt *t);

/* What a failure says of a try that makes nothing. */
#define CHECKS_OF_PUBLISHED "; this is what is published, and it stays: correct what it is made from, or the check"

/* The stage of a try: if any failed, the try fails with class "check" and its staged data stays (t->keep). */
int checks_run(struct attempt *t);

#endif
