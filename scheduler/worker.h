/* One strata-worker process: pipes, handshake, its request or its batch of them, and its end. Internal to workers.c.
 *
 * Life: spawned → greeted → (idle ⇄ holds requests) → leaving → gone. `gone` needs three things: the exit
 * status, the end of its replies, and its lock free (no exec child of it is left). */
#ifndef STRATA_SCHEDULER_WORKER_H
#define STRATA_SCHEDULER_WORKER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/list.h"
#include "scheduler/workers.h"

struct request {
	struct list link; /* in the pool's queue, or among those that a worker holds */
	uint64_t id;
	uint64_t batch;   /* those with the same go to one worker, one after the other; 0: it goes alone */
	bool modest;      /* it leaves the kept workers to others */
	bool running, staged; /* it has said so */
	bool canceled;
	uint32_t lives;   /* so often it may be given to another worker when its own has died */
	char *line;       /* with its newline; NULL once it is sent for the last time */
	size_t size;
	worker_event_fn on_event;
	worker_answer_fn on_answer;
	void *ctx;
};

struct worker;
struct worker_hooks {
	void (*on_hello)(struct worker *w, const char *engine_version, const char *version); /* of its engine, of itself */
	void (*on_reply)(struct worker *w, struct request *r, const json_t *reply); /* takes r */
	void (*on_gone)(struct worker *w, const char *why); /* takes what it holds and frees w */
};

struct worker {
	struct list link; /* in the pool's list */
	struct workers *pool;
	const struct worker_hooks *hooks;
	char name[32];
	char *lock_path;
	uv_loop_t *loop;
	uv_process_t process;
	uv_pipe_t in, out;  /* requests to it, replies from it */
	uv_timer_t timer;   /* the hello's limit, idle exit, or the next step of an interruption */
	uv_work_t lock_wait;
	struct buf replies; /* bytes after the last whole line */
	struct list held;   /* requests, in the order they were given */
	uint32_t served;    /* requests answered */
	int interrupted;    /* 0 no, 1 cancel sent, 2 SIGTERM sent, 3 SIGKILL sent: for those held that are canceled */
	bool greeted, leaving, exited, drained, lock_free;
	int open_handles;
	int64_t exit_status;
	int exit_signal;
	char why[256];      /* said when it dies with a request */
};

struct worker *worker_spawn(const struct workers_config *config, struct workers *pool, const char *name,
                            const struct worker_hooks *hooks, struct err *err);
/* The request as it is sent, malloced; NULL when it cannot be JSON. */
char *worker_line(const json_t *body, size_t *ret_size);
enum { WORKER_MORE_MAX = 32 }; /* bytes that a line may grow by when it is given */
bool worker_idle(const struct worker *w);
/* Requests that belong together, from a list that is empty then; at least one. */
void worker_give(struct worker *w, struct list *requests);
struct request *worker_held(const struct worker *w, uint64_t id); /* NULL: it holds no such one */
void worker_interrupt(struct worker *w, struct request *r);
/* Which one its death is due to: what was at work, else the first. NULL: it held none. */
const struct request *worker_at_work(const struct worker *w);
/* SIGKILL, with the programs that it has started; its death is noticed as any other. */
void worker_kill(struct worker *w);
void worker_dismiss(struct worker *w); /* let it exit when its request is answered */
void worker_free(struct worker *w);

#endif
