/* The templates of SQL files. `${NAME}` and `$NAME` are replaced everywhere, comments included; `$$` is `$`;
 * a `$` before anything else stays ('$.a'). The names are
 *
 *     PARTITION_DATE   YYYY-MM-DD; also ${PARTITION_DATE-7} and ${PARTITION_DATE+1}, in days
 *     RUN_ID ENV LAYER TABLE
 *
 * and no others: the process's environment is none of a query's business. Any use of PARTITION_DATE makes
 * the table partitioned.
 *
 * What is rendered is the file and nothing else. An engine that wraps the query, as COPY (…) does, puts a
 * newline before and after it, so that a trailing comment cannot swallow the bracket, and takes its own
 * prefix off a position before it asks rendered_position. */
#ifndef STRATA_CORE_TEMPLATE_H
#define STRATA_CORE_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/date.h"
#include "core/diag.h"

enum { TEMPLATE_OFFSET_MAX = 36600 }; /* days in ${PARTITION_DATE-N}: about a century */

/* What the text says by itself, without any value. */
struct template_facts {
	bool partitioned;  /* uses PARTITION_DATE */
	bool comment_only; /* ... but in SQL comments only, first at comment_line:comment_col */
	bool uses_run_id, uses_env;
	bool blank;        /* nothing but white space, comments and semicolons */
	int comment_line, comment_col;
};

/* Reads the facts; an undefined variable is an error at `file`:line:col in `diags` (may be NULL). Returns
 * the number of errors. */
size_t template_scan(const char *text, size_t n, const char *file, struct diags *diags,
                     struct template_facts *ret_facts);

struct template_vars {
	int32_t day;                             /* DATE_NONE: PARTITION_DATE is an error */
	const char *run_id, *env, *layer, *table; /* none may be NULL */
};

/* A text and where its bytes came from. `source` is the caller's and must outlive it. */
struct rendered {
	char *text; /* NUL-terminated */
	size_t len;
	const char *source;
	size_t source_len;
	struct rendered_piece *pieces;
	size_t npieces;
};

/* ERR_PROJECT, with "line:col: …", for what template_scan reports as an error. */
int template_render(struct arena *arena, const char *text, size_t n, const struct template_vars *vars,
                    struct rendered *ret, struct err *err);

/* Where a byte of the rendered text is in the file: by offset, or by line and column (from 1). Bytes of a
 * value map to its `$`. A line of 0 gives 0, 0: unknown stays unknown. */
void rendered_position(const struct rendered *r, size_t offset, int *ret_line, int *ret_col);
void rendered_line_position(const struct rendered *r, int line, int col, int *ret_line, int *ret_col);

/* A date to render with for analysis, so that a date found in the parsed SQL tells by itself that it came
 * from PARTITION_DATE. It is July 2nd of 8191 or of an earlier year, chosen so that the text has no four
 * digits in a row that are a year within TEMPLATE_OFFSET_MAX days of it. DATE_NONE when the text leaves
 * none: then nothing can be told about its dates, and it reads everything upstream. */
int32_t template_standin_day(const char *text, size_t n);

/* Is `day` of an analysed text relative to the stand-in? Then *ret_offset is its distance in days. */
static inline bool template_relative(int32_t day, int32_t standin, int32_t *ret_offset)
{
	int64_t offset = (int64_t)day - standin;
	if (day == DATE_NONE || standin == DATE_NONE || offset < -TEMPLATE_OFFSET_MAX || offset > TEMPLATE_OFFSET_MAX)
		return false;
	*ret_offset = (int32_t)offset;
	return true;
}

#endif
