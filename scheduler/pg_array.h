/* Rows of C structs as Postgres's binary arrays, a column each, for INSERT … SELECT FROM unnest(…).
 *
 * One table of columns makes both the arrays and the SQL around them, so they cannot disagree. */
#ifndef STRATA_SCHEDULER_PG_ARRAY_H
#define STRATA_SCHEDULER_PG_ARRAY_H

#include <stddef.h>

#include "base/buf.h"

enum column_type {
	COLUMN_TEXT,  /* const char *; NULL is "" */
	COLUMN_JSON,  /* const char *, valid JSON; NULL is SQL NULL */
	COLUMN_UUID,  /* const char *, 36 characters */
	COLUMN_BOOL,  /* bool */
	COLUMN_INT4,  /* int32_t; PG_NULL32 is SQL NULL */
	COLUMN_INT8,  /* int64_t; PG_NULL64 is SQL NULL */
	COLUMN_TIME,  /* int64_t, microseconds since 1970; 0 is SQL NULL */
	COLUMN_DATE,  /* int32_t, days since 1970; DATE_NONE is SQL NULL */
};

#define PG_NULL64 INT64_MIN
#define PG_NULL32 INT32_MIN

struct pg_column {
	const char *name;
	enum column_type type;
	size_t offset; /* in the row's struct */
};

/* Append the array of one column of `n` rows, `stride` bytes apart. The bytes of a text that no UTF-8
 * database would take (bad sequences, as in a message that quotes data) become '?'. */
void pg_array_encode(const struct pg_column *c, const void *rows, size_t n, size_t stride, struct buf *out);

/* "INSERT INTO <table> (lake_id, a, b) SELECT $1::integer, t.* FROM unnest($2::text[], $3::bigint[]) AS t" */
void pg_array_insert_sql(const char *table, const struct pg_column *columns, size_t n, struct buf *out);

/* The type's name in SQL. */
const char *pg_array_type_name(enum column_type type);

#endif
