/* The end of a run, said once: tasks by result, rows, bytes, duration, and for each failure the engine's
 * message with the SQL line and the log. Text or, with --output json, one object; on stdout. */
#ifndef STRATA_CLI_SUMMARY_H
#define STRATA_CLI_SUMMARY_H

#include "cli/command.h"
#include "cli/progress.h"
#include "scheduler/planning.h"
#include "scheduler/runner.h"

struct summary {
	const struct invocation *inv;
	const struct workspace *ws;
	const char *run_id;
	const struct planning *planning;
	const struct run_summary *run;
	const struct progress *progress; /* its failures */
};

void summary_print(const struct summary *s);

#endif
