/* Marks at lines of files, as GitHub's CI takes them from a log: "::error file=…,line=…,col=…,title=…::text". */
#ifndef STRATA_CLI_ANNOTATIONS_H
#define STRATA_CLI_ANNOTATIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "core/project.h"
#include "scheduler/queries.h"

/* Does GitHub's CI read what we write? (GITHUB_ACTIONS) */
bool annotations_wanted(void);

struct annotation {
	bool warning;           /* else an error */
	const char *file;       /* relative to the repository; NULL: none */
	int line, col;          /* 0: unknown */
	const char *title;      /* NULL: none */
	const char *text;
};
void annotation_print(FILE *out, const struct annotation *a);

/* One for each task of the run that failed, at the line of its error. */
int annotations_of_run(const struct query *q, const struct project *p, const char *run_id, FILE *out, struct err *err);

#endif
