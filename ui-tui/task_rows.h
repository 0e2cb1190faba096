/* Rows of tasks in a listing: a panel whose snapshot begins with these has the key of its rows and what the cursor is on. */
#ifndef STRATA_UI_TUI_TASK_ROWS_H
#define STRATA_UI_TUI_TASK_ROWS_H

#include "ui-tui/listing_panel.h"

enum { TASK_ROWS_MOST = 5000 }; /* of a large run, no more than somebody reads */

struct task_rows {
	struct task_row *rows;
	size_t n;
};

/* The urgent ones first. */
int task_rows_load(const char *run_id, const struct view_source *source, struct task_rows *ret, struct err *err);
void task_rows_update(struct panel *p, const struct listing_column *columns,
                      void (*cell)(const void *data, size_t row, size_t column, struct listing_cell *ret));
void task_rows_target(const struct panel *p, struct place *ret);
void task_rows_command_line(const struct panel *p, struct buf *out);

#endif
