/* See clear.h. */
#include "scheduler/clear.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/mem.h"
#include "core/date.h"
#include "scheduler/locks.h"

enum { NUMBER_SIZE = 24 };

/* The same condition for counting and removing: the whole table, or its dates in a range. */
#define WHERE_MEANT \
	" WHERE lake_id = $1::integer AND table_name = $2 AND ($3 = '' OR (partition <> '' AND partition BETWEEN $3 AND $4))"

/* $1 to $4 of WHERE_MEANT. */
struct meant {
	char lake[NUMBER_SIZE], first[DATE_SIZE], last[DATE_SIZE];
	const char *values[4];
};

static void say_meant(struct meant *m, const struct workspace *ws, const struct clear_request *rq)
{
	snprintf(m->lake, sizeof m->lake, "%d", ws->db.lake_id);
	date_format(m->first, rq->first);
	date_format(m->last, rq->last);
	m->values[0] = m->lake;
	m->values[1] = rq->qname;
	m->values[2] = m->first;
	m->values[3] = m->last;
}

static int count_recorded(PGconn *conn, const struct meant *m, int64_t *ret, struct err *err)
{
	PGresult *r;
	int rc = db_query(conn, "SELECT count(*) FROM strata.partition" WHERE_MEANT, 4, m->values, false, &r, err);
	if (rc == 0) {
		*ret = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
		PQclear(r);
	}
	return rc;
}

static int64_t number(const json_t *reply, const char *key)
{
	return json_integer_value(json_object_get(reply, key));
}

static int ask_lake(struct workspace *ws, const struct clear_request *rq, const struct meant *m, bool count,
                    struct clear_found *ret, struct err *err)
{
	json_t *reply = NULL;
	json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:b}", "op", "clear", "qname", rq->qname, "first", m->first, "last", m->last,
	                         "count", count);
	int rc = workspace_ask(ws, body, &reply, err);
	if (rc == 0)
		*ret = (struct clear_found){.published = number(reply, "published"),
		                            .rows = number(reply, "rows"),
		                            .bytes = number(reply, "bytes"),
		                            .others = number(reply, "others")};
	json_decref(reply);
	return rc;
}

int clear_count(struct workspace *ws, const struct clear_request *rq, struct clear_found *ret, struct err *err)
{
	struct meant m = {0};
	say_meant(&m, ws, rq);
	int rc = ask_lake(ws, rq, &m, true, ret, err);
	return rc < 0 ? rc : count_recorded(ws->db.conn, &m, &ret->recorded, err);
}

static int write_audit(PGconn *conn, const struct meant *m, const char *actor, const struct clear_found *found, struct err *err)
{
	json_t *o = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "first", m->first, "last", m->last, "published",
	                      (json_int_t)found->published, "rows", (json_int_t)found->rows, "bytes", (json_int_t)found->bytes,
	                      "unpublished", (json_int_t)found->others, "recorded", (json_int_t)found->recorded);
	char *detail = json_dumps(o, JSON_COMPACT);
	const char *const values[] = {m->lake, actor, m->values[1], detail};
	int rc = db_exec_params(conn,
	                        "INSERT INTO strata.audit (lake_id, actor, action, object, detail)"
	                        " VALUES ($1::integer, $2, 'clear', $3, $4::jsonb)",
	                        4, values, err);
	free(detail);
	json_decref(o);
	return rc;
}

/* One statement, so one transaction. With the whole table go its columns: what is built next may have others. Its durations stay. */
static int forget(PGconn *conn, const struct meant *m, int64_t *ret_recorded, struct err *err)
{
	PGresult *r;
	int rc = db_query(conn,
	                  "WITH gone AS (DELETE FROM strata.partition" WHERE_MEANT " RETURNING 1),"
	                  " columns AS (UPDATE strata.table_stat SET schema = NULL"
	                  " WHERE lake_id = $1::integer AND table_name = $2 AND $3 = '')"
	                  " SELECT count(*) FROM gone",
	                  4, m->values, false, &r, err);
	if (rc == 0) {
		*ret_recorded = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
		PQclear(r);
	}
	return rc;
}

int clear_carry_out(struct workspace *ws, PGconn *conn, const struct clear_request *rq, const char *actor,
                    const struct clear_found *found, struct clear_found *ret_gone, struct err *err)
{
	struct meant m = {0};
	say_meant(&m, ws, rq);
	char *locks = mem_printf("%s/.strata/workers/run", ws->lake.dir);
	int rc = locks_await_all(locks, LOCKS_GRACE_MS, err);
	free(locks);
	/* Our own worker is one of those that the next scheduler waits for: it ends what it has begun. */
	if (rc >= 0)
		rc = workspace_lead(ws, err);
	if (rc == 0)
		rc = write_audit(conn, &m, actor, found, err);
	if (rc == 0)
		rc = ask_lake(ws, rq, &m, false, ret_gone, err);
	if (rc == 0 && FAULT("clear.forget"))
		rc = err_errno(err, ERR_STATE, "remove the partitions of '%s' from the state", rq->qname);
	if (rc == 0)
		rc = forget(conn, &m, &ret_gone->recorded, err);
	return rc;
}
