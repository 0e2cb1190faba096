/* The lake's identity: <lake>/.strata/lake.json holds a UUID and, for a local lake, its host. State is
 * keyed by it, so that another lake or another database is never mistaken for this one. */
#ifndef STRATA_SCHEDULER_LAKE_H
#define STRATA_SCHEDULER_LAKE_H

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"

enum { UUID_SIZE = 37 };

struct lake {
	char dir[PATH_MAX];    /* absolute */
	char uuid[UUID_SIZE];
	char host[256];
};

/* Read lake.json; make it (and the folder) on first use. Two first uses at once agree. ERR_LAKE. */
int lake_open(struct lake *ret, const char *dir, struct err *err);

/* Has the folder an identity? */
bool lake_known(const char *dir);

/* Write lake.json anew, as `lake` says: its UUID and host. ERR_LAKE. */
int lake_claim(const struct lake *lake, struct err *err);

/* A random (version 4) UUID; returns out. */
char *uuid_make(char out[UUID_SIZE]);

#endif
