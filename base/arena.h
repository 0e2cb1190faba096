/* An arena: many allocations of one lifetime (project, run, request, message), freed together.
 *
 * Calling sequence:
 *     struct arena a = {0};
 *     char *name = arena_strdup(&a, "dwd_flights");
 *     arena_free(&a);
 *
 * Memory is zeroed and aligned for any type. Never fails (base/mem.h). */
#ifndef STRATA_BASE_ARENA_H
#define STRATA_BASE_ARENA_H

#include <stddef.h>

struct arena_block;
struct arena {
	struct arena_block *head; /* the block in use; older ones behind it */
	size_t used;              /* bytes used in head */
	size_t total;             /* bytes handed out since init, for statistics */
};

void *arena_alloc(struct arena *a, size_t size);
void *arena_array(struct arena *a, size_t count, size_t size);
void *arena_copy(struct arena *a, const void *p, size_t size);
char *arena_strdup(struct arena *a, const char *s);             /* NULL stays NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void arena_free(struct arena *a);                               /* frees all; `a` is usable again */

#endif
