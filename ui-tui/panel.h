/* Panels: what the screen shows, each a file and a line in ui-tui/panels.c.
 *
 * A panel looks at one place. Its `load` runs in the feed's thread, asks the database (read only), and makes an immutable
 * snapshot that is wholly in its arena; everything else runs in the screen's thread and only looks at the newest snapshot. So a slow database never
 * holds up a key, and no rule of the scheduler is known here. */
#ifndef STRATA_UI_TUI_PANEL_H
#define STRATA_UI_TUI_PANEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/project.h"
#include "scheduler/leader.h"
#include "scheduler/queries.h"
#include "ui-tui/canvas.h"
#include "ui-tui/keys.h"
#include "ui-tui/term.h"

struct panel_class;

/* What is looked at, or meant by the cursor. "" and NULL where it does not apply. */
struct place {
	const struct panel_class *panel;
	char run[160], table[256], partition[16], schedule[128];
};

/* The task of a place as a word of a command: "dwd.dwd_flights@2013-01-03". */
enum { TASK_WORD_SIZE = 256 + 16 + 1 };
char *place_task(const struct place *at, char out[TASK_WORD_SIZE]);

enum { VIEW_LINES = 512 }; /* more than a screen has rows */

/* A place, and which part of it is on the screen, for panels that are larger than a snapshot should be. */
struct view_request {
	struct place place;
	int64_t window[4]; /* the panel's own meaning; all 0 at first */
	uint32_t lines[VIEW_LINES]; /* the same */
};

/* Whom `load` may ask. */
struct view_source {
	struct query query;            /* its arena is the snapshot's */
	const struct project *project; /* with its edges where needs_edges; tables may be fewer or more than the state knows */
	const char *lake;              /* absolute folder: logs are below it */
	bool scheduler_up;             /* as of this snapshot */
	struct leader_holder holder;   /* pid 0: nobody schedules the lake */
};

struct panel;
struct panel_class {
	const char *name;              /* "runs", as in ':runs' */
	const char *title;             /* "Runs" */
	unsigned scopes;               /* enum scope: which keys it has */
	bool needs_edges;              /* the project is read with its SQL */
	size_t state_size;             /* of panel.state, zeroed */
	/* NULL: it needs nothing of the state; its data are there at once. */
	void *(*load)(const struct view_request *rq, const struct view_source *source, struct arena *arena, struct err *err);
	void (*init)(struct panel *p); /* NULL: nothing to do; so for all below */
	void (*update)(struct panel *p); /* p->data is new */
	void (*draw)(struct panel *p, struct area a); /* p->data is there */
	bool (*command)(struct panel *p, enum ui_command c); /* false: not its own */
	bool (*click)(struct panel *p, const struct term_mouse *m); /* within its area; true: open what is there */
	void (*filter)(struct panel *p, const char *text);
	/* What the cursor is on; ret is the panel's own place before, ret->panel what Enter opens (NULL: nothing). */
	void (*target)(const struct panel *p, struct place *ret);
	/* The command line that shows the same: "strata runs". Asked also of a panel that only has its place, neither data nor state. */
	void (*command_line)(const struct panel *p, struct buf *out);
	bool (*paused)(const struct panel *p); /* what the cursor is on; where it is not said: the panel's own run */
	bool (*lively)(const struct panel *p); /* it shows times that run on: drawn each second */
	bool tails;                    /* while it is lively it is loaded each second, too: a file grows without a word */
	void (*close)(struct panel *p);
};

struct panel {
	const struct panel_class *class;
	struct view_request request;   /* a panel that changes window sets `stale`, and is loaded anew */
	bool stale;
	const void *data;              /* of the newest snapshot; NULL before the first */
	bool run_paused;               /* the run that the panel is about, as of its snapshot */
	void *state;
	int width, height;             /* as drawn last */
	int64_t now_us;                /* wall clock, of this drawing; 0: for lines of text, without what changes each second */
	char filter[128];
};

extern const struct panel_class panel_graph, panel_help, panel_log, panel_map, panel_overview, panel_runs, panel_table, panel_tables,
	panel_task, panel_tasks, panel_text, panel_time;

/* Text that somebody has at hand (what a command said), for a panel_text that was pushed just now; copied. */
void panel_text_set(struct panel *p, const char *text);

/* The i-th class, NULL past the last; those of the keys 1, 2, … come first. */
const struct panel_class *panel_class_nth(size_t i);
const struct panel_class *panel_class_find(const char *name);

#endif
