/* A try's own folder, .strata/staging/<try_id>: `out` is what will be published, `in` holds the pins.
 *
 * Making and removing folders costs more than all else that a small try does to a file system. So the folder
 * of a try that is over is emptied, and a next try of the worker takes it by a rename. Until then it has the
 * name of the try it was of, so that it is swept like any other when the worker dies. */
#ifndef STRATA_EXECUTOR_STAGING_H
#define STRATA_EXECUTOR_STAGING_H

#include <stdbool.h>

#include "base/err.h"
#include "executor/worker.h"

/* `staging` with an empty `out`, and perhaps an empty `in`; a leftover of the same name goes first. ERR_IO. */
int staging_make(struct worker *w, const char *staging, struct err *err);

/* Later, by staging_tidy, `folder` goes. `whole`: it is the staging of a try, of which nothing is kept. */
void staging_trash(struct worker *w, const char *folder, bool whole);

/* What cannot be removed is left for a sweep. */
void staging_tidy(struct worker *w);

/* No try will come, or somebody is to see an empty folder. */
void staging_rest(struct worker *w);

#endif
