/* The footer of a Parquet file, read without an engine: how many rows it says it has, and its columns if they are
 * plain. A reader of our own costs microseconds, and is a second opinion on what the engine wrote. */
#ifndef STRATA_EXECUTOR_PARQUET_H
#define STRATA_EXECUTOR_PARQUET_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/manifest.h"

/* The whole footer is walked; a torn, foreign or inconsistent one is ERR_IO. */
int parquet_rows(const char *path, int64_t *ret_rows, struct err *err);

/* The same of a footer in memory: the Thrift message without magic and length. 0 or -1. */
int parquet_footer_rows(const unsigned char *footer, size_t n, int64_t *ret_rows);

/* Names and types, as DuckDB reads them, of a file whose columns are all plain: not nested, with names that differ in
 * more than case, and each BOOLEAN, an integer of up to 64 bits, FLOAT, VARCHAR, DATE or DECIMAL. Else, or where there
 * is no such file, -1. DOUBLE is not among them: DuckDB writes its HUGEINT as that, too. */
int parquet_plain_columns(const char *path, struct arena *arena, struct column **ret_columns, size_t *ret_n);

/* The same of a footer in memory. */
int parquet_footer_plain(const unsigned char *footer, size_t n, struct arena *arena, struct column **ret_columns, size_t *ret_n);

#endif
