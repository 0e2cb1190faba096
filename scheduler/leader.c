/* See leader.h. */
#include "scheduler/leader.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/db.h"

enum { ASK_MS = 250 };

/* Fences come from what is recorded, should the counter ever be behind (a restored or rebuilt database). */
static const char acquire_sql[] =
	"UPDATE strata.scheduler s SET epoch = epoch + 1, acquired_at = now(), heartbeat = now(), pid = $2::integer,"
	" host = $3, command = $4, run_id = $5, daemon = false, draining = false, workers = '[]', lanes = '{}', next_fence = greatest(next_fence,"
	" (SELECT coalesce(max(fence), 0) + 1 FROM strata.try t WHERE t.lake_id = s.lake_id),"
	" (SELECT coalesce(max(fence), 0) + 1 FROM strata.partition p WHERE p.lake_id = s.lake_id))"
	" WHERE lake_id = $1::integer RETURNING epoch, tick, next_fence";

static const char who_sql[] =
	"SELECT coalesce(pid, 0), coalesce(host, ''), coalesce(command, ''), coalesce(run_id, ''),"
	" coalesce((extract(epoch FROM acquired_at) * 1000000)::bigint, 0), daemon AND NOT draining FROM strata.scheduler WHERE lake_id = $1::integer";

static int acquired(PGconn *conn, const struct leader_claim *claim, struct leader *ret, struct err *err)
{
	char lake[12], pid[24], host[128] = "";
	snprintf(lake, sizeof lake, "%d", claim->lake_id);
	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	gethostname(host, sizeof host - 1);
	const char *const values[] = {lake, pid, host, claim->command, claim->run_id};
	PGresult *r;
	if (db_query(conn, acquire_sql, 5, values, false, &r, err) < 0)
		return err_wrap(err, "take the lake");
	int rc = 0;
	if (PQntuples(r) == 1)
		*ret = (struct leader){.lake_id = claim->lake_id,
		                       .epoch = strtoll(PQgetvalue(r, 0, 0), NULL, 10),
		                       .tick = strtoll(PQgetvalue(r, 0, 1), NULL, 10),
		                       .next_fence = strtoull(PQgetvalue(r, 0, 2), NULL, 10)};
	else
		rc = err_set(err, ERR_STATE, "lake %d has no scheduler row in the state database", claim->lake_id);
	PQclear(r);
	return rc;
}

int leader_who(PGconn *conn, int lake_id, struct leader_holder *ret, struct err *err)
{
	char lake[12];
	snprintf(lake, sizeof lake, "%d", lake_id);
	const char *const values[] = {lake};
	PGresult *r;
	if (db_query(conn, who_sql, 1, values, false, &r, err) < 0)
		return err_wrap(err, "see who holds the lake");
	memset(ret, 0, sizeof *ret);
	if (PQntuples(r) == 1) {
		ret->pid = strtol(PQgetvalue(r, 0, 0), NULL, 10);
		snprintf(ret->host, sizeof ret->host, "%s", PQgetvalue(r, 0, 1));
		snprintf(ret->command, sizeof ret->command, "%s", PQgetvalue(r, 0, 2));
		snprintf(ret->run_id, sizeof ret->run_id, "%s", PQgetvalue(r, 0, 3));
		ret->since_us = strtoll(PQgetvalue(r, 0, 4), NULL, 10);
		ret->stays = PQgetvalue(r, 0, 5)[0] == 't';
	}
	PQclear(r);
	return 0;
}

int leader_try(PGconn *conn, const struct leader_claim *claim, struct leader *ret_leader,
               struct leader_holder *ret_holder, struct err *err)
{
	char lake[12];
	snprintf(lake, sizeof lake, "%d", claim->lake_id);
	const char *const values[] = {lake};
	PGresult *r;
	if (db_query(conn, LEADER_LOCK("pg_try_advisory_lock"), 1, values, false, &r, err) < 0)
		return err_wrap(err, "lock the lake");
	bool locked = PQgetvalue(r, 0, 0)[0] == 't';
	PQclear(r);
	if (locked)
		return acquired(conn, claim, ret_leader, err);
	struct leader_holder h;
	if (leader_who(conn, claim->lake_id, &h, err) < 0)
		return err->code;
	if (ret_holder)
		*ret_holder = h;
	return err_set(err, ERR_LOCKED, "'%s' (pid %ld on %s%s%s) is scheduling this lake", h.command, h.pid, h.host,
	               h.run_id[0] ? ", run " : "", h.run_id);
}

static void cancel_query(PGconn *conn)
{
	char ignored[256];
	PGcancel *c = PQgetCancel(conn);
	if (c)
		PQcancel(c, ignored, sizeof ignored);
	PQfreeCancel(c);
}

/* The answer of a query that was sent; it was asked to end early when *ret_stopped. */
static PGresult *await(PGconn *conn, bool (*stop)(void *ctx), void *ctx, bool *ret_stopped)
{
	*ret_stopped = false;
	while (PQisBusy(conn)) {
		*ret_stopped = *ret_stopped || (stop && stop(ctx));
		/* Each time round: a cancel that overtakes the query on its way to the server is ignored there. */
		if (*ret_stopped)
			cancel_query(conn);
		/* In slices: a signal between the question and the poll is not lost for long. */
		struct pollfd p = {.fd = PQsocket(conn), .events = POLLIN};
		if (poll(&p, 1, ASK_MS) > 0 && !PQconsumeInput(conn))
			break;
	}
	PGresult *r = PQgetResult(conn), *more;
	while ((more = PQgetResult(conn)))
		PQclear(more);
	return r;
}

int leader_wait(PGconn *conn, const struct leader_claim *claim, bool (*stop)(void *ctx), void *ctx,
                struct leader *ret_leader, struct err *err)
{
	char lake[12];
	snprintf(lake, sizeof lake, "%d", claim->lake_id);
	const char *const values[] = {lake};
	if (!PQsendQueryParams(conn, LEADER_LOCK("pg_advisory_lock"), 1, NULL, values, NULL, NULL, 0))
		return err_set(err, ERR_STATE, "wait for the lake: %s", db_message(conn, NULL));
	bool stopped;
	PGresult *r = await(conn, stop, ctx, &stopped);
	bool locked = PQresultStatus(r) == PGRES_TUPLES_OK;
	int rc = 0;
	if (!locked && stopped)
		rc = err_set(err, ERR_CANCELED, "stopped waiting for the lake");
	else if (!locked)
		rc = err_set(err, ERR_STATE, "wait for the lake: %s", db_message(conn, r));
	PQclear(r);
	return rc < 0 ? rc : acquired(conn, claim, ret_leader, err);
}
