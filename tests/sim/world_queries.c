/* What the runner asks the state database, answered from the model's rows (scheduler/queries.h). */
#include <string.h>

#include "core/states.h"
#include "scheduler/queries.h"
#include "tests/sim/world.h"

static int reach(struct err *err)
{
	world_cross("query");
	if (world.now_us < db.away_until_us || trouble(TROUBLE_DB, 15))
		return err_set(err, ERR_STATE, "the database is away");
	return 0;
}

int query_partitions(const struct query *q, const char *const *tables, size_t ntables, int32_t lo, int32_t hi,
                     struct partition_row **ret_rows, size_t *ret_count, struct err *err)
{
	(void)tables;
	(void)ntables;
	(void)lo;
	(void)hi;
	struct partition_row *rows = arena_array(q->arena, db.nparts, sizeof *rows);
	for (size_t i = 0; i < db.nparts; i++) {
		const struct db_part *p = &db.parts[i];
		rows[i] = (struct partition_row){.table = p->table,
		                                 .partition = p->partition,
		                                 .day = *p->partition ? world.first_day + (int32_t)world_date(p->partition) : INT32_MIN,
		                                 .files = p->files,
		                                 .version = p->version,
		                                 .fence = p->fence,
		                                 .rows = p->rows,
		                                 .bytes = p->bytes,
		                                 .try_id = p->try_id,
		                                 .run_id = p->run,
		                                 .fingerprint = p->fingerprint,
		                                 .git_commit = "",
		                                 .empty = p->empty};
	}
	*ret_rows = rows;
	*ret_count = db.nparts;
	return reach(err);
}

static struct run_row run_row(const struct db_run *r)
{
	return (struct run_row){.run_id = r->id, .kind = r->kind, .state = r->state, .result = r->result, .selection = "",
	                        .first_day = r->first, .last_day = r->last, .paused = r->paused, .params = r->params, .counts = r->counts,
	                        .tasks = r->tasks, .epoch = r->epoch, .git_commit = "", .requested_by = ""};
}

int query_run(const struct query *q, const char *name, struct run_row *ret_run, struct err *err)
{
	const struct db_run *run = db_run(name);
	(void)q;
	if (reach(err) < 0)
		return err->code;
	if (!run)
		return err_set(err, ERR_USAGE, "there is no run '%s'", name);
	*ret_run = run_row(run);
	return 0;
}

int query_table_stats(const struct query *q, const char *const *tables, size_t ntables, struct table_stat **ret_rows,
                      size_t *ret_count, struct err *err)
{
	(void)q;
	(void)tables;
	(void)ntables;
	*ret_rows = NULL;
	*ret_count = 0;
	return reach(err);
}

int query_unfinished_runs(const struct query *q, int64_t epoch, struct run_row **ret_rows, size_t *ret_count,
                          struct err *err)
{
	struct run_row *rows = arena_array(q->arena, db.nruns, sizeof *rows);
	size_t n = 0;
	for (size_t i = 0; i < db.nruns; i++) {
		const struct db_run *r = &db.runs[i];
		if (r->epoch < epoch && !str_eq(r->state, "done"))
			rows[n++] = run_row(r);
	}
	*ret_rows = rows;
	*ret_count = n;
	return reach(err);
}

int query_open_tries(const struct query *q, int64_t epoch, struct try_row **ret_rows, size_t *ret_count,
                     struct err *err)
{
	struct try_row *rows = arena_array(q->arena, db.ntries, sizeof *rows);
	size_t n = 0;
	for (size_t i = 0; i < db.ntries; i++) {
		const struct db_try *t = &db.tries[i];
		const struct db_run *run = db_run(t->run);
		if (run && run->epoch < epoch && !str_eq(run->state, "done") && !str_eq(t->state, "ended"))
			rows[n++] = (struct try_row){.fence = t->fence, .try_id = t->id, .run_id = t->run, .table = t->table,
			                             .partition = t->partition, .state = t->state, .outcome = t->outcome, .worker = t->worker,
			                             .log_path = t->log_path, .error_class = "", .error = "", .staging = "", .note = "",
			                             .try_no = t->try_no};
	}
	*ret_rows = rows;
	*ret_count = n;
	return reach(err);
}

int query_tasks(const struct query *q, const char *run_id, const char *table, struct task_row **ret_rows,
                size_t *ret_count, struct err *err)
{
	CHECK(!table);
	struct task_row *rows = arena_array(q->arena, db.ntasks, sizeof *rows);
	size_t n = 0;
	for (size_t i = 0; i < db.ntasks; i++) {
		const struct db_task *t = &db.tasks[i];
		if (str_eq(t->run, run_id))
			rows[n++] = (struct task_row){.table = t->table, .partition = t->partition, .state = t->state, .result = t->result,
			                              .wait = "", .reason = "", .cause = "", .error = "", .tries = t->tries};
	}
	*ret_rows = rows;
	*ret_count = n;
	return reach(err);
}

int query_kept_staging(const struct query *q, const char *const **ret_paths, size_t *ret_count, struct err *err)
{
	(void)q;
	*ret_paths = NULL;
	*ret_count = 0;
	return reach(err);
}

int query_audit_of(const struct query *q, const char *action, const char *object, struct audit_row **ret_rows, size_t *ret_count,
                   struct err *err)
{
	(void)q;
	(void)action;
	(void)object;
	*ret_rows = NULL;
	*ret_count = 0;
	return reach(err);
}
