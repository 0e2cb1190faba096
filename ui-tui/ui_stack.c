/* The panels on the stack (ui_internal.h). Only the top one is loaded; one that is come back to shows what it had until
 * its news are there. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ui-tui/ui_internal.h"

struct panel *ui_top(struct ui *ui)
{
	return &ui->stack[ui->depth - 1].panel;
}

static void look(struct ui *ui)
{
	struct panel *p = ui_top(ui);
	p->stale = false;
	if (p->class->load)
		feed_look(ui->feed, &p->request);
	ui->dirty = true;
}

struct panel *ui_push(struct ui *ui, const struct place *place)
{
	if (ui->depth == STACK_MAX)
		return NULL;
	struct stack_item *item = &ui->stack[ui->depth++];
	*item = (struct stack_item){.panel = {.class = place->panel, .request = {.place = *place}, .state = mem_alloc(place->panel->state_size + 1)}};
	if (place->panel->init)
		place->panel->init(&item->panel);
	look(ui);
	return &item->panel;
}

static void pop(struct ui *ui)
{
	struct stack_item *item = &ui->stack[--ui->depth];
	if (item->panel.class->close)
		item->panel.class->close(&item->panel);
	free(item->panel.state);
	picture_free(item->snapshot);
}

void ui_stack_clear(struct ui *ui)
{
	while (ui->depth)
		pop(ui);
}

void ui_back(struct ui *ui)
{
	struct panel *p = ui_top(ui);
	if (p->filter[0]) { /* the filter goes first */
		p->filter[0] = '\0';
		if (p->class->filter)
			p->class->filter(p, "");
		ui->dirty = true;
		return;
	}
	if (ui->depth == 1) {
		ui->ending = true;
		return;
	}
	pop(ui);
	look(ui);
}

void ui_go_home(struct ui *ui, const struct panel_class *class)
{
	if (ui->depth == 1 && ui_top(ui)->class == class)
		return;
	ui_stack_clear(ui);
	ui_push(ui, &(struct place){.panel = class});
}

/* A snapshot of what is not on top any more is of no use. */
void ui_take_news(struct ui *ui)
{
	struct picture *s = feed_take(ui->feed);
	struct stack_item *item = &ui->stack[ui->depth - 1];
	struct panel *p = &item->panel;
	ui->dirty = true;
	if (!s)
		return;
	if (memcmp(&s->request.place, &p->request.place, sizeof s->request.place) != 0) {
		picture_free(s);
		return;
	}
	if (!s->data) {
		ui_say(ui, LOOK_BAD, s->err.text);
		picture_free(s);
		return;
	}
	picture_free(item->snapshot);
	item->snapshot = s;
	p->data = s->data;
	if (p->class->update)
		p->class->update(p);
}

struct place ui_target(struct ui *ui)
{
	struct panel *p = ui_top(ui);
	struct place at = p->request.place;
	at.panel = NULL;
	if (p->class->target && (p->data || !p->class->load))
		p->class->target(p, &at);
	return at;
}

/* What the cursor is on adds to what the panel is about. */
unsigned ui_scopes(struct ui *ui)
{
	struct place at = ui_target(ui);
	unsigned scopes = ui_top(ui)->class->scopes;
	scopes |= *at.run ? SCOPE_RUN : 0;
	scopes |= *at.run && *at.table ? SCOPE_TASK : 0;
	scopes |= *at.table ? SCOPE_TABLE : 0;
	scopes |= *at.schedule ? SCOPE_SCHEDULE : 0;
	return scopes;
}
