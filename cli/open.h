/* Opening the project for a command that needs it to be right. */
#ifndef STRATA_CLI_OPEN_H
#define STRATA_CLI_OPEN_H

#include "cli/command.h"
#include "core/diag.h"
#include "core/project.h"

/* Load and analyze the project of `inv`. Its problems go to stderr: errors, and warnings unless --quiet. With
 * an error the result is ERR_PROJECT and no project. The caller frees with project_free. */
int open_project(const struct invocation *inv, struct project **ret, struct err *err);

/* "2 errors and 1 warning", or "no problems"; returns out. */
char *open_count(char *out, size_t size, size_t errors, size_t warnings);

#endif
