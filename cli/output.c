/* See output.h. A table needs all its rows before the first line; JSON and CSV go out row by row. */
#include "cli/output.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "scheduler/zone.h"

enum { NARROWEST = 8, GAP = 2, LINE_MAX_BYTES = 1 << 20, TEXT_MAX_BYTES = 64 << 20 };

bool output_may_color(FILE *file)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	return !(no && *no) && isatty(fileno(file)) && !(term && str_eq(term, "dumb"));
}

size_t output_terminal_width(FILE *file)
{
	struct winsize size;
	if (!isatty(fileno(file)))
		return 0;
	return ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

/* As the C library decides, without asking it: which locales are installed makes no difference. */
static bool locale_is_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = getenv(names[i]);
		if (value && *value)
			return strcasestr(value, "UTF-8") || strcasestr(value, "UTF8");
	}
	return false;
}

void output_add_message(struct buf *out, const char *text)
{
	if (locale_is_utf8())
		buf_adds(out, text);
	else
		text_add_spelled(out, text);
}

void output_message(FILE *file, const char *text)
{
	struct buf line = BUF_INIT(TEXT_MAX_BYTES);
	output_add_message(&line, text);
	fputs(buf_cstr(&line), file);
	buf_free(&line);
}

static int why_lost; /* the first errno of stdout, of which a process has one */

static void note_loss(bool failed)
{
	if (failed && !why_lost)
		why_lost = errno;
}

void output_write(const void *bytes, size_t n)
{
	errno = 0;
	note_loss(fwrite(bytes, 1, n, stdout) != n);
}

void output_flush(void)
{
	errno = 0;
	note_loss(fflush(stdout) != 0);
}

bool output_lost(int *ret_why)
{
	struct stat st;
	output_flush();
	bool pipe = fstat(STDOUT_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
	*ret_why = why_lost;
	return ferror(stdout) && why_lost != EPIPE && !(why_lost == 0 && pipe);
}

const char *output_style_begin(enum output_style style, bool color)
{
	static const char *const codes[] = {"", "\033[32m", "\033[31m", "\033[33m", "\033[2m"};
	return color ? codes[style] : "";
}

const char *output_style_end(bool color)
{
	return color ? "\033[0m" : "";
}

void output_begin(struct output *o, enum output_format format, const struct output_column *columns)
{
	*o = (struct output){.format = format, .columns = columns, .file = stdout};
	while (columns[o->ncolumns].name)
		o->ncolumns++;
	o->width = output_terminal_width(stdout);
	o->color = output_may_color(stdout);
	o->ascii = !locale_is_utf8();
}

static void csv_value(FILE *f, const char *text)
{
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, f);
		return;
	}
	fputc('"', f);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', f);
		fputc(*text, f);
	}
	fputc('"', f);
}

/* What is no plain value stands as JSON in its cell. */
static const char *csv_text(struct output *o, json_t *value)
{
	if (!value || json_is_null(value))
		return "";
	if (json_is_string(value))
		return arena_strdup(&o->arena, json_string_value(value));
	char *s = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	const char *kept = arena_strdup(&o->arena, s ? s : "");
	free(s);
	return kept;
}

static void csv_head(struct output *o)
{
	for (size_t c = 0; c < o->ncolumns; c++) {
		if (c)
			fputc(',', o->file);
		csv_value(o->file, o->columns[c].name);
	}
	fputc('\n', o->file);
}

static void json_key(FILE *f, const char *name)
{
	json_t *value = json_string(name);
	char *s = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
	fputs(s ? s : "\"\"", f);
	free(s);
	json_decref(value);
}

/* The row that is complete: out now, unless it belongs to a table. */
static void row_end(struct output *o)
{
	o->at = 0;
	if (o->format == OUTPUT_TABLE) {
		o->nrows++;
		return;
	}
	if (o->format == OUTPUT_JSON)
		fputs(o->nrows ? ",\n  {" : "[\n  {", o->file);
	else if (o->nrows == 0)
		csv_head(o);
	for (size_t c = 0; c < o->ncolumns; c++) {
		if (o->format == OUTPUT_JSON) {
			fputs(c ? ", " : "", o->file);
			json_key(o->file, o->columns[c].name);
			fprintf(o->file, ": %s", o->cells[c].json);
		} else {
			if (c)
				fputc(',', o->file);
			csv_value(o->file, o->cells[c].text);
		}
	}
	fputs(o->format == OUTPUT_JSON ? "}" : "\n", o->file);
	o->nrows++;
	o->ncells = 0;
	arena_free(&o->arena);
}

static void add_cell(struct output *o, struct output_cell cell)
{
	assert(o->at < o->ncolumns);
	if (o->ascii && o->format == OUTPUT_TABLE) {
		struct buf spelled = BUF_INIT(TEXT_MAX_BYTES);
		text_add_spelled(&spelled, cell.text);
		cell.text = arena_strdup(&o->arena, buf_cstr(&spelled));
		buf_free(&spelled);
	}
	MEM_GROW(o->cells, o->ncells, o->cells_cap);
	o->cells[o->ncells++] = cell;
	if (++o->at == o->ncolumns)
		row_end(o);
}

/* Takes `value`. Text that is no UTF-8 has no JSON form; its readable form stands in. */
static const char *dump(struct output *o, json_t *value, const char *text)
{
	if (!value) {
		struct buf clean = BUF_INIT(LINE_MAX_BYTES);
		text_add(&clean, text, SIZE_MAX);
		value = json_string(buf_cstr(&clean));
		buf_free(&clean);
	}
	char *s = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	const char *kept = arena_strdup(&o->arena, s ? s : "null");
	free(s);
	json_decref(value);
	return kept;
}

void output_styled(struct output *o, enum output_style style, const char *text)
{
	struct output_cell cell = {.text = "", .json = "null", .style = style};
	if (text) {
		cell.text = arena_strdup(&o->arena, text);
		if (o->format == OUTPUT_JSON)
			cell.json = dump(o, json_string(text), text);
	}
	add_cell(o, cell);
}

void output_text(struct output *o, const char *text)
{
	output_styled(o, STYLE_PLAIN, text);
}

void output_int(struct output *o, int64_t value)
{
	const char *s = arena_printf(&o->arena, "%" PRId64, value);
	add_cell(o, (struct output_cell){.text = s, .json = s});
}

void output_number(struct output *o, const char *text)
{
	/* Parsed for its grammar alone: the text goes out as it is, with all its digits. */
	json_t *number = text ? json_loads(text, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL) : NULL;
	if (json_is_number(number)) {
		const char *s = arena_strdup(&o->arena, text);
		add_cell(o, (struct output_cell){.text = s, .json = s});
	} else {
		output_text(o, text);
	}
	json_decref(number);
}

void output_bool(struct output *o, bool value)
{
	bool people = o->format == OUTPUT_TABLE;
	add_cell(o, (struct output_cell){.text = people ? (value ? "yes" : "no") : (value ? "true" : "false"),
	                                 .json = value ? "true" : "false"});
}

void output_list(struct output *o, const char *const *items, size_t n)
{
	struct buf text = BUF_INIT(LINE_MAX_BYTES);
	json_t *array = json_array();
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(&text, ' ');
		buf_adds(&text, items[i]);
		json_array_append_new(array, json_string(items[i]));
	}
	if (o->format == OUTPUT_CSV)
		output_text(o, buf_cstr(&text));
	else
		output_shown(o, buf_cstr(&text), json_incref(array));
	json_decref(array);
	buf_free(&text);
}

void output_shown(struct output *o, const char *text, json_t *value)
{
	struct output_cell cell = {.text = arena_strdup(&o->arena, text), .json = "null"};
	if (o->format == OUTPUT_CSV)
		cell.text = csv_text(o, value);
	if (o->format == OUTPUT_JSON)
		cell.json = dump(o, value, text);
	else
		json_decref(value);
	add_cell(o, cell);
}

void output_time(struct output *o, int64_t wall_us)
{
	char text[32], iso[CLOCK_ISO_SIZE];
	time_t t = (time_t)(wall_us / 1000000);
	struct tm tm;
	if (!wall_us) {
		output_text(o, NULL);
		return;
	}
	localtime_r(&t, &tm);
	strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
	o->zoned |= 1ul << o->at;
	output_shown(o, text, json_string(clock_iso(iso, wall_us)));
}

/* Takes columns from the widest shown one until the line fits; false: none can give any more. */
static bool shrink(const struct output *o, size_t *widths)
{
	for (;;) {
		size_t total = 0, widest = SIZE_MAX;
		for (size_t c = 0; c < o->ncolumns; c++) {
			if (o->columns[c].detail)
				continue;
			total += widths[c] + GAP;
			if (!o->columns[c].right && (widest == SIZE_MAX || widths[c] > widths[widest]))
				widest = c;
		}
		if (total <= o->width + GAP)
			return true;
		if (widest == SIZE_MAX || widths[widest] <= NARROWEST)
			return false;
		size_t over = total - o->width - GAP, most = widths[widest] - NARROWEST;
		/* a step at a time, so that two wide columns share the loss */
		size_t step = over < 4 ? over : 4;
		widths[widest] -= step < most ? step : most;
	}
}

static size_t add_cut(const struct output *o, struct buf *line, const char *text, size_t most)
{
	return text_cut(line, text, most, o->ascii ? "~" : "…");
}

static void table_line(const struct output *o, const size_t *widths, const struct output_cell *row)
{
	struct buf line = BUF_INIT(LINE_MAX_BYTES);
	size_t pending = 0; /* blanks owed: none trail */
	for (size_t c = 0; c < o->ncolumns; c++) {
		if (o->columns[c].detail)
			continue;
		struct buf cell = BUF_INIT(LINE_MAX_BYTES);
		size_t used = add_cut(o, &cell, row[c].text, widths[c]);
		size_t pad = widths[c] - used;
		size_t before = pending + (o->columns[c].right ? pad : 0);
		pending = (used ? GAP : before + GAP) + (o->columns[c].right ? 0 : pad);
		if (used) {
			const char *begin = output_style_begin(row[c].style, o->color);
			buf_addf(&line, "%*s%s%s%s", (int)before, "", begin, buf_cstr(&cell),
			         *begin ? output_style_end(o->color) : "");
		}
		buf_free(&cell);
	}
	fputs(buf_cstr(&line), o->file);
	fputc('\n', o->file);
	buf_free(&line);
}

/* A terminal too narrow for the columns has them below each other, and a line between rows. */
static void record_lines(const struct output *o, const struct output_cell *head, const struct output_cell *row)
{
	size_t name_width = 0;
	for (size_t c = 0; c < o->ncolumns; c++) {
		size_t width = o->columns[c].detail ? 0 : text_width(head[c].text);
		name_width = width > name_width ? width : name_width;
	}
	if (name_width > o->width / 2)
		name_width = o->width / 2;
	for (size_t c = 0; c < o->ncolumns; c++) {
		struct buf line = BUF_INIT(LINE_MAX_BYTES);
		if (o->columns[c].detail || !*row[c].text)
			continue;
		const char *begin = output_style_begin(row[c].style, o->color);
		size_t used = add_cut(o, &line, head[c].text, name_width);
		buf_addf(&line, "%*s%s", (int)(name_width - used + GAP), "", begin);
		add_cut(o, &line, row[c].text, o->width - name_width - GAP);
		fprintf(o->file, "%s%s\n", buf_cstr(&line), *begin ? output_style_end(o->color) : "");
		buf_free(&line);
	}
}

static void table_end(struct output *o)
{
	size_t *widths = mem_array(o->ncolumns, sizeof *widths);
	struct output_cell *head = mem_array(o->ncolumns, sizeof *head);
	for (size_t c = 0; c < o->ncolumns; c++) {
		char *name = arena_strdup(&o->arena, o->columns[c].name);
		for (char *p = name; *p && !o->verbatim; p++)
			*p = *p == '_' ? ' ' : (char)toupper((unsigned char)*p);
		if (o->zoned >> c & 1)
			name = arena_printf(&o->arena, "%s (%s)", name, zone_name());
		head[c] = (struct output_cell){.text = name, .style = STYLE_DIM};
		widths[c] = text_width(name);
	}
	for (size_t i = 0; i < o->ncells; i++) {
		size_t width = text_width(o->cells[i].text), c = i % o->ncolumns;
		if (width > widths[c])
			widths[c] = width;
	}
	bool fits = !o->width || shrink(o, widths);
	if (o->nrows && fits)
		table_line(o, widths, head);
	for (size_t r = 0; r < o->nrows; r++) {
		const struct output_cell *row = o->cells + r * o->ncolumns;
		if (fits) {
			table_line(o, widths, row);
			continue;
		}
		if (r)
			fputc('\n', o->file);
		record_lines(o, head, row);
	}
	free(widths);
	free(head);
}

void output_end(struct output *o)
{
	assert(o->at == 0);
	if (o->format == OUTPUT_TABLE)
		table_end(o);
	else if (o->format == OUTPUT_JSON)
		fputs(o->nrows ? "\n]\n" : "[]\n", o->file);
	else if (o->nrows == 0)
		csv_head(o);
	free(o->cells);
	arena_free(&o->arena);
}

void output_json(json_t *value)
{
	char *s = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);
	puts(s ? s : "null");
	free(s);
	json_decref(value);
}

static void document_cell(struct output *o, json_t *value)
{
	output_text(o, csv_text(o, value));
}

void output_document(enum output_format format, const struct output_column *fields, json_t *value)
{
	struct output out;
	size_t n = json_is_array(value) ? json_array_size(value) : 1;
	output_begin(&out, format, fields);
	for (size_t i = 0; i < n; i++) {
		json_t *object = json_is_array(value) ? json_array_get(value, i) : value;
		for (const struct output_column *f = fields; f->name; f++) {
			if (format == OUTPUT_JSON && !json_object_get(object, f->name))
				json_object_set_new(object, f->name, json_null());
			else if (format != OUTPUT_JSON)
				document_cell(&out, json_object_get(object, f->name));
		}
	}
	if (format == OUTPUT_JSON) {
		output_json(value);
		return;
	}
	output_end(&out);
	json_decref(value);
}
