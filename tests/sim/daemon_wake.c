/* What wakes a scheduler that stays up, in virtual time: alarm.h, inbox.h, watch.h; and those parts of the house that do
 * nothing here: systemd.h, git.h, db_keeper.h, catalog.h, outbox.h, callbacks.h, and old history, which another
 * program removes. */
#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/bind.h"
#include "scheduler/callbacks.h"
#include "scheduler/catalog.h"
#include "scheduler/control.h"
#include "scheduler/daemon_internal.h"
#include "scheduler/db_keeper.h"
#include "scheduler/git.h"
#include "scheduler/outbox.h"
#include "scheduler/systemd.h"
#include "tests/sim/daemon.h"

struct watch {
	void (*changed)(void *ctx);
	void *ctx;
	bool news; /* a change that has not been told yet */
};

void wake_reset(struct host *h)
{
	h->alarm = NULL;
	h->inbox = NULL;
	h->watch = NULL;
}

/* ---- alarm.h ---- */

static void on_alarm(void *ctx)
{
	struct alarm_clock *a = ctx;
	world_cross("alarm");
	world_forget(a);
	a->at = INT64_MAX;
	a->ring(a->ctx);
}

static void arm(struct host *h)
{
	struct alarm_clock *a = h->alarm;
	world_forget(a);
	if (a->at == INT64_MAX)
		return;
	int64_t delay = a->at * 1000000 - (world.now_us + world.wall_offset_us);
	world_later_of(h->id, delay > 0 ? delay : 0, on_alarm, a, "alarm");
}

void alarm_open(struct alarm_clock *a, uv_loop_t *loop, void (*ring)(void *ctx), void *ctx)
{
	(void)loop;
	*a = (struct alarm_clock){.at = INT64_MAX, .ring = ring, .ctx = ctx};
	host_self()->alarm = a;
}

void alarm_set(struct alarm_clock *a, int64_t at)
{
	if (at == a->at)
		return;
	a->at = at;
	arm(host_self());
}

void alarm_close(struct alarm_clock *a)
{
	world_forget(a);
	host_self()->alarm = NULL;
}

static void on_clock_set(void *ctx)
{
	const struct host *h = ctx;
	if (h->alarm)
		on_alarm(h->alarm);
}

/* A process that stands still hears of it when it goes on, whatever its clock does meanwhile. */
void wake_clock_set(void)
{
	for (uint32_t i = 1; i < HOSTS; i++) {
		if (hosts[i].exists && hosts[i].alarm)
			world_later_of(i, (int64_t)below(2000), on_clock_set, &hosts[i], "the clock was set");
	}
}

void wake_clock_slept(void)
{
	for (uint32_t i = 1; i < HOSTS; i++) {
		if (hosts[i].exists && hosts[i].alarm)
			arm(&hosts[i]);
	}
}

/* ---- inbox.h ---- */

static void on_again(void *ctx)
{
	struct inbox *in = ctx;
	world_cross("listen");
	if (ddb_away()) {
		world_later(2000000, OF_SCHEDULER, on_again, in, "listen again");
		return;
	}
	in->polling = true;
	in->on_mail(in->ctx);
}

void inbox_open(struct inbox *in, uv_loop_t *loop, const char *conninfo, int lake_id, void (*on_mail)(void *ctx), void *ctx)
{
	*in = (struct inbox){.loop = loop, .conninfo = conninfo, .lake_id = lake_id, .on_mail = on_mail, .ctx = ctx};
	host_self()->inbox = in;
	on_again(in);
}

void inbox_close(struct inbox *in)
{
	world_forget(in);
	host_self()->inbox = NULL;
}

static void on_notify(void *ctx)
{
	struct inbox *in = ctx;
	world_cross("notify");
	if (in->polling)
		in->on_mail(in->ctx);
}

void wake_mail(void)
{
	for (uint32_t i = 1; i < HOSTS; i++) {
		if (hosts[i].exists && hosts[i].inbox && hosts[i].inbox->polling)
			world_later_of(i, 200 + (int64_t)below(5000), on_notify, hosts[i].inbox, "notify");
	}
}

void wake_cut(struct host *h)
{
	if (!h->inbox || !h->inbox->polling)
		return;
	h->inbox->polling = false;
	world_forget(h->inbox);
	world_later_of(h->id, 2000000, on_again, h->inbox, "listen again");
}

/* ---- watch.h ---- */

struct watch *watch_new(uv_loop_t *loop, void (*changed)(void *ctx), void *ctx)
{
	(void)loop;
	struct watch *w = mem_alloc(sizeof *w);
	*w = (struct watch){.changed = changed, .ctx = ctx};
	host_self()->watch = w;
	return w;
}

void watch_project(struct watch *w, const char *dir)
{
	(void)dir;
	world_forget(w);
	w->news = false;
}

bool watch_has_news(const struct watch *w)
{
	return w->news;
}

void watch_free(struct watch *w)
{
	world_forget(w);
	host_self()->watch = NULL;
}

static void on_changed(void *ctx)
{
	struct watch *w = ctx;
	world_cross("files have changed");
	w->news = false;
	w->changed(w->ctx);
}

void wake_changed(void)
{
	for (uint32_t i = 1; i < HOSTS; i++) {
		if (!hosts[i].exists || !hosts[i].watch)
			continue;
		world_forget(hosts[i].watch); /* a burst is told once */
		hosts[i].watch->news = true;
		world_later_of(i, 200000 + (int64_t)below(800000), on_changed, hosts[i].watch, "files have changed");
	}
}

/* ---- signals that it sends itself ---- */

int __wrap_raise(int signum);

static void on_raised(void *ctx)
{
	(void)ctx;
	world_signal(world.host, SIGTERM);
}

int __wrap_raise(int signum)
{
	CHECK(signum == SIGTERM);
	world_later(10, OF_SCHEDULER, on_raised, host_self(), "SIGTERM of its own");
	return 0;
}

/* ---- the rest ---- */

void systemd_notify(const char *lines)
{
	(void)lines;
}

int64_t systemd_watchdog_us(void)
{
	return 0;
}

char *git_commit_of(const char *project_dir, char out[GIT_COMMIT_SIZE])
{
	(void)project_dir;
	out[0] = '\0';
	return out;
}

void db_keeper_init(struct db_keeper *k, uv_loop_t *loop, const struct db *of)
{
	(void)of;
	*k = (struct db_keeper){.loop = loop, .idle = true};
}

void db_keeper_look(void *keeper)
{
	(void)keeper;
}

void db_keeper_close(struct db_keeper *k)
{
	(void)k;
}

int catalog_refresh_if_stale(struct workspace *ws, struct err *err)
{
	(void)ws;
	(void)err;
	world_cross("catalog");
	return 0;
}

/* What a column's other type does to its readers is seen only here, and no waiting mends it. */
int bind_project(const struct bind_request *rq, struct arena *arena, struct bound_schema **ret_schemas, struct diags *diags, struct err *err)
{
	(void)rq;
	(void)arena;
	(void)ret_schemas;
	(void)err;
	if (trouble(TROUBLE_ERROR, 30))
		diag_add(diags, DIAG_ERROR, (struct loc){"dags/ods/ods_t0.sql", 1, 8}, "Referenced column \"flihgts\" not found");
	return 0;
}

struct outbox {
	int lake_id;
};

struct outbox *outbox_new(const struct outbox_config *config)
{
	struct outbox *o = mem_alloc(sizeof *o);
	o->lake_id = config->lake_id;
	return o;
}

void outbox_project(struct outbox *o, const struct project *p)
{
	(void)o;
	(void)p;
}

void outbox_settle(struct outbox *o, int64_t ms)
{
	(void)o;
	(void)ms;
}

void outbox_free(struct outbox *o)
{
	free(o);
}

int callbacks_register(PGconn *conn, int lake_id, const struct project *p, bool stays, struct err *err)
{
	(void)conn;
	(void)lake_id;
	(void)p;
	(void)stays;
	world_cross("callbacks");
	return ddb_away() || trouble(TROUBLE_DB, 4) ? err_set(err, ERR_STATE, "the database is away") : 0;
}

int control_say_up(PGconn *conn, int lake_id, struct err *err)
{
	(void)conn;
	(void)lake_id;
	(void)err;
	return 0;
}

void gc_open(struct daemon *d)
{
	(void)d;
}

bool gc_begin(struct daemon *d)
{
	(void)d;
	return false;
}

void gc_close(struct daemon *d)
{
	(void)d;
}
