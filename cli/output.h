/* Listings: rows of named columns, written as a table for people, JSON or CSV for programs.
 *
 * Calling sequence:
 *     struct output out;
 *     output_begin(&out, inv->globals->output, columns);
 *     output_text(&out, name); output_int(&out, rows);          (one call a column, in order)
 *     ...
 *     output_end(&out);
 *
 * JSON is an array with one object a row, its keys the columns' names; CSV quotes as RFC 4180 does, has a
 * head line, and ends lines with a newline alone.
 * Both keep every column and are stable; a table leaves out `detail` columns, and on a terminal shortens text
 * with an ellipsis to fit its width; where even that is too wide, its columns stand below each other. Cells are copied. */
#ifndef STRATA_CLI_OUTPUT_H
#define STRATA_CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"

enum output_format { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_CSV };

struct output_column {
	const char *name; /* the JSON key, in lower case with underscores; NULL ends the list */
	bool right;       /* numbers: aligned to the right */
	bool detail;      /* not in tables */
	const char *help; /* what it says, for docs/CLI.md; lower case, no full stop */
};

enum output_style { STYLE_PLAIN, STYLE_GOOD, STYLE_BAD, STYLE_WARN, STYLE_DIM };

struct output_cell {
	const char *text; /* as the format shows it, where that is not JSON; "" of an absent value */
	const char *json; /* the JSON value */
	enum output_style style;
};

struct output {
	enum output_format format;
	const struct output_column *columns;
	size_t ncolumns, at;  /* at: the next cell's column */
	size_t nrows;
	struct output_cell *cells; size_t ncells, cells_cap;
	struct arena arena;
	FILE *file;
	size_t width;         /* columns of the terminal; 0: no limit */
	bool color;
	bool ascii;           /* the locale has no UTF-8: signs of ours are ASCII */
	unsigned long zoned;  /* a bit for each column with local times: its head names their zone */
	bool verbatim;        /* a table's heads as they are named, not in capitals */
};

/* To stdout, with its terminal's width and colour; a test may change file, width and color afterwards. */
void output_begin(struct output *o, enum output_format format, const struct output_column *columns);
void output_text(struct output *o, const char *text);                          /* NULL: absent, JSON null */
void output_styled(struct output *o, enum output_style style, const char *text); /* as output_text */
void output_int(struct output *o, int64_t value);
/* A number as its text has it, whatever its size; what JSON has no number for ("inf") is text; NULL: absent. */
void output_number(struct output *o, const char *text);
void output_bool(struct output *o, bool value);                                /* yes/no; true/false */
void output_list(struct output *o, const char *const *items, size_t n);        /* "a b"; ["a","b"] */
void output_shown(struct output *o, const char *text, json_t *value);          /* different for people and programs, CSV as JSON; takes `value` */
/* Wall clock, microseconds since 1970: local time, with the zone in the column's head; ISO-8601 in UTC; 0: absent. */
void output_time(struct output *o, int64_t wall_us);
void output_end(struct output *o);

/* Colour only on a terminal and without NO_COLOR. */
bool output_may_color(FILE *file);
size_t output_terminal_width(FILE *file); /* 0: no terminal */
/* A message of ours, with its signs in ASCII where the locale is not UTF-8. */
void output_message(FILE *file, const char *text);
void output_add_message(struct buf *out, const char *text);
/* To stdout, which has failed for good once it fails; why is kept for output_lost. */
void output_write(const void *bytes, size_t n);
void output_flush(void);
/* Whether something of stdout was lost, once all is flushed, but for a reader that has left. *ret_why: an errno, or 0: unknown. */
bool output_lost(int *ret_why);
/* The escape that starts a style, "" without colour; output_style_end() ends any. */
const char *output_style_begin(enum output_style style, bool color);
const char *output_style_end(bool color);

/* One JSON document on stdout, two blanks of indentation, its newline; takes `value`. */
void output_json(json_t *value);
/* An object, or an array of objects, with these fields, null where one is absent: JSON is the document, CSV a line an object,
 * with what is no plain value as JSON in its cell. Takes `value`. */
void output_document(enum output_format format, const struct output_column *fields, json_t *value);

#endif
