/* States, results, waits and outcomes: one table each, which also makes docs/STATES.md and the CHECK
 * constraints of sql/ (tests/unit/test_states.c compares them).
 *
 * A state says where a thing is, a result how it ended, a wait why it is not there yet. */
#ifndef STRATA_CORE_STATES_H
#define STRATA_CORE_STATES_H

#include <stdbool.h>

#define RUN_STATES(X) \
	X(RUN_PLANNED, "planned", "accepted and stored, no task has started") \
	X(RUN_RUNNING, "running", "at least one task may run") \
	X(RUN_DONE, "done", "every task has a result")

#define RUN_RESULTS(X) \
	X(RUN_RESULT_NONE, "", "not done yet") \
	X(RUN_SUCCESS, "success", "no task failed") \
	X(RUN_FAILED, "failed", "a task failed, or the run was lost with its scheduler") \
	X(RUN_CANCELED, "canceled", "somebody canceled it")

#define RUN_KINDS(X) \
	X(RUN_MANUAL, "manual", "asked for with `run`") \
	X(RUN_SCHEDULED, "scheduled", "made by a schedule") \
	X(RUN_BACKFILL, "backfill", "asked for with `backfill`")

#define TASK_STATES(X) \
	X(TASK_WAITING, "waiting", "not everything it needs is there; has a row only where it was under way, or its source is awaited") \
	X(TASK_READY, "ready", "may start as soon as there is room") \
	X(TASK_RUNNING, "running", "a try is under way") \
	X(TASK_DONE, "done", "has a result")

#define TASK_RESULTS(X) \
	X(TASK_RESULT_NONE, "", "not done yet") \
	X(TASK_SUCCESS, "success", "published, or its action succeeded") \
	X(TASK_EMPTY, "empty", "ran well and had no rows; nothing is published") \
	X(TASK_FRESH, "fresh", "what is published is what it would make; nothing ran") \
	X(TASK_FAILED, "failed", "its last try failed") \
	X(TASK_TIMEOUT, "timeout", "its last try ran longer than its timeout") \
	X(TASK_UPSTREAM_FAILED, "upstream_failed", "something it reads, or its own earlier date, failed") \
	X(TASK_CANCELED, "canceled", "the run or the task was canceled") \
	X(TASK_SKIPPED, "skipped", "not needed after all, or withheld by --fail-fast")

#define TASK_WAITS(X) \
	X(WAIT_NONE, "", "waits for nothing") \
	X(WAIT_DEPENDENCIES, "dependencies", "upstream tasks of the run are not done") \
	X(WAIT_POOL, "pool", "its pool, or every worker, is busy") \
	X(WAIT_RETRY, "retry", "the next try has a time") \
	X(WAIT_SCHEDULE, "schedule", "its interval has not ended") \
	X(WAIT_PAUSED, "paused", "somebody paused it") \
	X(WAIT_SOURCE, "source", "its source files are not there yet") \
	X(WAIT_HOST, "host", "no scheduler of the lake's host is up")

#define TRY_STATES(X) \
	X(TRY_STARTING, "starting", "recorded with its fence; on its way to a worker") \
	X(TRY_RUNNING, "running", "a worker has begun it") \
	X(TRY_ENDED, "ended", "has an outcome")

#define TRY_OUTCOMES(X) \
	X(OUTCOME_NONE, "", "not ended yet") \
	X(OUTCOME_SUCCESS, "success", "published, empty, or its action succeeded") \
	X(OUTCOME_ERROR, "error", "the engine, a check or the commit failed") \
	X(OUTCOME_TIMEOUT, "timeout", "stopped because it ran too long") \
	X(OUTCOME_LOST, "lost", "its worker died and had not published") \
	X(OUTCOME_KILLED, "killed", "stopped because it was canceled") \
	X(OUTCOME_FENCED, "fenced", "a newer try had published: it did nothing")

#define STATES_ENUM(id, name, doc) id,
enum run_state { RUN_STATES(STATES_ENUM) RUN_STATES_END };
enum run_result { RUN_RESULTS(STATES_ENUM) RUN_RESULTS_END };
enum run_kind { RUN_KINDS(STATES_ENUM) RUN_KINDS_END };
enum task_state { TASK_STATES(STATES_ENUM) TASK_STATES_END };
enum task_result { TASK_RESULTS(STATES_ENUM) TASK_RESULTS_END };
enum task_wait { TASK_WAITS(STATES_ENUM) TASK_WAITS_END };
enum try_state { TRY_STATES(STATES_ENUM) TRY_STATES_END };
enum try_outcome { TRY_OUTCOMES(STATES_ENUM) TRY_OUTCOMES_END };
#undef STATES_ENUM

const char *run_state_name(enum run_state s);
const char *run_result_name(enum run_result r);
const char *run_kind_name(enum run_kind k);
const char *task_state_name(enum task_state s);
const char *task_result_name(enum task_result r);
const char *task_wait_name(enum task_wait w);
const char *try_state_name(enum try_state s);
const char *try_outcome_name(enum try_outcome o);

/* The transition tables. Setting a state that is set already is no transition and not legal, but for a task that
 * waits and from now on waits for its source. */
bool run_may(enum run_state from, enum run_state to);
bool task_may(enum task_state from, enum task_state to);
bool try_may(enum try_state from, enum try_state to);

#endif
