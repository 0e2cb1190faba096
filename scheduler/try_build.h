/* From a planned task to the request that a worker executes: rendered SQL, pinned inputs, source, checks. */
#ifndef STRATA_SCHEDULER_TRY_BUILD_H
#define STRATA_SCHEDULER_TRY_BUILD_H

#include <jansson.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/plan.h"
#include "core/protocol.h"
#include "core/template.h"

/* What all tries of a run have in common. */
struct try_common {
	const char *run_id;
	const char *log_dir;    /* absolute; of the run */
	const char *git_commit; /* "" when unknown */
	bool keep_staging;
};

/* Fill *ret for one try of a task; everything lives in `arena` or in the plan. *ret_rendered keeps the map
 * from the rendered SQL to the file, for error positions (not for exec). ERR_PROJECT when the file has
 * changed since it was analyzed. */
int try_build(struct arena *arena, struct plan *plan, uint32_t slot, uint32_t date, const struct try_common *common,
              const char *try_id, uint64_t fence, uint32_t try_no, const char *fingerprint, struct try_request *ret,
              struct rendered *ret_rendered, struct err *err);

/* Does the table declare anything that could be checked? */
bool try_has_checks(const struct table *t);

/* The request `check` (executor/recheck.h): the declared checks on what is published of one partition. */
struct try_request try_of_check(const struct table *t, int32_t day, struct arena *arena);

/* The same as a try of a task (PLAN_CHECK). Everything lives in `arena` or in the plan. */
struct try_request try_build_check(struct arena *arena, const struct plan *plan, uint32_t slot, uint32_t date,
                                   const struct try_common *common, const char *try_id, uint64_t fence, uint32_t try_no);

/* <log_dir>/<table>/<date>.try-<n>.log; <log_dir>/<table>.try-<n>.log without partitions: a run of many small tables
 * makes one folder, not two for each of them. */
char *try_log_path(struct arena *arena, const char *log_dir, const struct table *t, int32_t day, uint32_t try_no);

/* A source as the protocol has it; `date` "" for one without partitions. */
struct try_source try_source_of(const struct source *s, const char *date, struct arena *arena);

/* The table's declared columns with a type, as protocol columns. */
struct column *try_columns_of(const struct table *t, struct arena *arena, size_t *ret_n);

/* Render a table's SQL for one date. ERR_PROJECT as in try_build. */
int try_render(struct arena *arena, const struct project *p, const struct table *t, int32_t day, const char *run_id,
               struct rendered *ret, struct err *err);

#endif
