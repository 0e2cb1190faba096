/* Postgres on the loop: one connection in pipeline mode, that comes back by itself.
 *
 * Calling sequence:
 *     struct pg *pg = pg_new(loop, conninfo, &hooks);
 *     pg_adopt(pg, conn);                  a connection made with db_connect
 *     pg_prepare(pg, statements, n);       in hooks.up, and after pg_adopt
 *     pg_begin(pg); pg_add(pg, &statement, params); ... pg_end(pg, done, ctx);
 *     pg_close(pg, closed, ctx);
 *
 * The statements between pg_begin and pg_end are one transaction: all or none. Groups are answered in
 * the order of pg_end, each exactly once. When the connection is lost, what has not been answered is
 * answered PG_LOST (it may or may not have been committed), then hooks.down is called, then connecting
 * is tried again, after 20 ms at first and 2 s at most, until hooks.up. Callbacks come from the loop,
 * never from within a call, but for pg_close. */
#ifndef STRATA_SCHEDULER_PG_H
#define STRATA_SCHEDULER_PG_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct pg;

/* Prepared once per connection; parameter types are those that the text casts to ($1::bigint). */
struct pg_statement {
	const char *name, *sql;
};

/* `format` 1: binary, 0: text. data NULL: SQL NULL. Copied. */
struct pg_param {
	const char *data;
	int size, format;
};

struct pg_hooks {
	void (*up)(void *ctx);                    /* connected again (not after pg_adopt) */
	void (*down)(void *ctx, const char *why); /* once per loss, and not for attempts that fail */
	void (*notified)(void *ctx);              /* something that a LISTEN of ours is for; NULL: nobody listens */
	void *ctx;
};

enum pg_status {
	PG_DONE,    /* committed */
	PG_REFUSED, /* rolled back; sqlstate and message say why */
	PG_LOST,    /* connection lost before the answer */
};

struct pg_reply {
	enum pg_status status;
	char sqlstate[6];            /* PG_REFUSED */
	char message[1024];
	PGresult *const *results;    /* one per statement of the group, in order; gone after the callback */
	size_t nresults;
};
typedef void (*pg_done)(void *ctx, const struct pg_reply *reply);

struct pg *pg_new(uv_loop_t *loop, const char *conninfo, const struct pg_hooks *hooks);
void pg_connect(struct pg *pg);            /* in place of pg_adopt: hooks.up follows from the loop */
int pg_adopt(struct pg *pg, PGconn *conn); /* takes conn, also on failure (negative) */
bool pg_is_up(const struct pg *pg);

/* Only while it is up. A statement that fails to prepare is logged, and refused when it is used. */
void pg_prepare(struct pg *pg, const struct pg_statement *list, size_t n);
void pg_begin(struct pg *pg);
void pg_add(struct pg *pg, const struct pg_statement *s, const struct pg_param *params, int nparams);
void pg_end(struct pg *pg, pg_done done, void *ctx);

/* Break the connection as the network would, for fault points; the rest follows from the loop. */
void pg_cut(struct pg *pg);

/* Ends the connection; unanswered groups are answered PG_LOST at once. Frees pg, then calls `closed`
 * (may be NULL) from the loop. */
void pg_close(struct pg *pg, void (*closed)(void *ctx), void *ctx);

#endif
