/* Why a task of a live run is not running, as JSON with words for people (core/explain.h has the reasons). */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "core/date.h"
#include "core/explain.h"
#include "core/jsonio.h"
#include "scheduler/runner_internal.h"

/* The task of that name in the run's plan; false: it has none. */
static bool find_task(const struct live_run *run, const char *table, const char *partition, struct task_id *ret)
{
	const struct plan *plan = run->plan;
	const struct table *t = project_table(plan->in.project, table);
	int32_t day = plan->in.first;
	if (!t || plan->slot[t->index] == UINT32_MAX)
		return false;
	if (table_partitioned(t) && *partition && !date_parse(partition, &day))
		return false;
	int64_t date = table_partitioned(t) ? (int64_t)day - plan->in.first : 0;
	*ret = (struct task_id){run->handle, plan->slot[t->index], (uint32_t)date};
	return date >= 0 && date < plan->ndates;
}

/* "run a's dwd.dwd_x 2013-01-03", of this run without its name. */
static void say_task(const struct runner *r, const struct live_run *own, struct task_id task, struct buf *out)
{
	const struct live_run *run = live_run_find(r, task.run);
	if (!run)
		return;
	run_task_name(run, task, out);
	if (run != own)
		buf_addf(out, " of run %s", run->request.run_id);
}

static void say_in(int64_t at_ms, struct buf *out)
{
	char text[32];
	int64_t left = at_ms - runner_now_ms();
	buf_addf(out, "%s", left > 0 ? clock_human(text, sizeof text, left * 1000) : "a moment");
}

/* The command takes TABLE@DATE. */
static void say_retry(const struct runner *r, struct task_id task, struct buf *out)
{
	const struct live_run *run = live_run_find(r, task.run);
	if (!run)
		return;
	char date[DATE_SIZE];
	date_format(date, run_day(run, task));
	buf_addf(out, "; put its files there ('strata retry %s %s%s%s' looks at once)", run->request.run_id, run_table(run, task)->name,
	         *date ? "@" : "", date);
}

static const char *pool_name(const struct runner *r, uint32_t pool)
{
	for (const struct shared_name *n = r->pools; n; n = n->hh.next) {
		if (n->number == pool)
			return n->name;
	}
	return "?";
}

static void say_hold(const struct live_hold *h, struct buf *out)
{
	buf_addf(out, "what is published of it %s removed by %s (strata clear --data)",
	         h && !h->told ? "waits until nothing works on it, and is then" : "is being", h ? h->by : "somebody");
}

static void say_blocker(struct runner *r, const struct live_run *run, const struct blocker *b, struct buf *out)
{
	struct buf who = BUF_INIT(4096);
	say_task(r, run, b->task, &who);
	const char *name = buf_cstr(&who);
	const struct live_try *lt = b->fence ? live_try_find(r, b->fence) : NULL;
	const char *worker = lt ? lt->worker : "";
	switch (b->kind) {
	case BLOCK_UPSTREAM:
		buf_addf(out, "waits for %s, which is %s%s%s", name, task_state_name(b->state), *worker ? " on worker " : "", worker);
		break;
	case BLOCK_COMMIT:
		buf_addf(out, "waits until the end of %s is on record", name);
		break;
	case BLOCK_DECIDING:
	case BLOCK_AHEAD:
		buf_adds(out, b->kind == BLOCK_DECIDING ? "is being looked at just now" : "many tasks of its run go first");
		break;
	case BLOCK_TWIN:
		buf_addf(out, "%s builds the same partition and goes first; it is %s", name, task_state_name(b->state));
		break;
	case BLOCK_HOLD:
		say_hold(live_hold_find(r, b->hold), out);
		break;
	case BLOCK_RETRY:
		buf_adds(out, "its last try failed; the next one starts in ");
		say_in(b->at_ms, out);
		buf_adds(out, " ('strata retry' starts it now)");
		break;
	case BLOCK_SOURCE:
		if (sensor_explain(r->sensor, b->of, out))
			say_retry(r, b->of, out);
		else
			buf_adds(out, "waits for its source");
		break;
	case BLOCK_PAUSED:
		buf_addf(out, "run %s is paused; 'strata unpause %s' lets it go on", run->request.run_id, run->request.run_id);
		break;
	case BLOCK_POOL:
		if (b->fence)
			buf_addf(out, "pool '%s' is full: %s has a slot", pool_name(r, b->pool), name);
		else
			buf_addf(out, "pool '%s' has no slots", pool_name(r, b->pool));
		break;
	case BLOCK_WORKERS:
		buf_addf(out, b->fence ? "every worker is busy: %s has %s" : "there are no workers", name, *worker ? worker : "one");
		break;
	case BLOCK_KEPT:
		buf_addf(out, "the free worker is kept for schedules; %s has %s", name, *worker ? worker : "another");
		break;
	case BLOCK_MAX_ACTIVE:
		buf_addf(out, "its run has as many tasks at work as --max-active lets it: %s", name);
		break;
	case BLOCKER_KINDS_END:
		break;
	}
	buf_free(&who);
}

static void put_name(json_t *o, const struct live_run *run, struct task_id task)
{
	char date[DATE_SIZE];
	jput_text(o, "table", run_table(run, task)->qname);
	jput_text(o, "partition", date_format(date, run_day(run, task)));
}

/* Its names one by one, so that a program can go and remove it, and a sentence. */
static json_t *blocker_json(struct runner *r, const struct live_run *run, const struct blocker *b, struct task_id asked)
{
	struct buf text = BUF_INIT(8192);
	json_t *o = json_object(), *of = json_object();
	const struct live_run *other = live_run_find(r, b->task.run);
	const struct live_try *lt = b->fence ? live_try_find(r, b->fence) : NULL;
	bool names_task = b->fence || b->kind == BLOCK_UPSTREAM || b->kind == BLOCK_TWIN || b->kind == BLOCK_COMMIT;
	jput_text(o, "kind", blocker_kind_name(b->kind));
	put_name(of, run, b->of);
	json_object_set_new(o, "of", of);
	jput_text(o, "run", names_task && other ? other->request.run_id : run->request.run_id);
	if (names_task && other) {
		put_name(o, other, b->task);
		jput_text(o, "state", task_state_name(b->state));
		jput_text(o, "worker", lt ? lt->worker : "");
	}
	if (b->kind == BLOCK_POOL)
		jput_text(o, "pool", pool_name(r, b->pool));
	if (b->kind == BLOCK_HOLD) {
		const struct live_hold *h = live_hold_find(r, b->hold);
		jput_text(o, "by", h ? h->by : "");
	}
	int64_t since_us = b->kind == BLOCK_SOURCE ? sensor_since(r->sensor, b->of) : 0;
	if (since_us) {
		char iso[CLOCK_ISO_SIZE];
		jput_text(o, "since", clock_iso(iso, since_us));
	}
	if (b->kind == BLOCK_RETRY) {
		char iso[CLOCK_ISO_SIZE];
		jput_text(o, "at", clock_iso(iso, clock_wall_us() + (b->at_ms - runner_now_ms()) * 1000));
	}
	if (memcmp(&b->of, &asked, sizeof asked) != 0) {
		say_task(r, run, b->of, &text);
		buf_adds(&text, ": ");
	}
	say_blocker(r, run, b, &text);
	jput_text(o, "text", buf_cstr(&text));
	buf_free(&text);
	return o;
}

static void put_blockers(struct runner *r, const struct live_run *run, struct task_id task, const struct explanation *x, json_t *out)
{
	json_t *blockers = json_array();
	for (size_t i = 0; i < x->nblockers; i++)
		json_array_append_new(blockers, blocker_json(r, run, &x->blockers[i], task));
	json_object_set_new(out, "blockers", blockers);
	jput_int(out, "more", (int64_t)x->more);
	if (x->state != TASK_DONE && x->state != TASK_RUNNING && x->start_ms != INT64_MAX) {
		int64_t left = x->start_ms - runner_now_ms();
		jput_int(out, "starts_in_ms", left > 0 ? left : 0);
	}
}

/* One blocker for each try that has a worker, or that has one of those which are not kept for schedules; how many. */
static size_t put_holders(struct runner *r, const struct live_run *run, struct task_id task, enum blocker_kind kind, json_t *out)
{
	json_t *blockers = json_object_get(out, "blockers");
	size_t n = 0;
	for (const struct live_try *lt = r->tries; lt && json_array_size(blockers) < EXPLAIN_MAX; lt = lt->hh.next) {
		struct blocker b = {.kind = kind, .of = task, .task = lt->task, .state = TASK_RUNNING, .fence = lt->fence};
		if (!lt->running_us || (kind == BLOCK_KEPT && lt->run->request.kind == RUN_SCHEDULED))
			continue;
		json_array_append_new(blockers, blocker_json(r, run, &b, task));
		n++;
	}
	return n;
}

/* It was handed over, and no worker has taken it yet: who has them. */
static void put_workers(struct runner *r, const struct live_run *run, struct task_id task, json_t *out)
{
	bool modest = r->kept && run->request.kind != RUN_SCHEDULED;
	if (!modest || !put_holders(r, run, task, BLOCK_KEPT, out))
		put_holders(r, run, task, BLOCK_WORKERS, out);
}

bool runner_explain(struct runner *r, uint32_t handle, const char *table, const char *partition, json_t *out)
{
	struct live_run *run = live_run_find(r, handle);
	struct explanation x;
	struct task_id task;
	struct arena arena = {0};
	struct buf reason = BUF_INIT(1 << 14);
	if (!run || !find_task(run, table, partition, &task))
		return false;
	const struct plan *plan = run->plan;
	plan_reason_text(plan, task.table, run_planned(run, task), &reason);
	put_name(out, run, task);
	jput_text(out, "reason", buf_cstr(&reason));
	if (machine_explain(r->machine, task, &arena, &x)) {
		jput_text(out, "state", task_state_name(x.state));
		jput_text(out, "result", task_result_name(x.result));
		put_blockers(r, run, task, &x, out);
		const struct live_try *own = x.fence ? live_try_find(r, x.fence) : NULL;
		if (own && own->request && !own->running_us)
			put_workers(r, run, task, out);
	} else { /* not to be built */
		jput_text(out, "state", task_state_name(TASK_DONE));
		jput_text(out, "result", task_result_name(TASK_FRESH));
	}
	arena_free(&arena);
	buf_free(&reason);
	return true;
}

bool runner_retry_now(struct runner *r, uint32_t handle, const char *table, const char *partition)
{
	struct live_run *run = live_run_find(r, handle);
	struct task_id task;
	if (!run || !find_task(run, table, partition, &task))
		return false;
	sensor_look(r->sensor, task);
	runner_event(r, &(struct event){.kind = EV_RETRY_NOW, .task = task});
	return true;
}
