/* Time, read in one place so that a simulation can replace it. */
#ifndef STRATA_BASE_CLOCK_H
#define STRATA_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_mono_us(void);  /* microseconds, monotonic, arbitrary origin: for durations */
int64_t clock_wall_us(void);  /* microseconds since 1970-01-01T00:00:00Z: for people and records */

enum { CLOCK_ISO_SIZE = 32 };
/* ISO-8601 UTC with milliseconds, "2013-01-07T05:17:00.123Z"; returns out. */
char *clock_iso(char out[CLOCK_ISO_SIZE], int64_t wall_us);

/* "850 ms", "12.3 s", "4 m 05 s", "3 h 12 m"; returns out. */
char *clock_human(char *out, size_t size, int64_t duration_us);

#endif
