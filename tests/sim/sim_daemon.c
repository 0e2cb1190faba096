/* The whole scheduler in random worlds (daemon.h): schedules, backfills, commands, an edited project, clocks that jump, a
 * database that goes away, and schedulers that die, stand still, and wait for each other. Nights are skipped: where nothing
 * happens, virtual time jumps to what comes next.
 *
 * A world is some weeks. Then it is calm: what was asked must be done, what is owed must have its run, and the scheduler
 * must end when it is told to. daemon_check.c and the CHECKs of the models say what must hold on the way.
 *
 *   sim_daemon                    worlds from the fixed seeds until DAYS_WANTED days (SIM_DAYS); for the rest see world_play.c;
 *                                 LIVES is the number of things that may happen, DATES that of days */
#include <signal.h>

#include "core/date.h"
#include "tests/sim/daemon.h"
#include "tests/sim/world_worker.h"

enum { DAYS_WANTED = 1000, WORLD_DAYS = 40, FATES = 400, BATCH = 4, SECONDS = 300, TABLES = 4, BACK_DAYS = 440, AHEAD_DAYS = 60 };
#define DAY_US (INT64_C(1000000) * DAY_S)

static int32_t draw_start(void)
{
	static const int months[] = {2, 3, 9, 10, 12};
	int32_t year = 2009 + (int32_t)below(25);
	return date_from_civil(year, chance(70) ? months[below(5)] : 1 + (int)below(12), 1 + (int)below(28));
}

static void on_term(void *ctx)
{
	(void)ctx;
	world_signal(world.host, SIGTERM);
}

/* Each scheduler is told to end, also the standby that takes over. */
static void end_all(int64_t limit_us)
{
	while (hosts_alive()) {
		struct host *h = host_leader();
		CHECK(world.now_us < limit_us);
		if (h && h->signals++ == 0)
			world_later_of(h->id, 0, on_term, h, "SIGTERM");
		hosts_turn(world.now_us + 60 * INT64_C(1000000));
	}
}

static void one_world(const struct world_options *o)
{
	story->now = *o;
	world = (struct world){.options = *o, .random = o->seed * 0x2545f4914f6cdd1du + 1, .hash = 14695981039346656037u, .now_us = 1000000, .many = true};
	uint32_t days = 5 + below(o->dates);
	int32_t start = draw_start();
	static const int64_t slowness[] = {1, 10, 300, 2000};
	world.slow = slowness[below(4)];
	world_start_s = (int64_t)start * DAY_S + (int64_t)below(DAY_S);
	world.wall_offset_us = world_start_s * 1000000 - world.now_us;
	world.first_day = start - BACK_DAYS;
	world_loop_reset();
	hosts_reset();
	check_reset();
	edit_reset();
	ddb_reset();
	world_make_project(1 + below(o->tables), BACK_DAYS + o->dates + AHEAD_DAYS + 40);
	db_reset();
	edit_make();
	fate_begin();
	for (int64_t until = world.now_us + (int64_t)days * DAY_US; world.now_us < until;)
		hosts_turn(until);
	trace("--- calm");
	fate_calm();
	int64_t calm_us = world.now_us, limit = calm_us + 20 * DAY_US;
	while (world.now_us < calm_us + DAY_US / 2 || !check_is_quiet(calm_us)) {
		CHECK(world.now_us < limit); /* all that was asked is done */
		hosts_turn(world.now_us + DAY_US / 24);
	}
	CHECK(host_leader());
	fate_end();
	end_all(world.now_us + 2 * DAY_US);
	check_end();
	story->worlds++;
	story->days += days;
	story->steps += world.steps;
	story->tasks += db.ntasks;
	story->tries += db.ntries;
	story->hash = world.hash;
	workers_reset();
	lake_reset();
	arena_free(&world.arena);
}

static bool enough(void)
{
	static uint64_t wanted;
	wanted = wanted ? wanted : world_number(getenv("SIM_DAYS"), DAYS_WANTED);
	return story->days >= wanted;
}

static void report(void)
{
	printf("sim_daemon: %" PRIu64 " worlds, %" PRIu64 " days, %" PRIu64 " steps; %" PRIu64 " firings, %" PRIu64 " runs, %" PRIu64 " tasks, %" PRIu64
	       " tries, %" PRIu64 " commands; %" PRIu64 " deaths, %" PRIu64 " recoveries, %" PRIu64 " takeovers, %" PRIu64 " jumps of the clock\n",
	       story->worlds, story->days, story->steps, story->firings, story->runs, story->tasks, story->tries, story->commands, story->crashes,
	       story->recoveries, story->takeovers, story->jumps);
}

int main(int argc, char **argv)
{
	static const struct world_game game = {
		.name = "sim_daemon",
		.most = {.seed = 1, .tables = TABLES, .dates = WORLD_DAYS, .lives = FATES, .trouble = TROUBLE_DAEMON_ALL},
		.batch = BATCH,
		.seconds = SECONDS,
		.play = one_world,
		.enough = enough,
		.report = report,
	};
	return world_main(argc, argv, &game);
}
