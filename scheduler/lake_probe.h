/* Looking at the lake through a worker: what is published, which source files there are, and whether a
 * try whose worker died had published. */
#ifndef STRATA_SCHEDULER_LAKE_PROBE_H
#define STRATA_SCHEDULER_LAKE_PROBE_H

#include <stdint.h>

#include "base/err.h"
#include "core/plan.h"
#include "core/project.h"
#include "core/protocol.h"
#include "scheduler/turns.h"
#include "scheduler/workers.h"

/* "dwd/dwd_flights/dt=2013-01-03", relative to the lake; the caller frees. `partition` "": of an unpartitioned table. */
char *lake_partition_path(const char *qname, const char *partition);

/* `found`: the result of the try, made from the published manifest, or the record of an empty result, which
 * carries its try_id; NULL: it had not published. */
typedef void (*lake_probe_try_fn)(void *ctx, const struct try_result *found, const struct err *err);
void lake_probe_try(struct workers *w, const char *qname, const char *partition, const char *try_id, lake_probe_try_fn fn,
                    void *ctx);

/* Look at one source, ahead of what waits for a worker. `fn` is called for DATE_NONE, with whether the path exists and, of an
 * unpartitioned source, its files; for each date of the range that has a folder, with what is in it; and last without files: it is
 * over, or went wrong. What it is given is valid during the call. The source stays until then. */
typedef void (*lake_source_fn)(void *ctx, int32_t day, const struct source_files *files, const struct err *err);
void lake_probe_source(struct workers *w, const struct source *s, int32_t first, int32_t last, lake_source_fn fn, void *ctx);

/* Fill the snapshot for planning: the probe verdict of each part that is put for a selected table in the
 * range, and the files of the selected tables' sources in the range. Runs the loop until it is done. ERR_CANCELED: turns->stop. */
int lake_probe(struct turns *turns, struct workers *w, const struct project *p, const bool *selected, int32_t first,
               int32_t last, struct snapshot *snapshot, struct err *err);

#endif
