/* Removing the staging of tries that are over: {"tries": [...]} by name, or {"all": true, "keep": [...]}.
 * A staging folder is never anything but leftovers once its try has ended. Reply: {"removed": n}. */
#ifndef STRATA_EXECUTOR_SWEEP_H
#define STRATA_EXECUTOR_SWEEP_H

#include "executor/ops.h"

int op_sweep(const json_t *req, json_t **ret_reply, struct op_error *ret_error);

#endif
