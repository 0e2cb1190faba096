/* Where a statement ends, by its tokens: strings, quoted names, dollar quotes and nested comments are
 * stepped over, so that a semicolon or "--" in one of them is text. */
#include <ctype.h>
#include <string.h>

#include "executor/duck.h"

/* Each returns the first byte after the token that starts at s, at most end. */
static const char *skip_quoted(const char *s, const char *end, char quote, bool backslash)
{
	for (s++; s < end; s++) {
		if (backslash && *s == '\\' && s + 1 < end)
			s++;
		else if (*s == quote && s + 1 < end && s[1] == quote)
			s++;
		else if (*s == quote)
			return s + 1;
	}
	return end;
}

static const char *skip_line(const char *s, const char *end)
{
	while (s < end && *s != '\n' && *s != '\r')
		s++;
	return s;
}

static const char *skip_block(const char *s, const char *end)
{
	int depth = 0;
	while (s < end) {
		if (end - s >= 2 && s[0] == '/' && s[1] == '*') {
			depth++;
			s += 2;
		} else if (end - s >= 2 && s[0] == '*' && s[1] == '/') {
			s += 2;
			if (--depth == 0)
				return s;
		} else {
			s++;
		}
	}
	return end;
}

static bool name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (c & 0x80) != 0;
}

/* $tag$ ... $tag$; a lone $ is one byte. */
static const char *skip_dollar(const char *s, const char *end)
{
	const char *tag = s + 1;
	while (tag < end && name_byte(*tag))
		tag++;
	if (tag >= end || *tag != '$')
		return s + 1;
	size_t n = (size_t)(tag + 1 - s);
	const char *close = memmem(tag + 1, (size_t)(end - tag - 1), s, n);
	return close ? close + n : end;
}

/* The next token at or after s that is neither blank nor comment: its first byte, or end; *ret_after is
 * the byte after it. */
static const char *next_token(const char *sql, const char *s, const char *end, const char **ret_after)
{
	for (;;) {
		while (s < end && isspace((unsigned char)*s))
			s++;
		if (end - s >= 2 && s[0] == '-' && s[1] == '-')
			s = skip_line(s, end);
		else if (end - s >= 2 && s[0] == '/' && s[1] == '*')
			s = skip_block(s, end);
		else
			break;
	}
	*ret_after = s;
	if (s == end)
		return s;
	if (*s == '\'' || *s == '"') {
		bool escapes = *s == '\'' && s > sql && (s[-1] == 'e' || s[-1] == 'E') &&
		               (s - 1 == sql || !name_byte(s[-2]));
		*ret_after = skip_quoted(s, end, *s, escapes);
	} else if (*s == '$') {
		*ret_after = skip_dollar(s, end);
	} else if (name_byte(*s)) {
		while (*ret_after < end && (name_byte(**ret_after) || **ret_after == '$'))
			++*ret_after;
	} else {
		*ret_after = s + 1;
	}
	return s;
}

size_t duck_trim(const char *sql, size_t n)
{
	const char *end = sql + n, *last = sql, *after = sql;
	for (const char *s = sql; (s = next_token(sql, s, end, &after)) < end; s = after)
		if (*s != ';')
			last = after;
	return (size_t)(last - sql);
}

size_t duck_statement(const char *sql, size_t n, size_t index)
{
	const char *end = sql + n, *after = sql;
	bool fresh = true; /* the next token begins a statement */
	for (const char *s = sql; (s = next_token(sql, s, end, &after)) < end; s = after) {
		if (*s != ';' && fresh && index-- == 0)
			return (size_t)(s - sql);
		fresh = *s == ';';
	}
	return n;
}
