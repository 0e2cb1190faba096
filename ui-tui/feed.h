/* What is on the screen, kept up to date from the database by a thread of its own: it listens, and loads what is
 * looked at when something has changed. It only reads.
 *
 *     struct feed *f = feed_new(&(struct feed_options){…}, &err);
 *     feed_look(f, &request);                      the newest wins
 *     … in on_news, in the loop's thread:
 *         struct picture *s = feed_take(f);       NULL: only feed_state may have changed
 *     feed_free(f);
 *
 * Where the database goes away, feed_state says so, and the feed tries again until it is back. It loads at most four times
 * a second, and every ten seconds while nothing changes; less often what takes long.
 *
 * The project is read again when its files change. One with errors changes nothing: the last good one is what is shown. */
#ifndef STRATA_UI_TUI_FEED_H
#define STRATA_UI_TUI_FEED_H

#include <uv.h>

#include "scheduler/workspace.h"
#include "ui-tui/panel.h"
#include "ui-tui/spans.h"

struct feed_options {
	uv_loop_t *loop;
	struct workspace *ws;       /* project read, maybe with errors, and database open; the feed's thread alone uses it until feed_free */
	void (*on_news)(void *ctx); /* in the loop's thread */
	void *ctx;
	struct spans *loads;        /* how long each load took, to be read after feed_free; NULL: nobody wants to know */
};

/* What was loaded; picture_free it when it is shown no longer. */
struct picture {
	struct arena arena;
	struct view_request request;
	const void *data;           /* NULL: it could not be loaded */
	struct err err;             /* why not */
	bool run_paused;            /* of what the place is about */
};
void picture_free(struct picture *s);

struct feed_state {
	bool connected;
	char problem[512];          /* why not */
	bool scheduler_up;          /* as of the newest snapshot */
	struct leader_holder holder;
};

struct feed;
struct feed *feed_new(const struct feed_options *options);
void feed_free(struct feed *f); /* ends the thread; a load that is under way is waited for */

void feed_look(struct feed *f, const struct view_request *request);
struct picture *feed_take(struct feed *f);
void feed_state(struct feed *f, struct feed_state *ret);
/* Whether it is news that the project as its files are now has errors, or has none any more: then the first one, or "". */
enum { FEED_PROBLEM_SIZE = 512 };
bool feed_project_news(struct feed *f, char ret_problem[FEED_PROBLEM_SIZE]);

#endif
