/* The fingerprint of a partition: a short text with one digest for each kind of thing that it is computed
 * from, so that a comparison tells not only that something changed but what:
 *
 *     v1 sql=9f86d081884c7d65 config=… engine=duckdb@v1.5.5 source=- upstream=… checks=-:-:-
 *
 * sql       canonical SQL (with stand-in dates) or the executable's bytes, and whether it is partitioned;
 *           the partition's own date needs no place in it, as fingerprints are recorded by partition
 * config    ENV, format, declared columns, source options
 * engine    and its version
 * source    each source file's path, size, mtime, ctime, inode; "-" without a source, "young" when a file
 *           was too young to tell a later change from it, "future" when one is younger than now (a clock that
 *           went back), "unknown" when nobody looked
 * upstream  the try_id of each partition in the read set; one that is absent is not in the list
 * checks    "KEY:COLUMN:EMPTY", of the primary key (whatever its order), of the timestamp column, and "e" where no empty
 *           result is allowed; each "-" where that is not declared. They do not change what is computed: one more
 *           asks for a look at what is published, and for no build. (Declared columns are also in config: a type may
 *           change what is read.) A text from before this part was in it has "unknown" */
#ifndef STRATA_CORE_FINGERPRINT_H
#define STRATA_CORE_FINGERPRINT_H

#include <stdbool.h>

#include "base/buf.h"
#include "core/project.h"
#include "core/snapshot.h"

#define FINGERPRINT_PARTS(X) \
	X(FP_SQL, "sql") \
	X(FP_CONFIG, "config") \
	X(FP_ENGINE, "engine") \
	X(FP_SOURCE, "source") \
	X(FP_UPSTREAM, "upstream") \
	X(FP_CHECKS, "checks")

#define FINGERPRINT_ENUM(id, name) id,
enum fingerprint_part { FINGERPRINT_PARTS(FINGERPRINT_ENUM) FP_PARTS };
#undef FINGERPRINT_ENUM

enum { FP_TEXT = 24 }; /* bytes of one part with its NUL */

struct fingerprint {
	char part[FP_PARTS][FP_TEXT];
};

void fingerprint_format(const struct fingerprint *f, struct buf *out);
bool fingerprint_parse(const char *text, struct fingerprint *ret); /* false: not of this form; doubt rebuilds */

/* The first part in which they differ, FP_PARTS when none. A young or unknown source differs from anything,
 * itself included; checks differ only where one is declared now that was not, or not so. */
enum fingerprint_part fingerprint_diff(const struct fingerprint *recorded, const struct fingerprint *now);

/* Fills what belongs to the table: sql, config, engine, checks; source and upstream become "-". */
void fingerprint_table(const struct project *p, const struct table *t, const char *engine_version,
                       struct fingerprint *ret);

/* Fills source. `files` NULL: unknown. wall_ns: the time at which they were listed. */
void fingerprint_source(const struct source_files *files, int64_t wall_ns, struct fingerprint *ret);
bool fingerprint_young(const struct fingerprint *f); /* also one of the future */
bool fingerprint_future(const struct fingerprint *f);

/* Fills upstream from what was read:
 *     struct digest d;
 *     digest_init(&d);
 *     for each upstream table: digest_text(&d, qname), for each day: digest_int(&d, day), digest_text(&d, try_id)
 *     fingerprint_short(&d, ret->part[FP_UPSTREAM]); */
struct digest;
void fingerprint_short(struct digest *d, char out[FP_TEXT]); /* the first 16 hex digits; releases d */

#endif
