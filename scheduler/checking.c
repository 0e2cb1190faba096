/* See checking.h. */
#include "scheduler/checking.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/date.h"
#include "core/jsonio.h"
#include "scheduler/try_build.h"

enum { OPEN_PER_WORKER = 2 }; /* requests that wait, so that no worker does */

struct checking {
	struct workspace *ws;
	struct arena *arena;
	struct checked *items;
	size_t len, cap, next; /* next: to be asked */
	size_t asked;          /* of them, those that a worker has to look at */
	size_t open;
	bool done;
	struct err err;
};

/* One request. */
struct question {
	struct checking *c;
	struct checked *of;
};

static void ask_more(struct checking *c);

static void add(struct checking *c, const struct table *t, int32_t day, enum checked_state state)
{
	MEM_GROW(c->items, c->len, c->cap);
	c->items[c->len++] = (struct checked){.table = t, .day = day, .state = state};
	c->asked += state == CHECKED;
}

static void add_table(struct checking *c, const struct table *t, int32_t first, int32_t last)
{
	if (t->output_none || !try_has_checks(t))
		add(c, t, DATE_NONE, t->output_none ? CHECKED_ACTION : CHECKED_UNDECLARED);
	else if (!table_partitioned(t))
		add(c, t, DATE_NONE, CHECKED);
	else
		for (int32_t day = first; day <= last; day++)
			add(c, t, day, CHECKED);
}

static void take(struct checking *c, const json_t *reply, struct checked *ret)
{
	static const struct {
		const char *word;
		enum checked_state state;
	} states[] = {{"published", CHECKED}, {"empty", CHECKED_EMPTY}, {"absent", CHECKED_ABSENT}};
	struct jget g = {.arena = c->arena, .err = &c->err, .code = ERR_PROTOCOL};
	struct manifest m = {0};
	const char *word = jget_text(&g, reply, "state");
	ret->version = (uint64_t)jget_int(&g, reply, "version", 0, INT64_MAX);
	ret->rows = jget_int(&g, reply, "rows", 0, INT64_MAX);
	manifest_get_checks(&g, reply, &m);
	ret->checks = m.checks;
	ret->nchecks = m.nchecks;
	ret->state = CHECKED_ERROR;
	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		ret->state = str_eq(word, states[i].word) ? states[i].state : ret->state;
	if (ret->state == CHECKED_ERROR)
		jget_fail(&g, "state", "is none that is known");
}

static void on_answer(void *ctx, const struct worker_answer *a)
{
	struct question *q = ctx;
	struct checking *c = q->c;
	if (a->reply) {
		take(c, a->reply, q->of);
	} else if (a->error || a->died) {
		q->of->state = CHECKED_ERROR;
		q->of->error = arena_strdup(c->arena, a->err->text);
	} else if (!c->err.code) {
		c->err = *a->err;
	}
	free(q);
	c->open--;
	ask_more(c);
}

static void ask(struct checking *c, struct checked *of)
{
	struct arena arena = {0};
	struct question *q = mem_alloc(sizeof *q);
	*q = (struct question){c, of};
	struct try_request rq = try_of_check(of->table, of->day, &arena);
	if (c->asked == 1) { /* it has the machine for itself */
		rq.threads = workspace_threads(1);
		rq.memory_bytes = workspace_memory(1);
	}
	json_t *body = try_request_encode(&rq);
	json_object_set_new(body, "op", json_string("check"));
	arena_free(&arena);
	c->open++;
	workers_ask(c->ws->workers, body, false, NULL, on_answer, q);
}

static void ask_more(struct checking *c)
{
	while (c->open < (size_t)c->ws->jobs * OPEN_PER_WORKER && c->next < c->len && !c->err.code) {
		struct checked *of = &c->items[c->next++];
		if (of->state == CHECKED)
			ask(c, of);
	}
	c->done = c->open == 0;
}

int checking_make(struct workspace *ws, const bool *selected, int32_t first, int32_t last, struct arena *arena,
                  struct checked **ret, size_t *ret_n, struct err *err)
{
	struct checking c = {.ws = ws, .arena = arena};
	int rc = workspace_workers(ws, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < ws->project->ntables; i++) {
		if (selected[i])
			add_table(&c, &ws->project->tables[i], first, last);
	}
	ask_more(&c);
	turns_until(&ws->turns, &c.done);
	*ret = arena_copy(arena, c.items, c.len * sizeof *c.items);
	*ret_n = c.len;
	free(c.items);
	if (c.err.code)
		*err = c.err;
	return c.err.code;
}
