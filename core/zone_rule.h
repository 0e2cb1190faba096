/* The rule behind the table of a TZif file: a POSIX TZ string such as "EST5EDT,M3.2.0,M11.1.0", with the extensions of
 * RFC 8536 (hours from -167 to 167). For core/zone.c only. */
#ifndef STRATA_CORE_ZONE_RULE_H
#define STRATA_CORE_ZONE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { ZONE_ABBREV_SIZE = 16 };

/* Seconds east of Greenwich, whether that is daylight-saving time, and what people call it. */
struct zone_kind {
	int32_t offset;
	bool dst;
	char abbrev[ZONE_ABBREV_SIZE];
};

enum zone_day_form { ZONE_DAY_JULIAN /* Jn: 1-365, never 29 February */, ZONE_DAY_OF_YEAR /* n: 0-365 */, ZONE_DAY_OF_MONTH /* Mm.w.d */ };

/* When the clocks change, each year. */
struct zone_change {
	enum zone_day_form form;
	int day;                  /* of JULIAN and OF_YEAR */
	int month, week, weekday; /* 1-12, 1-5 (the last), 0-6 */
	int32_t time;             /* seconds from that day's midnight, by the clock before the change */
};

struct zone_rule {
	struct zone_kind standard, summer;
	bool changes;                  /* else always `standard` */
	struct zone_change begin, end; /* of `summer` */
};

/* 0, or ERR_IO with what is wrong; text is of exactly n bytes. */
int zone_rule_parse(const char *text, size_t n, struct zone_rule *ret, struct err *err);

/* What holds at utc (years 1 to 9999), since when, and until when (exclusive). */
const struct zone_kind *zone_rule_at(const struct zone_rule *r, int64_t utc, int64_t *ret_from, int64_t *ret_until);

#endif
