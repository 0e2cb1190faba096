/* See fault.h. */
#include "base/fault.h"

#ifdef STRATA_FAULTS

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "name:N:what" of the environment, parsed at the first crossing. */
static struct {
	bool parsed;
	char name[64];
	long countdown; /* crossings left until it fires; 0: never */
	char what[16];
} armed;

void fault_arm(const char *spec)
{
	memset(&armed, 0, sizeof armed);
	armed.parsed = true;
	const char *first = spec ? strchr(spec, ':') : NULL;
	const char *second = first ? strchr(first + 1, ':') : NULL;
	if (!second || (size_t)(first - spec) >= sizeof armed.name || strlen(second + 1) >= sizeof armed.what)
		return;
	memcpy(armed.name, spec, (size_t)(first - spec));
	armed.countdown = strtol(first + 1, NULL, 10);
	memcpy(armed.what, second + 1, strlen(second + 1));
}

static void parse(void)
{
	fault_arm(getenv("STRATA_FAULT"));
}

static bool claim_once(void)
{
	const char *path = getenv("STRATA_FAULT_ONCE");
	if (!path)
		return true;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

bool fault_cross(const char *name)
{
	if (!armed.parsed)
		parse();
	if (strcmp(name, armed.name) != 0 || armed.countdown <= 0 || --armed.countdown > 0 || !claim_once())
		return false;
	if (strcmp(armed.what, "kill") == 0)
		kill(getpid(), SIGKILL);
	if (strcmp(armed.what, "stop") == 0) {
		kill(getpid(), SIGSTOP);
		return false;
	}
	errno = strcmp(armed.what, "enospc") == 0 ? ENOSPC : EIO;
	return true;
}

#else
typedef int fault_is_off; /* ISO C forbids an empty translation unit */
#endif
