/* See turns.h. */
#include "scheduler/turns.h"

#include "base/clock.h"

enum { SLICE_US = 10 * 1000 }; /* a command is answered within 100 ms: some of these, and what it does itself */

static void turn(struct turns *t, uv_run_mode mode)
{
	uv_run(t->loop, mode);
	if (t->attend)
		t->attend(t->ctx);
	t->turned_us = clock_mono_us();
}

void loop_until(uv_loop_t *loop, const bool *done)
{
	while (!*done)
		uv_run(loop, UV_RUN_ONCE);
}

void turns_until(struct turns *t, const bool *done)
{
	while (!*done)
		turn(t, UV_RUN_ONCE);
}

int turns_stopped(const struct turns *t, struct err *err)
{
	return t->stop && t->stop(t->ctx) ? err_set(err, ERR_CANCELED, "canceled before it began") : 0;
}

int turns_pass(struct turns *t, struct err *err)
{
	if (clock_mono_us() - t->turned_us < SLICE_US)
		return 0;
	turn(t, UV_RUN_NOWAIT);
	return turns_stopped(t, err);
}
