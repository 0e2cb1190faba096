/* The pool of strata-worker processes on a libuv loop: spawn, handshake, requests, cancel, death.
 *
 * One queue for all: a request, or a batch of them, waits until a worker is idle, so that none sits behind another's long
 * query. A worker is spawned when a request finds none idle and there are fewer than `most`; it exits
 * when idle for a minute, and is replaced after many requests or when it has grown.
 *
 * A worker's death is the kernel's word (its exit status) and fails only the requests that it had; of these, what only
 * looks, or may be done twice, goes to another worker first, so that planning outlives a worker. The answer is given after the whole tree below the worker is gone, which its lock file tells: so nothing
 * runs twice at once. Each worker leads a session of its own; a terminal's Ctrl-C does not reach it.
 *
 * Calling sequence: workers_new, workers_ask…, uv_run, workers_close, uv_run until workers_gone. */
#ifndef STRATA_SCHEDULER_WORKERS_H
#define STRATA_SCHEDULER_WORKERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"

struct workers;

struct workers_config {
	uv_loop_t *loop;
	const char *program;     /* absolute path of strata-worker; see workers_find_program */
	const char *lake;        /* absolute folder */
	const char *lock_dir;    /* absolute folder for <id>.lock; made when absent */
	uint32_t most;           /* workers at a time, at least 1 */
	int threads;             /* DuckDB threads of each */
	int64_t memory_bytes;    /* DuckDB memory limit of each; 0: DuckDB's own */
	uint64_t hello_ms;       /* one that has not greeted by then is killed, as one that could not start; 0: 30 s */
};

/* What a request came to. Exactly one of reply and err; both only valid during the call. `died`: the
 * worker is gone, and it may or may not have done the work. `blameless`: another request of its batch was at work, or it had
 * not begun with any. */
struct worker_answer {
	const json_t *reply;   /* has "ok": true */
	const struct err *err; /* ERR_PROTOCOL, ERR_CANCELED, ERR_USAGE: it does not fit into a line;
	                        * ERR_ENGINE: an error reply */
	const json_t *error;   /* the "error" object of an error reply, or NULL */
	bool died, blameless;
};
typedef void (*worker_answer_fn)(void *ctx, const struct worker_answer *answer);
typedef void (*worker_event_fn)(void *ctx, const json_t *event); /* replies before the last: "running", "stage" */

struct workers *workers_new(const struct workers_config *config);

/* Queue a request; `body` ({"op":...}, stolen) gets its "id" here, which is returned (never 0). urgent:
 * before those that wait. on_event may be NULL. on_answer is called once; from inside only if no worker
 * can be started at all, or if the request cannot be sent. */
uint64_t workers_ask(struct workers *w, json_t *body, bool urgent, worker_event_fn on_event,
                     worker_answer_fn on_answer, void *ctx);

/* What is asked until workers_gather(w, false) is one batch: one worker gets it, and works one after the other. */
void workers_gather(struct workers *w, bool on);

/* So many of the workers are kept from requests that are asked while `modest` is on: those wait for one of the others. */
void workers_keep(struct workers *w, uint32_t kept);
void workers_modest(struct workers *w, bool on);

/* Interrupt a request: one that waits is answered as canceled at once; a running one gets `cancel`, after
 * 5 s SIGTERM, after 5 more SIGKILL, and its answer comes in any case. Unknown ids are ignored. */
void workers_cancel(struct workers *w, uint64_t id);

/* Call fn whenever a worker has died otherwise than by leaving: what it had staged may still lie there. */
void workers_on_death(struct workers *w, void (*fn)(void *ctx), void *ctx);

/* The name ("w3-1a2b") of the worker that has request `id`, or NULL. */
const char *workers_holder(const struct workers *w, uint64_t id);
/* Each worker that is alive: who it is, and the request that it is at (0: none). */
struct worker_info {
	const char *name;
	int pid;
	uint64_t request;
};
void workers_list(const struct workers *w, void (*fn)(void *ctx, const struct worker_info *info), void *ctx);
/* The engine's version as the first worker said it ("v1.5.5"); "" before that. */
const char *workers_engine_version(const struct workers *w);
/* The same of strata-worker itself ("0.1.0"). */
const char *workers_version(const struct workers *w);

/* Kill them all: the lake is another's, who waits for their end. What they had is answered as of dead workers. */
void workers_kill(struct workers *w);

/* Let the workers go and take no more requests; run the loop until workers_gone, then free. */
void workers_close(struct workers *w);
bool workers_gone(const struct workers *w);
void workers_free(struct workers *w);

/* strata-worker beside the running program, or STRATA_WORKER. Returns out, or NULL with err. */
const char *workers_find_program(char *out, size_t size, struct err *err);

#endif
