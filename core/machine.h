/* The scheduler's rules: which task may start now, and what follows from what happened.
 *
 * Pure: machine_step() has no clock, socket or process in it. Events carry the time and everything the
 * world decided; actions say what the caller must do. The same events give the same actions, so the whole
 * scheduler runs in a seeded simulation (tests/sim).
 *
 * Persist, then act. Every change of state is an ACT_TRANSITION with a growing `seq`. The caller writes
 * the transitions in order and reports EV_COMMITTED{seq} when all up to seq are durable. Only then does
 * the machine send ACT_START for tries recorded by them, release the dependents of tasks that ended, or
 * say ACT_RUN_DONE.
 *
 * Many runs live in one machine, and take turns (core/machine_turn.c). The same partition in two of them is
 * one thing (spec_table.key): at most one of its tasks is being decided, ready or running. The others are
 * parked: they wait without a word, and are decided anew when it is done or waits for its retry or its source. One that is
 * only ready goes back to waiting for a more urgent run: backfills wait for manual runs, both for scheduled ones.
 *
 * Consecutive dates of a table whose tries are short may start together, as a batch (spec_table.batch): they go to one
 * worker, which works one after the other and publishes them at once. A batch takes the room of one try, but a slot of
 * its pool for each; each try of it has its own row, fence, result and retry.
 *
 * Partitions can be held (EV_HOLD), for who changes them beside the machine: what runs comes to its end, what is ready goes
 * back, and from ACT_HELD until EV_HOLD_END no task of them is decided, ready or running, in no run; they are parked.
 *
 * A task is (run, table, date). Tables and dates are indexes into the run's spec; a task costs bytes, and
 * edges are per table (core/span.h), never per task. Readiness is a counter per task. */
#ifndef STRATA_CORE_MACHINE_H
#define STRATA_CORE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/span.h"
#include "core/states.h"

struct task_id {
	uint32_t run;   /* handle given by the caller in EV_RUN_ADD */
	uint32_t table; /* index into run_spec.tables */
	uint32_t date;  /* days after run_spec.first_day; 0 for an unpartitioned table */
};

enum error_class {
	ERROR_NONE,
	ERROR_SQL,      /* the engine rejects the query, or a check failed: never retried unless retry_any */
	ERROR_CHECK,
	ERROR_TRANSIENT, /* I/O, out of memory, store 5xx, lost worker: a retry can cure it */
	ERROR_PERMANENT, /* anything else that a retry cannot cure: layout change, never built, ... */
};

struct spec_table {
	bool partitioned;
	uint32_t key;           /* the same in two runs: the same table, so one try a day at a time; 0: none. Once in a run */
	uint32_t pool;          /* index into the machine's pools */
	int32_t weight;         /* larger starts first */
	int64_t duration_us;    /* what a try is expected to take, for machine_explain; 0: unknown */
	uint32_t retries;
	int64_t retry_delay_ms, max_retry_delay_ms;
	double retry_backoff;
	bool retry_any;
	int64_t timeout_ms;     /* 0: none */
	uint32_t batch;         /* so many dates may start together, if it does not read itself; 0 or 1: none do */
	uint32_t edge_first, edge_end; /* what it reads: run_spec.edges[edge_first .. edge_end) */
};

struct spec_edge {
	uint32_t up;            /* table index in the run; equal to the reader's: waits for its own earlier dates */
	const struct span *spans; /* none: all dates */
	size_t nspans;
};

/* What a run is made of. Stays valid and unchanged until ACT_RUN_DONE; owned by the caller. */
struct run_spec {
	enum run_kind kind;
	int32_t first_day;
	uint32_t ndates;             /* at least 1 */
	const struct spec_table *tables;
	uint32_t ntables;
	const struct spec_edge *edges;
	const uint64_t *todo;        /* bit (table * ndates + date): a task of the run; others are fresh or none */
	const uint64_t *told;        /* of those, in the same way: something was said of it in an earlier life of the run, and
	                                what becomes of it has to be said, too; NULL: of none */
	bool fail_fast;
	bool continue_on_error;      /* a failed date withholds no later date of its table (backfill only) */
	bool quiet;                  /* a task of which nothing was said yet ends fresh, canceled, skipped or withheld without
	                                a word: it is in the counts only, so that a million of them is no million rows */
	bool paused;                 /* from the start, until EV_UNPAUSE_RUN */
	uint32_t max_active;         /* tries of the run in flight at once; 0: as many as there is room for */
};

enum event_kind {
	EV_RUN_ADD,     /* run, spec */
	EV_COMMITTED,   /* seq */
	EV_DECIDED,     /* task, decision */
	EV_TRY_RUNNING, /* fence; the timeout counts from here */
	EV_TRY_ENDED,   /* fence, outcome, error, empty, jitter, took_us, blameless */
	EV_CANCEL_RUN,  /* run: somebody wants it to end */
	EV_RUN_TIMEOUT, /* run: it has taken longer than it may; as EV_CANCEL_RUN, but its result is RUN_FAILED */
	EV_PAUSE_RUN,   /* run: it starts and decides nothing more; what is under way goes on */
	EV_UNPAUSE_RUN, /* run */
	EV_RETRY_NOW,   /* task: if it waits for its retry's time, that is now */
	EV_SOURCE,      /* task: if it waits for its source, that may have come: it is decided anew */
	EV_HOLD,        /* hold: which partitions of which table; ACT_HELD follows */
	EV_HOLD_END,    /* hold.id */
	EV_CAPACITY,    /* capacity: how many batches may be in flight (starting or running; a try alone is one); kept */
	EV_POOLS,       /* pool_slots, npools: of a project that was reloaded. Pools beyond npools keep their slots */
	EV_TIME,        /* only `now` */
};

enum decision {
	DECIDE_BUILD,
	DECIDE_FRESH, /* what is published is what it would make */
	DECIDE_FAIL,  /* cannot be built: e.g. an upstream partition was never built */
	DECIDE_WAIT,  /* its source has not come: it waits for EV_SOURCE, without its partition's claim */
};

/* The partitions of a table that somebody wants for himself. */
struct machine_hold {
	uint32_t id;             /* given by the caller, never used twice */
	uint32_t key;            /* spec_table.key */
	int32_t first, last;     /* days, inclusive; DATE_NONE both: all, that of an unpartitioned table, too */
};

struct event {
	enum event_kind kind;
	int64_t now_ms;          /* monotonic; never goes back */
	uint32_t run;
	const struct run_spec *spec;
	uint64_t seq;
	struct task_id task;
	enum decision decision;
	uint64_t fence;
	enum try_outcome outcome;
	enum error_class error;
	bool empty;              /* success without rows */
	bool blameless;          /* lost with its batch, while another try of that was at work: it does not count */
	int64_t took_us;         /* its own work, without what it waited for its batch; 0: not known */
	uint32_t capacity, kept; /* as in machine_config */
	const uint32_t *pool_slots; /* copied */
	uint32_t npools;
	struct machine_hold hold;
	double jitter;           /* 0..1, for retry delays; the caller's randomness */
};

enum action_kind {
	ACT_TRANSITION, /* persist it; see `transition` */
	ACT_DECIDE,     /* task: answer with EV_DECIDED */
	ACT_START,      /* task, fence, try_no, batch: hand the try to a worker (its row is durable). Those of a batch are said in one
	                 * step, one right after the other */
	ACT_STOP,       /* fence, stop: interrupt the try; EV_TRY_ENDED follows in any case. After STOP_TIMEOUT, which who runs it may
	                 * ignore, STOP_CANCEL can still come */
	ACT_TIMER,      /* at_ms: send EV_TIME then; replaces the timer before; INT64_MAX: none */
	ACT_HELD,       /* hold: of its partitions nothing is decided, ready or running any more, and all that was is durable */
	ACT_RUN_DONE,   /* run, run_result: durable; the spec may be freed, the counts are readable until the next step */
};

enum stop_reason { STOP_CANCEL, STOP_TIMEOUT };

enum cause_kind {
	CAUSE_NONE,
	CAUSE_UPSTREAM, /* cause_task: the task whose failure withheld this one */
	CAUSE_FAIL_FAST,
	CAUSE_CANCEL,
	CAUSE_RUN_TIMEOUT,
};

enum object_kind { OBJECT_RUN, OBJECT_TASK, OBJECT_TRY };

struct transition {
	uint64_t seq;
	enum object_kind object;
	struct task_id task;     /* OBJECT_RUN: only .run */
	uint64_t fence;          /* OBJECT_TRY */
	uint64_t batch;          /* OBJECT_TRY: fence of the first try of its batch */
	uint32_t try_no;         /* OBJECT_TRY: from 1; OBJECT_TASK: tries so far */
	int from, to;            /* run_state, task_state or try_state; from is -1 for a new try */
	int result;              /* run_result, task_result or try_outcome; 0 when none */
	enum task_wait wait;     /* OBJECT_TASK: why not yet */
	enum cause_kind cause;
	struct task_id cause_task;
	int64_t retry_at_ms;     /* OBJECT_TASK with WAIT_RETRY */
};

struct action {
	enum action_kind kind;
	struct transition transition;
	struct task_id task;
	uint32_t run;
	enum run_result run_result;
	uint64_t fence, batch;
	uint32_t try_no;
	enum stop_reason stop;
	int64_t at_ms;
	uint32_t hold;
};

/* Filled by machine_step; init with {0}, free with actions_free; `len` is reset by each step. */
struct actions {
	struct action *items;
	size_t len, cap;
};
void actions_free(struct actions *a);

struct machine_config {
	uint64_t next_fence;        /* larger than any fence ever used in this lake */
	uint32_t capacity;
	uint32_t kept;              /* of the capacity: only for RUN_SCHEDULED. One is always left for the others */
	const uint32_t *pool_slots; /* copied */
	uint32_t npools;
};

/* Counts for progress and tests. */
struct run_counts {
	uint64_t tasks;                          /* set in todo */
	uint64_t by_state[TASK_STATES_END];
	uint64_t by_result[TASK_RESULTS_END];
	uint64_t tries;
};

struct machine;
struct machine *machine_new(const struct machine_config *config);
void machine_free(struct machine *m);

/* One event in, the actions that follow out. Events that came too late (a fence that ended, a run that is
 * done) are ignored. */
void machine_step(struct machine *m, const struct event *ev, struct actions *out);

bool machine_run_counts(const struct machine *m, uint32_t run, struct run_counts *ret);
uint64_t machine_next_fence(const struct machine *m);
uint32_t machine_in_flight(const struct machine *m);
enum task_state machine_task_state(const struct machine *m, struct task_id task);
enum task_result machine_task_result(const struct machine *m, struct task_id task);

#endif
