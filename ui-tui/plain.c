/* See plain.h. A panel is drawn on a canvas that is as high as its rows, and what was not there before is printed. */
#include "ui-tui/plain.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "ui-tui/feed.h"
#include "ui-tui/hurry.h"

enum { WIDTH = 240, HEIGHT = 2000 };

struct plain {
	struct plain_options options;
	uv_loop_t loop;
	uv_signal_t sigint, sigterm, sighup;
	struct feed *feed;
	struct panel panel;
	struct picture *picture;
	struct canvas canvas;
	char **said;        /* [nsaid] lines of the newest picture */
	size_t nsaid;
	bool away, ending;
};

/* Bars mean nothing to the ear, and columns are no columns there: two blanks are between them. */
static char *as_line(const struct canvas *c, int y)
{
	struct buf row = BUF_INIT(WIDTH * CELL_BYTES), line = BUF_INIT(WIDTH * CELL_BYTES);
	size_t blanks = 0;
	canvas_row(c, y, &row);
	for (const char *s = buf_cstr(&row); *s; s++) {
		if (strncmp(s, "▓", 3) == 0 || strncmp(s, "░", 3) == 0) {
			s += 2;
			continue;
		}
		blanks = *s == ' ' ? blanks + 1 : 0;
		if (blanks <= 2 && !(blanks && !line.len))
			buf_addc(&line, *s);
	}
	while (line.len && line.data[line.len - 1] == ' ')
		line.data[--line.len] = '\0';
	buf_free(&row);
	return line.len ? buf_steal(&line) : NULL;
}

static void say(struct plain *p, const char *line)
{
	char clock[16];
	time_t now = (time_t)(clock_wall_us() / 1000000);
	struct tm tm;
	localtime_r(&now, &tm);
	strftime(clock, sizeof clock, "%H:%M:%S", &tm);
	fprintf(p->options.out, "%s  %s\n", clock, line);
}

static bool was_said(const struct plain *p, const char *line)
{
	for (size_t i = 0; i < p->nsaid; i++) {
		if (strcmp(p->said[i], line) == 0)
			return true;
	}
	return false;
}

static void say_news(struct plain *p)
{
	char **lines = mem_array(HEIGHT, sizeof *lines);
	size_t n = 0;
	canvas_resize(&p->canvas, WIDTH, HEIGHT);
	p->panel.now_us = 0; /* how long something has taken by now is no news */
	p->panel.class->draw(&p->panel, canvas_area(&p->canvas));
	for (int y = 1; y < HEIGHT; y++) { /* below the head */
		char *line = as_line(&p->canvas, y);
		if (!line)
			continue;
		if (!was_said(p, line))
			say(p, line);
		lines[n++] = line;
	}
	for (size_t i = 0; i < p->nsaid; i++)
		free(p->said[i]);
	free(p->said);
	p->said = lines;
	p->nsaid = n;
	if (fflush(p->options.out) != 0)
		p->ending = true;
}

static void on_news(void *ctx)
{
	struct plain *p = ctx;
	char problem[FEED_PROBLEM_SIZE], text[FEED_PROBLEM_SIZE + 64];
	struct feed_state state;
	feed_state(p->feed, &state);
	if (p->away == state.connected) {
		p->away = !state.connected;
		say(p, p->away ? "the database is away; trying again" : "the database is back");
		fflush(p->options.out);
	}
	if (feed_project_news(p->feed, problem)) {
		snprintf(text, sizeof text, "%s%s", *problem ? "the project is broken: " : "the project is whole again", problem);
		say(p, text);
		fflush(p->options.out);
	}
	struct picture *picture = feed_take(p->feed);
	if (!picture)
		return;
	if (picture->data) {
		picture_free(p->picture);
		p->picture = picture;
		p->panel.data = picture->data;
		p->panel.class->update(&p->panel);
		say_news(p);
	} else {
		say(p, picture->err.text);
		picture_free(picture);
	}
	if (p->ending || p->options.once)
		uv_stop(&p->loop);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	(void)signum;
	uv_stop(handle->loop);
}

static void watch(struct plain *p, uv_signal_t *handle, int signum)
{
	uv_signal_init(&p->loop, handle);
	uv_signal_start(handle, on_signal, signum);
	hurry_by(signum);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void end(struct plain *p)
{
	feed_free(p->feed);
	picture_free(p->picture);
	p->panel.class->close(&p->panel);
	free(p->panel.state);
	canvas_free(&p->canvas);
	for (size_t i = 0; i < p->nsaid; i++)
		free(p->said[i]);
	free(p->said);
	uv_walk(&p->loop, close_handle, NULL);
	uv_run(&p->loop, UV_RUN_DEFAULT);
	uv_loop_close(&p->loop);
}

void plain_run(const struct plain_options *options)
{
	const struct panel_class *class = options->panel;
	struct plain p = {.options = *options, .panel = {.class = class, .request = {.place = {.panel = class}}}};
	uv_loop_init(&p.loop);
	watch(&p, &p.sigint, SIGINT);
	watch(&p, &p.sigterm, SIGTERM);
	watch(&p, &p.sighup, SIGHUP);
	p.panel.state = mem_alloc(class->state_size + 1);
	class->init(&p.panel);
	p.feed = feed_new(&(struct feed_options){.loop = &p.loop, .ws = options->ws, .on_news = on_news, .ctx = &p});
	feed_look(p.feed, &p.panel.request);
	uv_run(&p.loop, UV_RUN_DEFAULT);
	end(&p);
}
