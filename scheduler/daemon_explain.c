/* Why a task of a run is not running, as the scheduler knows it (daemon_internal.h): what its machine says, who paused
 * it, and what a run that has not begun waits for. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "core/explain.h"
#include "core/jsonio.h"
#include "scheduler/daemon_internal.h"
#include "scheduler/queries.h"

enum { WORDS_MAX = 4096 };

static json_t *add_blocker(json_t *explanation, const char *kind, const char *text)
{
	json_t *list = json_object_get(explanation, "blockers"), *o = json_object();
	if (!list)
		json_object_set_new(explanation, "blockers", list = json_array());
	jput_text(o, "kind", kind);
	jput_text(o, "text", text);
	json_array_append_new(list, o);
	return o;
}

/* Who paused `name` last; `asked_by` where it was paused from its beginning on. */
static int name_pauser(struct daemon *d, json_t *blocker, const char *what, const char *name, const char *asked_by, struct err *err)
{
	struct arena arena = {0};
	struct buf text = BUF_INIT(WORDS_MAX);
	char iso[CLOCK_ISO_SIZE];
	struct query q = {.conn = d->desk.conn, .lake_id = d->ws->db.lake_id, .arena = &arena};
	struct audit_row *rows;
	size_t n;
	int rc = query_audit_of(&q, "pause", name, &rows, &n, err);
	if (rc == 0) {
		const char *by = n ? rows[0].actor : asked_by;
		jput_text(blocker, "by", by);
		if (n)
			jput_text(blocker, "since", clock_iso(iso, rows[0].at_us));
		buf_addf(&text, "%s %s was paused by %s%s%s; 'strata unpause %s' lets it go on", what, name, *by ? by : "somebody",
		         n ? " at " : "", n ? iso : "", name);
		jput_text(blocker, "text", buf_cstr(&text));
	}
	buf_free(&text);
	arena_free(&arena);
	return rc;
}

static int explain_pause(struct daemon *d, const struct job *j, json_t *explanation, struct err *err)
{
	size_t i;
	json_t *b;
	int rc = 0;
	json_array_foreach(json_object_get(explanation, "blockers"), i, b) {
		if (rc < 0 || strcmp(json_string_value(json_object_get(b, "kind")), blocker_kind_name(BLOCK_PAUSED)) != 0)
			continue;
		if (j->paused) {
			rc = name_pauser(d, b, "run", j->order.run_id, j->order.requested_by ? j->order.requested_by : "", err);
		} else {
			jput_text(b, "kind", "draining");
			jput_text(b, "text", "the scheduler is about to end; the next one goes on with the run");
		}
	}
	return rc;
}

/* "nightly-20130107T030000Z": the schedule and the time of a run's id; NULL: it is none of a schedule's. */
static struct timetable *interval_of(struct daemon *d, const char *run, int64_t *ret_at)
{
	const char *cut = strrchr(run, '-');
	struct tm tm = {0};
	struct timetable *t = NULL;
	for (size_t i = 0; cut && i < d->ntimetables; i++) {
		const char *name = d->timetables[i].name;
		if (strlen(name) == (size_t)(cut - run) && strncmp(name, run, strlen(name)) == 0)
			t = &d->timetables[i];
	}
	const char *end = t ? strptime(cut + 1, "%Y%m%dT%H%M%SZ", &tm) : NULL;
	if (!end || *end)
		return NULL;
	*ret_at = timegm(&tm);
	return t;
}

static void name_active_runs(struct daemon *d, const struct timetable *t, json_t *explanation)
{
	LIST_FOR_EACH(it, &d->jobs) {
		const struct job *j = LIST_ENTRY(it, struct job, link);
		if (j->state == JOB_DONE || !j->order.schedule || strcmp(j->order.schedule, t->name) != 0)
			continue;
		struct buf text = BUF_INIT(WORDS_MAX);
		buf_addf(&text, "schedule %s has as many unfinished runs as its max_active_runs lets it: %s", t->name, j->order.run_id);
		json_t *b = add_blocker(explanation, "max active runs", buf_cstr(&text));
		jput_text(b, "run", j->order.run_id);
		jput_text(b, "schedule", t->name);
		buf_free(&text);
	}
}

/* A run that its schedule has not made yet. */
static int explain_interval(struct daemon *d, const struct timetable *t, int64_t at, json_t *explanation, struct err *err)
{
	struct buf text = BUF_INIT(WORDS_MAX);
	char iso[CLOCK_ISO_SIZE];
	int rc = 0;
	if (t->paused) {
		json_t *b = add_blocker(explanation, blocker_kind_name(BLOCK_PAUSED), "");
		jput_text(b, "schedule", t->name);
		rc = name_pauser(d, b, "schedule", t->name, "", err);
	} else if (at > clock_wall_us() / 1000000) {
		buf_addf(&text, "its time has not come: %s", clock_iso(iso, at * 1000000));
		jput_text(add_blocker(explanation, "time", buf_cstr(&text)), "at", iso);
	} else if (t->more) {
		name_active_runs(d, t, explanation);
	} else {
		buf_addf(&text, "schedule %s gives it no run: it is no interval of it, or lies before its start or its catch-up", t->name);
		jput_text(add_blocker(explanation, "no interval", buf_cstr(&text)), "schedule", t->name);
	}
	buf_free(&text);
	return rc;
}

static json_t *not_begun(const char *table, const char *partition)
{
	json_t *o = json_object();
	jput_text(o, "table", table);
	jput_text(o, "partition", partition);
	jput_text(o, "state", task_state_name(TASK_WAITING));
	jput_text(o, "result", "");
	return o;
}

int explain_task(struct daemon *d, const char *run, const char *table, const char *partition, json_t **ret, struct err *err)
{
	struct job *j = job_find(d, run);
	int64_t at;
	const struct timetable *t = j ? NULL : interval_of(d, run, &at);
	int rc = 0;
	if (!j && !t)
		return err_set(err, ERR_USAGE, "run '%s' is not under way", run);
	if (j && j->state == JOB_ACTIVE) {
		*ret = json_object();
		if (runner_explain(d->runner, j->run, table, partition, *ret))
			return explain_pause(d, j, *ret, err);
		json_decref(*ret);
		*ret = NULL;
		return 0;
	}
	*ret = not_begun(table, partition);
	if (j) {
		struct buf text = BUF_INIT(WORDS_MAX);
		buf_addf(&text, "run %s is not planned yet; it waits for its turn", run);
		jput_text(add_blocker(*ret, "planning", buf_cstr(&text)), "run", run);
		buf_free(&text);
	} else {
		rc = explain_interval(d, t, at, *ret, err);
	}
	return rc;
}
