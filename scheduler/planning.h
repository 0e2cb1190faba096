/* From a selection and dates to a plan: the state of Postgres, a look at the lake, the types, then
 * core/plan.h. `plan` and `run` share this, so they cannot disagree. */
#ifndef STRATA_SCHEDULER_PLANNING_H
#define STRATA_SCHEDULER_PLANNING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/plan.h"
#include "scheduler/workspace.h"

struct planning_request {
	const bool *selected;  /* [ntables] */
	int32_t first, last;   /* days, inclusive */
	bool force;
	plan_wish_fn *wish;    /* as in plan_input; NULL: of all the same */
	void *wish_ctx;
	const char *resumes;   /* the id of an unfinished run that goes on: what it has published is fresh; or NULL */
	/* Put into the snapshot what was published since the state was read; NULL: nobody else publishes. */
	void (*catch_up)(void *ctx, struct snapshot *s);
	void *catch_up_ctx;
	bool bind;             /* check the types of what is about to be built; its errors go to ws->diags */
};

struct planning {
	struct snapshot *snapshot;
	struct plan *plan;
	int64_t *duration_us;  /* [project->ntables] of a try, as learned; 0: unknown */
	bool no_source_files;  /* the selection has sources, and none has a file in the range */
	int32_t raw_first, raw_last; /* then: the days that RAW has; DATE_NONE: none at all */
};

/* The project must be read with its SQL. ERR_PROJECT when a type is wrong. The plan keeps `selected`. */
int planning_make(struct workspace *ws, const struct planning_request *rq, struct planning *ret, struct err *err);
void planning_free(struct planning *p);

#endif
