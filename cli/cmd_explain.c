/* strata explain: why a task is not running, or how it ended. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/explain.h"
#include "core/date.h"
#include "core/explain.h"
#include "core/plan.h"

enum { ISO_SECONDS = 19 };

static const struct output_column fields[] = {
	{.name = "run", .help = "its id"},
	{.name = "table", .help = "layer.table"},
	{.name = "partition", .help = "its date; empty where it has none"},
	{.name = "state", .help = "'waiting', 'ready', 'running' or 'done'"},
	{.name = "result", .help = "'success', 'empty', 'failed', …; empty before its end"},
	{.name = "wait", .help = "why it waits: 'dependencies', 'pool', 'retry', 'source', …"},
	{.name = "reason", .help = "why it had to be built or checked, or what it waits for"},
	{.name = "cause", .help = "what made it end without a try"},
	{.name = "error", .help = "of its last try"},
	{.name = "blockers", .help = "what it waits for, what must happen first standing first: a list of objects, each with kind, text, and names"},
	{.name = "more", .help = "blockers that are not named"},
	{.name = "starts_in_ms", .help = "when it may start, in milliseconds; null where that cannot be said"},
	{.name = "tries", .help = "a list of {try, state, outcome, error, note, worker, log, rows, started, ended, us}"},
	{.name = "checks", .help = "of its last try: a list of {name, status, detail}"},
	{.name = "published", .help = "what is published there now: {version, run, rows, at}"},
	{.name = "inputs", .help = "what it was made from: a list of {table, partition, version}"},
	{.name = "withheld", .help = "tasks of the run that a failure withheld, where which ones is not on record"},
	{.name = "canceled", .help = "tasks of the run that were canceled, where which ones is not on record"},
	{0},
};

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
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
			printf(", %lld row%s", (long long)json_integer_value(json_object_get(t, "rows")),
			       json_integer_value(json_object_get(t, "rows")) == 1 ? "" : "s");
		if (json_object_get(t, "us"))
			printf(", %s", clock_human(took, sizeof took, json_integer_value(json_object_get(t, "us"))));
		printf("%s%s%s%s\n", *text_of(t, "error") ? ": " : "", text_of(t, "error"), *text_of(t, "note") ? "; " : "", text_of(t, "note"));
		if (*text_of(t, "log"))
			printf("    log: %s\n", text_of(t, "log"));
	}
	json_array_foreach(json_object_get(doc, "checks"), i, t)
		printf("  check %s: %s%s%s\n", text_of(t, "name"), text_of(t, "status"), *text_of(t, "detail") ? ", " : "", text_of(t, "detail"));
}

static bool is_next_date(const json_t *before, const json_t *o)
{
	int32_t a, b;
	return date_parse(text_of(before, "partition"), &a) && date_parse(text_of(o, "partition"), &b) && (int64_t)a + 1 == b;
}

/* How many from the i-th on are one line for people: dates of a table, one after the other, of which the same is said. */
static size_t dates_alike(const json_t *list, size_t i, const char *const *keys, size_t nkeys)
{
	size_t n = 1;
	for (; i + n < json_array_size(list); n++) {
		const json_t *before = json_array_get(list, i + n - 1), *o = json_array_get(list, i + n);
		bool alike = is_next_date(before, o);
		for (size_t k = 0; k < nkeys && alike; k++)
			alike = json_equal(json_object_get(before, keys[k]), json_object_get(o, keys[k]));
		if (!alike)
			break;
	}
	return n;
}

static void say_inputs(const json_t *doc)
{
	static const char *const same[] = {"table", "version"};
	const json_t *inputs = json_object_get(doc, "inputs");
	for (size_t i = 0, n; i < json_array_size(inputs); i += n) {
		const json_t *t = json_array_get(inputs, i);
		long long version = json_integer_value(json_object_get(t, "version"));
		n = dates_alike(inputs, i, same, sizeof same / sizeof *same);
		printf("  it was made from %s%s%s", text_of(t, "table"), *text_of(t, "partition") ? " " : "", text_of(t, "partition"));
		if (n > 1)
			printf(" to %s (%zu dates)", text_of(json_array_get(inputs, i + n - 1), "partition"), n);
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

/* Tasks that have what is wanted: each is as good as the first. */
static size_t holders_alike(const json_t *list, size_t i)
{
	static const enum blocker_kind holders[] = {BLOCK_POOL, BLOCK_WORKERS, BLOCK_KEPT, BLOCK_MAX_ACTIVE};
	const json_t *first = json_array_get(list, i);
	bool holder = false;
	for (size_t k = 0; k < sizeof holders / sizeof *holders; k++)
		holder |= strcmp(text_of(first, "kind"), blocker_kind_name(holders[k])) == 0;
	size_t n = 1;
	while (holder && i + n < json_array_size(list) &&
	       json_equal(json_object_get(first, "kind"), json_object_get(json_array_get(list, i + n), "kind")) &&
	       json_equal(json_object_get(first, "of"), json_object_get(json_array_get(list, i + n), "of")))
		n++;
	return n;
}

/* "waits for dwd.dwd_x 2013-01-03 to 2013-01-09 (7 dates), which are ready" */
static void say_dates(const json_t *first, const char *last, size_t n)
{
	static const char is[] = ", which is ";
	const char *text = text_of(first, "text"), *state = strstr(text, is);
	printf("  %.*s to %s (%zu dates)%s%s\n", (int)(state ? state - text : (ptrdiff_t)strlen(text)), text, last, n,
	       state ? ", which are " : "", state ? state + strlen(is) : "");
}

static void say_blockers(const json_t *doc)
{
	static const char *const same[] = {"kind", "of", "run", "table", "state", "worker"};
	const json_t *blockers = json_object_get(doc, "blockers"), *start = json_object_get(doc, "starts_in_ms");
	char left[32];
	for (size_t i = 0, n; i < json_array_size(blockers); i += n) {
		const json_t *b = json_array_get(blockers, i);
		size_t dates = strcmp(text_of(b, "kind"), blocker_kind_name(BLOCK_UPSTREAM)) == 0 ? dates_alike(blockers, i, same, sizeof same / sizeof *same) : 1;
		size_t holders = holders_alike(blockers, i);
		n = dates > holders ? dates : holders;
		if (dates > 1)
			say_dates(b, text_of(json_array_get(blockers, i + n - 1), "partition"), n);
		else if (holders > 1)
			printf("  %s, and %zu more like it\n", text_of(b, "text"), n - 1);
		else
			printf("  %s\n", text_of(b, "text"));
	}
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
	bool done = explain_is_done(text_of(doc, "state"));
	const char *result = text_of(doc, "result"), *partition = text_of(doc, "partition");
	bool fresh = done && (!*result || strcmp(result, task_result_name(TASK_FRESH)) == 0);
	printf("%s%s%s is %s%s%s\n", text_of(doc, "table"), *partition ? " " : "", partition, text_of(doc, "state"), *result ? ": " : "", result);
	if (json_object_get(doc, "canceled"))
		printf("  it has no row of its own: it was fresh, or one of %lld tasks that were withheld because something they read failed, or of %lld that were canceled\n",
		       (long long)json_integer_value(json_object_get(doc, "withheld")), (long long)json_integer_value(json_object_get(doc, "canceled")));
	else if (fresh)
		say_published(doc);
	else if (*text_of(doc, "reason"))
		printf("  it %s to be %s because: %s\n", done ? "was" : "is", strcmp(text_of(doc, "reason"), plan_reason_name(REASON_CHECKS_CHANGED)) == 0 ? "checked" : "built", text_of(doc, "reason"));
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

/* No run is `name`; it may be a schedule, or an interval of one that nobody has given a run yet. */
static void name_schedule(const struct project *p, const char *name, struct err *err)
{
	for (size_t i = 0; i < p->nschedules; i++) {
		const char *schedule = p->schedules[i].name;
		size_t n = strlen(schedule);
		if (strcmp(name, schedule) == 0)
			err_set(err, ERR_USAGE, "'%s' is a schedule and no run: 'strata status' shows its last run and when the next one comes", name);
		else if (strncmp(name, schedule, n) == 0 && name[n] == '-')
			err_set(err, ERR_USAGE, "there is no run '%s': 'strata status' shows when '%s' comes next, and a scheduler that is up knows what "
			                        "holds up an interval that is due", name, schedule);
	}
}

/* A run of a schedule that has not begun has no row, and the scheduler knows why. */
static int find_run(const struct state *s, const char *name, struct run_row *ret, bool *ret_known, struct err *err)
{
	int rc = query_run(&s->query, name, ret, err);
	*ret_known = rc == 0;
	if (rc == ERR_USAGE)
		name_schedule(s->ws.project, name, err);
	if (rc != ERR_USAGE || !strchr(name, '-'))
		return rc;
	*ret = (struct run_row){.run_id = name, .state = run_state_name(RUN_PLANNED), .requested_by = "", .first_day = DATE_NONE};
	return 0;
}

static bool is_unanswered(const json_t *doc)
{
	return strcmp(text_of(json_array_get(json_object_get(doc, "blockers"), 0), "kind"), "scheduler") == 0;
}

static int no_such_table(const struct state *s, const char *table, struct err *err)
{
	const char *near = project_nearest(s->ws.project, table);
	return near ? err_set(err, ERR_USAGE, "there is no table '%s' (did you mean '%s'?)", table, near)
	            : err_set(err, ERR_USAGE, "there is no table '%s'; 'strata list' shows them", table);
}

static int explain(const struct state *s, const struct run_row *run, struct task_name *name, json_t *doc, struct err *err)
{
	const struct task_row *task;
	int rc = explain_find_row(s, run, name, &task, err);
	if (rc == 0)
		rc = explain_put_record(s, run, name, task, doc, err);
	if (rc == 0 && !explain_is_done(run->state))
		rc = explain_put_live(s, run, name, task, doc, err);
	/* Where nobody answers for it, a name that nothing has would be a task that waits, or was fresh. */
	if (rc == 0 && !task && !project_table(s->ws.project, name->table) && !json_object_get(doc, "published") &&
	    (explain_is_done(run->state) || is_unanswered(doc)))
		rc = no_such_table(s, name->typed, err);
	return rc;
}

/* It may end between our look at its row and the scheduler's at the question; then all is on record. */
static bool has_ended_meanwhile(const struct state *s, struct run_row *run)
{
	struct err ignored;
	struct run_row now;
	bool ended = !explain_is_done(run->state) && query_run(&s->query, run->run_id, &now, &ignored) == 0 && explain_is_done(now.state);
	if (ended)
		*run = now;
	return ended;
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
	if (rc == 0 && inv->globals->output != OUTPUT_TABLE)
		output_document(inv->globals->output, fields, json_incref(doc));
	else if (rc == 0)
		say(doc);
	json_decref(doc);
	state_close(&s);
	return rc;
}

static const struct option_advice advice[] = {{"date", "write TABLE@DATE"}, {0}};

const struct command command_explain = {
	.name = "explain",
	.group = "Keep tables up to date",
	.synopsis = "RUN TABLE[@DATE]",
	.summary = "why a task is not running, or how it ended",
	.details = "Of a task that waits: what it waits for, down to what must happen first (an upstream and its state, who has the slots of its pool or the workers, a time, who paused the run, another run's task of the same partition, a schedule's max_active_runs), and when it may start. Of one that is done: why it was built or was fresh, its tries with their logs, its checks, and what it was made from, version by version. Without DATE it is the first one that is not well done. RUN may be 'latest', or a run that its schedule has not made yet.\n"
	           "\n"
	           "With no scheduler up it says what is on record. --output json has each blocker's names one by one.",
	.examples = "strata explain latest dws_route_daily\n"
	            "strata explain daily-20130107T113000Z dwd_flights@2013-01-06\n"
	            "strata explain latest dws_route_daily --output json",
	.advice = advice,
	.least_operands = 2,
	.most_operands = 3,
	.completes = {COMPLETES_RUN, COMPLETES_TABLE},
	.answers = {{.form = ANSWER_OBJECT, .fields = fields}},
	.run = run,
};
