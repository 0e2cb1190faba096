/* The real runner in random worlds: scheduler/runner*.c, journal*.c, lake_probe.c, try_build.c and core/ are the
 * product's; Postgres, workers, lake, libuv, clocks and randomness are models (world_*.c), put in at link time.
 *
 * A world is a random project and a few lives of its scheduler. In each life it recovers what the one before left,
 * plans and runs; it may die wherever it meets the world, workers die or stand still, commits are lost with their
 * answer, somebody presses Ctrl-C. The last life is calm, and must leave everything fresh. world_check.c and
 * the CHECKs of the models say what must hold on the way.
 *
 *   sim_world                     worlds from the fixed seeds until STEPS_WANTED steps (SIM_STEPS); SIM_SECONDS: so long;
 *                                 SIM_SEED: from this seed on; SIM_SHRINK=0: fail without looking for a smaller world
 *   sim_world SEED [TABLES DATES LIVES TROUBLE]    one world, told event by event; the others limit it */
#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "core/date.h"
#include "scheduler/lake_probe.h"
#include "scheduler/queries.h"
#include "tests/sim/world.h"

enum { STEPS_WANTED = 2000000, WORLDS_PER_PROCESS = 40, LIVES = 6, WORLD_SECONDS = 120 };


/* ---- one life ---- */

/* The run that was begun last, which the next life may go on with. */
static struct {
	char id[64];
	bool selected[WORLD_TABLES], force;
	int32_t first, last;
} begun;

static struct {
	struct runner *runner;
	struct snapshot *snapshot;
	struct plan *plan;
	struct leader leader;
	const char *resumed; /* the id of the run that goes on; or NULL */
	bool selected[WORLD_TABLES], force;
	int32_t first, last;
	int result;
	struct run_summary summary;
} life;

static int load_snapshot(struct err *err)
{
	struct query q = {.arena = &life.snapshot->arena};
	struct partition_row *rows;
	size_t n;
	int rc = query_partitions(&q, NULL, 0, DATE_NONE, DATE_NONE, &rows, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		const struct table *t = project_table(world.project, rows[i].table);
		snapshot_put_part(life.snapshot, t->index, rows[i].day, &(struct part){.try_id = rows[i].try_id,
		                                                                       .version = (uint64_t)rows[i].version,
		                                                                       .fence = (uint64_t)rows[i].fence,
		                                                                       .rows = rows[i].rows,
		                                                                       .bytes = rows[i].bytes,
		                                                                       .empty = rows[i].empty,
		                                                                       .of_this_run = life.resumed && str_eq(rows[i].run_id, life.resumed),
		                                                                       .fingerprint = rows[i].fingerprint});
	}
	return rc;
}

static int make_plan(bool force, struct err *err)
{
	struct turns turns = {0};
	bool selected[WORLD_TABLES];
	for (size_t i = 0; i < world.project->ntables; i++)
		selected[i] = life.selected[world_find(world.project->tables[i].qname)];
	life.snapshot = snapshot_new((uint32_t)world.project->ntables);
	int rc = load_snapshot(err);
	if (rc == 0)
		rc = lake_probe(&turns, world.pool, world.project, selected, life.first, life.last, life.snapshot, err);
	struct plan_input in = {.project = world.project,
	                        .selected = selected,
	                        .first = life.first,
	                        .last = life.last,
	                        .force = force,
	                        .snapshot = life.snapshot,
	                        .engine_version = "v1",
	                        .wall_ns = INT64_C(1000000000000000)};
	return rc < 0 ? rc : plan_make(&in, &life.plan, err);
}

static void remember_todo(void)
{
	const struct plan *p = life.plan;
	memset(world.todo, 0, sizeof world.todo);
	for (uint32_t slot = 0; slot < p->ntables; slot++) {
		uint32_t t = world_find(world.project->tables[p->tables[slot]].qname);
		for (uint32_t d = 0; d < p->ndates; d++) {
			uint8_t verdict = p->tasks[(size_t)slot * p->ndates + d].verdict;
			if (plan_is_todo(verdict))
				world.todo[t][world.tables[t].partitioned ? d + (uint32_t)(life.first - world.first_day) : 0] = true;
		}
	}
}

static void on_ctrl_c(void *ctx)
{
	(void)ctx;
	world_cross("ctrl-c");
	world_signal(0, SIGINT);
}

static void on_freeze(void *ctx)
{
	(void)ctx;
	world.frozen_until_us = world.now_us + 1000 * (int64_t)below(30000);
	world.wall_offset_us += 1000000 * ((int64_t)below(100000) - 50000);
}

static void on_plague(void *ctx)
{
	(void)ctx;
	world.plague_until_us = world.now_us + 1000 * (int64_t)below(300);
}

static void on_meddling(void *ctx)
{
	(void)ctx;
	lake_meddle();
}

static void draw_life(void)
{
	uint32_t from = chance(30) ? below(world.ndates) : 0, n = world.calm || chance(70) ? world.ndates : 1 + below(world.ndates);
	if (world.calm)
		from = 0;
	for (uint32_t t = 0; t < world.ntables; t++)
		life.selected[t] = true;
	if (!world.calm && chance(20))
		life.selected[below(world.ntables)] = false;
	life.force = trouble(TROUBLE_ERROR, 100);
	life.first = world.first_day + (int32_t)from;
	life.last = world.first_day + (int32_t)(from + n > world.ndates ? world.ndates - 1 : from + n - 1);
	world.crash_in = trouble(TROUBLE_CRASH, 650) ? 1 + (int64_t)below(1u << (1 + below(10))) : 0;
	for (uint32_t i = 0; i < 4 && trouble(TROUBLE_SIGNAL, i ? 600 : 120); i++)
		world_later((int64_t)below(1u << (10 + below(12))), OF_SCHEDULER, on_ctrl_c, &life, "ctrl-c");
	if (trouble(TROUBLE_DEATH, 80))
		world_later((int64_t)below(200000), OF_SCHEDULER, on_plague, &life, "plague");
	if (trouble(TROUBLE_LAKE, 80))
		world_later((int64_t)below(300000), OF_SCHEDULER, on_meddling, &life, "somebody meddles");
	if (trouble(TROUBLE_PAUSE, 80))
		world_later((int64_t)below(1000000), OF_SCHEDULER, on_freeze, &life, "the scheduler stands still");
}

static void on_try_ended(void *ctx, const struct try_report *r)
{
	(void)ctx;
	trace("  %s %d try %u: %d %s", r->table->qname, r->day, r->try_no, (int)r->outcome, r->error ? r->error : "");
}

static void on_try_started(void *ctx, const struct table *t, int32_t day, uint32_t try_no, const char *worker)
{
	(void)ctx;
	trace("  %s %d try %u starts on %s", t->qname, day, try_no, worker);
}

static void on_task_ended(void *ctx, const struct task_report *r)
{
	(void)ctx;
	trace("  %s %d ends: %d%s%s", r->table->qname, r->day, (int)r->result, r->cause ? " because of " : "", r->cause ? r->cause->qname : "");
}

static void on_progress(void *ctx, const struct run_counts *counts)
{
	(void)ctx;
	uint64_t sum = 0;
	for (int s = 0; s < TASK_STATES_END; s++)
		sum += counts->by_state[s];
	CHECK(sum == counts->tasks);
}

/* A new run, or the one before goes on: the same selection and dates under the same name. */
static void choose_run(void)
{
	const struct db_run *before = db_run(begun.id);
	bool again = chance(40);
	snprintf(world.run_id, sizeof world.run_id, "run-%u-%04x", world.life, below(1 << 16));
	if (world.calm || !before || str_eq(before->state, "done") || !again)
		return;
	snprintf(world.run_id, sizeof world.run_id, "%s", begun.id);
	life.resumed = before->id;
	memcpy(life.selected, begun.selected, sizeof life.selected);
	life.force = begun.force;
	life.first = begun.first;
	life.last = begun.last;
}

static int carry_out(struct err *err)
{
	struct runner_request request = {.kind = chance(50) ? RUN_BACKFILL : RUN_MANUAL,
	                                 .selection = "",
	                                 .fail_fast = chance(15),
	                                 .continue_on_error = chance(30),
	                                 .keep_staging = chance(10),
	                                 .git_commit = "",
	                                 .requested_by = "somebody"};
	struct runner_observer observer = {.try_started = on_try_started, .try_ended = on_try_ended, .task_ended = on_task_ended,
	                                   .progress = on_progress};
	request.run_id = world.run_id;
	remember_todo();
	if (life.resumed) {
		struct query q = {.arena = &life.snapshot->arena};
		struct task_row *before;
		int read = query_tasks(&q, world.run_id, NULL, &before, &request.nbefore, err);
		if (read < 0)
			return read;
		request.before = before;
		db_run(world.run_id)->resumed = true;
	}
	snprintf(begun.id, sizeof begun.id, "%s", world.run_id);
	memcpy(begun.selected, life.selected, sizeof begun.selected);
	begun.force = life.force;
	begun.first = life.first;
	begun.last = life.last;
	world.first_fence = life.leader.next_fence;
	world.running = true;
	int rc = runner_run(life.runner, life.plan, &request, &observer, &life.summary, err);
	world.running = false;
	story->runs += rc == 0;
	if (rc == 0)
		check_run(&life.summary);
	return rc;
}

static void close_pool(void)
{
	workers_close(world.pool);
	while (!workers_gone(world.pool))
		CHECK(world_dispatch(OF_SCHEDULER, INT64_MAX));
	workers_free(world.pool);
	world.pool = NULL;
}

/* What always runs. */
static uint64_t actions(void)
{
	uint64_t n = 0;
	for (uint32_t t = 0; t < world.ntables; t++)
		n += world.tables[t].action ? world_dates(t) : 0;
	return n;
}

static void set_true(void *ctx)
{
	*(bool *)ctx = true;
}

/* Planning asks workers for types, too; meanwhile the world goes on. */
static void pass_time(void)
{
	static bool done;
	done = false;
	if (!trouble(TROUBLE_PAUSE, 150))
		return;
	world_later((int64_t)below(3000000), OF_SCHEDULER, set_true, &done, "planned");
	world_until(&done);
}

/* Everything that one command does, from the lock to the end; it may not return. */
static void live(void)
{
	struct err err = {0};
	size_t closed = 0;
	uint32_t jobs = chance(50) ? 1 : 1 + below(4); /* one: then dates go together */
	db_lead(&life.leader);
	workers_hold();
	world.pool = workers_new(&(struct workers_config){.most = jobs});
	life.runner = runner_new(&(struct runner_config){.workers = world.pool,
	                                                 .jobs = jobs,
	                                                 .conninfo = "",
	                                                 .leader = &life.leader,
	                                                 .lake = "/lake"});
	choose_run();
	int rc = runner_recover(life.runner, NULL, 1, &life.resumed, life.resumed != NULL, &closed, &err);
	trace("recovered: %d, %zu runs", rc, closed);
	story->recoveries += rc == 0;
	if (rc == 0)
		check_recovered(life.resumed);
	if (rc == 0)
		rc = make_plan(life.force, &err);
	if (rc == 0) {
		pass_time();
		rc = carry_out(&err);
	}
	trace("life ends: %d %s", rc, rc ? err.text : "");
	life.result = rc;
	if (rc == 0 && world.calm) {
		CHECK(life.summary.result == RUN_SUCCESS);
		CHECK(lake_staged() == 0); /* what the dead had staged is swept */
		CHECK(!lake_meddled()); /* whatever others did is made good */
		plan_free(life.plan);
		snapshot_free(life.snapshot);
		CHECK(make_plan(false, &err) == 0);
		CHECK(plan_todo(life.plan) == actions()); /* everything is fresh, and has passed its checks */
	}
	plan_free(life.plan);
	snapshot_free(life.snapshot);
	life.plan = NULL;
	life.snapshot = NULL;
	runner_free(life.runner);
	close_pool();
}

static void forget_scheduler(void)
{
	world_forget_scheduler(0);
	world.frozen_until_us = 0;
}

static void one_life(void)
{
	memset(&life, 0, sizeof life);
	world.life++;
	world.life_events = 0;
	trace("--- life %u%s", world.life, world.calm ? ", calm" : "");
	draw_life();
	world.alive = true;
	if (setjmp(world.crash) == 0) {
		live();
	} else {
		story->crashes++;
		world.running = false;
		forget_scheduler();
		db_crash(0);
		if (world.pool && trouble(TROUBLE_DB, 150)) /* it lives, but its connection broke */
			workers_cut_off();
		else
			workers_crash(world.pool);
		if (trouble(TROUBLE_LAKE, 150)) { /* it was the machine that died */
			workers_power_loss();
			lake_power_loss();
		}
		life.result = -1;
	}
	world.alive = false;
	forget_scheduler(); /* signals and pauses that nobody is there for */
}

/* ---- worlds ---- */

static void one_world(const struct world_options *o)
{
	story->now = *o;
	world = (struct world){.options = *o, .random = o->seed * 0x2545f4914f6cdd1du + 1, .hash = 14695981039346656037u,
	                       .now_us = 1000000, .wall_offset_us = INT64_C(1700000000000000), .first_day = WORLD_FIRST_DAY, .slow = 1};
	world_loop_reset();
	begun.id[0] = '\0';
	uint32_t tables = 1 + below(o->tables), dates = 1 + below(o->dates);
	world_make_project(tables, dates);
	db_reset();
	uint32_t lives = 1 + below(o->lives);
	for (uint32_t i = 0; i < lives; i++) {
		one_life();
		if (chance(60))
			world_change();
		while (trouble(TROUBLE_LAKE, 150))
			lake_meddle();
		if (trouble(TROUBLE_LAKE, 50))
			db_rebuild();
	}
	if (lake_largest_fence() >= db.next_fence) /* tries are refused, and say that this is what to do */
		db_rebuild();
	world.calm = true;
	world.plague_until_us = 0;
	one_life();
	CHECK(life.result == 0);
	story->worlds++;
	story->steps += world.steps;
	story->batches += world.batches;
	story->hash = world.hash;
	workers_reset();
	lake_reset();
	project_free(world.project);
	arena_free(&world.arena);
}

/* ---- what the models ask of this program ---- */

bool world_turn(int64_t until_us)
{
	return world_dispatch(OF_SCHEDULER, until_us);
}

bool world_pass(int64_t until_us)
{
	return world_dispatch(OF_WORLD, until_us);
}

int64_t world_late(uint32_t host, int64_t at_us)
{
	(void)host;
	return at_us < world.frozen_until_us ? world.frozen_until_us : at_us;
}

bool world_crosses(void)
{
	return world.crash_in && --world.crash_in == 0;
}

_Noreturn void world_end(void)
{
	longjmp(world.crash, 1);
}

bool world_todo(const char *run_id, uint32_t table, uint32_t date)
{
	return str_eq(run_id, world.run_id) && world.todo[table][date]; /* also of who is dead and whose commit is under way */
}

void db_lock_free(void)
{
}

void world_run_inserted(const struct db_run *run)
{
	(void)run;
}

void world_try_made(const struct db_try *t)
{
	(void)t;
}

bool world_silent(const char *run_id)
{
	(void)run_id;
	return false;
}

void world_logged(const char *event, const struct world_field *fields, size_t n)
{
	(void)event;
	(void)fields;
	(void)n;
}

static bool enough(void)
{
	static uint64_t wanted;
	wanted = wanted ? wanted : world_number(getenv("SIM_STEPS"), STEPS_WANTED);
	return story->steps >= wanted;
}

static void report(void)
{
	printf("sim_world: %" PRIu64 " worlds, %" PRIu64 " steps, %" PRIu64 " crashes, %" PRIu64 " recoveries, %" PRIu64 " whole runs, %" PRIu64 " batches, %" PRIu64 " checks\n",
	       story->worlds, story->steps, story->crashes, story->recoveries, story->runs, story->batches, story->checks);
}

int main(int argc, char **argv)
{
	static const struct world_game game = {
		.name = "sim_world",
		.most = {.seed = 1, .tables = WORLD_TABLES, .dates = WORLD_DATES, .lives = LIVES, .trouble = TROUBLE_ALL},
		.batch = WORLDS_PER_PROCESS,
		.seconds = WORLD_SECONDS,
		.play = one_world,
		.enough = enough,
		.report = report,
	};
	return world_main(argc, argv, &game);
}
