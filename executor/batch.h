/* Tries of one table that are published together.
 *
 * A `run` that says how many more of its batch follow is staged and then waits. The last one publishes itself and all that
 * wait, which costs two waits for the disk, whatever their number; one that fails is answered at once and keeps nobody.
 * Nothing is said to be published before it is durable. */
#ifndef STRATA_EXECUTOR_BATCH_H
#define STRATA_EXECUTOR_BATCH_H

#include "executor/ops.h"

/* A `run` request. 0 with *ret_reply, which is NULL for one that waits; ERR_PROTOCOL. Those that waited are answered through
 * events.reply. */
int batch_run(struct worker *w, const json_t *req, const struct op_events *events, json_t **ret_reply, struct op_error *ret_error);

/* Publish those that wait: something else is asked for. */
void batch_publish(struct worker *w, const struct op_events *events);

/* Nobody listens any more: those that wait leave nothing. */
void batch_drop(struct worker *w);

#endif
