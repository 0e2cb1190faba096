/* DuckDB's errors about CSV files, in one line (duck.h): which file, which line, what is wrong with it, and which
 * option of the source says how it is meant. DuckDB adds a page of what it tried, and advice that is for its own users. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "executor/duck.h"

/* The rest of the line that begins with `start`, into *ret_len; NULL: there is none. */
static const char *line_after(const char *text, const char *start, size_t *ret_len)
{
	size_t n = strlen(start);
	const char *line = text;
	while (strncmp(line, start, n) != 0) {
		line = strchr(line, '\n');
		if (!line)
			return NULL;
		line++;
	}
	*ret_len = strcspn(line + n, "\n");
	return line + n;
}

static void add_line(struct buf *out, const char *before, const char *text, const char *start)
{
	size_t n;
	const char *rest = line_after(text, start, &n);
	if (rest) {
		buf_adds(out, before);
		buf_add(out, rest, n);
	}
}

/* "CSV Error on Line: 3\nOriginal Line: x,3\n<what>\n\n..." */
static bool of_a_line(const char *text, struct buf *out)
{
	size_t n;
	const char *number = line_after(text, "CSV Error on Line: ", &n);
	if (number != text + strlen("CSV Error on Line: "))
		return false;
	const char *what = strchr(text, '\n');
	if (what && str_has_prefix(what + 1, "Original Line: "))
		what = strchr(what + 1, '\n');
	if (!what)
		return false;
	what++;
	add_line(out, "", text, "  file = ");
	buf_adds(out, out->len ? ", line " : "line ");
	buf_add(out, number, n);
	buf_adds(out, ": ");
	n = strcspn(what, "\n");
	buf_add(out, what, n > 0 && what[n - 1] == '.' ? n - 1 : n);
	if (str_has_prefix(what, "Error when converting"))
		buf_adds(out, "; if the line is right, give the column another type in the source's options.columns, or options.nullstr");
	else if (strstr(what, "utf-8"))
		buf_adds(out, "; set the source's options.encoding");
	else
		buf_adds(out, "; mend the line, or set the source's options.delim or options.columns");
	return true;
}

/* "Error when sniffing file "x".\nIt was not possible ...\n...\nPossible fixes:\n* ..." */
static bool of_the_sniffer(const char *text, struct buf *out)
{
	static const char start[] = "Error when sniffing file \"", columns[] = "It does not match the number of columns found by the sniffer: ";
	if (!str_has_prefix(text, start))
		return false;
	const char *file = text + strlen(start), *found = strstr(text, columns);
	buf_add(out, file, strcspn(file, "\"\n"));
	if (found) {
		found += strlen(columns);
		buf_adds(out, ": its lines have ");
		buf_add(out, found, strspn(found, "0123456789"));
		buf_adds(out, " fields, which are not as many as options.columns says; mend either");
	} else {
		buf_adds(out, ": its lines cannot be divided into the same fields everywhere (a quote that is not closed, a line with more "
		              "or fewer fields, or another encoding); mend the file, or set the source's options.delim, .columns or .encoding");
	}
	return true;
}

bool duck_csv_error(const char *text, char *out, size_t size)
{
	struct buf b = BUF_INIT(1 << 16);
	bool known = of_a_line(text, &b) || of_the_sniffer(text, &b);
	if (known)
		snprintf(out, size, "%s", buf_cstr(&b));
	buf_free(&b);
	return known;
}
