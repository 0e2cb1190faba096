/* Taking what is published of one table out of the lake: {"qname", "first", "last", "count"}; "count": true only says
 * what would go. Reply: {"published", "rows", "others", "bytes"} (struct removal). Of who may ask: whoever holds
 * the lake's lock. */
#ifndef STRATA_EXECUTOR_CLEAR_H
#define STRATA_EXECUTOR_CLEAR_H

#include "executor/ops.h"

int op_clear(struct worker *w, const json_t *req, json_t **ret_reply, struct op_error *ret_error);

#endif
