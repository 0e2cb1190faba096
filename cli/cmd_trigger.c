/* strata trigger: have the scheduler start a run now. */
#include <stdio.h>
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

/* The name of a schedule stands for what it selects. */
static void expand(const struct project *p, const struct invocation *inv, struct arena *arena, struct order *o)
{
	follow_selection(inv, arena, o);
	for (size_t i = 0; i < p->nschedules && inv->noperands == 1; i++) {
		if (strcmp(p->schedules[i].name, inv->operands[0]) == 0) {
			o->select = p->schedules[i].select;
			o->nselect = p->schedules[i].nselect;
		}
	}
}

/* One name that neither a schedule nor a selection knows may be meant to be a schedule's. */
static int check_name(const struct project *p, const struct invocation *inv, struct err *err)
{
	const char *name = inv->operands[0], *near = project_nearest_schedule(p, name), *table;
	if (inv->noperands != 1 || !near || str_eq(near, name) || strpbrk(name, "*?:+@,.") || project_table(p, name))
		return 0;
	for (size_t i = 0; i < p->nlayers; i++) {
		if (str_eq(p->layers[i].name, name))
			return 0;
	}
	table = project_nearest(p, name);
	if (table && str_distance(name, table) < str_distance(name, near))
		return 0;
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
		rc = check_name(s.ws.project, inv, err);
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
