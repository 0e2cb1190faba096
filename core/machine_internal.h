/* What the machine is made of; only core/machine*.c and core/explain.c include it.
 *
 * A run has one struct mtask a task, in `tasks`, by table and then date: a partitioned table has ndates of
 * them from first[table] on, an unpartitioned one has one. Each pool of a run is a lane: tasks whose
 * dependencies are done lie in `eligible`; as many as fit the look-ahead are being decided; those to build
 * lie in `ready`. Entries of tasks that ended or went back meanwhile are dropped when they come to the top.
 *
 * A task that is being decided, ready or running has the claim of its (key, day), if its table has a key. While that
 * is held, nobody takes its claim: such tasks are parked behind the hold. */
#ifndef STRATA_CORE_MACHINE_INTERNAL_H
#define STRATA_CORE_MACHINE_INTERNAL_H

#include "base/heap.h"
#include "core/date.h"
#include "core/machine.h"

struct place {
	uint32_t table, date;
};

/* A heap of tasks: larger weight first, then older date, then lower table. */
struct queue {
	struct place *items;
	size_t len, cap;
};

enum task_flag {
	TASK_IN_RUN = 1,   /* set in todo */
	TASK_ELIGIBLE = 2, /* lies in its lane's `eligible` */
	TASK_DECIDING = 4, /* ACT_DECIDE sent, not answered */
	TASK_RETRYING = 8, /* waits for the time of its next try */
	TASK_PARKED = 16,  /* waits for the claim that a task of another run has, or for the end of a hold */
	TASK_TOLD = 32,    /* a transition of it was said, in this life or an earlier one; stays */
	TASK_AWAITING = 64, /* waits for its source, until EV_SOURCE */
};

struct mtask {
	uint32_t waits; /* tasks of the run still to be done first, once for each span that covers them */
	uint32_t tries;
	uint8_t state, result, flags;
	uint8_t spared; /* of the tries: those that were lost without blame */
};

struct lane {
	struct queue eligible, ready;
	uint32_t ahead;  /* tasks being decided or ready */
	uint64_t served; /* m->served when it last had a turn */
};

enum { TASK_STAYS = TASK_IN_RUN | TASK_TOLD };

/* An edge as seen from its upstream table. */
struct down {
	uint32_t edge, reader;
};

struct mrun {
	uint32_t id;
	uint32_t serial;           /* never used twice, which the caller's id may be */
	const struct run_spec *spec; /* NULL once ACT_RUN_DONE was sent */
	enum run_state state;
	enum run_result result;
	bool canceled, failed_fast; /* no new try may start */
	bool timed_out;            /* canceled by EV_RUN_TIMEOUT */
	struct place failed_first; /* whose failure failed_fast follows from */
	bool paused;
	bool may_decide;           /* since the last look a task became eligible, or there is room ahead */
	uint32_t active;           /* tries that have not ended */
	uint64_t served;           /* m->served when it last started something, or was added */
	struct run_counts counts;
	uint32_t ntables;
	uint32_t *first;           /* [ntables + 1]: index of a table's first task */
	struct mtask *tasks;       /* [first[ntables]] */
	uint32_t *down_first;      /* [ntables + 1] into downs */
	struct down *downs;
	int64_t *took_us;          /* [ntables]: what tries of this run took, nearly the most; 0: not known yet */
	uint32_t *failed_from;     /* [ntables]: later dates than this one are withheld; UINT32_MAX: none */
	uint32_t npools;           /* of the machine when the run was added */
	struct lane *lanes;        /* [npools] */
	struct mrun *next_gone;
};

/* A try that has not ended. */
struct mtry {
	uint64_t fence;
	uint64_t batch;       /* fence of the first one of its batch */
	uint32_t run;
	struct place at;
	uint32_t try_no;
	enum try_state state;
	bool sent;            /* ACT_START went out: its row is durable */
	bool stopped;         /* ACT_STOP went out, for `stop` */
	enum stop_reason stop;
	int64_t since_ms;     /* of its state */
	int64_t deadline_ms;  /* INT64_MAX: none */
};

enum pending_kind { PENDING_START, PENDING_RELEASE, PENDING_RUN_DONE };

/* What waits until `seq` is durable. */
struct pending {
	uint64_t seq;
	enum pending_kind kind;
	uint32_t run;
	struct place at;
	uint64_t fence;
};

/* Who has a (key, day), and who is parked behind it. */
struct claim {
	uint32_t key;      /* 0: a free place */
	int32_t day;       /* DATE_NONE: of an unpartitioned table */
	uint32_t serial;   /* of the holder's run */
	struct place at;
	uint32_t parked;   /* its first entry in claims.parked; 0: none */
};

struct parked {
	uint32_t serial;
	struct place at;
	uint32_t next;     /* 0: the last one; also links the free ones */
};

/* An open hash: `cap` is a power of two, at least twice `len`. */
struct claims {
	struct claim *items;
	size_t len, cap;
	struct parked *parked; uint32_t nparked, cap_parked, free_parked; /* [0] is not used */
};

struct hold {
	struct machine_hold what;
	uint32_t under_way; /* claims of its partitions */
	uint64_t seq;       /* what must be durable, once none is left */
	bool told;          /* ACT_HELD */
	uint32_t parked;    /* as claim.parked */
};

struct machine {
	int64_t now_ms;
	uint64_t seq, committed;
	uint64_t next_fence;
	uint32_t capacity, kept;
	uint32_t npools;
	uint32_t *pool_slots, *pool_used;
	struct mrun **runs; size_t nruns, cap_runs; /* in the order they were added */
	struct mrun *gone;                          /* done in the last step; freed by the next, so that counts can still be read */
	uint64_t served;                            /* grows with each turn */
	uint32_t nbatches;                          /* with a try that has not ended: what the capacity counts */
	uint32_t unscheduled;                       /* of the batches: those of other runs than scheduled ones */
	struct claims claims;
	struct hold *holds; size_t nholds, cap_holds; /* in the order they came */
	struct mtry *tries; size_t ntries, cap_tries; /* by fence: it only grows */
	struct pending *pending; size_t pending_head, npending, cap_pending; /* by seq */
	struct heap retries;   /* retry_at_ms -> serial of the run << 32 | task index */
	uint32_t serial;
	int64_t timer_ms;      /* the last ACT_TIMER */
	struct actions *out;   /* of this step */
};

/* machine.c */
struct action *machine_emit(struct machine *m, enum action_kind kind);
struct transition *machine_transition(struct machine *m, enum object_kind object, uint32_t run);
void machine_pend(struct machine *m, enum pending_kind kind, uint32_t run, struct place at, uint64_t fence);
struct mrun *machine_run(const struct machine *m, uint32_t id); /* NULL when there is none */
struct mrun *machine_run_by_serial(const struct machine *m, uint32_t serial);

/* machine_run.c: a run as a whole, and what the end of one task means for others. */
struct mrun *run_new(struct machine *m, uint32_t id, const struct run_spec *spec);
void run_free(struct mrun *r);
/* What a reader waits for: an edge's upstream dates [*ret_lo, *ret_hi], for each of its spans; false: none. */
size_t edge_nspans(const struct run_spec *spec, const struct spec_edge *e);
bool edge_dates(const struct run_spec *spec, struct place reader, const struct spec_edge *e, size_t span, uint32_t *ret_lo,
                uint32_t *ret_hi);
void run_set(struct machine *m, struct mrun *r, enum run_state to);
void run_release(struct mrun *r, struct place done);
void run_fail(struct machine *m, struct mrun *r, struct place failed); /* its task has just failed */
void run_withhold(struct machine *m, struct mrun *r, struct place p); /* it waits again: not if others have failed meanwhile */
void run_cancel(struct machine *m, struct mrun *r, bool timed_out);
/* Why its tasks are canceled. */
static inline enum cause_kind run_cancel_cause(const struct mrun *r)
{
	return r->timed_out ? CAUSE_RUN_TIMEOUT : CAUSE_CANCEL;
}
void run_pause(struct machine *m, struct mrun *r, bool paused);
void run_finish_if_done(struct machine *m, struct mrun *r);

/* machine_task.c: one task and its tries. */
struct task_change {
	enum task_state to;
	enum task_result result;
	enum task_wait wait;
	enum cause_kind cause;
	struct place cause_at;
	int64_t retry_at_ms;
};
void task_set(struct machine *m, struct mrun *r, struct place p, struct task_change c);
void task_eligible(struct mrun *r, struct place p);
void task_decided(struct machine *m, struct mrun *r, struct place p, enum decision d);
void task_put_back(struct machine *m, struct mrun *r, struct place p, enum task_wait wait); /* ready -> waiting, to be decided anew */
void task_retry_now(struct machine *m, struct mrun *r, struct place p);
void task_source(struct mrun *r, struct place p); /* what it waits for may have come */
void task_start(struct machine *m, struct mrun *r, struct place p, uint32_t dates); /* so many from p on, as one batch */
void tasks_retry_due(struct machine *m);
int64_t task_retry_at(const struct machine *m, const struct mrun *r, struct place p); /* it is TASK_RETRYING */
int64_t tasks_next_retry(struct machine *m); /* INT64_MAX: none */

struct mtry *try_find(const struct machine *m, uint64_t fence); /* NULL when it ended or never was */
void try_running(struct machine *m, struct mtry *t);
void try_ended(struct machine *m, struct mtry *t, const struct event *ev);
void try_cancel(struct machine *m, struct mrun *r, struct mtry *t); /* may remove it from m->tries */
void tries_stop_due(struct machine *m);
int64_t tries_next_deadline(const struct machine *m); /* INT64_MAX: none */

/* machine_turn.c: who is decided, and who starts, next. */
enum { MOST_URGENT = 2 };
int run_urgency(const struct mrun *r); /* a backfill's is 0: it can wait, a schedule cannot, and who typed `run` waits for it */
void tasks_decide_ahead(struct machine *m);
void tasks_start(struct machine *m);
uint32_t machine_kept(const struct machine *m); /* how many workers runs of other kinds leave to scheduled ones */
uint64_t lane_look_ahead(const struct machine *m);
bool run_may_start(const struct machine *m, const struct mrun *r);
struct lane *run_best_lane(const struct machine *m, struct mrun *r); /* of those with room; NULL: nothing is ready there */

/* machine_claim.c: one task at a time for a partition, over all runs. */
void claim_take(struct machine *m, struct mrun *r, struct place p); /* nobody has it */
void claim_drop(struct machine *m, struct mrun *r, struct place p); /* what is parked behind it becomes eligible */
struct mrun *claim_holder(const struct machine *m, const struct mrun *r, struct place p, struct place *ret_place); /* NULL: nobody */
void claim_park(struct machine *m, struct mrun *r, struct place p); /* somebody else has it */
bool claim_is_wanted(const struct machine *m, const struct mrun *r, struct place p); /* by a more urgent run, which is parked behind it */
void claims_free(struct claims *c);
uint32_t park(struct machine *m, struct mrun *r, struct place p, uint32_t before); /* before a list's first entry; returns the new one */
void unpark(struct machine *m, uint32_t first); /* all of that list become eligible */

/* machine_hold.c: partitions that somebody else has for himself. */
void hold_begin(struct machine *m, const struct machine_hold *what);
void hold_end(struct machine *m, uint32_t id);
struct hold *hold_of(const struct machine *m, const struct mrun *r, struct place p); /* NULL: it is not held */
void holds_unclaimed(struct machine *m, uint32_t key, int32_t day); /* the claim has just been dropped */
void holds_tell(struct machine *m);

/* machine_queue.c */
void queue_push(struct queue *q, const struct run_spec *spec, struct place p);
bool queue_pop(struct queue *q, const struct run_spec *spec, struct place *ret_place);
bool place_before(const struct run_spec *spec, struct place a, struct place b);

static inline uint32_t table_dates(const struct mrun *r, uint32_t table)
{
	return r->first[table + 1] - r->first[table];
}

static inline struct mtask *task_at(const struct mrun *r, struct place p)
{
	return &r->tasks[r->first[p.table] + p.date];
}

static inline struct lane *lane_of(const struct mrun *r, uint32_t table)
{
	return &r->lanes[r->spec->tables[table].pool];
}

static inline uint32_t place_key(const struct mrun *r, struct place p)
{
	return r->spec->tables[p.table].key;
}

static inline int32_t place_day(const struct mrun *r, struct place p)
{
	return r->spec->tables[p.table].partitioned ? r->spec->first_day + (int32_t)p.date : DATE_NONE;
}

/* Where a waiting task is: at most one of the flags that do not stay. */
static inline void task_flag(struct mtask *t, enum task_flag flag)
{
	t->flags = (uint8_t)((t->flags & TASK_STAYS) | flag);
}

/* Whether it has the claim of its (key, day), if there is one. */
static inline bool task_claims(const struct mtask *t)
{
	return t->state == TASK_READY || t->state == TASK_RUNNING || (t->flags & TASK_DECIDING);
}

static inline struct task_id task_id(const struct mrun *r, struct place p)
{
	return (struct task_id){r->id, p.table, p.date};
}

#endif
