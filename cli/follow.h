/* Handing a run over to the scheduler that is up, and following it from here. */
#ifndef STRATA_CLI_FOLLOW_H
#define STRATA_CLI_FOLLOW_H

#include <stdio.h>

#include "cli/command.h"
#include "scheduler/control.h"
#include "scheduler/order.h"
#include "scheduler/workspace.h"

/* Order the run and wait until it has begun; ERR_USAGE with its reason where the scheduler refuses it. */
int follow_order(const struct control *c, const struct order *o, struct err *err);

/* Say what becomes of it until it is done, as a run of this process says it (cli/progress.h, cli/summary.h), with the same exit
 * statuses. Ctrl-C cancels it; a second one stops following. */
int follow_run(const struct invocation *inv, struct workspace *ws, const char *run_id, struct err *err);

/* One command for the scheduler, whose answer goes to stderr, or as `follow_fields` to stdout. ERR_LOCKED: none is up. */
int follow_command(const struct invocation *inv, const char *kind, json_t *args, struct err *err);
extern const struct output_column follow_fields[];
void follow_answer(const struct invocation *inv, const char *name, const char *outcome, const char *answer);

/* A question, whose answer is a JSON object; *ret NULL: no scheduler is up that answers (`ret_holder` says who has the lake). */
int follow_question(const struct control *c, const char *kind, json_t *args, json_t **ret, struct leader_holder *ret_holder, struct err *err);

/* The words of the command line's selection, with --exclude, into `o`, in the arena. */
void follow_selection(const struct invocation *inv, struct arena *arena, struct order *o);

#endif
