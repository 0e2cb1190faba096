/* The tables of a run, by layer: what its selection says, or, where that cannot be known, those that have tasks with a row.
 * Shared by the panels that show a run as a whole. */
#ifndef STRATA_UI_TUI_RUN_TABLES_H
#define STRATA_UI_TUI_RUN_TABLES_H

#include "ui-tui/panel.h"

/* One table, or the head of a layer (table "" and the number of its tables). */
struct run_line {
	const char *layer, *table; /* "dwd", "dwd.dwd_flights" */
	uint32_t index;            /* in the project, UINT32_MAX: not there any more */
	uint32_t tables;           /* of a head */
	bool partitioned;          /* it has a task a date, else one in all */
};

struct run_tables {
	struct run_row run;
	struct run_line *lines;    /* layers in the project's order, each its head and its tables */
	size_t n;
	int32_t first_day;
	uint32_t ndates;           /* at least 1 */
};

/* All in `arena`. */
int run_tables_load(const char *run_id, const struct view_source *source, struct arena *arena, struct run_tables *ret, struct err *err);

#endif
