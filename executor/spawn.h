/* One child process in a group of its own, which dies with us and which the reader thread can end. */
#ifndef STRATA_EXECUTOR_SPAWN_H
#define STRATA_EXECUTOR_SPAWN_H

#include "base/err.h"
#include "executor/worker.h"

struct spawn {
	const char *file;        /* absolute path of the program */
	const char *dir;         /* its working folder; NULL: ours */
	char *const *env;        /* its whole environment */
	int log_fd;              /* its stdout and stderr; -1: /dev/null */
};

/* Run it to its end; *ret_status is as from waitpid. What is left of its group then is killed. A program
 * that cannot be executed is ERR_ENGINE. */
int spawn_run(struct worker *w, const struct spawn *s, int *ret_status, struct err *err);

/* From here on SIGTERM to this process ends the program's whole group first. */
void spawn_die_together(void);

#endif
