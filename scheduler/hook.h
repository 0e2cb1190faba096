/* A program that is told something: JSON on its standard input, an exit status as its answer. It has a process group of its
 * own, which ends with it, or when its time is over.
 *
 *     struct hook *k = hook_start(loop, &(struct hook_request){…}, done, ctx, &err);
 *     ... done(ctx, NULL) from the loop, or hook_kill(k), and no done follows ... */
#ifndef STRATA_SCHEDULER_HOOK_H
#define STRATA_SCHEDULER_HOOK_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "core/callback.h"

struct hook;

struct hook_request {
	const char *const *argv; size_t nargv;
	const char *dir;               /* where it runs */
	const char *const *more;       /* of its environment, NULL-terminated */
	const char *input;
	int64_t timeout_ms;
	const struct callback *secrets; /* are starred out of what it said; not copied, and not looked at after hook_kill */
};

/* NULL: it exited with 0. Else why not, in one line, with the end of what it said on stderr. */
typedef void hook_done(void *ctx, const char *problem);

/* NULL: it could not be started. Everything is copied. */
struct hook *hook_start(uv_loop_t *loop, const struct hook_request *rq, hook_done *done, void *ctx, struct err *err);
void hook_kill(struct hook *k);

#endif
