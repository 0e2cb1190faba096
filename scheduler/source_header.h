/* The newest file of a source, whose header gives the source its columns when nothing else does. */
#ifndef STRATA_SCHEDULER_SOURCE_HEADER_H
#define STRATA_SCHEDULER_SOURCE_HEADER_H

#include <stdint.h>

#include "base/arena.h"
#include "core/project.h"

struct source_header {
	const char *path; /* absolute; NULL: the source has no files */
	int64_t size, mtime_ns;
};

/* Of a partitioned source: the first file by name of the last dt= folder that has one. Only names and
 * stamps are read. *ret lives in `arena`. */
void source_header_find(struct arena *arena, const char *lake, const struct source *s, struct source_header *ret);

#endif
