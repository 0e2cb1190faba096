/* Callbacks in the state: which ones the project has, and what was told.
 *
 * The database decides with each end of a run or task what is to be told (sql/0003_callbacks.sql), and for that it has to
 * know the callbacks: callbacks_register, by whoever schedules, before anything can end and whenever the project was read
 * again. */
#ifndef STRATA_SCHEDULER_CALLBACKS_H
#define STRATA_SCHEDULER_CALLBACKS_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/project.h"

/* `stays`: what is still to be told to callbacks that have left the project is dropped. The project is resolved. */
int callbacks_register(PGconn *conn, int lake_id, const struct project *p, bool stays, struct err *err);

/* Warnings for commands whose program cannot be started here; it may be there where the scheduler runs. */
void callbacks_check(const struct project *p, struct diags *diags);

const struct callback *callback_find(const struct project *p, const char *name); /* NULL: there is none */

/* What is told when somebody tries a callback: the JSON of such an event, in the arena. */
const char *callback_sample(const struct callback *c, const char *event, const char *key, const char *lake_uuid, struct arena *arena);

#endif
