/* The problems of a project, as a person and as a CI see them.
 *
 * Off a terminal it is one line a problem (core/diag.h). On one, or with --verbose, the line of the file stands below it,
 * with a caret. In GitHub's CI each is also an annotation of its file, on stderr (cli/annotations.h). */
#ifndef STRATA_CLI_PROBLEMS_H
#define STRATA_CLI_PROBLEMS_H

#include <stdio.h>

#include "cli/command.h"
#include "scheduler/workspace.h"

/* Those from the `from`-th on, of levels up to `most`, to `file`. */
void problems_print(const struct invocation *inv, const struct workspace *ws, size_t from, enum diag_level most, FILE *file);
/* Only the annotations, for a command whose output is for programs. */
void problems_annotate(const struct workspace *ws, size_t from, enum diag_level most);

#endif
