/* See dialog.h. */
#include "ui-tui/dialog.h"

#include <string.h>

#include "base/str.h"
#include "base/text.h"
#include "ui-tui/term.h"

enum { WIDTH = 76, LABEL = 12, COMMAND_MAX = 4096 };

void dialog_free(struct dialog *d)
{
	words_free(&d->words);
	*d = (struct dialog){0};
}

void dialog_words(const struct dialog *d, struct command_words *ret)
{
	ret->n = 0;
	for (size_t i = 0; i < d->words.n; i++)
		words_add(ret, d->words.word[i]);
	for (size_t i = 0; i < d->nfields; i++) {
		const struct dialog_field *f = &d->fields[i];
		char text[LINE_SIZE], *rest = NULL;
		if (!f->line.len || (f->flag && str_eq(f->line.text, "no")))
			continue;
		if (f->option)
			words_add(ret, f->option);
		if (f->flag)
			continue;
		if (f->option) {
			words_add(ret, f->line.text);
			continue;
		}
		memcpy(text, f->line.text, f->line.len + 1);
		for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
			words_add(ret, word);
	}
}

static enum dialog_end form_key(struct dialog *d, int key)
{
	if (key == TERM_ENTER && d->at + 1 == d->nfields)
		return DIALOG_YES;
	if (key == TERM_ENTER || key == TERM_TAB || key == TERM_DOWN)
		d->at = (d->at + 1) % d->nfields;
	else if (key == TERM_BACK_TAB || key == TERM_UP)
		d->at = (d->at + d->nfields - 1) % d->nfields;
	else
		line_key(&d->fields[d->at].line, key);
	return DIALOG_OPEN;
}

enum dialog_end dialog_key(struct dialog *d, int key)
{
	if (key == TERM_ESCAPE || key == TERM_CTRL('c'))
		return DIALOG_NO;
	if (d->nfields)
		return form_key(d, key);
	switch (key) {
	case 'y': case 'Y': return DIALOG_YES;
	case 'n': case 'N': case 'q': return DIALOG_NO;
	case 'c': return DIALOG_COPY;
	default: return DIALOG_OPEN;
	}
}

static void frame(struct area a)
{
	int w = a.width, h = a.height;
	for (int y = 0; y < h; y++)
		area_fill(a, 0, y, w, LOOK_TEXT, " ");
	area_fill(a, 0, 0, w, LOOK_STRONG, "─");
	area_fill(a, 0, h - 1, w, LOOK_STRONG, "─");
	for (int y = 0; y < h; y++) {
		area_fill(a, 0, y, 1, LOOK_STRONG, y == 0 ? "┌" : y == h - 1 ? "└" : "│");
		area_fill(a, w - 1, y, 1, LOOK_STRONG, y == 0 ? "┐" : y == h - 1 ? "┘" : "│");
	}
}

/* The command line, wrapped; returns the number of its lines. */
static int command_lines(const struct dialog *d, int width, struct buf *out)
{
	struct buf line = BUF_INIT(COMMAND_MAX);
	struct command_words words = {0};
	int lines = 1;
	dialog_words(d, &words);
	words_line(&words, &line);
	text_wrap(out, buf_cstr(&line), 0, 4, (size_t)width);
	for (const char *s = buf_cstr(out); *s; s++)
		lines += *s == '\n';
	words_free(&words);
	buf_free(&line);
	return lines;
}

void dialog_draw(const struct dialog *d, struct area a, int ret_cursor[2])
{
	struct buf command = BUF_INIT(COMMAND_MAX);
	int width = a.width < WIDTH ? a.width : WIDTH, inner = width - 4;
	int height = 5 + command_lines(d, inner, &command) + (int)d->nfields + (d->nfields > 0), y = 1;
	struct area box = area_rows(area_columns(a, (a.width - width) / 2, width), a.height > height ? (a.height - height) / 3 : 0, height);
	frame(box);
	area_text(box, 2, y++, inner, LOOK_STRONG, d->question);
	y++;
	ret_cursor[0] = -1;
	for (size_t i = 0; i < d->nfields; i++, y++) {
		const struct dialog_field *f = &d->fields[i];
		area_text(box, 2, y, LABEL - 1, i == d->at ? LOOK_KEY : LOOK_TEXT, f->label);
		area_fill(box, 2 + LABEL, y, inner - LABEL, LOOK_TEXT, " ");
		area_text(box, 2 + LABEL, y, inner - LABEL, LOOK_TEXT, f->line.text);
		area_mark(box, 2 + LABEL, y, inner - LABEL, MARK_UNDERLINE);
		if (i == d->at) {
			ret_cursor[0] = box.x + 2 + LABEL + line_column(&f->line);
			ret_cursor[1] = box.y + y;
		}
	}
	if (d->nfields)
		y++;
	y = area_lines(area_columns(box, 2, inner), y, LOOK_DIM, buf_cstr(&command));
	area_text(box, 2, y, inner, LOOK_KEY, d->nfields ? "Tab next field   Enter at the last: do it   Esc no" : "y yes   n no   c copy the command line");
	buf_free(&command);
}
