/* The rows of a model of Postgres: whole transactions, whose batches arrive as their C rows (batch_send is wrapped), so
 * that what is stored is what the journal meant to store. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/fingerprint.h"
#include "scheduler/journal_batch.h"
#include "scheduler/locks.h"
#include "scheduler/pg.h"
#include "tests/sim/world.h"

struct db_model db;

enum { MONTHS = 12 * 40 };
static bool months[MONTHS];                 /* since 2000: those of which strata.event has a partition */

void db_reset(void)
{
	free(db.runs);
	free(db.tasks);
	free(db.tries);
	free(db.parts);
	db = (struct db_model){.next_fence = 1};
	for (uint32_t t = 0; t < world.ntables; t++)
		db.part_at[t] = arena_array(&world.arena, world.ndates, sizeof *db.part_at[t]);
	memset(months, 0, sizeof months);
	connections_reset();
}

static const char *keep(const char *s)
{
	return s ? arena_strdup(&world.arena, s) : "";
}

struct db_run *db_run(const char *id)
{
	for (size_t i = 0; i < db.nruns; i++) {
		if (str_eq(db.runs[i].id, id))
			return &db.runs[i];
	}
	return NULL;
}

struct db_task *db_task(const char *run, const char *table, const char *partition)
{
	for (size_t i = db.ntasks; i-- > 0;) {
		struct db_task *t = &db.tasks[i];
		if (str_eq(t->partition, partition) && str_eq(t->table, table) && str_eq(t->run, run))
			return t;
	}
	return NULL;
}

struct db_try *db_try(int64_t fence)
{
	for (size_t i = db.ntries; i-- > 0;) {
		if (db.tries[i].fence == fence)
			return &db.tries[i];
	}
	return NULL;
}

struct db_part *db_part(const char *table, const char *partition)
{
	size_t at = db.part_at[world_find(table)][world_date(partition)];
	return at ? &db.parts[at - 1] : NULL;
}

static struct db_part *new_part(const char *table, const char *partition)
{
	MEM_GROW(db.parts, db.nparts, db.cap_parts);
	struct db_part *p = &db.parts[db.nparts++];
	*p = (struct db_part){.table = keep(table), .partition = keep(partition)};
	db.part_at[world_find(table)][world_date(partition)] = db.nparts;
	return p;
}

void db_rebuild(void)
{
	db.nparts = 0;
	for (uint32_t t = 0; t < world.ntables; t++)
		memset(db.part_at[t], 0, world.ndates * sizeof *db.part_at[t]);
	for (uint32_t t = 0; t < world.ntables; t++) {
		for (uint32_t d = 0; d < world_dates(t); d++) {
			const struct lake_part *part = &world.tables[t].parts[d];
			if ((!part->published && !part->empty_record) || part->hand == HAND_DAMAGED)
				continue;
			lake_synced(part); /* who writes down that it is published makes it stay */
			struct db_part *p = new_part(world.tables[t].qname, world_partition(t, d));
			p->try_id = keep(part->try_id);
			p->run = keep(json_string_value(json_object_get(part->manifest, "run_id")));
			p->fingerprint = keep(json_string_value(json_object_get(part->manifest, "fingerprint")));
			p->version = (int64_t)part->version;
			p->fence = (int64_t)part->fence;
			p->rows = part->rows;
			p->bytes = part->published ? 100 : 0;
			p->files = part->published;
			p->empty = part->empty_record;
		}
	}
	if (db.next_fence <= lake_largest_fence())
		db.next_fence = lake_largest_fence() + 1;
	trace("db rebuild: next fence %" PRIu64, db.next_fence);
}

/* ---- one transaction ---- */

/* A run goes on: its machine begins anew with what is left to do, whatever the rows say. */
static void resume(struct db_run *run)
{
	run->anew = true;
	for (size_t i = 0; i < db.ntasks; i++) {
		struct db_task *t = &db.tasks[i];
		bool good = str_eq(t->result, "success") || str_eq(t->result, "empty") || str_eq(t->result, "fresh");
		if (str_eq(t->run, run->id) && (!good || world_todo(run->id, world_find(t->table), world_date(t->partition))))
			t->anew = true;
	}
}

static void apply_runs(const struct journal_batch *b)
{
	const struct journal_rows *rows = &b->tables[JOURNAL_RUN_NEW];
	for (size_t i = 0; i < rows->len; i++) {
		const struct run_new_row *r = &((const struct run_new_row *)(const void *)rows->rows)[i];
		struct db_run *known = db_run(r->run_id);
		if (known) {
			CHECK(world.many ? r->epoch > known->epoch && !str_eq(known->state, "done") : known->resumed);
			known->resumed = true;
			known->refused = false;
			resume(known);
			known->tasks = r->tasks;
			known->epoch = r->epoch;
			known->moved_us = world.now_us;
			continue;
		}
		MEM_GROW(db.runs, db.nruns, db.cap_runs);
		db.runs[db.nruns++] = (struct db_run){.id = keep(r->run_id), .state = r->state, .result = "", .seen = r->state, .counts = "",
		                                      .epoch = r->epoch, .tasks = r->tasks, .kind = r->kind, .params = keep(r->params),
		                                      .first = r->first_day, .last = r->last_day, .paused = r->paused, .moved_us = world.now_us};
		if (world.many)
			world_run_inserted(&db.runs[db.nruns - 1]);
	}
	rows = &b->tables[JOURNAL_RUN];
	for (size_t i = 0; i < rows->len; i++) {
		const struct run_row *r = &((const struct run_row *)(const void *)rows->rows)[i];
		struct db_run *run = db_run(r->run_id);
		CHECK(run);
		if (r->state) { /* else it only says how far it is */
			run->state = r->state;
			run->result = r->result;
		}
		run->epoch = r->epoch;
		run->moved_us = world.now_us;
		if (r->pause && *r->pause)
			run->paused = str_eq(r->pause, "t");
		if (r->counts)
			run->counts = keep(r->counts);
	}
}

static void apply_tasks(const struct journal_batch *b)
{
	const struct journal_rows *rows = &b->tables[JOURNAL_TASK];
	for (size_t i = 0; i < rows->len; i++) {
		const struct task_row *r = &((const struct task_row *)(const void *)rows->rows)[i];
		struct db_task *t = db_task(r->run_id, r->table, r->partition);
		if (!t) {
			MEM_GROW(db.tasks, db.ntasks, db.cap_tasks);
			t = &db.tasks[db.ntasks++];
			*t = (struct db_task){.run = keep(r->run_id), .table = keep(r->table), .partition = keep(r->partition), .seen = "waiting"};
		}
		struct db_run *run = db_run(r->run_id);
		CHECK(run);
		run->moved_us = world.now_us;
		t->state = r->state;
		t->result = r->result;
		t->tries = r->tries > t->tries ? r->tries : t->tries;
	}
	rows = &b->tables[JOURNAL_TRY];
	for (size_t i = 0; i < rows->len; i++) {
		const struct try_row *r = &((const struct try_row *)(const void *)rows->rows)[i];
		struct db_try *t = db_try(r->fence);
		if (!t) {
			CHECK((uint64_t)r->fence >= db.next_fence); /* a fence is used once */
			for (size_t k = 0; k < db.ntries; k++) /* and so is a number, also by a run that goes on */
				CHECK(db.tries[k].try_no != r->try_no || !str_eq(db.tries[k].run, r->run_id) ||
				      !str_eq(db.tries[k].table, r->table) || !str_eq(db.tries[k].partition, r->partition));
			MEM_GROW(db.tries, db.ntries, db.cap_tries);
			t = &db.tries[db.ntries++];
			*t = (struct db_try){.fence = r->fence, .id = keep(r->try_id), .run = keep(r->run_id), .table = keep(r->table),
			                     .partition = keep(r->partition), .try_no = r->try_no, .seen = "?", .worker = "", .log_path = ""};
			if (world.many)
				world_try_made(t);
		}
		CHECK(str_eq(t->table, r->table) && str_eq(t->partition, r->partition) && t->try_no == r->try_no);
		t->state = r->state;
		t->outcome = r->outcome;
		t->made_nothing = r->rows == PG_NULL64;
		if (r->worker && *r->worker)
			t->worker = keep(r->worker);
	}
}

static void apply_parts(const struct journal_batch *b)
{
	const struct journal_rows *rows = &b->tables[JOURNAL_PARTITION];
	for (size_t i = 0; i < rows->len; i++) {
		const struct published_row *r = &((const struct published_row *)(const void *)rows->rows)[i];
		struct db_part *p = db_part(r->table, r->partition);
		if (!p)
			p = new_part(r->table, r->partition);
		if (p->fence >= r->fence)
			continue;
		CHECK(r->version > p->version);
		*p = (struct db_part){p->table, p->partition, keep(r->try_id), keep(r->run_id), keep(r->fingerprint),
		                      r->version, r->fence, r->rows, r->bytes, r->files, r->empty};
	}
	rows = &b->tables[JOURNAL_CHECKED];
	for (size_t i = 0; i < rows->len; i++) {
		const struct checked_row *r = &((const struct checked_row *)(const void *)rows->rows)[i];
		struct db_part *p = db_part(r->table, r->partition);
		struct fingerprint was, is;
		CHECK(p && fingerprint_parse(r->fingerprint, &is));
		if (!str_eq(p->try_id, r->try_id))
			continue;
		CHECK(fingerprint_parse(p->fingerprint, &was)); /* nothing but its checks is another */
		for (int k = 0; k < FP_CHECKS; k++)
			CHECK(str_eq(was.part[k], is.part[k]));
		p->fingerprint = keep(r->fingerprint);
	}
	rows = &b->tables[JOURNAL_LINEAGE];
	for (size_t i = 0; i < rows->len; i++) {
		struct db_try *t = db_try(((const struct lineage_row *)(const void *)rows->rows)[i].fence);
		CHECK(t);
		t->lineage++;
	}
	rows = &b->tables[JOURNAL_STAT];
	for (size_t i = 0; i < rows->len; i++) {
		const struct stat_row *r = &((const struct stat_row *)(const void *)rows->rows)[i];
		if (r->schema)
			db.schemas[world_find(r->table)] = keep(r->schema);
	}
}

static int month_of(int64_t wall_us)
{
	time_t at = (time_t)(wall_us / 1000000);
	struct tm tm;
	gmtime_r(&at, &tm);
	int month = (tm.tm_year - 100) * 12 + tm.tm_mon;
	CHECK(month >= 0 && month < MONTHS);
	return month;
}

/* Each transition starts where the one before it ended, and the rows are where the last one ended. */
static void apply_events(const struct journal_batch *b)
{
	const struct journal_rows *rows = &b->tables[JOURNAL_EVENT];
	for (size_t i = 0; i < rows->len; i++) {
		const struct event_row *e = &((const struct event_row *)(const void *)rows->rows)[i];
		CHECK(months[month_of(e->at_us)]); /* else there is no partition for it */
		struct db_run *run = db_run(e->run_id);
		struct db_task *task = str_eq(e->object, "task") ? db_task(e->run_id, e->table, e->partition) : NULL;
		struct db_try *try = str_eq(e->object, "try") ? db_try(e->fence) : NULL;
		const char **seen = try ? &try->seen : task ? &task->seen : run ? &run->seen : NULL;
		CHECK(seen && (!e->seq || e->seq > db.last_seq));
		db.last_seq = e->seq ? e->seq : db.last_seq;
		bool *anew = try ? NULL : task ? &task->anew : &run->anew;
		if (anew && *anew && str_eq(e->from, task ? "waiting" : "planned"))
			*seen = e->from;
		if (anew)
			*anew = false;
		if (!str_eq(*seen, e->from ? e->from : ""))
			trace("%s %s %s %" PRId64 ": from %s, was %s", e->object, e->table, e->partition, e->fence, e->from, *seen);
		CHECK(str_eq(*seen, e->from ? e->from : ""));
		*seen = e->to;
	}
	for (size_t i = 0; i < rows->len; i++) {
		const struct event_row *e = &((const struct event_row *)(const void *)rows->rows)[i];
		const struct db_run *run = db_run(e->run_id);
		const struct db_task *task = str_eq(e->object, "task") ? db_task(e->run_id, e->table, e->partition) : NULL;
		const struct db_try *try = str_eq(e->object, "try") ? db_try(e->fence) : NULL;
		CHECK(try ? str_eq(try->seen, try->state) : task ? str_eq(task->seen, task->state) : str_eq(run->seen, run->state));
		if (try && str_eq(try->state, "ended") && str_eq(try->outcome, "success")) {
			const struct db_part *p = db_part(try->table, try->partition);
			CHECK(world.tables[world_find(try->table)].action ? !p : p && (try->made_nothing || p->fence >= try->fence)); /* a success comes with its partition */
		}
	}
}

void db_apply(const struct journal_batch *batch, uint64_t next_fence, int first_month, int end_month)
{
	for (int m = first_month; m < end_month; m++) {
		CHECK(m >= 0 && m < MONTHS);
		months[m] = true;
	}
	apply_runs(batch);
	apply_tasks(batch);
	apply_parts(batch);
	apply_events(batch);
	if (next_fence > db.next_fence)
		db.next_fence = next_fence;
}

void db_lead(struct leader *ret)
{
	db.epoch++;
	if (!world.many)
		db.lock_until_us = 0;
	db.last_seq = 0;
	*ret = (struct leader){.lake_id = 1, .epoch = db.epoch, .tick = db.tick, .next_fence = db.next_fence};
}
