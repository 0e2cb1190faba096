/* strata backfill: a range of dates, oldest first. */
#include "cli/commands.h"
#include "cli/run.h"

static int run(const struct invocation *inv, struct err *err)
{
	if (!options_text(inv->options, "start", NULL))
		return err_set(err, ERR_USAGE, "a backfill needs --start, the first day of its range");
	return run_execute(inv, RUN_BACKFILL, options_flag(inv->options, "continue-on-error"), err);
}

static const struct option options[] = {
	OPTIONS_RUN,
	{.name = "continue-on-error", .help = "after a failed date go on with the table's later dates"},
	{0},
};

const struct command command_backfill = {
	.name = "backfill",
	.group = "Build tables",
	.synopsis = "[SELECT...] --start D [--end D]",
	.summary = "build a range of dates, in the foreground",
	.details = "As 'strata run' over a range, but a failed date also withholds the later dates of its table, because a gap in history is worse than its end; --continue-on-error goes on.\n"
	           "\n"
	           "What is fresh is not built again: an interrupted backfill goes on where it was when the same command is given again.",
	.examples = "strata backfill --start 2013-01-01 --end 2013-12-31\n"
	            "strata backfill +dws --start 20130101 --end 20130131 --force\n"
	            "strata backfill ads --start 2013-01-01 --continue-on-error",
	.options = options,
	.most_operands = SIZE_MAX,
	.run = run,
};
