/* How far a run is, from its row: what the scheduler keeps there at most once a second, so that no tasks are counted. */
#ifndef STRATA_SCHEDULER_RUN_PROGRESS_H
#define STRATA_SCHEDULER_RUN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "scheduler/queries.h"

struct run_progress {
	int64_t total, done, failed, running; /* tasks; failed: withheld ones too */
	int64_t withheld;  /* of the failed */
	int64_t per_hour;  /* that end; 0: not known */
	int64_t left_us;   /* until the rest is done, at that rate; PG_NULL64: it cannot be said, or it is done */
	bool over, paused, up;
};

/* `up`: a scheduler is, so that it goes on. */
void run_progress_of(const struct run_row *run, bool up, struct run_progress *ret);

/* "37/400 done, 2 failed, 3 running, 12 a minute, 30 min left"; returns out. */
enum { RUN_PROGRESS_SIZE = 160 };
char *run_progress_text(char out[RUN_PROGRESS_SIZE], const struct run_progress *p);

#endif
