/* What lies below a lake's .strata and a project's caches that nobody needs any more: staging of tries that
 * are over, spilled data and locks of workers that are gone, unfinished files, logs of runs that are forgotten.
 *
 * Calling sequence, either while this process holds the lake's lock (leader.h), so that no try runs but those of a
 * scheduler that died, whose workers' locks tell of them; or `beside` the lake's scheduler, whose tries are in the state
 * before they stage anything, and whose workers' locks tell which of those that are over is being tidied:
 *     struct garbage g = {0};
 *     garbage_find(&ws, &(struct garbage_options){…}, &g, &err);
 *     for each of g.items that is not kept: garbage_remove(&g, item, &err);
 *     garbage_free(&g);
 *
 * Workers that only look (plan, preview, sql) need no lake's lock and may start and end meanwhile: each holds
 * a lock file of its own before it makes anything, and its name is in the names of what it makes. */
#ifndef STRATA_SCHEDULER_GARBAGE_H
#define STRATA_SCHEDULER_GARBAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "scheduler/workspace.h"

enum garbage_kind { GARBAGE_STAGING, GARBAGE_SPILL, GARBAGE_LOCK, GARBAGE_UNFINISHED, GARBAGE_LOG };

struct garbage_options {
	bool beside;       /* a scheduler of this database has the lake */
	bool drop_kept;    /* the staged data that a failed check or --keep-staging left is garbage, too */
	int64_t before_us; /* wall clock: history that ended before goes (retention.h), and its logs and staged data; 0: none */
};

struct garbage_item {
	enum garbage_kind kind;
	const char *path;  /* absolute */
	int64_t bytes;     /* that its removal gives back: files that have another name count nothing */
	bool kept;
	const char *why;   /* it is garbage, or it is kept */
};

struct garbage {
	struct arena arena;
	struct garbage_item *items; /* by kind, then path */
	size_t len, cap;
};

const char *garbage_kind_name(enum garbage_kind kind);

/* Everything, what is kept and why included. The state database must be open. */
int garbage_find(struct workspace *ws, const struct garbage_options *options, struct garbage *ret, struct err *err);

/* 0 also when it is gone already, or was taken by somebody meanwhile (*ret_removed: false). */
int garbage_remove(const struct garbage_item *item, bool *ret_removed, struct err *err);

void garbage_free(struct garbage *g);

#endif
