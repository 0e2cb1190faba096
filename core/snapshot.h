/* What is known of the lake and of RAW at one moment: the published partitions of tables, as Postgres
 * recorded them and as the probe of their manifests found them, and the files of sources. Planning works
 * on it, and a run keeps it up to date as its tasks end, so that plan and run share their code.
 *
 * Strings and arrays that are put in must live as long as the snapshot; the arena is there for them. */
#ifndef STRATA_CORE_SNAPSHOT_H
#define STRATA_CORE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "core/analysis.h"
#include "core/manifest.h"

enum part_probe {
	PART_UNPROBED, /* nobody looked: taken as it is recorded (upstream tables outside the plan) */
	PART_OK,       /* the manifest has the recorded try_id and all its files are there */
	PART_MISSING,  /* no manifest, though rows are recorded */
	PART_DAMAGED,  /* another identity, or a listed file is missing or has another size */
};

/* One partition that was built at least once: rows > 0 and a manifest, or empty and nothing published. */
struct part {
	const char *try_id;
	uint64_t version, fence;
	int64_t rows, bytes;
	bool empty;
	bool of_this_run;                    /* built, or as an action done, by the run that is planned: not wanted again */
	enum part_probe probe;
	const char *fingerprint;             /* as recorded; "" when unknown */
	const struct manifest_input *inputs; /* what it was made from; may be none when not loaded */
	size_t ninputs;
	const struct column *schema;
	size_t nschema;
};

struct source_file {
	const char *path; /* relative to the lake */
	int64_t size, mtime_ns, ctime_ns;
	uint64_t inode;
};

/* A source on one date (DATE_NONE when not partitioned). */
struct source_files {
	bool probed, path_exists; /* the source's path itself, not the date's folder */
	bool marked;        /* the file that its wait_for names is there */
	int64_t wall_ns;    /* when they were listed; 0: as the plan's */
	const struct source_file *files; /* by path */
	size_t nfiles;
	const char *strays; /* beside the dates' folders, names like dt=20240115; NULL: none, or not asked for */
};

struct snapshot {
	struct arena arena;
	uint32_t ntables;               /* the project's */
	struct snapshot_column *parts;   /* [ntables] private */
	struct snapshot_column *sources; /* [ntables] private */
	struct source_range *ranges;     /* [ntables] private: what holds for dates that have no entry of their own */
};

struct snapshot *snapshot_new(uint32_t ntables);
void snapshot_free(struct snapshot *s);

/* Copies the struct, not what it points at; replaces what was there. */
void snapshot_put_part(struct snapshot *s, uint32_t table, int32_t day, const struct part *part);
const struct part *snapshot_part(const struct snapshot *s, uint32_t table, int32_t day); /* NULL: never built */
/* As if the days [first, last] had never been built; DATE_NONE both: all. */
void snapshot_drop_parts(struct snapshot *s, uint32_t table, int32_t first, int32_t last);
struct part *snapshot_part_mutable(struct snapshot *s, uint32_t table, int32_t day);

/* The days of `table` that were built, ascending (DATE_NONE alone for an unpartitioned one); valid until the
 * next snapshot_put_part or _drop_parts of that table. */
const int32_t *snapshot_days_of(struct snapshot *s, uint32_t table, size_t *ret_n);

void snapshot_put_source(struct snapshot *s, uint32_t table, int32_t day, const struct source_files *files);
/* `absent` is what holds for each date of the range, inclusive, that has nothing put: a source with few files costs little,
 * however long the range. One range a table. */
void snapshot_put_source_range(struct snapshot *s, uint32_t table, int32_t first, int32_t last, const struct source_files *absent);
const struct source_files *snapshot_source(const struct snapshot *s, uint32_t table, int32_t day);

/* The last known schema of a table: of the newest day that has one; NULL when none. */
const struct part *snapshot_newest_schema(struct snapshot *s, uint32_t table);

#endif
