/* See control.h. */
#include "scheduler/control.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "scheduler/db.h"

enum { SLICE_MS = 250 };

/* The advisory lock says whether anybody schedules; the row says who. */
int control_find(const struct control *c, bool *ret_up, struct leader_holder *ret_holder, struct err *err)
{
	static const char sql[] = "SELECT s.daemon AND NOT s.draining FROM strata.scheduler s WHERE lake_id = $1::integer AND " LEADER_LIVES;
	char lake[12];
	snprintf(lake, sizeof lake, "%d", c->lake_id);
	const char *const values[] = {lake};
	PGresult *r;
	*ret_up = false;
	*ret_holder = (struct leader_holder){0};
	if (db_query(c->conn, sql, 1, values, false, &r, err) < 0)
		return err_wrap(err, "see who schedules the lake");
	bool held = PQntuples(r) == 1;
	*ret_up = held && PQgetvalue(r, 0, 0)[0] == 't';
	PQclear(r);
	return held ? leader_who(c->conn, c->lake_id, ret_holder, err) : 0;
}

static int exec_of_lake(PGconn *conn, const char *verb, int lake_id, struct err *err)
{
	char sql[64];
	snprintf(sql, sizeof sql, "%s strata_up_%d", verb, lake_id);
	return db_exec(conn, sql, err);
}

int control_say_up(PGconn *conn, int lake_id, struct err *err)
{
	return exec_of_lake(conn, "NOTIFY", lake_id, err);
}

int control_listen(PGconn *conn, int lake_id, struct err *err)
{
	return exec_of_lake(conn, "LISTEN", lake_id, err);
}

bool control_heard(PGconn *conn)
{
	bool heard = false;
	PQconsumeInput(conn);
	for (PGnotify *n; (n = PQnotifies(conn)); heard = true)
		PQfreemem(n);
	return heard;
}

int control_send(const struct control *c, const char *kind, json_t *args, int64_t *ret_id, struct err *err)
{
	char lake[12], listen[64];
	char *text = json_dumps(args, JSON_COMPACT);
	snprintf(lake, sizeof lake, "%d", c->lake_id);
	snprintf(listen, sizeof listen, "LISTEN strata_answer_%d", c->lake_id);
	const char *const values[] = {lake, kind, text, c->requested_by};
	PGresult *r = NULL;
	int rc = db_exec(c->conn, listen, err); /* before it is sent: the answer may be quick */
	if (rc == 0)
		rc = db_query(c->conn, "SELECT strata.command_new($1::integer, $2, $3::jsonb, $4)", 4, values, false, &r, err);
	if (rc == 0) {
		*ret_id = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
		PQclear(r);
	}
	free(text);
	json_decref(args);
	return rc < 0 ? err_wrap(err, "ask the scheduler") : 0;
}

/* 1: answered; 0: not yet. */
static int look(const struct control *c, int64_t id, struct control_answer *ret, struct err *err)
{
	char text[24];
	snprintf(text, sizeof text, "%" PRId64, id);
	const char *const values[] = {text};
	PGresult *r;
	if (db_query(c->conn, "SELECT outcome, detail FROM strata.command WHERE command_id = $1::bigint", 1, values, false, &r, err) < 0)
		return err_wrap(err, "wait for the scheduler's answer");
	const char *outcome = PQntuples(r) == 1 ? PQgetvalue(r, 0, 0) : "";
	int answered = *outcome != '\0';
	if (answered) {
		ret->outcome = strcmp(outcome, "done") == 0 ? CONTROL_DONE : strcmp(outcome, "refused") == 0 ? CONTROL_REFUSED : CONTROL_FAILED;
		snprintf(ret->detail, sizeof ret->detail, "%s", PQgetvalue(r, 0, 1));
	}
	PQclear(r);
	return answered;
}

int control_await(const struct control *c, int64_t id, int64_t most_ms, struct control_answer *ret, struct err *err)
{
	int64_t end_us = clock_mono_us() + most_ms * 1000;
	for (;;) {
		int rc = look(c, id, ret, err);
		if (rc != 0)
			return rc < 0 ? rc : 0;
		if (c->stop && c->stop(c->ctx))
			return err_set(err, ERR_CANCELED, "stopped waiting for the scheduler's answer; it carries the command out all the same");
		if (clock_mono_us() > end_us)
			return err_set(err, ERR_LOCKED, "the scheduler has not answered yet; it takes the command when it can ('strata status')");
		struct pollfd p = {.fd = PQsocket(c->conn), .events = POLLIN};
		poll(&p, 1, SLICE_MS);
		control_heard(c->conn);
	}
}
