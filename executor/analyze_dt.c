/* See analyze_dt.h. The shapes of the JSON are those of DuckDB's json_serialize_sql with defaults skipped. */
#include "executor/analyze_dt.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "core/date.h"
#include "core/template.h"

/* More spans than this in one reference are not kept apart; the wider operand stays. */
enum { SPANS_MAX = 4096 };

static const char *text_of(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));
	return s ? s : "";
}

const char *dt_fold(struct arena *arena, const char *name)
{
	char *copy = arena_strdup(arena, name);
	for (char *c = copy; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return copy;
}

/* Spans. */

static bool span_empty(const struct span *s)
{
	return s->lo.kind != BOUND_NONE && s->lo.kind == s->hi.kind && s->lo.day > s->hi.day;
}

/* Both ends hold in the intersection; where a span cannot say both (one absolute, one relative), one of
 * them is dropped, which is wider. The end of an exact span is kept, since it is the tighter one. */
static struct bound both_ends(struct bound a, struct bound b, bool a_exact, bool b_exact, bool low)
{
	if (a.kind == BOUND_NONE)
		return b;
	if (b.kind == BOUND_NONE)
		return a;
	if (a.kind == b.kind)
		return (a.day > b.day) == low ? a : b;
	if (a_exact != b_exact)
		return a_exact ? a : b;
	return a.kind == BOUND_REL ? a : b;
}

static struct span span_and(const struct span *a, const struct span *b)
{
	bool a_exact = span_exact(a), b_exact = span_exact(b);
	return (struct span){both_ends(a->lo, b->lo, a_exact, b_exact, true),
	                     both_ends(a->hi, b->hi, a_exact, b_exact, false)};
}

struct dt_set dt_and(struct arena *arena, struct dt_set a, struct dt_set b)
{
	if (a.all)
		return b;
	if (b.all || a.n * b.n > SPANS_MAX)
		return a;
	struct dt_set out = {.spans = arena_array(arena, a.n * b.n, sizeof *out.spans)};
	for (size_t i = 0; i < a.n; i++) {
		for (size_t k = 0; k < b.n; k++) {
			struct span s = span_and(&a.spans[i], &b.spans[k]);
			if (!span_empty(&s))
				out.spans[out.n++] = s;
		}
	}
	return out;
}

struct dt_set dt_or(struct arena *arena, struct dt_set a, struct dt_set b)
{
	if (a.all || b.all || a.n + b.n > SPANS_MAX)
		return DT_SET_ALL;
	struct dt_set out = {.spans = arena_array(arena, a.n + b.n, sizeof *out.spans), .n = a.n + b.n};
	if (a.n > 0)
		memcpy(out.spans, a.spans, a.n * sizeof *a.spans);
	if (b.n > 0)
		memcpy(out.spans + a.n, b.spans, b.n * sizeof *b.spans);
	return out;
}

static struct dt_set set_of(struct arena *arena, struct span s)
{
	struct dt_set out = {.spans = arena_alloc(arena, sizeof s)};
	if (!span_empty(&s))
		out.spans[out.n++] = s;
	return out;
}

/* Order for joining: spans of one kind at both ends first, by kind and begin. */
static int joinable(const struct span *s)
{
	return s->lo.kind == s->hi.kind && s->lo.kind != BOUND_NONE;
}

static int compare_spans(const void *pa, const void *pb)
{
	const struct span *a = pa, *b = pb;
	const int keys[][2] = {
		{!joinable(a), !joinable(b)},   {(int)a->lo.kind, (int)b->lo.kind}, {a->lo.day, b->lo.day},
		{(int)a->hi.kind, (int)b->hi.kind}, {a->hi.day, b->hi.day},
	};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (keys[i][0] != keys[i][1])
			return keys[i][0] < keys[i][1] ? -1 : 1;
	return 0;
}

void dt_spans(struct arena *arena, struct dt_set set, struct span **ret_spans, size_t *ret_n)
{
	struct span *out = arena_array(arena, set.n + 1, sizeof *out);
	if (set.all || set.n == 0) {
		out[0] = set.all ? SPAN_ALL : (struct span){{BOUND_ABS, 1}, {BOUND_ABS, 0}};
		*ret_spans = out;
		*ret_n = 1;
		return;
	}
	memcpy(out, set.spans, set.n * sizeof *out);
	qsort(out, set.n, sizeof *out, compare_spans);
	size_t n = 1;
	for (size_t i = 1; i < set.n; i++) {
		struct span *last = &out[n - 1];
		bool same = joinable(last) && joinable(&out[i]) && last->lo.kind == out[i].lo.kind;
		if (same && out[i].lo.day <= last->hi.day + 1) {
			if (out[i].hi.day > last->hi.day)
				last->hi.day = out[i].hi.day;
		} else if (compare_spans(last, &out[i]) != 0) {
			out[n++] = out[i];
		}
	}
	*ret_spans = out;
	*ret_n = n;
}

/* Constants. */

enum value_kind { VALUE_NONE, VALUE_TEXT, VALUE_DATE, VALUE_TIMESTAMP }; /* TIMESTAMP: at midnight */

struct value {
	enum value_kind kind;
	int32_t day;
};

/* 0001-01-01 and 9999-12-31: outside, the text of a date no longer sorts as the date does. */
enum { DAY_MIN = -719162, DAY_MAX = 2932896 };

#define NO_VALUE ((struct value){.kind = VALUE_NONE})

static const json_t *child(const json_t *expr, size_t i)
{
	return json_array_get(json_object_get(expr, "children"), i);
}

/* The type of a cast, VALUE_NONE for any that is not plain. */
static enum value_kind cast_kind(const json_t *cast)
{
	const json_t *type = json_object_get(cast, "cast_type");
	const char *id = text_of(type, "id");
	if (json_is_object(json_object_get(type, "type_info")))
		return VALUE_NONE;
	return str_eq(id, "DATE") ? VALUE_DATE
	       : str_eq(id, "VARCHAR") ? VALUE_TEXT
	       : str_eq(id, "TIMESTAMP") ? VALUE_TIMESTAMP
	                                 : VALUE_NONE;
}

static bool is_type(const json_t *expr, const char *type)
{
	return str_eq(text_of(expr, "type"), type);
}

static struct value literal(const json_t *expr)
{
	const json_t *value = json_object_get(expr, "value");
	struct value v = {.kind = VALUE_TEXT};
	if (!str_eq(text_of(json_object_get(value, "type"), "id"), "VARCHAR"))
		return NO_VALUE;
	const char *text = text_of(value, "value");
	return date_parse_iso(text, strlen(text), &v.day) ? v : NO_VALUE;
}

const char *dt_no_date(const json_t *expr)
{
	const json_t *value = json_object_get(expr, "value");
	bool text = is_type(expr, "VALUE_CONSTANT") && str_eq(text_of(json_object_get(value, "type"), "id"), "VARCHAR");
	return text && literal(expr).kind == VALUE_NONE ? text_of(value, "value") : NULL;
}

/* A whole number: 6, '6', and as DuckDB writes INTERVAL 6 DAY: CAST(trunc(CAST(6 AS DOUBLE)) AS INTEGER). */
static bool whole_number(const json_t *expr, int64_t *ret_n)
{
	for (;;) {
		if (is_type(expr, "OPERATOR_CAST"))
			expr = json_object_get(expr, "child");
		else if (is_type(expr, "FUNCTION") && str_eq(text_of(expr, "function_name"), "trunc"))
			expr = child(expr, 0);
		else
			break;
	}
	const json_t *value = json_object_get(expr, "value"), *number = json_object_get(value, "value");
	if (!is_type(expr, "VALUE_CONSTANT"))
		return false;
	if (json_is_integer(number))
		*ret_n = json_integer_value(number);
	else if (!json_is_string(number) || !str_to_i64(json_string_value(number), ret_n))
		return false;
	return *ret_n >= -INT16_MAX && *ret_n <= INT16_MAX;
}

/* The right side of date + x, in days. */
static bool days(const json_t *expr, int64_t *ret_days, bool *ret_interval)
{
	*ret_interval = is_type(expr, "FUNCTION") && str_eq(text_of(expr, "function_name"), "to_days");
	if (*ret_interval)
		return whole_number(child(expr, 0), ret_days);
	const json_t *number = json_object_get(json_object_get(expr, "value"), "value");
	return is_type(expr, "VALUE_CONSTANT") && json_is_integer(number) && whole_number(expr, ret_days);
}

/* The value of a constant expression. Bounded: each step goes one level into a JSON text whose depth the
 * parser bounds (analyze_walk.h). */
static struct value evaluate(const json_t *expr)
{
	if (is_type(expr, "VALUE_CONSTANT"))
		return literal(expr);
	if (is_type(expr, "OPERATOR_CAST")) {
		struct value v = evaluate(json_object_get(expr, "child"));
		enum value_kind to = cast_kind(expr);
		if (v.kind == VALUE_NONE || to == VALUE_NONE || (v.kind == VALUE_TIMESTAMP && to == VALUE_TEXT))
			return NO_VALUE; /* a timestamp's text has a time in it */
		return (struct value){to, v.day};
	}
	const char *op = text_of(expr, "function_name");
	if (!is_type(expr, "FUNCTION") || (!str_eq(op, "+") && !str_eq(op, "-")) || !child(expr, 1))
		return NO_VALUE;
	struct value v = evaluate(child(expr, 0));
	int64_t n;
	bool interval;
	if ((v.kind != VALUE_DATE && v.kind != VALUE_TIMESTAMP) || !days(child(expr, 1), &n, &interval))
		return NO_VALUE;
	if (!interval && v.kind != VALUE_DATE)
		return NO_VALUE;
	v.day += (int32_t)(*op == '+' ? n : -n);
	v.kind = interval ? VALUE_TIMESTAMP : VALUE_DATE;
	return v.day < DAY_MIN || v.day > DAY_MAX ? NO_VALUE : v;
}

static struct bound bound_of(int32_t day, int32_t standin)
{
	int32_t offset;
	if (template_relative(day, standin, &offset))
		return (struct bound){BOUND_REL, offset};
	return (struct bound){BOUND_ABS, day};
}

struct dt_set dt_constant(struct arena *arena, const json_t *expr, int32_t standin)
{
	struct value v = evaluate(expr);
	if (v.kind != VALUE_TEXT && v.kind != VALUE_DATE)
		return DT_SET_ALL;
	struct bound b = bound_of(v.day, standin);
	return set_of(arena, (struct span){b, b});
}

/* Comparisons. */

enum dt_form { FORM_NONE, FORM_PLAIN, FORM_DATE }; /* dt, CAST(dt AS DATE) */

static bool name_is(const json_t *names, size_t i, const char *want)
{
	const char *name = json_string_value(json_array_get(names, i));
	return name && strcasecmp(name, want) == 0;
}

static enum dt_form dt_form(const json_t *expr, const struct dt_column *c)
{
	/* The outermost cast decides: the text of a date is dt again. */
	enum dt_form form = is_type(expr, "OPERATOR_CAST") && cast_kind(expr) == VALUE_DATE ? FORM_DATE : FORM_PLAIN;
	while (is_type(expr, "OPERATOR_CAST")) {
		enum value_kind to = cast_kind(expr);
		if (to != VALUE_TEXT && to != VALUE_DATE)
			return FORM_NONE;
		expr = json_object_get(expr, "child");
	}
	const json_t *names = json_object_get(expr, "column_names");
	if (!is_type(expr, "COLUMN_REF") || !json_is_array(names))
		return FORM_NONE;
	size_t n = json_array_size(names);
	bool mine = (n == 1 && c->unqualified) || (n == 2 && name_is(names, 0, c->table)) ||
	            (n == 3 && c->schema[0] && name_is(names, 0, c->schema) && name_is(names, 1, c->table));
	return mine && name_is(names, n - 1, "dt") ? form : FORM_NONE;
}

/* A constant that compares with dt in this form as dates do. */
static bool comparable(enum dt_form form, struct value v)
{
	return v.kind == VALUE_TEXT || v.kind == VALUE_DATE || (v.kind == VALUE_TIMESTAMP && form == FORM_DATE);
}

/* dt <op> const, with op one of "=<>" and `or_equal`. */
static struct dt_set compare(struct arena *arena, char op, bool or_equal, int32_t day, int32_t standin)
{
	struct span s = SPAN_ALL;
	if (op == '=')
		s.lo = s.hi = bound_of(day, standin);
	else if (op == '<')
		s.hi = bound_of(or_equal ? day : day - 1, standin);
	else
		s.lo = bound_of(or_equal ? day : day + 1, standin);
	return set_of(arena, s);
}

static const struct {
	const char *type;
	char op;
	bool or_equal;
} comparisons[] = {
	{"COMPARE_EQUAL", '=', true},
	{"COMPARE_LESSTHAN", '<', false},
	{"COMPARE_LESSTHANOREQUALTO", '<', true},
	{"COMPARE_GREATERTHAN", '>', false},
	{"COMPARE_GREATERTHANOREQUALTO", '>', true},
};

static struct dt_set constrain_comparison(struct arena *arena, const json_t *expr, const struct dt_column *c,
                                          int32_t standin)
{
	const json_t *left = json_object_get(expr, "left"), *right = json_object_get(expr, "right");
	for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++) {
		if (!is_type(expr, comparisons[i].type))
			continue;
		char op = comparisons[i].op;
		enum dt_form form = dt_form(left, c);
		struct value v = evaluate(right);
		if (form == FORM_NONE) {
			form = dt_form(right, c);
			v = evaluate(left);
			op = op == '<' ? '>' : op == '>' ? '<' : op;
		}
		if (form == FORM_NONE || !comparable(form, v))
			return DT_SET_ALL;
		return compare(arena, op, comparisons[i].or_equal, v.day, standin);
	}
	return DT_SET_ALL;
}

static struct dt_set constrain_between(struct arena *arena, const json_t *expr, const struct dt_column *c,
                                       int32_t standin)
{
	struct dt_set out = DT_SET_ALL;
	enum dt_form form = dt_form(json_object_get(expr, "input"), c);
	if (form == FORM_NONE)
		return out;
	struct value lower = evaluate(json_object_get(expr, "lower")), upper = evaluate(json_object_get(expr, "upper"));
	/* One span of both ends, so that they stay together in an intersection. */
	struct span s = SPAN_ALL;
	if (comparable(form, lower))
		s.lo = bound_of(lower.day, standin);
	if (comparable(form, upper))
		s.hi = bound_of(upper.day, standin);
	return s.lo.kind == BOUND_NONE && s.hi.kind == BOUND_NONE ? out : set_of(arena, s);
}

static struct dt_set constrain_in(struct arena *arena, const json_t *expr, const struct dt_column *c,
                                  int32_t standin)
{
	enum dt_form form = dt_form(child(expr, 0), c);
	size_t n = json_array_size(json_object_get(expr, "children"));
	if (form == FORM_NONE || n > SPANS_MAX)
		return DT_SET_ALL;
	struct dt_set out = {.spans = arena_array(arena, n, sizeof *out.spans)};
	for (size_t i = 1; i < n; i++) {
		struct value v = evaluate(child(expr, i));
		if (!comparable(form, v))
			return DT_SET_ALL;
		struct bound b = bound_of(v.day, standin);
		out.spans[out.n++] = (struct span){b, b};
	}
	return out;
}

struct dt_set dt_constrain(struct arena *arena, const json_t *expr, const struct dt_column *c, int32_t standin)
{
	bool and = is_type(expr, "CONJUNCTION_AND");
	if (and || is_type(expr, "CONJUNCTION_OR")) {
		size_t i;
		const json_t *one;
		struct dt_set out = and ? DT_SET_ALL : (struct dt_set){0};
		json_array_foreach(json_object_get(expr, "children"), i, one) {
			struct dt_set set = dt_constrain(arena, one, c, standin);
			out = and ? dt_and(arena, out, set) : dt_or(arena, out, set);
		}
		return out;
	}
	if (is_type(expr, "COMPARE_BETWEEN"))
		return constrain_between(arena, expr, c, standin);
	if (is_type(expr, "COMPARE_IN"))
		return constrain_in(arena, expr, c, standin);
	return constrain_comparison(arena, expr, c, standin);
}
