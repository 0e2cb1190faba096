/* See deliver.h. */
#include "scheduler/deliver.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "core/jsonio.h"
#include "scheduler/hook.h"
#include "scheduler/http.h"

struct deliverer {
	uv_loop_t *loop;
	char *dir;
	struct http *http; /* made when it is first needed: libcurl takes some megabytes */
};

struct delivery {
	struct deliverer *deliverer;
	struct callback callback; /* a copy: the project may be read anew meanwhile */
	struct arena arena;
	struct http_post *post;
	struct hook *hook;
	uv_timer_t unborn;        /* a program that could not be started is told of from the loop, too */
	char *problem;
	delivered_fn *done;
	void *ctx;
};

static void delivery_free(struct delivery *y)
{
	arena_free(&y->arena);
	free(y->problem);
	free(y);
}

static void on_answer(void *ctx, const char *problem)
{
	struct delivery *y = ctx;
	delivered_fn *done = y->done;
	void *owner = y->ctx;
	json_t *clean = NULL; /* a receiver may say any bytes, or half a character: the database takes UTF-8 only */
	if (problem) {
		char *text = mem_strdup(problem);
		callback_redact(&y->callback, text);
		clean = json_text(text);
		free(text);
	}
	delivery_free(y);
	done(owner, json_string_value(clean));
	json_decref(clean);
}

static void on_unborn_closed(uv_handle_t *handle)
{
	struct delivery *y = handle->data;
	if (y->done)
		on_answer(y, y->problem);
	else
		delivery_free(y);
}

static void on_unborn(uv_timer_t *timer)
{
	uv_close((uv_handle_t *)timer, on_unborn_closed);
}

/* What an attempt needs of it, in the delivery's arena. */
static const char *const *copy_texts(struct arena *a, const char *const *items, size_t n)
{
	const char **copy = arena_array(a, n, sizeof *copy);
	for (size_t i = 0; i < n; i++)
		copy[i] = arena_strdup(a, items[i]);
	return copy;
}

static void post(struct delivery *y, const struct message *m)
{
	const struct callback *c = &y->callback;
	struct deliverer *d = y->deliverer;
	const char **headers = arena_array(&y->arena, c->nheaders + 1, sizeof *headers);
	for (size_t i = 0; i < c->nheaders; i++)
		headers[i] = c->headers[i];
	headers[c->nheaders] = arena_printf(&y->arena, "Idempotency-Key: %s", m->key);
	if (!d->http)
		d->http = http_new(d->loop);
	y->post = http_post(d->http, &(struct http_request){.url = c->url, .headers = headers, .nheaders = c->nheaders + 1, .body = m->body,
	                                                    .timeout_ms = c->timeout_ms, .secrets = c}, on_answer, y);
}

static void run(struct delivery *y, const struct message *m)
{
	const struct callback *c = &y->callback;
	struct err err;
	const char *const more[] = {arena_printf(&y->arena, "STRATA_CALLBACK=%s", c->name),
	                            arena_printf(&y->arena, "STRATA_CALLBACK_EVENT=%s", m->event),
	                            arena_printf(&y->arena, "STRATA_CALLBACK_KEY=%s", m->key), NULL};
	y->hook = hook_start(y->deliverer->loop, &(struct hook_request){.argv = c->argv, .nargv = c->nargv, .dir = y->deliverer->dir,
	                                                                .more = more, .input = m->body, .timeout_ms = c->timeout_ms,
	                                                                .secrets = c},
	                     on_answer, y, &err);
	if (y->hook)
		return;
	y->problem = mem_strdup(err.text);
	uv_timer_init(y->deliverer->loop, &y->unborn);
	y->unborn.data = y;
	uv_timer_start(&y->unborn, on_unborn, 0, 0);
}

struct deliverer *deliverer_new(uv_loop_t *loop, const char *dir)
{
	struct deliverer *d = mem_alloc(sizeof *d);
	*d = (struct deliverer){.loop = loop, .dir = mem_strdup(dir)};
	return d;
}

struct delivery *deliver(struct deliverer *d, const struct callback *c, const struct message *m, delivered_fn *done, void *ctx)
{
	struct delivery *y = mem_alloc(sizeof *y);
	y->deliverer = d;
	y->done = done;
	y->ctx = ctx;
	y->callback = (struct callback){.name = arena_strdup(&y->arena, c->name), .url = arena_strdup(&y->arena, c->url),
	                                .headers = copy_texts(&y->arena, c->headers, c->nheaders), .nheaders = c->nheaders,
	                                .argv = copy_texts(&y->arena, c->argv, c->nargv), .nargv = c->nargv, .timeout_ms = c->timeout_ms};
	if (y->callback.url)
		post(y, m);
	else
		run(y, m);
	return y;
}

void delivery_cancel(struct delivery *y)
{
	y->done = NULL;
	if (y->post) {
		http_cancel(y->post);
		delivery_free(y);
	} else if (y->hook) {
		hook_kill(y->hook);
		delivery_free(y);
	} else if (!uv_is_closing((uv_handle_t *)&y->unborn)) {
		uv_close((uv_handle_t *)&y->unborn, on_unborn_closed);
	}
}

void deliverer_free(struct deliverer *d)
{
	if (!d)
		return;
	http_free(d->http);
	free(d->dir);
	free(d);
}
