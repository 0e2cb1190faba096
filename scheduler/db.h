/* The state database: which one, a connection to it, its schema, and the row of the lake.
 *
 * Calling sequence (a command that needs state):
 *     struct db db;
 *     db_open(&(struct db_options){.conninfo = flag, .home = dir, .lake = {uuid, uri, host}}, &db, &err);
 *     ... queries.h, leader.h, journal.h on db.conn, with db.lake_id ...
 *     db_close(&db);
 *
 * The connection is blocking; scheduler/pg.h takes it over for the loop. Errors are ERR_STATE. */
#ifndef STRATA_SCHEDULER_DB_H
#define STRATA_SCHEDULER_DB_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "scheduler/db_cluster.h"

/* First number of all our advisory locks: (class, 0) for migrations, (class, lake_id) for the scheduler. */
#define DB_LOCK_CLASS "1398035009"

enum db_source { DB_FLAG, DB_ENVIRONMENT, DB_PRIVATE };

struct lake_identity {
	const char *uuid; /* of .strata/lake.json */
	const char *uri;  /* for people */
	const char *host; /* "" for a shared store */
};

struct db_options {
	const char *conninfo; /* --db; NULL: STRATA_DB, else the private cluster */
	const char *home;     /* holds .strata: the local lake, else the project */
	struct lake_identity lake;
};

struct db {
	PGconn *conn;
	char *conninfo;         /* to connect again */
	int lake_id;
	enum db_source source;
	struct cluster cluster; /* DB_PRIVATE only */
	bool started;           /* the private cluster was down and is up now: say so once */
	int migrated;           /* migrations that were applied just now */
};

/* Choose, start the private cluster if need be, connect, migrate, find or make the lake's row. */
int db_open(const struct db_options *options, struct db *ret_db, struct err *err);
/* The two halves of it. db_reach: chosen and connected; where the private cluster is down it is started, or with
 * `start` false that is ERR_STATE. db_ready: migrated, with the lake's row; opens no descriptor and reads no environment,
 * so a thread may do it. */
int db_reach(const struct db_options *options, bool start, struct db *ret_db, struct err *err);
int db_ready(struct db *db, const struct lake_identity *lake, struct err *err);
void db_close(struct db *db);
/* Connect again if the server has gone since the last use and is back, or, with `start`, is the private one: for who waited long
 * in between. Also for one that was never connected. From then on a statement that waits 2 s for a lock fails: the loop does
 * not turn meanwhile, and it may be its own journal that has the lock. */
int db_revive(struct db *db, bool start, struct err *err);

/* The parts, for `db` commands. db_choose starts nothing; the caller frees *ret_conninfo. */
int db_choose(const struct db_options *options, enum db_source *ret_source, struct cluster *ret_cluster,
              char **ret_conninfo, struct err *err);
/* What a connection to it is made with, for PQconnectdbParams with expand_dbname. */
enum { DB_KEYWORDS = 8 };
void db_keywords(const char *conninfo, const char *keys[DB_KEYWORDS], const char *values[DB_KEYWORDS]);
int db_connect(const char *conninfo, PGconn **ret_conn, struct err *err);
/* What the server says unasked is not written to stderr, which libpq would do in the middle of the log. */
void db_be_quiet(PGconn *conn);
int db_migrate(PGconn *conn, int *ret_applied, struct err *err);
int db_lake(PGconn *conn, const struct lake_identity *lake, int *ret_lake_id, struct err *err);

/* Statements whose rows do not matter. db_exec takes several, separated by semicolons. */
int db_exec(PGconn *conn, const char *sql, struct err *err);
int db_exec_params(PGconn *conn, const char *sql, int n, const char *const *values, struct err *err);
/* Rows, binary or text; *ret_rows is the caller's to PQclear. */
int db_query(PGconn *conn, const char *sql, int n, const char *const *values, bool binary, PGresult **ret_rows,
             struct err *err);

/* What went wrong, in one line; valid until the next call. `r` may be NULL. */
const char *db_message(const PGconn *conn, const PGresult *r);

#endif
