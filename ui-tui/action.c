/* What is done from the screen (ui_internal.h): each action is a command line, shown before it is run (ui-tui/spawn.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "ui-tui/ui_internal.h"

/* Words of a command that follow from what the cursor is on: each is put in when it is not "". */
#define RUN_NAME "\1"   /* the run */
#define TASK_NAME "\2"  /* the task, TABLE[@DATE] */
#define OBJECT_NAME "\3" /* the schedule, else the run */
#define TABLE_NAME "\4" /* the schedule, else the table */
#define PARTITION "\5"  /* --partition DATE, of a task that has one */

struct action {
	enum ui_command command;
	unsigned needs;          /* one of these scopes must hold */
	const char *question;
	const char *words[6];
	enum { EITHER, GOES_ON, PAUSED } when; /* it is for what is paused, or is not */
	bool reads;              /* it changes nothing: run at once, its text is shown */
	const char *fields[DIALOG_FIELDS][2]; /* label, option; a form where there are any */
};

static const struct action actions[] = {
	{CMD_RETRY, SCOPE_TASK, "Retry this task?", {"retry", RUN_NAME, TASK_NAME}, EITHER, false, {{0}}},
	{CMD_RETRY, SCOPE_RUN, "Retry what failed in this run?", {"retry", RUN_NAME}, EITHER, false, {{0}}},
	{CMD_CANCEL, SCOPE_RUN, "Cancel this run? What it has published stays.", {"cancel", RUN_NAME}, EITHER, false, {{0}}},
	{CMD_CLEAR, SCOPE_TASK, "Do this task again, although it may have succeeded?", {"clear", RUN_NAME, TABLE_NAME, PARTITION}, EITHER, false, {{0}}},
	{CMD_CLEAR, SCOPE_RUN, "Do all tasks of this run again, also those that succeeded?", {"clear", RUN_NAME}, EITHER, false, {{0}}},
	{CMD_PAUSE, SCOPE_RUN | SCOPE_SCHEDULE, "Pause it? It starts nothing more until it is unpaused.", {"pause", OBJECT_NAME}, GOES_ON, false, {{0}}},
	{CMD_PAUSE, SCOPE_RUN | SCOPE_SCHEDULE, "It is paused. Let it go on?", {"unpause", OBJECT_NAME}, PAUSED, false, {{0}}},
	{CMD_TRIGGER, SCOPE_SCHEDULE | SCOPE_TABLE, "Run it now?", {"trigger", TABLE_NAME}, EITHER, false, {{0}}},
	{CMD_BACKFILL, SCOPE_SCHEDULE | SCOPE_TABLE, "Backfill", {"backfill", "--detach", TABLE_NAME}, EITHER, false,
	 {{"first date", "--start"}, {"last date", "--end"}, {"at once", "--max-active"}}},
	{CMD_EXPLAIN, SCOPE_TASK, "", {"explain", RUN_NAME, TASK_NAME}, EITHER, true, {{0}}},
};

static const struct action *action_find(enum ui_command command, unsigned scopes, bool paused)
{
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
		if (actions[i].command == command && (actions[i].needs & scopes) && actions[i].when != (paused ? GOES_ON : PAUSED))
			return &actions[i];
	}
	return NULL;
}

static void add_word(struct command_words *words, const char *word, const struct place *at)
{
	char task[TASK_WORD_SIZE];
	if (str_eq(word, PARTITION)) {
		if (*at->partition) {
			words_add(words, "--partition");
			words_add(words, at->partition);
		}
		return;
	}
	const char *real = str_eq(word, RUN_NAME) ? at->run : str_eq(word, TASK_NAME) ? place_task(at, task)
	                 : str_eq(word, OBJECT_NAME) ? (*at->schedule ? at->schedule : at->run)
	                 : str_eq(word, TABLE_NAME) ? (*at->schedule ? at->schedule : at->table) : word;
	if (*real)
		words_add(words, real);
}

static void fill(struct command_words *words, const struct action *a, const struct place *at)
{
	for (size_t i = 0; i < sizeof a->words / sizeof *a->words && a->words[i]; i++)
		add_word(words, a->words[i], at);
}

static void ask(struct ui *ui, const struct action *a, const struct place *at)
{
	struct dialog *d = &ui->dialog;
	dialog_free(d);
	snprintf(d->question, sizeof d->question, "%s", a->question);
	fill(&d->words, a, at);
	for (; d->nfields < DIALOG_FIELDS && a->fields[d->nfields][0]; d->nfields++)
		d->fields[d->nfields] = (struct dialog_field){.label = a->fields[d->nfields][0], .option = a->fields[d->nfields][1]};
	ui->mode = MODE_DIALOG;
}

/* --- running it --- */

struct running {
	struct ui *ui;
	char line[512];
	bool reads;
};

static void show_text(struct ui *ui, const char *text)
{
	struct panel *p = ui_push(ui, &(struct place){.panel = &panel_text});
	if (p)
		panel_text_set(p, text);
}

/* The last line that says something. */
static void last_line(const char *text, char *out, size_t size)
{
	size_t n = strlen(text);
	while (n && text[n - 1] == '\n')
		n--;
	size_t from = n;
	while (from && text[from - 1] != '\n')
		from--;
	snprintf(out, size, "%.*s", (int)(n - from), text + from);
}

static void on_done(void *ctx, int status, const char *text)
{
	struct running *r = ctx;
	struct ui *ui = r->ui;
	char line[MESSAGE_SIZE];
	const char *first = strchr(text, '\n');
	bool long_text = first && first[1];
	ui->commands--;
	if (!ui->ending) /* what it has changed is seen at once */
		ui_look(ui);
	last_line(text, line, sizeof line);
	/* Of an action that went well the last line is enough. */
	if (!ui->ending && long_text && (r->reads || status))
		show_text(ui, text);
	else
		ui_say(ui, status ? LOOK_BAD : LOOK_GOOD, *line ? line : status ? "it failed, and did not say why" : "done");
	free(r);
}

static void run_words(struct ui *ui, const struct command_words *words, bool reads)
{
	struct running *r = mem_alloc(sizeof *r);
	struct buf line = BUF_INIT(sizeof r->line - 1);
	words_line(words, &line);
	r->ui = ui;
	r->reads = reads;
	snprintf(r->line, sizeof r->line, "%s", buf_cstr(&line));
	ui->commands++;
	ui_say(ui, LOOK_DIM, r->line);
	spawn_command(&ui->spawner, words, on_done, r);
	buf_free(&line);
}

void ui_run_words(struct ui *ui, const struct command_words *words)
{
	run_words(ui, words, true);
}

static void copy(struct ui *ui, const struct command_words *words)
{
	struct buf line = BUF_INIT(4096);
	char text[MESSAGE_SIZE];
	words_line(words, &line);
	term_copy(buf_cstr(&line));
	snprintf(text, sizeof text, "copied: %s", buf_cstr(&line));
	ui_say(ui, LOOK_DIM, text);
	buf_free(&line);
}

void ui_dialog_key(struct ui *ui, int key)
{
	struct command_words words = {0};
	enum dialog_end end = dialog_key(&ui->dialog, key);
	if (end == DIALOG_OPEN)
		return;
	dialog_words(&ui->dialog, &words);
	if (end == DIALOG_COPY) {
		copy(ui, &words);
	} else {
		ui->mode = MODE_PANELS;
		dialog_free(&ui->dialog);
		if (end == DIALOG_YES)
			run_words(ui, &words, false);
		else
			ui_say(ui, LOOK_DIM, "nothing was done");
	}
	words_free(&words);
}

/* The command line of what Enter would open, else of what is shown. */
static void copy_place(struct ui *ui)
{
	struct place at = ui_target(ui);
	struct panel opened = {.class = at.panel, .request.place = at};
	const struct panel *p = at.panel && at.panel->command_line ? &opened : ui_top(ui);
	struct buf line = BUF_INIT(4096);
	char text[MESSAGE_SIZE];
	if (!p->class->command_line) {
		ui_say(ui, LOOK_DIM, "no command line shows this");
		return;
	}
	p->class->command_line(p, &line);
	term_copy(buf_cstr(&line));
	snprintf(text, sizeof text, "copied: %s", buf_cstr(&line));
	ui_say(ui, LOOK_DIM, text);
	buf_free(&line);
}

static void open_pager(struct ui *ui, const struct place *at)
{
	struct command_words words = {0};
	char task[TASK_WORD_SIZE];
	words_add(&words, "logs");
	words_add(&words, at->run);
	words_add(&words, place_task(at, task));
	term_leave();
	spawn_in_pager(&ui->spawner, &words);
	term_return();
	words_free(&words);
}

bool ui_action(struct ui *ui, enum ui_command command)
{
	struct place at = ui_target(ui);
	const struct action *a = action_find(command, ui_scopes(ui), ui_paused(ui));
	struct command_words words = {0};
	if (command == CMD_COPY) {
		copy_place(ui);
		return true;
	}
	if (command == CMD_PAGER) {
		open_pager(ui, &at);
		return true;
	}
	if (!a)
		return false;
	if (!a->reads) {
		ask(ui, a, &at);
		return true;
	}
	fill(&words, a, &at);
	run_words(ui, &words, true);
	words_free(&words);
	return true;
}
