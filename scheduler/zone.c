/* See zone.h. The C library keeps one zone a process; strata needs one at a time. */
#include "scheduler/zone.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "core/schedule.h"

static char chosen[128];

/* Where the zone of that name would be; false for a name that leads elsewhere. */
static bool zone_path(char path[PATH_MAX], const char *name)
{
	if (name[0] == '/' || strstr(name, ".."))
		return false;
	return snprintf(path, PATH_MAX, "/usr/share/zoneinfo/%s", name) < PATH_MAX;
}

static bool exists(const char *name)
{
	char path[PATH_MAX];
	if (str_eq(name, "UTC"))
		return true; /* also without a tz database */
	if (!zone_path(path, name))
		return false;
	char magic[4];
	FILE *f = fopen(path, "re"); /* a folder of zones, or a list of them, is none */
	bool zone = f && fread(magic, sizeof magic, 1, f) == 1 && memcmp(magic, "TZif", sizeof magic) == 0;
	if (f)
		fclose(f);
	return zone;
}

/* The system's zone by name: /etc/localtime is a link into the tz database, or /etc/timezone names it. */
static void system_zone(char *out, size_t size)
{
	char target[PATH_MAX];
	ssize_t n = readlink("/etc/localtime", target, sizeof target - 1);
	target[n < 0 ? 0 : n] = '\0';
	const char *name = strstr(target, "zoneinfo/");
	snprintf(out, size, "%s", name ? name + strlen("zoneinfo/") : "UTC");
}

struct zone *zone_load(const char *name, struct err *err)
{
	enum { FILE_MAX = 256 << 10 };
	char path[PATH_MAX];
	if (str_eq(name, "UTC"))
		return zone_utc();
	if (!exists(name) || !zone_path(path, name)) {
		err_set(err, ERR_USAGE, "unknown time zone '%s'; use a name such as 'UTC' or 'America/New_York'", name);
		return NULL;
	}
	struct buf bytes = BUF_INIT(FILE_MAX);
	struct zone *z = NULL;
	if (file_read(AT_FDCWD, path, &bytes, err) == 0) {
		z = zone_parse(bytes.data, bytes.len, err);
		if (!z)
			err_wrap(err, "time zone '%s'", name);
	}
	buf_free(&bytes);
	return z;
}

int zone_check(const char *name, struct err *err)
{
	struct err why = {0};
	struct zone *z = zone_load(name, &why);
	zone_free(z);
	return z ? 0 : err_set(err, why.code, "%s", why.text);
}

int zone_set(const char *name, struct err *err)
{
	const char *tz = getenv("TZ");
	bool asked = (!name || !*name) && tz && *tz;
	tz = asked && *tz == ':' ? tz + 1 : tz; /* as the C library has it */
	asked = asked && !str_eq(tz, "/etc/localtime");
	if (asked && exists(tz))
		name = tz;
	if (name && *name) {
		int rc = zone_check(name, err);
		if (rc < 0)
			return rc;
		snprintf(chosen, sizeof chosen, "%s", name);
	} else {
		system_zone(chosen, sizeof chosen);
		/* Once: from here on TZ is a zone. */
		if (asked)
			log_event(LOG_WARN, "zone.unknown", "TZ", tz, "instead", chosen, "do", "name a zone of /usr/share/zoneinfo in TZ or --timezone", NULL);
	}
	if (!tz || strcmp(tz, chosen) != 0) { /* threads may be reading it */
		setenv("TZ", chosen, 1);
		tzset();
	}
	return 0;
}

const char *zone_name(void)
{
	return chosen;
}

int32_t zone_day(int64_t wall_us)
{
	time_t t = (time_t)(wall_us / 1000000);
	struct tm local;
	localtime_r(&t, &local);
	local.tm_isdst = 0;
	time_t as_utc = timegm(&local);
	return (int32_t)(as_utc >= 0 ? as_utc / 86400 : -((-as_utc + 86399) / 86400));
}

const char *zone_of_schedule(const struct schedule *s, const struct project *p)
{
	return s->timezone ? s->timezone : p->timezone ? p->timezone : zone_name();
}

int64_t zone_next_us(const struct schedule *s, const struct project *p, int64_t wall_us)
{
	struct schedule_rule rule;
	struct schedule_next next = {.wake = INT64_MAX};
	struct err ignored = {0};
	int64_t now_s = wall_us / 1000000;
	struct zone *zone = zone_load(zone_of_schedule(s, p), &ignored);
	if (zone && schedule_rule_init(&rule, s, zone, &ignored) == 0) {
		const struct schedule_ledger none = {.last = now_s, .since = now_s};
		schedule_due(&rule, &none, now_s, NULL, 0, &next);
	}
	zone_free(zone);
	return next.wake == INT64_MAX ? 0 : next.wake * 1000000;
}
