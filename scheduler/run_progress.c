/* See run_progress.h. */
#include "scheduler/run_progress.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "core/states.h"

#define HOUR_US (INT64_C(3600) * 1000000)

static int64_t number(const json_t *counts, const char *key)
{
	return json_integer_value(json_object_get(counts, key));
}

void run_progress_of(const struct run_row *run, bool up, struct run_progress *ret)
{
	json_t *counts = json_loads(run->counts, 0, NULL);
	struct run_progress p = {.total = run->tasks,
	                         .running = number(counts, "running"),
	                         .per_hour = number(counts, "per_hour"),
	                         .left_us = PG_NULL64,
	                         .over = strcmp(run->state, run_state_name(RUN_DONE)) == 0,
	                         .paused = run->paused,
	                         .up = up};
	for (int r = 1; r < TASK_RESULTS_END; r++)
		p.done += number(counts, task_result_name((enum task_result)r));
	p.withheld = number(counts, task_result_name(TASK_UPSTREAM_FAILED));
	p.failed = number(counts, task_result_name(TASK_FAILED)) + number(counts, task_result_name(TASK_TIMEOUT)) + p.withheld;
	if (!p.over && p.done == 0 && p.running == 0)
		p.per_hour = 0; /* what its tables took before is no rate of a run that waits */
	if (!p.over && up && !run->paused && p.per_hour > 0 && p.running > 0)
		p.left_us = (int64_t)((double)(p.total > p.done ? p.total - p.done : 0) * (double)HOUR_US / (double)p.per_hour);
	if (p.over || !up)
		p.running = 0;
	json_decref(counts);
	*ret = p;
}

static void say_rate(int64_t per_hour, struct buf *out)
{
	if (per_hour >= 36000)
		buf_addf(out, ", %" PRId64 " a second", per_hour / 3600);
	else if (per_hour >= 600)
		buf_addf(out, ", %" PRId64 " a minute", per_hour / 60);
	else
		buf_addf(out, ", %" PRId64 " an hour", per_hour);
}

char *run_progress_text(char out[RUN_PROGRESS_SIZE], const struct run_progress *p)
{
	struct buf b = BUF_INIT(RUN_PROGRESS_SIZE - 1);
	char left[32];
	buf_addf(&b, "%" PRId64 "/%" PRId64 " done", p->done, p->total);
	if (p->failed)
		buf_addf(&b, ", %" PRId64 " failed", p->failed);
	if (p->running)
		buf_addf(&b, ", %" PRId64 " running", p->running);
	if (!p->over && p->up && !p->paused) {
		if (p->per_hour)
			say_rate(p->per_hour, &b);
		if (p->left_us == PG_NULL64)
			buf_adds(&b, ", time left unknown");
		else
			buf_addf(&b, ", %s left", clock_human(left, sizeof left, p->left_us));
	}
	memcpy(out, buf_cstr(&b), b.len + 1);
	buf_free(&b);
	return out;
}
