/* Lengths of time as people write them in the project's files. */
#ifndef STRATA_CORE_DURATION_H
#define STRATA_CORE_DURATION_H

#include <stdbool.h>
#include <stdint.h>

/* "500ms", "30s", "5m", "2h", "1d", or a plain number of seconds; from 0 to ten years. False for
 * anything else, `*ret_ms` untouched. */
bool duration_parse(const char *text, int64_t *ret_ms);

#endif
