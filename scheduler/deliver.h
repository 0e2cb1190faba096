/* One attempt to tell a callback something: a POST, or a program. What it said of a failure is without the callback's
 * secrets.
 *
 *     struct deliverer *d = deliverer_new(loop, project_dir);
 *     struct delivery *y = deliver(d, callback, &message, done, ctx);
 *     ... done(ctx, problem) from the loop, or delivery_cancel(y), and no done follows ...
 *     deliverer_free(d);   nothing is under way any more */
#ifndef STRATA_SCHEDULER_DELIVER_H
#define STRATA_SCHEDULER_DELIVER_H

#include <uv.h>

#include "core/callback.h"

struct deliverer;
struct delivery;

struct message {
	const char *key;   /* the same however often it is delivered */
	const char *event;
	const char *body;  /* JSON */
};

/* NULL: it was taken (2xx, exit status 0). Else why not, in one line. */
typedef void delivered_fn(void *ctx, const char *problem);

struct deliverer *deliverer_new(uv_loop_t *loop, const char *dir);
struct delivery *deliver(struct deliverer *d, const struct callback *c, const struct message *m, delivered_fn *done, void *ctx);
void delivery_cancel(struct delivery *y);
void deliverer_free(struct deliverer *d); /* NULL is fine */

#endif
