/* What a command works with: the project, its lake, the state database, a loop and workers. Each part is
 * opened on first use, so that `list` starts no worker and `runs` reads no SQL.
 *
 * Calling sequence:
 *     struct workspace ws;
 *     workspace_init(&ws, &(struct workspace_options){.dir = "."});
 *     workspace_project(&ws, true, &err); workspace_db(&ws, &err); …
 *     workspace_close(&ws); */
#ifndef STRATA_SCHEDULER_WORKSPACE_H
#define STRATA_SCHEDULER_WORKSPACE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "core/diag.h"
#include "core/project.h"
#include "scheduler/db.h"
#include "scheduler/lake.h"
#include "scheduler/leader.h"
#include "scheduler/turns.h"
#include "scheduler/workers.h"

struct workspace_options {
	const char *dir;      /* project folder; NULL: the current one */
	const char *lake;     /* --lake, or NULL */
	const char *db;       /* --db, or NULL */
	const char *timezone; /* --timezone or STRATA_TIMEZONE, or NULL */
	uint32_t jobs;        /* workers at a time; 0: one a core */
	bool keep_texts;      /* of the project's SQL: see load_options */
	bool state;           /* workspace_db follows: where the database is up, it is made ready while SQL is analyzed */
};

/* A database that is made ready in a thread. */
struct workspace_early {
	uv_thread_t thread;
	bool started;
	struct lake lake;
	struct db db;
	int result;
};

struct workspace {
	struct workspace_options options;
	uv_loop_t loop;
	struct turns turns;       /* of the loop, while something long is under way */
	uint32_t jobs;
	struct diags diags;       /* of the project, sorted once it is read */
	struct project *project;  /* NULL until workspace_project */
	struct lake lake;         /* .uuid is "" until workspace_lake */
	struct workspace_early early;
	struct db db;             /* .conn is NULL until workspace_db */
	struct workers *workers;  /* NULL until workspace_workers */
	struct workers *former;   /* those of before workspace_lead, on their way out */
	int hold_fd;              /* of workspace_hold; -1: not held */
	char *look_dir;           /* for their locks where the lake cannot be written; NULL: in the lake */
};

void workspace_init(struct workspace *ws, const struct workspace_options *options);

/* Read the project; with `analyze`, also its SQL. ERR_PROJECT when it has errors (in ws->diags; err counts
 * them); the project is there nevertheless. Sets the time zone. */
int workspace_project(struct workspace *ws, bool analyze, struct err *err);
/* Read it anew, with its SQL or not. The former project is the caller's then, who had it from ws->project; where the new one has
 * errors (ws->diags), ws->project stays. */
int workspace_reload(struct workspace *ws, bool analyze, struct err *err);
int workspace_lake(struct workspace *ws, struct err *err);    /* after workspace_project */
int workspace_db(struct workspace *ws, struct err *err);      /* after workspace_lake */
int workspace_workers(struct workspace *ws, struct err *err); /* after workspace_project; spawns none yet */

/* After leader_try or leader_wait on `conn`, before anything in the lake is touched: the lake is this process's
 * until workspace_close. The lock in the database goes with a connection, so a scheduler may have lost it and
 * still live, with tries that are recorded and not yet sent. This one, a flock in the lake, goes only with the
 * process: such a scheduler is waited for, and killed after 10 s. ERR_LOCKED: meanwhile somebody else leads. */
int workspace_hold(struct workspace *ws, PGconn *conn, const struct leader *leader, struct err *err);

/* Give up what workspace_hold took; `conn` is the caller's to close. */
void workspace_let_go(struct workspace *ws);

/* From here on the workers may have tries: this process holds the lake. Their own locks are in a
 * folder apart, .strata/workers/run: all that a scheduler which dies leaves there is of tries, and the next
 * one waits for it. */
int workspace_lead(struct workspace *ws, struct err *err);

/* The lake is another's: end the workers, running the loop until they are gone, and let it go. */
void workspace_unlead(struct workspace *ws);
/* Does a scheduler live that had the lake last, whoever leads? */
bool workspace_is_held(const struct workspace *ws);

/* Ask one worker one thing and wait for the answer; *ret_reply is the caller's to json_decref. */
int workspace_ask(struct workspace *ws, json_t *body, json_t **ret_reply, struct err *err);

void workspace_close(struct workspace *ws);

/* A share of this machine for each of `jobs` workers. */
int workspace_threads(uint32_t jobs);
int64_t workspace_memory(uint32_t jobs); /* bytes: 70 % of RAM ÷ jobs */

#endif
