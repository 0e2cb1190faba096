/* The loop while something long is under way, such as a plan of a million tasks: results, commits and timers are taken as
 * ever, and what others want is attended to, so that nothing waits for it.
 *
 * What is long either waits for workers (turns_until) or computes in slices (turns_pass after each). Both may call
 * attend(ctx) between two turns of the loop, never from within one of its callbacks: so it may itself begin something long.
 * Whatever it does must leave alone what is under way; stop(ctx) tells the latter that it is not wanted any more. */
#ifndef STRATA_SCHEDULER_TURNS_H
#define STRATA_SCHEDULER_TURNS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"

struct turns {
	uv_loop_t *loop;
	void (*attend)(void *ctx); /* NULL: nobody wants anything */
	bool (*stop)(void *ctx);   /* NULL: never */
	void *ctx;
	int64_t turned_us;         /* clock_mono_us of the last turn */
};

/* Run the loop until `*done`; other handles may stay active. loop_until attends to nothing else. */
void loop_until(uv_loop_t *loop, const bool *done);
void turns_until(struct turns *t, const bool *done);
/* Once in a while one turn that waits for nothing; cheap in between. ERR_CANCELED: stop. */
int turns_pass(struct turns *t, struct err *err);
/* 0, or ERR_CANCELED; for who waits and must not leave before what it asked for is answered. */
int turns_stopped(const struct turns *t, struct err *err);

#endif
