/* The table of panels (ui-tui/panel.h). */
#include <stdio.h>

#include "base/str.h"
#include "ui-tui/panel.h"

static const struct panel_class *const classes[] = {
	&panel_overview,
	&panel_runs,
	&panel_tables,
	&panel_table,
	&panel_map,
	&panel_graph,
	&panel_time,
	&panel_tasks,
	&panel_task,
	&panel_log,
	&panel_help,
	&panel_text,
};

const struct panel_class *panel_class_nth(size_t i)
{
	return i < sizeof classes / sizeof *classes ? classes[i] : NULL;
}

const struct panel_class *panel_class_find(const char *name)
{
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
		if (str_eq(classes[i]->name, name))
			return classes[i];
	}
	return NULL;
}

char *place_task(const struct place *at, char out[TASK_WORD_SIZE])
{
	snprintf(out, TASK_WORD_SIZE, "%s%s%s", at->table, *at->partition ? "@" : "", at->partition);
	return out;
}
