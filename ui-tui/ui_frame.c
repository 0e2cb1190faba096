/* What is drawn around the panels (ui_internal.h): where one is, who schedules, what keys there are; and what is typed. */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "ui-tui/ui_internal.h"

enum { TEXT_MAX = 1024 };

/* "Runs › nightly-… › Map": the panels, and what each is about. */
static void path_text(struct ui *ui, struct buf *out)
{
	for (size_t i = 0; i < ui->depth; i++) {
		const struct panel *p = &ui->stack[i].panel;
		const struct place *at = &p->request.place, *before = i ? &ui->stack[i - 1].panel.request.place : NULL;
		buf_addf(out, "%s%s", i ? " › " : "", p->class->title);
		if (*at->run && (!before || strcmp(before->run, at->run) != 0))
			buf_addf(out, " %s", at->run);
		if (*at->table && (!before || strcmp(before->table, at->table) != 0))
			buf_addf(out, " %s%s%s", at->table, *at->partition ? " " : "", at->partition);
	}
}

static void scheduler_text(const struct feed_state *s, struct buf *out)
{
	if (s->scheduler_up)
		buf_adds(out, "scheduler up");
	else if (s->holder.pid)
		buf_addf(out, "%s", s->holder.command);
	else
		buf_adds(out, "no scheduler");
}

static void draw_title(struct ui *ui, struct area a, const struct feed_state *state)
{
	struct buf path = BUF_INIT(TEXT_MAX), right = BUF_INIT(TEXT_MAX);
	char clock[16];
	time_t now = (time_t)(clock_wall_us() / 1000000);
	struct tm tm;
	localtime_r(&now, &tm);
	strftime(clock, sizeof clock, "%H:%M", &tm);
	path_text(ui, &path);
	scheduler_text(state, &right);
	buf_addf(&right, "  %s ", clock);
	int room = a.width / 2 < (int)text_width(buf_cstr(&right)) ? a.width / 2 : (int)text_width(buf_cstr(&right));
	area_fill(a, 0, 0, a.width, LOOK_BAR, " ");
	/* The end of the path is what matters. */
	const char *text = buf_cstr(&path);
	struct text_piece piece;
	int most = a.width - room - 2, width = (int)text_width(text);
	bool cut = width > most;
	while (*text && width > most - (cut ? 1 : 0)) {
		text += text_next(text, &piece);
		width -= (int)piece.columns;
	}
	int x = cut ? 1 + area_text(a, 1, 0, 1, LOOK_BAR, "…") : 1;
	area_text(a, x, 0, most, LOOK_BAR_STRONG, text);
	area_right(a, a.width - room, 0, room, LOOK_BAR, buf_cstr(&right));
	buf_free(&path);
	buf_free(&right);
}

/* The row of what is typed, said, or can be pressed. */
static void draw_foot(struct ui *ui, struct area a, int cursor[2])
{
	struct buf hints = BUF_INIT(TEXT_MAX);
	const struct panel *p = ui_top(ui);
	if (ui->mode == MODE_COMMAND || ui->mode == MODE_FILTER) {
		area_text(a, 0, 0, 1, LOOK_KEY, ui->mode == MODE_COMMAND ? ":" : "/");
		int x = 1 + area_text(a, 1, 0, a.width - 1, LOOK_TEXT, ui->line.text);
		area_text(a, x + 2, 0, a.width - x - 2, LOOK_DIM, ui->completions);
		cursor[0] = a.x + 1 + line_column(&ui->line);
		cursor[1] = a.y;
	} else if (ui->message[0]) {
		area_text(a, 0, 0, a.width, ui->message_style, ui->message);
	} else {
		if (p->filter[0])
			buf_addf(&hints, "/%s", p->filter);
		keys_hints(ui_scopes(ui), ui_has_effect, ui, a.width, &hints);
		area_text(a, 0, 0, a.width, LOOK_DIM, buf_cstr(&hints));
	}
	buf_free(&hints);
}

static void draw_banner(struct area a, const struct feed_state *state)
{
	area_fill(a, 0, 0, a.width, LOOK_BANNER, " ");
	area_textf(a, 1, 0, a.width - 1, LOOK_BANNER, "The database is away; trying again. %s", state->problem);
}

static void draw_problem(struct area a, const char *problem)
{
	struct buf lines = BUF_INIT(2 * MESSAGE_SIZE);
	text_wrap(&lines, problem, 0, 0, (size_t)a.width);
	area_lines(a, 0, LOOK_BAD, buf_cstr(&lines));
	buf_free(&lines);
}

void ui_draw(struct ui *ui)
{
	struct feed_state state;
	struct panel *p = ui_top(ui);
	int cursor[2] = {-1, -1};
	feed_state(ui->feed, &state);
	canvas_resize(&ui->canvas, term_width(), term_height());
	struct area all = canvas_area(&ui->canvas);
	int top = state.connected ? 1 : 2;
	struct area body = area_rows(all, top, all.height - top - 1);
	draw_title(ui, area_rows(all, 0, 1), &state);
	if (!state.connected)
		draw_banner(area_rows(all, 1, 1), &state);
	p->width = body.width;
	p->height = body.height;
	p->now_us = clock_wall_us();
	if (p->data || !p->class->load)
		p->class->draw(p, body);
	else if (*ui_problem(ui))
		draw_problem(body, ui_problem(ui));
	else
		area_text(body, 0, 0, body.width, LOOK_DIM, "loading …");
	draw_foot(ui, area_rows(all, all.height - 1, 1), cursor);
	if (ui->mode == MODE_DIALOG)
		dialog_draw(&ui->dialog, body, cursor);
	term_show(&ui->canvas, cursor[0] < 0 ? NULL : cursor);
}
