/* strata show RUN [TASK]: all that is recorded of a run, or of one task's tries. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/state.h"
#include "cli/task_name.h"
#include "core/date.h"
#include "scheduler/order.h"

static json_t *number(int64_t n)
{
	return n == PG_NULL64 ? json_null() : json_integer(n);
}

static json_t *when(int64_t us)
{
	char iso[CLOCK_ISO_SIZE];
	return us ? json_string(clock_iso(iso, us)) : json_null();
}

static const struct output_column run_fields[] = {
	{.name = "run", .help = "its id"},
	{.name = "kind", .help = "'manual', 'scheduled' or 'backfill'"},
	{.name = "state", .help = "'planned', 'running' or 'done'"},
	{.name = "alive", .help = "whether somebody works on it, or is up who will; null when it is done"},
	{.name = "result", .help = "'success', 'failed' or 'canceled'; empty before its end"},
	{.name = "selection", .help = "as it was typed; empty: everything"},
	{.name = "first_date", .help = "of its range"},
	{.name = "last_date", .help = "of its range, included"},
	{.name = "force", .help = "whether --force was given"},
	{.name = "tasks", .help = "that had to be built or checked"},
	{.name = "fresh", .help = "tasks that were up to date already"},
	{.name = "counts", .help = "an object: how many tasks ended with each result"},
	{.name = "created", .help = "when it was made"},
	{.name = "started", .help = "when it began"},
	{.name = "ended", .help = "when it ended"},
	{.name = "git_commit", .help = "of the project, with -dirty where files had been changed"},
	{.name = "requested_by", .help = "who made it: user@host, or a schedule"},
	{0},
};

static const struct output_column try_fields[] = {
	{.name = "table", .help = "layer.table"},
	{.name = "partition", .help = "its date; empty where it has none"},
	{.name = "try", .help = "1 for the first"},
	{.name = "try_id", .help = "its UUID, which the manifest has"},
	{.name = "state", .help = "'starting', 'running' or 'ended'"},
	{.name = "outcome", .help = "'success', 'error', 'timeout', 'lost', 'killed' or 'fenced'; empty before its end"},
	{.name = "worker", .help = "the process that ran it"},
	{.name = "log", .help = "path of its log"},
	{.name = "error_class", .help = "what kind of error it was"},
	{.name = "error", .help = "the engine's message"},
	{.name = "staging", .help = "where its staged data was kept"},
	{.name = "note", .help = "what else there is to say"},
	{.name = "run", .help = "the run's id"},
	{.name = "stages", .help = "an object, microseconds: prepare_us, load_us, validate_us, commit_us, cleanup_us"},
	{.name = "fence", .help = "grows with each try of the lake"},
	{.name = "rows", .help = "that it published"},
	{.name = "bytes", .help = "that it published"},
	{.name = "cleared_rows", .help = "that were published before a result without rows"},
	{.name = "started", .help = "when it was recorded"},
	{.name = "running", .help = "when a worker took it"},
	{.name = "ended", .help = "when it ended"},
	{.name = "checks", .help = "a list of {name, status, detail}"},
	{0},
};

static json_t *run_json(const struct run_row *r)
{
	char first[DATE_SIZE], last[DATE_SIZE];
	json_t *counts = json_loads(r->counts, 0, NULL);
	json_t *alive = strcmp(r->state, run_state_name(RUN_DONE)) == 0 ? json_null() : json_boolean(r->alive);
	return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:o, s:o, s:o, s:o, s:s, s:s}", "run", r->run_id, "kind",
	                 r->kind, "state", r->state, "alive", alive, "result", r->result, "selection", r->selection, "first_date",
	                 date_format(first, r->first_day), "last_date", date_format(last, r->last_day), "force", r->force, "tasks",
	                 (json_int_t)r->tasks, "fresh", (json_int_t)r->fresh, "counts", counts ? counts : json_object(), "created",
	                 when(r->created_us), "started", when(r->started_us), "ended", when(r->ended_us), "git_commit", r->git_commit,
	                 "requested_by", r->requested_by);
}

static json_t *try_json(const struct try_row *t)
{
	json_t *stages = json_pack("{s:o, s:o, s:o, s:o, s:o}", "prepare_us", number(t->prepare_us), "load_us", number(t->load_us),
	                           "validate_us", number(t->validate_us), "commit_us", number(t->commit_us), "cleanup_us",
	                           number(t->cleanup_us));
	json_t *o = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "table", t->table, "partition",
	                      t->partition, "try", t->try_no, "try_id", t->try_id, "state", t->state, "outcome", t->outcome, "worker",
	                      t->worker, "log", t->log_path, "error_class", t->error_class, "error", t->error, "staging", t->staging,
	                      "note", t->note, "run", t->run_id, "stages", stages);
	json_object_set_new(o, "fence", json_integer(t->fence));
	json_object_set_new(o, "rows", number(t->rows));
	json_object_set_new(o, "bytes", number(t->bytes));
	json_object_set_new(o, "cleared_rows", number(t->cleared_rows));
	json_object_set_new(o, "started", when(t->started_us));
	json_object_set_new(o, "running", when(t->running_us));
	json_object_set_new(o, "ended", when(t->ended_us));
	return o;
}

static void field(const char *name, const char *value)
{
	if (value && *value)
		printf("  %-12s %s\n", name, value);
}

static void time_field(const char *name, int64_t us)
{
	char iso[CLOCK_ISO_SIZE];
	if (us)
		field(name, clock_iso(iso, us));
}

/* A run that is done has its counts on record; tasks that ended without a word have no rows. */
static void count_results(const struct run_row *r, const struct task_row *tasks, size_t n, int64_t *ret)
{
	json_t *counts = *r->result ? json_loads(r->counts, 0, NULL) : NULL;
	for (int k = TASK_SUCCESS; k < TASK_RESULTS_END; k++) {
		const char *name = task_result_name((enum task_result)k);
		const json_t *known = json_object_get(counts, name);
		for (size_t i = 0; !known && i < n; i++)
			ret[k] += strcmp(tasks[i].result, name) == 0;
		ret[k] += json_integer_value(known);
	}
	json_decref(counts);
}

static void print_run(const struct run_row *r, const struct task_row *tasks, size_t n)
{
	char text[96], first[DATE_SIZE], last[DATE_SIZE];
	int64_t by_result[TASK_RESULTS_END] = {0};
	size_t waiting = 0;
	const char *awaited = task_wait_name(WAIT_SOURCE);
	printf("run %s\n", r->run_id);
	field("kind", r->kind);
	if (r->alive || *r->result)
		snprintf(text, sizeof text, "%s%s%s", r->state, *r->result ? ", " : "", r->result);
	else
		snprintf(text, sizeof text, "%s: %s", state_of_run(r), order_is(r->params) ? "the next one goes on with it" : "its process is gone; the next run settles it");
	field("state", text);
	field("selection", *r->selection ? r->selection : "everything");
	snprintf(text, sizeof text, "%s to %s", date_format(first, r->first_day), date_format(last, r->last_day));
	field("dates", text);
	field("force", r->force ? "yes" : "");
	time_field("created", r->created_us);
	time_field("started", r->started_us);
	time_field("ended", r->ended_us);
	if (r->started_us && r->ended_us)
		field("duration", clock_human(text, sizeof text, r->ended_us - r->started_us));
	field("commit", r->git_commit);
	field("by", r->requested_by);
	for (size_t i = 0; i < n; i++)
		waiting += !*tasks[i].result && strcmp(tasks[i].wait, awaited) == 0;
	count_results(r, tasks, n, by_result);
	printf("  %-12s %" PRId64 " to run, %" PRId64 " fresh", "tasks", r->tasks, r->fresh);
	for (int k = TASK_SUCCESS; k < TASK_RESULTS_END; k++) {
		if (by_result[k])
			printf("; %" PRId64 " %s%s", by_result[k], task_result_name((enum task_result)k), k == TASK_FRESH ? " when their turn came" : "");
	}
	if (waiting)
		printf("; %zu waiting for a source", waiting);
	putchar('\n');
	for (size_t i = 0; i < n; i++) {
		if (!*tasks[i].result && strcmp(tasks[i].wait, awaited) == 0)
			printf("\n  %s%s%s: %s", tasks[i].table, *tasks[i].partition ? " " : "", tasks[i].partition, tasks[i].reason);
		if (*tasks[i].error)
			printf("\n  %s%s%s: %s\n    %s\n", tasks[i].table, *tasks[i].partition ? " " : "", tasks[i].partition, tasks[i].result,
			       tasks[i].error);
	}
}

static void print_stage(const char *name, int64_t us)
{
	char text[32];
	if (us != PG_NULL64)
		printf(" %s %s", name, us < 1000 ? "<1 ms" : clock_human(text, sizeof text, us));
}

static void print_try(const struct try_row *t)
{
	char text[64];
	printf("%s%s%s, try %d: %s%s%s\n", t->table, *t->partition ? " " : "", t->partition, t->try_no, t->state, *t->outcome ? ", " : "",
	       t->outcome);
	time_field("started", t->started_us);
	time_field("running", t->running_us);
	time_field("ended", t->ended_us);
	field("worker", t->worker);
	if (t->rows != PG_NULL64)
		printf("  %-12s %" PRId64 "\n", "rows", t->rows);
	if (t->bytes != PG_NULL64)
		field("size", str_bytes(text, sizeof text, t->bytes));
	if (t->load_us != PG_NULL64) {
		printf("  %-12s", "stages");
		print_stage("prepare", t->prepare_us);
		print_stage("load", t->load_us);
		print_stage("validate", t->validate_us);
		print_stage("commit", t->commit_us);
		print_stage("cleanup", t->cleanup_us);
		putchar('\n');
	}
	field("error", t->error);
	if (t->error_line != PG_NULL32 && t->error_line)
		printf("  %-12s line %d, column %d\n", "at", t->error_line, t->error_col);
	field("note", t->note);
	field("staging", t->staging);
	field("log", t->log_path);
	field("try id", t->try_id);
}

static int show_run(const struct invocation *inv, struct state *s, const struct run_row *r, struct err *err)
{
	struct task_row *tasks;
	size_t n;
	int rc = query_tasks(&s->query, r->run_id, NULL, &tasks, &n, err);
	if (rc < 0)
		return rc;
	if (inv->globals->output != OUTPUT_TABLE)
		output_document(inv->globals->output, run_fields, run_json(r));
	else
		print_run(r, tasks, n);
	return 0;
}

static int show_task(const struct invocation *inv, struct state *s, const struct run_row *r, struct err *err)
{
	struct task_name name;
	struct try_row *tries;
	struct check_row *checks;
	size_t n, nchecks;
	int rc = task_name_read(s->ws.project, inv->operands[1], inv->noperands > 2 ? inv->operands[2] : NULL, &name, err);
	if (rc == 0)
		rc = task_tries(&s->query, r->run_id, &name, &tries, &n, err);
	if (rc == 0)
		rc = query_checks(&s->query, r->run_id, &checks, &nchecks, err);
	if (rc < 0)
		return rc;
	json_t *array = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *own = json_array();
		if (inv->globals->output == OUTPUT_TABLE)
			print_try(&tries[i]);
		for (size_t k = 0; k < nchecks; k++) {
			if (checks[k].fence != tries[i].fence)
				continue;
			if (inv->globals->output == OUTPUT_TABLE)
				printf("  %-12s %s %s%s%s\n", "check", checks[k].name, checks[k].status, *checks[k].detail ? ": " : "", checks[k].detail);
			json_array_append_new(own, json_pack("{s:s, s:s, s:s}", "name", checks[k].name, "status", checks[k].status, "detail",
			                                     checks[k].detail));
		}
		json_t *o = try_json(&tries[i]);
		json_object_set_new(o, "checks", own);
		json_array_append_new(array, o);
	}
	if (inv->globals->output != OUTPUT_TABLE)
		output_document(inv->globals->output, try_fields, array);
	else
		json_decref(array);
	return 0;
}

static int run(const struct invocation *inv, struct err *err)
{
	struct state s;
	struct run_row r;
	int rc = state_open(inv, &s, err);
	if (rc == 0)
		rc = query_run(&s.query, inv->noperands ? inv->operands[0] : "latest", &r, err);
	if (rc == 0)
		rc = inv->noperands > 1 ? show_task(inv, &s, &r, err) : show_run(inv, &s, &r, err);
	state_close(&s);
	return rc;
}

const struct command command_show = {
	.name = "show",
	.group = "Look at what happened",
	.synopsis = "[RUN [TASK]]",
	.summary = "all that is recorded of a run, or of a task's tries",
	.details = "RUN is an id, the beginning of one, or 'latest'. TASK is TABLE@DATE, or TABLE alone: every date of it.",
	.examples = "strata show\n"
	            "strata show latest dwd_flights@2013-01-03\n"
	            "strata show 20130107-120301-k3f9 ads_delay_league --output json",
	.most_operands = 3,
	.completes = {COMPLETES_RUN, COMPLETES_TABLE},
	.answers = {{.form = ANSWER_OBJECT, .when = "of a run", .fields = run_fields}, {.form = ANSWER_ROWS, .when = "of a task: its tries", .fields = try_fields}},
	.run = run,
};
