/* An order for a run: what a scheduler needs to know to plan it, now or after a restart. It travels in a command's
 * arguments and lies in strata.run.params, as one JSON object; so a run that was ordered goes on with the next
 * scheduler. */
#ifndef STRATA_SCHEDULER_ORDER_H
#define STRATA_SCHEDULER_ORDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/states.h"

enum { ORDER_JOBS_MAX = 100000 };

/* Dates of a table; DATE_NONE both: its only partition. */
struct order_span {
	const char *table;
	int32_t first, last;
};

struct order {
	const char *run_id;          /* chosen by who orders, so that the same order twice is one run */
	enum run_kind kind;
	const char *const *select;   size_t nselect;
	const char *const *exclude;  size_t nexclude;
	int32_t first, last;         /* days, inclusive */
	bool force, fail_fast, continue_on_error, keep_staging, paused;
	uint32_t max_active;         /* tries at once; 0: no limit of its own */
	const char *requested_by;
	const char *of;              /* the run some of whose tasks are done again; NULL: none, and then no spans */
	const struct order_span *again; size_t nagain; /* those: by table, then date */
	bool downstream;             /* and what reads them, where that is not fresh then */
	const char *schedule;        /* NULL: of no schedule */
	int64_t interval;            /* of the schedule: UTC seconds */
	const char *makes_good;      /* schedule NULL: the one of which a failed run is ordered again; or NULL */
	int64_t deadline;            /* UTC seconds: when it is to be done; 0: none */
	int64_t timeout_ms;          /* from when it was made; 0: none */
};

json_t *order_encode(const struct order *o);
/* Strings live in `arena`. ERR_PROTOCOL: it is no order. */
int order_decode(struct arena *arena, const json_t *json, struct order *ret, struct err *err);

/* Are these the params of a run that was ordered, so that a scheduler which stays is to go on with it? */
bool order_is(const char *params);

/* "+ads --exclude dim": the selection as people write it; in the arena. */
const char *order_selection(const struct order *o, struct arena *arena);

/* Good for a folder's name; else ERR_USAGE says what is. */
int order_check_run_id(const char *run_id, struct err *err);

#endif
