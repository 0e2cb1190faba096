/* POST requests on the loop: libcurl's multi interface, its sockets and its timer as handles of libuv. Nothing blocks, names
 * are looked up in a thread of libcurl's.
 *
 *     struct http *h = http_new(loop);
 *     struct http_post *p = http_post(h, &(struct http_request){…}, done, ctx);
 *     ... done(ctx, NULL) from the loop, or http_cancel(p), and no done follows ...
 *     http_free(h);   nothing is under way any more
 *
 * Redirects are not followed: a POST would become a GET, and its secrets would go elsewhere. */
#ifndef STRATA_SCHEDULER_HTTP_H
#define STRATA_SCHEDULER_HTTP_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "core/callback.h"

struct http;
struct http_post;

struct http_request {
	const char *url;
	const char *const *headers; size_t nheaders; /* "Name: value"; ended by nheaders */
	const char *body;                            /* JSON; copied, as all here */
	int64_t timeout_ms;
	const struct callback *secrets;              /* are starred out of what the receiver said; not copied */
};

/* NULL: answered with 2xx. Else why not, in one line; it may hold what the receiver said. */
typedef void http_done(void *ctx, const char *problem);

struct http *http_new(uv_loop_t *loop);
struct http_post *http_post(struct http *h, const struct http_request *rq, http_done *done, void *ctx);
void http_cancel(struct http_post *p);
void http_free(struct http *h); /* runs the loop until its handles are closed; NULL is fine */

#endif
