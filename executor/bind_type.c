/* See bind_type.h. Rewrites the printed type word by word; names of STRUCT fields and whatever is quoted
 * are kept. The table is what load.c and DuckDB's own Parquet writer and reader do. */
#include "executor/bind_type.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"

enum { DEPTH_MAX = 64, TYPE_MAX = 1 << 20 };

/* The first ones are ours, by a cast; the others happen. */
enum { EXACT = 2 };

static const struct {
	const char *from, *to;
} changes[] = {
	{"HUGEINT", "DECIMAL(38,0)"}, {"UHUGEINT", "DECIMAL(38,0)"}, {"BIT", "VARCHAR"},  {"BIGNUM", "VARCHAR"},
	{"TIME_NS", "VARCHAR"},       {"TIMESTAMP_S", "TIMESTAMP"},  {"GEOMETRY", "BLOB"}, {"\"NULL\"", "INTEGER"},
	{"TIMESTAMP_MS", "TIMESTAMP"},
};

struct reader {
	const char *at;
	struct buf *out;
	bool exact; /* only the changes of a cast */
	bool changed, nameless;
	int depth;
	bool fields[DEPTH_MAX + 1]; /* by depth: a STRUCT's, whose items begin with a name */
};

static const char *after_quoted(const char *s)
{
	char quote = *s++;
	while (*s) {
		if (*s == quote && s[1] != quote)
			return s + 1;
		s += *s == quote ? 2 : 1;
	}
	return s;
}

static const char *after_word(const char *s)
{
	if (*s == '"' || *s == '\'')
		return after_quoted(s);
	while (isalnum((unsigned char)*s) || *s == '_' || (*s & 0x80))
		s++;
	return s;
}

static const char *after_parens(const char *s)
{
	int depth = 0;
	while (*s) {
		if (*s == '"' || *s == '\'') {
			s = after_quoted(s);
			continue;
		}
		depth += *s == '(' ? 1 : *s == ')' ? -1 : 0;
		s++;
		if (depth == 0)
			break;
	}
	return s;
}

static void read_word(struct reader *r, bool name)
{
	const char *end = after_word(r->at);
	size_t n = (size_t)(end - r->at);
	const char *to = NULL;
	size_t n_changes = r->exact ? EXACT : sizeof changes / sizeof *changes;
	for (size_t i = 0; !name && i < n_changes; i++)
		if (strlen(changes[i].from) == n && memcmp(changes[i].from, r->at, n) == 0)
			to = changes[i].to;
	if (!name && !r->exact && n == 4 && *end == '(' && memcmp(r->at, "ENUM", 4) == 0) {
		to = "VARCHAR";
		end = after_parens(end);
	}
	r->fields[r->depth + 1] = !name && n == 6 && *end == '(' && memcmp(r->at, "STRUCT", 6) == 0;
	r->changed = r->changed || to;
	r->nameless = r->nameless || (name && !isspace((unsigned char)*end)) || (!name && n == 5 && *end == '(' && memcmp(r->at, "UNION", 5) == 0);
	if (to)
		buf_adds(r->out, to);
	else
		buf_add(r->out, r->at, n);
	r->at = end;
}

static void rewrite(struct reader *r)
{
	bool name = false; /* the next word is one */
	while (*r->at && r->depth < DEPTH_MAX) {
		const char *end = after_word(r->at);
		if (end > r->at) {
			read_word(r, name);
			name = false;
			continue;
		}
		char c = *r->at++;
		if (c == '(')
			name = r->fields[++r->depth];
		else if (c == ')' && r->depth > 0)
			r->depth--;
		else if (c == ',')
			name = r->fields[r->depth];
		buf_addc(r->out, c);
		if (c == '[' && !r->exact && *r->at != ']') { /* a fixed size is lost */
			r->at += strspn(r->at, "0123456789");
			r->changed = true;
		}
	}
}

static const char *rewritten(struct arena *arena, const char *type, bool exact)
{
	struct buf out = BUF_INIT(TYPE_MAX);
	struct reader r = {.at = type, .out = &out, .exact = exact};
	rewrite(&r);
	const char *result = *r.at || out.overflow || !r.changed ? type : arena_strndup(arena, buf_cstr(&out), out.len);
	buf_free(&out);
	return result;
}

const char *bind_published_type(struct arena *arena, const char *type)
{
	return rewritten(arena, type, false);
}

const char *bind_exact_type(struct arena *arena, const char *type)
{
	return rewritten(arena, type, true);
}

bool bind_type_nameless(const char *type)
{
	struct buf out = BUF_INIT(TYPE_MAX);
	struct reader r = {.at = type, .out = &out};
	rewrite(&r);
	buf_free(&out);
	return r.nameless;
}
