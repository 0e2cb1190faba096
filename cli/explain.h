/* What `strata explain` knows of one task, as a JSON object, of which both what people and what programs get is made. */
#ifndef STRATA_CLI_EXPLAIN_H
#define STRATA_CLI_EXPLAIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "cli/state.h"
#include "cli/task_name.h"
#include "core/jsonio.h"
#include "core/states.h"

/* Runs and tasks call it the same. */
static inline bool explain_is_done(const char *state)
{
	return strcmp(state, task_state_name(TASK_DONE)) == 0;
}

static inline void explain_time(json_t *o, const char *key, int64_t us)
{
	char iso[CLOCK_ISO_SIZE];
	if (us)
		jput_text(o, key, clock_iso(iso, us));
}

/* cli/explain_past.c. The task's row, or NULL; a name without a date gets one: of the first task that is not well done. */
int explain_find_row(const struct state *s, const struct run_row *run, struct task_name *name, const struct task_row **ret, struct err *err);
/* What is on record of it: state, tries, checks, what is published and what that was made from; no blockers. */
int explain_put_record(const struct state *s, const struct run_row *run, const struct task_name *name, const struct task_row *row,
                       json_t *doc, struct err *err);

/* cli/explain_live.c. Of a run that is not done: what the scheduler says, which is newer than the record; with none up, what the
 * record has of what holds the task up. */
int explain_put_live(const struct state *s, const struct run_row *run, const struct task_name *name, const struct task_row *row, json_t *doc,
                     struct err *err);

#endif
