/* The read set of a parsed query: every table it refers to, where, and which dates.
 *
 * Works on the JSON of DuckDB's json_serialize_sql (defaults skipped). The walk recurses as deep as the
 * text nests; jansson refuses more than 2,048 levels, which is the bound. */
#ifndef STRATA_EXECUTOR_ANALYZE_WALK_H
#define STRATA_EXECUTOR_ANALYZE_WALK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "core/analysis.h"

struct walk {
	struct arena *arena; /* the caller's; refs and their texts live there */
	int32_t standin;     /* the day that stands for the reader's own */
	const json_t *macros; /* the analysts', "schema.name" in lower case; NULL: none */
	/* results */
	struct ref *refs;    /* in the order of the walk; line is 0 and col the byte offset, or -1: unknown */
	size_t nrefs, cap;   /* the array is the caller's to free */
	const char *volatile_by; /* NULL: none */
	bool opaque;         /* reads something by a name that is not in the text: query('...') */
	const char *no_date; /* NULL, or why one of x_dt('2024-13-45') finds nothing on any day ... */
	int no_date_at;      /* ... and its byte offset, or -1 */
	/* private */
	const struct walk_cte *ctes;
};

/* `statement` is one element of "statements". */
void walk_statement(struct walk *w, const json_t *statement);

/* Is its value more than a function of the data? Names case folded. A bare name: current_date. */
bool walk_volatile_function(const char *name, size_t arguments);
bool walk_volatile_name(const char *name);

/* query('...') and its like: what is read is in no text that was parsed. */
bool walk_opaque_function(const char *name);

#endif
