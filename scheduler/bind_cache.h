/* The cache of bound schemas, <project>/.strata/cache/schemas: key (a digest of everything that the schema
 * depends on) → columns. As disposable as the cache of analyses. */
#ifndef STRATA_SCHEDULER_BIND_CACHE_H
#define STRATA_SCHEDULER_BIND_CACHE_H

#include "base/arena.h"
#include "scheduler/bind.h"

struct bind_cache;
struct bind_cache *bind_cache_open(struct arena *arena, const char *project_dir);
bool bind_cache_find(struct bind_cache *c, const char *key, struct bound_schema *ret);
void bind_cache_add(struct bind_cache *c, const char *key, const struct bound_schema *schema); /* copies nothing */
void bind_cache_close(struct bind_cache *c); /* writes what was used, if anything was added */

#endif
