/* Commands: one descriptor each, in its own file, and one table of them (cli/commands.c) that is the help, the
 * usage errors and the dispatch.
 *
 *     static int run(const struct invocation *inv, struct err *err) { ... }
 *     const struct command command_list = {.name = "list", ..., .run = run};
 *
 * `run` returns 0, an ERR_* with `err` filled, or an exit status > 0 (cli/exit.h) after it has said why itself.
 * What it frees is its own; results go to stdout, progress and messages to stderr. */
#ifndef STRATA_CLI_COMMAND_H
#define STRATA_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "cli/exit.h"
#include "cli/options.h"
#include "cli/output.h"

/* The options that every command takes, with the environment's say where an option is absent. */
struct globals {
	const char *dir;       /* -C: the project; "." */
	const char *db;        /* --db, STRATA_DB, or NULL: the private cluster */
	const char *lake;      /* --lake, or NULL (scheduler/load.h knows STRATA_LAKE) */
	const char *timezone;  /* --timezone, STRATA_TIMEZONE, or NULL */
	int verbosity;         /* -1 quiet, 0, 1 verbose, 2 debug */
	enum log_format log_format;
	enum output_format output;
	bool output_given;     /* --output was said */
};

struct command;
struct invocation {
	const struct command *command;
	const struct globals *globals;
	const struct options *options; /* of the command; see options_text() */
	const char *const *operands;
	size_t noperands;
};

/* What a command prints to stdout with --output json or csv. */
enum answer_form {
	ANSWER_NONE,   /* nothing for programs: the formats are refused; ends a list */
	ANSWER_ROWS,   /* a listing: an array of objects with `fields` */
	ANSWER_OBJECT, /* one object with `fields` */
	ANSWER_QUERY,  /* the rows of a query, whose columns are its own */
};

struct answer {
	enum answer_form form;
	const char *when;                   /* which of several this is: "with TASK"; NULL: the only one */
	const struct output_column *fields; /* ended by {0} */
};

/* What a word of the command line may be, for completion; a bit each. */
enum completes {
	COMPLETES_SELECTION = 1, /* tables, layers, tags, with the signs of a selection */
	COMPLETES_TABLE = 2,
	COMPLETES_RUN = 4,
	COMPLETES_SCHEDULE = 8,
	COMPLETES_CALLBACK = 16,
	COMPLETES_FOLDER = 32,
	COMPLETES_FILE = 64,
	COMPLETES_PAGE = 128,    /* of help */
	COMPLETES_SHELL = 256,
	COMPLETES_LIVE_RUN = 512, /* one that is not over */
};

/* An option that people look for in a command which has it not, and what they want instead. */
struct option_advice {
	const char *name, *text;
};

enum { ANSWERS_MAX = 2 };

struct command {
	const char *name;      /* one word or two: "list", "db start" */
	const char *elsewhere; /* what other tools of the field call it, words, for who types one of them; NULL: nothing else */
	const char *group;     /* heading in `strata help`; equal ones are neighbours in the table */
	const char *synopsis;  /* what follows the name: "TABLE [--date D]"; "" for nothing */
	const char *summary;   /* one line, lower case, no full stop */
	const char *details;   /* paragraphs separated by an empty line, each one line, wrapped when shown; may be NULL */
	const char *examples;  /* lines as typed, with "# what" above each where that helps; may be NULL */
	const struct option *options; /* ended by {0}; NULL: none */
	const struct option_advice *advice; /* ended by {0}; NULL: none */
	size_t least_operands, most_operands; /* SIZE_MAX: any number */
	unsigned completes[2]; /* the first operand; the others */
	bool hidden;           /* for programs of ours: in no help and no completion */
	struct answer answers[ANSWERS_MAX];
	int (*run)(const struct invocation *inv, struct err *err);
};

/* A page of `strata help` that is no command. */
struct topic {
	const char *name, *summary, *text; /* text as `details` above; a line that begins with a blank is kept as it is */
};

extern const struct command *const commands[]; /* NULL-terminated, by group */
extern const struct topic topics[];            /* ended by {0} */
extern const struct option global_options[];

/* The whole program: parse, dispatch, print the error; returns the exit status. */
int command_main(int argc, char **argv);

/* The command named by the first one or two of `n` words, and how many they were; NULL when there is none. */
const struct command *command_find(const char *const *words, size_t n, size_t *ret_used);

/* The commands that people see, by group: `i` from 0; NULL after the last. */
const struct command *command_nth(size_t i);

/* Columns of a help page: 80, or what COLUMNS or the terminal has if that is less. */
size_t help_width(void);
/* Help pages of that width, written to `out`. */
void help_overview(struct buf *out, size_t width);
void help_command(const struct command *c, struct buf *out, size_t width);
void help_topic(const struct topic *t, struct buf *out, size_t width);
/* Those commands whose first word is `word`, as `strata help db` shows them; false when there is none. */
bool help_family(const char *word, struct buf *out, size_t width);

#endif
