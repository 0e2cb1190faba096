/* How far the runs are, in their rows (runner_internal.h): at most once a second, and only where something has changed, so
 * that whoever looks counts no rows, and an idle scheduler sleeps. It is the journal's, but nothing waits for it: what a run
 * really did is in its tasks' rows, and is counted anew when it goes on. */
#include "base/clock.h"
#include "scheduler/runner_internal.h"

enum { EVERY_MS = 1000, SMOOTH_S = 30 };

#define HOUR_S 3600.0

/* Before anything has ended: by what its tables took before. 0: nothing is known of them. */
static double expected_per_hour(const struct live_run *run, const struct runner_request *rq)
{
	const struct plan *plan = run->plan;
	double us = 0, tasks = 0;
	bool known = false;
	for (uint32_t t = 0; t < plan->ntables; t++) {
		known = known || (rq->duration_us && rq->duration_us[plan->tables[t]] > 0);
		for (uint32_t d = 0; d < plan->ndates; d++) {
			uint8_t verdict = plan->tasks[(size_t)t * plan->ndates + d].verdict;
			tasks += verdict == PLAN_BUILD;
			us += verdict == PLAN_BUILD ? (double)run->spec->tables[t].duration_us : 0;
		}
	}
	uint32_t jobs = run->runner->config.jobs, slots = rq->max_active && rq->max_active < jobs ? rq->max_active : jobs;
	return known && us > 0 ? tasks * slots * HOUR_S * 1000000 / us : 0;
}

static uint64_t done_of(const struct run_counts *counts)
{
	return counts->by_state[TASK_DONE];
}

static void on_time(uv_timer_t *timer);

void live_progress_look(struct runner *r)
{
	if (!r->progress_set)
		uv_timer_start(&r->progress_timer, on_time, EVERY_MS, 0);
	r->progress_set = true;
}

void live_progress_begin(struct live_run *run, const struct runner_request *rq)
{
	run->progress = (struct progress){.per_hour = expected_per_hour(run, rq), .since_us = clock_mono_us(), .dirty = true};
	live_progress_look(run->runner);
}

void live_progress_note(struct live_run *run, const struct run_counts *counts)
{
	struct progress *p = &run->progress;
	if (done_of(counts) == p->seen_done && counts->by_state[TASK_RUNNING] == p->seen_running)
		return;
	p->seen_done = done_of(counts);
	p->seen_running = counts->by_state[TASK_RUNNING];
	p->dirty = true;
	live_progress_look(run->runner);
}

/* The newest seconds weigh most, a pause or a slow table passes. */
static void measure(struct progress *p, const struct run_counts *counts)
{
	double seconds = (double)(clock_mono_us() - p->since_us) / 1000000, weight = seconds / (seconds + SMOOTH_S);
	double now = seconds > 0 ? (double)(done_of(counts) - p->done) / seconds * HOUR_S : 0;
	if (p->per_hour > 0)
		p->per_hour += (now - p->per_hour) * weight;
	else
		p->per_hour = now;
	p->done = done_of(counts);
	p->since_us = clock_mono_us();
}

static void on_time(uv_timer_t *timer)
{
	struct runner *r = timer->data;
	struct run_counts counts;
	r->progress_set = false;
	for (struct live_run *run = r->runs; run && !r->err.code; run = run->hh.next) {
		if (!run->progress.dirty || run->ended || !machine_run_counts(r->machine, run->handle, &counts))
			continue;
		run->progress.dirty = false;
		measure(&run->progress, &counts);
		resume_add(run, &counts);
		journal_progress(r->journal, run->request.run_id, &counts, (int64_t)run->progress.per_hour);
	}
	if (r->err.code)
		return;
	/* While something is at work there is something new to see each second; an idle scheduler sleeps. */
	live_workers_tell(r);
	if (r->tries)
		live_progress_look(r);
	journal_flush_soon(r->journal);
}

void live_progress_open(struct runner *r)
{
	uv_timer_init(r->config.loop, &r->progress_timer);
	r->progress_timer.data = r;
}

void live_progress_close(struct runner *r)
{
	uv_close((uv_handle_t *)&r->progress_timer, NULL);
}
