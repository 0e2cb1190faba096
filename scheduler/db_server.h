/* Postgres's programs as processes: found, run to their end, or started for good, as another user
 * where root starts them. For scheduler/db_cluster.c only. */
#ifndef STRATA_SCHEDULER_DB_SERVER_H
#define STRATA_SCHEDULER_DB_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* The path of a server program: PATH, else the newest /usr/lib/postgresql/<version>/bin. */
int server_program(const char *name, char *ret_path, size_t size, struct err *err);

/* Run to the end as uid in folder `dir` with a clean environment; what it printed is in the error. */
int server_run(uid_t uid, gid_t gid, const char *dir, const char *const *argv, struct err *err);

struct server_start {
	int pidfd;       /* the caller closes it; -1 when the process is gone already */
	off_t log_begin; /* where in <dir>/log its output begins */
};

/* Start for good: own session, not our child, output appended to <dir>/log. */
int server_spawn(uid_t uid, gid_t gid, const char *dir, const char *const *argv, struct server_start *ret_start,
                 struct err *err);

/* Is `pid` a live process whose working folder is `dir`? All processes of a cluster have that. */
bool server_works_in(pid_t pid, const char *dir);

/* Before a start: wait for what a crashed server left running, and remove a postmaster.pid whose number
 * now belongs to somebody else (Postgres itself would refuse to start). */
int server_clear_stale(const char *dir, struct err *err);

/* Likewise the socket of a server that is gone. Postgres leaves it when the number of its process still
 * exists, be it as a zombie that nobody reaps, as in many containers. */
int server_clear_socket(const char *socket_dir, int port, struct err *err);

/* Append the end of what <dir>/log has from `begin` on to the error; returns its code. */
int server_add_log_tail(const char *dir, off_t begin, struct err *err);

#endif
