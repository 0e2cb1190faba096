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
	const struct planning *planning; /* NULL: somebody else has planned it */
	struct run_summary run;
	const struct failure *failures; size_t nfailures;
};

extern const struct output_column summary_fields[]; /* of a run's end, for programs */

void summary_print(const struct summary *s);
/* The same of a run that is done, as it is on record: who carried it out makes no difference. */
int summary_of_record(const struct invocation *inv, const struct workspace *ws, const struct query *q, const struct run_row *run,
                      struct err *err);
/* For programs, of a run that has only been ordered. */
void summary_ordered(const struct invocation *inv, const char *run_id);
/* The exit status that a run ends with; 0 for success. */
int summary_exit(enum run_result result);

#endif
