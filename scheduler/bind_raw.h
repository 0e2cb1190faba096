/* Which problems of the queries rest on one file of RAW alone.
 *
 * Where a source declares no columns, its newest file says which there are and of what types. That file is
 * data: another day's may differ, and a supplier's broken one is no mistake of the project. */
#ifndef STRATA_SCHEDULER_BIND_RAW_H
#define STRATA_SCHEDULER_BIND_RAW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "scheduler/bind.h"

struct bind_raw {
	const struct bind_request *rq;
	struct arena *arena;
	const char **names, **types; /* [ntables] the file, NULL: of none; both NULL until somebody asks */
};

/* The file, relative to the lake, that gives table t (some of) its columns' names; NULL: its SQL names them all.
 * Doubt is wider: whatever could be a star counts as one. */
const char *bind_raw_of(struct bind_raw *r, uint32_t t);

/* The file that a query's binding rests on, by what it reads; without `types` only for the names of columns. */
const char *bind_raw_below(struct bind_raw *r, uint32_t t, bool types);

#endif
