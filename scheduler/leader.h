/* One active scheduler per lake, by a session's advisory lock: it goes with the connection, so with the
 * process, whatever kills it. Who has lost the connection and lives is workspace_hold's to wait for.
 * strata.scheduler says who holds it, for people. */
#ifndef STRATA_SCHEDULER_LEADER_H
#define STRATA_SCHEDULER_LEADER_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct leader_claim {
	int lake_id;
	const char *command; /* "strata run +ads": shown to who waits */
	const char *run_id;  /* NULL: a daemon */
};

/* What the holder of the lock needs. */
struct leader {
	int lake_id;
	int64_t epoch;       /* grows with each acquisition */
	int64_t tick;        /* of the last transaction of the journal, of any epoch */
	uint64_t next_fence; /* larger than any fence ever recorded in this lake */
};

struct leader_holder {
	long pid;            /* 0: unknown */
	char host[128], command[512], run_id[128];
	int64_t since_us;    /* wall clock; 0: unknown */
	bool stays;          /* a daemon that has not begun to end */
};

/* Take the lock on this connection, which then is the journal's (journal_new), or return ERR_LOCKED
 * with *ret_holder. */
int leader_try(PGconn *conn, const struct leader_claim *claim, struct leader *ret_leader,
               struct leader_holder *ret_holder, struct err *err);

/* The same, waiting until it is free, or until stop(ctx) is true, which is asked at least four times a
 * second and after each signal: ERR_CANCELED. */
int leader_wait(PGconn *conn, const struct leader_claim *claim, bool (*stop)(void *ctx), void *ctx,
                struct leader *ret_leader, struct err *err);

/* What locks the lake, for a statement of one's own: $1 is the lake. Over TCP the server, too, gives up after 9 s a leader that has
 * vanished (scheduler/db.c). */
#define LEADER_LOCK(how)                                                                                                        \
	"SELECT " how "(" DB_LOCK_CLASS ", $1::integer), set_config('tcp_keepalives_idle', '3', false),"                          \
	" set_config('tcp_keepalives_interval', '3', false), set_config('tcp_keepalives_count', '2', false),"                     \
	" set_config('tcp_user_timeout', '9000', false)"

/* In a statement with strata.scheduler as `s`: its lake's lock is held, so somebody lives. */
#define LEADER_LIVES                                                                                                           \
	"EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid = " DB_LOCK_CLASS "::oid AND l.objid = s.lake_id::oid" \
	" AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))"

/* Who holds it, or has held it last; known or not. */
int leader_who(PGconn *conn, int lake_id, struct leader_holder *ret_holder, struct err *err);

#endif
