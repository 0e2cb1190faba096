/* What people ask, and what happens to the machine, one thing after another; and how all of that comes to an end. */
#include <signal.h>
#include <string.h>

#include "core/date.h"
#include "tests/sim/daemon.h"
#include "tests/sim/world_worker.h"

int64_t world_start_s;
static uint32_t fates, orders;
static bool ended;

int64_t wall_now(void)
{
	return (world.now_us + world.wall_offset_us) / 1000000;
}

/* ---- people ---- */

static const char *any_run(void)
{
	return db.nruns ? db.runs[db.nruns - 1 - below(db.nruns > 6 ? 6 : (uint32_t)db.nruns)].id : "nobody";
}

static const char *any_schedule(void)
{
	return disk->nrules && chance(95) ? disk->rules[below((uint32_t)disk->nrules)]->name : "nobody";
}

/* run, backfill or trigger. */
static void order(void)
{
	struct arena arena = {0};
	const char *table = world.tables[below(world.ntables)].name;
	const char **select = arena_array(&arena, 1, sizeof *select);
	select[0] = chance(80) ? arena_printf(&arena, "+%s", table) : table;
	bool backfill = chance(50), long_one = chance(15);
	int32_t today = (int32_t)(wall_now() / DAY_S), first = today - 1 - (int32_t)below(long_one ? 100 : 20);
	int32_t last = first + (int32_t)below(backfill ? long_one ? 366 : 30 : 3);
	if (chance(20) && db.nruns) { /* the same once more: an answer was lost */
		const struct db_run *run = &db.runs[below((uint32_t)db.nruns)];
		ddb_command("order", run->id, json_loads(run->params, 0, NULL));
		arena_free(&arena);
		return;
	}
	if (backfill && long_one)
		first = today - 366;
	struct order o = {.run_id = arena_printf(&arena, "o%u", ++orders),
	                  .kind = backfill ? RUN_BACKFILL : RUN_MANUAL,
	                  .select = select,
	                  .nselect = 1,
	                  .first = first,
	                  .last = last < today ? last : today,
	                  .force = chance(25),
	                  .fail_fast = chance(15),
	                  .continue_on_error = chance(40),
	                  .paused = chance(10),
	                  .max_active = chance(40) ? 1 + below(3) : 0,
	                  .requested_by = "somebody"};
	if (o.last < o.first)
		o.last = o.first;
	ddb_command("order", o.run_id, order_encode(&o));
	arena_free(&arena);
}

static void ask(const char *kind, const char *name)
{
	ddb_command(kind, name, json_pack("{s:s}", "name", name));
}

static void people(void)
{
	switch (below(12)) {
	case 0: ask("pause", any_schedule()); break;
	case 1: ask("pause", any_run()); break;
	case 2: case 3: ask("unpause", any_schedule()); break;
	case 4: case 5: ask("unpause", any_run()); break;
	case 6: ask("cancel", any_run()); break;
	case 7: ask("reload", ""); break;
	case 8: {
		const char *run = any_run(), *table = world.tables[below(world.ntables)].qname;
		ddb_command(chance(50) ? "explain" : "retry", run, json_pack("{s:s, s:s, s:s}", "name", run, "table", table, "partition", ""));
		break;
	}
	default: order(); break;
	}
}

/* ---- the machine ---- */

static void set_clock(void)
{
	static const int64_t steps[] = {60, 600, 3600, 4 * 3600, DAY_S, 8 * DAY_S, 20 * DAY_S};
	int64_t by = steps[below(7)];
	by += below((uint32_t)by);
	bool sleeps = chance(40), ahead = sleeps || chance(50);
	int64_t then = wall_now() + (ahead ? by : -by), most = world_start_s + (int64_t)(world.options.dates + 40) * DAY_S;
	if (then > most || then < world_start_s - 20 * DAY_S)
		return;
	trace("--- the wall clock %s by %" PRId64 " s", sleeps ? "sleeps" : "is set", then - wall_now());
	world.wall_offset_us += (ahead ? by : -by) * 1000000;
	story->jumps++;
	check_disturbed();
	if (sleeps)
		wake_clock_slept();
	else
		wake_clock_set();
}

static struct host *any_host(void)
{
	struct host *h = &hosts[1 + below(HOSTS - 1)];
	return h->exists ? h : host_leader();
}

static void freeze(struct host *h)
{
	h->frozen_until_us = world.now_us + 1000000 * (int64_t)(chance(50) ? below(30) : below(7200));
	trace("--- process %u stands still until %.6f", h->life, (double)h->frozen_until_us / 1e6);
	check_disturbed();
	if (chance(50)) /* meanwhile the server gives its connection up */
		db_cut(h->id);
}

static void lose_database(void)
{
	if (ddb_away())
		return;
	db.away_until_us = world.now_us + 1000000 * (int64_t)(chance(70) ? below(60) : below(6 * 3600));
	trace("--- the database is away until %.6f", (double)db.away_until_us / 1e6);
	check_disturbed();
	for (uint32_t i = 1; i < HOSTS; i++) {
		struct host *h = &hosts[i];
		if (!h->exists)
			continue;
		if (h->waits)
			host_kill(h, "a standby that has lost its connection ends");
		else
			db_cut(h->id);
		wake_cut(h);
	}
}

static void on_signal(void *ctx)
{
	const int *signum = ctx;
	world_cross("signal");
	if (!world_signal(world.host, *signum))
		world_die("nobody listens to the signal");
	else
		host_self()->signals += *signum != SIGHUP;
}

static void send_signal(struct host *h, int signum)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	for (size_t i = 0; i < 3; i++) {
		if (signals[i] == signum)
			world_later_of(h->id, (int64_t)below(2000), on_signal, (void *)(uintptr_t)&signals[i], "signal");
	}
	check_disturbed();
}

static void power_loss(void)
{
	trace("--- the machine loses its power");
	for (uint32_t i = 1; i < HOSTS; i++) {
		if (hosts[i].exists)
			host_kill(&hosts[i], "no power");
	}
	workers_power_loss();
	lake_power_loss();
}

static void on_plague(void *ctx)
{
	(void)ctx;
	world.plague_until_us = world.now_us + 1000 * (int64_t)below(3000);
	check_disturbed();
}

static void trouble_of_machine(void)
{
	struct host *h = any_host();
	if (trouble(TROUBLE_CLOCK, 250))
		set_clock();
	else if (trouble(TROUBLE_EDIT, 250))
		edit_change();
	else if (trouble(TROUBLE_DB, 120))
		lose_database();
	else if (trouble(TROUBLE_LAKE, 30))
		power_loss();
	else if (h && trouble(TROUBLE_CRASH, 250))
		h->crash_in = 1 + (int64_t)below(1u << (1 + below(10)));
	else if (h && trouble(TROUBLE_CRASH, 100))
		host_kill(h, "kill -9");
	else if (h && trouble(TROUBLE_PAUSE, 150))
		freeze(h);
	else if (h && trouble(TROUBLE_SIGNAL, 200))
		send_signal(h, chance(30) ? SIGHUP : chance(70) ? SIGTERM : SIGINT);
	else if (h && trouble(TROUBLE_SIGNAL, 100))
		ddb_command("drain", "", json_object());
	else if (trouble(TROUBLE_DEATH, 200))
		on_plague(NULL);
	else if (trouble(TROUBLE_DB, 200) && h)
		db_cut(h->id);
	else if (trouble(TROUBLE_STANDBY, 400))
		host_start();
}

static void on_fate(void *ctx)
{
	(void)ctx;
	if (world.calm || fates++ >= world.options.lives)
		return;
	if (chance(50) && trouble(TROUBLE_PEOPLE, 1000))
		people();
	else
		trouble_of_machine();
	/* Things come in bursts, and then not for hours. */
	int64_t pause = chance(60) ? 1000 * (int64_t)below(60000) : 1000000 * (int64_t)below(6 * 3600);
	world_later(pause, OF_WORLD, on_fate, NULL, "fate");
}

/* A service manager starts it again. */
static void on_manager(void *ctx)
{
	(void)ctx;
	if (ended)
		return;
	if (hosts_alive() == 0 && (world.calm || !trouble(TROUBLE_CRASH, 300)))
		host_start();
	world_later(1000000 * (int64_t)(5 + below(600)), OF_WORLD, on_manager, NULL, "the service manager looks");
}

static void on_inspect(void *ctx)
{
	(void)ctx;
	check_inspect();
	world_later(300 * INT64_C(1000000), OF_WORLD, on_inspect, NULL, "inspection");
}

void fate_begin(void)
{
	fates = orders = 0;
	ended = false;
	host_start();
	world_later(0, OF_WORLD, on_manager, NULL, "the service manager looks");
	world_later(1000000, OF_WORLD, on_fate, NULL, "fate");
	world_later(300 * INT64_C(1000000), OF_WORLD, on_inspect, NULL, "inspection");
}

void fate_calm(void)
{
	world.calm = true;
	world.plague_until_us = 0;
	db.away_until_us = world.now_us < db.away_until_us ? world.now_us : db.away_until_us;
	for (uint32_t t = 0; t < world.ntables; t++) {
		int64_t *comes_us = world.tables[t].comes_us;
		for (uint32_t d = 0; d < world.ndates; d++)
			comes_us[d] = comes_us[d] < world.now_us ? comes_us[d] : world.now_us;
	}
	for (uint32_t i = 1; i < HOSTS; i++) {
		hosts[i].crash_in = 0;
		if (hosts[i].frozen_until_us > world.now_us)
			hosts[i].frozen_until_us = world.now_us;
	}
	if (disk->broken)
		edit_change();
	for (size_t i = 0; i < ddb.nschedules; i++)
		ask("unpause", ddb.schedules[i].name);
	for (size_t i = 0; i < db.nruns; i++) {
		if (!str_eq(db.runs[i].state, "done"))
			ask("unpause", db.runs[i].id);
	}
	check_disturbed();
}

void fate_end(void)
{
	ended = true;
}
