/* Why a task of a live run is not running, from the machine's state between two steps. Pure.
 *
 * The answer is the causal chain, deepest first: what must happen first stands first. Whoever removes what is
 * named (ends the tries with success, raises the pool, unpauses, lets the time come) either makes the task run
 * or finds later blockers named; a task that is neither running nor done always has one. */
#ifndef STRATA_CORE_EXPLAIN_H
#define STRATA_CORE_EXPLAIN_H

#include "base/arena.h"
#include "core/machine.h"

#define BLOCKER_KINDS(X) \
	X(BLOCK_UPSTREAM, "upstream")     /* task, state, fence: what `of` reads is not done */ \
	X(BLOCK_COMMIT, "commit")         /* task, fence: it ended or starts, and that is not durable yet */ \
	X(BLOCK_DECIDING, "deciding")     /* `of` is being decided */ \
	X(BLOCK_AHEAD, "ahead")           /* pool: `of` is not decided yet, because many of its run's tasks in that pool go first */ \
	X(BLOCK_TWIN, "same partition")   /* task, state, fence: another run's task of the same partition comes first */ \
	X(BLOCK_HOLD, "clear")            /* hold: somebody has the partition of `of` for himself (EV_HOLD) */ \
	X(BLOCK_RETRY, "retry")           /* at_ms: `of` waits for the time of its next try */ \
	X(BLOCK_SOURCE, "source")         /* `of` waits for its source */ \
	X(BLOCK_PAUSED, "paused")         /* run */ \
	X(BLOCK_POOL, "pool")             /* pool is full; task, fence: a try that holds a slot, one blocker each; none: it has no slots */ \
	X(BLOCK_WORKERS, "workers")       /* task, fence: a try that has a worker, one blocker each; none: there are no workers */ \
	X(BLOCK_KEPT, "kept")             /* the workers that are free are kept for scheduled runs; task, fence: who has one of the others */ \
	X(BLOCK_MAX_ACTIVE, "max active") /* run has as many tries as it may; task, fence: each of them */

#define BLOCKER_ENUM(id, name) id,
enum blocker_kind { BLOCKER_KINDS(BLOCKER_ENUM) BLOCKER_KINDS_END };
#undef BLOCKER_ENUM

struct blocker {
	enum blocker_kind kind;
	struct task_id of;     /* the task that is held up: the one that was asked about, or one above it */
	struct task_id task;
	enum task_state state; /* of `task` */
	uint64_t fence;        /* of `task`'s try under way; 0: none */
	uint32_t run, pool, hold;
	int64_t at_ms;
};

enum { EXPLAIN_MAX = 100 }; /* blockers named at most */

struct explanation {
	enum task_state state;
	enum task_result result;
	uint64_t fence;        /* of its own try under way; 0: none */
	struct blocker *blockers; size_t nblockers;
	uint64_t more;         /* blockers that are not named */
	int64_t start_ms;      /* when it might start, on the events' clock: what must come before it, by expected durations
	                          and as many at once as may run; INT64_MAX: it cannot be said */
};

/* False when there is no such task. What is returned lives in `arena`. */
bool machine_explain(const struct machine *m, struct task_id task, struct arena *arena, struct explanation *ret);

const char *blocker_kind_name(enum blocker_kind k);

#endif
