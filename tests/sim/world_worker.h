/* What world_worker.c (the pool) and world_proc.c (one process) share. */
#ifndef TESTS_SIM_WORLD_WORKER_H
#define TESTS_SIM_WORLD_WORKER_H

#include "core/protocol.h"
#include "scheduler/workers.h"
#include "tests/sim/world.h"

struct ask {
	uint64_t id, batch;
	json_t *body;
	bool running, staged;  /* its worker has said so */
	bool is_run;
	uint32_t pool;         /* of a run */
	worker_event_fn on_event;
	worker_answer_fn on_answer;
	void *ctx;
	struct ask *next;
};

enum stage { STAGE_PREPARE, STAGE_LOAD, STAGE_VALIDATE, STAGE_COMMIT, STAGE_CLEANUP, STAGE_REPLY, STAGES };

/* A request as a worker has it. */
struct job {
	uint64_t id;
	bool is_run, begun, over;
	bool cancel_asked, canceled; /* sent, arrived */
	bool staged;           /* it waits for its batch */
	enum stage stage;
	json_t *request;
	struct arena arena;
	struct try_request rq;
	struct try_result result;
	enum stage dies_at, fails_at; /* STAGES: never */
	bool dies_after_exchange, rows_none, check_fails;
	const char *class;
};

enum { WORLD_BATCH = 8 };

/* A worker process. It outlives its scheduler for a while. */
struct proc {
	bool exists, greeted, leaving;
	char name[32];
	struct workers *pool;  /* NULL: its scheduler is dead, or leads no more */
	bool former;           /* its scheduler lives all the same, and hears it */
	struct ask *held;      /* what the scheduler waits for: a request, or a batch */
	bool eof, killed;
	int64_t paused_until_us, heard_us; /* heard_us: when its last message arrives */
	/* what it works on: */
	bool busy, publishing;
	struct job jobs[WORLD_BATCH];
	size_t njobs, at;
};

extern struct proc procs[WORLD_PROCS];

struct workers {
	struct ask *queue;
	uint32_t most;
	uint64_t last_id, gathering, last_batch;
	uint32_t spawned, spawn_failures;
	uint32_t live_in_pool[4];
	uint32_t host, life;   /* whose it is, and of which of its lives */
	bool closing, gone;    /* gone: its scheduler is dead */
};

/* world_worker.c: what a process says arrives a little later, if there is still somebody. */
void pool_hear(struct proc *p, json_t *reply);  /* steals it */
void pool_gone(struct proc *p);

/* world_proc.c */
struct proc *proc_spawn(struct workers *pool);
void proc_take(struct proc *p, const struct ask *asks); /* a list */
void proc_cancel(struct proc *p, uint64_t id);
void proc_eof(struct proc *p);                  /* its scheduler is gone, or wants no more */
void proc_die(struct proc *p);

/* world_lake.c */
bool lake_publish(struct job *p);               /* the exchange, or the clearing; false: fenced */
void lake_stage(const char *try_id, bool staged);
int64_t lake_sweep(const json_t *request);
struct lake_part *lake_part(const char *qname, const char *partition);

#endif
