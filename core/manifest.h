/* manifest.json: the truth of what is published in one partition's folder. Postgres is its index and is
 * repaired from it. A folder without one is not published. */
#ifndef STRATA_CORE_MANIFEST_H
#define STRATA_CORE_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "core/analysis.h"

struct manifest_file {
	const char *name;   /* "<version>-<try>-<n>.parquet", beside the manifest */
	int64_t size, rows;
	const char *sha256; /* hex */
};

/* One thing the try read. */
struct manifest_input {
	const char *table;     /* "dwd.dwd_flights", or "source:<path of the file>" */
	const char *partition; /* "2013-01-03", or "" */
	uint64_t version;      /* 0: it had no rows published, or a source file */
	const char *try_id;    /* identity that was read; "" when absent; of a source file "size:mtime_ns:ctime_ns:inode" */
};

struct manifest_check {
	const char *name;   /* "primary_keys", "timestamp_col", "columns", "allow_empty" */
	const char *status; /* "passed" or "failed" */
	const char *detail; /* one line for people; may be "" */
};

struct manifest {
	const char *dest;           /* "dwd.dwd_flights" */
	const char *partition_date; /* of an unpartitioned table: the run's last date */
	bool partitioned;
	const char *run_id, *try_id;
	uint64_t version, fence;
	int64_t row_count;
	const char *status;         /* "published" */
	const char *source_prefix;  /* the staging folder, relative to the lake */
	const char *target_prefix;  /* dwd/dwd_flights/dt=2013-01-03 */
	const char *generated_at;   /* ISO-8601 UTC */
	const struct manifest_file *files;   size_t nfiles;
	const struct column *schema;         size_t nschema;
	const char *fingerprint;    /* core/fingerprint.h's text, "" when unknown: never fresh */
	const struct manifest_input *inputs; size_t ninputs;
	const struct manifest_check *checks; size_t nchecks;
	const char *git_commit;     /* "" when unknown */
};

enum { MANIFEST_MAX = 64 << 20 }; /* bytes; more is refused */

void manifest_encode(const struct manifest *m, struct buf *out); /* indented JSON, keys in a fixed order */
int manifest_decode(struct arena *arena, const char *text, size_t n, struct manifest *ret, struct err *err);

/* The same as a JSON object, for messages that carry one; `code` is the ERR_* of a problem. */
json_t *manifest_to_json(const struct manifest *m);
int manifest_from_json(struct arena *arena, const json_t *obj, int code, struct manifest *ret, struct err *err);

/* Only its checks, for the result of a try that published nothing. */
struct jget;
void manifest_put_checks(json_t *obj, const struct manifest *m);
void manifest_get_checks(struct jget *g, const json_t *obj, struct manifest *m);

#endif
