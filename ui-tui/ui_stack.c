/* The panels on the stack (ui_internal.h). Only the top one is loaded; one that is come back to shows what it had until
 * its news are there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ui-tui/ui_internal.h"

struct panel *ui_top(struct ui *ui)
{
	return &ui->stack[ui->depth - 1].panel;
}

const char *ui_problem(struct ui *ui)
{
	return ui->stack[ui->depth - 1].problem;
}

void ui_look(struct ui *ui)
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
	ui_look(ui);
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
	ui_look(ui);
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
		if (p->data)
			ui_say(ui, LOOK_BAD, s->err.text);
		else
			snprintf(item->problem, sizeof item->problem, "%s", s->err.text);
		picture_free(s);
		return;
	}
	picture_free(item->snapshot);
	item->snapshot = s;
	p->data = s->data;
	p->run_paused = s->run_paused;
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

bool ui_paused(struct ui *ui)
{
	struct panel *p = ui_top(ui);
	return p->class->paused && p->data ? p->class->paused(p) : p->run_paused;
}

const struct panel_class *ui_panel_of(enum ui_command command)
{
	static const struct {
		enum ui_command command;
		const char *name;
	} opens[] = {{CMD_GRID, "map"}, {CMD_GRAPH, "graph"}, {CMD_GANTT, "time"}, {CMD_TASKS, "tasks"}, {CMD_LOG, "log"}};
	for (size_t i = 0; i < sizeof opens / sizeof *opens; i++) {
		if (opens[i].command == command)
			return panel_class_find(opens[i].name);
	}
	return NULL;
}

bool ui_has_effect(void *ctx, enum ui_command command)
{
	struct ui *ui = ctx;
	const struct panel *p = ui_top(ui);
	const struct panel_class *opens = ui_panel_of(command);
	if (command == CMD_OPEN)
		return (p->class->scopes & SCOPE_MAP) || ui_target(ui).panel;
	return opens ? opens != p->class : command != CMD_HELP || p->class != &panel_help;
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
