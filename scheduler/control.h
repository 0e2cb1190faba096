/* Asking the lake's scheduler for something, from any process that reaches the database.
 *
 *     int64_t id;
 *     rc = control_send(&c, "pause", args, &id, &err);        a row of strata.command, and NOTIFY
 *     rc = control_await(&c, id, CONTROL_WAIT_MS, &answer, &err);
 *
 * The answer of a scheduler that is up comes within milliseconds. */
#ifndef STRATA_SCHEDULER_CONTROL_H
#define STRATA_SCHEDULER_CONTROL_H

#include <jansson.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "scheduler/leader.h"

enum { CONTROL_WAIT_MS = 10 * 1000, CONTROL_DETAIL_MAX = 128 * 1024 };

struct control {
	PGconn *conn;
	int lake_id;
	const char *requested_by;
	bool (*stop)(void *ctx); /* asked while it waits, at least four times a second; NULL: never */
	void *ctx;
};

enum control_outcome { CONTROL_DONE, CONTROL_REFUSED, CONTROL_FAILED };

struct control_answer {
	enum control_outcome outcome;
	char detail[CONTROL_DETAIL_MAX]; /* for people; of an explanation: JSON, whole (scheduler/runner.h) */
};

/* Is a scheduler up that takes commands? *ret_holder says who holds the lake, if anybody (pid 0: nobody). */
int control_find(const struct control *c, bool *ret_up, struct leader_holder *ret_holder, struct err *err);

/* A scheduler says that it takes commands now; who waits for that listens first, and then looks (control_find) whenever it has
 * heard something on that connection. */
int control_say_up(PGconn *conn, int lake_id, struct err *err);
int control_listen(PGconn *conn, int lake_id, struct err *err);
bool control_heard(PGconn *conn);

/* `args` is stolen. */
int control_send(const struct control *c, const char *kind, json_t *args, int64_t *ret_id, struct err *err);

/* ERR_CANCELED: stopped. ERR_LOCKED: no answer in time; a scheduler that comes up takes the command all the same. */
int control_await(const struct control *c, int64_t id, int64_t most_ms, struct control_answer *ret, struct err *err);

#endif
