/* See template.h. One reader of variables (next_variable) serves scanning and rendering, so that they cannot
 * disagree about what is one. */
#include "core/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/sqltext.h"

enum name { PARTITION_DATE, RUN_ID, ENV, LAYER, TABLE, NAMES };
static const char *const names[] = {"PARTITION_DATE", "RUN_ID", "ENV", "LAYER", "TABLE", NULL};

enum { RENDERED_MAX = 256 << 20, PROBLEM_SIZE = 512 };

/* What stands at a `$`: bytes [start, end) of the text. */
struct variable {
	size_t start, end;
	enum { PLAIN, DOLLAR, VALUE, WRONG } kind; /* PLAIN: the `$` stays */
	enum name name;
	int32_t offset;             /* days, of PARTITION_DATE */
	char problem[PROBLEM_SIZE]; /* of WRONG */
};

static bool name_starts(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static size_t name_end(const char *text, size_t n, size_t at)
{
	if (at < n && name_starts(text[at]))
		while (at < n && (name_starts(text[at]) || (text[at] >= '0' && text[at] <= '9')))
			at++;
	return at;
}

static int clip(size_t n)
{
	return n > 80 ? 80 : (int)n;
}

static void unknown(struct variable *v, const char *text, size_t from, size_t to)
{
	char word[128], hint[192];
	snprintf(word, sizeof word, "%.*s", clip(to - from), text + from);
	snprintf(v->problem, sizeof v->problem,
	         "unknown variable '%.*s'%s; there are PARTITION_DATE, RUN_ID, ENV, LAYER and TABLE, and '$$' is a plain '$'",
	         clip(v->end - v->start), text + v->start, str_did_you_mean(hint, sizeof hint, word, names));
	v->kind = WRONG;
}

static void malformed(struct variable *v, const char *text)
{
	snprintf(v->problem, sizeof v->problem,
	         "cannot read '%.*s'; write '${NAME}', '${PARTITION_DATE-7}' or '${PARTITION_DATE+1}', and '$${' for a plain '${'",
	         clip(v->end - v->start), text + v->start);
	v->kind = WRONG;
}

static bool find_name(struct variable *v, const char *text, size_t from, size_t to)
{
	for (int i = 0; i < NAMES; i++) {
		if (strlen(names[i]) == to - from && memcmp(names[i], text + from, to - from) == 0) {
			v->kind = VALUE;
			v->name = (enum name)i;
			return true;
		}
	}
	return false;
}

/* The days of "-7}" or "+1}" at `at`; returns the bracket's position, 0 when it is nothing of the kind. */
static size_t read_offset(const char *text, size_t n, size_t at, int32_t *ret_days)
{
	bool negative = text[at] == '-';
	int32_t days = 0;
	size_t digits = ++at;
	for (; at < n && text[at] >= '0' && text[at] <= '9' && days <= TEMPLATE_OFFSET_MAX; at++)
		days = days * 10 + (text[at] - '0');
	if (at == digits || at >= n || text[at] != '}' || days > TEMPLATE_OFFSET_MAX)
		return 0;
	*ret_days = negative ? -days : days;
	return at;
}

/* "${" at v->start. A bracket before anything but a name is no variable. */
static void read_braced(struct variable *v, const char *text, size_t n)
{
	size_t from = v->start + 2, at = from;
	while (at < n && (text[at] == ' ' || text[at] == '\t'))
		at++;
	if (at >= n || !name_starts(text[at]))
		return;
	size_t to = name_end(text, n, at), close = to;
	while (close < n && text[close] != '}' && text[close] != '\n')
		close++;
	bool closed = close < n && text[close] == '}';
	v->end = closed ? close + 1 : to;
	if (at != from || !closed) {
		malformed(v, text);
		return;
	}
	if (!find_name(v, text, from, to)) {
		unknown(v, text, from, to);
		return;
	}
	if (to == close)
		return;
	bool dated = v->name == PARTITION_DATE && (text[to] == '-' || text[to] == '+');
	if (!dated || read_offset(text, n, to, &v->offset) != close)
		malformed(v, text);
}

/* The first `$` at or behind `at`; false when there is none. Only start, end and kind are set always. */
static bool next_variable(const char *text, size_t n, size_t at, struct variable *v)
{
	const char *dollar = at < n ? memchr(text + at, '$', n - at) : NULL;
	if (!dollar)
		return false;
	v->start = (size_t)(dollar - text);
	v->end = v->start + 1;
	v->kind = PLAIN;
	v->offset = 0;
	char next = v->end < n ? text[v->end] : '\0';
	if (next == '$') {
		v->kind = DOLLAR;
		v->end++;
	} else if (next == '{') {
		read_braced(v, text, n);
	} else if (name_starts(next)) {
		size_t from = v->end;
		v->end = name_end(text, n, from);
		if (!find_name(v, text, from, v->end))
			unknown(v, text, from, v->end);
	}
	return true;
}

/* A run of bytes of the rendered text. */
struct rendered_piece {
	size_t out; /* its first byte in the rendered text */
	size_t in;  /* the file's byte that it came from */
	bool copied; /* byte by byte; else all of it came from the variable at `in` */
};

struct render {
	struct buf out;
	struct rendered_piece *pieces;
	size_t len, cap;
};

static void emit(struct render *r, size_t in, bool copied, const char *p, size_t n)
{
	if (n == 0)
		return;
	MEM_GROW(r->pieces, r->len, r->cap);
	r->pieces[r->len++] = (struct rendered_piece){r->out.len, in, copied};
	buf_add(&r->out, p, n);
}

static const char *value_of(const struct variable *v, const struct template_vars *vars, char date[DATE_SIZE])
{
	switch (v->name) {
	case PARTITION_DATE: return date_format(date, vars->day + v->offset);
	case RUN_ID: return vars->run_id;
	case ENV: return vars->env;
	case LAYER: return vars->layer;
	default: return vars->table;
	}
}

static int problem(const char *text, size_t n, const struct variable *v, const char *what, struct err *err)
{
	int line, col;
	text_position(text, n, v->start, &line, &col);
	return err_set(err, ERR_PROJECT, "%d:%d: %s", line, col, what);
}

static int render(struct render *r, const char *text, size_t n, const struct template_vars *vars, struct err *err)
{
	size_t at = 0;
	struct variable v;
	while (next_variable(text, n, at, &v)) {
		char date[DATE_SIZE];
		emit(r, at, true, text + at, v.start - at);
		if (v.kind == WRONG)
			return problem(text, n, &v, v.problem, err);
		if (v.kind == VALUE && v.name == PARTITION_DATE && vars->day == DATE_NONE)
			return problem(text, n, &v, "there is no partition date here", err);
		if (v.kind == VALUE) {
			const char *value = value_of(&v, vars, date);
			emit(r, v.start, false, value, strlen(value));
		} else {
			emit(r, v.start, false, "$", 1);
		}
		at = v.end;
	}
	emit(r, at, true, text + at, n - at);
	if (r->out.overflow)
		return err_set(err, ERR_PROJECT, "the rendered SQL is larger than %d MB", RENDERED_MAX >> 20);
	return 0;
}

int template_render(struct arena *arena, const char *text, size_t n, const struct template_vars *vars,
                    struct rendered *ret, struct err *err)
{
	struct render r = {.out = BUF_INIT(RENDERED_MAX)};
	int result = render(&r, text, n, vars, err);
	if (result == 0)
		*ret = (struct rendered){
			.text = arena_strndup(arena, buf_cstr(&r.out), r.out.len),
			.len = r.out.len,
			.source = text,
			.source_len = n,
			.pieces = arena_copy(arena, r.pieces, r.len * sizeof *r.pieces),
			.npieces = r.len,
		};
	buf_free(&r.out);
	free(r.pieces);
	return result;
}

void rendered_position(const struct rendered *r, size_t offset, int *ret_line, int *ret_col)
{
	size_t lo = 0, hi = r->npieces, in = 0;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (r->pieces[mid].out <= offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (offset >= r->len)
		in = r->source_len;
	else if (lo > 0)
		in = r->pieces[lo - 1].in + (r->pieces[lo - 1].copied ? offset - r->pieces[lo - 1].out : 0);
	text_position(r->source, r->source_len, in, ret_line, ret_col);
}

void rendered_line_position(const struct rendered *r, int line, int col, int *ret_line, int *ret_col)
{
	*ret_line = *ret_col = 0;
	if (line <= 0)
		return;
	rendered_position(r, text_offset(r->text, r->len, line, col), ret_line, ret_col);
	if (col <= 0)
		*ret_col = 0;
}

/* Which of the `uses` (offsets) are in comments, and is there anything but comments? `text` is as rendered,
 * because `$$` may open a quote; an "x" stands for each value, since none can open or close anything. */
static void scan_parts(const char *text, size_t n, struct template_facts *f, const size_t *uses, size_t nuses)
{
	size_t use = 0, outside = 0;
	f->blank = true;
	for (size_t at = 0; at < n;) {
		enum sql_part part;
		size_t end = sql_part_end(text, n, at, &part);
		bool semicolon = part == SQL_CODE && end == at + 1 && text[at] == ';';
		f->blank &= part == SQL_BLANK || part == SQL_COMMENT || semicolon;
		for (; use < nuses && uses[use] < end; use++)
			outside += part != SQL_COMMENT;
		at = end;
	}
	f->comment_only = nuses > 0 && outside == 0;
}

size_t template_scan(const char *text, size_t n, const char *file, struct diags *diags,
                     struct template_facts *ret_facts)
{
	struct template_facts f = {0};
	struct render r = {.out = BUF_INIT(RENDERED_MAX)};
	size_t *uses = NULL, nuses = 0, cap = 0, first = 0, errors = 0, at = 0;
	struct variable v;
	for (; next_variable(text, n, at, &v); at = v.end) {
		emit(&r, at, true, text + at, v.start - at);
		if (v.kind == WRONG) {
			struct loc loc = {.file = file};
			text_position(text, n, v.start, &loc.line, &loc.col);
			if (diags)
				diag_add(diags, DIAG_ERROR, loc, "%s", v.problem);
			errors++;
		}
		bool dated = v.kind == VALUE && v.name == PARTITION_DATE;
		if (dated) {
			first = nuses ? first : v.start;
			MEM_GROW(uses, nuses, cap);
			uses[nuses++] = r.out.len;
		}
		f.uses_run_id |= v.kind == VALUE && v.name == RUN_ID;
		f.uses_env |= v.kind == VALUE && v.name == ENV;
		emit(&r, v.start, false, v.kind == VALUE || v.kind == WRONG ? "x" : "$", 1);
	}
	emit(&r, at, true, text + at, n - at);
	scan_parts(buf_cstr(&r.out), r.out.len, &f, uses, nuses);
	f.partitioned = nuses > 0;
	if (f.comment_only)
		text_position(text, n, first, &f.comment_line, &f.comment_col);
	buf_free(&r.out);
	free(r.pieces);
	free(uses);
	*ret_facts = f;
	return errors;
}

enum { STANDIN_FIRST = 8191, STANDIN_STEP = 2 * (TEMPLATE_OFFSET_MAX / 365 + 1) + 1, STANDIN_LAST = 300 };

int32_t template_standin_day(const char *text, size_t n)
{
	bool taken[(STANDIN_FIRST - STANDIN_LAST) / STANDIN_STEP + 1] = {0};
	int year = 0, digits = 0;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9') {
			digits = year = 0;
			continue;
		}
		year = year % 1000 * 10 + (text[i] - '0');
		digits++;
		int below = STANDIN_FIRST + STANDIN_STEP / 2 - year; /* years of a candidate: STEP around it */
		if (digits >= 4 && below >= 0 && below / STANDIN_STEP < (int)(sizeof taken / sizeof *taken))
			taken[below / STANDIN_STEP] = true;
	}
	for (int i = 0; i < (int)(sizeof taken / sizeof *taken); i++) {
		char date[DATE_SIZE];
		int32_t day;
		snprintf(date, sizeof date, "%04d-07-02", STANDIN_FIRST - i * STANDIN_STEP);
		if (!taken[i] && date_parse(date, &day))
			return day;
	}
	return DATE_NONE;
}
