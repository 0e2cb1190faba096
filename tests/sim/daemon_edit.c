/* The project's files: its tables are those of world_project.c, its schedules are edited, well and badly. */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "core/date.h"
#include "core/diag.h"
#include "scheduler/workspace.h"
#include "tests/sim/daemon.h"

const struct edition *disk;
uint32_t edition_broken;
static uint32_t editions, names;

static const char *const zones[] = {"UTC", "America/New_York", "Europe/Vienna", "Australia/Lord_Howe", "America/Santiago",
                                    "Asia/Kolkata", "America/Nuuk", "Africa/Casablanca", "Pacific/Auckland", "Europe/London"};

void edit_reset(void)
{
	disk = NULL;
	editions = names = edition_broken = 0;
}

/* ---- cron ---- */

static void put(char *text, const char *fmt, uint32_t n)
{
	size_t len = strlen(text);
	snprintf(text + len, 40 - len, fmt, n);
}

/* A field, as bits and as text; true: it begins with a star. */
static bool field(char *text, uint64_t *bits, uint32_t from, uint32_t to, uint32_t star, uint32_t most)
{
	*bits = 0;
	*text = '\0';
	if (chance(star)) {
		uint32_t step = chance(50) ? 1 : 2 + below((to - from) / 2);
		snprintf(text, 2, "*");
		if (step > 1)
			put(text, "/%u", step);
		for (uint32_t v = from; v <= to; v += step)
			*bits |= UINT64_C(1) << v;
		return true;
	}
	for (uint32_t i = 0, n = 1 + below(most); i < n; i++) {
		uint32_t v = from + below(to - from + 1);
		put(text, i ? ",%u" : "%u", v);
		*bits |= UINT64_C(1) << v;
	}
	return false;
}

static void draw_cron(struct rule *r)
{
	char minute[40], hour[40], day[40], weekday[40];
	bool often = chance(15);
	r->star_minute = field(minute, &r->minutes, 0, 59, 0, often ? 2 : 1);
	r->star_hour = field(hour, &r->hours, 0, 23, often ? 60 : 0, 3);
	if (!r->star_hour && chance(50)) { /* where clocks change */
		r->hours |= 1u << (1 + below(2));
		hour[0] = '\0';
		for (uint32_t h = 0, n = 0; h < 24; h++) {
			if (r->hours >> h & 1)
				put(hour, n++ ? ",%u" : "%u", h);
		}
	}
	if (often && chance(20)) {
		snprintf(minute, sizeof minute, "*/%u", 20);
		r->minutes = UINT64_C(1) | UINT64_C(1) << 20 | UINT64_C(1) << 40;
		r->star_minute = true;
	}
	r->days = ~UINT64_C(1);
	r->star_day = true;
	snprintf(day, sizeof day, "*");
	if (chance(15))
		r->star_day = field(day, &r->days, 1, 28, 0, 3);
	r->weekdays = 127;
	r->star_weekday = true;
	snprintf(weekday, sizeof weekday, "*");
	if (chance(20))
		r->star_weekday = field(weekday, &r->weekdays, 0, 6, 0, 4);
	r->months = ~UINT64_C(1);
	r->cron = arena_printf(&world.arena, "%s %s %s * %s", minute, hour, day, weekday);
}

/* ---- schedules ---- */

static bool is_dense(const struct rule *r)
{
	return r->star_hour;
}

static void draw_catchup(struct rule *r)
{
	static const int64_t windows[] = {0, 0, 7200, DAY_S, 3 * DAY_S};
	r->catchup = (int)below(3);
	r->window = windows[below(5)];
	r->start_date = DATE_NONE;
	if (chance(30))
		r->start_date = (int32_t)(world_start_s / DAY_S) - (int32_t)below(is_dense(r) ? 4 : 30) + (int32_t)below(5);
	static const uint32_t most[] = {1, 1, 1, 2, 5};
	r->max_active = most[below(5)];
}

static struct rule *draw_rule(const char *name)
{
	struct rule *r = arena_alloc(&world.arena, sizeof *r);
	r->name = name;
	r->zone = zones[below(sizeof zones / sizeof *zones)];
	r->date_offset = (int32_t)below(3) - 2;
	r->lookback = chance(30) ? (int32_t)below(3) : 0;
	draw_cron(r);
	draw_catchup(r);
	return r;
}

static const char *new_name(void)
{
	return arena_printf(&world.arena, "s%u", ++names);
}

static const char *written(const struct edition *e)
{
	static const char *const catchups[] = {"off", "latest", "all"};
	struct buf b = BUF_INIT(1 << 16);
	char date[DATE_SIZE];
	buf_adds(&b, "defaults: {timezone: UTC}\nschedules:\n");
	for (size_t i = 0; i < e->nrules; i++) {
		const struct rule *r = e->rules[i];
		buf_addf(&b, "  %s: {cron: '%s', timezone: %s, select: '+%s', date_offset: %d, lookback: %d, catchup: '%s'", r->name, r->cron, r->zone,
		         world.tables[(i + e->number) % world.ntables].name, r->date_offset, r->lookback, catchups[r->catchup]);
		buf_addf(&b, ", max_active_runs: %u", r->max_active);
		if (r->window)
			buf_addf(&b, ", catchup_window: %us", (unsigned)r->window);
		if (r->start_date != DATE_NONE)
			buf_addf(&b, ", start_date: %s", date_format(date, r->start_date));
		buf_adds(&b, "}\n");
	}
	const char *text = arena_strdup(&world.arena, e->nrules ? buf_cstr(&b) : "defaults: {timezone: UTC}\n");
	buf_free(&b);
	return text;
}

static void save(struct edition *e)
{
	e->number = ++editions;
	edition_broken = e->broken ? e->number : edition_broken;
	e->text = written(e);
	disk = e;
	trace("edition %u%s", e->number, e->broken ? ", broken" : "");
	for (size_t i = 0; i < e->nrules; i++) {
		const struct rule *r = e->rules[i];
		trace("  %s: '%s' %s offset %d lookback %d catchup %d window %" PRId64 " most %u start %d", r->name, r->cron, r->zone, r->date_offset,
		      r->lookback, r->catchup, r->window, r->max_active, r->start_date);
	}
	wake_changed();
	check_disturbed();
}

void edit_make(void)
{
	struct edition *e = arena_alloc(&world.arena, sizeof *e);
	for (size_t n = 1 + below(SCHEDULES - 1); e->nrules < n;) {
		e->rules[e->nrules] = draw_rule(new_name());
		rule_fire(e->rules[e->nrules++]);
	}
	save(e);
}

static void change_rule(struct edition *e, size_t i)
{
	struct rule *r = arena_copy(&world.arena, e->rules[i], sizeof *r);
	r->firings = NULL;
	r->nfirings = 0;
	switch (below(4)) {
	case 0: draw_cron(r); break;
	case 1: draw_catchup(r); break;
	case 2: r->zone = zones[below(sizeof zones / sizeof *zones)]; break;
	default: r->name = new_name(); break;
	}
	rule_fire(r);
	e->rules[i] = r;
}

void edit_change(void)
{
	struct edition *e = arena_copy(&world.arena, disk, sizeof *e);
	bool was_broken = e->broken;
	e->broken = false;
	if (!was_broken && !world.calm && chance(25)) {
		e->broken = true;
	} else if (chance(20) && e->nrules < SCHEDULES) {
		e->rules[e->nrules] = draw_rule(new_name());
		rule_fire(e->rules[e->nrules++]);
	} else if (chance(20) && e->nrules > 1) {
		e->rules[below((uint32_t)e->nrules)] = e->rules[e->nrules - 1];
		e->nrules--;
	} else if (e->nrules) {
		change_rule(e, below((uint32_t)e->nrules));
	}
	save(e);
}

const struct rule *edition_rule(const struct edition *e, const char *name)
{
	for (size_t i = 0; e && i < e->nrules; i++) {
		if (str_eq(e->rules[i]->name, name))
			return e->rules[i];
	}
	return NULL;
}

/* ---- workspace.h ---- */

static void on_read(void *ctx)
{
	*(bool *)ctx = true;
}

/* Its SQL is read by workers: meanwhile the scheduler attends to what else there is. */
static int read_files(struct workspace *ws)
{
	struct err ignored;
	bool done = false;
	world_later(1000 * (int64_t)below(300), OF_SCHEDULER, on_read, &done, "files are read");
	turns_until(&ws->turns, &done);
	return turns_stopped(&ws->turns, &ignored);
}

int workspace_reload(struct workspace *ws, bool analyze, struct err *err)
{
	(void)analyze;
	struct host *h = host_self();
	const struct edition *seen = disk; /* what changes while it is read is told once more */
	world_cross("read the project");
	diags_free(&ws->diags);
	ws->diags = (struct diags){0};
	if (read_files(ws) < 0)
		return err_set(err, ERR_CANCELED, "canceled");
	if (seen->broken) {
		diag_add(&ws->diags, DIAG_ERROR, (struct loc){"dags/dw_config.yaml", 1, 1}, "somebody is not done yet");
		return err_set(err, ERR_PROJECT, "the project has errors");
	}
	ws->project = world_read_project(seen->text);
	h->edition = seen;
	return 0;
}

int workspace_workers(struct workspace *ws, struct err *err)
{
	(void)ws;
	(void)err;
	return 0;
}

struct waiting {
	json_t *reply;
	struct err err;
	bool done;
};

static void on_answer(void *ctx, const struct worker_answer *a)
{
	struct waiting *w = ctx;
	if (a->reply)
		w->reply = json_incref((json_t *)(uintptr_t)a->reply);
	else
		w->err = *a->err;
	w->done = true;
}

int workspace_ask(struct workspace *ws, json_t *body, json_t **ret_reply, struct err *err)
{
	struct waiting w = {0};
	workers_ask(ws->workers, body, false, NULL, on_answer, &w);
	turns_until(&ws->turns, &w.done);
	*ret_reply = w.reply;
	if (!w.reply)
		*err = w.err;
	return w.reply ? 0 : err->code;
}
