/* strata explain: why a task is not running, or how it ended. What is on record comes from the state; of a task that is
 * not done the scheduler says what holds it up, where one is up. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/state.h"
#include "cli/task_name.h"
#include "core/date.h"
#include "core/jsonio.h"
#include "core/states.h"

enum { TEXT_MAX = 1 << 16, ISO_SECONDS = 19 };

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

/* Runs and tasks call it the same. */
static bool is_done(const char *state)
{
	return strcmp(state, task_state_name(TASK_DONE)) == 0;
}

static void put_time(json_t *o, const char *key, int64_t us)
{
	char iso[CLOCK_ISO_SIZE];
	if (us)
		jput_text(o, key, clock_iso(iso, us));
}

static void add_blocker(json_t *doc, const char *kind, json_t *blocker, const char *text)
{
	jput_text(blocker, "kind", kind);
	jput_text(blocker, "text", text);
	json_array_append_new(json_object_get(doc, "blockers"), blocker);
}

/* ---- what is on record ---- */

static bool is_good(const struct task_row *t)
{
	static const enum task_result good[] = {TASK_SUCCESS, TASK_EMPTY, TASK_FRESH};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		if (strcmp(t->result, task_result_name(good[i])) == 0)
			return true;
	}
	return false;
}

static const struct task_row *row_of(const struct task_row *rows, size_t n, const char *partition)
{
	size_t i = 0;
	while (i < n && strcmp(rows[i].partition, partition) != 0)
		i++;
	return i < n ? &rows[i] : NULL;
}

/* Has it dates? Its SQL, which would say so, is not read here. */
static int has_dates(const struct state *s, const struct run_row *run, const struct task_row *rows, size_t n, const char *table, bool *ret,
                     struct err *err)
{
	struct partition_row *published;
	size_t npublished = 0;
	int rc = n ? 0 : query_partitions(&s->query, &table, 1, run->first_day, run->last_day, &published, &npublished, err);
	*ret = n ? *rows[0].partition != '\0' : npublished && *published[0].partition;
	return rc;
}

/* Where no date was said: the first one that is not well done, else the first. One that waits has no row. */
static void choose_partition(const struct run_row *run, const struct task_row *rows, size_t n, struct task_name *name)
{
	char date[DATE_SIZE];
	bool over = is_done(run->state);
	date_format(name->partition, run->first_day);
	for (int32_t day = run->first_day; day <= run->last_day; day++) {
		const struct task_row *row = row_of(rows, n, date_format(date, day));
		if (row ? !is_good(row) : !over) {
			snprintf(name->partition, sizeof name->partition, "%s", date);
			return;
		}
	}
}

/* The task's row or NULL. */
static int find_row(const struct state *s, const struct run_row *run, struct task_name *name, const struct task_row **ret, struct err *err)
{
	struct task_row *rows;
	size_t n;
	int rc = query_tasks(&s->query, run->run_id, name->table, &rows, &n, err);
	bool dates = false;
	*ret = NULL;
	if (rc == 0 && !name->partition_given && run->first_day != DATE_NONE)
		rc = has_dates(s, run, rows, n, name->table, &dates, err);
	if (rc < 0)
		return rc;
	if (dates)
		choose_partition(run, rows, n, name);
	*ret = row_of(rows, n, name->partition);
	return 0;
}

static int put_inputs(const struct state *s, int64_t fence, json_t *doc, struct err *err)
{
	struct input_row *rows;
	size_t n;
	json_t *inputs = json_array();
	int rc = query_inputs(&s->query, fence, &rows, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		json_t *o = json_object();
		jput_text(o, "table", rows[i].table);
		jput_text(o, "partition", rows[i].partition);
		jput_int(o, "version", rows[i].version);
		json_array_append_new(inputs, o);
	}
	json_object_set_new(doc, "inputs", inputs);
	return rc;
}

static json_t *try_json(const struct try_row *t)
{
	json_t *o = json_object();
	jput_int(o, "try", t->try_no);
	jput_text(o, "state", t->state);
	jput_text(o, "outcome", t->outcome);
	jput_text(o, "error", t->error);
	jput_text(o, "worker", t->worker);
	jput_text(o, "log", t->log_path);
	if (t->rows != PG_NULL64)
		jput_int(o, "rows", t->rows);
	put_time(o, "started", t->started_us);
	put_time(o, "ended", t->ended_us);
	if (t->ended_us)
		jput_int(o, "us", t->ended_us - (t->running_us ? t->running_us : t->started_us));
	return o;
}

/* *ret_fence: of the one that succeeded; 0: none did. */
static int put_tries(const struct state *s, const struct run_row *run, const struct task_name *name, json_t *doc, int64_t *ret_fence,
                     struct err *err)
{
	struct try_row *tries;
	struct check_row *checks = NULL;
	size_t n, nchecks = 0;
	json_t *list = json_array(), *tested = json_array();
	int rc = query_tries(&s->query, run->run_id, name->table, name->partition, &tries, &n, err);
	if (rc == 0 && n)
		rc = query_checks(&s->query, run->run_id, &checks, &nchecks, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		json_array_append_new(list, try_json(&tries[i]));
		if (strcmp(tries[i].outcome, try_outcome_name(OUTCOME_SUCCESS)) == 0)
			*ret_fence = tries[i].fence;
		for (size_t k = 0; i + 1 == n && k < nchecks; k++) {
			if (checks[k].fence != tries[i].fence)
				continue;
			json_t *o = json_object();
			jput_text(o, "name", checks[k].name);
			jput_text(o, "status", checks[k].status);
			jput_text(o, "detail", checks[k].detail);
			json_array_append_new(tested, o);
		}
	}
	json_object_set_new(doc, "tries", list);
	json_object_set_new(doc, "checks", tested);
	return rc;
}

/* What is published there now. */
static int put_published(const struct state *s, const struct task_name *name, json_t *doc, int64_t *ret_fence, struct err *err)
{
	struct partition_row *rows;
	const char *table = name->table;
	size_t n;
	int32_t day = DATE_NONE;
	if (*name->partition)
		date_parse(name->partition, &day);
	int rc = query_partitions(&s->query, &table, 1, day, day, &rows, &n, err);
	if (rc < 0 || !n)
		return rc;
	json_t *o = json_object();
	jput_int(o, "version", rows[0].version);
	jput_text(o, "run", rows[0].run_id);
	jput_int(o, "rows", rows[0].rows);
	put_time(o, "at", rows[0].published_us);
	json_object_set_new(doc, "published", o);
	*ret_fence = rows[0].fence;
	return 0;
}

static int64_t count_of(const json_t *counts, enum task_result result)
{
	return json_integer_value(json_object_get(counts, task_result_name(result)));
}

/* A task without a row, of a run that is over: fresh, or withheld or canceled with many others, which is in the counts
 * only. What is not published was not fresh. */
static int put_rowless(const struct state *s, const struct run_row *run, const struct task_name *name, json_t *doc, struct err *err)
{
	char cause[2 * TASK_NAME_MAX];
	json_t *counts = json_loads(run->counts, 0, NULL);
	int64_t withheld = count_of(counts, TASK_UPSTREAM_FAILED), canceled = count_of(counts, TASK_CANCELED);
	bool published = json_object_get(doc, "published");
	struct task_row *failed;
	size_t n = 0;
	int rc = withheld ? query_failed_tasks(&s->query, run->run_id, name->partition, 1, &failed, &n, err) : 0;
	json_decref(counts);
	if (rc < 0)
		return rc;
	if (published && !withheld && !canceled) {
		jput_text(doc, "result", task_result_name(TASK_FRESH));
	} else if (!published && withheld && !canceled) {
		jput_text(doc, "result", task_result_name(TASK_UPSTREAM_FAILED));
		if (n) {
			snprintf(cause, sizeof cause, "%s%s%s", failed[0].table, *failed[0].partition ? " " : "", failed[0].partition);
			jput_text(doc, "cause", cause);
		}
	} else if (!published && canceled && !withheld) {
		jput_text(doc, "result", task_result_name(TASK_CANCELED));
	} else if (withheld || canceled) {
		jput_int(doc, "withheld", withheld);
		jput_int(doc, "canceled", canceled);
	}
	return 0;
}

static int put_record(const struct state *s, const struct run_row *run, const struct task_name *name, const struct task_row *row, json_t *doc,
                      struct err *err)
{
	int64_t read_by = 0, published_by = 0;
	bool over = is_done(run->state);
	jput_text(doc, "run", run->run_id);
	jput_text(doc, "table", name->table);
	jput_text(doc, "partition", name->partition);
	jput_text(doc, "state", row ? row->state : over ? task_state_name(TASK_DONE) : task_state_name(TASK_WAITING));
	jput_text(doc, "result", row ? row->result : "");
	jput_text(doc, "wait", row ? row->wait : "");
	jput_text(doc, "reason", row ? row->reason : "");
	jput_text(doc, "cause", row ? row->cause : "");
	jput_text(doc, "error", row ? row->error : "");
	json_object_set_new(doc, "blockers", json_array());
	int rc = put_tries(s, run, name, doc, &read_by, err);
	if (rc == 0)
		rc = put_published(s, name, doc, &published_by, err);
	if (rc == 0)
		rc = put_inputs(s, read_by ? read_by : published_by, doc, err);
	if (rc == 0 && !row && over)
		rc = put_rowless(s, run, name, doc, err);
	return rc;
}

/* ---- what holds it up, where no scheduler says it ---- */

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
		put_time(b, "at", row->retry_us);
		snprintf(text, sizeof text, "its last try failed; the next one starts not before %s", clock_iso(iso, row->retry_us));
		add_blocker(doc, "retry", b, text);
	}
	return run->paused ? put_pause(s, run, doc, err) : 0;
}

/* ---- for people ---- */

static void say_tries(const json_t *doc)
{
	size_t i;
	json_t *t;
	char took[32];
	json_array_foreach(json_object_get(doc, "tries"), i, t) {
		printf("  try %lld: %s", (long long)json_integer_value(json_object_get(t, "try")),
		       *text_of(t, "outcome") ? text_of(t, "outcome") : text_of(t, "state"));
		if (json_object_get(t, "rows"))
			printf(", %lld rows", (long long)json_integer_value(json_object_get(t, "rows")));
		if (json_object_get(t, "us"))
			printf(", %s", clock_human(took, sizeof took, json_integer_value(json_object_get(t, "us"))));
		printf("%s%s\n", *text_of(t, "error") ? ": " : "", text_of(t, "error"));
		if (*text_of(t, "log"))
			printf("    log: %s\n", text_of(t, "log"));
	}
	json_array_foreach(json_object_get(doc, "checks"), i, t)
		printf("  check %s: %s%s%s\n", text_of(t, "name"), text_of(t, "status"), *text_of(t, "detail") ? ", " : "", text_of(t, "detail"));
}

static void say_inputs(const json_t *doc)
{
	size_t i;
	json_t *t;
	json_array_foreach(json_object_get(doc, "inputs"), i, t) {
		long long version = json_integer_value(json_object_get(t, "version"));
		printf("  it was made from %s%s%s", text_of(t, "table"), *text_of(t, "partition") ? " " : "", text_of(t, "partition"));
		if (version)
			printf(", version %lld", version);
		else if (strncmp(text_of(t, "table"), "source:", 7) != 0)
			printf(", which was not there");
		putchar('\n');
	}
}

/* Fresh, or a task that this run has no word of. */
static void say_published(const json_t *doc)
{
	const json_t *p = json_object_get(doc, "published");
	if (!p)
		printf("  nothing is published there; it is no task of the run ('strata plan' tells what one would build)\n");
	else
		printf("  version %lld, published by run %s at %.*s, is what it would make: nothing of what it is made from has changed since\n",
		       (long long)json_integer_value(json_object_get(p, "version")), text_of(p, "run"), ISO_SECONDS, text_of(p, "at"));
}

static void say_blockers(const json_t *doc)
{
	size_t i;
	json_t *b, *start = json_object_get(doc, "starts_in_ms");
	char left[32];
	json_array_foreach(json_object_get(doc, "blockers"), i, b)
		printf("  %s\n", text_of(b, "text"));
	if (json_integer_value(json_object_get(doc, "more")))
		printf("  and %lld more\n", (long long)json_integer_value(json_object_get(doc, "more")));
	if (start && json_integer_value(start) > 0)
		printf("  by what its tables took before, it may start in %s\n", clock_human(left, sizeof left, json_integer_value(start) * 1000));
	else if (start)
		printf("  by what its tables took before, it may start in a moment\n");
	else if (json_array_size(json_object_get(doc, "blockers")) && strcmp(text_of(doc, "state"), task_state_name(TASK_RUNNING)) != 0)
		printf("  when it may start cannot be said\n");
}

static void say(const json_t *doc)
{
	bool done = is_done(text_of(doc, "state"));
	const char *result = text_of(doc, "result"), *partition = text_of(doc, "partition");
	bool fresh = done && (!*result || strcmp(result, task_result_name(TASK_FRESH)) == 0);
	printf("%s%s%s is %s%s%s\n", text_of(doc, "table"), *partition ? " " : "", partition, text_of(doc, "state"), *result ? ": " : "", result);
	if (json_object_get(doc, "canceled"))
		printf("  it has no row of its own: it was fresh, or one of %lld tasks that were withheld because something they read failed, or of %lld that were canceled\n",
		       (long long)json_integer_value(json_object_get(doc, "withheld")), (long long)json_integer_value(json_object_get(doc, "canceled")));
	else if (fresh)
		say_published(doc);
	else if (*text_of(doc, "reason"))
		printf("  it %s because: %s\n", done ? "was to be built" : "is to be built", text_of(doc, "reason"));
	if (*text_of(doc, "cause"))
		printf("  because of: %s\n", text_of(doc, "cause"));
	if (*text_of(doc, "error") && !json_array_size(json_object_get(doc, "tries")))
		printf("  error: %s\n", text_of(doc, "error"));
	say_tries(doc);
	if (done && (fresh || json_array_size(json_object_get(doc, "tries"))))
		say_inputs(doc);
	else
		say_blockers(doc);
}

/* ---- the command ---- */

/* The scheduler's word, where there is one, is newer than the record. */
static int ask_scheduler(const struct state *s, const struct run_row *run, const struct task_name *name, const struct task_row *row, json_t *doc,
                         struct err *err)
{
	struct leader_holder holder = {0};
	json_t *told = NULL;
	const struct control c = {.conn = s->ws.db.conn, .lake_id = s->ws.db.lake_id, .requested_by = state_user()};
	json_t *args = json_pack("{s:s, s:s, s:s}", "name", run->run_id, "table", name->table, "partition", name->partition);
	int rc = follow_question(&c, "explain", args, &told, &holder, err);
	if (rc == 0 && told)
		json_object_update(doc, told);
	else if (rc == 0 && !(row && is_done(row->state)))
		rc = put_blockers_of_record(s, run, row, &holder, doc, err);
	json_decref(told);
	return rc;
}

/* A run of a schedule that has not begun has no row, and the scheduler knows why. */
static int find_run(const struct state *s, const char *name, struct run_row *ret, bool *ret_known, struct err *err)
{
	int rc = query_run(&s->query, name, ret, err);
	*ret_known = rc == 0;
	if (rc != ERR_USAGE || !strchr(name, '-'))
		return rc;
	*ret = (struct run_row){.run_id = name, .state = run_state_name(RUN_PLANNED), .requested_by = "", .first_day = DATE_NONE};
	return 0;
}

static int explain(const struct state *s, const struct run_row *run, struct task_name *name, json_t *doc, struct err *err)
{
	const struct task_row *task;
	int rc = find_row(s, run, name, &task, err);
	if (rc == 0)
		rc = put_record(s, run, name, task, doc, err);
	if (rc == 0 && !is_done(run->state))
		rc = ask_scheduler(s, run, name, task, doc, err);
	return rc;
}

/* It may end between our look at its row and the scheduler's at the question; then all is on record. */
static bool has_ended_meanwhile(const struct state *s, struct run_row *run)
{
	struct err ignored;
	struct run_row now;
	bool ended = !is_done(run->state) && query_run(&s->query, run->run_id, &now, &ignored) == 0 && is_done(now.state);
	if (ended)
		*run = now;
	return ended;
}

static bool is_unanswered(const json_t *doc)
{
	return strcmp(text_of(json_array_get(json_object_get(doc, "blockers"), 0), "kind"), "scheduler") == 0;
}

static int run(const struct invocation *inv, struct err *err)
{
	struct state s;
	struct run_row row = {0};
	struct task_name name;
	bool known = true;
	json_t *doc = json_object();
	int rc = state_open(inv, &s, err);
	if (rc == 0)
		rc = find_run(&s, inv->operands[0], &row, &known, err);
	const struct err unknown = *err;
	if (rc == 0)
		rc = task_name_read(s.ws.project, inv->operands[1], inv->noperands > 2 ? inv->operands[2] : NULL, &name, err);
	if (rc == 0)
		rc = explain(&s, &row, &name, doc, err);
	if (rc == ERR_USAGE && known && row.run_id && has_ended_meanwhile(&s, &row)) {
		json_object_clear(doc);
		rc = explain(&s, &row, &name, doc, err);
	}
	if (!known && (rc == ERR_USAGE || (rc == 0 && is_unanswered(doc)))) {
		*err = unknown;
		rc = unknown.code;
	}
	if (rc == 0 && inv->globals->output == OUTPUT_JSON)
		output_json(json_incref(doc));
	else if (rc == 0)
		say(doc);
	json_decref(doc);
	state_close(&s);
	return rc;
}

const struct command command_explain = {
	.name = "explain",
	.group = "Keep tables up to date",
	.synopsis = "RUN TABLE[@DATE]",
	.summary = "why a task is not running, or how it ended",
	.details = "Of a task that waits: what it waits for, down to what must happen first (an upstream and its state, who has the slots of its pool or the workers, a time, who paused the run, another run's task of the same partition, a schedule's max_active_runs), and when it may start. Of one that is done: why it was built or was fresh, its tries with their logs, its checks, and what it was made from, version by version. Without DATE it is the first one that is not well done. RUN may be 'latest', or a run that its schedule has not made yet.\n"
	           "\n"
	           "With no scheduler up it says what is on record. --output json has each blocker's names one by one.",
	.examples = "strata explain latest dws_route\n"
	            "strata explain nightly-20130107T030000Z dwd_flights@2013-01-06\n"
	            "strata explain latest dws_route --output json",
	.least_operands = 2,
	.most_operands = 3,
	.run = run,
};
