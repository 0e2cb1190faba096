/* See ui.h. The loop sleeps until a key, a signal, news of the feed or the end of a command; what has to be drawn is drawn
 * once before it sleeps again. */
#include "ui-tui/ui.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ui-tui/hurry.h"
#include "ui-tui/ui_internal.h"

void ui_say(struct ui *ui, enum look style, const char *text)
{
	size_t n = strcspn(text, "\n");
	snprintf(ui->message, sizeof ui->message, "%.*s", (int)n, text);
	ui->message_style = style;
	ui->dirty = true;
}

/* --- keys --- */

static void open_target(struct ui *ui)
{
	struct place at = ui_target(ui);
	if (at.panel)
		ui_push(ui, &at);
}

/* A panel that is about what the cursor is on. */
static void open_about(struct ui *ui, enum ui_command command)
{
	struct place at = ui_target(ui);
	at.panel = ui_panel_of(command);
	if (at.panel && at.panel != ui_top(ui)->class)
		ui_push(ui, &at);
}

static void next_theme(struct ui *ui)
{
	if (term_is_mono()) {
		ui_say(ui, LOOK_DIM, "this terminal has no colours, or NO_COLOR is set");
		return;
	}
	ui->theme = (enum theme)((ui->theme + 1) % THEMES_END);
	term_theme(ui->theme);
	ui_say(ui, LOOK_DIM, theme_name(ui->theme));
}

static void carry_out(struct ui *ui, enum ui_command command)
{
	struct panel *p = ui_top(ui);
	if (p->class->command && (p->data || !p->class->load) && p->class->command(p, command))
		return;
	switch (command) {
	case CMD_QUIT: ui->ending = true; break;
	case CMD_BACK: ui_back(ui); break;
	case CMD_OPEN: open_target(ui); break;
	case CMD_HELP: if (p->class != &panel_help) ui_push(ui, &(struct place){.panel = &panel_help}); break;
	case CMD_OVERVIEW: ui_go_home(ui, panel_class_nth(0)); break;
	case CMD_RUNS: ui_go_home(ui, panel_class_find("runs")); break;
	case CMD_TABLES: ui_go_home(ui, panel_class_find("tables")); break;
	case CMD_GRID: case CMD_GRAPH: case CMD_GANTT: case CMD_TASKS: case CMD_LOG: open_about(ui, command); break;
	case CMD_FILTER: ui_prompt_open(ui, MODE_FILTER); break;
	case CMD_COMMAND: ui_prompt_open(ui, MODE_COMMAND); break;
	case CMD_THEME: next_theme(ui); break;
	case CMD_REDRAW: term_redraw(); break;
	default: ui_action(ui, command); break;
	}
}

/* Keys may be faster than the database: those that mean something in the panel wait until it is there, and those after them too,
 * so that each does what it would have done for a slower hand. Where the database is away, or has nothing to show, nothing waits: it is
 * the way out. */
static bool typed_ahead(struct ui *ui, int key)
{
	const struct panel *p = ui_top(ui);
	enum ui_command command = command_of_key(key, 0);
	struct feed_state state;
	if (p->data || !p->class->load || *ui_problem(ui) || (command != CMD_NONE && command != CMD_COPY && !ui->nahead))
		return false;
	feed_state(ui->feed, &state);
	if (command == CMD_QUIT || (command == CMD_BACK && !state.connected)) {
		ui->nahead = 0;
		return false;
	}
	if (ui->nahead < AHEAD_MAX)
		ui->ahead[ui->nahead++] = key;
	return true;
}

static void on_panels_key(struct ui *ui, int key)
{
	ui->message[0] = '\0';
	if (typed_ahead(ui, key))
		return;
	enum ui_command command = command_of_key(key, ui_scopes(ui));
	if (command != CMD_NONE)
		carry_out(ui, command);
}

/* Row 0 is the title, and one more is the banner's, if there is one. */
static void on_mouse(struct ui *ui, struct term_mouse m)
{
	struct panel *p = ui_top(ui);
	m.y -= term_height() - 1 - p->height;
	if (ui->mode == MODE_PANELS && p->class->click && (p->data || !p->class->load) && m.y >= 0 && m.y < p->height && p->class->click(p, &m))
		open_target(ui);
}

static void on_key(struct ui *ui, int key, const struct term_mouse *mouse)
{
	ui->dirty = true;
	if (key == TERM_RESIZE)
		return;
	if (key == TERM_MOUSE)
		on_mouse(ui, *mouse);
	else if (ui->mode == MODE_DIALOG)
		ui_dialog_key(ui, key);
	else if (ui->mode != MODE_PANELS)
		ui_prompt_key(ui, key);
	else
		on_panels_key(ui, key);
}

static void on_input(uv_poll_t *poll, int status, int events)
{
	struct ui *ui = poll->data;
	struct term_mouse mouse = {0};
	int key;
	if (status < 0 || (events & UV_DISCONNECT)) { /* the terminal is gone */
		ui->ending = true;
		return;
	}
	while (!ui->ending && (key = term_key(&mouse)) != TERM_NONE)
		on_key(ui, key, &mouse);
}

/* --- signals, news, time --- */

static void on_end(uv_signal_t *handle, int signum)
{
	struct ui *ui = handle->data;
	(void)signum;
	ui->ending = true;
}

static void on_resized(uv_signal_t *handle, int signum)
{
	struct ui *ui = handle->data;
	(void)signum;
	term_resized();
	ui->dirty = true;
}

/* Ctrl-Z: the terminal is put right first, and taken back when the shell lets us go on. */
static void on_stop(uv_signal_t *handle, int signum)
{
	(void)handle;
	(void)signum;
	term_leave();
	kill(0, SIGSTOP);
}

static void on_continue(uv_signal_t *handle, int signum)
{
	struct ui *ui = handle->data;
	(void)signum;
	term_return();
	ui->dirty = true;
}

static void tell_of_project(struct ui *ui)
{
	char problem[FEED_PROBLEM_SIZE], text[FEED_PROBLEM_SIZE + 64];
	if (!feed_project_news(ui->feed, problem))
		return;
	snprintf(text, sizeof text, "%s%s", *problem ? "the project is broken: " : "the project is whole again", problem);
	ui_say(ui, *problem ? LOOK_BAD : LOOK_GOOD, text);
}

static void on_news(void *ctx)
{
	struct ui *ui = ctx;
	int keys[AHEAD_MAX];
	size_t n = ui->nahead;
	tell_of_project(ui);
	ui_take_news(ui);
	if (!n || (!ui_top(ui)->data && !*ui_problem(ui)))
		return;
	memcpy(keys, ui->ahead, n * sizeof *keys);
	ui->nahead = 0;
	for (size_t i = 0; i < n && !ui->ending; i++)
		on_key(ui, keys[i], &(struct term_mouse){0});
}

static void on_second(uv_timer_t *timer)
{
	struct ui *ui = timer->data;
	ui->dirty = true;
	ui_top(ui)->stale |= ui_top(ui)->class->tails;
}

/* Times that run on are drawn each second; a screen on which nothing runs sleeps. */
static void keep_time(struct ui *ui)
{
	const struct panel *p = ui_top(ui);
	bool lively = p->class->lively && p->data && p->class->lively(p);
	if (lively && !uv_is_active((uv_handle_t *)&ui->second))
		uv_timer_start(&ui->second, on_second, 1000, 1000);
	else if (!lively)
		uv_timer_stop(&ui->second);
}

static void draw(struct ui *ui)
{
	int64_t began_us = clock_mono_us();
	ui_draw(ui);
	spans_add(&ui->draws, clock_mono_us() - began_us);
}

static void before_sleep(uv_prepare_t *prepare)
{
	struct ui *ui = prepare->data;
	if (ui->ending)
		uv_stop(&ui->loop);
	else if (ui->dirty)
		draw(ui);
	ui->dirty = false;
	if (ui->ending)
		return;
	struct panel *p = ui_top(ui);
	if (p->stale && p->class->load) { /* as it was drawn, it looks at another part */
		p->stale = false;
		feed_look(ui->feed, &p->request);
	}
	keep_time(ui);
}

/* --- life --- */

static void watch(struct ui *ui, uv_signal_t *handle, uv_signal_cb on_signal, int signum)
{
	uv_signal_init(&ui->loop, handle);
	handle->data = ui;
	uv_signal_start(handle, on_signal, signum);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* libuv makes what it polls non-blocking, and so for everybody who has this terminal open: the shell, after us, and curses,
 * which would try without a pause to write to a terminal that nobody reads. Keys are read only where there are some. */
static void let_block(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags >= 0)
		fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

static void open_loop(struct ui *ui)
{
	uv_loop_init(&ui->loop);
	watch(ui, &ui->sigint, on_end, SIGINT);
	watch(ui, &ui->sigterm, on_end, SIGTERM);
	watch(ui, &ui->sighup, on_end, SIGHUP);
	hurry_by(SIGTERM);
	hurry_by(SIGHUP);
	watch(ui, &ui->sigwinch, on_resized, SIGWINCH);
	watch(ui, &ui->sigtstp, on_stop, SIGTSTP);
	watch(ui, &ui->sigcont, on_continue, SIGCONT);
	uv_poll_init(&ui->loop, &ui->input, STDIN_FILENO);
	let_block(STDIN_FILENO);
	ui->input.data = ui;
	uv_poll_start(&ui->input, UV_READABLE | UV_DISCONNECT, on_input);
	uv_prepare_init(&ui->loop, &ui->before_sleep);
	ui->before_sleep.data = ui;
	uv_prepare_start(&ui->before_sleep, before_sleep);
	uv_timer_init(&ui->loop, &ui->second);
	ui->second.data = ui;
}

int ui_run(const struct ui_options *options, struct err *err)
{
	struct ui ui = {.options = *options, .theme = options->theme, .dirty = true};
	ui.draws.on = ui.loads.on = getenv("STRATA_TOP_SPANS") != NULL;
	int rc = term_open(&(struct term_options){.theme = options->theme, .ascii = options->ascii, .mono = options->mono}, err);
	if (rc < 0)
		return rc;
	open_loop(&ui);
	ui.spawner = (struct spawner){.loop = &ui.loop, .global = options->global};
	ui.feed = feed_new(&(struct feed_options){.loop = &ui.loop, .ws = options->ws, .on_news = on_news, .ctx = &ui, .loads = &ui.loads});
	ui_push(&ui, &(struct place){.panel = options->first});
	uv_run(&ui.loop, UV_RUN_DEFAULT);
	term_close(); /* first: what ends slowly does so with the terminal given back */
	uv_prepare_stop(&ui.before_sleep);
	while (ui.commands) /* what was asked for is carried out */
		uv_run(&ui.loop, UV_RUN_ONCE);
	feed_free(ui.feed);
	ui_stack_clear(&ui);
	dialog_free(&ui.dialog);
	canvas_free(&ui.canvas);
	uv_walk(&ui.loop, close_handle, NULL);
	uv_run(&ui.loop, UV_RUN_DEFAULT);
	uv_loop_close(&ui.loop);
	spans_write(&ui.draws, "draw", stderr);
	spans_write(&ui.loads, "load", stderr);
	spans_free(&ui.draws);
	spans_free(&ui.loads);
	return 0;
}
