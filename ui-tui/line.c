/* See line.h. */
#include "ui-tui/line.h"

#include <string.h>

#include "base/str.h"
#include "base/text.h"
#include "ui-tui/term.h"

void line_set(struct line *l, const char *text)
{
	size_t n = strlen(text);
	l->len = n < LINE_SIZE - 1 ? n : LINE_SIZE - 1;
	while (l->len < n && l->len > 0 && ((unsigned char)text[l->len] & 0xc0) == 0x80)
		l->len--; /* no half of a character */
	memcpy(l->text, text, l->len);
	l->text[l->len] = '\0';
	l->cursor = l->len;
}

static void cut(struct line *l, size_t from, size_t to)
{
	memmove(l->text + from, l->text + to, l->len - to + 1);
	l->len -= to - from;
	l->cursor = from;
}

static size_t before(const struct line *l)
{
	size_t at = l->cursor;
	while (at > 0 && ((unsigned char)l->text[--at] & 0xc0) == 0x80)
		;
	return at;
}

static size_t after(const struct line *l)
{
	size_t at = l->cursor;
	if (at < l->len)
		at++;
	while (at < l->len && ((unsigned char)l->text[at] & 0xc0) == 0x80)
		at++;
	return at;
}

static size_t word_start(const struct line *l)
{
	size_t at = l->cursor;
	while (at > 0 && l->text[at - 1] == ' ')
		at--;
	while (at > 0 && l->text[at - 1] != ' ')
		at--;
	return at;
}

static void insert(struct line *l, int code)
{
	char bytes[4];
	size_t n;
	if (code < 0x80)
		bytes[n = 0] = (char)code, n = 1;
	else if (code < 0x800)
		n = 2;
	else
		n = code < 0x10000 ? 3 : 4;
	for (size_t i = n; n > 1 && i-- > 1; code >>= 6)
		bytes[i] = (char)(0x80 | (code & 0x3f));
	if (n > 1)
		bytes[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | code);
	if (l->len + n >= LINE_SIZE)
		return;
	memmove(l->text + l->cursor + n, l->text + l->cursor, l->len - l->cursor + 1);
	memcpy(l->text + l->cursor, bytes, n);
	l->len += n;
	l->cursor += n;
}

bool line_key(struct line *l, int key)
{
	switch (key) {
	case TERM_LEFT: case TERM_CTRL('b'): l->cursor = before(l); return true;
	case TERM_RIGHT: case TERM_CTRL('f'): l->cursor = after(l); return true;
	case TERM_HOME: case TERM_CTRL('a'): l->cursor = 0; return true;
	case TERM_END: case TERM_CTRL('e'): l->cursor = l->len; return true;
	case TERM_BACKSPACE: cut(l, before(l), l->cursor); return true;
	case TERM_DELETE: case TERM_CTRL('d'): cut(l, l->cursor, after(l)); return true;
	case TERM_CTRL('w'): cut(l, word_start(l), l->cursor); return true;
	case TERM_CTRL('u'): cut(l, 0, l->cursor); return true;
	case TERM_CTRL('k'): cut(l, l->cursor, l->len); return true;
	default: break;
	}
	if (key < ' ' || key >= 0x110000)
		return false;
	insert(l, key);
	return true;
}

int line_column(const struct line *l)
{
	char head[LINE_SIZE];
	memcpy(head, l->text, l->cursor);
	head[l->cursor] = '\0';
	return (int)text_width(head);
}

const char *line_last_word(const struct line *l)
{
	const char *blank = strrchr(l->text, ' ');
	return blank ? blank + 1 : l->text;
}

size_t line_complete(struct line *l, const char *(*nth)(const void *ctx, size_t i), const void *ctx)
{
	char common[LINE_SIZE] = "";
	const char *word = line_last_word(l), *candidate;
	size_t n = 0, same = 0;
	for (size_t i = 0; (candidate = nth(ctx, i)); i++) {
		if (!str_has_prefix(candidate, word) || strlen(candidate) >= LINE_SIZE)
			continue;
		if (n++ == 0) {
			same = strlen(candidate);
			memcpy(common, candidate, same + 1);
		}
		size_t k = 0;
		while (k < same && candidate[k] == common[k])
			k++;
		same = k;
	}
	common[same] = '\0';
	if (n && (size_t)(word - l->text) + same < LINE_SIZE) {
		memcpy(l->text + (word - l->text), common, same + 1);
		l->cursor = l->len = strlen(l->text);
	}
	return n;
}
