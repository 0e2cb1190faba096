/* Man pages from the tables (pages.h), in the language of man(7). */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "base/text.h"
#include "cli/pages.h"

enum { PAGE_MAX = 1 << 20, NAME_SIZE = 64, LINE_WIDTH = 78 };

/* The code point of a piece of UTF-8 of more than one byte. */
static unsigned code_point(const unsigned char *s, size_t n)
{
	unsigned code = s[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++)
		code = code << 6 | (s[i] & 0x3fu);
	return code;
}

/* Text that roff leaves as it is: no request at a line's start, hyphens that can be pasted into a shell. */
static void add(struct buf *out, const char *s)
{
	if (*s == '.' || *s == '\'')
		buf_adds(out, "\\&");
	while (*s) {
		struct text_piece piece;
		size_t n = text_next(s, &piece);
		if (n > 1)
			buf_addf(out, "\\[u%04X]", code_point((const unsigned char *)s, n));
		else if (*s == '\\')
			buf_adds(out, "\\e");
		else if (*s == '-')
			buf_adds(out, "\\-");
		else if (*s == '\'')
			buf_adds(out, "\\(aq");
		else if (*s == '"')
			buf_adds(out, "\\(dq");
		else if (*s == '~')
			buf_adds(out, "\\(ti");
		else if (*s == '^')
			buf_adds(out, "\\(ha");
		else if (*s == '`')
			buf_adds(out, "\\(ga");
		else
			buf_addc(out, *s);
		s += n;
	}
}

/* The same as lines of moderate length, each begun as add() begins one. */
static void prose(struct buf *out, const char *s)
{
	struct arena arena = {0};
	size_t used = 0;
	while (*s) {
		struct buf word = BUF_INIT(PAGE_MAX);
		size_t n = strcspn(s, " ");
		add(&word, arena_strndup(&arena, s, n));
		bool wraps = used && used + 1 + word.len > LINE_WIDTH;
		if (used)
			buf_addc(out, wraps ? '\n' : ' ');
		used = wraps ? word.len : used + (used > 0) + word.len;
		buf_adds(out, buf_cstr(&word));
		buf_free(&word);
		s += n + strspn(s + n, " ");
	}
	buf_addc(out, '\n');
	arena_free(&arena);
}

/* ".TP", the word in bold, what it says. */
static void pair(struct buf *out, const char *word, const char *says)
{
	buf_adds(out, ".TP\n.B ");
	add(out, word);
	buf_addc(out, '\n');
	if (*says)
		prose(out, says);
	else
		buf_adds(out, "\\&\n");
}

static void section(struct buf *out, const char *name)
{
	buf_addf(out, ".SH %s\n", name);
}

/* Paragraphs and pairs. At a section's start no break is due. */
static void text(struct buf *out, const char *s)
{
	struct arena arena = {0};
	const char *word, *rest;
	bool due = false, in_pairs = false;
	while (pages_line(&s, &arena, &word, &rest)) {
		if (word) {
			pair(out, word, rest);
		} else if (!*rest) {
			due = true;
			continue;
		} else {
			if (due || in_pairs)
				buf_adds(out, ".PP\n");
			prose(out, rest);
		}
		due = false;
		in_pairs = word != NULL;
	}
	arena_free(&arena);
}

static void options(struct buf *out, const struct option *o)
{
	for (; o->name; o++) {
		char name[NAME_SIZE], letter[8] = "";
		if (o->letter)
			snprintf(letter, sizeof letter, "-%c, ", o->letter);
		snprintf(name, sizeof name, "%s--%s%s%s", letter, o->name, o->value ? " " : "", o->value ? o->value : "");
		pair(out, name, o->help);
	}
}

static void examples(struct buf *out, const char *lines)
{
	section(out, "EXAMPLES");
	buf_adds(out, ".nf\n");
	while (*lines) {
		char line[1024];
		size_t n = strcspn(lines, "\n");
		snprintf(line, sizeof line, "%.*s", (int)n, lines);
		add(out, line);
		buf_addc(out, '\n');
		lines += n + (lines[n] == '\n');
	}
	buf_adds(out, ".fi\n");
}

/* "strata-db-start", and in capitals for the head. */
static const char *page_name(const struct command *c, char out[NAME_SIZE], bool capitals)
{
	snprintf(out, NAME_SIZE, "strata-%s", c->name);
	for (char *p = out; *p; p++) {
		if (*p == ' ')
			*p = '-';
		else if (capitals && *p >= 'a' && *p <= 'z')
			*p = (char)(*p - ('a' - 'A'));
	}
	return out;
}

static void head(struct buf *out, const char *name, const char *capitals, const char *summary)
{
	buf_adds(out, ".\\\" Made from the table of commands; see cli/man.c.\n.TH ");
	add(out, capitals);
	buf_adds(out, " 1 " STRATA_RELEASED " \"strata " STRATA_VERSION "\" \"strata\"\n");
	section(out, "NAME");
	add(out, name);
	buf_adds(out, " \\- ");
	add(out, summary);
	buf_addc(out, '\n');
}

static void one_topic(struct buf *out, const char *name, const char *title)
{
	for (const struct topic *t = topics; t->name; t++) {
		if (!str_eq(t->name, name))
			continue;
		section(out, title);
		text(out, t->text);
	}
}

static void answers(struct buf *out, const struct command *c)
{
	if (!c->answers[0].form)
		return;
	section(out, "OUTPUT FOR PROGRAMS");
	for (const struct answer *a = c->answers; a < c->answers + ANSWERS_MAX && a->form; a++) {
		if (a > c->answers)
			buf_adds(out, ".PP\n");
		if (a->form == ANSWER_QUERY) {
			prose(out, "With --output json or csv: the rows, with the query's own columns.");
			continue;
		}
		add(out, "With --output json or csv");
		if (a->when) {
			buf_adds(out, ", ");
			add(out, a->when);
		}
		add(out, a->form == ANSWER_OBJECT ? ": an object." : ": an array of objects.");
		buf_addc(out, '\n');
		for (const struct output_column *f = a->fields; f->name; f++)
			pair(out, f->name, f->help ? f->help : "");
	}
}

void pages_man_command(const struct command *c, struct buf *out)
{
	char name[NAME_SIZE], capitals[NAME_SIZE];
	head(out, page_name(c, name, false), page_name(c, capitals, true), c->summary);
	section(out, "SYNOPSIS");
	buf_adds(out, ".B strata ");
	add(out, c->name);
	buf_addc(out, '\n');
	if (*c->synopsis) {
		add(out, c->synopsis);
		buf_addc(out, '\n');
	}
	if (c->details) {
		section(out, "DESCRIPTION");
		text(out, c->details);
	}
	if (c->options && c->options->name) {
		section(out, "OPTIONS");
		options(out, c->options);
		buf_adds(out, ".PP\nThe options of every command are in\n.BR strata (1).\n");
	}
	answers(out, c);
	one_topic(out, "exit", "EXIT STATUS");
	if (c->examples)
		examples(out, c->examples);
	section(out, "SEE ALSO");
	buf_adds(out, ".BR strata (1)\n");
}

void pages_man(struct buf *out)
{
	const struct command *c;
	const char *group = NULL;
	head(out, "strata", "STRATA", "bring a lakehouse of SQL tables up to date, partition by partition");
	section(out, "SYNOPSIS");
	buf_adds(out, ".B strata\n");
	add(out, "[-C DIR] [OPTION]... COMMAND [ARGUMENT]...");
	buf_adds(out, "\n");
	section(out, "DESCRIPTION");
	prose(out, "A project is a folder of SQL files, one a table. strata finds out who reads whom, builds what is not up to date in that "
	           "order, and publishes each partition as a whole or not at all.");
	section(out, "COMMANDS");
	for (size_t i = 0; (c = command_nth(i)); i++) {
		if (!str_eq(group, c->group)) {
			group = c->group;
			buf_adds(out, ".SS ");
			add(out, group);
			buf_addc(out, '\n');
		}
		char name[NAME_SIZE];
		buf_adds(out, ".TP\n.BR ");
		add(out, page_name(c, name, false));
		buf_adds(out, " (1)\n");
		add(out, c->summary);
		buf_addc(out, '\n');
	}
	section(out, "OPTIONS");
	options(out, global_options);
	for (const struct topic *t = topics; t->name; t++) {
		char title[NAME_SIZE];
		size_t n = 0;
		for (; n < sizeof title - 1 && t->name[n]; n++)
			title[n] = (char)(t->name[n] - ('a' - 'A'));
		title[n] = '\0';
		one_topic(out, t->name, str_eq(t->name, "exit") ? "EXIT STATUS" : title);
	}
	section(out, "SEE ALSO");
	buf_adds(out, ".BR strata\\-run (1),\n.BR strata\\-plan (1),\n.BR strata\\-scheduler (1)\n");
}

static int write_page(const char *dir, const char *name, const struct buf *page, struct err *err)
{
	char path[PATH_MAX], file[NAME_SIZE + 4];
	snprintf(file, sizeof file, "%s.1", name);
	if (!path_join(path, sizeof path, dir, file))
		return err_set(err, ERR_USAGE, "'%s' is too long for a path", dir);
	return file_replace(AT_FDCWD, path, page->data, page->len, 0644, err);
}

int pages_man_write(const char *dir, struct err *err)
{
	struct buf page = BUF_INIT(PAGE_MAX);
	const struct command *c;
	pages_man(&page);
	int rc = write_page(dir, "strata", &page, err);
	for (size_t i = 0; rc == 0 && (c = command_nth(i)); i++) {
		char name[NAME_SIZE];
		buf_clear(&page);
		pages_man_command(c, &page);
		rc = write_page(dir, page_name(c, name, false), &page, err);
	}
	buf_free(&page);
	return rc;
}
