/* strata pause, unpause, cancel: what a schedule or an unfinished run is to do. */
#include "cli/commands.h"
#include "cli/follow.h"

static int run(const struct invocation *inv, struct err *err)
{
	return follow_command(inv, inv->command->name, json_pack("{s:s}", "name", inv->operands[0]), err);
}

const struct command command_pause = {
	.name = "pause",
	.group = "Keep tables up to date",
	.synopsis = "SCHEDULE | RUN",
	.summary = "let a schedule or a run start nothing more",
	.details = "What runs goes on to its end. A paused schedule or run stays paused, also when the scheduler is started anew, until 'strata unpause'.",
	.examples = "strata pause nightly\nstrata pause 20130107-120301-k3f9",
	.least_operands = 1,
	.most_operands = 1,
	.run = run,
};

const struct command command_unpause = {
	.name = "unpause",
	.group = "Keep tables up to date",
	.synopsis = "SCHEDULE | RUN",
	.summary = "let a paused schedule or run go on",
	.details = "What a schedule has missed while it was paused is caught up as its 'catchup' says.",
	.examples = "strata unpause nightly",
	.least_operands = 1,
	.most_operands = 1,
	.run = run,
};

const struct command command_cancel = {
	.name = "cancel",
	.group = "Keep tables up to date",
	.synopsis = "RUN",
	.summary = "end an unfinished run",
	.details = "What runs is stopped, and what has not begun is canceled. What it has published stays.",
	.examples = "strata cancel 20130107-120301-k3f9",
	.least_operands = 1,
	.most_operands = 1,
	.run = run,
};
