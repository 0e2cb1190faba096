/* What is typed after ':' and '/' (ui_internal.h). ':' takes a panel's name, a few words of the screen's own, and any
 * command of strata, which is run as it stands. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "ui-tui/ui_internal.h"

static const char *const own_words[] = {"quit", "theme"};

/* Panels that need no run or table to be opened. */
static const char *candidate(const void *ctx, size_t i)
{
	const struct ui *ui = ctx;
	const char *blank = strchr(ui->line.text, ' ');
	if (blank && str_has_prefix(ui->line.text, "theme "))
		return i < THEMES_END ? theme_name((enum theme)i) : NULL;
	if (blank)
		return NULL;
	if (i < sizeof own_words / sizeof *own_words)
		return own_words[i];
	const struct panel_class *class = panel_class_nth(i - sizeof own_words / sizeof *own_words);
	return class ? class->name : NULL;
}

void ui_prompt_open(struct ui *ui, enum mode mode)
{
	line_set(&ui->line, mode == MODE_FILTER ? ui_top(ui)->filter : "");
	ui->message[0] = '\0';
	ui->mode = mode;
}

static void filter(struct ui *ui, const char *text)
{
	struct panel *p = ui_top(ui);
	snprintf(p->filter, sizeof p->filter, "%s", text);
	if (p->class->filter)
		p->class->filter(p, p->filter);
}

static void set_theme(struct ui *ui, const char *name)
{
	enum theme theme = theme_find(name);
	char text[128];
	if (theme == THEMES_END) {
		snprintf(text, sizeof text, "there is no theme '%s'; there are dark, light, mono", name);
		ui_say(ui, LOOK_BAD, text);
		return;
	}
	ui->theme = theme;
	term_theme(theme);
}

static void run(struct ui *ui, char *text)
{
	struct command_words words = {0};
	char *rest = NULL, *word = strtok_r(text, " ", &rest);
	const struct panel_class *class = word ? panel_class_find(word) : NULL;
	if (!word)
		return;
	if (str_eq(word, "strata")) /* as copied from somewhere */
		word = strtok_r(NULL, " ", &rest);
	if (str_eq(word, "q") || str_eq(word, "quit")) {
		ui->ending = true;
	} else if (str_eq(word, "theme")) {
		word = strtok_r(NULL, " ", &rest);
		set_theme(ui, word ? word : "");
	} else if (class && !*rest) {
		struct place at = ui_target(ui);
		at.panel = class;
		ui_push(ui, &at);
	} else if (word) {
		for (; word; word = strtok_r(NULL, " ", &rest))
			words_add(&words, word);
		ui_run_words(ui, &words);
		words_free(&words);
	}
}

void ui_prompt_key(struct ui *ui, int key)
{
	enum mode mode = ui->mode;
	char text[LINE_SIZE];
	if (key == TERM_TAB && mode == MODE_COMMAND) {
		line_complete(&ui->line, candidate, ui);
	} else if (key == TERM_ESCAPE || key == TERM_CTRL('c') || (key == TERM_BACKSPACE && !ui->line.len)) {
		ui->mode = MODE_PANELS;
		if (mode == MODE_FILTER)
			filter(ui, "");
	} else if (key == TERM_ENTER) {
		ui->mode = MODE_PANELS;
		snprintf(text, sizeof text, "%s", ui->line.text);
		if (mode == MODE_COMMAND)
			run(ui, text);
	} else if (line_key(&ui->line, key) && mode == MODE_FILTER) {
		filter(ui, ui->line.text); /* as it is typed */
	}
}
