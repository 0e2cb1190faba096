/* The report of a run for who reads JUnit's XML: a test case for each task that has a row and for each check. */
#ifndef STRATA_CLI_JUNIT_H
#define STRATA_CLI_JUNIT_H

#include "base/err.h"
#include "scheduler/queries.h"

#define OPTION_JUNIT {.name = "junit", .value = "FILE", .help = "write what came of it, as JUnit's XML"}

/* Before anything runs: could the file be written? ERR_USAGE. */
int junit_check(const char *path, struct err *err);
/* Of a run that is done, as the state has it; replaces the file as a whole. */
int junit_write(const struct query *q, const char *run_id, const char *path, struct err *err);

/* Of checks by themselves, those of a layer beside each other: "passed", "failed", "error", and what else the status says was
 * skipped. A name may be "". Replaces the file as a whole. */
int junit_write_checks(const struct check_row *checks, size_t n, int64_t started_us, int64_t ended_us, const char *path, struct err *err);

#endif
