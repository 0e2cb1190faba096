/* Binding the queries of a project against their upstreams' schemas, in the workers, before anything runs:
 * a misspelt column in any layer is an error at its line, with candidates. Results are cached by what they
 * depend on, so that a warm start binds nothing.
 *
 * The schema of an upstream table is, first that there is: the one bound just now from its SQL; its
 * declared `columns`, if every one has a type; the published one (`published`, optional). Where none is
 * known, readers are not checked and a note says so. */
#ifndef STRATA_SCHEDULER_BIND_H
#define STRATA_SCHEDULER_BIND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/diag.h"
#include "core/project.h"
#include "scheduler/turns.h"
#include "scheduler/workers.h"

struct bound_schema {
	const struct column *columns; /* without dt of a partitioned table */
	size_t ncolumns;              /* 0: unknown */
};

struct bind_request {
	const struct project *project; /* resolved */
	const bool *wanted;            /* [ntables], NULL: all; their upstreams are bound as well */
	const char *lake;              /* where RAW is, for headers */
	enum diag_level by_raw;        /* of a problem that rests on the newest file of RAW: see bind_raw.h */
	struct turns *turns;
	struct workers *workers;
	/* The published schema of a table, or {0}; may be NULL. */
	struct bound_schema (*published)(void *ctx, uint32_t table);
	void *ctx;
};

/* Errors and notes go to diags. *ret_schemas [ntables] lives in `arena`. Negative only when it could not be
 * done at all. */
int bind_project(const struct bind_request *rq, struct arena *arena, struct bound_schema **ret_schemas,
                 struct diags *diags, struct err *err);

#endif
