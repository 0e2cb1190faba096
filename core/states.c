/* See states.h. */
#include "core/states.h"

#include <stddef.h>

#define NAME(id, name, doc) name,
static const char *const run_states[] = {RUN_STATES(NAME)};
static const char *const run_results[] = {RUN_RESULTS(NAME)};
static const char *const run_kinds[] = {RUN_KINDS(NAME)};
static const char *const task_states[] = {TASK_STATES(NAME)};
static const char *const task_results[] = {TASK_RESULTS(NAME)};
static const char *const task_waits[] = {TASK_WAITS(NAME)};
static const char *const try_states[] = {TRY_STATES(NAME)};
static const char *const try_outcomes[] = {TRY_OUTCOMES(NAME)};
#undef NAME

/* Row: from, column: to. */
static const bool run_transitions[RUN_STATES_END][RUN_STATES_END] = {
	[RUN_PLANNED] = {[RUN_RUNNING] = true, [RUN_DONE] = true},
	[RUN_RUNNING] = {[RUN_DONE] = true},
};

static const bool task_transitions[TASK_STATES_END][TASK_STATES_END] = {
	[TASK_WAITING] = {[TASK_WAITING] = true, [TASK_READY] = true, [TASK_DONE] = true}, /* waiting: for its source, from now on */
	[TASK_READY] = {[TASK_RUNNING] = true, [TASK_WAITING] = true, [TASK_DONE] = true}, /* waiting: the run was paused, or it gives way */
	[TASK_RUNNING] = {[TASK_WAITING] = true, [TASK_DONE] = true}, /* waiting: for its retry */
};

static const bool try_transitions[TRY_STATES_END][TRY_STATES_END] = {
	[TRY_STARTING] = {[TRY_RUNNING] = true, [TRY_ENDED] = true},
	[TRY_RUNNING] = {[TRY_ENDED] = true},
};

/* A value from a damaged record is no reason to crash: it has a name too. */
#define LOOK_UP(table, i) ((size_t)(i) < sizeof(table) / sizeof *(table) ? (table)[(size_t)(i)] : "?")

const char *run_state_name(enum run_state s)
{
	return LOOK_UP(run_states, s);
}

const char *run_result_name(enum run_result r)
{
	return LOOK_UP(run_results, r);
}

const char *run_kind_name(enum run_kind k)
{
	return LOOK_UP(run_kinds, k);
}

const char *task_state_name(enum task_state s)
{
	return LOOK_UP(task_states, s);
}

const char *task_result_name(enum task_result r)
{
	return LOOK_UP(task_results, r);
}

const char *task_wait_name(enum task_wait w)
{
	return LOOK_UP(task_waits, w);
}

const char *try_state_name(enum try_state s)
{
	return LOOK_UP(try_states, s);
}

const char *try_outcome_name(enum try_outcome o)
{
	return LOOK_UP(try_outcomes, o);
}

bool run_may(enum run_state from, enum run_state to)
{
	return (unsigned)from < RUN_STATES_END && (unsigned)to < RUN_STATES_END && run_transitions[from][to];
}

bool task_may(enum task_state from, enum task_state to)
{
	return (unsigned)from < TASK_STATES_END && (unsigned)to < TASK_STATES_END && task_transitions[from][to];
}

bool try_may(enum try_state from, enum try_state to)
{
	return (unsigned)from < TRY_STATES_END && (unsigned)to < TRY_STATES_END && try_transitions[from][to];
}
