/* Waiting for a source (`missing: wait`): whether it has come, by what a look found, and when it is looked at
 * again. Pure: times are told; scheduler/sensor.c has the files' events, the clock and the looks. */
#ifndef STRATA_CORE_AWAIT_H
#define STRATA_CORE_AWAIT_H

#include <stdint.h>

#include "base/buf.h"
#include "core/project.h"
#include "core/snapshot.h"

enum source_state {
	SOURCE_THERE,    /* to be read; also where nobody looked: whoever reads it will see */
	SOURCE_ABSENT,   /* no file that could be read, or not even the path */
	SOURCE_UNMARKED, /* the file that wait_for names is not there */
	SOURCE_SETTLING, /* a file may still be written */
};

struct source_look {
	enum source_state state;
	int64_t left_ms; /* SOURCE_SETTLING: until it has settled, if nothing changes */
};

/* What a date's files mean to who waits for them; wall_ns: when they were listed, if they do not say so
 * themselves. A marked source without files has come, and is empty. By the time of the last change of each
 * file, which no copy can keep; one that is far ahead of the clock tells nothing and holds nothing up. */
struct source_look source_look(const struct source *s, const struct source_files *files, int64_t wall_ns);

/* "no file is in raw/x/dt=2013-01-20"; "raw/x/dt=2013-01-20 has 2 files and no _SUCCESS". */
void source_look_text(const struct source *s, int32_t day, const struct source_files *files, struct source_look look, struct buf *out);
/* "raw/x/dt=2013-01-20": where the files of that day are. */
void source_place(const struct source *s, int32_t day, struct buf *out);

enum {
	AWAIT_QUIET_MS = 300,          /* a burst of changes is one; */
	AWAIT_BURST_MS = 2000,         /* but no burst puts a look off any longer */
	AWAIT_ANYWAY_MS = 5 * 60000,   /* in case changes were not told: an overflow, a file system of another host */
	AWAIT_BLIND_MS = 60000,        /* where changes cannot be told at all */
};

/* When one source is looked at next, on the clock of who asks. Init with {0} and await_changed. */
struct await {
	int64_t burst_ms, quiet_ms; /* changes that no look has seen: when it began; when it counts as over. 0: none */
	int64_t next_ms;            /* without any change */
	bool looking;
};

void await_changed(struct await *a, int64_t now_ms);
void await_begin(struct await *a);
/* The look has ended. settles_ms: the first of those that settle does so in that time; -1: none does. */
void await_end(struct await *a, int64_t now_ms, int64_t settles_ms, bool blind);
int64_t await_due(const struct await *a); /* INT64_MAX: it is being looked at */

#endif
