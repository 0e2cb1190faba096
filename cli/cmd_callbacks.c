/* strata callbacks, callbacks test, callbacks retry: what was told to whom, a try of one, and once more at once. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/state.h"
#include "scheduler/callbacks.h"
#include "scheduler/db.h"
#include "scheduler/deliver.h"
#include "scheduler/load.h"

enum { LIMIT_MAX = 100000, KEY_SIZE = 37 };

static const struct output_column columns[] = {
	{.name = "created", .help = "when it happened"},
	{.name = "callback", .help = "its name in dags/dw_config.yaml"},
	{.name = "event", .help = "what happened: failure, recovery, …"},
	{.name = "subject", .help = "the run or table it happened to"},
	{.name = "run", .help = "the run in which it happened"},
	{.name = "state", .help = "'waiting', 'delivered' or 'given_up'"},
	{.name = "tries", .right = true, .help = "attempts to deliver it"},
	{.name = "error", .help = "why the last attempt failed"},
	{.name = "next_try", .detail = true, .help = "when it is tried again"},
	{.name = "ended", .detail = true, .help = "when it was taken or given up"},
	{.name = "key", .detail = true, .help = "one of its own, the same in each attempt"},
	{0},
};

static void row(struct output *out, PGresult *r, int i)
{
	const char *outcome = PQgetvalue(r, i, 4);
	bool waits = !*outcome, delivered = strcmp(outcome, "delivered") == 0;
	output_time(out, strtoll(PQgetvalue(r, i, 0), NULL, 10));
	output_text(out, PQgetvalue(r, i, 1));
	output_text(out, PQgetvalue(r, i, 2));
	output_text(out, PQgetvalue(r, i, 3));
	output_text(out, PQgetvalue(r, i, 7));
	output_styled(out, delivered ? STYLE_GOOD : waits ? STYLE_WARN : STYLE_BAD, waits ? "waiting" : outcome);
	output_int(out, strtoll(PQgetvalue(r, i, 5), NULL, 10));
	output_text(out, *PQgetvalue(r, i, 6) ? PQgetvalue(r, i, 6) : NULL);
	output_time(out, waits ? strtoll(PQgetvalue(r, i, 8), NULL, 10) : 0);
	output_time(out, strtoll(PQgetvalue(r, i, 9), NULL, 10));
	output_text(out, PQgetvalue(r, i, 10));
}

static const char *name_of(const void *ctx, size_t i)
{
	return ((const struct callback *)ctx)[i].name;
}

static int find(const struct project *p, const char *name, const struct callback **ret, struct err *err)
{
	*ret = callback_find(p, name);
	if (*ret)
		return 0;
	const char *near = str_nearest(name, name_of, p->callbacks, p->ncallbacks);
	return err_set(err, ERR_USAGE, "there is no callback '%s'%s%s%s; 'callbacks' in dags/dw_config.yaml has them", name,
	               near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

static int run_list(const struct invocation *inv, struct err *err)
{
	static const char sql[] =
		"SELECT (extract(epoch FROM created_at) * 1000000)::bigint, callback, event, subject, outcome, tries, error, run_id,"
		" (extract(epoch FROM next_at) * 1000000)::bigint, coalesce((extract(epoch FROM ended_at) * 1000000)::bigint, 0), key"
		" FROM strata.outbox WHERE lake_id = $1::integer AND ($2 = '' OR callback = $2) AND (outcome = '' OR NOT $3::boolean)"
		" ORDER BY created_at DESC, seq DESC LIMIT $4::bigint";
	char lake[12], most[24];
	struct state s;
	struct output out;
	PGresult *r = NULL;
	long limit;
	int rc = options_number(inv->options, "limit", 20, 1, LIMIT_MAX, &limit, err);
	if (rc < 0)
		return rc;
	rc = state_open(inv, &s, err);
	if (rc == 0) {
		snprintf(lake, sizeof lake, "%d", s.ws.db.lake_id);
		snprintf(most, sizeof most, "%ld", limit);
		const char *const values[] = {lake, inv->noperands ? inv->operands[0] : "", options_flag(inv->options, "waiting") ? "t" : "f", most};
		rc = db_query(s.ws.db.conn, sql, 4, values, false, &r, err);
	}
	/* One that has left the project may have been told something all the same. */
	const struct callback *known;
	if (rc == 0 && inv->noperands && PQntuples(r) == 0)
		rc = find(s.ws.project, inv->operands[0], &known, err);
	if (rc == 0) {
		output_begin(&out, inv->globals->output, columns);
		for (int i = 0; i < PQntuples(r); i++)
			row(&out, r, i);
		output_end(&out);
	}
	PQclear(r);
	state_close(&s);
	return rc;
}

struct trial {
	bool done;
	char *problem;
};

static void on_tried(void *ctx, const char *problem)
{
	struct trial *t = ctx;
	t->problem = problem ? mem_strdup(problem) : NULL;
	t->done = true;
}

/* A key that no event has, so that a receiver which knows keys takes it. */
static void make_key(char out[KEY_SIZE])
{
	unsigned char b[16];
	if (getrandom(b, sizeof b, 0) != sizeof b)
		abort();
	for (size_t i = 0, at = 0; i < sizeof b; i++)
		at += (size_t)snprintf(out + at, KEY_SIZE - at, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
}

static const struct output_column test_fields[] = {
	{.name = "callback", .help = "its name"},
	{.name = "event", .help = "what was sent"},
	{.name = "key", .help = "under which it was sent"},
	{.name = "us", .help = "how long the receiver took, in microseconds"},
	{0},
};

static int run_test(const struct invocation *inv, struct err *err)
{
	struct workspace ws;
	const struct callback *c = NULL;
	struct arena arena = {0};
	const char *event = options_text(inv->options, "event", callback_event_names[CALLBACK_FAILURE]);
	char key[KEY_SIZE], took[32];
	open_workspace(inv, 0, &ws);
	int rc = workspace_project(&ws, false, err);
	if (rc == ERR_PROJECT)
		open_print_diags(inv, &ws, 0);
	if (rc == 0)
		rc = find(ws.project, inv->operands[0], &c, err);
	if (rc == 0 && c->off)
		rc = err_set(err, ERR_USAGE, "callback '%s' is off: the variables of its 'url' are empty", c->name);
	if (rc == 0) {
		struct trial t = {0};
		int64_t began = clock_mono_us();
		make_key(key);
		struct deliverer *d = deliverer_new(&ws.loop, ws.project->dir);
		deliver(d, c, &(struct message){.key = key, .event = event, .body = callback_sample(c, event, key, "", &arena)}, on_tried, &t);
		loop_until(&ws.loop, &t.done);
		deliverer_free(d);
		int64_t us = clock_mono_us() - began;
		clock_human(took, sizeof took, us);
		if (t.problem)
			rc = err_set(err, ERR_IO, "callback '%s' %s", c->name, t.problem);
		else if (inv->globals->output == OUTPUT_TABLE)
			printf("callback '%s' took it after %s, under the key %s\n", c->name, took, key);
		else
			output_document(inv->globals->output, test_fields, json_pack("{s:s, s:s, s:s, s:I}", "callback", c->name, "event", event, "key", key,
			                                                             "us", (json_int_t)us));
		free(t.problem);
	}
	arena_free(&arena);
	workspace_close(&ws);
	return rc;
}

static const struct output_column retry_fields[] = {{.name = "again", .help = "how many are to be delivered now"}, {0}};

static int run_retry(const struct invocation *inv, struct err *err)
{
	static const char sql[] =
		"WITH again AS (UPDATE strata.outbox SET next_at = now(), outcome = '', ended_at = NULL, since = clock_timestamp()"
		" WHERE lake_id = $1::integer AND ($2 = '' OR callback = $2) AND outcome IN ('', 'given_up') RETURNING 1)"
		" SELECT count(*), pg_notify('strata_outbox_' || $1, '') FROM again";
	char lake[12];
	struct state s;
	PGresult *r = NULL;
	const struct callback *c = NULL;
	int rc = state_open(inv, &s, err);
	if (rc == 0 && inv->noperands)
		rc = find(s.ws.project, inv->operands[0], &c, err);
	if (rc == 0) {
		snprintf(lake, sizeof lake, "%d", s.ws.db.lake_id);
		const char *const values[] = {lake, c ? c->name : ""};
		rc = db_query(s.ws.db.conn, sql, 2, values, false, &r, err);
	}
	if (rc == 0 && inv->globals->output != OUTPUT_TABLE)
		output_document(inv->globals->output, retry_fields, json_pack("{s:I}", "again", (json_int_t)strtoll(PQgetvalue(r, 0, 0), NULL, 10)));
	else if (rc == 0)
		printf("%s to be delivered now, by the scheduler or the next run\n", PQgetvalue(r, 0, 0));
	PQclear(r);
	state_close(&s);
	return rc;
}

static const struct option list_options[] = {
	{.name = "waiting", .help = "only what is still to be delivered"},
	{.name = "limit", .letter = 'n', .value = "N", .help = "the newest N; default: 20"},
	{0},
};

const struct command command_callbacks = {
	.name = "callbacks",
	.group = "Look at what happened",
	.synopsis = "[NAME] [--waiting]",
	.summary = "what was told of failures and recoveries, and to whom",
	.details = "Callbacks are in dags/dw_config.yaml. What one is to be told is recorded with what happened, and delivered by the scheduler, or by the run itself where none is up. STATE is 'waiting' until the receiver has taken it; ERROR is why the last attempt failed.\n"
	           "\n"
	           "Events: failure, recovery, deadline, success of runs; table_failure, table_recovery of tables.",
	.examples = "strata callbacks\nstrata callbacks oncall --waiting --output json",
	.options = list_options,
	.most_operands = 1,
	.completes = {COMPLETES_CALLBACK},
	.answers = {{.form = ANSWER_ROWS, .fields = columns}},
	.run = run_list,
};

static const struct option test_options[] = {
	{.name = "event", .value = "EVENT", .help = "which event to send; default: failure", .words = callback_event_names},
	{0},
};

const struct command command_callbacks_test = {
	.name = "callbacks test",
	.group = "Look at what happened",
	.synopsis = "NAME [--event EVENT]",
	.summary = "send a test event to a callback, now",
	.details = "Sent once, from here: nothing is recorded and nothing is tried again. Its JSON has \"test\": true. The status is 3 if the receiver does not take it.",
	.examples = "strata callbacks test oncall\nstrata callbacks test oncall --event deadline",
	.options = test_options,
	.least_operands = 1,
	.most_operands = 1,
	.completes = {COMPLETES_CALLBACK},
	.answers = {{.form = ANSWER_OBJECT, .fields = test_fields}},
	.run = run_test,
};

const struct command command_callbacks_retry = {
	.name = "callbacks retry",
	.group = "Look at what happened",
	.synopsis = "[NAME]",
	.summary = "deliver at once what waits or was given up",
	.details = "For when a receiver is well again: what waits for its next attempt does not wait any more, and what was given up is tried for as long again.",
	.examples = "strata callbacks retry\nstrata callbacks retry oncall",
	.most_operands = 1,
	.completes = {COMPLETES_CALLBACK},
	.answers = {{.form = ANSWER_OBJECT, .fields = retry_fields}},
	.run = run_retry,
};
