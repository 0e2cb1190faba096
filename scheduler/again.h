/* Tasks of an earlier run that are done again: which of the tables that are selected now, and what is wished of each of
 * their dates (core/plan.h). The record of the earlier run stays what it is. */
#ifndef STRATA_SCHEDULER_AGAIN_H
#define STRATA_SCHEDULER_AGAIN_H

#include "core/plan.h"
#include "scheduler/order.h"

struct again;

/* `selected` keeps the tables that the order names, and gets with o->downstream all that read them. The order's spans are
 * in the order of tables, then dates. Everything lives in `arena`. ERR_USAGE: nothing of it is left. */
int again_select(const struct project *p, const struct order *o, bool *selected, struct arena *arena, struct again **ret, struct err *err);

/* plan_wish_fn: what is named is forced, what reads it is judged, other dates of a named table are left out. */
enum plan_wish again_wish(void *again, uint32_t table, int32_t day);

#endif
