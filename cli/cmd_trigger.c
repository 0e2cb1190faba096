/* strata trigger: have the scheduler start a run now. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/dates.h"
#include "cli/follow.h"
#include "cli/open.h"
#include "cli/select.h"
#include "cli/state.h"
#include "scheduler/runner.h"

static const struct schedule *find_schedule(const struct project *p, const char *name)
{
	for (size_t i = 0; i < p->nschedules; i++) {
		if (str_eq(p->schedules[i].name, name))
			return &p->schedules[i];
	}
	return NULL;
}

/* The name of a schedule stands for what it selects. */
static void expand(const struct project *p, const struct invocation *inv, struct arena *arena, struct order *o)
{
	const struct schedule *s = inv->noperands == 1 ? find_schedule(p, inv->operands[0]) : NULL;
	follow_selection(inv, arena, o);
	if (s) {
		o->select = s->select;
		o->nselect = s->nselect;
	}
}

/* What the scheduler would refuse is told also with none up. One name that nothing has may be meant to be a schedule's. */
static int check_names(const struct project *p, const struct invocation *inv, struct err *err)
{
	const char *name = inv->operands[0];
	if (inv->noperands == 1 && find_schedule(p, name))
		return 0;
	bool *selected = NULL;
	int rc = select_tables(inv, p, &selected, err);
	free(selected);
	for (size_t i = 0; rc == ERR_USAGE && i < inv->noperands && inv->noperands > 1; i++) {
		if (find_schedule(p, inv->operands[i]))
			return err_set(err, ERR_USAGE, "'%s' is a schedule; give it alone: strata trigger %s", inv->operands[i], inv->operands[i]);
	}
	/* Who reads whom is not known here, and a neighbour may be what fits. */
	if (rc == ERR_NOTHING && inv->noperands > 0 && (inv->noperands > 1 || strpbrk(name, "+@,")))
		return 0;
	const char *near = rc == ERR_USAGE && inv->noperands == 1 && !strpbrk(name, "*?:+@,.") ? project_nearest_schedule(p, name) : NULL;
	const char *table = near ? project_nearest(p, name) : NULL;
	if (!near || (table && str_distance(name, table) < str_distance(name, near)))
		return rc;
	return err_set(err, ERR_USAGE, "there is no schedule, table or layer '%s' (did you mean '%s'?)", name, near);
}

static int run(const struct invocation *inv, struct err *err)
{
	struct arena arena = {0};
	struct state s;
	struct date_range range;
	char run_id[RUN_ID_SIZE];
	struct order o = {.kind = RUN_MANUAL, .requested_by = state_user(), .run_id = runner_make_id(run_id),
	                  .force = options_flag(inv->options, "force")};
	int rc = state_open(inv, &s, err);
	if (rc == 0)
		rc = check_names(s.ws.project, inv, err);
	if (rc == 0)
		rc = dates_read(inv->options, &range, err);
	if (rc == 0) {
		expand(s.ws.project, inv, &arena, &o);
		o.first = range.first;
		o.last = range.last;
	}
	state_close(&s);
	if (rc == 0)
		rc = follow_command(inv, "order", order_encode(&o), err);
	arena_free(&arena);
	return rc;
}

static const struct option options[] = {OPTION_DATE, OPTION_START, OPTION_END, OPTION_EXCLUDE, {.name = "force", .help = "build also what is fresh"}, {0}};

const struct command command_trigger = {
	.name = "trigger",
	.group = "Keep tables up to date",
	.synopsis = "SCHEDULE | SELECT... [--date D | --start D --end D]",
	.summary = "have the scheduler start a run now",
	.details = "Of what a schedule selects, or of any selection. Says the run's name and returns; 'strata run' beside a scheduler does the same and follows it.",
	.examples = "strata trigger daily\n"
	            "strata trigger +ads --date 2013-01-03",
	.options = options,
	.least_operands = 1,
	.most_operands = SIZE_MAX,
	.completes = {COMPLETES_SCHEDULE | COMPLETES_SELECTION, COMPLETES_SELECTION},
	.answers = {{.form = ANSWER_OBJECT, .fields = follow_fields}},
	.run = run,
};
