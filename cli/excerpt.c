/* See excerpt.h. */
#include "cli/excerpt.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/output.h"

enum { FILE_MAX = 64 << 20, NARROWEST = 20 };

static const char *find_line(const char *text, int line)
{
	for (int n = 1; text && n < line; n++) {
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return text && line > 0 ? text : NULL;
}

/* How many columns stand before the byte at `col`. */
static size_t columns_before(const char *line, int col)
{
	size_t columns = 0;
	for (const char *p = line; *p && p - line < col - 1;) {
		struct text_piece piece;
		p += text_next(p, &piece);
		columns += piece.columns;
	}
	return columns;
}

/* The columns [from, from + room) of the line. */
static void add_part(struct buf *out, const char *line, size_t from, size_t room)
{
	size_t at = 0;
	while (*line) {
		struct text_piece piece;
		line += text_next(line, &piece);
		if (at >= from && at + piece.columns <= from + room)
			buf_add(out, piece.bytes, piece.n);
		at += piece.columns;
	}
}

void excerpt_add(struct buf *out, const char *text, int line, int col, size_t width, bool color)
{
	const char *found = find_line(text, line);
	if (!found)
		return;
	char *whole = mem_strndup(found, strcspn(found, "\r\n"));
	size_t caret = columns_before(whole, col), before = out->len;
	buf_addf(out, "    %5d | ", line);
	size_t margin = out->len - before;
	size_t room = width > margin + NARROWEST ? width - margin : width ? NARROWEST : SIZE_MAX / 2;
	size_t from = caret < room ? 0 : caret - room / 2;
	add_part(out, whole, from, room);
	buf_addc(out, '\n');
	if (col)
		buf_addf(out, "%*s%s^%s\n", (int)(margin + caret - from), "", output_style_begin(STYLE_BAD, color), output_style_end(color));
	free(whole);
}

void excerpt_add_file(struct buf *out, const char *dir, const char *file, int line, int col, size_t width, bool color)
{
	struct buf text = BUF_INIT(FILE_MAX);
	char *path = mem_printf("%s/%s", dir, file);
	if (file_read(AT_FDCWD, path, &text, NULL) == 0)
		excerpt_add(out, buf_cstr(&text), line, col, width, color);
	free(path);
	buf_free(&text);
}
