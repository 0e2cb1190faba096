/* Allocation that cannot fail: out of memory ends the process (crash-only; the next command
 * recovers). What the outside can make large must have a ceiling before it gets here. */
#ifndef STRATA_BASE_MEM_H
#define STRATA_BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size);                 /* zeroed; free() it */
void *mem_array(size_t count, size_t size);   /* zeroed, overflow-checked; free() it */
void *mem_realloc(void *p, size_t count, size_t size);
char *mem_strdup(const char *s);              /* free() it */
char *mem_strndup(const char *s, size_t n);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Make room for one more element of a plain array `ptr` of `len` used and `cap` allocated. */
#define MEM_GROW(ptr, len, cap)                                                          \
	do {                                                                             \
		if ((len) == (cap)) {                                                    \
			(cap) = (cap) ? (cap) * 2 : 8;                                   \
			(ptr) = mem_realloc((ptr), (size_t)(cap), sizeof *(ptr));        \
		}                                                                        \
	} while (0)

#endif
