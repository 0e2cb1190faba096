/* What `run` and `backfill` have in common: lead the lake, recover, plan, carry out, say what came of it. */
#ifndef STRATA_CLI_RUN_H
#define STRATA_CLI_RUN_H

#include "cli/command.h"
#include "cli/dates.h"
#include "cli/junit.h"
#include "cli/select.h"
#include "core/states.h"

/* The options of both. */
#define OPTIONS_RUN                                                                                                   \
	OPTION_START, OPTION_END, OPTION_EXCLUDE,                                                                     \
	{.name = "force", .help = "build also what is fresh"},                                                        \
	{.name = "jobs", .letter = 'j', .value = "N", .help = "tasks at a time; default: one a core"},                \
	{.name = "run-id", .value = "ID", .help = "name the run, or the unfinished run that is to go on; default: made from the time"},                       \
	{.name = "fail-fast", .help = "after the first failure start nothing more"},                                  \
	OPTION_JUNIT,                                                                                                 \
	{.name = "keep-staging", .help = "keep what the tries staged, to look at it"},                                \
	{.name = "no-wait", .help = "if another run holds the lake, exit with status 5 at once"}

/* Returns as a command's run function does. */
int run_execute(const struct invocation *inv, enum run_kind kind, bool continue_on_error, struct err *err);

#endif
