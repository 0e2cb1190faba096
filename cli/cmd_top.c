/* strata top: the screen (ui-tui/ui.h). */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/state.h"
#include "ui-tui/plain.h"
#include "ui-tui/ui.h"

enum { GLOBALS_MAX = 8 };

static const char *const theme_words[] = {"dark", "light", "mono", NULL};
static const struct option options[] = {
	{.name = "theme", .value = "THEME", .help = "dark, light or mono; default: STRATA_THEME, else dark", .words = theme_words},
	{.name = "ascii", .help = "draw with ASCII characters, also where the locale is UTF-8"},
	{.name = "plain", .help = "print lines instead, and a line for each change: for screen readers and pipes"},
	{.name = "once", .help = "with --plain: print what there is, and end"},
	{0},
};

/* What the commands that actions run are told of every command's options; --db may hold a password and is left to the
 * environment. */
static void pass_on(const struct invocation *inv, const char *out[GLOBALS_MAX + 1])
{
	const struct globals *g = inv->globals;
	size_t n = 0;
	const char *const pairs[][2] = {{"-C", str_eq(g->dir, ".") ? NULL : g->dir}, {"--lake", g->lake}, {"--timezone", g->timezone}};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		if (!pairs[i][1])
			continue;
		out[n++] = pairs[i][0];
		out[n++] = pairs[i][1];
	}
	out[n] = NULL;
	if (g->db)
		setenv("STRATA_DB", g->db, 1);
}

static enum theme chosen_theme(const struct invocation *inv)
{
	const char *name = options_text(inv->options, "theme", getenv("STRATA_THEME"));
	enum theme theme = name ? theme_find(name) : THEME_DARK;
	return theme == THEMES_END ? THEME_DARK : theme;
}

/* One that needs no run or table to be named. */
static int first_panel(const struct invocation *inv, const struct panel_class **ret, struct err *err)
{
	static const char *const names[] = {"overview", "runs", "tables", NULL};
	char hint[128];
	if (options_flag(inv->options, "once") && !options_flag(inv->options, "plain"))
		return err_set(err, ERR_USAGE, "'--once' goes with '--plain'");
	for (size_t i = 0; inv->noperands && names[i]; i++) {
		if (str_eq(names[i], inv->operands[0])) {
			*ret = panel_class_find(names[i]);
			return 0;
		}
	}
	if (inv->noperands)
		return err_set(err, ERR_USAGE, "there is no panel '%s'%s; one of overview, runs, tables can be opened first", inv->operands[0],
		               str_did_you_mean(hint, sizeof hint, inv->operands[0], names));
	return 0;
}

static int run(const struct invocation *inv, struct err *err)
{
	struct state s;
	const char *global[GLOBALS_MAX + 1];
	pass_on(inv, global);
	const struct panel_class *first = panel_class_nth(0);
	int rc = first_panel(inv, &first, err);
	if (rc < 0)
		return rc;
	rc = state_open(inv, &s, err);
	if (!options_flag(inv->options, "plain") && isatty(STDERR_FILENO)) /* a warning would be written over the screen */
		log_setup(LOG_ERROR, LOG_TEXT);
	if (rc == 0 && options_flag(inv->options, "plain"))
		plain_run(&(struct plain_options){.ws = &s.ws, .panel = first, .once = options_flag(inv->options, "once"), .out = stdout});
	else if (rc == 0)
		rc = ui_run(&(struct ui_options){.ws = &s.ws,
		                                 .global = global,
		                                 .theme = chosen_theme(inv),
		                                 .ascii = options_flag(inv->options, "ascii"),
		                                 .mono = getenv("NO_COLOR") && *getenv("NO_COLOR"),
		                                 .first = first},
		            err);
	state_close(&s);
	return rc;
}

const struct command command_top = {
	.name = "top",
	.elsewhere = "ui tui dashboard webserver",
	.group = "Look at what happened",
	.synopsis = "[overview|runs|tables] [--theme THEME] [--ascii] [--plain [--once]]",
	.summary = "runs, tasks and tables on the screen while they change",
	.details = "Works beside a scheduler, beside a run in the foreground, and on history alone. '?' lists the keys; whatever is done from it is a command of strata, which is shown before it is run.",
	.examples = "strata top\n"
	            "strata top tables\n"
	            "strata top --plain                # a line for each thing that changes",
	.options = options,
	.most_operands = 1,
	.run = run,
};
