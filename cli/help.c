/* Help pages from the tables of commands, topics and options, at a fixed width so that they are the same
 * everywhere and a test can compare them. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/command.h"
#include "base/text.h"

enum { HELP_WIDTH = 80, NAME_COLUMN = 27, WORD_MAX = 64, LINE_MAX_BYTES = 4096 };

/* "  name…   summary", the summary wrapped in its own column. */
static void entry(struct buf *out, const char *name, const char *summary)
{
	size_t before = out->len;
	buf_addf(out, "  %s", name);
	size_t used = out->len - before;
	if (used + 2 > NAME_COLUMN) {
		buf_addc(out, '\n');
		used = 0;
	}
	buf_addf(out, "%*s", (int)(NAME_COLUMN - used), "");
	text_wrap(out, summary, NAME_COLUMN, NAME_COLUMN, HELP_WIDTH);
	buf_addc(out, '\n');
}

/* Paragraphs, each one line of `text`; a line that begins with a blank stays as it is. */
static void paragraphs(struct buf *out, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		char line[4096];
		size_t take = n < sizeof line ? n : sizeof line - 1;
		memcpy(line, text, take);
		line[take] = '\0';
		if (line[0] == ' ')
			buf_adds(out, line);
		else
			text_wrap(out, line, 0, 0, HELP_WIDTH);
		buf_addc(out, '\n');
		text += n + (text[n] == '\n');
	}
}

static void option_entry(struct buf *out, const struct option *o)
{
	char name[WORD_MAX];
	snprintf(name, sizeof name, "%c%c%s--%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
	         o->letter ? ", " : "  ", o->name, o->value ? " " : "", o->value ? o->value : "");
	entry(out, name, o->help);
}

void help_overview(struct buf *out)
{
	buf_adds(out, "strata brings a lakehouse of SQL tables up to date, partition by partition.\n\n"
	              "usage: strata [-C DIR] [OPTION]... COMMAND [ARGUMENT]...\n");
	const char *group = NULL;
	const struct command *c;
	for (size_t i = 0; (c = command_nth(i)); i++) {
		if (!str_eq(group, c->group)) {
			group = c->group;
			buf_addf(out, "\n%s\n", group);
		}
		entry(out, c->name, c->summary);
	}
	buf_adds(out, "\nOptions of every command\n");
	for (const struct option *o = global_options; o->name; o++)
		option_entry(out, o);
	buf_adds(out, "\nFurther pages of 'strata help'\n");
	for (const struct topic *t = topics; t->name; t++)
		entry(out, t->name, t->summary);
}

/* The names only; what each one says is in docs/CLI.md and the man page. */
static void answers(struct buf *out, const struct command *c)
{
	for (const struct answer *a = c->answers; a < c->answers + ANSWERS_MAX && a->form; a++) {
		struct buf line = BUF_INIT(LINE_MAX_BYTES);
		if (a == c->answers)
			buf_adds(out, "\nFields of --output json and csv\n");
		buf_addf(&line, "%s%s%s", a->when ? a->when : "", a->when ? ": " : "", a->fields ? "" : "the columns of the query");
		for (const struct output_column *f = a->fields; f && f->name; f++)
			buf_addf(&line, "%s%s", f == a->fields ? "" : ", ", f->name);
		buf_adds(out, "  ");
		text_wrap(out, buf_cstr(&line), 2, 2, HELP_WIDTH);
		buf_addc(out, '\n');
		buf_free(&line);
	}
}

void help_command(const struct command *c, struct buf *out)
{
	buf_addf(out, "strata %s: %s\n\n", c->name, c->summary);
	buf_addf(out, "usage: strata %s", c->name);
	if (*c->synopsis) {
		buf_addc(out, ' ');
		size_t at = strlen("usage: strata ") + strlen(c->name) + 1;
		text_wrap(out, c->synopsis, at, at, HELP_WIDTH);
	}
	buf_addc(out, '\n');
	if (c->details) {
		buf_addc(out, '\n');
		paragraphs(out, c->details);
	}
	if (c->options && c->options->name) {
		buf_adds(out, "\nOptions\n");
		for (const struct option *o = c->options; o->name; o++)
			option_entry(out, o);
	}
	answers(out, c);
	if (c->examples) {
		buf_adds(out, "\nExamples\n");
		for (const char *line = c->examples; *line;) {
			size_t n = strcspn(line, "\n");
			buf_addf(out, "  %.*s\n", (int)n, line);
			line += n + (line[n] == '\n');
		}
	}
	buf_adds(out, "\n'strata help' lists the options of every command.\n");
}

void help_topic(const struct topic *t, struct buf *out)
{
	buf_addf(out, "%s: %s\n\n", t->name, t->summary);
	paragraphs(out, t->text);
}

bool help_family(const char *word, struct buf *out)
{
	bool any = false;
	size_t n = strlen(word);
	for (const struct command *const *c = commands; *c; c++) {
		if (strncmp((*c)->name, word, n) != 0 || (*c)->name[n] != ' ')
			continue;
		if (!any)
			buf_addf(out, "usage: strata %s COMMAND\n\n", word);
		any = true;
		entry(out, (*c)->name, (*c)->summary);
	}
	return any;
}
