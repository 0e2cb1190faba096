/* What is different between two runs: the green one and the one after it.
 *
 * Tasks are the same if their table is and their date is as far from the last date of their run, so that yesterday's run
 * and today's can be compared. */
#ifndef STRATA_CLI_RUN_DIFF_H
#define STRATA_CLI_RUN_DIFF_H

#include "scheduler/queries.h"

/* X(constant, word), in the order in which the differences of one table or task are told */
#define DIFFERENCES(X) \
	X(COMMIT, "commit") \
	X(SELECTION, "selection") \
	X(DATES, "dates") \
	X(TASK, "task") \
	X(RESULT, "result") \
	X(SQL, "sql") \
	X(CONFIG, "config") \
	X(ENGINE, "engine") \
	X(COLUMN, "column") \
	X(INPUT, "input") \
	X(ROWS, "rows") \
	X(TIME, "time")

#define DIFFERENCE_ENUM(constant, word) DIFFERENCE_##constant,
#define DIFFERENCE_WORD(constant, word) word,
enum difference { DIFFERENCES(DIFFERENCE_ENUM) };

const char *difference_name(enum difference what);

struct run_difference {
	const char *table, *partition; /* of the second run; "" where it is of the whole run or table */
	enum difference what;
	const char *before, *after;    /* "" : absent */
};

/* In `q->arena`, in the order of tables and dates. */
int run_diff(const struct query *q, const struct run_row *before, const struct run_row *after, struct run_difference **ret, size_t *ret_n,
             struct err *err);

#endif
