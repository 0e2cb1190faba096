/* See environment.h. */
#include "scheduler/environment.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

char **environment_of_child(const char *const *more)
{
	extern char **environ;
	size_t n = 0, nmore = 0, kept = 0;
	while (environ[n])
		n++;
	while (more && more[nmore])
		nmore++;
	char **env = mem_array(n + nmore + 1, sizeof *env);
	for (size_t i = 0; i < n; i++) {
		if (strncmp(environ[i], "STRATA_DB=", strlen("STRATA_DB=")) != 0)
			env[kept++] = environ[i];
	}
	for (size_t i = 0; i < nmore; i++)
		env[kept++] = (char *)(uintptr_t)more[i];
	return env;
}
