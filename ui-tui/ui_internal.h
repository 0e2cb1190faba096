/* The screen's parts (ui-tui/ui.h). */
#ifndef STRATA_UI_TUI_UI_INTERNAL_H
#define STRATA_UI_TUI_UI_INTERNAL_H

#include "ui-tui/dialog.h"
#include "ui-tui/feed.h"
#include "ui-tui/spans.h"
#include "ui-tui/ui.h"

enum { STACK_MAX = 16, MESSAGE_SIZE = 512, AHEAD_MAX = 32 };

enum mode { MODE_PANELS, MODE_COMMAND, MODE_FILTER, MODE_DIALOG };

struct stack_item {
	struct panel panel;
	struct picture *snapshot; /* what panel.data is in */
	char problem[MESSAGE_SIZE]; /* why there is none */
};

struct ui {
	struct ui_options options;
	uv_loop_t loop;
	uv_poll_t input;
	uv_prepare_t before_sleep;
	uv_signal_t sigint, sigterm, sigwinch, sigtstp, sigcont, sighup;
	uv_timer_t second;
	struct feed *feed;
	struct spawner spawner;
	struct canvas canvas;
	enum theme theme;
	struct stack_item stack[STACK_MAX];
	size_t depth;
	enum mode mode;
	struct line line;            /* what is typed after ':' or '/' */
	char completions[MESSAGE_SIZE]; /* what may stand there, after Tab; "" : nothing was asked, or there is one */
	struct dialog dialog;
	char message[MESSAGE_SIZE];  /* at the foot; "" : the hints are there */
	enum look message_style;
	int ahead[AHEAD_MAX];        /* keys that were typed before the panel that they are for was loaded */
	size_t nahead;
	bool dirty, ending;
	size_t commands;             /* that run */
	struct spans draws, loads;   /* where STRATA_TOP_SPANS is set: told on stderr at the end */
};

/* ui.c */
void ui_say(struct ui *ui, enum look style, const char *text);

/* ui_stack.c */
struct panel *ui_top(struct ui *ui);
/* Why it has no data; "": they come. */
const char *ui_problem(struct ui *ui);
/* NULL: the stack is as high as it may be. */
struct panel *ui_push(struct ui *ui, const struct place *place);
void ui_back(struct ui *ui);                            /* from the first one: the end */
void ui_go_home(struct ui *ui, const struct panel_class *class); /* the stack is that panel alone */
void ui_look(struct ui *ui);                            /* load the top one anew */
void ui_take_news(struct ui *ui);
void ui_stack_clear(struct ui *ui);
/* What the cursor is on, or the panel itself. */
struct place ui_target(struct ui *ui);
unsigned ui_scopes(struct ui *ui);
/* What a pause would be of is paused already. */
bool ui_paused(struct ui *ui);
/* The panel that a command opens about what the cursor is on; NULL: it is no such command. */
const struct panel_class *ui_panel_of(enum ui_command command);
/* A command whose scope holds may still do nothing here: such a key is not hinted at. `ctx` is the ui. */
bool ui_has_effect(void *ctx, enum ui_command command);

/* ui_frame.c */
void ui_draw(struct ui *ui);

/* ui_prompt.c */
void ui_prompt_open(struct ui *ui, enum mode mode);
void ui_prompt_key(struct ui *ui, int key);

/* action.c */
/* False: it is no action, or means nothing here. */
bool ui_action(struct ui *ui, enum ui_command command);
/* Run these words now. */
void ui_run_words(struct ui *ui, const struct command_words *words);
void ui_dialog_key(struct ui *ui, int key);

#endif
