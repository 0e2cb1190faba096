/* What must hold, told by the model database and the model lake, and by nothing of the machine's own. */
#include <string.h>

#include "core/protocol.h"
#include "core/states.h"
#include "tests/sim/world_worker.h"

static bool ended_well(const struct db_task *t)
{
	return t && str_eq(t->state, "done") && (str_eq(t->result, "success") || str_eq(t->result, "empty") || str_eq(t->result, "fresh"));
}

static bool is_done_well(const char *run_id, const char *table, const char *partition)
{
	const struct db_task *t = db_task(run_id, table, partition);
	return ended_well(t) || (!t && world_silent(run_id));
}

/* What the state knows; among many runs also what another one has published since, and is about to record. */
static bool is_published(uint32_t table, uint32_t date, const char *try_id)
{
	const struct db_part *part = db_part(world.tables[table].qname, world_partition(table, date));
	const struct lake_part *lake = &world.tables[table].parts[date];
	return (part && str_eq(part->try_id, try_id)) || (world.many && lake->published && str_eq(lake->try_id, try_id));
}

static bool lists(const struct try_request *rq, const char *qname, const char *partition, const char **ret_try)
{
	for (size_t i = 0; i < rq->ninputs; i++) {
		const struct try_input *in = &rq->inputs[i];
		for (size_t k = 0; str_eq(in->qname, qname) && k < in->npartitions; k++) {
			if (str_eq(in->partitions[k], partition)) {
				*ret_try = in->try_ids[k];
				return true;
			}
		}
	}
	return false;
}

/* What it is made from is settled before it is looked at, and it is told to look at what is recorded of itself. */
static void check_looks(const struct try_request *rq, uint32_t table, uint32_t date)
{
	const struct world_table *t = &world.tables[table];
	const struct db_part *part = db_part(rq->qname, rq->partition);
	CHECK(rq->ninputs == 1 && str_eq(rq->inputs[0].qname, rq->qname) && rq->inputs[0].npartitions == 1 &&
	      str_eq(rq->inputs[0].partitions[0], rq->partition));
	CHECK(part && (world.many || str_eq(part->empty ? "" : part->try_id, rq->inputs[0].try_ids[0])));
	for (uint32_t r = 0; r < t->nrefs; r++) {
		uint32_t up = t->refs[r].up;
		for (uint32_t d = 0; d < world_dates(up); d++)
			CHECK(!world_reads(table, date, r, d) || !world_todo(rq->run_id, up, d) ||
			      is_done_well(rq->run_id, world.tables[up].qname, world_partition(up, d)));
	}
}

/* Everything that it reads is done and durable, and it is told to read just that. */
static void check_reads(const struct try_request *rq, uint32_t table, uint32_t date)
{
	const struct world_table *t = &world.tables[table];
	size_t listed = 0, wanted = 0;
	for (size_t i = 0; i < rq->ninputs; i++)
		listed += rq->inputs[i].npartitions;
	for (uint32_t r = 0; r < t->nrefs; r++) {
		uint32_t up = t->refs[r].up;
		for (uint32_t d = 0; d < world_dates(up); d++) {
			if (!world_reads(table, date, r, d))
				continue;
			const char *partition = world_partition(up, d), *try_id = "";
			const struct db_part *part = db_part(world.tables[up].qname, partition);
			if (world_todo(rq->run_id, up, d))
				CHECK(is_done_well(rq->run_id, world.tables[up].qname, partition));
			bool has_rows = part && !part->empty;
			if (world.many && world.tables[up].parts[d].published != has_rows) /* another run publishes it just now */
				has_rows = lists(rq, world.tables[up].qname, partition, &try_id);
			CHECK(lists(rq, world.tables[up].qname, partition, &try_id) == has_rows);
			CHECK(!has_rows || is_published(up, d, try_id));
			wanted += has_rows;
		}
	}
	CHECK(listed == wanted);
	for (uint32_t d = 0; t->past && d < date; d++)
		CHECK(!world_todo(rq->run_id, table, d) || is_done_well(rq->run_id, t->qname, world_partition(table, d)));
}

static void check_reads_anything(const struct try_request *rq)
{
	for (size_t i = 0; i < rq->ninputs; i++) {
		const struct try_input *in = &rq->inputs[i];
		uint32_t up = world_find(in->qname);
		for (size_t k = 0; k < in->npartitions; k++) {
			const struct db_part *part = db_part(in->qname, in->partitions[k]);
			CHECK(world.many || (part && !part->empty));
			CHECK(is_published(up, world_date(in->partitions[k]), in->try_ids[k]));
			CHECK(!world_todo(rq->run_id, up, world_date(in->partitions[k])) ||
			      is_done_well(rq->run_id, in->qname, in->partitions[k]));
		}
	}
}

void check_sent(const struct try_request *rq)
{
	uint32_t table = world_find(rq->qname), date = world_date(rq->partition);
	const struct world_table *t = &world.tables[table];
	const struct db_try *row = db_try((int64_t)rq->fence);
	CHECK(world_todo(rq->run_id, table, date));
	CHECK(row && str_eq(row->state, "starting") && str_eq(row->id, rq->try_id)); /* its row is durable */
	CHECK(!t->waits || t->comes_us[date] <= world.now_us); /* its source has come */
	for (size_t i = 0; i < db.ntries; i++) {
		const struct db_try *other = &db.tries[i];
		CHECK(other == row || str_eq(other->state, "ended") || !str_eq(other->table, row->table) ||
		      !str_eq(other->partition, row->partition));
	}
	if (rq->check_only)
		check_looks(rq, table, date);
	else if (t->action) /* nobody knows what an executable reads: everything upstream */
		check_reads_anything(rq);
	else
		check_reads(rq, table, date);
}

void check_lake_and_state(void)
{
	for (uint32_t t = 0; t < world.ntables; t++) {
		for (uint32_t d = 0; d < world_dates(t); d++) {
			const struct lake_part *lake = &world.tables[t].parts[d];
			const struct db_part *part = db_part(world.tables[t].qname, world_partition(t, d));
			if (lake->hand)
				continue;
			if (lake->published) {
				CHECK(part && part->fence == (int64_t)lake->fence && str_eq(part->try_id, lake->try_id));
				CHECK(part->version == (int64_t)lake->version && part->rows == lake->rows && !part->empty);
				CHECK(db_try(part->fence) &&
				      db_try(part->fence)->lineage == json_array_size(json_object_get(lake->manifest, "inputs")));
			} else {
				CHECK(lake->empty_record ? part && part->empty && str_eq(part->try_id, lake->try_id) : !part);
			}
		}
	}
	for (size_t i = 0; i < db.ntries; i++) {
		const struct db_try *try = &db.tries[i];
		const struct lake_part *lake = lake_part(try->table, try->partition);
		if (str_eq(try->outcome, "success") && !try->made_nothing && !world.tables[world_find(try->table)].action && !lake->hand)
			CHECK((int64_t)lake->fence >= try->fence);
	}
}

/* What a run says of itself is what its rows say; tasks that never left WAITING have none, and were canceled. */
static void check_told(const struct db_run *run)
{
	json_t *told = json_loads(run->counts, 0, NULL);
	json_int_t sum = 0, tasks = json_integer_value(json_object_get(told, "tasks")), rows = 0;
	CHECK(told);
	for (int r = 1; r < TASK_RESULTS_END; r++) {
		const char *name = task_result_name((enum task_result)r);
		json_int_t n = json_integer_value(json_object_get(told, name)), here = 0;
		for (size_t i = 0; i < db.ntasks; i++)
			here += str_eq(db.tasks[i].run, run->id) && str_eq(db.tasks[i].result, name);
		CHECK(r == TASK_CANCELED ? n >= here : n == here);
		sum += n;
		rows += here;
	}
	CHECK(sum == tasks && tasks == run->tasks && rows <= tasks);
	for (size_t i = 0; i < db.ntasks; i++)
		CHECK(!str_eq(db.tasks[i].run, run->id) || str_eq(db.tasks[i].state, "done"));
	json_decref(told);
}

void check_recovered(const char *resumed)
{
	for (size_t i = 0; i < db.nruns; i++) {
		if (resumed && str_eq(db.runs[i].id, resumed))
			continue;
		CHECK(str_eq(db.runs[i].state, "done"));
		check_told(&db.runs[i]);
	}
	for (size_t i = 0; i < db.ntries; i++)
		CHECK(str_eq(db.tries[i].state, "ended"));
	for (size_t i = 0; i < db.ntasks; i++) {
		const struct db_task *t = &db.tasks[i];
		CHECK(resumed && str_eq(t->run, resumed) ? !str_eq(t->state, "running") : str_eq(t->state, "done"));
	}
	check_lake_and_state();
}

static void check_counts(const struct run_summary *s)
{
	bool resumed = db_run(world.run_id)->resumed;
	uint64_t todo = 0, rows = 0, by_result[TASK_RESULTS_END] = {0}, published = 0, sum = 0, actions = 0, tries = 0;
	for (uint32_t t = 0; t < world.ntables; t++) {
		for (uint32_t d = 0; d < world_dates(t); d++)
			todo += world.todo[t][d];
	}
	for (size_t i = 0; i < db.ntasks; i++) {
		const struct db_task *t = &db.tasks[i];
		if (!str_eq(t->run, world.run_id))
			continue;
		bool left = world.todo[world_find(t->table)][world_date(t->partition)];
		CHECK(left || resumed);
		todo += !left; /* what it did before it went on counts, too */
		rows++;
		actions += str_eq(t->result, "success") && world.tables[world_find(t->table)].action;
		trace("task %s %s %s %s tries %d", db.tasks[i].table, db.tasks[i].partition, db.tasks[i].state, db.tasks[i].result, db.tasks[i].tries);
		for (int r = 1; r < TASK_RESULTS_END; r++)
			by_result[r] += str_eq(db.tasks[i].result, task_result_name((enum task_result)r));
	}
	for (size_t i = 0; i < db.ntries; i++)
		tries += str_eq(db.tries[i].run, world.run_id);
	CHECK(s->counts.tries == tries);
	for (size_t i = 0; i < db.ntries; i++)
		published += (uint64_t)db.tries[i].fence >= world.first_fence && str_eq(db.tries[i].outcome, "success");
	for (int r = 1; r < TASK_RESULTS_END; r++) {
		if (s->counts.by_result[r] != by_result[r])
			trace("%s: the run counts %" PRIu64 ", the database has %" PRIu64, task_result_name((enum task_result)r),
			      s->counts.by_result[r], by_result[r]);
		CHECK(s->counts.by_result[r] == by_result[r]);
		sum += by_result[r];
	}
	CHECK(s->counts.tasks == todo && rows == todo && sum == todo);
	CHECK(resumed || published == by_result[TASK_SUCCESS] + by_result[TASK_EMPTY]);
	CHECK(s->published + s->checked + actions == by_result[TASK_SUCCESS]);
	bool bad = by_result[TASK_FAILED] || by_result[TASK_TIMEOUT] || by_result[TASK_UPSTREAM_FAILED];
	CHECK(s->result == (by_result[TASK_CANCELED] ? RUN_CANCELED : bad ? RUN_FAILED : RUN_SUCCESS));
}

void check_run(const struct run_summary *summary)
{
	const struct db_run *run = db_run(world.run_id);
	CHECK(run && str_eq(run->state, "done") && str_eq(run->result, run_result_name(summary->result)));
	check_counts(summary);
	check_recovered(NULL);
}
