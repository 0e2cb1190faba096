/* See batch.h. */
#include "executor/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/jsonio.h"
#include "executor/commit.h"

_Static_assert((int)BATCH_MAX == (int)COMMIT_MAX && (int)BATCH_MAX <= (int)TRASH_MAX, "a batch is published and tidied as a whole");

/* Of a line: what else a result says is small beside its inputs. */
enum { REPLY_INPUTS_BYTES = PROTOCOL_LINE_MAX / 2, INPUT_OVERHEAD = 64 };

struct batched {
	json_int_t id;
	struct arena arena; /* the request and its result */
	struct try_request rq;
	struct try_result result;
	struct attempt attempt;
};

/* How long the inputs may become in JSON, where a byte of a path may need two. */
static size_t inputs_bytes(const struct manifest *m)
{
	size_t n = 0;
	for (size_t i = 0; i < m->ninputs; i++)
		n += INPUT_OVERHEAD + 2 * (strlen(m->inputs[i].table) + strlen(m->inputs[i].partition) + strlen(m->inputs[i].try_id));
	return n;
}

/* The try is over: its reply. Frees b. */
static json_t *end(struct batched *b)
{
	attempt_end(&b->attempt);
	if (inputs_bytes(&b->result.manifest) > REPLY_INPUTS_BYTES) {
		b->result.note = arena_printf(&b->arena, "the %zu inputs are only in its manifest.json", b->result.manifest.ninputs);
		b->result.manifest.ninputs = 0;
	}
	json_t *reply = try_result_encode(&b->result);
	arena_free(&b->arena);
	free(b);
	return reply;
}

void batch_publish(struct worker *w, const struct op_events *events)
{
	struct attempt *tries[BATCH_MAX];
	size_t n = w->nbatched;
	for (size_t i = 0; i < n; i++) {
		tries[i] = &w->batched[i]->attempt;
		events->stage_of(events->ctx, w->batched[i]->id, "commit", tries[i]->rows);
	}
	if (n)
		attempt_publish(tries, n);
	w->nbatched = 0;
	for (size_t i = 0; i < n; i++) {
		json_int_t id = w->batched[i]->id;
		events->reply(events->ctx, id, end(w->batched[i]));
	}
	events->published(events->ctx);
}

void batch_drop(struct worker *w)
{
	for (size_t i = 0; i < w->nbatched; i++) {
		w->batched[i]->result.outcome = OUTCOME_KILLED;
		json_decref(end(w->batched[i]));
	}
	w->nbatched = 0;
	attempt_tidy(w);
}

/* Its lock is one that a try which waits will take, too: never both at once. */
static bool waits_already(const struct worker *w, const struct try_request *rq)
{
	bool found = false;
	for (size_t i = 0; i < w->nbatched; i++)
		found = found || (strcmp(w->batched[i]->rq.qname, rq->qname) == 0 && strcmp(w->batched[i]->rq.partition, rq->partition) == 0);
	return found;
}

/* The reply, or NULL: it waits. */
static json_t *work(struct worker *w, struct batched *b, bool alone, const struct op_events *events)
{
	struct attempt *t = &b->attempt;
	attempt_init(t, w, &b->arena, &b->rq, &b->result);
	if (!attempt_stage(t, events->event, events->ctx))
		return end(b);
	if (alone || attempt_makes_nothing(&b->rq)) {
		if (!attempt_makes_nothing(&b->rq))
			events->event(events->ctx, "commit", b->attempt.rows);
		attempt_publish(&t, 1);
		return end(b);
	}
	events->event(events->ctx, "staged", b->attempt.rows);
	t->canceled = events->staged(events->ctx);
	w->batched[w->nbatched++] = b;
	return NULL;
}

int batch_run(struct worker *w, const json_t *req, const struct op_events *events, json_t **ret_reply, struct op_error *e)
{
	struct batched *b = mem_alloc(sizeof *b);
	struct jget g = {.arena = &b->arena, .err = &e->err, .code = ERR_PROTOCOL};
	bool more = jget_int_or(&g, req, "more", 0, INT32_MAX, 0) > 0;
	int rc = g.result < 0 ? g.result : try_request_decode(&b->arena, req, &b->rq, &e->err);
	b->id = json_integer_value(json_object_get(req, "id"));
	if (rc == 0 && (w->nbatched == BATCH_MAX || waits_already(w, &b->rq)))
		batch_publish(w, events);
	if (rc == 0) {
		*ret_reply = work(w, b, !more && w->nbatched == 0, events);
	} else {
		arena_free(&b->arena);
		free(b);
	}
	if (!more && w->nbatched)
		batch_publish(w, events);
	return rc;
}
