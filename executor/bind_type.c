/* See bind_type.h. Rewrites the printed type word by word; names of STRUCT fields and whatever is quoted
 * are kept. The table is what DuckDB's own Parquet writer and reader do. */
#include "executor/bind_type.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"

enum { DEPTH_MAX = 64, TYPE_MAX = 1 << 20 };

static const struct {
	const char *from, *to;
} changes[] = {
	{"HUGEINT", "DOUBLE"},        {"UHUGEINT", "DOUBLE"},        {"BIT", "VARCHAR"},  {"BIGNUM", "VARCHAR"},
	{"TIME_NS", "VARCHAR"},       {"TIMESTAMP_S", "TIMESTAMP"},  {"GEOMETRY", "BLOB"}, {"\"NULL\"", "INTEGER"},
	{"TIMESTAMP_MS", "TIMESTAMP"},
};

struct reader {
	const char *at;
	struct buf *out;
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
	for (size_t i = 0; !name && i < sizeof changes / sizeof *changes; i++)
		if (strlen(changes[i].from) == n && memcmp(changes[i].from, r->at, n) == 0)
			to = changes[i].to;
	if (!name && n == 4 && *end == '(' && memcmp(r->at, "ENUM", 4) == 0) {
		to = "VARCHAR";
		end = after_parens(end);
	}
	r->fields[r->depth + 1] = !name && n == 6 && *end == '(' && memcmp(r->at, "STRUCT", 6) == 0;
	if (to)
		buf_adds(r->out, to);
	else
		buf_add(r->out, r->at, n);
	r->at = end;
}

const char *bind_published_type(struct arena *arena, const char *type)
{
	struct buf out = BUF_INIT(TYPE_MAX);
	struct reader r = {.at = type, .out = &out};
	bool name = false; /* the next word is one */
	while (*r.at && r.depth < DEPTH_MAX) {
		const char *end = after_word(r.at);
		if (end > r.at) {
			read_word(&r, name);
			name = false;
			continue;
		}
		char c = *r.at++;
		if (c == '(')
			name = r.fields[++r.depth];
		else if (c == ')' && r.depth > 0)
			r.depth--;
		else if (c == ',')
			name = r.fields[r.depth];
		buf_addc(&out, c);
		if (c == '[') /* a fixed size is lost */
			r.at += strspn(r.at, "0123456789");
	}
	const char *result = *r.at || out.overflow ? type : arena_strndup(arena, buf_cstr(&out), out.len);
	buf_free(&out);
	return result;
}
