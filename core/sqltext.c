/* See sqltext.h. */
#include "core/sqltext.h"

#include <stdbool.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool starts_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool in_word(char c)
{
	return starts_word(c) || (c >= '0' && c <= '9') || c == '$';
}

static bool pair(const char *text, size_t n, size_t at, const char *two)
{
	return at + 1 < n && text[at] == two[0] && text[at + 1] == two[1];
}

/* `at` is just behind the opening quote; a doubled quote stands for one. */
static size_t quoted_end(const char *text, size_t n, size_t at, char quote, bool backslashes)
{
	for (; at < n; at++) {
		if (backslashes && text[at] == '\\')
			at++;
		else if (text[at] == quote && at + 1 < n && text[at + 1] == quote)
			at++;
		else if (text[at] == quote)
			return at + 1;
	}
	return n;
}

static size_t comment_end(const char *text, size_t n, size_t at)
{
	size_t depth = 0;
	while (at < n) {
		if (pair(text, n, at, "/*")) {
			depth++;
			at += 2;
		} else if (pair(text, n, at, "*/")) {
			at += 2;
			if (--depth == 0)
				return at;
		} else {
			at++;
		}
	}
	return n;
}

/* The end of $tag$…$tag$ that begins at `at`, 0 when none does. */
static size_t dollar_end(const char *text, size_t n, size_t at)
{
	size_t tag = at + 1;
	while (tag < n && (starts_word(text[tag]) || (tag > at + 1 && text[tag] >= '0' && text[tag] <= '9')))
		tag++;
	if (tag >= n || text[tag] != '$')
		return 0;
	size_t size = tag + 1 - at;
	const char *close = memmem(text + at + size, n - at - size, text + at, size);
	return close ? (size_t)(close - text) + size : n;
}

static size_t word_end(const char *text, size_t n, size_t at)
{
	while (at < n && in_word(text[at]))
		at++;
	return at;
}

size_t sql_part_end(const char *text, size_t n, size_t at, enum sql_part *ret_part)
{
	char c = text[at];
	size_t end;
	*ret_part = SQL_CODE;
	if (is_blank(c)) {
		*ret_part = SQL_BLANK;
		for (end = at; end < n && is_blank(text[end]); end++)
			;
		return end;
	}
	if (pair(text, n, at, "--")) {
		*ret_part = SQL_COMMENT;
		const char *line = memchr(text + at, '\n', n - at);
		return line ? (size_t)(line - text) : n;
	}
	if (pair(text, n, at, "/*")) {
		*ret_part = SQL_COMMENT;
		return comment_end(text, n, at);
	}
	bool escapes = pair(text, n, at, "E'") || pair(text, n, at, "e'");
	if (c == '\'' || escapes) {
		*ret_part = SQL_STRING;
		return quoted_end(text, n, at + 1 + escapes, '\'', escapes);
	}
	if (c == '"') {
		*ret_part = SQL_QUOTED;
		return quoted_end(text, n, at + 1, '"', false);
	}
	if (c == '$' && (end = dollar_end(text, n, at))) {
		*ret_part = SQL_STRING;
		return end;
	}
	end = word_end(text, n, at);
	return end > at ? end : at + 1;
}

void text_position(const char *text, size_t n, size_t offset, int *ret_line, int *ret_col)
{
	int line = 1;
	const char *start = text, *end = text + (offset < n ? offset : n), *next;
	while (start < end && (next = memchr(start, '\n', (size_t)(end - start)))) {
		start = next + 1;
		line++;
	}
	*ret_line = line;
	*ret_col = (int)(end - start) + 1;
}

size_t text_offset(const char *text, size_t n, int line, int col)
{
	size_t at = 0;
	for (; line > 1 && at < n; line--) {
		const char *next = memchr(text + at, '\n', n - at);
		at = next ? (size_t)(next - text) + 1 : n;
	}
	const char *next = at < n ? memchr(text + at, '\n', n - at) : NULL;
	size_t end = next ? (size_t)(next - text) : n;
	size_t add = col > 1 ? (size_t)col - 1 : 0;
	return add > end - at ? end : at + add;
}
