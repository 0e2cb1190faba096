/* Getting the analyses of many files from the workers, in batches side by side. Internal to load.c. */
#ifndef STRATA_SCHEDULER_ANALYSES_H
#define STRATA_SCHEDULER_ANALYSES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "core/analysis.h"
#include "scheduler/turns.h"
#include "scheduler/workers.h"

/* One file to analyze. `text` may be freed once analyses_get has returned. */
struct analysis_job {
	const char *qname;
	bool exec;
	const char *text;
	size_t n;
	struct analysis *out; /* filled */
};

/* Fills every job's `out`, in the arena. `macros`, or NULL, are the analysts' (core/protocol.h). A file that kills its analyzer gets an analysis with `error`. */
int analyses_get(struct arena *arena, struct turns *turns, struct workers *workers, struct analysis_job *jobs, size_t n,
                 const json_t *macros, struct err *err);

#endif
