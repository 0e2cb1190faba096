/* Worlds from one seed after another (world.h): randomness, the trace that is also the hash of a story, and the driver
 * of both programs, which plays each batch of worlds in a process of its own and looks for the smallest world that fails.
 *
 *   PROGRAM                       worlds from the fixed seeds on until there were enough; SIM_SECONDS: so long; SIM_SEED:
 *                                 from this seed on; SIM_SHRINK=0: fail without looking for a smaller world
 *   PROGRAM SEED [TABLES DATES LIVES TROUBLE]    one world, told event by event; the others limit it */
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/world.h"

struct world world;

struct story *story;
static const struct world_game *game;

/* ---- randomness, trace, failure ---- */

uint64_t draw(void)
{
	uint64_t z = world.random += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint32_t below(uint32_t n)
{
	return n ? (uint32_t)(draw() % n) : 0;
}

bool chance(uint32_t percent)
{
	return below(100) < percent;
}

bool trouble(enum world_trouble kind, uint32_t permille)
{
	bool drawn = below(1000) < permille;
	return drawn && !world.calm && (world.options.trouble & kind);
}

void trace(const char *fmt, ...)
{
	char line[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	for (const char *c = line; *c; c++)
		world.hash = (world.hash ^ (unsigned char)*c) * 1099511628211u;
	world.hash = (world.hash ^ (uint64_t)world.now_us) * 1099511628211u;
	if (world.options.verbose)
		printf("%12.6f %s\n", (double)world.now_us / 1e6, line);
}

static void print_command(const struct world_options *o)
{
	fprintf(stderr, "replay with: %s %" PRIu64 " %u %u %u %u\n", game->name, o->seed, o->tables, o->dates, o->lives, o->trouble);
}

_Noreturn void world_fail(const char *file, int line, const char *what)
{
	fflush(stdout);
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	_exit(1);
}

/* ---- worlds ---- */

/* Play in a process of its own; true: all was well. */
static bool play(struct world_options o, uint64_t worlds, bool quiet)
{
	pid_t pid = fork();
	if (pid == 0) {
		if (quiet && !freopen("/dev/null", "w", stderr))
			_exit(2);
		alarm(game->seconds);
		for (uint64_t i = 0; i < worlds; i++, o.seed++) {
			game->play(&o);
			uint64_t hash = story->hash;
			if (o.seed % 16 == 0) {
				game->play(&o);
				CHECK(story->hash == hash); /* the same seed is the same story */
			}
		}
		fflush(stdout);
		_exit(0);
	}
	int status = 1;
	while (waitpid(pid, &status, 0) < 0)
		;
	if (status != 0 && !quiet && WIFSIGNALED(status))
		fprintf(stderr, "ended by signal %d\n", WTERMSIG(status));
	return status == 0;
}

/* The smallest limits under which the same seed still fails; only another failure of the seed may be found. */
static void shrink(struct world_options o)
{
	o.verbose = false;
	uint32_t *limits[] = {&o.lives, &o.tables, &o.dates};
	for (size_t i = 0; i < 3; i++) {
		for (uint32_t most = *limits[i], n = 1; n < most; n++) {
			*limits[i] = n;
			if (!play(o, 1, true))
				break;
			*limits[i] = most;
		}
	}
	for (unsigned bit = 1; bit <= game->most.trouble; bit <<= 1) {
		o.trouble &= ~bit;
		if (play(o, 1, true))
			o.trouble |= bit;
	}
	fprintf(stderr, "shrunk; ");
	print_command(&o);
}

uint64_t world_number(const char *text, uint64_t otherwise)
{
	return text ? strtoull(text, NULL, 10) : otherwise;
}

int world_main(int argc, char **argv, const struct world_game *of)
{
	game = of;
	story = mmap(NULL, sizeof *story, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (story == MAP_FAILED)
		return 2;
	struct world_options o = game->most;
	if (argc > 1) {
		o.seed = world_number(argv[1], 1);
		o.tables = (uint32_t)world_number(argc > 2 ? argv[2] : NULL, o.tables);
		o.dates = (uint32_t)world_number(argc > 3 ? argv[3] : NULL, o.dates);
		o.lives = (uint32_t)world_number(argc > 4 ? argv[4] : NULL, o.lives);
		o.trouble = (unsigned)world_number(argc > 5 ? argv[5] : NULL, o.trouble);
		o.verbose = true;
		bool well = play(o, 1, false);
		printf("%" PRIu64 " steps, hash %016" PRIx64 "\n", story->steps, story->hash);
		return well ? 0 : 1;
	}
	time_t end = time(NULL) + (time_t)world_number(getenv("SIM_SECONDS"), 0);
	o.seed = world_number(getenv("SIM_SEED"), 1);
	for (bool timed = getenv("SIM_SECONDS") != NULL; timed ? time(NULL) < end : !game->enough(); o.seed += game->batch) {
		if (play(o, game->batch, false))
			continue;
		print_command(&story->now);
		if (world_number(getenv("SIM_SHRINK"), 1))
			shrink(story->now);
		return 1;
	}
	game->report();
	return 0;
}
