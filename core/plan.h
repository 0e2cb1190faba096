/* The plan: which (table, partition) a run would build, and why. `plan` prints it, `run` executes it, and
 * each task is decided again by the same code when its turn comes (plan_decide), with what the tasks
 * before it have published by then.
 *
 * Pure: everything it knows of the world is in the snapshot. */
#ifndef STRATA_CORE_PLAN_H
#define STRATA_CORE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "core/machine.h"
#include "core/project.h"
#include "core/snapshot.h"

enum plan_verdict {
	PLAN_NONE,  /* no task: an unpartitioned table has one task, at date index 0 */
	PLAN_FRESH,
	PLAN_BUILD,
	PLAN_CHECK, /* what is published is as it would be built, but other checks are declared now: they are made on it */
	PLAN_FAIL,  /* cannot be built: an upstream partition was never built, an absent source path, missing: fail */
};

/* The order is that of precedence: the first that holds is told; but what is awaited comes right after what fails. */
#define PLAN_REASONS(X) \
	X(REASON_FRESH, "fresh") \
	X(REASON_FORCED, "forced") \
	X(REASON_ACTION, "action")                                /* output: none always runs */ \
	X(REASON_NEW, "new") \
	X(REASON_MISSING, "missing in the lake") \
	X(REASON_DAMAGED, "changed in the lake") \
	X(REASON_NEVER_FRESH, "never fresh")                      /* told with "now()", or the subject: an external table */ \
	X(REASON_UNRECORDED, "recorded without a fingerprint") \
	X(REASON_SQL_CHANGED, "sql changed") \
	X(REASON_CONFIG_CHANGED, "config changed")                /* source options, format, env, declared columns */ \
	X(REASON_ENGINE_CHANGED, "engine changed") \
	X(REASON_SOURCE_CHANGED, "source changed") \
	X(REASON_SOURCE_YOUNG, "source changed just now")         /* younger than 2 s: cannot be told apart */ \
	X(REASON_SOURCE_FUTURE, "source is newer than this machine's clock") /* the clock went back, or the file's */ \
	X(REASON_UPSTREAM_CHANGED, "upstream changed")            /* subject: table and date */ \
	X(REASON_UPSTREAM_REBUILD, "upstream will rebuild")       /* subject: table and date */ \
	X(REASON_CHECKS_CHANGED, "checks changed")                /* PLAN_CHECK */ \
	X(REASON_UPSTREAM_FAILS, "upstream will fail")            /* PLAN_FAIL; subject: a task of this plan that fails */ \
	X(REASON_NEVER_BUILT, "upstream was never built")         /* PLAN_FAIL; subject */ \
	X(REASON_NO_SOURCE, "source path is absent")              /* PLAN_FAIL */ \
	X(REASON_SOURCE_MISSING, "source has no files for the date") /* PLAN_FAIL: missing: fail */ \
	X(REASON_SOURCE_AWAITED, "source awaited")         /* PLAN_BUILD, when it has come: missing: wait */

#define PLAN_REASON_ENUM(id, text) id,
enum plan_reason { PLAN_REASONS(PLAN_REASON_ENUM) PLAN_REASONS_END };
#undef PLAN_REASON_ENUM

struct plan_task {
	uint8_t verdict;       /* enum plan_verdict */
	uint8_t reason;        /* enum plan_reason */
	uint32_t subject;      /* project table index; UINT32_MAX: none */
	int32_t subject_day;
};

/* Of one task of a selected table. */
enum plan_wish {
	PLAN_JUDGE, /* build it unless it is fresh */
	PLAN_FORCE,
	PLAN_SKIP,  /* it is no task of this run */
};
typedef enum plan_wish plan_wish_fn(void *ctx, uint32_t table, int32_t day); /* DATE_NONE: unpartitioned */

struct plan_input {
	const struct project *project; /* resolved */
	const bool *selected;          /* [project->ntables] */
	int32_t first, last;           /* days, inclusive */
	bool force;                    /* all of them */
	plan_wish_fn *wish;            /* asked as long as the plan lives; NULL: judge all */
	void *wish_ctx;
	struct snapshot *snapshot;     /* kept and read by plan_decide, too */
	const char *lake;              /* its folder, for people; NULL: not said */
	const char *engine_version;    /* part of each fingerprint: "v1.5.5" */
	int64_t wall_ns;               /* now, to tell files that are too young */
};

struct plan {
	struct plan_input in;
	struct arena arena;
	uint32_t *tables;  /* [ntables] project indexes of the selected tables, in topological order */
	uint32_t ntables;
	uint32_t *slot;    /* [project->ntables] index in `tables`, or UINT32_MAX */
	uint32_t ndates;
	struct plan_task *tasks; /* [ntables * ndates]: tasks[slot * ndates + date] */
	uint64_t builds, checks, fresh, fails;
	struct plan_private *private;
};

/* It is a task of the run; how many are. */
static inline bool plan_is_todo(enum plan_verdict v)
{
	return v != PLAN_NONE && v != PLAN_FRESH;
}
static inline uint64_t plan_todo(const struct plan *p)
{
	return p->builds + p->checks + p->fails;
}

/* A plan at once, or in steps of at most so many tasks, until there is nothing left to do (false). Not to be used before. */
int plan_begin(const struct plan_input *in, struct plan **ret, struct err *err);
bool plan_step(struct plan *p, uint32_t most);
int plan_make(const struct plan_input *in, struct plan **ret, struct err *err);
void plan_free(struct plan *p);

/* The date of a task: in.first + date, or DATE_NONE for an unpartitioned table. */
int32_t plan_day(const struct plan *p, uint32_t slot, uint32_t date);

/* Decide one task again with the snapshot as it is now: never UPSTREAM_REBUILD. The fingerprint of what it
 * would build goes to `ret_fingerprint` (cleared first); "" when it can never be fresh. */
struct plan_task plan_decide(struct plan *p, uint32_t slot, uint32_t date, struct buf *ret_fingerprint);

/* "upstream changed": what such a text begins with, but for those of PLAN_FAIL. */
const char *plan_reason_name(enum plan_reason reason);

/* "upstream changed: dwd.dwd_flights 2013-01-03"; for PLAN_FAIL the whole sentence of DESIGN.md section 4. */
void plan_reason_text(const struct plan *p, uint32_t slot, const struct plan_task *task, struct buf *out);

/* What a task reads now: one call an upstream table with the days that are built and in its read set
 * (DATE_NONE alone for an unpartitioned one; none: it binds as empty). Self-reads included, of earlier days
 * only; an unpartitioned table reads what it published before. Shared by fingerprints and by try requests. */
typedef void (*plan_reads_fn)(void *ctx, uint32_t up, const int32_t *days, size_t ndays);
void plan_reads(struct plan *p, uint32_t table, int32_t day, plan_reads_fn fn, void *ctx);

struct spec_options {
	enum run_kind kind;
	bool fail_fast, continue_on_error, paused, quiet; /* as in run_spec */
	uint32_t max_active;         /* 0: none */
	const int64_t *duration_us;  /* [project->ntables] what a try usually takes; 0: not known. NULL: of none */
	const uint32_t *keys;        /* [project->ntables] spec_table.key; NULL: all 0 */
};

/* The machine's view: tasks to build (and those that are to be decided later) as todo, edges among selected
 * tables. A table's weight is the longest path from it down: in ms with itself by `duration_us` (one that is
 * not known counts as its layer's median, else a second), without it the number of tables below. A
 * priority_weight of the project's own replaces it, as so many tables or seconds.
 * Lives in `arena`. Slots are the spec's table indexes. */
struct run_spec *plan_to_spec(const struct plan *p, const struct spec_options *options, struct arena *arena);

#endif
