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

size_t duck_trim(const char *sql, size_t n)
{
	const char *s = sql, *end = sql + n, *last = sql; /* last: after the last byte that counts */
	while (s < end) {
		if (*s == ';' || isspace((unsigned char)*s)) {
			s++;
			continue;
		}
		if (end - s >= 2 && s[0] == '-' && s[1] == '-') {
			s = skip_line(s, end);
			continue;
		}
		if (end - s >= 2 && s[0] == '/' && s[1] == '*') {
			s = skip_block(s, end);
			continue;
		}
		if (*s == '\'' || *s == '"') {
			bool escapes = *s == '\'' && s > sql && (s[-1] == 'e' || s[-1] == 'E') &&
			               (s - 1 == sql || !name_byte(s[-2]));
			s = skip_quoted(s, end, *s, escapes);
		} else if (*s == '$') {
			s = skip_dollar(s, end);
		} else if (name_byte(*s)) {
			while (s < end && (name_byte(*s) || *s == '$'))
				s++;
		} else {
			s++;
		}
		last = s;
	}
	return (size_t)(last - sql);
}
