/* The end of a run, said once: tasks by result, rows, bytes, duration, and for each failure the engine's
 * message with the SQL line and the log. Text or, with --output json, one object; on stdout. */
#ifndef STRATA_CLI_SUMMARY_H
#define STRATA_CLI_SUMMARY_H

#include "cli/command.h"
#include "cli/progress.h"
#include "scheduler/planning.h"
#include "scheduler/queries.h"
#include "scheduler/runner.h"

struct summary {
	const struct invocation *inv;
	const struct workspace *ws;
	const char *run_id;
	const struct planning *planning;
	const struct run_summary *run;
	const struct progress *progress; /* its failures */
};

extern const struct output_column summary_fields[]; /* of a run's end, for programs */

void summary_print(const struct summary *s);
/* The same for programs, of a run that somebody else carries out or has carried out, as it is on record; nothing where people
 * are told. `run` NULL: it has only been ordered. */
int summary_of_record(const struct invocation *inv, const struct query *q, const char *run_id, const struct run_row *run, struct err *err);

#endif
