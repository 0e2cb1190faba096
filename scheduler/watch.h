/* Files of the project that change: dags/ with its folders, and tables.yaml beside it; also when a folder of these is
 * moved away and comes back. A burst of changes, as an
 * editor or a checkout makes it, is told once, when it is over; what an editor keeps beside a file is none. */
#ifndef STRATA_SCHEDULER_WATCH_H
#define STRATA_SCHEDULER_WATCH_H

#include <stdbool.h>

#include <uv.h>

struct watch;

struct watch *watch_new(uv_loop_t *loop, void (*changed)(void *ctx), void *ctx);
/* Watch this project's folders as they are now, instead of those before: to be called before it is read, so that what has
 * changed until then is no news any more. */
void watch_project(struct watch *w, const char *dir);
bool watch_has_news(const struct watch *w); /* something has changed that has not been told yet */
void watch_free(struct watch *w); /* let the loop turn once afterwards */

#endif
