/* See complete.h: the words of a command line that may be wrong or not whole, and what the tables know. */
#include "cli/complete.h"

#include <string.h>

#include "base/str.h"

static const struct option no_options[] = {{0}};

static const struct option *find_long(const struct cursor *c, const char *name, size_t n)
{
	const struct option *const tables[] = {c->command && c->command->options ? c->command->options : no_options, global_options, NULL};
	return option_find(tables, name, n);
}

static const struct option *find_letter(const struct cursor *c, char letter)
{
	const struct option *const tables[] = {c->command && c->command->options ? c->command->options : no_options, global_options, NULL};
	return option_find_letter(tables, letter);
}

/* What the words say that decides where names come from. */
static void note(struct cursor *c, const struct option *o, const char *value)
{
	if (str_eq(o->name, "dir"))
		c->dir = value;
	else if (str_eq(o->name, "lake"))
		c->lake = value;
	else if (str_eq(o->name, "db"))
		c->db = value;
}

/* An option before the cursor; returns the one whose value is the next word. */
static const struct option *read_option(struct cursor *c, const char *word)
{
	if (word[1] == '-') {
		const char *name = word + 2, *equals = strchr(name, '=');
		const struct option *o = find_long(c, name, equals ? (size_t)(equals - name) : strlen(name));
		if (o && o->value && equals)
			note(c, o, equals + 1);
		return o && o->value && !equals ? o : NULL;
	}
	for (const char *p = word + 1; *p; p++) {
		const struct option *o = find_letter(c, *p);
		if (!o || !o->value)
			continue;
		if (p[1])
			note(c, o, p + 1);
		return p[1] ? NULL : o;
	}
	return NULL;
}

static bool is_family(const char *word)
{
	const struct command *c;
	size_t n = strlen(word);
	for (size_t i = 0; (c = command_nth(i)); i++) {
		if (strncmp(c->name, word, n) == 0 && c->name[n] == ' ')
			return true;
	}
	return false;
}

/* A word that is no option: a command's name, or an operand. */
static void read_word(struct cursor *c, const char *word, const char **operands)
{
	const char *const pair[] = {c->family ? c->family : word, word};
	size_t used = 0;
	const struct command *found = c->noperands ? NULL : command_find(pair, c->family ? 2 : 1, &used);
	bool second = c->family && used == 2;
	if (second || (!c->command && !c->family && found)) {
		c->command = found;
		c->family = second || !is_family(word) ? NULL : word;
	} else if (!c->command && !c->family && is_family(word)) {
		c->family = word;
	} else { /* also a name that no command has: what comes after it is nobody's */
		c->family = NULL;
		operands[c->noperands++] = word;
	}
}

void cursor_read(const char *const *words, size_t n, struct arena *arena, struct cursor *ret)
{
	struct cursor c = {.word = n ? words[n - 1] : ""};
	const char **operands = arena_array(arena, n + 1, sizeof *operands);
	c.operands = operands;
	for (size_t i = 0; i + 1 < n; i++) {
		if (c.value_of) {
			note(&c, c.value_of, words[i]);
			c.value_of = NULL;
		} else if (!c.ended && str_eq(words[i], "--")) {
			c.ended = true;
		} else if (!c.ended && words[i][0] == '-' && words[i][1]) {
			c.value_of = read_option(&c, words[i]);
		} else {
			read_word(&c, words[i], operands);
		}
	}
	c.start = c.word;
	const char *equals = strchr(c.word, '=');
	if (!c.value_of && !c.ended && equals && str_has_prefix(c.word, "--")) {
		const struct option *o = find_long(&c, c.word + 2, (size_t)(equals - c.word) - 2);
		c.value_of = o && o->value ? o : NULL;
		c.start = equals + 1;
	}
	*ret = c;
}

void complete_add(const struct cursor *c, const char *before, const char *word, const char *what, struct buf *out)
{
	size_t typed = strlen(c->start), n = strlen(before);
	/* `before` was taken from what is typed. */
	if (typed < n || strncmp(word, c->start + n, typed - n) != 0)
		return;
	buf_addf(out, "%.*s%s%s\t%s\n", (int)(c->start - c->word), c->word, before, word, what);
}

static void complete_options(const struct cursor *c, const struct option *o, struct buf *out)
{
	for (; o->name; o++) {
		char name[64];
		snprintf(name, sizeof name, "--%s", o->name);
		complete_add(c, "", name, o->help, out);
	}
}

static void complete_value(const struct cursor *c, struct buf *out)
{
	static const struct {
		const char *value;
		unsigned completes;
	} kinds[] = {{"DIR", COMPLETES_FOLDER}, {"PATH", COMPLETES_FILE}, {"FILE", COMPLETES_FILE}, {"SELECT", COMPLETES_SELECTION}, {"TABLE", COMPLETES_TABLE}};
	for (const char *const *w = c->value_of->words; w && *w; w++)
		complete_add(c, "", *w, c->value_of->help, out);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !c->value_of->words; i++) {
		if (str_eq(c->value_of->value, kinds[i].value))
			complete_names(c, kinds[i].completes, out);
	}
}

/* Names of commands, a word at a time: after "db" its second words, else first words, "db" once. */
static void complete_commands(const struct cursor *c, struct buf *out)
{
	const struct command *command;
	char last[64] = "";
	for (size_t i = 0; (command = command_nth(i)); i++) {
		const char *blank = strchr(command->name, ' ');
		size_t n = blank ? (size_t)(blank - command->name) : strlen(command->name);
		if (c->family) {
			if (blank && strlen(c->family) == n && strncmp(command->name, c->family, n) == 0)
				complete_add(c, "", blank + 1, command->summary, out);
			continue;
		}
		char first[64];
		snprintf(first, sizeof first, "%.*s", (int)n, command->name);
		if (!str_eq(first, last))
			complete_add(c, "", first, blank ? "..." : command->summary, out);
		snprintf(last, sizeof last, "%s", first);
	}
}

static void complete_pages(const struct cursor *c, struct buf *out)
{
	struct cursor inner = *c;
	if (c->noperands == 1)
		inner.family = c->operands[0];
	if (c->noperands > 1)
		return;
	complete_commands(&inner, out);
	for (const struct topic *t = topics; t->name && !c->noperands; t++)
		complete_add(c, "", t->name, t->summary, out);
}

static void complete_operand(const struct cursor *c, struct buf *out)
{
	static const char *const shells[] = {"bash", "zsh", "fish"};
	const struct command *command = c->command;
	unsigned completes = command->completes[c->noperands > 0];
	if (c->noperands >= command->most_operands)
		return;
	if (completes & COMPLETES_PAGE)
		complete_pages(c, out);
	for (size_t i = 0; completes & COMPLETES_SHELL && i < sizeof shells / sizeof *shells; i++)
		complete_add(c, "", shells[i], "a shell", out);
	complete_names(c, completes, out);
}

void complete(const struct cursor *c, struct buf *out)
{
	if (c->value_of) {
		complete_value(c, out);
	} else if (!c->ended && c->word[0] == '-') {
		if (c->command && c->command->options)
			complete_options(c, c->command->options, out);
		complete_options(c, global_options, out);
	} else {
		if ((!c->command && !c->noperands) || c->family)
			complete_commands(c, out);
		if (c->command)
			complete_operand(c, out);
	}
}
