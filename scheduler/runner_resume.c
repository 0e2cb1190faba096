/* What a run that goes on has behind it (runner_internal.h): its tries are numbered on, and what it counts in the
 * end is all that it has done, not only what it had left to do. Read from its rows, whatever number of lives it
 * had: the rows are the truth, and the machine begins anew with what is left. */
#include <string.h>

#include "core/date.h"
#include "scheduler/runner_internal.h"

enum { NOT_PLANNED = -1 };

/* Where the plan has the task of a row: an index of plan->tasks. The project may have changed meanwhile. */
static int64_t place_of(const struct plan *plan, const struct task_row *row)
{
	const struct table *t = project_table(plan->in.project, row->table);
	int32_t day = DATE_NONE;
	if (!t || plan->slot[t->index] == UINT32_MAX || (*row->partition && !date_parse(row->partition, &day)) ||
	    table_partitioned(t) != (day != DATE_NONE))
		return NOT_PLANNED;
	int64_t date = day == DATE_NONE ? 0 : (int64_t)day - plan->in.first;
	return date >= 0 && date < plan->ndates ? (int64_t)plan->slot[t->index] * plan->ndates + date : NOT_PLANNED;
}

/* How it ended, if that stands: it has what it wanted. Else 0. */
static enum task_result good_result(const struct task_row *row)
{
	enum task_result result = row_result(row);
	return result == TASK_SUCCESS || result == TASK_EMPTY || result == TASK_FRESH || result == TASK_SKIPPED ? result : 0;
}

/* It had failed, or had not ended, and is not left to do: what it wanted is published by now, or it has left the
 * project. */
static enum task_result end_unplanned(const struct live_run *run, const struct task_row *row, bool fresh)
{
	record_row_end(run->runner, run->request.run_id, row, fresh ? TASK_FRESH : TASK_SKIPPED,
	               fresh ? "" : "not in the plan when its run went on");
	return fresh ? TASK_FRESH : TASK_SKIPPED;
}

static void count_ended(struct live_run *run, const struct task_row *row, bool planned)
{
	struct run_counts *counts = &run->resumed.counts;
	const struct table *t = project_table(run->plan->in.project, row->table);
	enum task_result result = good_result(row);
	if (!result)
		result = end_unplanned(run, row, planned);
	counts->tasks++;
	counts->by_state[TASK_DONE]++;
	counts->by_result[result]++;
	run->summary.fresh -= planned && run->summary.fresh > 0; /* by its own doing */
	if (result != TASK_SUCCESS || (t && t->output_none))
		return;
	if (row->rows == PG_NULL64) { /* it had made nothing */
		run->summary.checked++;
		return;
	}
	run->summary.published++;
	run->summary.rows += row->rows > 0 ? row->rows : 0;
	run->summary.bytes += row->bytes > 0 ? row->bytes : 0;
}

void resume_begin(struct live_run *run, const struct task_row *rows, size_t n)
{
	struct resumed *x = &run->resumed;
	const struct plan *plan = run->plan;
	if (!n)
		return;
	size_t ntasks = (size_t)plan->ntables * plan->ndates;
	x->tries = arena_array(&run->arena, ntasks, sizeof *x->tries);
	x->told = arena_array(&run->arena, ntasks / 64 + 1, sizeof *x->told);
	for (size_t i = 0; i < n; i++) {
		const struct task_row *row = &rows[i];
		int64_t at = place_of(plan, row);
		x->counts.tries += (uint64_t)row->tries;
		if (at < 0 || !plan_is_todo(plan->tasks[at].verdict)) {
			count_ended(run, row, at >= 0);
			continue;
		}
		x->tries[at] = (uint32_t)row->tries;
		x->told[at / 64] |= UINT64_C(1) << (at % 64);
	}
}

uint32_t resume_tries(const struct live_run *run, struct task_id task)
{
	return run->resumed.tries ? run->resumed.tries[(size_t)task.table * run->plan->ndates + task.date] : 0;
}

void resume_add(const struct live_run *run, struct run_counts *counts)
{
	const struct run_counts *before = &run->resumed.counts;
	counts->tasks += before->tasks;
	counts->tries += before->tries;
	for (int i = 0; i < TASK_STATES_END; i++)
		counts->by_state[i] += before->by_state[i];
	for (int i = 0; i < TASK_RESULTS_END; i++)
		counts->by_result[i] += before->by_result[i];
}
