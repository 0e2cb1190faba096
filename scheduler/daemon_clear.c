/* Removals of what is published, beside everything else (daemon_internal.h; scheduler/clear.h has what is removed).
 *
 * Each first has its partitions kept from all runs (runner_hold). Then a worker takes the folders away; meanwhile nothing is
 * planned, so that no plan is made of what is about to go. Then, in one transaction, the state forgets the partitions and the
 * command is answered, and only then runs may have them again: whatever dies before that, the command is open still, nothing has
 * been published since, and it is done again to the same effect. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "scheduler/clear.h"
#include "scheduler/daemon_internal.h"

enum { DEATHS_MAX = 3 };

enum clearing_state {
	CLEARING_WAITS,    /* until nobody works on the partitions */
	CLEARING_HELD,
	CLEARING_REMOVING, /* a worker does */
	CLEARING_REMOVED,  /* or could not: err */
};

struct clearing {
	struct list link; /* in daemon.clearings, oldest first */
	struct daemon *d;
	int64_t command;
	char *table;
	struct clear_request request;
	struct clear_found gone;
	enum clearing_state state;
	uint32_t hold;
	uint64_t asked;   /* of the worker; 0: nothing */
	int deaths;       /* of workers that were at it */
	struct err err;
};

static struct runner_partitions partitions_of(const struct clearing *c)
{
	return (struct runner_partitions){c->table, c->request.first, c->request.last};
}

static void on_held(void *ctx)
{
	((struct clearing *)ctx)->state = CLEARING_HELD;
}

int clearing_take(struct daemon *d, int64_t command, const char *by, const json_t *args, struct err *err)
{
	struct clear_request rq;
	if (d->draining)
		return err_set(err, ERR_LOCKED, "the scheduler is about to end; ask the next one");
	if (clear_decode(args, &rq, err) < 0)
		return err->code;
	const struct table *t = project_table(d->version->project, rq.qname);
	if (t && clear_check(t, err) < 0)
		return err->code;
	struct clearing *c = mem_alloc(sizeof *c);
	*c = (struct clearing){.d = d, .command = command, .table = mem_strdup(t ? t->qname : rq.qname), .request = rq};
	c->request.qname = c->table;
	list_append(&d->clearings, &c->link);
	const struct runner_partitions what = partitions_of(c);
	c->hold = runner_hold(d->runner, &what, by, on_held, c);
	return 0;
}

static void clearing_free(struct clearing *c)
{
	list_remove(&c->link);
	free(c->table);
	free(c);
}

bool clearing_has(const struct daemon *d, int64_t command)
{
	LIST_FOR_EACH(it, &d->clearings) {
		if (LIST_ENTRY(it, struct clearing, link)->command == command)
			return true;
	}
	return false;
}

bool clearing_works(const struct daemon *d)
{
	LIST_FOR_EACH(it, &d->clearings) {
		if (LIST_ENTRY(it, struct clearing, link)->state >= CLEARING_REMOVING)
			return true;
	}
	return false;
}

static void on_answer(void *ctx, const struct worker_answer *a)
{
	struct clearing *c = ctx;
	c->asked = 0;
	c->state = CLEARING_REMOVED;
	if (a->reply)
		clear_reply(a->reply, &c->gone);
	else if (a->died && ++c->deaths < DEATHS_MAX)
		c->state = CLEARING_HELD; /* the same again goes on */
	else
		c->err = *a->err;
}

static void begin(struct clearing *c)
{
	struct daemon *d = c->d;
	c->state = CLEARING_REMOVING;
	c->asked = workers_ask(d->ws->workers, clear_body(&c->request, false), true, NULL, on_answer, c);
	if (c->state != CLEARING_REMOVING)
		c->asked = 0; /* it was answered at once */
}

/* False: the database did not let it; it is tried again. */
static bool finish(struct clearing *c)
{
	struct daemon *d = c->d;
	struct err err = {0};
	const struct runner_partitions what = partitions_of(c);
	int rc = daemon_desk(d, &err);
	if (rc == 0 && c->err.code)
		rc = command_end(d, c->command, "failed", c->err.text);
	else if (rc == 0)
		rc = clear_forget(d->desk.conn, d->config.leader, &c->request, c->command, &c->gone, &err);
	if (rc < 0) {
		log_event(LOG_WARN, "clear.not_recorded", "table", c->table, "error", err.text, NULL);
		return daemon_again(d);
	}
	if (c->err.code)
		log_event(LOG_ERROR, "clear.failed", "table", c->table, "error", c->err.text, NULL);
	else
		log_event(LOG_INFO, "clear.done", "table", c->table, LOG_INT("published", c->gone.published), LOG_INT("rows", c->gone.rows), NULL);
	runner_removed(d->runner, &what, !c->err.code);
	runner_hold_end(d->runner, c->hold);
	clearing_free(c);
	d->catalog = true;
	return true;
}

bool clearings_step(struct daemon *d)
{
	struct clearing *held = NULL;
	LIST_FOR_EACH(it, &d->clearings) {
		struct clearing *c = LIST_ENTRY(it, struct clearing, link);
		if (c->state == CLEARING_REMOVED)
			return !d->waits && finish(c);
		if (c->state == CLEARING_HELD && !held)
			held = c;
	}
	if (!held || d->planning || d->draining || clearing_works(d))
		return false;
	begin(held);
	return true;
}

void clearings_stop(struct daemon *d)
{
	LIST_FOR_EACH(it, &d->clearings) {
		struct clearing *c = LIST_ENTRY(it, struct clearing, link);
		if (c->asked)
			workers_cancel(d->ws->workers, c->asked);
		while (c->asked)
			uv_run(&d->ws->loop, UV_RUN_ONCE);
	}
}

void clearings_free(struct daemon *d)
{
	while (!list_empty(&d->clearings))
		clearing_free(LIST_ENTRY(d->clearings.next, struct clearing, link));
}
