/* The runner's parts: runner.c drives the machine, runner_run.c begins and ends runs, runner_try.c handles one
 * try, runner_heard.c tells who reads of what was published, runner_record.c writes the journal, runner_resume.c knows what
 * a run that goes on has done before, runner_hold.c keeps runs away from partitions. */
#ifndef STRATA_SCHEDULER_RUNNER_INTERNAL_H
#define STRATA_SCHEDULER_RUNNER_INTERNAL_H

#include <uthash.h>

#include "base/arena.h"
#include "base/list.h"
#include "scheduler/journal.h"
#include "scheduler/lake.h"
#include "scheduler/queries.h"
#include "scheduler/runner.h"
#include "scheduler/sensor.h"
#include "scheduler/try_build.h"

/* Names of all projects that there were, each with its number in the machine. */
struct shared_name {
	UT_hash_handle hh;
	uint32_t number;
	char name[];
};

/* What a run that goes on has behind it; all zero: nothing. */
struct resumed {
	uint32_t *tries;          /* of each task that is left to do, as plan->tasks */
	uint64_t *told;           /* bits: those of them that have a row */
	struct run_counts counts; /* of tasks that are not left to do; but the tries of all */
};

/* How far a run was when its row was told last. */
struct progress {
	bool dirty;
	uint64_t seen_done, seen_running; /* when a step ended last */
	uint64_t done;
	int64_t since_us;       /* monotonic */
	double per_hour;        /* tasks that end, by the newest seconds; 0: not known */
};

/* A run from its start to ACT_RUN_DONE. */
struct live_run {
	UT_hash_handle hh;      /* by handle */
	uint32_t handle;        /* the machine's name of it; never used twice */
	struct runner *runner;
	struct plan *plan;
	struct runner_request request;
	struct runner_observer observer;
	struct run_spec *spec;
	struct arena arena;
	struct try_common common;
	struct resumed resumed;
	struct run_summary summary;
	int64_t started_us;
	int64_t mark;           /* of the journal, when its row was added */
	struct progress progress;
	bool ended;             /* its last transition is in the journal */
	bool done;
	runner_done_fn *on_done;
	void *on_done_ctx;
};

/* A try from its `starting` row to its end. */
struct live_try {
	UT_hash_handle hh;      /* by fence */
	struct runner *runner;
	struct live_run *run;
	uint64_t fence;
	struct task_id task;
	uint32_t try_no;
	char try_id[UUID_SIZE];
	char *log_path;
	struct arena arena;     /* the request and what it needs */
	struct rendered rendered;
	char *fingerprint;
	uint64_t request;       /* workers_ask; 0: not sent */
	int64_t sent_us, running_us; /* monotonic */
	char worker[32];
	char stage[12];         /* that it has begun, as its worker said; "": none yet */
	struct try_event far;   /* how far it is in that stage, as its worker said last; only the numbers */
	bool stopped;           /* ACT_STOP came */
	bool blameless;         /* its worker died at work on another try of its batch */
	bool staged;            /* it has done its work, and waits for its batch to be published */
	enum stop_reason stop;
	/* what it ended with, for the journal; valid while the machine takes its end */
	const struct try_result *result; /* NULL: it has none (lost, could not start) */
	enum try_outcome outcome;
	char *error;            /* the message, or NULL */
	const char *error_class;
	int error_line, error_col; /* in the file */
};

/* Partitions that are kept for somebody else. */
struct live_hold {
	UT_hash_handle hh;      /* by id */
	uint32_t id;            /* the machine's name of it */
	bool told;
	char *by;
	runner_held_fn *held;
	void *ctx;
};

struct runner {
	struct runner_config config;
	struct journal *journal;
	struct machine *machine; /* NULL before the first run */
	struct live_run *runs;
	uint32_t handles;       /* given out so far */
	struct live_hold *holds;
	uint32_t holds_given;
	uint32_t kept;          /* workers that only scheduled runs may use */
	struct shared_name *tables; /* spec_table.key; from 1 */
	struct shared_name *pools;  /* the machine's pools; from 0, "default" first */
	uint32_t *pool_slots;       /* of the machine's pools */
	struct actions actions;
	struct event *queue;    /* events that wait for their turn */
	size_t queued, queue_cap, taken;
	bool stepping;
	bool waited;            /* something was recorded since the last flush whose commit is waited for */
	struct sensor *sensor;   /* of tasks that wait for their source */
	struct live_try *tries;
	struct list heard;      /* published, for runs that are planned */
	unsigned listeners;     /* so many are planned */
	uint32_t sweeping;      /* requests to remove what dead workers left; the run ends after them */
	struct live_try *ending; /* the one whose end the machine is taking; else NULL */
	uv_timer_t timer;       /* the machine's */
	uv_timer_t progress_timer;
	bool progress_set;
	char *workers_told, *lanes_told; /* what was said of the workers and the slots last; NULL: nothing yet */
	uv_timer_t db_timer;    /* looks whether the database stays away too long */
	struct err err;         /* why it cannot go on; code 0: it can */
};

int64_t runner_now_ms(void);
/* runner_run.c: the runs of it */
void live_run_done(struct live_run *run, enum run_result result);
void live_run_free(struct live_run *run);
void shared_names_free(struct shared_name *names);
/* The number of `name`, a new one from `first` on where it has none. */
uint32_t shared_name_number(struct shared_name **names, const char *name, uint32_t first);
void live_machine(struct runner *r); /* makes it, if there is none yet */
/* Counts to those who watch; runs that are done are told and freed. */
void live_runs_tell(struct runner *r);

/* Give the machine an event, now or, from within a step, right after it. */
void runner_event(struct runner *r, const struct event *ev);
/* It cannot go on: stop the workers' tries; nothing more is recorded. */
void runner_give_up(struct runner *r, const struct err *why);

struct live_run *live_run_find(const struct runner *r, uint32_t handle); /* NULL when it is done */
const struct table *run_table(const struct live_run *run, struct task_id task);
int32_t run_day(const struct live_run *run, struct task_id task);
struct plan_task *run_planned(const struct live_run *run, struct task_id task); /* as its plan has it */
/* "dwd.dwd_flights 2013-01-03" appended. */
void run_task_name(const struct live_run *run, struct task_id task, struct buf *out);

/* runner_try.c */
struct live_try *live_try_new(struct runner *r, const struct transition *t);
struct live_try *live_try_find(struct runner *r, uint64_t fence);
void live_try_start(struct live_try *lt);
void live_try_stop(struct live_try *lt, enum stop_reason why);
void live_try_free(struct live_try *lt);

/* runner_heard.c: of a success that publishes. At once; and, when it is on its way into the state, with the journal's mark. */
void heard_tell_runs(const struct live_try *lt);
void heard_tell_checked(const struct live_try *lt); /* of one that only checked: another fingerprint */
void heard_keep(struct runner *r, const struct live_try *lt, int64_t mark);
void heard_close(struct runner *r);

/* runner_hold.c */
void live_hold_told(struct runner *r, uint32_t id);
const struct live_hold *live_hold_find(const struct runner *r, uint32_t id);
void live_holds_free(struct runner *r);

/* runner_resume.c */
void resume_begin(struct live_run *run, const struct task_row *rows, size_t n); /* with record_run */
uint32_t resume_tries(const struct live_run *run, struct task_id task);
void resume_add(const struct live_run *run, struct run_counts *counts);

/* runner_workers.c: to the journal, where it is not what was said last. */
bool live_workers_tell(struct runner *r);

/* runner_progress.c */
void live_progress_open(struct runner *r);
void live_progress_close(struct runner *r);
void live_progress_begin(struct live_run *run, const struct runner_request *rq); /* its spec is made */
void live_progress_look(struct runner *r); /* soon */
void live_progress_note(struct live_run *run, const struct run_counts *counts);

/* runner_record.c: rows for the journal, in the order of the machine's actions. */
void record_open(struct runner *r);
void record_run(struct live_run *run);
/* A task of which only its row is left has ended so; `cause` "" : for no reason. */
void record_row_end(struct runner *r, const char *run_id, const struct task_row *row, enum task_result result, const char *cause);
/* How it ended, by its row; TASK_RESULT_NONE: it has not. */
enum task_result row_result(const struct task_row *row);
void record_transition(struct runner *r, const struct transition *t);
void record_flush(struct runner *r);
void record_settle(struct runner *r); /* run the loop until everything is durable, or it cannot be */
void record_close(struct runner *r);

#endif
