/* What a scheduler that died has left (DESIGN: crash-only): its tries are completed from the manifests or
 * marked lost, its runs are closed, its staging is swept. Everything here may be interrupted and done
 * again: each step looks at what is there. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/date.h"
#include "scheduler/lake_probe.h"
#include "scheduler/load.h"
#include "scheduler/locks.h"
#include "scheduler/queries.h"
#include "scheduler/runner_internal.h"

struct recovery {
	struct runner *r;
	const struct project *project;
	struct query query;
	size_t open;
	bool done;
	struct err err;
};

/* A try of which the state does not know how it ended. */
struct orphan {
	struct recovery *rec;
	const struct try_row *row;
	const struct table *table;
};

static void end_try(struct recovery *rec, const struct try_row *row, const struct try_result *found)
{
	const struct table *t = project_table(rec->project, row->table);
	struct journal *j = rec->r->journal;
	bool running = strcmp(row->state, try_state_name(TRY_RUNNING)) == 0;
	struct journal_names names = {.run_id = row->run_id,
	                              .wall_us = clock_wall_us(),
	                              .table = row->table,
	                              .partition = row->partition,
	                              .cause = "recovered after its scheduler died",
	                              .error = found ? NULL : "its scheduler died",
	                              .error_class = found ? NULL : "transient",
	                              .try_id = row->try_id,
	                              .worker = row->worker,
	                              .log_path = row->log_path,
	                              .result = found};
	struct transition try_end = {.object = OBJECT_TRY,
	                             .fence = (uint64_t)row->fence,
	                             .try_no = (uint32_t)row->try_no,
	                             .from = running ? TRY_RUNNING : TRY_STARTING,
	                             .to = TRY_ENDED,
	                             .result = found ? OUTCOME_SUCCESS : OUTCOME_LOST};
	journal_transition(j, &try_end, &names);
	if (found)
		journal_publish(j, &(struct journal_publish){.run_id = row->run_id,
		                                             .table = row->table,
		                                             .partition = row->partition,
		                                             .partitioned = t ? table_partitioned(t) : *row->partition != '\0',
		                                             .wall_us = names.wall_us,
		                                             .result = found});
	struct transition task_end = {.object = OBJECT_TASK,
	                              .try_no = (uint32_t)row->try_no,
	                              .from = TASK_RUNNING,
	                              .to = TASK_DONE,
	                              .result = found ? TASK_SUCCESS : TASK_FAILED};
	journal_transition(j, &task_end, &names);
	log_event(LOG_INFO, "try.recovered", "try", row->try_id, "outcome", found ? "success" : "lost", NULL);
}

static void on_looked_up(void *ctx, const struct try_result *found, const struct err *err)
{
	struct orphan *o = ctx;
	struct recovery *rec = o->rec;
	if (err && !rec->err.code)
		rec->err = *err;
	else
		end_try(rec, o->row, found);
	free(o);
	rec->done = --rec->open == 0;
}

static int end_tries(struct recovery *rec, struct err *err)
{
	struct try_row *rows;
	size_t n;
	int rc = query_open_tries(&rec->query, rec->r->config.leader->epoch, &rows, &n, err);
	rec->open = 1;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		const struct table *t = project_table(rec->project, rows[i].table);
		int32_t day = DATE_NONE;
		if (!t || (*rows[i].partition && !date_parse(rows[i].partition, &day))) {
			end_try(rec, &rows[i], NULL); /* its table is gone from the project: nothing to look at */
			continue;
		}
		struct orphan *o = mem_alloc(sizeof *o);
		*o = (struct orphan){rec, &rows[i], t};
		rec->open++;
		lake_probe_try(rec->r->config.workers, t, day, rows[i].try_id, on_looked_up, o);
	}
	rec->done = --rec->open == 0;
	loop_until(rec->r->config.loop, &rec->done);
	if (rc == 0 && rec->err.code) {
		*err = rec->err;
		rc = err->code;
	}
	return rc;
}

/* Tasks that had no try under way end as canceled: nobody will run them in that run any more. */
static int end_tasks(struct recovery *rec, const struct run_row *run, struct err *err)
{
	struct task_row *rows;
	size_t n;
	int rc = query_open_tasks(&rec->query, run->run_id, &rows, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (strcmp(rows[i].state, task_state_name(TASK_RUNNING)) == 0)
			continue; /* ended with its try */
		bool waiting = strcmp(rows[i].state, task_state_name(TASK_WAITING)) == 0;
		struct transition end = {.object = OBJECT_TASK,
		                         .try_no = (uint32_t)rows[i].tries,
		                         .from = waiting ? TASK_WAITING : TASK_READY,
		                         .to = TASK_DONE,
		                         .result = TASK_CANCELED};
		journal_transition(rec->r->journal, &end, &(struct journal_names){.run_id = run->run_id,
		                                                                  .wall_us = clock_wall_us(),
		                                                                  .table = rows[i].table,
		                                                                  .partition = rows[i].partition,
		                                                                  .reason = rows[i].reason,
		                                                                  .cause = "its scheduler died"});
	}
	return rc;
}

static int end_runs(struct recovery *rec, size_t *ret_runs, struct err *err)
{
	struct run_row *runs;
	int rc = query_unfinished_runs(&rec->query, rec->r->config.leader->epoch, &runs, ret_runs, err);
	for (size_t i = 0; rc == 0 && i < *ret_runs; i++) {
		rc = end_tasks(rec, &runs[i], err);
		if (rc < 0)
			return rc; /* a run that is done while its tasks are not would never be looked at again */
		bool planned = strcmp(runs[i].state, run_state_name(RUN_PLANNED)) == 0;
		struct journal_names names = {.run_id = runs[i].run_id, .wall_us = clock_wall_us(), .cause = "lost"};
		struct transition run = {.object = OBJECT_RUN, .from = RUN_PLANNED, .to = RUN_RUNNING};
		if (planned)
			journal_transition(rec->r->journal, &run, &names);
		run = (struct transition){.object = OBJECT_RUN, .from = RUN_RUNNING, .to = RUN_DONE, .result = RUN_FAILED};
		journal_transition(rec->r->journal, &run, &names);
	}
	return rc;
}

struct sweep {
	bool done;
};

static void on_swept(void *ctx, const struct worker_answer *a)
{
	if (a->err)
		log_event(LOG_WARN, "sweep.failed", "error", a->err->text, NULL);
	((struct sweep *)ctx)->done = true;
}

/* The dead tries' staging. What a failed check kept on purpose stays: its try had ended. */
static void sweep_staging(struct recovery *rec, const struct try_row *rows, size_t n)
{
	json_t *tries = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(tries, json_string(rows[i].try_id));
	struct sweep sweep = {0};
	workers_ask(rec->r->config.workers, json_pack("{s:s, s:o}", "op", "sweep", "tries", tries), false, NULL, on_swept, &sweep);
	loop_until(rec->r->config.loop, &sweep.done);
}

int runner_recover(struct runner *r, const struct project *p, PGconn *queries, int lake_id, size_t *ret_runs,
                   struct err *err)
{
	struct arena arena = {0};
	struct recovery rec = {.r = r, .project = p, .query = {.conn = queries, .lake_id = lake_id, .arena = &arena}};
	char *locks = mem_printf("%s/.strata/workers/run", r->config.lake);
	struct try_row *rows;
	size_t n = 0;
	int rc = locks_await_all(locks, LOCKS_GRACE_MS, err);
	if (rc >= 0)
		rc = query_open_tries(&rec.query, r->config.leader->epoch, &rows, &n, err);
	if (rc == 0)
		rc = end_tries(&rec, err);
	if (rc == 0 && n)
		sweep_staging(&rec, rows, n);
	if (rc == 0)
		rc = end_runs(&rec, ret_runs, err);
	if (rc == 0 && (n || *ret_runs))
		record_settle(r);
	if (rc == 0 && r->err.code) {
		*err = r->err;
		rc = err->code;
	}
	free(locks);
	arena_free(&arena);
	return rc;
}
