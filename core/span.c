/* See span.h. */
#include "core/span.h"

#include "core/date.h"

#define OPEN_LO (INT32_MIN + 1)
#define OPEN_HI INT32_MAX

bool span_exact(const struct span *s)
{
	return s->lo.kind != BOUND_NONE && s->hi.kind != BOUND_NONE;
}

/* The day of an end as the reader of `day` sees it, `open` where it has none. */
static int32_t resolve(struct bound b, int32_t day, int32_t open)
{
	if (b.kind == BOUND_ABS)
		return b.day;
	if (b.kind == BOUND_REL && day != DATE_NONE)
		return day + b.day;
	return open;
}

bool span_reads(const struct span *s, int32_t day, int32_t *ret_lo, int32_t *ret_hi)
{
	int32_t lo = resolve(s->lo, day, OPEN_LO), hi = resolve(s->hi, day, OPEN_HI);
	if (lo > hi)
		return false;
	*ret_lo = lo;
	*ret_hi = hi;
	return true;
}

bool span_readers(const struct span *s, int32_t day, int32_t *ret_lo, int32_t *ret_hi)
{
	if (s->lo.kind == BOUND_ABS && day < s->lo.day)
		return false;
	if (s->hi.kind == BOUND_ABS && day > s->hi.day)
		return false;
	int32_t hi = s->lo.kind == BOUND_REL ? day - s->lo.day : OPEN_HI; /* reader + lo <= day */
	int32_t lo = s->hi.kind == BOUND_REL ? day - s->hi.day : OPEN_LO; /* reader + hi >= day */
	if (lo > hi)
		return false;
	*ret_lo = lo;
	*ret_hi = hi;
	return true;
}
