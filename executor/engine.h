/* What makes a table's rows: one vtable an engine. */
#ifndef STRATA_EXECUTOR_ENGINE_H
#define STRATA_EXECUTOR_ENGINE_H

#include <stdbool.h>

#include "executor/attempt.h"

struct engine {
	const char *name;
	bool views; /* reads through views in the try's catalog; else through pinned files only */
	/* Make the files of t->out and t->loaded_rows. */
	int (*load)(struct attempt *t);
};

extern const struct engine engine_duckdb, engine_exec;

const struct engine *engine_find(const char *name); /* NULL: unknown */

#endif
