/* strata backfill: a range of dates, oldest first. */
#include "cli/commands.h"
#include "cli/run.h"
#include "cli/summary.h"

static int run(const struct invocation *inv, struct err *err)
{
	if (!options_text(inv->options, "start", NULL))
		return err_set(err, ERR_USAGE, "a backfill needs --start, the first day of its range");
	return run_execute(inv, RUN_BACKFILL, options_flag(inv->options, "continue-on-error"), err);
}

static const struct option options[] = {
	OPTIONS_RUN,
	{.name = "detach", .help = "leave it to the scheduler that is up, and print the run's name"},
	{.name = "max-active", .value = "N", .help = "tasks of it at a time; default: as many as there is room for"},
	{.name = "continue-on-error", .help = "after a failed date go on with the table's later dates"},
	{0},
};

static const struct option_advice advice[] = {{"date", "a backfill is of a range, --start D --end D; 'strata run --date D' is one day"}, {0}};

const struct command command_backfill = {
	.name = "backfill",
	.group = "Build tables",
	.synopsis = "[SELECT...] --start D [--end D]",
	.summary = "build a range of dates",
	.details = "As 'strata run' over a range, but a failed date also withholds the later dates of its table that have not begun, because a gap in history is worse than its end; --continue-on-error goes on. Short dates begin several at a time: those that went to a worker with the one that failed are built.\n"
	           "\n"
	           "What is fresh is not built again: an interrupted backfill goes on where it was when the same command is given again.\n"
	           "\n"
	           "Beside a scheduler that is up, that one carries the backfill out, and this command follows it; with --detach it returns at once. Then it is 'strata pause', 'unpause', 'cancel' and 'status' that steer it, and it survives every restart.",
	.examples = "strata backfill --start 2013-01-01 --end 2013-12-31\n"
	            "strata backfill +dws --start 20130101 --end 20130131 --force\n"
	            "strata backfill ads --start 2013-01-01 --continue-on-error",
	.options = options,
	.advice = advice,
	.most_operands = SIZE_MAX,
	.completes = {COMPLETES_SELECTION, COMPLETES_SELECTION},
	.answers = {{.form = ANSWER_OBJECT, .fields = summary_fields}},
	.run = run,
};
