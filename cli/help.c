/* Help pages from the tables of commands, topics and options, at a width of 80, or of a terminal that is narrower. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/text.h"
#include "cli/command.h"

enum { WIDEST = 80, NARROWEST = 40, NAME_COLUMN = 27, BELOW = 8, WORD_MAX = 64, LINE_MAX_BYTES = 4096 };

size_t help_width(void)
{
	int64_t columns;
	size_t width = output_terminal_width(stdout);
	if (str_to_i64(getenv("COLUMNS"), &columns) && columns > 0)
		width = (size_t)columns;
	return width == 0 || width > WIDEST ? WIDEST : width < NARROWEST ? NARROWEST : width;
}

/* "  name…   summary", the summary wrapped in its own column, or below the name where there is no room beside it. */
static void entry(struct buf *out, const char *name, const char *summary, size_t width)
{
	size_t before = out->len, column = width < WIDEST - NAME_COLUMN / 2 ? BELOW : NAME_COLUMN;
	buf_addf(out, "  %s", name);
	size_t used = out->len - before;
	if (used + 2 > column) {
		buf_addc(out, '\n');
		used = 0;
	}
	buf_addf(out, "%*s", (int)(column - used), "");
	text_wrap(out, summary, column, column, width);
	buf_addc(out, '\n');
}

/* A line that is laid out: a name, blanks, and what it means. Where it does not fit that goes below the name. */
static void laid_out(struct buf *out, const char *line, size_t width)
{
	size_t name = strspn(line, " ");
	while (line[name] && !(line[name] == ' ' && line[name + 1] == ' '))
		name++;
	const char *rest = line + name + strspn(line + name, " ");
	if (text_width(line) <= width || !*rest) {
		buf_adds(out, line);
		return;
	}
	buf_addf(out, "%.*s\n%*s", (int)name, line, BELOW, "");
	text_wrap(out, rest, BELOW, BELOW, width);
}

/* Paragraphs, each one line of `text`; a line that begins with a blank stays as it is, if it fits. */
static void paragraphs(struct buf *out, const char *text, size_t width)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		char line[4096];
		size_t take = n < sizeof line ? n : sizeof line - 1;
		memcpy(line, text, take);
		line[take] = '\0';
		if (line[0] == ' ' && width < WIDEST)
			laid_out(out, line, width);
		else if (line[0] == ' ')
			buf_adds(out, line);
		else
			text_wrap(out, line, 0, 0, width);
		buf_addc(out, '\n');
		text += n + (text[n] == '\n');
	}
}

static void option_entry(struct buf *out, const struct option *o, size_t width)
{
	char name[WORD_MAX];
	snprintf(name, sizeof name, "%c%c%s--%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
	         o->letter ? ", " : "  ", o->name, o->value ? " " : "", o->value ? o->value : "");
	entry(out, name, o->help, width);
}

static void title(struct buf *out, const char *program, const char *name, const char *summary, size_t width)
{
	size_t before = out->len;
	buf_addf(out, "%s%s: ", program, name);
	text_wrap(out, summary, out->len - before, 0, width);
	buf_adds(out, "\n\n");
}

void help_overview(struct buf *out, size_t width)
{
	text_wrap(out, "strata brings a lakehouse of SQL tables up to date, partition by partition.", 0, 0, width);
	buf_adds(out, "\n\nusage: ");
	text_wrap(out, "strata [-C DIR] [OPTION]... COMMAND [ARGUMENT]...", strlen("usage: "), strlen("usage: "), width);
	buf_addc(out, '\n');
	const char *group = NULL;
	const struct command *c;
	for (size_t i = 0; (c = command_nth(i)); i++) {
		if (!str_eq(group, c->group)) {
			group = c->group;
			buf_addf(out, "\n%s\n", group);
		}
		entry(out, c->name, c->summary, width);
	}
	buf_adds(out, "\nOptions of every command\n");
	for (const struct option *o = global_options; o->name; o++)
		option_entry(out, o, width);
	buf_adds(out, "\nFurther pages of 'strata help'\n");
	for (const struct topic *t = topics; t->name; t++)
		entry(out, t->name, t->summary, width);
}

/* The names only; what each one says is in docs/CLI.md and the man page. */
static void answers(struct buf *out, const struct command *c, size_t width)
{
	for (const struct answer *a = c->answers; a < c->answers + ANSWERS_MAX && a->form; a++) {
		struct buf line = BUF_INIT(LINE_MAX_BYTES);
		if (a == c->answers)
			buf_adds(out, "\nFields of --output json and csv\n");
		buf_addf(&line, "%s%s%s", a->when ? a->when : "", a->when ? ": " : "", a->fields ? "" : "the columns of the query");
		for (const struct output_column *f = a->fields; f && f->name; f++)
			buf_addf(&line, "%s%s", f == a->fields ? "" : ", ", f->name);
		buf_adds(out, "  ");
		text_wrap(out, buf_cstr(&line), 2, 2, width);
		buf_addc(out, '\n');
		buf_free(&line);
	}
}

void help_command(const struct command *c, struct buf *out, size_t width)
{
	title(out, "strata ", c->name, c->summary, width);
	buf_addf(out, "usage: strata %s", c->name);
	if (*c->synopsis) {
		buf_addc(out, ' ');
		size_t at = strlen("usage: strata ") + strlen(c->name) + 1;
		text_wrap(out, c->synopsis, at, at, width);
	}
	buf_addc(out, '\n');
	if (c->details) {
		buf_addc(out, '\n');
		paragraphs(out, c->details, width);
	}
	if (c->options && c->options->name) {
		buf_adds(out, "\nOptions\n");
		for (const struct option *o = c->options; o->name; o++)
			option_entry(out, o, width);
	}
	answers(out, c, width);
	if (c->examples) {
		buf_adds(out, "\nExamples\n");
		for (const char *line = c->examples; *line;) {
			size_t n = strcspn(line, "\n");
			buf_addf(out, "  %.*s\n", (int)n, line);
			line += n + (line[n] == '\n');
		}
	}
	buf_addc(out, '\n');
	text_wrap(out, "'strata help' lists the options of every command.", 0, 0, width);
	buf_addc(out, '\n');
}

void help_topic(const struct topic *t, struct buf *out, size_t width)
{
	title(out, "", t->name, t->summary, width);
	paragraphs(out, t->text, width);
}

bool help_family(const char *word, struct buf *out, size_t width)
{
	bool any = false;
	size_t n = strlen(word);
	for (const struct command *const *c = commands; *c; c++) {
		if (strncmp((*c)->name, word, n) != 0 || (*c)->name[n] != ' ')
			continue;
		if (!any)
			buf_addf(out, "usage: strata %s COMMAND\n\n", word);
		any = true;
		entry(out, (*c)->name, (*c)->summary, width);
	}
	return any;
}
