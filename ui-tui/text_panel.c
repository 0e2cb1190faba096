/* See text_panel.h. */
#include "ui-tui/text_panel.h"

enum { WHEEL_LINES = 3 };

void text_panel_draw(struct panel *p, struct area a)
{
	textview_draw(p->state, a);
}

bool text_panel_command(struct panel *p, enum ui_command c)
{
	return textview_command(p->state, c, p->height);
}

bool text_panel_click(struct panel *p, const struct term_mouse *m)
{
	textview_scroll(p->state, WHEEL_LINES * m->wheel);
	return false;
}

void text_panel_filter(struct panel *p, const char *text)
{
	textview_search(p->state, text);
}

void text_panel_close(struct panel *p)
{
	textview_free(p->state);
}

enum look text_panel_look(const char *line)
{
	return *line == '>' ? LOOK_BAD : *line && *line != ' ' ? LOOK_HEAD : LOOK_TEXT;
}

void page_field(struct buf *out, const char *label, const char *value)
{
	if (value && *value)
		buf_addf(out, "  %-*s%s\n", PAGE_LABEL, label, value);
}

void *text_page_of(struct buf *written, struct arena *arena)
{
	struct text_page *page = arena_alloc(arena, sizeof *page);
	*page = (struct text_page){arena_strndup(arena, buf_cstr(written), written->len), written->len};
	buf_free(written);
	return page;
}

void text_page_init(struct panel *p)
{
	((struct textview *)p->state)->style_of = text_panel_look;
	((struct textview *)p->state)->wrap = true;
}

void text_page_update(struct panel *p)
{
	const struct text_page *page = p->data;
	textview_set(p->state, page->text, page->size);
}
