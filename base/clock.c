/* See clock.h. */
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static int64_t now_us(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}

int64_t clock_wall_us(void)
{
	return now_us(CLOCK_REALTIME);
}

char *clock_iso(char out[CLOCK_ISO_SIZE], int64_t wall_us)
{
	time_t s = (time_t)(wall_us / 1000000);
	struct tm tm;
	gmtime_r(&s, &tm);
	size_t n = strftime(out, CLOCK_ISO_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, CLOCK_ISO_SIZE - n, ".%03dZ", (int)(wall_us / 1000 % 1000));
	return out;
}

char *clock_human(char *out, size_t size, int64_t us)
{
	int64_t s = us / 1000000;
	if (us < 1000000)
		snprintf(out, size, "%" PRId64 " ms", us / 1000);
	else if (s < 60)
		snprintf(out, size, "%.1f s", (double)us / 1e6);
	else if (s < 3600)
		snprintf(out, size, "%" PRId64 " m %02" PRId64 " s", s / 60, s % 60);
	else
		snprintf(out, size, "%" PRId64 " h %02" PRId64 " m", s / 3600, s / 60 % 60);
	return out;
}
