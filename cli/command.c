/* See command.h. Global options may stand before and after the command's name. */
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/advice.h"

enum { HELP_MAX = 1 << 20, OTHERS_MAX = 3 };

static const char *const output_words[] = {"table", "json", "csv", NULL};
static const char *const log_words[] = {"text", "json", NULL};

const struct option global_options[] = {
	{.name = "dir", .letter = 'C', .value = "DIR", .help = "the project folder; default: the current one"},
	{.name = "db", .value = "CONNINFO", .help = "Postgres of the state, as libpq takes it; default: STRATA_DB, else a private server"},
	{.name = "lake", .value = "URI", .help = "where tables are published, a folder that is there; default: STRATA_LAKE, storage.base_uri, the project folder"},
	{.name = "timezone", .value = "ZONE", .help = "zone of \"yesterday\"; default: STRATA_TIMEZONE, defaults.timezone, the system's"},
	{.name = "output", .letter = 'o', .value = "FORMAT", .help = "of listings: table, json or csv", .words = output_words},
	{.name = "verbose", .letter = 'v', .help = "say more; twice: everything", .repeat = true},
	{.name = "quiet", .letter = 'q', .help = "say errors only"},
	{.name = "log-format", .value = "FORMAT", .help = "of log lines: text or json", .words = log_words},
	{.name = "help", .letter = 'h', .help = "help for the command"},
	{.name = "version", .letter = 'V', .help = "the versions"},
	{0},
};

const struct command *command_find(const char *const *words, size_t n, size_t *ret_used)
{
	const struct command *one = NULL; /* "callbacks" gives way to "callbacks test" */
	for (const struct command *const *c = commands; *c && n > 0; c++) {
		const char *name = (*c)->name, *blank = strchr(name, ' ');
		size_t first = blank ? (size_t)(blank - name) : strlen(name);
		if (strlen(words[0]) != first || memcmp(words[0], name, first) != 0)
			continue;
		if (blank && (n < 2 || !str_eq(words[1], blank + 1)))
			continue;
		if (blank) {
			*ret_used = 2;
			return *c;
		}
		one = *c;
	}
	if (one)
		*ret_used = 1;
	return one;
}

const struct command *command_nth(size_t i)
{
	for (const struct command *const *c = commands; *c; c++) {
		if (!(*c)->hidden && i-- == 0)
			return *c;
	}
	return NULL;
}

static const char *command_name_at(const void *ctx, size_t i)
{
	(void)ctx;
	return command_nth(i)->name;
}

/* The command that other tools call so; NULL: none. */
static const char *called_elsewhere(const char *word)
{
	size_t n = strlen(word);
	for (const struct command *const *c = commands; *c; c++) {
		const char *at = (*c)->elsewhere;
		for (; at && *at; at += strcspn(at, " "), at += strspn(at, " ")) {
			if (strcspn(at, " ") == n && memcmp(at, word, n) == 0)
				return (*c)->name;
		}
	}
	return NULL;
}

static int unknown_command(const char *word, const char *second, struct err *err)
{
	struct buf family = BUF_INIT(HELP_MAX);
	bool known = help_family(word, &family, help_width());
	buf_free(&family);
	if (known && !second)
		return err_set(err, ERR_USAGE, "'strata %s' needs a command; 'strata help %s' lists them", word, word);
	size_t n = 0;
	while (command_nth(n))
		n++;
	char *whole = known ? mem_printf("%s %s", word, second) : mem_strdup(word);
	const char *near = called_elsewhere(whole);
	if (!near)
		near = str_nearest(whole, command_name_at, NULL, n);
	if (near)
		err_set(err, ERR_USAGE, "unknown command '%s' (did you mean '%s'?)", whole, near);
	else
		err_set(err, ERR_USAGE, "unknown command '%s'; 'strata help%s%s' lists them", whole, known ? " " : "", known ? word : "");
	free(whole);
	return ERR_USAGE;
}

/* An option that this command (NULL: none yet) has not, and others may have: more than its like in spelling is then to be said. */
static int unknown_option(const struct command *c, const char *name, struct err *err)
{
	size_t n = strcspn(name, "="), i = 0, found = 0;
	struct buf others = BUF_INIT(HELP_MAX);
	for (const struct option_advice *a = c ? c->advice : NULL; a && a->name; a++) {
		if (strlen(a->name) == n && memcmp(a->name, name, n) == 0)
			return err_set(err, ERR_USAGE, "'strata %s' has no option '--%s': %s", c->name, a->name, a->text);
	}
	for (const struct command *other; (other = command_nth(i)) && found < OTHERS_MAX; i++) {
		const struct option *const tables[] = {other->options, NULL};
		if (other->options && option_find(tables, name, n))
			buf_addf(&others, "%s'strata %s'", found++ ? ", " : "", other->name);
	}
	if (found && c)
		err_set(err, ERR_USAGE, "'--%.*s' is no option of 'strata %s', but of %s; 'strata %s --help' lists its own", (int)n, name, c->name,
		        buf_cstr(&others), c->name);
	else if (found)
		err_set(err, ERR_USAGE, "'--%.*s' is an option of %s: write it after the command", (int)n, name, buf_cstr(&others));
	buf_free(&others);
	return ERR_USAGE;
}

static const char *environment(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

static void read_globals(const struct options *o, struct globals *g)
{
	const char *output = options_text(o, "output", NULL);
	g->dir = options_text(o, "dir", ".");
	g->db = options_text(o, "db", environment("STRATA_DB"));
	g->lake = options_text(o, "lake", NULL);
	g->timezone = options_text(o, "timezone", environment("STRATA_TIMEZONE"));
	g->output_given = output != NULL;
	g->output = str_eq(output, "json") ? OUTPUT_JSON : str_eq(output, "csv") ? OUTPUT_CSV : OUTPUT_TABLE;
	g->log_format = str_eq(options_text(o, "log-format", NULL), "json") ? LOG_JSON : LOG_TEXT;
	if (options_flag(o, "quiet"))
		g->verbosity = -1;
	else
		for (; g->verbosity < 2 && options_nth(o, "verbose", (size_t)g->verbosity); g->verbosity++)
			;
	static const enum log_level levels[] = {LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG};
	log_setup(levels[g->verbosity + 1], g->log_format);
}

static void print(struct buf *text, FILE *file)
{
	if (file == stdout)
		output_write(text->data, text->len);
	else
		fputs(buf_cstr(text), file);
	buf_free(text);
}

/* Clears *in_words once the command line is understood: what fails from then on is not its form. */
static int run_command(const struct command *c, const struct options *o, bool *in_words, enum log_format *ret_log_format, struct err *err)
{
	struct globals globals = {0};
	read_globals(o, &globals);
	struct invocation inv = {.command = c, .globals = &globals, .options = o,
	                         .operands = o->operands, .noperands = o->noperands};
	if (inv.noperands < c->least_operands)
		return err_set(err, ERR_USAGE, "'%s' needs more; usage: strata %s %s", c->name, c->name, c->synopsis);
	if (inv.noperands > c->most_operands)
		return err_set(err, ERR_USAGE, "unexpected argument '%s'; usage: strata %s%s%s", o->operands[c->most_operands],
		               c->name, *c->synopsis ? " " : "", c->synopsis);
	if (globals.output != OUTPUT_TABLE && !c->answers[0].form && !c->hidden)
		return err_set(err, ERR_USAGE, "'%s' prints text only; '--output %s' is for commands that list or answer", c->name,
		               output_words[globals.output]);
	*in_words = false;
	*ret_log_format = globals.log_format;
	return c->run(&inv, err);
}

/* *ret_name: the command, once it is known. */
static int dispatch(int argc, char **argv, struct options *o, const char **ret_name, bool *in_words, enum log_format *ret_log_format, struct err *err)
{
	static const struct option no_options[] = {{0}};
	const struct option *const global_tables[] = {global_options, NULL};
	struct buf help = BUF_INIT(HELP_MAX);
	int used = options_parse(o, global_tables, argc, argv, true, err);
	if (used < 0)
		return o->unknown ? unknown_option(NULL, o->unknown, err) : used;
	if (options_flag(o, "version")) {
		const char *const words[] = {"version"};
		size_t n;
		return run_command(command_find(words, 1, &n), o, in_words, ret_log_format, err);
	}
	if (used == argc) {
		bool asked = options_flag(o, "help");
		help_overview(&help, help_width());
		print(&help, asked ? stdout : stderr);
		return asked ? 0 : EXIT_USAGE;
	}
	size_t words = 0;
	const struct command *c = command_find((const char *const *)argv + used, (size_t)(argc - used), &words);
	const char *second = argc - used > 1 && argv[used + 1][0] != '-' ? argv[used + 1] : NULL;
	if (!c && !second && argc - used > 1 && (str_eq(argv[used + 1], "--help") || str_eq(argv[used + 1], "-h")) &&
	    help_family(argv[used], &help, help_width())) {
		print(&help, stdout);
		return 0;
	}
	if (!c)
		return unknown_command(argv[used], second, err);
	*ret_name = c->name;
	used += (int)words;
	const struct option *const tables[] = {c->options ? c->options : no_options, global_options, NULL};
	int r = options_parse(o, tables, argc - used, argv + used, false, err);
	if (r >= 0 && options_flag(o, "help")) {
		help_command(c, &help, help_width());
		print(&help, stdout);
		return 0;
	}
	if (r < 0)
		return o->unknown ? unknown_option(c, o->unknown, err) : r;
	return run_command(c, o, in_words, ret_log_format, err);
}

/* Of what is wrong with a command line: else its help is named. */
static bool says_what_to_do(const char *text)
{
	static const char *const ways[] = {"; ", ": ", "(did you mean", "usage: "};
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		if (strstr(text, ways[i]))
			return true;
	}
	return false;
}

/* A program that reads stderr, as --log-format json says, gets the error as the last event. */
static void print_error(const struct err *err, const char *name, enum log_format format, int status)
{
	if (format == LOG_JSON) {
		char text[sizeof err->text + 256];
		snprintf(text, sizeof text, "%s%s", err->text, advice_for(err->text));
		log_event(LOG_ERROR, "command.failed", "error", text, LOG_INT("status", status), NULL);
		return;
	}
	struct buf line = BUF_INIT(HELP_MAX);
	buf_addf(&line, "strata: %s%s", err->text, advice_for(err->text));
	if (name && !says_what_to_do(err->text))
		buf_addf(&line, "; 'strata %s --help' shows how it is used", name);
	buf_addc(&line, '\n');
	output_message(stderr, buf_cstr(&line));
	buf_free(&line);
}

/* A descriptor of these that was closed would be given to the next pipe or file, which then is taken for our output, and libuv
 * stops at it. Read-only also for what we write to: that fails as it would have without. */
static void fill_closed_streams(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int command_main(int argc, char **argv)
{
	fill_closed_streams();
	/* A reader that leaves early ends our output, not our work. */
	signal(SIGPIPE, SIG_IGN);
	struct options options = {0};
	struct err err = {0};
	const char *name = NULL;
	bool in_words = true;
	enum log_format format = LOG_TEXT;
	int r = dispatch(argc - 1, argv + 1, &options, &name, &in_words, &format, &err);
	int status = r < 0 ? (int)exit_status_of(r) : r;
	if (r < 0)
		print_error(&err, in_words ? name : NULL, format, status);
	int why;
	if (output_lost(&why) && status == EXIT_GOOD) {
		fprintf(stderr, "strata: cannot write the output%s%s\n", why ? ": " : "", why ? strerror(why) : "");
		status = EXIT_UNREACHABLE;
	}
	options_free(&options);
	return status;
}
