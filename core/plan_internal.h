/* What core/plan*.c share. */
#ifndef STRATA_CORE_PLAN_INTERNAL_H
#define STRATA_CORE_PLAN_INTERNAL_H

#include "core/fingerprint.h"
#include "core/plan.h"

struct day_range {
	int32_t lo, hi; /* inclusive */
};

struct plan_private {
	struct fingerprint *bases; /* [ntables] what does not depend on the date; sql "" until it is needed */
	struct day_range *ranges;  /* of the edge looked at last: ascending, apart */
	size_t nranges, cap_ranges;
	int32_t *days;             /* of the edge looked at last, where they do not lie together in the snapshot */
	size_t cap_days;
	uint64_t judged;           /* while planning: tasks that are */
	uint32_t *stale;           /* while planning: [ntables * ndates] tasks of the table up to here that are not fresh */
};

/* Decide one task. planning: the verdicts of the tasks that it reads count, and what they will publish does
 * not exist yet; otherwise the snapshot is all there is. */
struct plan_task plan_judge(struct plan *p, uint32_t slot, int32_t day, bool planning, struct buf *ret_fingerprint);

/* What is wished of a task: by its own, else the whole run's. */
enum plan_wish plan_wish(const struct plan *p, uint32_t table, int32_t day);

#endif
