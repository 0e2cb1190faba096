/* See span.h. */
#include "core/span.h"

#include <stdio.h>

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

static int format_bound(char *out, size_t size, struct bound b)
{
	if (b.kind == BOUND_NONE)
		return snprintf(out, size, "*");
	return snprintf(out, size, b.kind == BOUND_REL ? "%+d" : "@%d", b.day);
}

char *span_format(char out[SPAN_SIZE], const struct span *s)
{
	int n = format_bound(out, SPAN_SIZE, s->lo);
	out[n++] = ':';
	format_bound(out + n, SPAN_SIZE - (size_t)n, s->hi);
	return out;
}

static const char *parse_bound(const char *t, struct bound *ret)
{
	*ret = (struct bound){BOUND_NONE, 0};
	if (*t == '*')
		return t + 1;
	if (*t != '@' && *t != '+' && *t != '-')
		return NULL;
	ret->kind = *t == '@' ? BOUND_ABS : BOUND_REL;
	t += *t == '@';
	bool negative = *t == '-';
	t += *t == '-' || *t == '+';
	int32_t value = 0;
	if (*t < '0' || *t > '9')
		return NULL;
	for (; *t >= '0' && *t <= '9' && value <= SPAN_DAYS_MAX; t++)
		value = value * 10 + (*t - '0');
	if (value > SPAN_DAYS_MAX)
		return NULL;
	ret->day = negative ? -value : value;
	return t;
}

const char *span_parse(const char *text, struct span *ret_span)
{
	struct span s;
	const char *t = parse_bound(text, &s.lo);
	if (!t || *t != ':' || !(t = parse_bound(t + 1, &s.hi)))
		return NULL;
	*ret_span = s;
	return t;
}
