/* The private cluster: a Postgres of strata's own, made on first use, on a unix socket only.
 *
 * Calling sequence:
 *     struct cluster c;
 *     cluster_locate(&c, home, lake_uuid, &err);
 *     cluster_start(&c, &started, &err);          initdb if there is none, start if it is down
 *     cluster_conninfo(&c, conninfo, sizeof conninfo);
 *
 * As an ordinary user the data is in <home>/.strata/pg; as root in /var/lib/strata/<lake-uuid> (or
 * $STRATA_STATE_DIR/<lake-uuid>), owned and run by the user `postgres`, who refuses root and cannot
 * enter root's folders. The socket's folder is 0700 and short whatever the project's path is:
 * $XDG_RUNTIME_DIR/strata-<8 hex>, as root /run/strata/<8 hex>, else /tmp/strata-<uid>-<8 hex>; a
 * running server says in its postmaster.pid which one it took.
 *
 * Any number of processes may start it at once: one does, the others wait for it. It outlives them.
 * Errors are ERR_STATE and say what to do. */
#ifndef STRATA_SCHEDULER_DB_CLUSTER_H
#define STRATA_SCHEDULER_DB_CLUSTER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

enum { CLUSTER_SOCKET_DIR_MAX = 88, CLUSTER_CONNINFO_MAX = 256 };

struct cluster {
	char data[PATH_MAX];                     /* data folder; may not exist yet */
	char socket_dir[CLUSTER_SOCKET_DIR_MAX]; /* where the next start puts the socket, or the last one did */
	uid_t uid;                               /* whom the server runs as */
	gid_t gid;
};

struct cluster_status {
	bool exists;   /* initdb has been done */
	pid_t pid;     /* of the running server; 0: down */
};

/* Decide the paths; touches nothing. `home` is the folder that holds .strata: the local lake, else the
 * project. */
int cluster_locate(struct cluster *ret_cluster, const char *home, const char *lake_uuid, struct err *err);

/* Return when it accepts connections. *ret_started: this call started it. May update c->socket_dir. */
int cluster_start(struct cluster *c, bool *ret_started, struct err *err);

/* Stop it, waiting for its end; 0 also when it was down. Open transactions are rolled back. */
int cluster_stop(struct cluster *c, struct err *err);

int cluster_status(struct cluster *c, struct cluster_status *ret_status, struct err *err);

/* libpq's words for it; returns out. */
char *cluster_conninfo(const struct cluster *c, char out[CLUSTER_CONNINFO_MAX]);

#endif
