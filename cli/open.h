/* Opening what a command works with, from its global options (scheduler/workspace.h).
 *
 *     struct workspace ws;
 *     open_workspace(inv, 0, &ws);
 *     int r = open_project(inv, &ws, err);
 *     ...
 *     workspace_close(&ws); */
#ifndef STRATA_CLI_OPEN_H
#define STRATA_CLI_OPEN_H

#include "cli/command.h"
#include "scheduler/workspace.h"

/* Opens nothing yet; `jobs` as in struct workspace_options. */
void open_workspace(const struct invocation *inv, uint32_t jobs, struct workspace *ret);

/* Read and analyze the project. Its problems go to stderr: errors, warnings unless --quiet, notes with
 * --verbose. ERR_PROJECT when one is an error. */
int open_project(const struct invocation *inv, struct workspace *ws, struct err *err);

/* Print the problems from the `from`-th on, as open_project does. */
void open_print_diags(const struct invocation *inv, const struct workspace *ws, size_t from);

/* Open the state database; says once that a private one was started and stays up. */
int open_db(const struct invocation *inv, struct workspace *ws, struct err *err);

/* The least important level that is said at this --verbose or --quiet. */
enum diag_level open_diag_level(const struct invocation *inv);

#endif
