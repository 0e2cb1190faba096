/* Small string helpers. All strings are UTF-8, NUL-terminated unless a length is given. */
#ifndef STRATA_BASE_STR_H
#define STRATA_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool str_eq(const char *a, const char *b);                /* NULL equals NULL only */
bool str_has_prefix(const char *s, const char *prefix);
bool str_has_suffix(const char *s, const char *suffix);
bool str_glob(const char *pattern, const char *s);        /* `*` and `?` only */
bool str_to_i64(const char *s, int64_t *ret_value);       /* whole string, base 10, in range */

/* Optimal string alignment distance (insert, delete, replace, swap of neighbours), ASCII case folded. */
size_t str_distance(const char *a, const char *b);

/* The nearest of `n` candidates to `word`, for "did you mean"; NULL when none is near enough
 * (more than a third of the longer word's letters differ). `get(ctx, i)` may return NULL to skip. */
const char *str_nearest(const char *word, const char *(*get)(const void *ctx, size_t i), const void *ctx,
                        size_t n);

/* " (did you mean 'x'?)" or "" for the nearest name in a NULL-terminated list, into out. Returns out. */
const char *str_did_you_mean(char *out, size_t size, const char *word, const char *const *names);

/* "1.2 GB", "900 B"; returns out. */
char *str_bytes(char *out, size_t size, int64_t bytes);
/* "12,345"; returns out. */
char *str_count(char *out, size_t size, int64_t n);

#endif
