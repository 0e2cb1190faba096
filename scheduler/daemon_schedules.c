/* Orders at their times (daemon_internal.h): what core/schedule.h says is due, with the ledger that the database has. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "scheduler/daemon_internal.h"
#include "scheduler/db.h"
#include "scheduler/zone.h"

enum { AT_ONCE = 64 }; /* orders that one look makes; the rest follow when runs have ended */

static int64_t now_utc(void)
{
	return clock_wall_us() / 1000000;
}

struct timetable *timetable_find(struct daemon *d, const char *name)
{
	for (size_t i = 0; i < d->ntimetables; i++) {
		if (strcmp(d->timetables[i].name, name) == 0)
			return &d->timetables[i];
	}
	return NULL;
}

void timetables_free(struct daemon *d)
{
	for (size_t i = 0; i < d->ntimetables; i++) {
		zone_free(d->timetables[i].zone);
		free(d->timetables[i].name);
	}
	free(d->timetables);
	d->timetables = NULL;
	d->ntimetables = 0;
}

/* What the database remembers of it; a new one is seen now for the first time. */
static int remember(struct daemon *d, struct timetable *t, struct err *err)
{
	static const char sql[] =
		"INSERT INTO strata.schedule AS s (lake_id, name, seen_at) VALUES ($1::integer, $2, to_timestamp($3::bigint))"
		" ON CONFLICT (lake_id, name) DO UPDATE SET updated_at = now()"
		" RETURNING paused, extract(epoch FROM seen_at)::bigint";
	char lake[12], now[24];
	snprintf(lake, sizeof lake, "%d", d->ws->db.lake_id);
	snprintf(now, sizeof now, "%" PRId64, now_utc());
	const char *const values[] = {lake, t->name, now};
	PGresult *r;
	if (db_query(d->ws->db.conn, sql, 3, values, false, &r, err) < 0)
		return err_wrap(err, "remember schedule '%s'", t->name);
	t->paused = PQgetvalue(r, 0, 0)[0] == 't';
	t->since = strtoll(PQgetvalue(r, 0, 1), NULL, 10);
	PQclear(r);
	return 0;
}

int timetables_make(struct daemon *d, struct err *err)
{
	const struct project *p = d->ws->project;
	timetables_free(d); /* of the former project, which is gone */
	int rc = daemon_db(d, err);
	d->timetables = mem_array(p->nschedules ? p->nschedules : 1, sizeof *d->timetables);
	for (size_t i = 0; i < p->nschedules && rc == 0; i++) {
		const struct schedule *s = &p->schedules[i];
		struct timetable *t = &d->timetables[d->ntimetables];
		*t = (struct timetable){.name = mem_strdup(s->name), .schedule = s, .zone = zone_load(zone_of_schedule(s, p), err)};
		d->ntimetables++;
		rc = t->zone ? schedule_rule_init(&t->rule, s, t->zone, err) : err->code;
		if (rc == 0)
			rc = remember(d, t, err);
	}
	if (rc < 0)
		timetables_free(d); /* half of one is none: it knows of no pause, and not since when it is there */
	runner_keep(d->runner, p->nschedules && d->ws->jobs > 1);
	d->due = true;
	return rc;
}

/* The newest interval up to now. What a clock that was ahead has left is younger, and counts when its time comes. */
static int read_ledger(struct daemon *d, const struct timetable *t, int64_t now, struct schedule_ledger *ret, struct err *err)
{
	static const char sql[] = "SELECT extract(epoch FROM max(at))::bigint FROM strata.schedule_interval WHERE lake_id = $1::integer"
	                          " AND schedule = $2 AND at <= to_timestamp($3::bigint)";
	char lake[12], text[24];
	snprintf(lake, sizeof lake, "%d", d->ws->db.lake_id);
	snprintf(text, sizeof text, "%" PRId64, now);
	const char *const values[] = {lake, t->name, text};
	PGresult *last;
	if (db_query(d->ws->db.conn, sql, 3, values, false, &last, err) < 0)
		return err_wrap(err, "read the ledger of schedule '%s'", t->name);
	*ret = (struct schedule_ledger){.last = SCHEDULE_NEVER, .since = t->since < now ? t->since : now};
	if (PQntuples(last) == 1 && !PQgetisnull(last, 0, 0))
		ret->last = strtoll(PQgetvalue(last, 0, 0), NULL, 10);
	PQclear(last);
	/* Ordered and not yet begun: not in the ledger, and not to be ordered again. */
	LIST_FOR_EACH(it, &d->jobs) {
		const struct job *j = LIST_ENTRY(it, struct job, link);
		if (str_eq(j->order.schedule, t->name) && j->order.interval <= now && j->order.interval > ret->last)
			ret->last = j->order.interval;
	}
	return 0;
}

static void order_interval(struct daemon *d, const struct timetable *t, int64_t at)
{
	struct job *j = job_new(d);
	struct order *o = &j->order;
	time_t when = (time_t)at;
	struct tm tm;
	char text[32];
	gmtime_r(&when, &tm);
	strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &tm);
	const char **select = arena_array(&j->arena, t->schedule->nselect, sizeof *select);
	for (size_t i = 0; i < t->schedule->nselect; i++)
		select[i] = arena_strdup(&j->arena, t->schedule->select[i]);
	*o = (struct order){.run_id = arena_printf(&j->arena, "%s-%s", t->name, text),
	                    .kind = RUN_SCHEDULED,
	                    .select = select,
	                    .nselect = t->schedule->nselect,
	                    .requested_by = arena_strdup(&j->arena, d->config.requested_by),
	                    .schedule = arena_strdup(&j->arena, t->name),
	                    .interval = at,
	                    .deadline = run_clock_of(at, t->schedule->deadline_ms, 0, 0).deadline,
	                    .timeout_ms = t->schedule->timeout_ms};
	if (!schedule_dates(&t->rule, at, &o->first, &o->last)) {
		job_free(j);
		return;
	}
	log_event(LOG_INFO, "schedule.due", "schedule", t->name, "run", o->run_id, NULL);
	job_add(j);
}

static int look(struct daemon *d, struct timetable *t, int64_t now, struct err *err)
{
	struct schedule_ledger ledger;
	struct schedule_next next;
	int64_t at[AT_ONCE];
	size_t active = jobs_of_schedule(d, t->name), most = t->schedule->max_active_runs;
	size_t room = most == 0 ? AT_ONCE : most > active ? most - active : 0;
	int rc = read_ledger(d, t, now, &ledger, err);
	if (rc < 0)
		return rc;
	size_t n = schedule_due(&t->rule, &ledger, now, at, room < AT_ONCE ? room : AT_ONCE, &next);
	for (size_t i = 0; i < n; i++)
		order_interval(d, t, at[i]);
	t->wake = next.wake;
	t->more = next.more;
	return 0;
}

int timetables_look(struct daemon *d, struct err *err)
{
	int64_t now = now_utc(), wake = INT64_MAX;
	int rc = 0;
	for (size_t i = 0; i < d->ntimetables && rc == 0; i++) {
		struct timetable *t = &d->timetables[i];
		t->wake = INT64_MAX;
		if (!t->paused && !d->draining)
			rc = look(d, t, now, err);
		wake = t->wake < wake ? t->wake : wake;
	}
	if (rc == 0)
		rc = clocks_look(d, now, &wake, err);
	alarm_set(&d->alarm, wake);
	return rc;
}
