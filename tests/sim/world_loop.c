/* Virtual time: the events of a world, and the functions of libuv that the runner uses on top of them.
 *
 * Events of one moment come in an order that is drawn. A scheduler that stands still gets its events late. */
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "scheduler/turns.h"
#include "tests/sim/world.h"

enum { LIFE_EVENTS_MOST = 200000 };

struct event_of_world {
	int64_t at_us;
	uint64_t order;
	enum owner owner;
	world_fn *fn;
	void *ctx;
	const char *name;
};

static struct event_of_world *events;
static size_t nevents, cap_events;
static struct {
	uv_signal_t *handle;
	uv_signal_cb cb;
} listener;

void world_loop_reset(void)
{
	nevents = 0;
	listener.handle = NULL;
}

void world_later(int64_t delay_us, enum owner owner, world_fn *fn, void *ctx, const char *name)
{
	MEM_GROW(events, nevents, cap_events);
	events[nevents++] = (struct event_of_world){world.now_us + delay_us, draw(), owner, fn, ctx, name};
}

void world_forget(const void *ctx)
{
	size_t kept = 0;
	for (size_t i = 0; i < nevents; i++) {
		if (events[i].ctx != ctx)
			events[kept++] = events[i];
	}
	nevents = kept;
}

void world_forget_scheduler(void)
{
	size_t kept = 0;
	for (size_t i = 0; i < nevents; i++) {
		if (events[i].owner != OF_SCHEDULER)
			events[kept++] = events[i];
	}
	nevents = kept;
	listener.handle = NULL;
	world.frozen_until_us = 0;
}

static int64_t due(const struct event_of_world *e)
{
	return e->owner == OF_SCHEDULER && e->at_us < world.frozen_until_us ? world.frozen_until_us : e->at_us;
}

/* What a frozen scheduler finds when it wakes is in the order in which it came. */
static bool comes_before(const struct event_of_world *a, const struct event_of_world *b)
{
	if (due(a) != due(b))
		return due(a) < due(b);
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

bool world_dispatch(enum owner least, int64_t until_us)
{
	size_t best = SIZE_MAX;
	for (size_t i = 0; i < nevents; i++) {
		if (events[i].owner > least || due(&events[i]) > until_us)
			continue;
		if (best == SIZE_MAX || comes_before(&events[i], &events[best]))
			best = i;
	}
	if (best == SIZE_MAX)
		return false;
	struct event_of_world e = events[best];
	memmove(&events[best], &events[best + 1], (--nevents - best) * sizeof *events);
	if (due(&e) > world.now_us)
		world.now_us = due(&e);
	world.steps++;
	world.events++;
	CHECK(++world.life_events < LIFE_EVENTS_MOST);
	trace("%s", e.name);
	e.fn(e.ctx);
	return true;
}

void world_cross(const char *what)
{
	world.steps++;
	world.crossings++;
	trace("  %s", what);
	if (world.crash_in && --world.crash_in == 0)
		world_die("it crosses into the world");
}

void world_die(const char *why)
{
	if (!world.alive || world.calm)
		return;
	trace("--- the scheduler dies: %s", why);
	longjmp(world.crash, 1);
}

void world_until(const bool *done)
{
	while (!*done)
		CHECK(world_dispatch(OF_SCHEDULER, INT64_MAX));
}

void loop_until(uv_loop_t *loop, const bool *done)
{
	(void)loop;
	world_until(done);
}

void turns_until(struct turns *t, const bool *done)
{
	(void)t;
	world_until(done);
}

int turns_stopped(const struct turns *t, struct err *err)
{
	(void)t;
	(void)err;
	return 0;
}

/* ---- libuv ---- */

int uv_run(uv_loop_t *loop, uv_run_mode mode)
{
	(void)loop;
	if (mode == UV_RUN_ONCE) {
		bool any = world_dispatch(OF_SCHEDULER, INT64_MAX);
		CHECK(any); /* else it waits for what never comes */
	} else {
		while (world_dispatch(OF_SCHEDULER, world.now_us))
			;
	}
	return 1;
}

void uv_update_time(uv_loop_t *loop)
{
	(void)loop;
}

int uv_timer_init(uv_loop_t *loop, uv_timer_t *timer)
{
	*timer = (uv_timer_t){.loop = loop};
	return 0;
}

static void on_time(void *ctx)
{
	uv_timer_t *timer = ctx;
	world_cross("timer");
	uv_timer_cb cb = timer->timer_cb;
	if (timer->repeat)
		world_later((int64_t)timer->repeat * 1000, OF_SCHEDULER, on_time, timer, "timer");
	cb(timer);
}

int uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t timeout, uint64_t repeat)
{
	world_forget(timer);
	timer->timer_cb = cb;
	timer->repeat = repeat;
	world_later((int64_t)timeout * 1000, OF_SCHEDULER, on_time, timer, "timer");
	return 0;
}

int uv_timer_stop(uv_timer_t *timer)
{
	world_forget(timer);
	return 0;
}

int uv_signal_init(uv_loop_t *loop, uv_signal_t *signal)
{
	*signal = (uv_signal_t){.loop = loop};
	return 0;
}

int uv_signal_start(uv_signal_t *signal, uv_signal_cb cb, int signum)
{
	signal->signum = signum;
	if (signum == SIGINT) {
		listener.handle = signal;
		listener.cb = cb;
	}
	return 0;
}

int uv_fs_event_init(uv_loop_t *loop, uv_fs_event_t *event)
{
	*event = (uv_fs_event_t){.loop = loop, .data = event->data};
	return 0;
}

/* A change may be told, or lost: then the next look anyway sees it. */
static void on_files(void *ctx)
{
	uv_fs_event_t *event = ctx;
	int64_t next = world_next_files();
	if (next != INT64_MAX)
		world_later(next - world.now_us + 1, OF_SCHEDULER, on_files, event, "files");
	if (chance(70))
		event->cb(event, NULL, UV_RENAME, 0);
}

int uv_fs_event_start(uv_fs_event_t *event, uv_fs_event_cb cb, const char *path, unsigned flags)
{
	(void)path;
	(void)flags;
	int64_t next = world_next_files();
	event->cb = cb;
	if (next != INT64_MAX)
		world_later(next - world.now_us + 1, OF_SCHEDULER, on_files, event, "files");
	return 0;
}

const char *uv_strerror(int err)
{
	return err ? "an error of libuv" : "";
}

void world_signal(void)
{
	if (listener.handle)
		listener.cb(listener.handle, SIGINT);
}

static void on_close(void *ctx)
{
	uv_handle_t *handle = ctx;
	if (handle->close_cb)
		handle->close_cb(handle);
}

void uv_close(uv_handle_t *handle, uv_close_cb cb)
{
	world_forget(handle);
	if ((void *)handle == (void *)listener.handle)
		listener.handle = NULL;
	handle->close_cb = cb;
	if (cb)
		world_later(0, OF_SCHEDULER, on_close, handle, "closed");
}

/* ---- clocks and randomness, by the linker's --wrap ---- */

int64_t __wrap_clock_mono_us(void);
int64_t __wrap_clock_wall_us(void);
ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags);
void __wrap_log_event(enum log_level level, const char *event, ...);

int64_t __wrap_clock_mono_us(void)
{
	return world.now_us;
}

int64_t __wrap_clock_wall_us(void)
{
	return world.now_us + world.wall_offset_us;
}

ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags)
{
	(void)flags;
	for (size_t i = 0; i < n; i++)
		((unsigned char *)out)[i] = (unsigned char)draw();
	return (ssize_t)n;
}

void __wrap_log_event(enum log_level level, const char *event, ...)
{
	va_list args;
	va_start(args, event);
	const char *name = va_arg(args, const char *), *value = name ? va_arg(args, const char *) : NULL;
	(void)level;
	trace("  log %s %s %s", event, name ? name : "", value ? value : "");
	va_end(args);
}
