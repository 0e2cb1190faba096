/* Spans: which dates of an upstream table a reader needs, as a function of the reader's own date.
 *
 * One span is an inclusive interval whose ends are each absent, an absolute day, or an offset from the
 * reader's partition date. `dt BETWEEN '${PARTITION_DATE-6}' AND '${PARTITION_DATE}'` is one span
 * [REL -6, REL 0]; `IN` is several spans; no predicate is one span without ends. */
#ifndef STRATA_CORE_SPAN_H
#define STRATA_CORE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bound_kind { BOUND_NONE, BOUND_REL, BOUND_ABS };

struct bound {
	enum bound_kind kind;
	int32_t day; /* REL: days to add to the reader's date; ABS: days since 1970-01-01 */
};

struct span {
	struct bound lo, hi; /* inclusive */
};

#define SPAN_ALL ((struct span){{BOUND_NONE, 0}, {BOUND_NONE, 0}})
#define SPAN_SAME_DAY ((struct span){{BOUND_REL, 0}, {BOUND_REL, 0}})

/* Both ends present: the dates are known without looking at what is published. */
bool span_exact(const struct span *s);

/* The dates [*ret_lo, *ret_hi] that a reader of date `day` needs, open ends as INT32_MIN + 1 and
 * INT32_MAX; false when there is none. REL ends with day == DATE_NONE are open (doubt is wider). */
bool span_reads(const struct span *s, int32_t day, int32_t *ret_lo, int32_t *ret_hi);

/* The inverse: the reader dates [*ret_lo, *ret_hi] whose span covers upstream date `day`. */
bool span_readers(const struct span *s, int32_t day, int32_t *ret_lo, int32_t *ret_hi);

/* Text: "-6:+0", "@15706:*": ends as sign and offset, @ and day, or * for none. span_parse returns the first
 * byte after the span, NULL when there is none, also for more than SPAN_DAYS_MAX days: no two dates are so far
 * apart, and sums of a date and an end stay numbers. */
enum { SPAN_SIZE = 32, SPAN_DAYS_MAX = 4000000 };
char *span_format(char out[SPAN_SIZE], const struct span *s); /* returns out */
const char *span_parse(const char *text, struct span *ret_span);

#endif
