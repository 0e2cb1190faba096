/* strata pause, unpause, cancel: what a schedule or an unfinished run is to do. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/state.h"

static int run(const struct invocation *inv, struct err *err)
{
	return follow_command(inv, inv->command->name, json_pack("{s:s}", "name", inv->operands[0]), err);
}

/* A schedule of the project, or an unfinished run that a scheduler goes on with. */
static int check_name(const struct invocation *inv, const struct state *s, const char *name, struct err *err)
{
	const struct project *p = s->ws.project;
	struct run_row *runs;
	size_t n;
	bool cancel = inv->command == &command_cancel;
	for (size_t i = 0; i < p->nschedules && !cancel; i++) {
		if (strcmp(p->schedules[i].name, name) == 0)
			return 0;
	}
	int rc = query_unfinished_runs(&s->query, INT64_MAX, &runs, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (strcmp(runs[i].run_id, name) == 0 && order_is(runs[i].params))
			return 0;
	}
	const char *near = cancel ? NULL : project_nearest_schedule(p, name);
	return rc < 0 ? rc : err_set(err, ERR_USAGE, "there is %sno unfinished run of the scheduler '%s'%s%s%s; 'strata status' shows them",
	                             cancel ? "" : "no schedule and ", name, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

/* A wish that lasts: with no scheduler up it is left to the next one, which takes it before it starts anything. */
static int leave(const struct invocation *inv, bool *ret_left, struct err *err)
{
	struct state s;
	struct leader_holder holder;
	bool up = false;
	int64_t id;
	const char *name = inv->operands[0];
	int rc = state_open(inv, &s, err);
	const struct control c = {.conn = s.ws.db.conn, .lake_id = s.ws.db.lake_id, .requested_by = state_user()};
	if (rc == 0)
		rc = control_find(&c, &up, &holder, err);
	if (rc == 0 && !up)
		rc = check_name(inv, &s, name, err);
	if (rc == 0 && !up)
		rc = control_send(&c, inv->command->name, json_pack("{s:s}", "name", name), &id, err);
	*ret_left = rc == 0 && !up;
	if (*ret_left && inv->globals->verbosity >= 0)
		fprintf(stderr, "strata: no scheduler is up; the next one is told before it starts anything: %s %s\n", inv->command->name, name);
	if (*ret_left)
		follow_answer(inv, name, "left", NULL);
	state_close(&s);
	return rc;
}

static int run_or_leave(const struct invocation *inv, struct err *err)
{
	bool left;
	int rc = leave(inv, &left, err);
	return rc < 0 || left ? rc : run(inv, err);
}

const struct command command_pause = {
	.name = "pause",
	.group = "Keep tables up to date",
	.synopsis = "SCHEDULE | RUN",
	.summary = "let a schedule or a run start nothing more",
	.details = "What runs goes on to its end. A paused schedule or run stays paused, also when the scheduler is started anew, until 'strata unpause'. With no scheduler up the next one is told, before it starts anything.",
	.examples = "strata pause daily\nstrata pause 20130107-120301-k3f9",
	.least_operands = 1,
	.most_operands = 1,
	.completes = {COMPLETES_SCHEDULE | COMPLETES_LIVE_RUN},
	.answers = {{.form = ANSWER_OBJECT, .fields = follow_fields}},
	.run = run_or_leave,
};

const struct command command_unpause = {
	.name = "unpause",
	.group = "Keep tables up to date",
	.synopsis = "SCHEDULE | RUN",
	.summary = "let a paused schedule or run go on",
	.details = "What a schedule has missed while it was paused is caught up as its 'catchup' says. With no scheduler up the next one is told.",
	.examples = "strata unpause daily",
	.least_operands = 1,
	.most_operands = 1,
	.completes = {COMPLETES_SCHEDULE | COMPLETES_LIVE_RUN},
	.answers = {{.form = ANSWER_OBJECT, .fields = follow_fields}},
	.run = run_or_leave,
};

const struct command command_cancel = {
	.name = "cancel",
	.group = "Keep tables up to date",
	.synopsis = "RUN",
	.summary = "end an unfinished run",
	.details = "What runs is stopped, and what has not begun is canceled. What it has published stays. With no scheduler up the next one is told.",
	.examples = "strata cancel 20130107-120301-k3f9",
	.least_operands = 1,
	.most_operands = 1,
	.completes = {COMPLETES_LIVE_RUN},
	.answers = {{.form = ANSWER_OBJECT, .fields = follow_fields}},
	.run = run_or_leave,
};
