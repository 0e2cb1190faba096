/* See pages.h. */
#include "cli/pages.h"

#include <string.h>

#include "base/str.h"

enum { INDENT = 2 };

bool pages_line(const char **text, struct arena *arena, const char **ret_word, const char **ret_rest)
{
	if (!**text)
		return false;
	size_t n = strcspn(*text, "\n");
	const char *line = arena_strndup(arena, *text, n);
	*text += n + ((*text)[n] == '\n');
	*ret_word = NULL;
	*ret_rest = line;
	if (!str_has_prefix(line, "  "))
		return true;
	line += INDENT;
	const char *gap = strstr(line, "  ");
	*ret_word = gap ? arena_strndup(arena, line, (size_t)(gap - line)) : line;
	*ret_rest = gap ? gap + strspn(gap, " ") : "";
	return true;
}

static const char *form_of(const struct answer *a)
{
	switch (a->form) {
	case ANSWER_OBJECT: return "JSON is one object, CSV one line.";
	case ANSWER_QUERY: return "The rows of the query, with its own columns: JSON is an array of objects, CSV a line each.";
	default: return "JSON is an array of objects, CSV a line each.";
	}
}

/* A cell of a table: a bar would end it. */
static void cell(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '|')
			buf_addc(out, '\\');
		buf_addc(out, *s);
	}
}

static void markdown_option(const struct option *o, struct buf *out)
{
	buf_adds(out, "| `");
	if (o->letter)
		buf_addf(out, "-%c`, `", o->letter);
	buf_addf(out, "--%s%s%s` | ", o->name, o->value ? " " : "", o->value ? o->value : "");
	cell(out, o->help);
	buf_addf(out, "%s |\n", o->repeat ? "; may be repeated" : "");
}

static void markdown_options(const struct option *options, struct buf *out)
{
	buf_adds(out, "\n| option | |\n|---|---|\n");
	for (const struct option *o = options; o->name; o++)
		markdown_option(o, out);
}

static void markdown_text(const char *text, struct buf *out)
{
	struct arena arena = {0};
	const char *word, *rest;
	bool in_table = false;
	while (pages_line(&text, &arena, &word, &rest)) {
		if (word && !in_table)
			buf_adds(out, "| | |\n|---|---|\n");
		in_table = word != NULL;
		if (word)
			buf_addf(out, "| `%s` | ", word);
		if (word) {
			cell(out, rest);
			buf_adds(out, " |\n");
		} else {
			buf_addf(out, "%s\n", rest);
		}
	}
	arena_free(&arena);
}

static void markdown_answers(const struct command *c, struct buf *out)
{
	for (const struct answer *a = c->answers; a < c->answers + ANSWERS_MAX && a->form; a++) {
		buf_addf(out, "\n`--output json|csv`%s%s: %s\n", a->when ? ", " : "", a->when ? a->when : "", form_of(a));
		if (!a->fields)
			continue;
		buf_adds(out, "\n| field | |\n|---|---|\n");
		for (const struct output_column *f = a->fields; f->name; f++) {
			buf_addf(out, "| `%s` | ", f->name);
			cell(out, f->help ? f->help : "");
			buf_adds(out, " |\n");
		}
	}
	if (!c->answers[0].form)
		buf_adds(out, "\nIt has nothing for `--output json|csv`, which it refuses.\n");
}

static void markdown_command(const struct command *c, struct buf *out)
{
	buf_addf(out, "\n### strata %s\n\n%c%s.\n\n```\nstrata %s%s%s\n```\n", c->name, c->summary[0] - ('a' <= c->summary[0] && c->summary[0] <= 'z' ? 'a' - 'A' : 0),
	         c->summary + 1, c->name, *c->synopsis ? " " : "", c->synopsis);
	if (c->details) {
		buf_addc(out, '\n');
		markdown_text(c->details, out);
	}
	if (c->options && c->options->name)
		markdown_options(c->options, out);
	markdown_answers(c, out);
	if (c->examples)
		buf_addf(out, "\n```sh\n%s\n```\n", c->examples);
}

void pages_markdown(struct buf *out)
{
	const char *group = NULL;
	buf_adds(out, "# The command line\n\n"
	              "`strata [-C DIR] [OPTION]... COMMAND [ARGUMENT]...`. This page is made from the same table as `strata help`, the man\n"
	              "pages (`man strata-run`) and the completion of the shells (`strata help completion`).\n"
	              "\n## Options of every command\n");
	markdown_options(global_options, out);
	for (const struct topic *t = topics; t->name; t++) {
		buf_addf(out, "\n## %c%s: %s\n\n", t->name[0] - ('a' - 'A'), t->name + 1, t->summary);
		markdown_text(t->text, out);
	}
	const struct command *c;
	for (size_t i = 0; (c = command_nth(i)); i++) {
		if (!str_eq(group, c->group)) {
			group = c->group;
			buf_addf(out, "\n## %s\n", group);
		}
		markdown_command(c, out);
	}
}
