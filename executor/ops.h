/* The requests of core/protocol.h, from JSON to JSON. */
#ifndef STRATA_EXECUTOR_OPS_H
#define STRATA_EXECUTOR_OPS_H

#include <jansson.h>

#include "base/err.h"
#include "core/protocol.h"
#include "executor/attempt.h"
#include "executor/worker.h"

struct op_error {
	struct err err;
	const char *class; /* "permanent" unless said otherwise; static */
	int line, col;
};

/* What is said before the reply. */
struct op_events {
	attempt_event *event;
	void (*rows)(void *ctx, json_t *rows); /* a part of a result; takes `rows` */
	/* Of a batch (batch.h): the request at work is staged and waits; what is returned says whether it is canceled. Then, of
	 * any of those that wait, where it is, and its reply (taken); and that none waits any more. */
	const atomic_bool *(*staged)(void *ctx);
	void (*stage_of)(void *ctx, json_int_t id, const char *stage, int64_t rows);
	void (*reply)(void *ctx, json_int_t id, json_t *reply);
	void (*published)(void *ctx);
	void *ctx;
};

/* 0 after a success; else the code of what came of attempt_query, as the error of its request. */
int op_error_of(const struct try_result *result, struct op_error *ret_error);

/* Each: 0 with *ret_reply (the caller adds id and ok, and drops it; NULL: that comes later), or negative with *ret_error. */
int op_hello(struct worker *w, const json_t *req, json_t **ret_reply, struct op_error *ret_error);
int op_run(struct worker *w, const char *op, const json_t *req, struct op_events events, json_t **ret_reply,
           struct op_error *ret_error);

#endif
