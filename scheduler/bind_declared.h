/* What tables.yaml declares of columns, against those that binding has found: primary_keys, timestamp_col,
 * and the names and types of `columns`. A worker's checks would refuse the same (executor/checks.h), but only
 * after the table has been computed. */
#ifndef STRATA_SCHEDULER_BIND_DECLARED_H
#define STRATA_SCHEDULER_BIND_DECLARED_H

#include <stdbool.h>
#include <stdint.h>

#include "scheduler/bind.h"
#include "scheduler/bind_cache.h"
#include "scheduler/bind_raw.h"

/* How sure the columns of a table are. */
enum bind_sure {
	BIND_UNSURE,   /* not from its SQL as it is now: nothing is said about it */
	BIND_DETECTED, /* from its SQL, but types come from one file of RAW, and another day's may differ */
	BIND_SURE,
};

struct declared_check {
	const struct bind_request *rq;
	const struct bound_schema *schemas; /* [ntables] */
	const uint8_t *sure;                /* [ntables], enum bind_sure */
	struct bind_raw *raw;
	struct bind_cache *cache;           /* of names of types, too */
	struct arena *arena;
	struct diags *diags;
};

/* Of the wanted tables. Problems go to diags: a wrong type is a warning where it is only detected. Negative when
 * no worker could say what the types are. */
int bind_check_declared(const struct declared_check *c, struct err *err);

#endif
