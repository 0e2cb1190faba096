/* strata run: bring a selection up to date for one day or a range. */
#include "cli/commands.h"
#include "cli/run.h"
#include "cli/summary.h"

static int run(const struct invocation *inv, struct err *err)
{
	return run_execute(inv, RUN_MANUAL, false, err);
}

static const struct option options[] = {OPTION_DATE, OPTIONS_RUN, {0}};

const struct command command_run = {
	.name = "run",
	.elsewhere = "build make execute",
	.group = "Build tables",
	.synopsis = "[SELECT...] [--date D | --start D --end D]",
	.summary = "build what is not fresh, in the order of who reads whom",
	.details = "Each table and date of the selection is a task. A task that would make what is published already is fresh and costs nothing; --force builds it again. If other checks are declared than those it has passed, it is checked as it is published, and not built. The others run in worker processes, as many as --jobs at a time, each as soon as everything that it reads is done. What a task makes is checked, then published as a whole or not at all.\n"
	           "\n"
	           "A failed task withholds what reads it; independent work goes on unless --fail-fast. Ctrl-C cancels cleanly. Whatever dies, the same command again completes the rest.\n"
	           "\n"
	           "A run whose scheduler died is closed as failed by the next one, unless that is given the same selection, dates and '--run-id' of the unfinished run: then it goes on under its name. What it had published counts as fresh, also with --force; its tries that were lost are made again.\n"
	           "\n"
	           "One run at a time holds a lake; a second one waits and says for whom, or with --no-wait exits with status 5.",
	.examples = "strata run\n"
	            "strata run --date 2013-01-03\n"
	            "strata run +ads_delay_league --start 2013-01-01 --end 2013-01-07\n"
	            "strata run dwd_flights --force --jobs 4",
	.options = options,
	.most_operands = SIZE_MAX,
	.completes = {COMPLETES_SELECTION, COMPLETES_SELECTION},
	.answers = {{.form = ANSWER_OBJECT, .fields = summary_fields}},
	.run = run,
};
