/* See text.h. */
#include "base/text.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

/* One code point at s: its length in bytes, 0 when it is no UTF-8. */
static size_t decode(const char *s, uint32_t *ret_code)
{
	const unsigned char *p = (const unsigned char *)s;
	if (p[0] < 0x80) {
		*ret_code = p[0];
		return 1;
	}
	size_t n = p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 0;
	if (n == 0 || p[0] >= 0xf5)
		return 0;
	uint32_t code = p[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3fu);
	}
	*ret_code = code;
	return n;
}

struct range {
	uint32_t first, last;
};

static bool within(uint32_t code, const struct range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

/* Good enough for names and messages: combining marks take none, East Asian wide forms and emoji two. */
static size_t columns_of(uint32_t code)
{
	static const struct range none[] = {{0x300, 0x36f}, {0x200b, 0x200f}, {0xfe00, 0xfe0f}, {0x20d0, 0x20ff}};
	static const struct range wide[] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff},
	                                    {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1faff},
	                                    {0x20000, 0x3fffd}};
	if (within(code, none, sizeof none / sizeof *none))
		return 0;
	return within(code, wide, sizeof wide / sizeof *wide) ? 2 : 1;
}

size_t text_next(const char *s, struct text_piece *ret)
{
	uint32_t code = 0;
	size_t n = decode(s, &code);
	*ret = (struct text_piece){"?", 1, 1};
	if (n == 0)
		return 1;
	if (code < 0x20 || code == 0x7f || (code >= 0x80 && code < 0xa0))
		ret->bytes = " ";
	else
		*ret = (struct text_piece){s, n, columns_of(code)};
	return n;
}

size_t text_width(const char *s)
{
	size_t width = 0;
	struct text_piece piece;
	while (*s) {
		s += text_next(s, &piece);
		width += piece.columns;
	}
	return width;
}

size_t text_add(struct buf *out, const char *s, size_t most)
{
	return text_cut(out, s, most, "…");
}

size_t text_cut(struct buf *out, const char *s, size_t most, const char *sign)
{
	bool cut = text_width(s) > most;
	size_t room = cut && most > 0 ? most - 1 : most, width = 0;
	struct text_piece piece;
	while (*s) {
		s += text_next(s, &piece);
		if (width + piece.columns > room)
			break;
		buf_add(out, piece.bytes, piece.n);
		width += piece.columns;
	}
	if (cut && most > 0) {
		buf_adds(out, sign);
		width++;
	}
	return width;
}

void text_add_spelled(struct buf *out, const char *s)
{
	static const char *const signs[][2] = {{"…", "..."}, {"→", "->"}, {"–", "-"}};
	while (*s) {
		size_t n = 1, i = 0, count = sizeof signs / sizeof *signs;
		while (i < count && strncmp(s, signs[i][0], strlen(signs[i][0])) != 0)
			i++;
		if (i < count) {
			n = strlen(signs[i][0]);
			buf_adds(out, signs[i][1]);
		} else {
			buf_addc(out, *s);
		}
		s += n;
	}
}

void text_wrap(struct buf *out, const char *s, size_t at, size_t indent, size_t width)
{
	bool first = true;
	while (*s) {
		size_t n = strcspn(s, " "), columns = 0;
		struct text_piece piece;
		for (const char *c = s; c < s + n; columns += piece.columns)
			c += text_next(c, &piece);
		if (!first && at + 1 + columns > width) {
			buf_addf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (!first) {
			buf_addc(out, ' ');
			at++;
		}
		buf_add(out, s, n);
		at += columns;
		s += n;
		s += strspn(s, " ");
		first = false;
	}
}


static bool needs_quotes(const char *word)
{
	for (const char *c = word; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("-_./@:,+=%", *c))
			return true;
	}
	return !*word;
}

void text_add_word(struct buf *out, const char *word)
{
	if (!needs_quotes(word)) {
		buf_adds(out, word);
		return;
	}
	buf_addc(out, '\'');
	for (const char *c = word; *c; c++) {
		if (*c == '\'')
			buf_adds(out, "'\\''");
		else
			buf_addc(out, *c);
	}
	buf_addc(out, '\'');
}
