/* See dialect.h. */
#include "executor/dialect.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/str.h"

enum { CHUNK = 1 << 18 };

/* Delimiters of one line outside of quotes; *ret_end is its end. -1: the line does not end in the text. */
static int count(const char *p, const char *end, char delim, const char **ret_end)
{
	int n = 0;
	bool quoted = false;
	for (; p < end; p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (*p == delim && !quoted)
			n++;
		else if (*p == '\n' && !quoted)
			break;
	}
	*ret_end = p;
	return p < end ? n : -1;
}

/* The one candidate that the header has most of and the next line has as often. */
static char find_delim(const char *text, size_t n)
{
	char best = '\0';
	int most = 0;
	for (const char *c = ",;\t|"; *c; c++) {
		const char *line, *end = text + n;
		int header = count(text, end, *c, &line);
		if (header > most) {
			most = header;
			best = count(line + 1, end, *c, &line) == header ? *c : '\0';
		} else if (header == most && header > 0) {
			best = '\0';
		}
	}
	return best;
}

/* A backslash anywhere, or a ' at the start of a field, may be another way to quote. */
static bool suspicious(const char *text, size_t n, char before, char delim)
{
	if (memchr(text, '\\', n))
		return true;
	for (const char *p = text; (p = memchr(p, '\'', n - (size_t)(p - text))) != NULL; p++) {
		char left = p > text ? p[-1] : before;
		if (left == delim || left == '\n')
			return true;
	}
	return false;
}

bool dialect_plain(const char *path, const char *delim, char *found)
{
	static char text[CHUNK];
	size_t length = strlen(path);
	if (length < 4 || strcasecmp(path + length - 4, ".csv") != 0 || (delim && strlen(delim) != 1))
		return false;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof text);
	char here = delim ? delim[0] : n > 0 ? find_delim(text, (size_t)n) : '\0';
	bool plain = here && (!*found || *found == here);
	char before = '\n';
	for (; plain && n > 0; n = read(fd, text, sizeof text)) {
		plain = !suspicious(text, (size_t)n, before, here);
		before = text[n - 1];
	}
	close(fd);
	*found = here;
	return plain && n == 0;
}
