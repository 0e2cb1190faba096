/* Options of a command line, from tables.
 *
 *     static const struct option list_options[] = {
 *         {.name = "exclude", .value = "SELECT", .help = "leave these out", .repeat = true},
 *         {0},
 *     };
 *
 * Understood: --name=value, --name value, --flag, -l value, -lvalue, -abc for flags, and -- to end options.
 * Options and operands may mix. Nothing is abbreviated, so that a new option never breaks a script. */
#ifndef STRATA_CLI_OPTIONS_H
#define STRATA_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct option {
	const char *name;   /* without dashes; NULL ends a table */
	char letter;        /* 0: none */
	const char *value;  /* what its value is called in help: "DATE"; NULL: a flag */
	const char *help;   /* one sentence, lower case, no full stop */
	const char *const *words; /* NULL-terminated: its only values; NULL: any */
	bool repeat;        /* may be given more than once, each counts; else the last wins */
};

struct option_given {
	const struct option *option;
	const char *value; /* "" of a flag */
};

/* What was given; strings are argv's. */
struct options {
	struct option_given *given; size_t ngiven, given_cap;
	const char **operands; size_t noperands, operands_cap;
	const char *unknown; /* after an error: the name that no table has, up to a '=', or NULL */
};

/* Parse argv[0 .. argc) by the tables (NULL-terminated list of tables). With `until_operand`, stop before
 * the first operand. Appends to `o`. Returns how many of argv were used, or ERR_USAGE. */
int options_parse(struct options *o, const struct option *const *tables, int argc, char **argv, bool until_operand,
                  struct err *err);
/* The option of that name, `n` bytes long, or letter; NULL: none. */
const struct option *option_find(const struct option *const *tables, const char *name, size_t n);
const struct option *option_find_letter(const struct option *const *tables, char letter);
void options_free(struct options *o);

bool options_flag(const struct options *o, const char *name);
/* The last value given, or `fallback`. */
const char *options_text(const struct options *o, const char *name, const char *fallback);
/* The i-th value given of a repeatable option, or NULL past the end. */
const char *options_nth(const struct options *o, const char *name, size_t i);
/* A number in [least, most]; ERR_USAGE when it is none. */
int options_number(const struct options *o, const char *name, long fallback, long least, long most, long *ret,
                   struct err *err);

#endif
