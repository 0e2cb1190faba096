/* What a condition says about one table's dt: the AND-ed and OR-ed comparisons of dt with constant dates,
 * as spans. Whatever else the condition holds counts as "may be true", so the set only gets wider: a row
 * for which the condition is true always has its dt in the set, and never a NULL there. */
#ifndef STRATA_EXECUTOR_ANALYZE_DT_H
#define STRATA_EXECUTOR_ANALYZE_DT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "core/span.h"

/* Dates of one table: every date, or the union of the spans (none: no date at all). */
struct dt_set {
	bool all;
	struct span *spans;
	size_t n;
};

#define DT_SET_ALL ((struct dt_set){.all = true})

struct dt_set dt_and(struct arena *arena, struct dt_set a, struct dt_set b);
struct dt_set dt_or(struct arena *arena, struct dt_set a, struct dt_set b);

/* How a condition may call the dt of the table in question; names case folded. */
struct dt_column {
	const char *schema;  /* "" when the table is not qualified, or has an alias: then schema.table.dt is not it */
	const char *table;   /* its alias, else its name */
	bool unqualified;    /* a bare `dt` is this table's */
};

/* `standin` is the date that stands for the reader's own (core/template.h). */
struct dt_set dt_constrain(struct arena *arena, const json_t *condition, const struct dt_column *column,
                           int32_t standin);

/* A constant date as the argument of a _dt macro; every date when it is none. */
struct dt_set dt_constant(struct arena *arena, const json_t *expression, int32_t standin);

/* The union as it goes into struct ref: at least one span (of no date, when there is none), touching ones
 * joined. */
void dt_spans(struct arena *arena, struct dt_set set, struct span **ret_spans, size_t *ret_n);

/* Identifiers as DuckDB compares them: ASCII letters lowered. The copy is the arena's. */
const char *dt_fold(struct arena *arena, const char *name);

/* The text of a VARCHAR constant that is no date; NULL: it is one, or no such constant. */
const char *dt_no_date(const json_t *expr);

#endif
