/* See analysis.h. The cache's form, fields separated by tabs:
 *
 *     2 <flags> <canonical> <error line> <error column> <further errors> <refs> <spans in all>
 *     v <volatile_by>                                  when there is one
 *     e <error>                                        when there is one
 *     x <line> <column> <error>                        a further error
 *     t|m|c <schema> <name> <line> <column> <span>...  a reference: table, macro or call
 *     (an empty line)
 *
 * In strings tab, newline and backslash are escaped, so a record ends at the first empty line and nowhere
 * else. Decoding copies the record once and cuts it in place: a warm start reads 10,000 of them. */
#include "core/analysis.h"

#include <stdio.h>
#include <string.h>

static void add_text(struct buf *out, const char *s)
{
	for (;;) {
		size_t n = strcspn(s, "\t\n\\");
		buf_add(out, s, n);
		s += n;
		if (!*s)
			return;
		buf_addc(out, '\\');
		buf_addc(out, *s == '\t' ? 't' : *s == '\n' ? 'n' : '\\');
		s++;
	}
}

static const char ref_letters[] = {[REF_TABLE] = 't', [REF_MACRO] = 'm', [REF_CALL] = 'c', '\0'};

static void add_ref(struct buf *out, const struct ref *r)
{
	char text[SPAN_SIZE];
	buf_addc(out, ref_letters[r->kind]);
	buf_addc(out, '\t');
	add_text(out, r->schema);
	buf_addc(out, '\t');
	add_text(out, r->name);
	buf_addf(out, "\t%d\t%d", r->line, r->col);
	for (size_t i = 0; i < r->nspans; i++) {
		buf_addc(out, '\t');
		buf_adds(out, span_format(text, &r->spans[i]));
	}
	buf_addc(out, '\n');
}

void analysis_encode(const struct analysis *a, struct buf *out)
{
	size_t nspans = 0;
	for (size_t i = 0; i < a->nrefs; i++)
		nspans += a->refs[i].nspans;
	buf_addf(out, "2\t%s%s%s%s\t", a->partitioned ? "d" : "", a->comment_only ? "c" : "",
	         a->uses_run_id ? "r" : "", a->parsed ? "p" : "");
	add_text(out, a->canonical ? a->canonical : "");
	buf_addf(out, "\t%d\t%d\t%zu\t%zu\t%zu\n", a->error_line, a->error_col, a->nmore, a->nrefs, nspans);
	if (a->volatile_by) {
		buf_adds(out, "v\t");
		add_text(out, a->volatile_by);
		buf_addc(out, '\n');
	}
	if (a->error) {
		buf_adds(out, "e\t");
		add_text(out, a->error);
		buf_addc(out, '\n');
	}
	for (size_t i = 0; i < a->nmore; i++) {
		buf_addf(out, "x\t%d\t%d\t", a->more[i].line, a->more[i].col);
		add_text(out, a->more[i].text);
		buf_addc(out, '\n');
	}
	for (size_t i = 0; i < a->nrefs; i++)
		add_ref(out, &a->refs[i]);
	buf_addc(out, '\n');
}

/* The bytes of the record at text with its empty line; 0 when it is not whole. */
static size_t record_size(const char *text, size_t n)
{
	const char *end = n ? memmem(text, n, "\n\n", 2) : NULL;
	return end ? (size_t)(end - text) + 2 : 0;
}

/* Undo the escapes in place. */
static bool unescape(char *s)
{
	s = strchr(s, '\\');
	if (!s)
		return true;
	char *to = s;
	while (*s) {
		if (*s != '\\') {
			*to++ = *s++;
			continue;
		}
		if (s[1] != 't' && s[1] != 'n' && s[1] != '\\')
			return false;
		*to++ = s[1] == 't' ? '\t' : s[1] == 'n' ? '\n' : '\\';
		s += 2;
	}
	*to = '\0';
	return true;
}

/* The rest of a line, cut field by field; `at` is NULL after the last. */
struct line {
	char *at;
	bool bad;
};

static char *field(struct line *l)
{
	char *start = l->at;
	if (!start) {
		l->bad = true;
		return NULL;
	}
	char *tab = strchr(start, '\t');
	if (tab)
		*tab = '\0';
	l->at = tab ? tab + 1 : NULL;
	return start;
}

static const char *text(struct line *l)
{
	char *s = field(l);
	if (s && !unescape(s))
		l->bad = true;
	return s;
}

static long number(struct line *l, long most)
{
	const char *s = field(l);
	long v = 0;
	if (!s || !*s)
		l->bad = true;
	for (; s && *s; s++) {
		if (*s < '0' || *s > '9' || v > most) {
			l->bad = true;
			return 0;
		}
		v = v * 10 + (*s - '0');
	}
	if (v > most)
		l->bad = true;
	return l->bad ? 0 : v;
}

static void head(struct line *l, size_t size, struct analysis *a, size_t *ret_nspans)
{
	const char *version = field(l);
	if (!version || strcmp(version, "2") != 0)
		l->bad = true;
	for (const char *f = field(l); f && *f; f++) {
		switch (*f) {
		case 'd': a->partitioned = true; break;
		case 'c': a->comment_only = true; break;
		case 'r': a->uses_run_id = true; break;
		case 'p': a->parsed = true; break;
		default: l->bad = true;
		}
	}
	a->canonical = text(l);
	a->error_line = (int)number(l, INT32_MAX);
	a->error_col = (int)number(l, INT32_MAX);
	a->nmore = (size_t)number(l, (long)size); /* each takes more than a byte */
	a->nrefs = (size_t)number(l, (long)size);
	*ret_nspans = (size_t)number(l, (long)size);
	if (l->at)
		l->bad = true;
}

static void reference(struct line *l, enum ref_kind kind, struct ref *r, struct span *spare, size_t nspare)
{
	r->kind = kind;
	r->schema = text(l);
	r->name = text(l);
	r->line = (int)number(l, INT32_MAX);
	r->col = (int)number(l, INT32_MAX);
	r->spans = spare;
	while (l->at && !l->bad) {
		const char *end = r->nspans < nspare ? span_parse(l->at, &spare[r->nspans]) : NULL;
		if (!end || (*end && *end != '\t')) {
			l->bad = true;
			return;
		}
		r->nspans++;
		l->at = *end ? (char *)end + 1 : NULL;
	}
	if (r->nspans == 0)
		l->bad = true;
}

/* The next line of the record, NUL-terminated; NULL at its end. */
static char *next_line(char **at)
{
	char *start = *at, *end = strchr(start, '\n');
	if (!end || end == start)
		return NULL;
	*end = '\0';
	*at = end + 1;
	return start;
}

static bool body(struct arena *arena, char *at, struct analysis *a, size_t nspans)
{
	a->refs = arena_array(arena, a->nrefs, sizeof *a->refs);
	struct span *spans = arena_array(arena, nspans, sizeof *spans);
	struct analysis_error *more = arena_array(arena, a->nmore, sizeof *more);
	size_t refs = 0, used = 0, errors = 0;
	a->more = more;
	for (char *s; (s = next_line(&at));) {
		struct line l = {.at = s};
		const char *kind = field(&l);
		if (strcmp(kind, "v") == 0 && !a->volatile_by) {
			a->volatile_by = text(&l);
		} else if (strcmp(kind, "e") == 0 && !a->error) {
			a->error = text(&l);
		} else if (strcmp(kind, "x") == 0 && errors < a->nmore) {
			struct analysis_error *e = &more[errors++];
			e->line = (int)number(&l, INT32_MAX);
			e->col = (int)number(&l, INT32_MAX);
			e->text = text(&l);
		} else if (*kind && strchr(ref_letters, *kind) && !kind[1] && refs < a->nrefs) {
			struct ref *r = &a->refs[refs++];
			reference(&l, (enum ref_kind)(strchr(ref_letters, *kind) - ref_letters), r, spans + used, nspans - used);
			used += r->nspans;
		} else {
			return false;
		}
		if (l.bad || l.at)
			return false;
	}
	return refs == a->nrefs && used == nspans && errors == a->nmore;
}

size_t analysis_decode(struct arena *arena, const char *record, size_t n, struct analysis *ret)
{
	size_t size = record_size(record, n), nspans = 0;
	if (!size || memchr(record, '\0', size))
		return 0;
	char *copy = arena_strndup(arena, record, size), *at = copy;
	struct analysis a = {0};
	struct line first = {.at = next_line(&at)};
	head(&first, size, &a, &nspans);
	if (first.bad || !body(arena, at, &a, nspans))
		return 0;
	*ret = a;
	return size;
}
