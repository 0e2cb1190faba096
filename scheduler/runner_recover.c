/* What a scheduler that died has left (DESIGN: crash-only): its tries are completed from the manifests or
 * marked lost, its runs are closed, its staging is swept. Everything here may be interrupted and done
 * again: each step looks at what is there. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "scheduler/lake_probe.h"
#include "scheduler/turns.h"
#include "scheduler/locks.h"
#include "scheduler/order.h"
#include "scheduler/queries.h"
#include "scheduler/runner_internal.h"

enum { SWEEP_MAX = 10000 }; /* at a time: the request is one line */

/* How the task of an open try ended, until it is committed. */
struct ended {
	const struct try_row *row;
	enum task_result result;
};

struct recovery {
	struct runner *r;
	struct query query;
	const char *const *resume; /* the runs that go on, besides those that were ordered: they go on with a daemon */
	size_t nresume;
	struct run_row *runs;      /* all that are unfinished */
	size_t nruns;
	struct try_row *tries;
	struct ended *ended; /* [ntries] */
	size_t ntries, nended, open;
	bool done;
	struct err err;
};

/* A try of which the state does not know how it ended. */
struct orphan {
	struct recovery *rec;
	const struct try_row *row;
};

static bool goes_on(const struct recovery *rec, const char *run_id)
{
	for (size_t i = 0; i < rec->nresume; i++) {
		if (strcmp(rec->resume[i], run_id) == 0)
			return true;
	}
	for (size_t i = 0; i < rec->nruns; i++) {
		if (strcmp(rec->runs[i].run_id, run_id) == 0)
			return order_is(rec->runs[i].params);
	}
	return false;
}

static void end_task_of(struct recovery *rec, const struct try_row *row, const struct try_result *found,
                        const struct journal_names *names)
{
	struct transition end = {.object = OBJECT_TASK, .try_no = (uint32_t)row->try_no, .from = TASK_RUNNING, .to = TASK_DONE};
	if (found)
		end.result = found->empty ? TASK_EMPTY : TASK_SUCCESS;
	else
		end.result = TASK_FAILED;
	rec->ended[rec->nended++] = (struct ended){row, (enum task_result)end.result};
	if (!found && goes_on(rec, row->run_id)) {
		end.to = TASK_WAITING;
		end.result = 0;
		end.wait = WAIT_RETRY;
	}
	journal_transition(rec->r->journal, &end, names);
}

static void end_try(struct recovery *rec, const struct try_row *row, const struct try_result *found)
{
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
		                                             .partitioned = found->manifest.partitioned,
		                                             .wall_us = names.wall_us,
		                                             .result = found});
	end_task_of(rec, row, found, &names);
	log_event(LOG_INFO, "try.recovered", "try", row->try_id, "outcome", found ? "success" : "lost", NULL);
}

static void on_looked_up(void *ctx, const struct try_result *found, const struct err *err)
{
	struct orphan *o = ctx;
	struct recovery *rec = o->rec;
	if (FAULT("recover.looked") && !rec->err.code)
		err_errno(&rec->err, ERR_LAKE, "look at try '%s'", o->row->try_id);
	else if (err && !rec->err.code)
		rec->err = *err;
	else if (!err) /* nobody has looked: neither end may be recorded */
		end_try(rec, o->row, found);
	free(o);
	rec->done = --rec->open == 0;
}

/* The manifest is asked by the try's own names: its table may be gone from the project by now. */
static int end_tries(struct recovery *rec, struct err *err)
{
	rec->open = 1;
	for (size_t i = 0; i < rec->ntries; i++) {
		const struct try_row *row = &rec->tries[i];
		struct orphan *o = mem_alloc(sizeof *o);
		*o = (struct orphan){rec, row};
		rec->open++;
		lake_probe_try(rec->r->config.workers, row->table, row->partition, row->try_id, on_looked_up, o);
	}
	rec->done = --rec->open == 0;
	loop_until(rec->r->config.loop, &rec->done);
	if (rec->err.code)
		*err = rec->err;
	return rec->err.code;
}

static const struct ended *ended_with_try(const struct recovery *rec, const char *run_id, const struct task_row *task)
{
	for (size_t i = 0; i < rec->nended; i++) {
		const struct try_row *row = rec->ended[i].row;
		if (strcmp(row->run_id, run_id) == 0 && strcmp(row->table, task->table) == 0 &&
		    strcmp(row->partition, task->partition) == 0)
			return &rec->ended[i];
	}
	return NULL;
}

/* Nobody will run it in that run any more; returns how it ended. */
static enum task_result end_task(struct recovery *rec, const char *run_id, const struct task_row *task)
{
	const struct ended *ended = ended_with_try(rec, run_id, task);
	enum task_result result = row_result(task);
	if (result || ended)
		return result ? result : ended->result;
	result = strcmp(task->state, task_state_name(TASK_RUNNING)) == 0 ? TASK_FAILED : TASK_CANCELED;
	record_row_end(rec->r, run_id, task, result, "its scheduler died");
	return result;
}

/* A task without a row had not left WAITING: it counts as canceled. */
static int end_tasks(struct recovery *rec, const struct run_row *run, struct run_counts *ret, struct err *err)
{
	struct task_row *rows;
	size_t n;
	int rc = query_tasks(&rec->query, run->run_id, NULL, &rows, &n, err);
	if (rc < 0)
		return rc;
	*ret = (struct run_counts){.tasks = (uint64_t)run->tasks > n ? (uint64_t)run->tasks : n};
	for (size_t i = 0; i < n; i++) {
		ret->by_result[end_task(rec, run->run_id, &rows[i])]++;
		ret->tries += (uint64_t)rows[i].tries;
	}
	ret->by_result[TASK_CANCELED] += ret->tasks - n;
	return 0;
}

static int end_runs(struct recovery *rec, size_t *ret_runs, struct err *err)
{
	const struct run_row *runs = rec->runs;
	int rc = 0;
	*ret_runs = 0;
	for (size_t i = 0; rc == 0 && i < rec->nruns; i++) {
		if (goes_on(rec, runs[i].run_id))
			continue;
		struct run_counts counts;
		rc = end_tasks(rec, &runs[i], &counts, err);
		if (rc < 0)
			return rc; /* a run that is done while its tasks are not would never be looked at again */
		bool planned = strcmp(runs[i].state, run_state_name(RUN_PLANNED)) == 0;
		struct journal_names names = {.run_id = runs[i].run_id, .wall_us = clock_wall_us(), .cause = "lost", .counts = &counts};
		struct transition run = {.object = OBJECT_RUN, .from = RUN_PLANNED, .to = RUN_RUNNING};
		if (planned)
			journal_transition(rec->r->journal, &run, &names);
		run = (struct transition){.object = OBJECT_RUN, .from = RUN_RUNNING, .to = RUN_DONE, .result = RUN_FAILED};
		journal_transition(rec->r->journal, &run, &names);
		++*ret_runs;
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

/* Is it data that was kept on purpose, of a failed check or on request? */
static bool is_kept(const char *const *kept, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		const char *slash = strrchr(kept[i], '/');
		if (strcmp(slash ? slash + 1 : kept[i], name) == 0)
			return true;
	}
	return false;
}

/* What tries have staged and nobody will remove any more: no worker of a run lives, and the next one has not
 * begun. Also of tries that had ended: a worker that died while it tidied. Queries have names of their own. */
static json_t *dead_staging(const struct recovery *rec, DIR *d, struct err *err)
{
	const char *const *kept;
	size_t nkept;
	json_t *names = json_array();
	struct dirent *e;
	while ((e = readdir(d)) && json_array_size(names) < SWEEP_MAX) {
		if (e->d_name[0] != '.' && !str_has_prefix(e->d_name, "sql-"))
			json_array_append_new(names, json_string(e->d_name));
	}
	if (json_array_size(names) == 0)
		return names;
	if (query_kept_staging(&rec->query, &kept, &nkept, err) < 0) {
		json_decref(names);
		return NULL;
	}
	for (size_t i = json_array_size(names); i > 0; i--) {
		if (is_kept(kept, nkept, json_string_value(json_array_get(names, i - 1))))
			json_array_remove(names, i - 1);
	}
	return names;
}

static int sweep_staging(struct recovery *rec, struct err *err)
{
	struct sweep sweep = {0};
	char *path = mem_printf("%s/.strata/staging", rec->r->config.lake);
	DIR *d = opendir(path); /* absent: nothing was ever staged */
	json_t *tries = d ? dead_staging(rec, d, err) : json_array();
	free(path);
	if (d)
		closedir(d);
	if (!tries)
		return err->code;
	for (size_t i = 0; i < rec->ntries; i++)
		json_array_append_new(tries, json_string(rec->tries[i].try_id));
	if (json_array_size(tries) == 0) {
		json_decref(tries);
		return 0;
	}
	workers_ask(rec->r->config.workers, json_pack("{s:s, s:o}", "op", "sweep", "tries", tries), false, NULL, on_swept, &sweep);
	loop_until(rec->r->config.loop, &sweep.done);
	return 0;
}

/* All rows are one transaction: who dies before it has changed nothing but the staging of dead tries. */
static int commit(struct runner *r, struct err *err)
{
	if (FAULT("recover.commit"))
		return err_errno(err, ERR_STATE, "record what was recovered");
	record_settle(r);
	if (r->err.code)
		*err = r->err;
	return r->err.code;
}

int runner_recover(struct runner *r, PGconn *queries, int lake_id, const char *const *resume, size_t nresume, size_t *ret_runs,
                   struct err *err)
{
	struct arena arena = {0};
	struct recovery rec = {.r = r, .query = {.conn = queries, .lake_id = lake_id, .arena = &arena}, .resume = resume, .nresume = nresume};
	char *locks = mem_printf("%s/.strata/workers/run", r->config.lake);
	int rc = locks_await_all(locks, LOCKS_GRACE_MS, err);
	if (rc >= 0)
		rc = query_unfinished_runs(&rec.query, r->config.leader->epoch, &rec.runs, &rec.nruns, err);
	if (rc == 0)
		rc = query_open_tries(&rec.query, r->config.leader->epoch, &rec.tries, &rec.ntries, err);
	rec.ended = arena_array(&arena, rec.ntries, sizeof *rec.ended);
	if (rc == 0)
		rc = end_tries(&rec, err);
	if (rc == 0)
		rc = sweep_staging(&rec, err);
	if (rc == 0)
		rc = end_runs(&rec, ret_runs, err);
	if (rc == 0 && (rec.ntries || *ret_runs))
		rc = commit(r, err);
	free(locks);
	arena_free(&arena);
	return rc;
}
