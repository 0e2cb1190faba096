/* Where published partitions are: one vtable a kind of lake.
 *
 * A store switches one partition's folder from its old version to the staged one as a whole, or not at
 * all, and refuses whoever is not the newest try (docs/COMMIT.md). */
#ifndef STRATA_EXECUTOR_STORE_H
#define STRATA_EXECUTOR_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/manifest.h"

/* One partition of one table, by its names; all of them are safe as parts of a path. */
struct target {
	const char *layer, *table;
	const char *partition; /* "2013-01-03", or "" of an unpartitioned table */
	bool partitioned;
	const char *folder;    /* dwd/dwd_flights/dt=2013-01-03, relative to the lake */
};

/* One publish. The store sets the manifest's version and the names of its files. */
struct publication {
	const struct target *target;
	const char *staged;         /* folder of the staged files, relative to the lake; has a parent of its own */
	struct manifest *manifest;
	struct manifest_file *files; /* manifest->files, to be renamed */
	uint64_t next_version;      /* at least this */
	struct arena *arena;
	bool (*stopped)(void *ctx); /* asked just before the switch: the last moment to stop */
	void *ctx;
	/* results */
	bool switched;              /* readers see the new version: an error that comes after this takes nothing back */
	bool had;                   /* something with a manifest was published before ... */
	int64_t had_rows;           /* ... with so many rows */
	uint64_t had_fence;
};

/* What is to go of one table for good, whatever its layout. */
struct removal {
	const char *layer, *table;
	const char *first, *last;   /* dates, inclusive; both "": everything, an unpartitioned table's only partition too */
	const char *away;           /* a new folder, relative to the lake: what goes is moved there first */
	struct arena *arena;
	bool (*stopped)(void *ctx); /* asked before each folder */
	void *ctx;
	/* results */
	int64_t published, rows;    /* folders with a manifest, and what those say */
	int64_t others;             /* dt= folders without one */
	int64_t bytes;
};

enum store_end {
	STORE_DONE,
	STORE_FENCED,  /* a try with a fence not smaller has published: nothing was changed */
	STORE_STOPPED, /* `stopped` said so: nothing was changed */
};

struct store {
	const char *name;
	/* Published the other way (partitioned or not): ERR_LAKE with what to do. */
	int (*check_layout)(const struct target *t, struct err *err);
	/* The manifest of what is published; 0 with *ret_found false where nothing is, or its manifest is unreadable. */
	int (*read)(const struct target *t, struct arena *arena, struct manifest *ret, bool *ret_found, struct err *err);
	/* A store_end, or ERR_LAKE / ERR_IO. After an error the old version or the new one is there as a whole. */
	int (*publish)(struct publication *p, struct err *err);
	/* As publish for each of several partitions of one table, which wait for the disk together: twice, not a few times each.
	 * What becomes of one is its own: ends[i] as publish returns it, with errs[i] where that is an error. */
	void (*publish_all)(struct publication *const *p, size_t n, int *ends, struct err *errs);
	/* The same for a result without rows: what is published goes away. */
	int (*clear)(struct publication *p, struct err *err);
	/* What remove would take away, in r's results. */
	int (*count)(struct removal *r, struct err *err);
	/* Each folder goes as a whole and for good, under its partition's lock; the results count what has gone. After an error or
	 * a death some may be there still: the same again goes on. STORE_DONE, STORE_STOPPED, or ERR_LAKE / ERR_IO. */
	int (*remove)(struct removal *r, struct err *err);
};

/* Where the result without rows of a partition is kept, as the manifest that it would have had, relative to the
 * lake. It holds where `folder` has no manifest. Returns out. */
enum { STORE_RECORD_MAX = 1100 };
const char *store_empty_record(char out[STORE_RECORD_MAX], const char *folder);

extern const struct store store_local;

#endif
