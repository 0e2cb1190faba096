/* The foreground's part of clear.h: what would go, and the removal where no scheduler is up. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "core/date.h"
#include "scheduler/clear.h"
#include "scheduler/locks.h"

enum { NUMBER_SIZE = 32 };

static int ask_lake(struct workspace *ws, const struct clear_request *rq, bool count, struct clear_found *ret, struct err *err)
{
	json_t *reply = NULL;
	int rc = workspace_ask(ws, clear_body(rq, count), &reply, err);
	if (rc == 0)
		clear_reply(reply, ret);
	json_decref(reply);
	return rc;
}

int clear_count(struct workspace *ws, const struct clear_request *rq, struct clear_found *ret, struct err *err)
{
	struct clear_said m = {0};
	clear_say(&m, ws->db.lake_id, rq);
	int rc = ask_lake(ws, rq, true, ret, err);
	return rc < 0 ? rc : clear_count_recorded(ws->db.conn, &m, &ret->recorded, err);
}

static int write_audit(PGconn *conn, const struct clear_said *m, const char *actor, const struct clear_request *rq,
                       const struct clear_found *found, struct err *err)
{
	json_t *o = clear_encode(rq, found);
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

/* Commands that no scheduler has carried out: those that want no more than is meant; without a name all. */
static int end_open(PGconn *conn, const struct leader *leader, const struct clear_said *m, const char *outcome, const char *detail,
                    struct err *err)
{
	char epoch[NUMBER_SIZE];
	snprintf(epoch, sizeof epoch, "%" PRId64, leader->epoch);
	const char *const values[] = {m->lake, m->values[1], m->values[2], m->values[3], epoch, outcome, detail};
	return db_exec_params(conn,
	                      "SELECT strata.command_end($1::integer, $5::bigint, command_id, $6, $7) FROM strata.command"
	                      " WHERE lake_id = $1::integer AND kind = '" CLEAR_COMMAND "' AND outcome = ''"
	                      " AND ($2 = '' OR (args->>'name' = $2 AND ($3 = '' OR (args->>'first' BETWEEN $3 AND $4 AND args->>'last' <= $4))))",
	                      7, values, err);
}

int clear_give_up(PGconn *conn, const struct leader *leader, struct err *err)
{
	struct clear_said m = {0};
	clear_say(&m, leader->lake_id, &(struct clear_request){.qname = "", .first = DATE_NONE, .last = DATE_NONE});
	return end_open(conn, leader, &m, "refused", "its scheduler ended before it was done, and a run was begun since; say it again", err);
}

int clear_carry_out(struct workspace *ws, PGconn *conn, const struct leader *leader, const struct clear_request *rq, const char *actor,
                    const struct clear_found *found, struct clear_found *ret_gone, struct err *err)
{
	struct clear_said m = {0};
	clear_say(&m, ws->db.lake_id, rq);
	char *locks = mem_printf("%s/.strata/workers/run", ws->lake.dir);
	int rc = locks_await_all(locks, LOCKS_GRACE_MS, err);
	free(locks);
	/* Our own worker is one of those that the next scheduler waits for: it ends what it has begun. */
	if (rc >= 0)
		rc = workspace_lead(ws, err);
	if (rc == 0)
		rc = write_audit(conn, &m, actor, rq, found, err);
	if (rc == 0)
		rc = ask_lake(ws, rq, false, ret_gone, err);
	if (rc == 0)
		rc = clear_forget(conn, leader, rq, 0, ret_gone, err);
	if (rc == 0)
		rc = end_open(conn, leader, &m, "done", "the same was done without a scheduler", err);
	return rc;
}
