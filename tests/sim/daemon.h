/* The whole scheduler in the world of world.h: scheduler/daemon*.c, order.c, the runner, the journal, planning and core/
 * are the product's. Several schedulers live side by side, each on a stack of its own (daemon_host.c): one leads, others
 * wait for the lock, or stand still and live on beside their successor. Around them are what wakes them (daemon_wake.c),
 * the statements that they send to Postgres (daemon_db.c), a project that is edited (daemon_edit.c), what people and the
 * world do (daemon_fate.c), and what must hold (daemon_check.c), with a model of the schedules' rule that shares no code
 * with the product's (daemon_rule.c). */
#ifndef TESTS_SIM_DAEMON_H
#define TESTS_SIM_DAEMON_H

#include <ucontext.h>

#include "scheduler/alarm.h"
#include "scheduler/daemon.h"
#include "scheduler/inbox.h"
#include "scheduler/order.h"
#include "scheduler/watch.h"
#include "tests/sim/world.h"

enum { HOSTS = 4 /* 0 is nobody */, SCHEDULES = 5, DAY_S = 86400 };

/* ---- daemon_rule.c ---- */

struct firing {
	int64_t at;            /* UTC seconds */
	int32_t first, last;   /* the dates of its run; last < first: none */
};

/* A schedule as it is written, and when it comes. */
struct rule {
	const char *name, *cron, *zone;
	uint64_t minutes, hours, days, months, weekdays; /* a bit a value */
	bool star_minute, star_hour, star_day, star_weekday;
	int32_t date_offset, lookback, start_date; /* DATE_NONE: none */
	int catchup;           /* enum catchup */
	int64_t window;        /* seconds; 0: none */
	uint32_t max_active;
	struct firing *firings; /* over all of the world's time, ascending */
	size_t nfirings;
};
void rule_fire(struct rule *r);                   /* fill in its firings */
const struct firing *rule_at(const struct rule *r, int64_t at); /* NULL: it does not come then */
/* Does the rule owe a run to this firing at wall time `now`, whatever was given since? `over`: all up to there are over. */
bool rule_owes(const struct rule *r, const struct firing *f, int64_t over, int64_t now);
int64_t rule_over(const struct rule *r, int64_t now); /* by the ledger as it is now */

/* ---- daemon_edit.c ---- */

/* The project's files at one time; kept for ever. */
struct edition {
	uint32_t number;
	bool broken;
	struct rule *rules[SCHEDULES];
	size_t nrules;
	const char *text;      /* of the schedules */
};
extern const struct edition *disk;                /* what is written there now */
extern uint32_t edition_broken;                   /* the number of the last that was broken; 0: none was */
void edit_reset(void);
void edit_make(void);                             /* the first one */
void edit_change(void);                           /* somebody saves a change; the schedulers' watch sees it */
const struct rule *edition_rule(const struct edition *e, const char *name); /* NULL: none */

/* ---- daemon_host.c ---- */

struct host {
	uint32_t id, life;
	bool exists, over, napping, waits, holds, ready, draining;
	ucontext_t context;
	char *stack;
	struct world_event event;
	int64_t frozen_until_us, crash_in, began_us, ready_us, draining_us;
	int signals, result;
	struct leader leader;
	struct workspace ws;
	const struct edition *edition; /* that it has read */
	struct alarm_clock *alarm;
	struct inbox *inbox;
	struct watch *watch;
};
extern struct host hosts[HOSTS];
void hosts_reset(void);
struct host *host_self(void);                     /* who is at work */
struct host *host_leader(void);                   /* the one that has the lake's flock and is up; NULL: none */
void host_start(void);                            /* a process more, if there is room */
void host_kill(struct host *h, const char *why);
void hosts_turn(int64_t until_us);                /* one event of the world or of a scheduler, up to then */
uint32_t hosts_alive(void);

/* ---- daemon_wake.c ---- */
void wake_reset(struct host *h);
void wake_clock_set(void);                        /* somebody sets the clock: alarms are canceled, and ring */
void wake_clock_slept(void);                      /* it went on while the machine slept */
void wake_changed(void);                          /* files of the project have changed */
void wake_mail(void);                             /* NOTIFY */
void wake_cut(struct host *h);                    /* its listening connection breaks */

/* ---- daemon_db.c ---- */

struct db_interval {
	int64_t at;
	const char *run;
};
struct db_schedule {
	const char *name;
	bool paused;
	int64_t seen;          /* UTC seconds */
	int64_t touched_us;    /* when somebody paused or unpaused it; virtual time */
	struct db_interval *ledger; size_t nledger, cap_ledger; /* ascending */
};
struct db_command {
	int64_t id;
	const char *kind, *args, *outcome, *detail;
	const char *name;      /* the run or schedule that it is of */
	int64_t asked_us, ended_us;
	uint32_t edition;      /* of the project, when it was given */
	bool seen;             /* it was checked after its answer */
};
struct daemon_db {
	struct db_schedule *schedules; size_t nschedules, cap_schedules;
	struct db_command *commands; size_t ncommands, cap_commands;
};
extern struct daemon_db ddb;
void ddb_reset(void);
struct db_schedule *ddb_schedule(const char *name); /* NULL: never seen */
size_t ddb_intervals_until(const struct db_schedule *s, int64_t at); /* how many of its ledger are not after that */
int64_t ddb_command(const char *kind, const char *name, json_t *args); /* steals args; and NOTIFY */
bool ddb_away(void);

/* ---- daemon_fate.c ---- */
void fate_begin(void);
void fate_calm(void);
void fate_end(void);                              /* no process is started any more */
int64_t wall_now(void);                           /* UTC seconds */
extern int64_t world_start_s;                     /* wall time at which the world begins */

/* ---- daemon_check.c ---- */
void check_reset(void);
void check_logged(struct host *h, const char *event, const struct world_field *fields, size_t n);
void check_host_gone(struct host *h);
void check_disturbed(void);                       /* what must happen within a time has that time anew */
void check_answer(struct db_command *c);
void check_run_inserted(const struct db_run *run, bool paused); /* as its order has it */
void check_inspect(void);                         /* is something late? */
bool check_is_quiet(int64_t before_us);           /* all that was asked before then is done */
void check_end(void);

#endif
