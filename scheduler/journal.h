/* The journal: what the scheduler does is stored before it is done.
 *
 * Calling sequence:
 *     leader_try(db.conn, &claim, &leader, &holder, &err);
 *     struct journal *j = journal_new(&config);          takes db.conn over
 *     journal_run(j, &run);                              a new run
 *     journal_transition(j, &action.transition, &names); each ACT_TRANSITION, in order
 *     journal_publish(j, &publish);                      with the transition of a try that succeeded
 *     journal_flush(j);                                  at the end of the loop's turn
 *     ... on_commit(ctx, seq) -> EV_COMMITTED ...
 *     journal_close(j, closed, ctx);
 *
 * Rows gather; a flush sends them as one transaction, one in flight, the next gathers meanwhile (and, once
 * flushed, goes by itself as soon as the way is free). All strings are copied. When the connection is lost, what was in
 * flight is sent again after the reconnect, exactly once in effect: the stored tick says whether the
 * interrupted commit happened. What gathers meanwhile waits in memory; journal_down_since tells how long.
 *
 * Lost is final: another scheduler has the lake, or the database refused the rows. Nothing is written
 * any more, and no on_commit follows. */
#ifndef STRATA_SCHEDULER_JOURNAL_H
#define STRATA_SCHEDULER_JOURNAL_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "core/machine.h"
#include "core/protocol.h"
#include "scheduler/leader.h"

struct journal;

struct journal_config {
	uv_loop_t *loop;
	PGconn *conn;         /* holds the lake's lock; the journal's from now on */
	const char *conninfo; /* to connect again */
	struct leader leader;
	/* All transitions up to `seq` are durable (0: none yet), and with them all that was added before. */
	void (*on_commit)(void *ctx, uint64_t seq);
	void (*on_down)(void *ctx); /* the connection is lost; journal_down_since counts from now. NULL: nobody asks */
	/* ERR_LOCKED: another scheduler has the lake. ERR_STATE: the database refuses what we write. */
	void (*on_lost)(void *ctx, const struct err *err);
	void *ctx;
};

/* A new run; its state is RUN_PLANNED until a transition says more. */
struct journal_run {
	const char *run_id;
	enum run_kind kind;
	const char *selection;
	int32_t first_day, last_day; /* DATE_NONE: none */
	bool force, paused;
	const char *params;          /* a JSON object; NULL: {} */
	int64_t tasks, fresh;        /* of the run, those that must fail among them; found fresh by the plan */
	const char *git_commit, *requested_by;
	int64_t wall_us;
};

/* What a transition's numbers mean, and what else is known. NULL is "". */
struct journal_names {
	const char *run_id;
	int64_t wall_us;
	const char *table;      /* qualified; tasks and tries */
	const char *partition;  /* "2013-01-03" or "" */
	const char *cause;      /* for people: the upstream that failed, who canceled */
	const char *error;      /* tasks and tries that ended badly */
	const char *reason;     /* tasks: why the plan wants it */
	int64_t retry_at_us;    /* tasks that wait for a retry: wall clock; else 0 */
	const char *try_id;     /* tries: UUID */
	const char *worker;     /* tries, once known */
	const char *log_path;   /* tries */
	const char *error_class; /* tries; taken from `result` when there is one */
	const struct try_result *result; /* tries and tasks that ended, where a worker answered; else NULL */
	const struct run_counts *counts; /* runs that are done */
};

/* What a successful try published (an empty result too; not output: none). */
struct journal_publish {
	const char *run_id, *table, *partition;
	bool partitioned;
	int64_t wall_us;
	const struct try_result *result; /* its manifest has version, fence, try_id, inputs, checks */
};

/* Never fails: a broken connection is a lost one. */
struct journal *journal_new(const struct journal_config *config);

void journal_run(struct journal *j, const struct journal_run *run);
void journal_transition(struct journal *j, const struct transition *t, const struct journal_names *names);
void journal_publish(struct journal *j, const struct journal_publish *p);
/* Checks of a try that published nothing (a failed one). */
void journal_checks(struct journal *j, uint64_t fence, const struct manifest_check *checks, size_t n);
/* What try_id has published of a partition passed its checks as they are now: that is its fingerprint from now on. */
void journal_checked(struct journal *j, const char *table, const char *partition, const char *try_id, const char *fingerprint);
/* How far a run is that is not done; its last transition, which has its counts, comes later. */
void journal_progress(struct journal *j, const char *run_id, const struct run_counts *counts, int64_t per_hour);
/* A run that has a row is paused, or goes on: in its turn, as the journal itself may be at that row. */
void journal_pause(struct journal *j, const char *run_id, bool pause);
/* What the workers do just now, a JSON array, and whose slots they are, a JSON object, for who looks on (strata.scheduler). */
void journal_workers(struct journal *j, const char *workers, const char *lanes);
void journal_flush(struct journal *j);
/* For rows that nobody waits for: with the next flush, at the latest after some milliseconds. */
void journal_flush_soon(struct journal *j);

bool journal_idle(const struct journal *j);          /* nothing gathers, nothing is in flight */
int64_t journal_down_since(const struct journal *j); /* clock_mono_us of the loss; 0: not down */
/* journal_transactions will have reached it when all that was added until now is durable. */
int64_t journal_mark(const struct journal *j);
int64_t journal_transactions(const struct journal *j); /* committed, for tests and statistics */

/* Gives the lake up. What has not been committed is dropped: wait for journal_idle first. */
void journal_close(struct journal *j, void (*closed)(void *ctx), void *ctx);

#endif
