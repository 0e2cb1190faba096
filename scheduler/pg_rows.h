/* The rows of a query as C structs, by the same tables of columns as scheduler/pg_array.h. */
#ifndef STRATA_SCHEDULER_PG_ROWS_H
#define STRATA_SCHEDULER_PG_ROWS_H

#include <libpq-fe.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "scheduler/pg.h"
#include "scheduler/pg_array.h"

/* SELECT <the columns' names, which may be expressions> <rest>, binary, into *ret_rows: an array of
 * structs of `stride` bytes in the arena. SQL NULL becomes "", PG_NULL32, PG_NULL64, 0 or false; JSON is
 * text, a UUID its 36 characters. Equal texts in consecutive rows are one pointer. */
int pg_rows_select(PGconn *conn, const struct pg_column *columns, size_t ncolumns, size_t stride, const char *rest,
                   const struct pg_param *params, int nparams, struct arena *arena, void *ret_rows, size_t *ret_count,
                   struct err *err);

#endif
