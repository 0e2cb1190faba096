/* A task as somebody names it: TABLE for an unpartitioned one, TABLE@DATE, TABLE/DATE or "TABLE DATE". */
#ifndef STRATA_CLI_TASK_NAME_H
#define STRATA_CLI_TASK_NAME_H

#include "core/project.h"
#include "scheduler/queries.h"

enum { TASK_NAME_MAX = 256 };

struct task_name {
	char table[TASK_NAME_MAX];     /* its full name (project_full_name) */
	char typed[TASK_NAME_MAX];     /* as it was said, for messages */
	char partition[TASK_NAME_MAX]; /* "" when none was said */
	bool partition_given;
	const char *near;              /* a table of the project that may have been meant; NULL: it has this one, or none is near */
};

/* From one or two operands. ERR_USAGE for what cannot be a task. */
int task_name_read(const struct project *p, const char *first, const char *second, struct task_name *ret, struct err *err);

/* The tries of that task in a run, in order. ERR_USAGE when there is none, naming what there is. */
int task_tries(const struct query *q, const char *run_id, const struct task_name *name, struct try_row **ret, size_t *ret_n,
               struct err *err);

#endif
