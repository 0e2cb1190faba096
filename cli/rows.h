/* Rows of a query whose columns nobody knows beforehand: asked of a worker, shown as a listing.
 *
 *     struct rows_place at;
 *     if (rows_ask(&ws, body, &reply, &at, err) == 0)
 *         rows_print(reply, inv->globals);
 *     json_decref(reply); */
#ifndef STRATA_CLI_ROWS_H
#define STRATA_CLI_ROWS_H

#include <jansson.h>

#include "cli/command.h"
#include "scheduler/workspace.h"

/* Where in the SQL the engine found the error; line 0: it did not say. */
struct rows_place {
	int line, col;
};

/* Ask one worker (executor/sql.h has the request, which is taken, and the reply) and wait. ERR_ENGINE with
 * the engine's message and *ret_place when it refuses the query. */
int rows_ask(struct workspace *ws, json_t *body, json_t **ret_reply, struct rows_place *ret_place, struct err *err);

/* To stdout. Numbers and booleans of the engine are those of JSON, all else is text; the later of equal column names get
 * a number. A note is said on stderr. */
void rows_print(const json_t *reply, const struct globals *globals);

#endif
