/* The listing of a project's dags/ folder with the stamp of every file: what project_read() works on,
 * and what tells whether a cached analysis is still that file's. */
#ifndef STRATA_SCHEDULER_SCAN_H
#define STRATA_SCHEDULER_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/project.h"

/* Two files with equal stamps have equal bytes, unless they are in doubt (scan_in_doubt). */
struct stamp {
	int64_t size;      /* bytes */
	int64_t mtime_ns, ctime_ns;
	uint64_t inode;
};

struct scan {
	struct project_file *files; /* sorted by folder, then name */
	struct stamp *stamps;       /* parallel to files */
	size_t nfiles;
	const char **folders;       /* sorted; every folder directly in dags/ */
	size_t nfolders;
};

/* Lists <dir>/dags. All memory is the arena's. ERR_PROJECT when there is no such folder. */
int scan_project(struct arena *arena, const char *dir, struct scan *ret, struct err *err);

bool stamp_equal(const struct stamp *a, const struct stamp *b);

/* A file that was changed less than 2 s before it was read (wall clock, ns) may have changed again
 * without a new stamp. */
bool stamp_in_doubt(const struct stamp *s, int64_t read_at_ns);

#endif
