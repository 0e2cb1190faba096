/* Which commit a project is at, for the record of runs and manifests. */
#ifndef STRATA_SCHEDULER_GIT_H
#define STRATA_SCHEDULER_GIT_H

#include <stddef.h>

enum { GIT_COMMIT_SIZE = 64 };

/* The commit's full hash, "-dirty" after it when dags/ or tables.yaml have changes that are not committed;
 * "" when the project is in no repository. Returns out. Never fails. */
char *git_commit_of(const char *project_dir, char out[GIT_COMMIT_SIZE]);

#endif
