/* The footer of a Parquet file, read without an engine: how many rows it says it has. A reader of our own
 * costs microseconds, and is a second opinion on what the engine wrote. */
#ifndef STRATA_EXECUTOR_PARQUET_H
#define STRATA_EXECUTOR_PARQUET_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The whole footer is walked; a torn, foreign or inconsistent one is ERR_IO. */
int parquet_rows(const char *path, int64_t *ret_rows, struct err *err);

/* The same of a footer in memory: the Thrift message without magic and length. 0 or -1. */
int parquet_footer_rows(const unsigned char *footer, size_t n, int64_t *ret_rows);

#endif
