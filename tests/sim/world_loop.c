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
#include "tests/sim/world.h"

enum { LIFE_EVENTS_MOST = 200000, LISTENERS = 64 };

static struct world_event *events;
static size_t nevents, cap_events;
static struct {
	uint32_t host;
	int signum;
	uv_signal_t *handle;
	uv_signal_cb cb;
} listeners[LISTENERS];

void world_loop_reset(void)
{
	nevents = 0;
	memset(listeners, 0, sizeof listeners);
}

static void later(int64_t delay_us, enum owner owner, uint32_t host, world_fn *fn, void *ctx, const char *name)
{
	MEM_GROW(events, nevents, cap_events);
	events[nevents++] = (struct world_event){world.now_us + delay_us, draw(), owner, host, fn, ctx, name};
}

void world_later(int64_t delay_us, enum owner owner, world_fn *fn, void *ctx, const char *name)
{
	CHECK(owner == OF_WORLD || !world.many || world.host);
	later(delay_us, owner, owner == OF_WORLD ? 0 : world.host, fn, ctx, name);
}

void world_later_of(uint32_t host, int64_t delay_us, world_fn *fn, void *ctx, const char *name)
{
	later(delay_us, OF_SCHEDULER, host, fn, ctx, name);
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

void world_forget_scheduler(uint32_t host)
{
	size_t kept = 0;
	for (size_t i = 0; i < nevents; i++) {
		if (events[i].owner != OF_SCHEDULER || events[i].host != host)
			events[kept++] = events[i];
	}
	nevents = kept;
	for (size_t i = 0; i < LISTENERS; i++) {
		if (listeners[i].host == host)
			listeners[i].handle = NULL;
	}
}

static int64_t due(const struct world_event *e)
{
	return e->owner == OF_SCHEDULER ? world_late(e->host, e->at_us) : e->at_us;
}

/* What a frozen scheduler finds when it wakes is in the order in which it came. */
static bool comes_before(const struct world_event *a, const struct world_event *b)
{
	if (due(a) != due(b))
		return due(a) < due(b);
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

bool world_take(enum owner least, uint32_t host, int64_t until_us, struct world_event *ret)
{
	size_t best = SIZE_MAX;
	for (size_t i = 0; i < nevents; i++) {
		if (events[i].owner > least || (host != EVERY_HOST && events[i].host != host) || due(&events[i]) > until_us)
			continue;
		if (best == SIZE_MAX || comes_before(&events[i], &events[best]))
			best = i;
	}
	if (best == SIZE_MAX)
		return false;
	*ret = events[best];
	memmove(&events[best], &events[best + 1], (--nevents - best) * sizeof *events);
	if (due(ret) > world.now_us)
		world.now_us = due(ret);
	world.steps++;
	world.events++;
	return true;
}

void world_run(const struct world_event *e)
{
	trace("%s", e->name);
	e->fn(e->ctx);
}

bool world_dispatch(enum owner least, int64_t until_us)
{
	struct world_event e;
	if (!world_take(least, EVERY_HOST, until_us, &e))
		return false;
	CHECK(++world.life_events < LIFE_EVENTS_MOST);
	world_run(&e);
	return true;
}

void world_cross(const char *what)
{
	world.steps++;
	world.crossings++;
	trace("  %s", what);
	if (world_crosses())
		world_die("it crosses into the world");
}

void world_die(const char *why)
{
	if (!world.alive || world.calm)
		return;
	trace("--- the scheduler dies: %s", why);
	world_end();
}

void world_until(const bool *done)
{
	while (!*done)
		CHECK(world_turn(INT64_MAX));
}

/* ---- libuv ---- */

int uv_run(uv_loop_t *loop, uv_run_mode mode)
{
	(void)loop;
	if (mode == UV_RUN_ONCE) {
		bool any = world_turn(INT64_MAX);
		CHECK(any); /* else it waits for what never comes */
	} else {
		while (world_turn(world.now_us))
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
	size_t i = 0;
	while (i < LISTENERS && listeners[i].handle)
		i++;
	CHECK(i < LISTENERS);
	signal->signum = signum;
	listeners[i].host = world.host;
	listeners[i].signum = signum;
	listeners[i].handle = signal;
	listeners[i].cb = cb;
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

bool world_signal(uint32_t host, int signum)
{
	bool heard = false;
	for (size_t i = 0; i < LISTENERS; i++) {
		if (!listeners[i].handle || listeners[i].host != host || listeners[i].signum != signum)
			continue;
		listeners[i].cb(listeners[i].handle, signum);
		heard = true;
	}
	return heard;
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
	for (size_t i = 0; i < LISTENERS; i++) {
		if ((void *)handle == (void *)listeners[i].handle)
			listeners[i].handle = NULL;
	}
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
	struct world_field fields[16];
	size_t n = 0;
	va_list args;
	va_start(args, event);
	const char *name;
	while ((name = va_arg(args, const char *)) && n < sizeof fields / sizeof *fields)
		fields[n++] = (struct world_field){name, va_arg(args, const char *)};
	(void)level;
	trace("  log %s %s %s", event, n ? fields[0].name : "", n ? fields[0].value : "");
	va_end(args);
	world_logged(event, fields, n);
}
