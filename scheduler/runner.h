/* Runs carried out: the machine's actions become rows of the journal and requests to the workers, and
 * what comes of them becomes the machine's events.
 *
 * The order is the machine's (core/machine.h): a try is sent after its row is durable, dependents are
 * released after the end of what they read is. A result and its partition, lineage and checks are one
 * transaction. Whatever dies, the rows and the manifests tell what is left to do. */
#ifndef STRATA_SCHEDULER_RUNNER_H
#define STRATA_SCHEDULER_RUNNER_H

#include <jansson.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "core/machine.h"
#include "core/plan.h"
#include "scheduler/leader.h"
#include "scheduler/workers.h"

/* One try as it ended, for whoever watches; valid during the call. */
struct try_report {
	const struct table *table;
	int32_t day;
	uint32_t try_no;
	const char *reason;        /* why it was built: "new" */
	enum try_outcome outcome;
	bool empty;
	bool checked;              /* a success that made nothing: what is published passed its checks */
	int64_t rows, bytes;       /* of a success */
	int64_t cleared_rows;      /* of an empty success: rows that went away; -1: none were there */
	int64_t duration_us;       /* from the worker's start to its answer */
	const char *error;         /* NULL on success; the message, without its place */
	const char *file;          /* the table's, relative to the project */
	int line, col;             /* of the error in the file; 0: unknown */
	const char *log_path;
	const char *staging;       /* kept staged data, relative to the lake; NULL: none */
	const char *note;          /* or NULL */
};

/* A task that ended without a try of its own, or after its last. */
struct task_report {
	const struct table *table;
	int32_t day;
	enum task_result result;
	const struct table *cause; /* upstream_failed: who; or NULL */
	int32_t cause_day;
};

struct runner_observer {
	void (*try_started)(void *ctx, const struct table *t, int32_t day, uint32_t try_no, const char *worker);
	void (*try_ended)(void *ctx, const struct try_report *r);
	void (*task_ended)(void *ctx, const struct task_report *r);
	void (*source_awaited)(void *ctx, const struct table *t, int32_t day, const char *why); /* the task waits for its source */
	void (*progress)(void *ctx, const struct run_counts *counts); /* after each step that changed something */
	void *ctx;
};

struct task_row; /* queries.h */

struct runner_request {
	enum run_kind kind;
	const char *run_id;        /* new, or of an unfinished run */
	const char *selection;     /* as the caller wrote it, for people */
	bool force, fail_fast, continue_on_error, keep_staging, paused;
	bool canceled;                      /* it will be, as soon as it is there: nothing of it starts */
	bool quiet;                /* tasks that nothing was said of yet end without a row: see run_spec */
	uint32_t max_active;       /* tries at once; 0: no limit of its own */
	const int64_t *duration_us; /* [project->ntables] what a try usually takes, 0: unknown; only read while it begins; or NULL */
	const char *params;        /* a JSON object that is kept with the run; NULL: {} */
	const char *git_commit;    /* "" when unknown */
	const char *requested_by;
	const struct task_row *before; /* of an unfinished run that goes on: its rows (query_tasks), read after */
	size_t nbefore;                /* runner_recover; only looked at while it begins */
};

struct runner_config {
	uv_loop_t *loop;
	struct workers *workers;
	uint32_t jobs;
	PGconn *conn;              /* holds the lake's lock; the runner's from now on */
	const char *conninfo;
	const struct leader *leader;
	const char *lake;          /* absolute folder */
	bool stays;                /* a daemon: waits for its database as long as that takes */
	/* Called every 2 s while the database is away, for whoever can bring it back; may be NULL. */
	void (*db_away)(void *ctx);
	void *ctx;
};

struct run_summary {
	enum run_result result;
	struct run_counts counts;  /* of tasks that had to be built */
	uint64_t fresh;            /* found fresh by the plan */
	int64_t rows, bytes;       /* published */
	uint64_t published;        /* partitions */
	uint64_t checked;          /* partitions whose checks alone were made */
	uint64_t cleared;          /* partitions that had rows and have none now */
	int64_t cleared_rows;
	int64_t duration_us;
};

struct runner;
struct runner *runner_new(const struct runner_config *config);

/* What a scheduler that died has left: wait for its workers' end, complete its tries from the manifests or
 * mark them lost, close its runs, sweep its staging. Before anything is planned. `resume` (or NULL) names an
 * unfinished run that is not closed: its lost tasks wait again. *ret_runs: runs closed. */
int runner_recover(struct runner *r, PGconn *queries, int lake_id, const char *const *resume, size_t nresume, size_t *ret_runs,
                   struct err *err);

/* A run that is done, with all it did durable; it is gone already, and its plan may be freed. */
typedef void runner_done_fn(void *ctx, const struct run_summary *summary);

/* A run is planned beside those that are carried out, from before the state is read for it until it has begun, or never
 * will (on, off). What is published meanwhile is put into its snapshot by runner_tell, also of what the state had not taken
 * in when it was read; only while one listens, and as often as wanted. */
void runner_listen(struct runner *r, bool on);
void runner_tell(const struct runner *r, const struct project *p, struct snapshot *s);

/* Begin a run beside those that are carried out: it goes on as the loop turns. Not from within `done` or an
 * observer. The plan stays valid until `done`; what the request says is copied. Returns its handle. */
uint32_t runner_begin(struct runner *r, struct plan *plan, const struct runner_request *request,
                      const struct runner_observer *observer, runner_done_fn *done, void *ctx);
/* Is there a row of the run, whatever comes? Also of one that is done. */
bool runner_is_recorded(const struct runner *r, uint32_t run);
/* Why a task is where it is, into the object `out`: table, partition, state, result, reason, and of one that is not done
 * blockers [{kind, of, run, table, partition, state, worker, pool, at, text}], more, starts_in_ms (absent: unknown).
 * False: the run has no such task. `partition` "" means the run's first day. */
bool runner_explain(struct runner *r, uint32_t run, const char *table, const char *partition, json_t *out);
/* If it waits for the time of its next try, that is now. False: the run has no such task. */
bool runner_retry_now(struct runner *r, uint32_t run, const char *table, const char *partition);
/* Is what was put on record up to that mark durable? */
bool runner_has_written(const struct runner *r, int64_t mark);
void runner_cancel(struct runner *r, uint32_t run);
void runner_time_out(struct runner *r, uint32_t run); /* as canceled, but it has failed */
void runner_pause(struct runner *r, uint32_t run, bool pause);
/* Put it on record that a run which has a row is paused or goes on. Returns what runner_has_written takes. */
int64_t runner_record_pause(struct runner *r, const char *run_id, bool pause);
/* Put it on record that a run has not even been planned, with what result and why; the plan of `request` is not asked for.
 * What is open of its rows from an earlier life (`before`) is canceled. Returns what runner_has_written takes. */
int64_t runner_record_unbegun(struct runner *r, const struct runner_request *request, int32_t first_day, int32_t last_day,
                              enum run_result result, const char *why);
/* Partitions of one table, in whatever project and layout. */
struct runner_partitions {
	const char *table;         /* qualified */
	int32_t first, last;       /* days, inclusive; DATE_NONE both: all, that of an unpartitioned table, too */
};

/* Keep all runs away from them, until runner_hold_end: `held` is called once no task of them is decided, ready or at work,
 * and all that they did is durable; maybe at once, and from within the runner. `by` is for who asks why a task waits. */
typedef void runner_held_fn(void *ctx);
uint32_t runner_hold(struct runner *r, const struct runner_partitions *what, const char *by, runner_held_fn *held, void *ctx);
/* They have been removed, all of them or some: all runs know it from now on. Before runner_hold_end. */
void runner_removed(struct runner *r, const struct runner_partitions *what, bool all);
void runner_hold_end(struct runner *r, uint32_t hold);
/* Stop what runs, as when it cannot go on; the runs are unfinished and go on with the next scheduler. */
void runner_abandon(struct runner *r);
/* Every try has ended, and every row is durable. */
bool runner_idle(const struct runner *r);
/* How many of the workers only scheduled runs may use. */
void runner_keep(struct runner *r, uint32_t kept);
/* It cannot go on (see runner_run for the reasons); the workers have been told to stop, no `done` follows. */
bool runner_failed(const struct runner *r, struct err *err);
/* Runs the loop until no worker has a try: after all runs are done, or when it has failed. */
void runner_stop(struct runner *r);

/* In the foreground: carry one run out until it is done, failed or canceled. 0 with *ret, whatever the run's result; negative
 * when it could not go on: ERR_STATE (the database was away for a minute), ERR_LOCKED (another scheduler
 * took the lake), ERR_CANCELED (interrupted thrice); then what was running has been stopped. */
int runner_run(struct runner *r, struct plan *plan, const struct runner_request *request,
               const struct runner_observer *observer, struct run_summary *ret, struct err *err);

/* Gives the lake up. */
void runner_free(struct runner *r);

/* "20130107-120301-k3f9": sorts by time, is easily said; returns out. */
enum { RUN_ID_SIZE = 24 };
char *runner_make_id(char out[RUN_ID_SIZE]);

#endif
