/* See options.h. */
#include "cli/options.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { NAMES_MAX = 128 };

const struct option *option_find(const struct option *const *tables, const char *name, size_t n)
{
	for (; *tables; tables++)
		for (const struct option *p = *tables; p->name; p++)
			if (strlen(p->name) == n && memcmp(p->name, name, n) == 0)
				return p;
	return NULL;
}

const struct option *option_find_letter(const struct option *const *tables, char letter)
{
	for (; *tables; tables++)
		for (const struct option *p = *tables; p->name; p++)
			if (p->letter == letter)
				return p;
	return NULL;
}

static const char *name_at(const void *names, size_t i)
{
	return ((const char *const *)names)[i];
}

static int unknown_name(const struct option *const *tables, const char *name, size_t n, struct err *err)
{
	const char *names[NAMES_MAX];
	size_t count = 0;
	for (; *tables; tables++)
		for (const struct option *p = *tables; p->name && count < NAMES_MAX; p++)
			names[count++] = p->name;
	char *word = mem_strndup(name, n);
	const char *near = str_nearest(word, name_at, names, count);
	if (near)
		err_set(err, ERR_USAGE, "unknown option '--%s' (did you mean '--%s'?)", word, near);
	else
		err_set(err, ERR_USAGE, "unknown option '--%s'", word);
	free(word);
	return ERR_USAGE;
}

static int give(struct options *o, const struct option *option, const char *value, struct err *err)
{
	if (option->words && value) {
		const char *const *w = option->words;
		while (*w && !str_eq(*w, value))
			w++;
		if (!*w) {
			char hint[128];
			str_did_you_mean(hint, sizeof hint, value, option->words);
			err_set(err, ERR_USAGE, "'--%s' cannot be '%s'%s; it is one of:", option->name, value, hint);
			for (w = option->words; *w && err; w++) {
				size_t used = strlen(err->text);
				snprintf(err->text + used, sizeof err->text - used, " %s", *w);
			}
			return ERR_USAGE;
		}
	}
	MEM_GROW(o->given, o->ngiven, o->given_cap);
	o->given[o->ngiven++] = (struct option_given){option, value ? value : ""};
	return 0;
}

/* "--name", "--name=value" at argv[0]; *ret_used counts what it took. */
static int parse_long(struct options *o, const struct option *const *tables, int argc, char **argv, int *ret_used,
                      struct err *err)
{
	const char *name = argv[0] + 2, *equals = strchr(name, '=');
	size_t n = equals ? (size_t)(equals - name) : strlen(name);
	const struct option *option = option_find(tables, name, n);
	if (!option) {
		o->unknown = name;
		return unknown_name(tables, name, n, err);
	}
	*ret_used = 1;
	if (!option->value) {
		if (equals)
			return err_set(err, ERR_USAGE, "'--%s' takes no value", option->name);
		return give(o, option, NULL, err);
	}
	if (equals)
		return give(o, option, equals + 1, err);
	if (argc < 2)
		return err_set(err, ERR_USAGE, "'--%s' needs a value: --%s %s", option->name, option->name, option->value);
	*ret_used = 2;
	return give(o, option, argv[1], err);
}

static int parse_letters(struct options *o, const struct option *const *tables, int argc, char **argv, int *ret_used,
                         struct err *err)
{
	*ret_used = 1;
	for (const char *c = argv[0] + 1; *c; c++) {
		const struct option *option = option_find_letter(tables, *c);
		if (!option)
			return err_set(err, ERR_USAGE, "unknown option '-%c'", *c);
		if (!option->value) {
			int r = give(o, option, NULL, err);
			if (r < 0)
				return r;
			continue;
		}
		if (c[1])
			return give(o, option, c + 1, err);
		if (argc < 2)
			return err_set(err, ERR_USAGE, "'-%c' needs a value: -%c %s", *c, *c, option->value);
		*ret_used = 2;
		return give(o, option, argv[1], err);
	}
	return 0;
}

int options_parse(struct options *o, const struct option *const *tables, int argc, char **argv, bool until_operand,
                  struct err *err)
{
	bool ended = false;
	for (int i = 0; i < argc;) {
		const char *word = argv[i];
		int used = 1, r = 0;
		if (!ended && str_eq(word, "--")) {
			ended = true;
		} else if (ended || word[0] != '-' || !word[1]) {
			if (until_operand)
				return i;
			MEM_GROW(o->operands, o->noperands, o->operands_cap);
			o->operands[o->noperands++] = word;
		} else if (word[1] == '-') {
			r = parse_long(o, tables, argc - i, argv + i, &used, err);
		} else {
			r = parse_letters(o, tables, argc - i, argv + i, &used, err);
		}
		if (r < 0)
			return r;
		i += used;
	}
	return argc;
}

void options_free(struct options *o)
{
	free(o->given);
	free(o->operands);
	*o = (struct options){0};
}

bool options_flag(const struct options *o, const char *name)
{
	return options_text(o, name, NULL) != NULL;
}

const char *options_text(const struct options *o, const char *name, const char *fallback)
{
	for (size_t i = o->ngiven; i-- > 0;)
		if (str_eq(o->given[i].option->name, name))
			return o->given[i].value;
	return fallback;
}

const char *options_nth(const struct options *o, const char *name, size_t i)
{
	for (size_t k = 0; k < o->ngiven; k++)
		if (str_eq(o->given[k].option->name, name) && i-- == 0)
			return o->given[k].value;
	return NULL;
}

int options_number(const struct options *o, const char *name, long fallback, long least, long most, long *ret,
                   struct err *err)
{
	const char *text = options_text(o, name, NULL);
	*ret = fallback;
	if (!text)
		return 0;
	int64_t value;
	if (!str_to_i64(text, &value) || value < least || value > most)
		return err_set(err, ERR_USAGE, "'--%s' must be a number from %ld to %ld, not '%s'", name, least, most, text);
	*ret = (long)value;
	return 0;
}
