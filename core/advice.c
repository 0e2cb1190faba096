/* See advice.h. */
#include "core/advice.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *says, *step;
} advice[] = {
	{"No space left on device", "; make room on the lake's disk (`strata gc` shows what nobody needs), then run again"},
	{"Disk quota exceeded", "; make room in the quota of the lake's disk, then run again"},
	{"Read-only file system", "; mount the lake's file system for writing, then run again"},
	{"Input/output error", "; the disk reports an error: look at the system's log (dmesg) before you run again"},
	{"Out of Memory", "; a worker has 70 % of the machine's memory divided by --jobs: run again with fewer --jobs, or let "
	                  "the query need less"},
};

const char *advice_for(const char *message)
{
	for (size_t i = 0; i < sizeof advice / sizeof *advice; i++) {
		if (strstr(message, advice[i].says))
			return strstr(message, advice[i].step) ? "" : advice[i].step;
	}
	return "";
}
