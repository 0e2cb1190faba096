/* See run_clock.h. */
#include "core/run_clock.h"

static int64_t after(int64_t from, int64_t ms)
{
	int64_t seconds = ms / 1000 + (ms % 1000 != 0);
	return ms <= 0 ? 0 : from < INT64_MAX - seconds ? from + seconds : INT64_MAX;
}

struct run_clock run_clock_of(int64_t interval, int64_t deadline_ms, int64_t began, int64_t timeout_ms)
{
	return (struct run_clock){.deadline = after(interval, deadline_ms), .end = after(began, timeout_ms)};
}

/* Is `at`, unless `done`, over? Else it is something to wake for. */
static bool is_over(int64_t at, bool done, int64_t now, int64_t *wake)
{
	if (!at || done)
		return false;
	if (at > now && at < *wake)
		*wake = at;
	return at <= now;
}

int run_clock_look(const struct run_clock *c, int64_t now, int64_t *wake)
{
	int due = RUN_CLOCK_NOTHING;
	if (is_over(c->deadline, c->told, now, wake))
		due |= RUN_CLOCK_LATE;
	if (is_over(c->end, c->ended, now, wake))
		due |= RUN_CLOCK_OVER;
	return due;
}
