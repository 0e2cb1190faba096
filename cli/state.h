/* Commands that read the state database: open it without reading any SQL of the project, and show times. */
#ifndef STRATA_CLI_STATE_H
#define STRATA_CLI_STATE_H

#include "cli/command.h"
#include "scheduler/queries.h"
#include "scheduler/workspace.h"

struct state {
	struct workspace ws;
	struct arena arena;
	struct query query;
};

/* Reads the project's YAML (for the lake and the zone) and connects. Close it also after a failure. */
int state_open(const struct invocation *inv, struct state *ret, struct err *err);
void state_close(struct state *s);

/* Who runs this process, for the record: "ann@host". */
const char *state_user(void);

/* Its state, for people: of one that nobody works on, why. */
const char *state_of_run(const struct run_row *r);
/* From start to end, or until now while it lasts; absent without a start. JSON: microseconds. */
void state_duration(struct output *out, int64_t start_us, int64_t end_us);
/* Absent for PG_NULL64. */
void state_number(struct output *out, int64_t n);

#endif
