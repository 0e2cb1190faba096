/* Why a task of a live run is not running, in words (core/explain.h has the reasons). */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "core/date.h"
#include "core/explain.h"
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

static const char *pool_name(const struct runner *r, uint32_t pool)
{
	for (const struct shared_name *n = r->pools; n; n = n->hh.next) {
		if (n->number == pool)
			return n->name;
	}
	return "?";
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
	case BLOCK_RETRY:
		buf_adds(out, "its last try failed; the next one starts in ");
		say_in(b->at_ms, out);
		buf_adds(out, " ('strata retry' starts it now)");
		break;
	case BLOCK_SOURCE:
		if (sensor_explain(r->sensor, b->of, out))
			buf_addf(out, "; put its files there ('strata retry %s' looks at once)", run->request.run_id);
		else
			buf_adds(out, "waits for its source");
		break;
	case BLOCK_PAUSED:
		buf_addf(out, "run %s is paused; 'strata unpause %s' lets it go on", run->request.run_id, run->request.run_id);
		break;
	case BLOCK_POOL:
		buf_addf(out, "pool '%s' is full: %s has a slot", pool_name(r, b->pool), name);
		break;
	case BLOCK_WORKERS:
		buf_addf(out, "every worker is busy: %s has %s", name, *worker ? worker : "one");
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

bool runner_explain(struct runner *r, uint32_t handle, const char *table, const char *partition, struct buf *out)
{
	struct live_run *run = live_run_find(r, handle);
	struct explanation x;
	struct task_id task;
	struct arena arena = {0};
	if (!run || !find_task(run, table, partition, &task))
		return false;
	if (!machine_explain(r->machine, task, &arena, &x)) { /* not to be built: the plan says why */
		const struct plan *plan = run->plan;
		run_task_name(run, task, out);
		buf_adds(out, ": ");
		plan_reason_text(plan, task.table, &plan->tasks[(size_t)task.table * plan->ndates + task.date], out);
		return true;
	}
	run_task_name(run, task, out);
	buf_addf(out, " is %s%s%s", task_state_name(x.state), x.state == TASK_DONE ? ": " : "", x.state == TASK_DONE ? task_result_name(x.result) : "");
	for (size_t i = 0; i < x.nblockers; i++) {
		buf_adds(out, "\n  ");
		if (memcmp(&x.blockers[i].of, &task, sizeof task) != 0) {
			say_task(r, run, x.blockers[i].of, out);
			buf_adds(out, ": ");
		}
		say_blocker(r, run, &x.blockers[i], out);
	}
	if (x.more)
		buf_addf(out, "\n  and %llu more", (unsigned long long)x.more);
	if (x.state != TASK_DONE && x.state != TASK_RUNNING && x.start_ms != INT64_MAX) {
		buf_adds(out, "\n  by what its tables took before, it may start in ");
		say_in(x.start_ms, out);
	}
	arena_free(&arena);
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
