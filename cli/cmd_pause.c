/* strata pause, unpause, cancel: what a schedule or an unfinished run is to do. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/state.h"
#include "scheduler/db.h"
#include "scheduler/order.h"

enum { NAME_SIZE = 256 };

static bool is_schedule(const struct project *p, const char *name)
{
	for (size_t i = 0; i < p->nschedules; i++) {
		if (strcmp(p->schedules[i].name, name) == 0)
			return true;
	}
	return false;
}

/* An order of just that name is not on record yet: a longer name is not meant then. */
static int is_ordered(const struct state *s, const char *name, bool *ret, struct err *err)
{
	char lake[12];
	PGresult *r;
	snprintf(lake, sizeof lake, "%d", s->ws.db.lake_id);
	const char *const values[] = {lake, name};
	int rc = db_query(s->ws.db.conn, "SELECT FROM strata.command WHERE lake_id = $1::integer AND outcome = '' AND kind = 'order' AND args->>'run_id' = $2",
	                  2, values, false, &r, err);
	if (rc < 0)
		return rc;
	*ret = PQntuples(r) > 0;
	PQclear(r);
	return 0;
}

/* The run that is meant: as query_run understands it, like everywhere, but one that is not over. What is not on record may be a
 * run that the scheduler has only in mind: ERR_USAGE, and the name is as it was typed. *ret_run is left alone where none is found. */
static int find(const struct invocation *inv, const struct state *s, char ret[NAME_SIZE], struct run_row *ret_run, struct err *err)
{
	const char *name = inv->operands[0];
	snprintf(ret, NAME_SIZE, "%s", name);
	if (inv->command != &command_cancel && is_schedule(s->ws.project, name))
		return 0;
	bool ordered;
	int rc = is_ordered(s, name, &ordered, err);
	if (rc < 0 || ordered)
		return rc;
	rc = query_run(&s->query, name, ret_run, err);
	if (rc < 0)
		return rc;
	if (strcmp(ret_run->state, run_state_name(RUN_DONE)) == 0)
		return err_set(err, ERR_USAGE, "run '%s' is over (%s); 'strata status' shows what is not", ret_run->run_id, ret_run->result);
	snprintf(ret, NAME_SIZE, "%s", ret_run->run_id);
	return 0;
}

/* With no scheduler up: a schedule of the project, or a run that the next one goes on with. */
static int check_left(const struct invocation *inv, const struct run_row *run, const char *name, struct err *err)
{
	if (!*run->run_id || order_is(run->params))
		return 0;
	return err_set(err, ERR_USAGE, "run '%s' is none of the scheduler's, and its process is %s; 'strata %s' is for those of 'strata status' that it goes on with",
	               name, run->alive ? "not to be told: end it by Ctrl-C" : "gone", inv->command->name);
}

/* A name of no schedule and no run: what is near, of either kind. */
static int no_such_name(const struct invocation *inv, const struct state *s, const struct err *no_run, struct err *err)
{
	const char *name = inv->operands[0];
	const char *near = inv->command == &command_cancel ? NULL : project_nearest_schedule(s->ws.project, name);
	if (near)
		return err_set(err, ERR_USAGE, "there is no schedule and no unfinished run '%s' (did you mean '%s'?); 'strata status' shows them", name, near);
	*err = *no_run;
	return err->code;
}

/* A wish that lasts: with no scheduler up it is left to the next one, which takes it before it starts anything. */
static int leave(const struct invocation *inv, const struct control *c, const char *name, struct err *err)
{
	int64_t id;
	int rc = control_send(c, inv->command->name, json_pack("{s:s}", "name", name), &id, err);
	if (rc < 0)
		return rc;
	if (inv->globals->verbosity >= 0)
		fprintf(stderr, "strata: no scheduler is up; the next one is told before it starts anything: %s %s\n", inv->command->name, name);
	follow_answer(inv, name, "left", NULL);
	return 0;
}

static int run(const struct invocation *inv, struct err *err)
{
	struct state s;
	struct run_row row = {.run_id = ""};
	struct leader_holder holder;
	struct err no_run = {0};
	char name[NAME_SIZE];
	bool up = false, known = false;
	int rc = state_open(inv, &s, err);
	const struct control c = {.conn = s.ws.db.conn, .lake_id = s.ws.db.lake_id, .requested_by = state_user()};
	if (rc == 0)
		rc = control_find(&c, &up, &holder, err);
	if (rc == 0) {
		rc = find(inv, &s, name, &row, &no_run);
		known = rc == 0;
		*err = no_run;
		if (rc == ERR_USAGE && !*row.run_id) /* the scheduler may know it; else the next one does not */
			rc = up ? 0 : no_such_name(inv, &s, &no_run, err);
	}
	if (rc == 0 && !up)
		rc = check_left(inv, &row, name, err);
	if (rc == 0 && !up)
		rc = leave(inv, &c, name, err);
	else if (rc == 0)
		rc = follow_command(inv, inv->command->name, json_pack("{s:s}", "name", name), err);
	if (rc == ERR_USAGE && up && !known && !*row.run_id)
		rc = no_such_name(inv, &s, &no_run, err);
	state_close(&s);
	return rc;
}

const struct command command_pause = {
	.name = "pause",
	.group = "Keep tables up to date",
	.synopsis = "SCHEDULE | RUN",
	.summary = "let a schedule or a run start nothing more",
	.details = "What runs goes on to its end. A paused schedule or run stays paused, also when the scheduler is started anew, until 'strata unpause'. RUN is an id, the beginning of one, or 'latest'. With no scheduler up the next one is told, before it starts anything.",
	.examples = "strata pause daily\nstrata pause 20130107-120301-k3f9",
	.least_operands = 1,
	.most_operands = 1,
	.completes = {COMPLETES_SCHEDULE | COMPLETES_LIVE_RUN},
	.answers = {{.form = ANSWER_OBJECT, .fields = follow_fields}},
	.run = run,
};

const struct command command_unpause = {
	.name = "unpause",
	.elsewhere = "resume continue",
	.group = "Keep tables up to date",
	.synopsis = "SCHEDULE | RUN",
	.summary = "let a paused schedule or run go on",
	.details = "What a schedule has missed while it was paused is caught up as its 'catchup' says. RUN is an id, the beginning of one, or 'latest'. With no scheduler up the next one is told.",
	.examples = "strata unpause daily",
	.least_operands = 1,
	.most_operands = 1,
	.completes = {COMPLETES_SCHEDULE | COMPLETES_LIVE_RUN},
	.answers = {{.form = ANSWER_OBJECT, .fields = follow_fields}},
	.run = run,
};

const struct command command_cancel = {
	.name = "cancel",
	.elsewhere = "kill stop abort",
	.group = "Keep tables up to date",
	.synopsis = "RUN",
	.summary = "end an unfinished run",
	.details = "What runs is stopped, and what has not begun is canceled. What it has published stays. RUN is an id, the beginning of one, or 'latest'. With no scheduler up the next one is told.",
	.examples = "strata cancel 20130107-120301-k3f9\nstrata cancel latest",
	.least_operands = 1,
	.most_operands = 1,
	.completes = {COMPLETES_LIVE_RUN},
	.answers = {{.form = ANSWER_OBJECT, .fields = follow_fields}},
	.run = run,
};
