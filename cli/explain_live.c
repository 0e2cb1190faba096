/* What holds a task up (explain.h): the scheduler's word where one is up, else what the record has of it. */
#include <stdio.h>

#include "cli/explain.h"
#include "cli/follow.h"

static void add_blocker(json_t *doc, const char *kind, json_t *blocker, const char *text)
{
	jput_text(blocker, "kind", kind);
	jput_text(blocker, "text", text);
	json_array_append_new(json_object_get(doc, "blockers"), blocker);
}

static int put_pause(const struct state *s, const struct run_row *run, json_t *doc, struct err *err)
{
	struct audit_row *rows;
	char text[512], iso[CLOCK_ISO_SIZE];
	size_t n;
	int rc = query_audit_of(&s->query, "pause", run->run_id, &rows, &n, err);
	if (rc < 0)
		return rc;
	json_t *b = json_object();
	const char *by = n ? rows[0].actor : run->requested_by;
	jput_text(b, "run", run->run_id);
	jput_text(b, "by", by);
	snprintf(text, sizeof text, "run %s was paused by %s%s%s; 'strata unpause %s' lets it go on", run->run_id, by, n ? " at " : "",
	         n ? clock_iso(iso, rows[0].at_us) : "", run->run_id);
	add_blocker(doc, "paused", b, text);
	return 0;
}

static int put_blockers_of_record(const struct state *s, const struct run_row *run, const struct task_row *row, const struct leader_holder *h,
                                  json_t *doc, struct err *err)
{
	char text[1024], iso[CLOCK_ISO_SIZE];
	if (h->pid && strcmp(h->run_id, run->run_id) == 0)
		snprintf(text, sizeof text, "run %s is carried out by '%s' (process %ld on %s), which answers no questions; its own screen shows it",
		         run->run_id, h->command, h->pid, h->host);
	else if (h->pid)
		snprintf(text, sizeof text, "no scheduler is up: '%s' (process %ld on %s) has the lake", h->command, h->pid, h->host);
	else
		snprintf(text, sizeof text, "no scheduler is up for this lake; 'strata scheduler' starts one, which goes on with what was ordered");
	add_blocker(doc, "scheduler", json_object(), text);
	if (row && row->retry_us) {
		json_t *b = json_object();
		explain_time(b, "at", row->retry_us);
		snprintf(text, sizeof text, "its last try failed; the next one starts not before %s", clock_iso(iso, row->retry_us));
		add_blocker(doc, "retry", b, text);
	}
	return run->paused ? put_pause(s, run, doc, err) : 0;
}

int explain_put_live(const struct state *s, const struct run_row *run, const struct task_name *name, const struct task_row *row, json_t *doc,
                     struct err *err)
{
	struct leader_holder holder = {0};
	json_t *told = NULL;
	const struct control c = {.conn = s->ws.db.conn, .lake_id = s->ws.db.lake_id, .requested_by = state_user()};
	json_t *args = json_pack("{s:s, s:s, s:s}", "name", run->run_id, "table", name->table, "partition", name->partition);
	int rc = follow_question(&c, "explain", args, &told, &holder, err);
	if (rc == 0 && told)
		json_object_update(doc, told);
	else if (rc == 0 && !(row && explain_is_done(row->state)))
		rc = put_blockers_of_record(s, run, row, &holder, doc, err);
	json_decref(told);
	return rc;
}
