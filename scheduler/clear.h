/* Taking what is published of one table out of the lake and out of the state.
 *
 *     clear_check(table, &err);
 *     clear_count(&ws, &request, &found, &err);       says what would go; no lock
 * in the foreground, where no scheduler is up:
 *     leader_try(conn, ...);                          clear_carry_out on that connection
 *     clear_carry_out(&ws, conn, &leader, &request, actor, &found, &gone, &err);
 * by the scheduler (scheduler/daemon_clear.c), asked with a command of kind CLEAR_COMMAND and clear_encode's arguments:
 *     clear_body, clear_reply                         the worker's part, with nobody at work on these partitions
 *     clear_forget                                    the state's part, and the command's end with it
 *
 * The lake comes first: the manifests are the truth, and state that names what has gone is put right by the
 * same command again, or by the next run, which finds the partitions missing. The other way round a death in
 * between would leave data that nobody knows of, and `db rebuild` would bring it back.
 *
 * A command whose scheduler died is still open, and the next one carries it out before anything else: so what goes is what
 * was there when it was asked for. Who leads in the foreground ends it (clear_give_up), before he publishes anything. */
#ifndef STRATA_SCHEDULER_CLEAR_H
#define STRATA_SCHEDULER_CLEAR_H

#include <jansson.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/date.h"
#include "scheduler/leader.h"
#include "scheduler/workspace.h"

struct clear_request {
	const char *qname;   /* of the project, or of a table that it has no longer */
	int32_t first, last; /* inclusive; DATE_NONE both: everything */
};

struct clear_found {
	int64_t published;   /* folders with a manifest */
	int64_t rows, bytes; /* of those, as their manifests say; bytes of all that would go */
	int64_t others;      /* dt= folders without a manifest */
	int64_t recorded;    /* partitions of the state, those without rows too */
};

#define CLEAR_COMMAND "clear"

/* What is meant, as $1 to $4 of a statement: lake, table, first and last date or "" both. */
enum { CLEAR_NUMBER_SIZE = 32 };
struct clear_said {
	char lake[CLEAR_NUMBER_SIZE], first[DATE_SIZE], last[DATE_SIZE];
	const char *values[4];
};
void clear_say(struct clear_said *ret, int lake_id, const struct clear_request *rq);

/* ERR_USAGE: strata does not make it, so it removes nothing of it. */
int clear_check(const struct table *t, struct err *err);

int clear_count(struct workspace *ws, const struct clear_request *rq, struct clear_found *ret, struct err *err);
int clear_count_recorded(PGconn *conn, const struct clear_said *m, int64_t *ret, struct err *err); /* of the state only */
bool clear_is_nothing(const struct clear_found *f);
/* "31 partitions, 12,345 rows, 1.2 MB, with 2 folders that strata has not published" */
void clear_describe(const struct clear_found *f, struct buf *out);

/* `conn` holds the lake's lock, by `leader`. Waits for the workers of a scheduler that died, so that nothing is published meanwhile;
 * writes who asks for what (`found`) into the audit before anything goes. Ends commands that ask for the same. */
int clear_carry_out(struct workspace *ws, PGconn *conn, const struct leader *leader, const struct clear_request *rq, const char *actor,
                    const struct clear_found *found, struct clear_found *ret_gone, struct err *err);

/* The arguments of a command: what is to go, and what was found then. The name that is decoded lives as long as `json`. */
json_t *clear_encode(const struct clear_request *rq, const struct clear_found *found);
int clear_decode(const json_t *json, struct clear_request *ret, struct err *err);

json_t *clear_body(const struct clear_request *rq, bool count);
void clear_reply(const json_t *reply, struct clear_found *ret);

/* In one transaction: the state forgets the partitions (counted in gone->recorded), and the command, if there is one, is answered
 * with what has gone. Nothing happens when the leader's epoch is over. */
int clear_forget(PGconn *conn, const struct leader *leader, const struct clear_request *rq, int64_t command, struct clear_found *gone,
                 struct err *err);

/* A run is about to begin in the foreground: removals that no scheduler has carried out are refused. */
int clear_give_up(PGconn *conn, const struct leader *leader, struct err *err);

#endif
