/* Parameters of the queries. For scheduler/queries*.c only. */
#ifndef STRATA_SCHEDULER_QUERIES_INTERNAL_H
#define STRATA_SCHEDULER_QUERIES_INTERNAL_H

#include "scheduler/pg.h"
#include "scheduler/queries.h"

struct pg_param query_text(const char *s); /* NULL: SQL NULL */
struct pg_param query_lake(const struct query *q, char out[12]);
/* A list of names as text[], in `bytes`; NULL is SQL NULL, which the queries take as "all". */
struct pg_param query_names(const char *const *names, size_t n, struct buf *bytes);

#endif
