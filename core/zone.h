/* A time zone: its offsets from UTC over time, from the bytes of a TZif file (RFC 8536, versions 1 to 4).
 *
 * A time `utc` is seconds since 1970-01-01T00:00:00Z, without leap seconds. A wall time is what a clock in the zone
 * shows, counted the same way as if that were UTC: wall = utc + offset. Both are understood from year 1 to 9999; what
 * lies outside is answered as the nearer end. */
#ifndef STRATA_CORE_ZONE_H
#define STRATA_CORE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define ZONE_TIME_MIN INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define ZONE_TIME_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
enum { ZONE_OFFSET_MAX = 26 * 3600 };       /* no offset is farther from 0; seconds */

struct zone;

/* NULL, and ERR_IO with the reason, for bytes that are no such file, and for one that counts leap seconds. The bytes
 * may go. zone_free() it. */
struct zone *zone_parse(const void *bytes, size_t size, struct err *err);

/* UTC, of which no file is needed. zone_free() it. */
struct zone *zone_utc(void);

void zone_free(struct zone *z); /* NULL is fine */

/* A time during which nothing changes. Where `until` of one is `from` of the next, there is a transition. */
struct zone_span {
	int64_t from;       /* UTC; INT64_MIN: always was */
	int64_t until;      /* UTC, exclusive; INT64_MAX: for ever */
	int32_t offset;     /* seconds east of Greenwich */
	bool dst;           /* daylight-saving time, as the zone's makers see it */
	const char *abbrev; /* "CET"; lives as long as the zone */
};

/* The span that utc is in. */
void zone_at(const struct zone *z, int64_t utc, struct zone_span *ret);

/* How often clocks show a wall time: the hour that is left out in spring never, the one of autumn twice. */
enum zone_shown { ZONE_ONCE, ZONE_NEVER, ZONE_TWICE };

/* When clocks show `wall`, first and last; both are the end of the gap where they never do. */
enum zone_shown zone_from_wall(const struct zone *z, int64_t wall, int64_t *ret_first, int64_t *ret_last);

/* The date of a wall time, as days since 1970-01-01. */
static inline int32_t zone_wall_day(int64_t wall)
{
	return (int32_t)((wall - ((wall % 86400) + 86400) % 86400) / 86400);
}

#endif
