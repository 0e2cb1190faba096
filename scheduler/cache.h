/* The analysis cache, <project>/.strata/cache/analysis: what is known of each SQL file, by its path and
 * stamp, so that a warm start parses nothing. Only an accelerator: it can be deleted at any time, and a
 * file that is not whole or was written by another version is as good as none. */
#ifndef STRATA_SCHEDULER_CACHE_H
#define STRATA_SCHEDULER_CACHE_H

#include "base/arena.h"
#include "base/err.h"
#include "core/analysis.h"
#include "scheduler/scan.h"

struct cache;

struct cache_entry {
	const char *path;   /* relative to the project */
	struct stamp stamp;
	int64_t read_at_ns; /* wall clock when the file was read */
	const char *sha256; /* hex, of the file's bytes */
	struct analysis analysis;
};

/* Never fails; entries live in the arena. `identity` names what made the analyses (program version and
 * worker); another one's cache is not used. */
struct cache *cache_open(struct arena *arena, const char *project_dir, const char *identity);
const struct cache_entry *cache_find(const struct cache *c, const char *path);

/* Write the entries of this load in place of the old file, atomically. A failure is logged and harmless. */
void cache_store(const char *project_dir, const char *identity, const struct cache_entry *const *entries, size_t n);
void cache_close(struct cache *c);

#endif
