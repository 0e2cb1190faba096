/* See log.h. A line is built whole and written with one write(), so that processes which share
 * stderr never mix their lines. */
#include "base/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"

static enum log_level least_level = LOG_WARN;
static enum log_format line_format = LOG_TEXT;
static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_setup(enum log_level least, enum log_format format)
{
	least_level = least;
	line_format = format;
}

bool log_enabled(enum log_level level)
{
	return level >= least_level;
}

const char *log_int(char out[24], int64_t value)
{
	snprintf(out, 24, "%" PRId64, value);
	return out;
}

static void add_json_string(struct buf *b, const char *s)
{
	buf_addc(b, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			buf_addf(b, "\\%c", c);
		else if (c < 0x20)
			buf_addf(b, "\\u%04x", c);
		else
			buf_addc(b, (char)c);
	}
	buf_addc(b, '"');
}

static void add_text_value(struct buf *b, const char *s)
{
	if (*s && !strpbrk(s, " \t\n\"="))
		buf_adds(b, s);
	else
		add_json_string(b, s);
}

/* A key that a line has already would hide what it means from whoever parses it. */
static bool is_of_every_line(const char *name)
{
	return strcmp(name, "ts") == 0 || strcmp(name, "level") == 0 || strcmp(name, "event") == 0;
}

static void add_field(struct buf *b, const char *name, const char *value)
{
	bool number = name[0] == '#';
	if (number)
		name++;
	assert(!is_of_every_line(name));
	if (line_format == LOG_TEXT) {
		buf_addf(b, " %s=", name);
		add_text_value(b, value);
		return;
	}
	buf_addc(b, ',');
	add_json_string(b, name);
	buf_addc(b, ':');
	if (number)
		buf_adds(b, value);
	else
		add_json_string(b, value);
}

void log_event(enum log_level level, const char *event, ...)
{
	if (!log_enabled(level))
		return;
	struct buf b = BUF_INIT(1 << 16);
	char ts[CLOCK_ISO_SIZE];
	clock_iso(ts, clock_wall_us());
	if (line_format == LOG_TEXT)
		buf_addf(&b, "%s %-5s %s", ts, level_names[level], event);
	else
		buf_addf(&b, "{\"ts\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", ts, level_names[level], event);
	va_list ap;
	va_start(ap, event);
	const char *name;
	while ((name = va_arg(ap, const char *))) {
		const char *value = va_arg(ap, const char *);
		add_field(&b, name, value ? value : "");
	}
	va_end(ap);
	buf_adds(&b, line_format == LOG_TEXT ? "\n" : "}\n");
	(void)file_write_all(STDERR_FILENO, b.data, b.len);
	buf_free(&b);
}
