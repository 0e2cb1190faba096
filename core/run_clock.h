/* When a run is late, and when it has taken too long. Without a clock: the caller says what time it is, and asks again
 * when it is told to. Times are UTC seconds, so that they hold also over a restart or while the machine sleeps. */
#ifndef STRATA_CORE_RUN_CLOCK_H
#define STRATA_CORE_RUN_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct run_clock {
	int64_t deadline; /* when it is to be done; 0: it has none */
	int64_t end;      /* when it is ended if it is not done; 0: never */
	bool told;        /* its deadline was found to be over */
	bool ended;       /* its end was found to be over */
};

/* `interval`: of the schedule, from which the deadline counts; `began`: when it was made, from which the timeout counts.
 * Lengths in ms, 0: none; both are kept to whole seconds, upwards. */
struct run_clock run_clock_of(int64_t interval, int64_t deadline_ms, int64_t began, int64_t timeout_ms);

enum run_clock_due { RUN_CLOCK_NOTHING = 0, RUN_CLOCK_LATE = 1, RUN_CLOCK_OVER = 2 };

/* What is due at `now`, both of them perhaps, and not yet marked as told or ended. *wake is lowered to the time at which to
 * ask again, if that is earlier. */
int run_clock_look(const struct run_clock *c, int64_t now, int64_t *wake);

#endif
