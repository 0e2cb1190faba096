/* See duration.h. */
#include "core/duration.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *suffix;
	int64_t ms;
} units[] = {
	{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000},
};

#define LONGEST_MS ((int64_t)3653 * 24 * 3600 * 1000)

bool duration_parse(const char *text, int64_t *ret_ms)
{
	int64_t n = 0;
	const char *p = text;
	for (; *p >= '0' && *p <= '9'; p++) {
		n = n * 10 + (*p - '0');
		if (n > LONGEST_MS)
			return false;
	}
	if (p == text)
		return false;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strcmp(p, units[i].suffix) != 0)
			continue;
		if (n > LONGEST_MS / units[i].ms)
			return false;
		*ret_ms = n * units[i].ms;
		return true;
	}
	return false;
}
