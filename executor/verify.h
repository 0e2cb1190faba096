/* "COPY returned" is never proof: what was staged is listed and read again before it is published. */
#ifndef STRATA_EXECUTOR_VERIFY_H
#define STRATA_EXECUTOR_VERIFY_H

#include "executor/attempt.h"

/* List t->out, read every footer, compare files and rows with what the engine reported, digest every
 * file. Sets t->files, rows, bytes and schema. */
int verify_staged(struct attempt *t);

/* The first half of it: list t->out, read every footer. Sets t->files (without digests), rows, bytes and schema. */
int verify_read(struct attempt *t);

/* A query over the staged files into `out`: with dt for a partitioned table, as its readers see it. */
void verify_select(const struct attempt *t, struct buf *out);

#endif
