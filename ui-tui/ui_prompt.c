/* What is typed after ':' and '/' (ui_internal.h). ':' takes a panel's name, a few words of the screen's own, and any
 * command of strata, which is run as it stands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "ui-tui/ui_internal.h"

static const char *const own_words[] = {"quit", "theme"};

/* --- Tab --- */

struct candidates {
	const char **word;
	size_t n, cap;
};

static void add_candidate(struct candidates *c, const char *word)
{
	MEM_GROW(c->word, c->n, c->cap);
	c->word[c->n++] = word;
}

static const char *candidate_nth(const void *ctx, size_t i)
{
	const struct candidates *c = ctx;
	return i < c->n ? c->word[i] : NULL;
}

/* What all have in common is typed; where there is more than one, all are shown beside it. */
static void take(struct ui *ui, const struct candidates *c)
{
	size_t n = line_complete(&ui->line, candidate_nth, c), len = 0;
	const char *typed = line_last_word(&ui->line);
	ui->completions[0] = '\0';
	ui->dirty = true;
	if (n == 1) {
		line_key(&ui->line, ' ');
		return;
	}
	for (size_t i = 0; i < c->n && len < sizeof ui->completions; i++) {
		if (str_has_prefix(c->word[i], typed))
			len += (size_t)snprintf(ui->completions + len, sizeof ui->completions - len, "%s%s", len ? "  " : "", c->word[i]);
	}
	if (n == 0)
		snprintf(ui->completions, sizeof ui->completions, "nothing begins with that");
}

/* The line as it was when it was asked what may stand there. */
struct asked {
	struct ui *ui;
	char line[LINE_SIZE];
};

/* "retry\twhat failed, once more", a line each; ":files" is for shells. */
static void on_answer(void *ctx, int status, const char *text)
{
	struct asked *asked = ctx;
	struct ui *ui = asked->ui;
	struct candidates c = {0};
	char *copy = mem_strdup(text), *rest = NULL;
	bool first = !strchr(asked->line, ' ');
	ui->commands--;
	for (size_t i = 0; first && i < sizeof own_words / sizeof *own_words; i++)
		add_candidate(&c, own_words[i]);
	for (size_t i = 0; first && panel_class_nth(i); i++)
		add_candidate(&c, panel_class_nth(i)->name);
	for (char *line = status ? NULL : strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		line[strcspn(line, "\t")] = '\0';
		if (*line && *line != ':' && !(first && panel_class_find(line))) /* a panel goes before a command of its name */
			add_candidate(&c, line);
	}
	if (!ui->ending && ui->mode == MODE_COMMAND && str_eq(ui->line.text, asked->line))
		take(ui, &c);
	free(c.word);
	free(copy);
	free(asked);
}

/* Commands, tables, runs: strata's own completion is asked, as the shells do. */
static void ask(struct ui *ui)
{
	struct asked *asked = mem_alloc(sizeof *asked);
	struct command_words words = {0};
	char text[LINE_SIZE], *rest = NULL;
	asked->ui = ui;
	memcpy(asked->line, ui->line.text, sizeof asked->line);
	memcpy(text, ui->line.text, sizeof text);
	words_add(&words, "complete");
	words_add(&words, "--");
	for (size_t i = 0; ui->spawner.global[i]; i++)
		words_add(&words, ui->spawner.global[i]);
	text[line_last_word(&ui->line) - ui->line.text] = '\0';
	for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		if (!str_eq(word, "strata"))
			words_add(&words, word);
	}
	words_add(&words, line_last_word(&ui->line));
	ui->commands++;
	spawn_command(&ui->spawner, &words, on_answer, asked);
	words_free(&words);
}

static void complete(struct ui *ui)
{
	struct candidates themes = {0};
	if (!str_has_prefix(ui->line.text, "theme ")) {
		ask(ui);
		return;
	}
	for (size_t i = 0; i < THEMES_END; i++)
		add_candidate(&themes, theme_name((enum theme)i));
	take(ui, &themes);
	free(themes.word);
}

/* --- the line --- */

void ui_prompt_open(struct ui *ui, enum mode mode)
{
	line_set(&ui->line, mode == MODE_FILTER ? ui_top(ui)->filter : "");
	ui->message[0] = ui->completions[0] = '\0';
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
		complete(ui);
		return;
	}
	ui->completions[0] = '\0';
	if (key == TERM_ESCAPE || key == TERM_CTRL('c') || (key == TERM_BACKSPACE && !ui->line.len)) {
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
