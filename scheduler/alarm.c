/* See alarm.h: a timerfd of the wall clock, which is canceled when that clock is set (timerfd_create(2)). */
#include "scheduler/alarm.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* As far as a timer of "never" lies ahead: it must be armed to hear of the clock being set. */
enum { FAR_AHEAD = 400 * 86400 };

/* If the clock was set since the last read, arming says so in place of the next read, and arms all the same: then it rings at
 * once, since what `at` was made from may have been read before. */
static void arm(struct alarm_clock *a)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t most = (int64_t)now.tv_sec + FAR_AHEAD, at = a->at < most ? a->at : most;
	struct itimerspec spec = {.it_value = {.tv_sec = (time_t)(at > 1 ? at : 1)}};
	if (timerfd_settime(a->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, NULL) < 0 && errno == ECANCELED) {
		spec.it_value = (struct timespec){.tv_sec = 1};
		timerfd_settime(a->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, NULL);
	}
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct alarm_clock *a = poll->data;
	uint64_t times;
	(void)status;
	(void)events;
	(void)!read(a->fd, &times, sizeof times); /* ECANCELED: the clock was set */
	a->at = INT64_MAX;
	arm(a);
	a->ring(a->ctx);
}

void alarm_open(struct alarm_clock *a, uv_loop_t *loop, void (*ring)(void *ctx), void *ctx)
{
	*a = (struct alarm_clock){.at = INT64_MAX, .ring = ring, .ctx = ctx};
	a->fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (a->fd < 0)
		abort(); /* no descriptor is left */
	arm(a);
	uv_poll_init(loop, &a->poll, a->fd);
	a->poll.data = a;
	uv_poll_start(&a->poll, UV_READABLE, on_readable);
}

void alarm_set(struct alarm_clock *a, int64_t at)
{
	if (at == a->at)
		return;
	a->at = at;
	arm(a);
}

static void on_closed(uv_handle_t *handle)
{
	struct alarm_clock *a = handle->data;
	close(a->fd);
}

void alarm_close(struct alarm_clock *a)
{
	uv_close((uv_handle_t *)&a->poll, on_closed);
}
