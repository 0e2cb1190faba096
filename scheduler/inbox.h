/* The commands that wait for the lake's scheduler: a connection of its own that listens, so that a command wakes the
 * loop. Where the connection is lost it is made again, and whatever waits is found then.
 *
 *     inbox_open(&in, loop, conninfo, lake_id, on_mail, ctx);   on_mail: something may wait; look into strata.command
 *     ...
 *     inbox_close(&in); and let the loop turn once */
#ifndef STRATA_SCHEDULER_INBOX_H
#define STRATA_SCHEDULER_INBOX_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <uv.h>

struct inbox {
	uv_loop_t *loop;
	const char *conninfo; /* the caller's */
	int lake_id;
	PGconn *conn;         /* NULL while it is lost */
	uv_poll_t poll;
	uv_timer_t again;
	bool polling, closed;
	void (*on_mail)(void *ctx);
	void *ctx;
};

void inbox_open(struct inbox *in, uv_loop_t *loop, const char *conninfo, int lake_id, void (*on_mail)(void *ctx), void *ctx);
void inbox_close(struct inbox *in);

#endif
