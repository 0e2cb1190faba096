/* The daemon's parts: daemon.c is its life, daemon_runs.c carries out orders, daemon_schedules.c makes them at their
 * times, daemon_commands.c takes what people ask for, daemon_clear.c removes what is published, daemon_clocks.c knows who is
 * late, daemon_gc.c tidies once a day. */
#ifndef STRATA_SCHEDULER_DAEMON_INTERNAL_H
#define STRATA_SCHEDULER_DAEMON_INTERNAL_H

#include "base/buf.h"
#include "base/list.h"
#include "core/run_clock.h"
#include "core/schedule.h"
#include "scheduler/alarm.h"
#include "scheduler/daemon.h"
#include "scheduler/db_keeper.h"
#include "scheduler/git.h"
#include "scheduler/inbox.h"
#include "scheduler/order.h"
#include "scheduler/outbox.h"
#include "scheduler/planning.h"
#include "scheduler/runner.h"
#include "scheduler/watch.h"

/* The project as it was read once; runs keep the one that they were planned with. */
struct project_version {
	struct project *project;
	char git_commit[GIT_COMMIT_SIZE];
	size_t users; /* runs, and the daemon for the newest */
	uint64_t serial; /* another one for each; 0: nobody has asked yet */
};

enum job_state { JOB_ORDERED, JOB_PLANNING, JOB_ACTIVE, JOB_DONE };

/* An order on its way to being done. */
struct job {
	struct list link;            /* in daemon.jobs, oldest first */
	struct daemon *daemon;
	struct arena arena;
	struct order order;
	enum job_state state;
	uint64_t reading;            /* of the project, that has to have ended before it is planned */
	bool resumes;                /* a run of an earlier scheduler goes on */
	bool paused;
	bool canceled;               /* before it began */
	int64_t command;             /* to be answered when it has begun; 0: none */
	int64_t cancel;              /* the command that canceled it, to be answered then, too; 0: none */
	int64_t pausing;             /* the one that paused it or let it go on, likewise; 0: none */
	int64_t pause_mark;          /* when that is on record */
	uint32_t plans;              /* so often it could not be planned for what may pass */
	int64_t plan_at_ms;          /* not before, by the monotonic clock */
	uint64_t tasks;              /* tables times days, as `sized` has them */
	uint64_t sized;              /* the version's serial; 0: not counted yet */
	struct project_version *version;
	bool *selected;
	struct planning planning;
	uint32_t run;                /* the runner's handle */
	bool recorded;               /* its run has a row, as far as anybody has looked */
	struct run_clock clock;      /* while it is active */
	int64_t began;               /* UTC seconds, when its run was made; 0: it is not yet */
	int64_t mark;                /* of a run that could not be planned: when that is on record */
	struct run_summary summary;
};

/* A schedule of the newest project. */
struct timetable {
	char *name;
	const struct schedule *schedule;
	struct zone *zone;
	struct schedule_rule rule;
	int64_t since;               /* when it was first seen */
	int64_t wake;                /* when it has to be looked at again; INT64_MAX: never */
	bool paused;
	bool more;                   /* intervals are due, and wait until a run of it has ended */
};

/* The daily `strata gc`, and that after a worker's death. */
struct daemon_gc {
	struct alarm_clock alarm;
	bool look;                   /* see when it is due */
	bool due, running;
	bool death;                  /* a worker has died since the last one began */
	int64_t begun_at;            /* UTC seconds; 0: none yet */
	int64_t patience;            /* UTC seconds: so long it waits for a moment without runs */
	int64_t not_before;          /* the last one failed */
	uv_process_t process;
	uv_pipe_t err;               /* what it says */
	int open;                    /* of the two, not closed */
	int64_t status;
	struct buf said;
	char chunk[1024];
};

struct daemon {
	struct daemon_config config;
	struct workspace *ws;
	struct runner *runner;
	struct db_keeper keeper;
	struct db desk;              /* a connection for commands: that of the workspace may be at something longer */
	struct project_version *version;
	uint64_t last_serial;        /* of a version */
	struct list jobs;
	struct list clearings;       /* of published partitions, under way */
	struct timetable *timetables;
	size_t ntimetables;
	struct inbox inbox;
	struct alarm_clock alarm;
	struct daemon_gc gc;
	struct watch *watch;
	struct outbox *outbox;
	uv_signal_t sigint, sigterm, sighup;
	uv_timer_t watchdog;
	uv_timer_t plan_again;       /* the next job that could not be planned has its time */
	uv_timer_t again;            /* what the database did not let it do */
	int signals;                 /* how many asked it to end */
	bool mail, reload, due, ended; /* what there is to look at */
	uint64_t readings, read;     /* of the project: so many have begun, and have ended */
	bool unscheduled;            /* the project has been read, and its schedules have not */
	bool waits;                  /* for `again`, or for mail, which tells that the database is there */
	char *problem;               /* what the project's error is, as the state is to say it; "": none */
	bool unsaid;                 /* it is not said yet */
	bool looked;                 /* the project was read since its files are watched */
	bool catalog;                /* a run has ended since the catalog was looked at */
	bool draining;
	bool settled;                /* what was asked before it came up is taken */
	struct job *planning;        /* the one that is planned now; of several the innermost */
	unsigned level;              /* 0: nothing long is under way */
	struct err err;              /* why it must end */
};

/* daemon.c */
void version_drop(struct project_version *v);
/* The database connection for what is planned and due, and the one for commands; made again where it was lost. */
int daemon_db(struct daemon *d, struct err *err);
int daemon_desk(struct daemon *d, struct err *err);
/* The database did not let it do something, which stays to be done: again in a while. It need not be away, so that nothing
 * else might wake the loop. Returns false. */
bool daemon_again(struct daemon *d);

/* daemon_runs.c */
struct job *job_new(struct daemon *d);           /* fill its order, then job_add */
void job_add(struct job *j);
void job_free(struct job *j);
struct job *job_find(struct daemon *d, const char *run_id); /* NULL: none that is not done */
size_t jobs_of_schedule(const struct daemon *d, const char *schedule);
/* `command` is answered when that is on record; 0: it is. */
void job_pause(struct job *j, bool pause, int64_t command);
int jobs_resume(struct daemon *d, struct err *err); /* what an earlier scheduler has left */
void jobs_open(struct daemon *d);
/* Plan and begin the oldest that has not, while something long is under way only one that is soon done; false: none. */
bool jobs_begin_one(struct daemon *d);
/* And it never will: the state says why, and the interval of a schedule is used up. Fails only for one that goes on, where the
 * state cannot be read: it is as it was then. */
int job_not_begun(struct daemon *d, struct job *j, enum run_result result, const struct err *why, struct err *err);
void jobs_answer(struct daemon *d);               /* those that have begun */
bool jobs_drop_done(struct daemon *d);            /* those that the ledger has, if it is to have them; false: none */

/* daemon_schedules.c */
int timetables_make(struct daemon *d, struct err *err); /* of the newest project */
void timetables_free(struct daemon *d);
int timetables_look(struct daemon *d, struct err *err); /* order what is due */
struct timetable *timetable_find(struct daemon *d, const char *name);

/* daemon_explain.c: *ret stays NULL where the run has no such task. */
int explain_task(struct daemon *d, const char *run, const char *table, const char *partition, json_t **ret, struct err *err);

/* daemon_clocks.c: tell which runs are late, end those that take too long; lower *wake to when to look again. */
int clocks_look(struct daemon *d, int64_t now, int64_t *wake, struct err *err);

/* daemon_commands.c */
int commands_take(struct daemon *d, struct err *err);
/* 0, or ERR_STATE: then it is carried out once more, to the same effect. */
int command_end(struct daemon *d, int64_t id, const char *outcome, const char *detail);

/* daemon_gc.c */
void gc_open(struct daemon *d);
bool gc_begin(struct daemon *d);                 /* if it is time; false: it is not */
void gc_close(struct daemon *d);

/* daemon_clear.c */
int clearing_take(struct daemon *d, int64_t command, const char *by, const json_t *args, struct err *err); /* answered when it is done */
bool clearing_has(const struct daemon *d, int64_t command);
bool clearing_works(const struct daemon *d);  /* something is being removed: nothing may be planned, and it is soon over */
bool clearings_step(struct daemon *d);        /* what there is to do for them; false: nothing */
void clearings_stop(struct daemon *d);        /* runs the loop until no worker is at it */
void clearings_free(struct daemon *d);

#endif
