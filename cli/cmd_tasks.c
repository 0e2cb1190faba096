/* strata tasks RUN: the tasks of a run. */
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/state.h"
#include "core/states.h"

static const struct output_column columns[] = {
	{.name = "table", .help = "layer.table"},
	{.name = "partition", .help = "its date; empty where it has none"},
	{.name = "state", .help = "'waiting', 'ready', 'running' or 'done'"},
	{.name = "result", .help = "'success', 'empty', 'failed', …; null before its end"},
	{.name = "tries", .right = true, .help = "how many it had"},
	{.name = "rows", .right = true, .help = "that it published"},
	{.name = "duration", .right = true, .help = "from start to end, or until now, in microseconds"},
	{.name = "why", .help = "the most telling of error, cause, wait and reason"},
	{.name = "wait", .detail = true, .help = "why it waits: 'dependencies', 'pool', 'retry', 'source', …"},
	{.name = "reason", .detail = true, .help = "why it had to be built or checked, or what it waits for"},
	{.name = "cause", .detail = true, .help = "what made it end without a try"},
	{.name = "error", .detail = true, .help = "of its last try"},
	{.name = "bytes", .detail = true, .help = "that it published"},
	{.name = "ready", .detail = true, .help = "when it could have started"},
	{.name = "started", .detail = true, .help = "when its last try started"},
	{.name = "ended", .detail = true, .help = "when it ended"},
	{0},
};

static enum output_style style_of(const char *result)
{
	if (strcmp(result, "success") == 0 || strcmp(result, "empty") == 0)
		return STYLE_GOOD;
	return strcmp(result, "failed") == 0 || strcmp(result, "timeout") == 0 ? STYLE_BAD : STYLE_WARN;
}

/* The most telling of error, cause, wait and reason; which source is waited for, the reason says. */
static const char *why(const struct task_row *t)
{
	if (*t->error)
		return t->error;
	if (*t->cause)
		return t->cause;
	return *t->wait && strcmp(t->wait, task_wait_name(WAIT_SOURCE)) != 0 ? t->wait : t->reason;
}

static void row(struct output *out, const struct task_row *t)
{
	output_text(out, t->table);
	output_text(out, t->partition);
	output_text(out, t->state);
	output_styled(out, style_of(t->result), *t->result ? t->result : NULL);
	output_int(out, t->tries);
	state_number(out, t->rows);
	state_duration(out, t->started_us, t->ended_us);
	output_text(out, why(t));
	output_text(out, t->wait);
	output_text(out, t->reason);
	output_text(out, t->cause);
	output_text(out, t->error);
	state_number(out, t->bytes);
	output_time(out, t->ready_us);
	output_time(out, t->started_us);
	output_time(out, t->ended_us);
}

static int run(const struct invocation *inv, struct err *err)
{
	struct state s;
	struct run_row run_row;
	struct task_row *rows;
	size_t n;
	const char *result = options_text(inv->options, "result", NULL);
	int rc = state_open(inv, &s, err);
	if (rc == 0)
		rc = query_run(&s.query, inv->noperands ? inv->operands[0] : "latest", &run_row, err);
	if (rc == 0)
		rc = query_tasks(&s.query, run_row.run_id, NULL, &rows, &n, err);
	if (rc == 0) {
		struct output out;
		output_begin(&out, inv->globals->output, columns);
		for (size_t i = 0; i < n; i++) {
			if (!result || strcmp(rows[i].result, result) == 0)
				row(&out, &rows[i]);
		}
		output_end(&out);
	}
	state_close(&s);
	return rc;
}

static const char *const results[] = {"success", "empty", "failed", "timeout", "upstream_failed", "canceled", "skipped", NULL};
static const struct option options[] = {
	{.name = "result", .value = "RESULT", .help = "only those that ended so: success, empty, failed, timeout, upstream_failed, canceled or skipped", .words = results},
	{0},
};

const struct command command_tasks = {
	.name = "tasks",
	.group = "Look at what happened",
	.synopsis = "[RUN] [--result RESULT]",
	.summary = "the tasks of a run",
	.details = "RUN is an id, the beginning of one, or 'latest', which is the default. What was fresh, or never got as far as being ready, has no task here.",
	.examples = "strata tasks\n"
	            "strata tasks latest --result failed\n"
	            "strata tasks 20130107-120301-k3f9 --output csv",
	.options = options,
	.most_operands = 1,
	.completes = {COMPLETES_RUN},
	.answers = {{.form = ANSWER_ROWS, .fields = columns}},
	.run = run,
};
