/* A world for the real scheduler: virtual time, a model database behind scheduler/pg.h, model workers and a model
 * lake behind scheduler/workers.h, and schedulers that may die wherever they meet one of them. Everything is
 * drawn from one seed, so a seed is a story that can be told again. Two programs play in it: sim_world.c has one
 * scheduler at a time that carries out one run, sim_daemon.c (daemon.h) several that stay up.
 *
 * Who dies: world_cross() is called wherever the scheduler meets the world; it may not return. What the scheduler
 * held is then leaked on purpose, as by a process that is gone; a batch of worlds runs in a process of its own. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <inttypes.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/str.h"
#include "core/plan.h"
#include "core/project.h"
#include "scheduler/runner.h"

enum { WORLD_TABLES = 6, WORLD_DATES = 5 /* of sim_world */, WORLD_FIRST_DAY = 15706 /* 2013-01-01 */, WORLD_PROCS = 64 };

/* What may go wrong in a world; the smallest set that still fails is what shrinking looks for. */
enum world_trouble {
	TROUBLE_CRASH = 1,    /* the scheduler dies */
	TROUBLE_DEATH = 2,    /* workers die */
	TROUBLE_ERROR = 4,    /* tries fail, or have no rows */
	TROUBLE_DB = 8,       /* connections break, commits are refused, somebody else takes the lake */
	TROUBLE_PAUSE = 16,   /* workers and the scheduler stand still; the wall clock jumps */
	TROUBLE_SIGNAL = 32,  /* somebody presses Ctrl-C */
	TROUBLE_LAKE = 64,    /* others change what is published; the machine loses its power */
	TROUBLE_ALL = 127,
	/* of sim_daemon alone: */
	TROUBLE_CLOCK = 128,   /* the wall clock is set, the machine sleeps */
	TROUBLE_EDIT = 256,    /* the project is edited, also wrongly */
	TROUBLE_PEOPLE = 512,  /* people ask for something */
	TROUBLE_STANDBY = 1024, /* a second scheduler waits for the lake */
	TROUBLE_DAEMON_ALL = 2047,
};

struct world_options {
	uint64_t seed;
	uint32_t tables, dates, lives; /* at most */
	unsigned trouble;
	bool verbose;
};

/* What others did to a partition. The state cannot know it, so they need not agree until a try has published again. */
enum lake_hand {
	HAND_NONE,
	HAND_REMOVED, /* its folder is gone */
	HAND_DAMAGED, /* a file that its manifest lists is gone */
	HAND_FOREIGN, /* a scheduler with another database has published there, with an older fence than ours or a newer one */
};

/* One partition as the lake has it. */
struct lake_part {
	enum lake_hand hand;
	bool published;
	char *try_id;         /* of the manifest, or of the record of an empty result */
	uint64_t version, fence;
	int64_t rows;
	json_t *manifest;
	bool empty_record;    /* not published, but the manifest of an empty result is kept */
	uint64_t last_fence;  /* of all results that changed it: the model's own memory */
};

struct world_ref {
	uint32_t up;
	struct span span;
};

struct world_table {
	const char *qname, *name;
	bool partitioned, past; /* past: waits for its earlier dates */
	bool action;            /* output: none */
	uint32_t pool;
	bool has_source, waits; /* waits: for its source, whose files come late */
	int64_t *comes_us;          /* [world.ndates] when they are there */
	uint32_t sql_version, *source_version; /* [world.ndates] */
	struct world_ref refs[WORLD_TABLES];
	uint32_t nrefs;
	struct lake_part *parts;    /* [world.ndates]; [0] of an unpartitioned one */
	const char **partitions;    /* [world.ndates] their names */
};

struct world {
	struct world_options options;
	struct arena arena;
	uint64_t random, hash, steps, events, crossings;
	int64_t now_us, wall_offset_us, frozen_until_us, plague_until_us; /* plague: every worker dies */
	/* the project */
	struct project *project;
	struct world_table tables[WORLD_TABLES];
	uint32_t ntables, ndates, npools;
	int32_t first_day;
	uint32_t pools[4];
	/* of sim_daemon: schedulers that live side by side, each with its own stack and events */
	bool many;
	uint32_t host;        /* who is at work; 0: the world, or the only scheduler */
	int64_t slow;         /* how many times as long a stage of a try takes */
	/* this life of the scheduler */
	jmp_buf crash;
	bool alive;
	int64_t crash_in;     /* crossings until it dies; 0: it does not */
	bool calm;            /* nothing goes wrong any more */
	uint32_t life;
	uint64_t life_events;
	char run_id[64];
	bool running;         /* a run is under way: todo is its */
	uint64_t first_fence; /* of its tries */
	bool todo[WORLD_TABLES][WORLD_DATES];
	struct workers *pool;
	uint64_t batches;       /* of more than one try, given to workers */
};
extern struct world world;

#define CHECK(what)                                              \
	do {                                                     \
		if (!(what))                                     \
			world_fail(__FILE__, __LINE__, #what);   \
	} while (0)
_Noreturn void world_fail(const char *file, int line, const char *what);

/* world_play.c: worlds from one seed after another, each batch in a process of its own */
struct world_game {
	const char *name;
	struct world_options most;
	uint32_t batch;              /* worlds a process */
	unsigned seconds;            /* that one batch may take */
	void (*play)(const struct world_options *o);
	bool (*enough)(void);
	void (*report)(void);
};
/* Told to the parent by the process that plays the worlds. */
struct story {
	struct world_options now;    /* the world that is being played */
	uint64_t worlds, steps, crashes, recoveries, runs, batches, checks, hash;
	uint64_t days, firings, tasks, tries, commands, jumps, takeovers; /* of sim_daemon */
};
extern struct story *story;
uint64_t world_number(const char *text, uint64_t otherwise);
int world_main(int argc, char **argv, const struct world_game *game);
void trace(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* goes into the hash, too */

uint64_t draw(void);
uint32_t below(uint32_t n);
bool chance(uint32_t percent);
bool trouble(enum world_trouble kind, uint32_t permille); /* never in a calm world */

/* world_loop.c: time. Events of a scheduler die with it. */
enum owner { OF_WORLD, OF_SCHEDULER };
typedef void world_fn(void *ctx);
void world_later(int64_t delay_us, enum owner owner, world_fn *fn, void *ctx, const char *name); /* of world.host */
void world_later_of(uint32_t host, int64_t delay_us, world_fn *fn, void *ctx, const char *name);
void world_forget(const void *ctx);          /* its events, all of them */
void world_forget_scheduler(uint32_t host);
bool world_dispatch(enum owner least, int64_t until_us); /* one event, of this owner or OF_WORLD; false: none */
struct world_event {
	int64_t at_us;
	uint64_t order;
	enum owner owner;
	uint32_t host;
	world_fn *fn;
	void *ctx;
	const char *name;
};
/* Take the next one, and move the clock there: for sim_daemon.c, where each is the turn of somebody's stack. */
bool world_take(enum owner least, uint32_t host, int64_t until_us, struct world_event *ret);
void world_run(const struct world_event *e);
#define EVERY_HOST UINT32_MAX
void world_cross(const char *what);          /* the scheduler may die here */
void world_die(const char *why);             /* it does, unless the world is calm */
bool world_signal(uint32_t host, int signum); /* false: nobody listens */
int64_t world_next_files(void);              /* when the next late source comes; INT64_MAX: none will */
void world_loop_reset(void);
void world_until(const bool *done);

/* What sim_world.c and sim_daemon.c each have their own way of. */
bool world_turn(int64_t until_us);           /* the scheduler's loop waits for one event; false: none until then */
bool world_pass(int64_t until_us);           /* it stands in a system call while the world goes on; false: until then */
int64_t world_late(uint32_t host, int64_t at_us); /* when a scheduler that may stand still takes an event */
bool world_crosses(void);                    /* is this the crossing at which it dies? */
_Noreturn void world_end(void);              /* it dies */
bool world_todo(const char *run_id, uint32_t table, uint32_t date); /* has the plan of this run something to build there? */
bool world_silent(const char *run_id);       /* its tasks may end without a row */
struct world_field {
	const char *name, *value;
};
void world_logged(const char *event, const struct world_field *fields, size_t n);

/* world_project.c */
void world_make_project(uint32_t ntables, uint32_t ndates); /* and world.project, of sim_world */
struct project *world_read_project(const char *more);       /* `more`: text at the end of dw_config.yaml */
void world_change(void);                     /* between runs: new SQL, new source files */
uint32_t world_find(const char *qname);
uint32_t world_date(const char *partition);  /* index of a date; 0 for "" */
const char *world_partition(uint32_t table, uint32_t date); /* in the world's arena */
uint32_t world_dates(uint32_t table);
bool world_reads(uint32_t table, uint32_t date, uint32_t ref, uint32_t up_date);

/* world_db.c */
struct db_run {
	const char *id, *state, *result, *seen, *counts;
	int64_t epoch, tasks;
	bool resumed, anew;   /* it went on under another scheduler, whose machine has not spoken of it yet */
	const char *kind, *params;
	int32_t first, last;
	bool paused, refused; /* refused: it will not be begun; the row that says so may still come */
	int64_t moved_us;     /* when something of it was last recorded */
};
struct db_task {
	const char *run, *table, *partition, *state, *result, *seen;
	int32_t tries;
	bool anew;
};
struct db_try {
	int64_t fence;
	const char *id, *run, *table, *partition, *state, *outcome, *seen, *worker, *log_path;
	int32_t try_no;
	size_t lineage;
	bool made_nothing;     /* of a success: an action has no rows either, but says so */
};
struct db_part {
	const char *table, *partition, *try_id, *run, *fingerprint;
	int64_t version, fence, rows, bytes;
	int32_t files;
	bool empty;
};
struct db_model {
	int64_t epoch, tick;
	uint64_t next_fence;
	struct db_run *runs; size_t nruns, cap_runs;
	struct db_task *tasks; size_t ntasks, cap_tasks;
	struct db_try *tries; size_t ntries, cap_tries;
	struct db_part *parts; size_t nparts, cap_parts;
	size_t *part_at[WORLD_TABLES];               /* [world.ndates] index into parts, from 1; 0: none */
	const char *schemas[WORLD_TABLES];
	int64_t last_seq, lock_until_us, away_until_us;
	uint32_t lock_host;                          /* of many: whose session has the lake's lock; 0: nobody's */
};
extern struct db_model db;
void db_reset(void);
void db_lead(struct leader *ret);
void db_rebuild(void);                       /* `db rebuild`: the index of what is published, made anew from the lake */
struct journal_batch;
void db_apply(const struct journal_batch *batch, uint64_t next_fence, int first_month, int end_month); /* months since 2000 */
/* world_pg.c */
void connections_reset(void);
void db_crash(uint32_t host);                /* the scheduler is gone: what was under way ends, one way or the other */
void db_cut(uint32_t host);                  /* its connection breaks */
void db_lock_free(void);                     /* of many: told by sim_daemon to who waits for the lock */
void world_run_inserted(const struct db_run *run); /* of many: in the transaction that makes the row */
void world_try_made(const struct db_try *t);
struct db_task *db_task(const char *run, const char *table, const char *partition);
struct db_try *db_try(int64_t fence);
struct db_part *db_part(const char *table, const char *partition);
struct db_run *db_run(const char *id);

/* world_result.c: what a fake PGresult says */
struct pg_result *result_new(int rows, int columns);
void result_put(struct pg_result *r, int row, int column, const char *text); /* NULL stays what is not put */
void result_put_int(struct pg_result *r, int row, int column, int64_t value);

/* world_worker.c, world_lake.c */
void workers_crash(const struct workers *w); /* the pool's processes are orphans */
void workers_power_loss(void);               /* none lives */
void workers_cut_off(void);                  /* their scheduler has lost the lake, and goes on with what it may */
void workers_hold(void);                     /* the wait for that one, which is then gone */
void workers_reset(void);
uint32_t workers_orphans(void);
bool worker_works_on(const char *try_id);    /* a live process holds it */
json_t *lake_answer_probe(const json_t *request);
void lake_reset(void);
void lake_meddle(void);                      /* somebody changes one published partition */
void lake_synced(const struct lake_part *part); /* no loss of power undoes what is published there */
void lake_power_loss(void);                  /* exchanges that nobody has synced may come undone */
bool lake_meddled(void);                     /* is there a partition that no try has published since? */
uint64_t lake_largest_fence(void);
size_t lake_staged(void);                    /* how many tries have something in staging */

/* world_check.c */
struct try_request;
void check_sent(const struct try_request *rq);
void check_recovered(const char *resumed);   /* resumed: the run that goes on, or NULL */
void check_lake_and_state(void);
void check_run(const struct run_summary *summary);

#endif
