/* See sensor.h. Before each look the watches are made anew: a folder that went and came back is another one to the
 * kernel. What changes after that is told, and what changed before is seen. */
#include "scheduler/sensor.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/await.h"
#include "core/date.h"
#include "scheduler/lake_probe.h"

enum {
	FOLDERS_MAX = 64,      /* dates' folders that are watched by themselves, of one source */
	AGAIN_MS = 5000,       /* after a look that went wrong */
	TEXT_MAX = 1 << 16,
};

struct watched {
	uv_fs_event_t event;
	struct awaited *source;
	struct watched *next;
	char *name;            /* only this one in it is of interest; NULL: all; "dt=": those that begin so */
	char *self;            /* its own name, by which it tells that it is gone */
};

/* One date of a source, and who waits for it. */
struct awaited_day {
	UT_hash_handle hh;     /* by day, in struct awaited */
	int32_t day;           /* DATE_NONE: of an unpartitioned source */
	struct awaited *source;
	struct list waiting;   /* struct waiting */
	bool watched;          /* its folder is, by itself */
	bool folder;           /* is there, by the last look, as are so many files */
	size_t nfiles;
	struct source_look look;
};

struct waiting {
	UT_hash_handle hh;     /* by wait.task, in struct sensor */
	struct list link;      /* in its day's */
	struct awaited_day *day;
	struct sensor_wait wait;
	int64_t since_us;
};

/* All that is waited for of one source. */
struct awaited {
	UT_hash_handle hh;     /* by key */
	char *key;
	struct sensor *sensor;
	struct source source;  /* with its own path and wait_for: a project may go before its look ends */
	struct await await;
	struct awaited_day *days;
	struct watched *watched;
	size_t nfolders;       /* of them: of dates */
	char *watching;        /* the folder, relative to the lake; "" is the lake; NULL: none can be */
	bool complained;
	bool exists;           /* the path itself, by the last look */
	int64_t settles_ms;    /* of the look under way */
	bool news;             /* it found a folder that is to be watched, too */
};

struct sensor {
	struct sensor_config config;
	uv_timer_t timer;
	int64_t due_ms;        /* of the timer; INT64_MAX: it does not run */
	struct awaited *sources;
	struct waiting *tasks;
	uint32_t looking;
	bool stopped;
};

static int64_t now_ms(void)
{
	return clock_mono_us() / 1000;
}

/* --- watches --- */

static void on_closed(uv_handle_t *handle)
{
	struct watched *f = handle->data;
	free(f->name);
	free(f->self);
	free(f);
}

static void unwatch(struct awaited *a)
{
	while (a->watched) {
		struct watched *f = a->watched;
		a->watched = f->next;
		uv_close((uv_handle_t *)&f->event, on_closed);
	}
	free(a->watching);
	a->watching = NULL;
}

static void set_timer(struct sensor *s);
static void hasten(struct awaited *a);

static void on_change(uv_fs_event_t *event, const char *name, int events, int status)
{
	struct watched *f = event->data;
	(void)events;
	(void)status; /* an error, too, is a reason to look */
	if (name && f->name && strcmp(name, f->self) != 0 &&
	    (strcmp(f->name, "dt=") == 0 ? !str_has_prefix(name, "dt=") : strcmp(name, f->name) != 0))
		return;
	await_changed(&f->source->await, now_ms());
	hasten(f->source);
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* 0, or why not. */
static int watch_folder(struct awaited *a, const char *folder, const char *name)
{
	struct sensor *s = a->sensor;
	char *path = mem_printf("%s%s%s", s->config.lake, *folder ? "/" : "", folder);
	struct watched *f = mem_alloc(sizeof *f);
	*f = (struct watched){.source = a, .next = a->watched, .name = name ? mem_strdup(name) : NULL, .self = mem_strdup(last_part(path))};
	uv_fs_event_init(s->config.loop, &f->event);
	f->event.data = f;
	int rc = FAULT("source.watch") ? UV_ENOSPC : uv_fs_event_start(&f->event, on_change, path, 0);
	if (rc == 0)
		a->watched = f;
	else
		uv_close((uv_handle_t *)&f->event, on_closed);
	free(path);
	return rc;
}

/* Said once a source: from then on it is looked at every minute. */
static void complain(struct awaited *a, int rc)
{
	const char *step = rc == UV_ENOSPC ? "raise fs.inotify.max_user_watches (sysctl)"
	                 : rc == UV_EMFILE ? "raise fs.inotify.max_user_instances (sysctl) or the limit of open files"
	                                   : "let strata read the folder";
	if (!a->complained)
		log_event(LOG_WARN, "source.not_watched", "source", a->source.path, "error", uv_strerror(rc), "step", step, "instead",
		          "it is looked at every minute", NULL);
	a->complained = true;
}

/* The folder of a pattern, as of anything that is not one. */
static size_t root_length(const struct source *s)
{
	size_t n = s->partitioned ? strlen(s->path) : strcspn(s->path, "*?[");
	if (!s->path[n])
		return n;
	while (n > 0 && s->path[n - 1] != '/')
		n--;
	return n > 0 ? n - 1 : 0;
}

/* Of "raw/x" as its first n bytes: the length of its parent, "" being the lake, and of one part more. */
static size_t parent(const char *folder, size_t n)
{
	while (n > 0 && folder[--n] != '/')
		;
	return n;
}

static size_t child(const char *folder, size_t n)
{
	n += n > 0;
	return n + strcspn(folder + n, "/");
}

static int watch_at(struct awaited *a, const char *folder, size_t n)
{
	char *at = mem_printf("%.*s", (int)n, folder), *next = NULL;
	if (folder[n])
		next = mem_printf("%.*s", (int)(child(folder, n) - n - (n > 0)), folder + n + (n > 0));
	int rc = watch_folder(a, at, next ? next : a->source.partitioned ? "dt=" : NULL);
	free(next);
	if (rc < 0) {
		free(at);
		return rc;
	}
	free(a->watching);
	a->watching = at;
	return 0;
}

static bool is_absent(int rc)
{
	return rc == UV_ENOENT || rc == UV_ENOTDIR;
}

/* The source's folder, else the nearest above it that is there. Returns 0, or why nothing can be watched. */
static int watch_nearest(struct awaited *a)
{
	char *folder = mem_printf("%.*s", (int)root_length(&a->source), a->source.path);
	size_t n = strlen(folder);
	int rc = watch_at(a, folder, n);
	while (is_absent(rc) && n > 0)
		rc = watch_at(a, folder, n = parent(folder, n));
	/* Downwards again: what came before its place was watched was not told. */
	while (rc == 0 && folder[n] && watch_at(a, folder, child(folder, n)) == 0)
		n = child(folder, n);
	free(folder);
	return rc;
}

/* The one place that knows how a change is noticed. */
static void watch_source(struct awaited *a)
{
	struct awaited_day *d, *next;
	unwatch(a);
	int rc = watch_nearest(a);
	a->nfolders = 0;
	HASH_ITER(hh, a->days, d, next) {
		d->watched = false;
		if (rc < 0 || !d->folder || !a->source.partitioned || a->nfolders == FOLDERS_MAX)
			continue;
		struct buf place = BUF_INIT(TEXT_MAX);
		source_place(&a->source, d->day, &place);
		rc = watch_folder(a, buf_cstr(&place), NULL);
		d->watched = rc == 0;
		a->nfolders += rc == 0;
		rc = is_absent(rc) ? 0 : rc; /* gone again */
		buf_free(&place);
	}
	if (rc < 0) {
		unwatch(a);
		complain(a, rc);
	}
}

/* --- looks --- */

static void day_free(struct awaited_day *d)
{
	HASH_DEL(d->source->days, d);
	free(d);
}

static void waiting_free(struct sensor *s, struct waiting *t)
{
	list_remove(&t->link);
	HASH_DEL(s->tasks, t);
	if (list_empty(&t->day->waiting))
		day_free(t->day);
	free(t);
}

static void drop(struct awaited *a)
{
	unwatch(a);
	HASH_DEL(a->sensor->sources, a);
	free((char *)a->source.path);
	free((char *)a->source.wait_for);
	free(a->key);
	free(a);
}

/* Each that waits for the day gets its files, as its own: its run may outlive the others. */
static void put_files(const struct awaited_day *d, const struct source_files *files)
{
	LIST_FOR_EACH(it, &d->waiting) {
		const struct sensor_wait *w = &LIST_ENTRY(it, struct waiting, link)->wait;
		struct arena *arena = &w->snapshot->arena;
		struct source_files own = *files;
		struct source_file *copy = arena_copy(arena, files->files, files->nfiles * sizeof *copy);
		for (size_t i = 0; i < files->nfiles; i++)
			copy[i].path = arena_strdup(arena, copy[i].path);
		own.files = copy;
		snapshot_put_source(w->snapshot, w->table, w->day, &own);
	}
}

static void take_day(struct awaited *a, int32_t day, const struct source_files *files)
{
	struct awaited_day *d;
	HASH_FIND(hh, a->days, &day, sizeof day, d);
	if (!d) /* nobody waits for it */
		return;
	d->folder = true;
	d->nfiles = files->nfiles;
	d->look = source_look(&a->source, files, files->wall_ns);
	if (d->look.state == SOURCE_THERE)
		put_files(d, files);
	else if (!d->watched && a->nfolders < FOLDERS_MAX && a->source.partitioned)
		a->news = true;
	if (d->look.state == SOURCE_SETTLING && (a->settles_ms < 0 || d->look.left_ms < a->settles_ms))
		a->settles_ms = d->look.left_ms;
}

/* First all are taken out, then told: what is told may begin to wait for something. */
static void tell(struct sensor *s, struct awaited *a)
{
	struct awaited_day *d, *next;
	size_t n = 0, cap = 0;
	struct task_id *found = NULL;
	HASH_ITER(hh, a->days, d, next) {
		bool last = d->look.state != SOURCE_THERE || !d->folder;
		while (!last) {
			struct waiting *t = LIST_ENTRY(d->waiting.next, struct waiting, link);
			MEM_GROW(found, n, cap);
			found[n++] = t->wait.task;
			last = t->link.next == &d->waiting;
			waiting_free(s, t);
		}
	}
	for (size_t i = 0; i < n; i++)
		s->config.found(s->config.ctx, found[i]);
	free(found);
}

static void look_ended(struct awaited *a, const struct err *err)
{
	struct sensor *s = a->sensor;
	s->looking--;
	if (err)
		log_event(LOG_WARN, "source.not_looked_at", "source", a->source.path, "error", err->text, NULL);
	int64_t now = now_ms();
	await_end(&a->await, now, err ? AGAIN_MS : a->settles_ms, !a->watching);
	if (!err && a->watching && (a->news || (a->exists && strlen(a->watching) < root_length(&a->source))))
		await_changed(&a->await, now); /* once more, with a watch on what was found */
	if (!s->stopped)
		tell(s, a);
	set_timer(s);
}

static void on_found(void *ctx, int32_t day, const struct source_files *files, const struct err *err)
{
	struct awaited *a = ctx;
	if (!files) {
		look_ended(a, err);
		return;
	}
	if (day == DATE_NONE)
		a->exists = files->path_exists;
	if (day != DATE_NONE || !a->source.partitioned)
		take_day(a, day, files);
}

static void look(struct awaited *a)
{
	int32_t first = a->days->day, last = first;
	struct awaited_day *d, *next;
	await_begin(&a->await);
	watch_source(a);
	HASH_ITER(hh, a->days, d, next) {
		first = d->day < first ? d->day : first;
		last = d->day > last ? d->day : last;
		d->folder = false;
		d->nfiles = 0;
		d->look = (struct source_look){a->source.wait_for ? SOURCE_UNMARKED : SOURCE_ABSENT, 0};
	}
	a->settles_ms = -1;
	a->news = a->exists = false;
	a->sensor->looking++;
	lake_probe_source(a->sensor->config.workers, &a->source, first, last, on_found, a);
}

static void on_timer(uv_timer_t *timer)
{
	struct sensor *s = timer->data;
	struct awaited *a, *next;
	HASH_ITER(hh, s->sources, a, next) {
		if (await_due(&a->await) > now_ms())
			continue;
		if (a->days)
			look(a);
		else
			drop(a);
	}
	set_timer(s);
}

static void start_timer(struct sensor *s, int64_t due)
{
	int64_t now = now_ms();
	uv_timer_stop(&s->timer);
	s->due_ms = s->stopped ? INT64_MAX : due;
	if (s->due_ms == INT64_MAX)
		return;
	uv_update_time(s->config.loop);
	uv_timer_start(&s->timer, on_timer, due > now ? (uint64_t)(due - now) : 0, 0);
}

/* For the earliest look; what nobody waits for any more is dropped, but for a look that is under way. */
static void set_timer(struct sensor *s)
{
	struct awaited *a, *next;
	int64_t due = INT64_MAX, now = now_ms();
	HASH_ITER(hh, s->sources, a, next) {
		if (!a->days && !a->await.looking && !s->stopped) {
			a->await.next_ms = now;
			unwatch(a);
		}
		due = await_due(&a->await) < due ? await_due(&a->await) : due;
	}
	start_timer(s, due);
}

/* The same where only this one has changed: there may be many that wait, and many sources. */
static void hasten(struct awaited *a)
{
	if (await_due(&a->await) < a->sensor->due_ms)
		start_timer(a->sensor, await_due(&a->await));
}

/* --- who waits --- */

static struct awaited *awaited_of(struct sensor *s, const struct source *source)
{
	struct awaited *a;
	char *key = mem_printf("%s\n%d\n%d\n%s\n%lld", source->path, source->partitioned, source->format, source->wait_for ? source->wait_for : "",
	                       (long long)source->settle_ms);
	HASH_FIND_STR(s->sources, key, a);
	if (a) {
		free(key);
		return a;
	}
	a = mem_alloc(sizeof *a);
	*a = (struct awaited){.key = key,
	                      .sensor = s,
	                      .source = {.path = mem_strdup(source->path),
	                                 .format = source->format,
	                                 .partitioned = source->partitioned,
	                                 .missing = source->missing,
	                                 .wait_for = source->wait_for ? mem_strdup(source->wait_for) : NULL,
	                                 .settle_ms = source->settle_ms}};
	HASH_ADD_KEYPTR(hh, s->sources, a->key, strlen(a->key), a);
	return a;
}

static struct waiting *find(const struct sensor *s, struct task_id task)
{
	struct waiting *t;
	HASH_FIND(hh, s->tasks, &task, sizeof task, t);
	return t;
}

static struct awaited_day *day_of(struct awaited *a, int32_t day)
{
	struct awaited_day *d;
	HASH_FIND(hh, a->days, &day, sizeof day, d);
	if (d)
		return d;
	d = mem_alloc(sizeof *d);
	*d = (struct awaited_day){.day = day, .source = a, .look = {a->source.wait_for ? SOURCE_UNMARKED : SOURCE_ABSENT, 0}};
	list_init(&d->waiting);
	HASH_ADD(hh, a->days, day, sizeof d->day, d);
	return d;
}

void sensor_await(struct sensor *s, const struct sensor_wait *wait)
{
	if (find(s, wait->task))
		return;
	struct awaited *a = awaited_of(s, wait->source);
	struct waiting *t = mem_alloc(sizeof *t);
	*t = (struct waiting){.wait = *wait, .day = day_of(a, wait->day), .since_us = clock_wall_us()};
	list_append(&t->day->waiting, &t->link);
	HASH_ADD(hh, s->tasks, wait.task, sizeof t->wait.task, t);
	await_changed(&a->await, now_ms());
	hasten(a);
}

void sensor_forget(struct sensor *s, struct task_id task)
{
	struct waiting *t = find(s, task);
	if (!t)
		return;
	struct awaited *a = t->day->source;
	waiting_free(s, t);
	if (!a->days)
		set_timer(s);
}

void sensor_look(struct sensor *s, struct task_id task)
{
	struct waiting *t = find(s, task);
	if (!t)
		return;
	struct awaited *a = t->day->source;
	await_changed(&a->await, now_ms()); /* counts also where a look is under way, which may not see it */
	a->await.next_ms = now_ms();
	hasten(a);
}

int64_t sensor_since(const struct sensor *s, struct task_id task)
{
	const struct waiting *t = find(s, task);
	return t ? t->since_us : 0;
}

bool sensor_explain(const struct sensor *s, struct task_id task, struct buf *out)
{
	const struct waiting *t = find(s, task);
	if (!t)
		return false;
	const struct awaited_day *d = t->day;
	const struct awaited *a = d->source;
	const struct source_files files = {.probed = a->await.next_ms > 0, .path_exists = a->exists, .nfiles = d->nfiles};
	char took[32];
	buf_adds(out, "source ");
	source_look_text(&a->source, d->day, &files, d->look, out);
	buf_addf(out, "; awaited for %s, ", clock_human(took, sizeof took, clock_wall_us() - t->since_us));
	if (a->watching)
		buf_addf(out, "watching %s", *a->watching ? a->watching : "the lake's folder");
	else
		buf_adds(out, a->complained ? "looked at every minute, as it cannot be watched" : "about to be looked at");
	return true;
}

/* --- */

struct sensor *sensor_new(const struct sensor_config *config)
{
	struct sensor *s = mem_alloc(sizeof *s);
	s->config = *config;
	s->due_ms = INT64_MAX;
	uv_timer_init(config->loop, &s->timer);
	s->timer.data = s;
	return s;
}

void sensor_stop(struct sensor *s)
{
	s->stopped = true;
	start_timer(s, INT64_MAX);
}

bool sensor_busy(const struct sensor *s)
{
	return s->looking > 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void sensor_free(struct sensor *s)
{
	struct waiting *t, *next_task;
	struct awaited *a, *next;
	sensor_stop(s);
	HASH_ITER(hh, s->tasks, t, next_task)
		waiting_free(s, t);
	HASH_ITER(hh, s->sources, a, next)
		drop(a);
	uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}
