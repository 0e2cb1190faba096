/* Civil dates in an IANA time zone. */
#ifndef STRATA_SCHEDULER_ZONE_H
#define STRATA_SCHEDULER_ZONE_H

#include <stdint.h>

#include "base/err.h"
#include "core/project.h"
#include "core/zone.h"

/* The zone of that name, from the tz database; NULL, and ERR_USAGE when there is no such zone, ERR_IO when its file is
 * wrong. zone_free() it. */
struct zone *zone_load(const char *name, struct err *err);

/* 0, or as zone_load fails. */
int zone_check(const char *name, struct err *err);

/* Use `name` ("Europe/Vienna") for this process's civil time; NULL or "": the system's. ERR_USAGE when there
 * is no such zone in the tz database. */
int zone_set(const char *name, struct err *err);

/* What zone_set chose, for people: the name, or the system's zone. */
const char *zone_name(void);

/* The civil date at wall_us (microseconds since 1970-01-01T00:00:00Z) in the chosen zone, as days. */
int32_t zone_day(int64_t wall_us);

/* The name of the zone that a schedule is in: its own, the project's, or the chosen one. */
const char *zone_of_schedule(const struct schedule *s, const struct project *p);

/* When the schedule comes after wall_us, in microseconds; 0: never, or it
 * cannot be said. */
int64_t zone_next_us(const struct schedule *s, const struct project *p, int64_t wall_us);

#endif
