/* A wake-up at a time of the wall clock, also when somebody sets that clock: then at once, so that who waits can look
 * anew. No polling in between. */
#ifndef STRATA_SCHEDULER_ALARM_H
#define STRATA_SCHEDULER_ALARM_H

#include <stdint.h>
#include <uv.h>

struct alarm_clock {
	int fd;
	int64_t at; /* UTC seconds; INT64_MAX: never */
	uv_poll_t poll;
	void (*ring)(void *ctx);
	void *ctx;
};

void alarm_open(struct alarm_clock *a, uv_loop_t *loop, void (*ring)(void *ctx), void *ctx);
void alarm_set(struct alarm_clock *a, int64_t at); /* INT64_MAX: only when the clock is set */
void alarm_close(struct alarm_clock *a);           /* let the loop turn once before the memory goes */

#endif
