/* See clear.h. */
#include "scheduler/clear.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/str.h"
#include "core/date.h"
#include "scheduler/db.h"

enum { NUMBER_SIZE = 32, DETAIL_MAX = 4096 };

/* The same condition for counting and removing: the whole table, or its dates in a range. */
#define WHERE_MEANT \
	" WHERE lake_id = $1::integer AND table_name = $2 AND ($3 = '' OR (partition <> '' AND partition BETWEEN $3 AND $4))"

void clear_say(struct clear_said *m, int lake_id, const struct clear_request *rq)
{
	snprintf(m->lake, sizeof m->lake, "%d", lake_id);
	date_format(m->first, rq->first);
	date_format(m->last, rq->last);
	m->values[0] = m->lake;
	m->values[1] = rq->qname;
	m->values[2] = m->first;
	m->values[3] = m->last;
}

int clear_count_recorded(PGconn *conn, const struct clear_said *m, int64_t *ret, struct err *err)
{
	PGresult *r;
	int rc = db_query(conn, "SELECT count(*) FROM strata.partition" WHERE_MEANT, 4, m->values, false, &r, err);
	if (rc == 0) {
		*ret = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
		PQclear(r);
	}
	return rc;
}

int clear_check(const struct table *t, struct err *err)
{
	if (t->kind == TABLE_EXTERNAL)
		return err_set(err, ERR_USAGE, "'%s' is not made by this project: strata only reads it, and removes nothing of it", t->qname);
	if (t->output_none)
		return err_set(err, ERR_USAGE, "'%s' publishes nothing (output: none)", t->qname);
	return 0;
}

bool clear_is_nothing(const struct clear_found *f)
{
	return !f->published && !f->others && !f->recorded;
}

void clear_describe(const struct clear_found *f, struct buf *out)
{
	char rows[NUMBER_SIZE], bytes[NUMBER_SIZE];
	int64_t n = f->published > f->recorded ? f->published : f->recorded;
	buf_addf(out, "%" PRId64 " partition%s, %s row%s, %s", n, n == 1 ? "" : "s", str_count(rows, sizeof rows, f->rows),
	         f->rows == 1 ? "" : "s", str_bytes(bytes, sizeof bytes, f->bytes));
	if (f->others)
		buf_addf(out, ", with %" PRId64 " folder%s that strata has not published", f->others, f->others == 1 ? "" : "s");
}

static int64_t number(const json_t *reply, const char *key)
{
	return json_integer_value(json_object_get(reply, key));
}

json_t *clear_body(const struct clear_request *rq, bool count)
{
	char first[DATE_SIZE], last[DATE_SIZE];
	return json_pack("{s:s, s:s, s:s, s:s, s:b}", "op", "clear", "qname", rq->qname, "first", date_format(first, rq->first), "last",
	                 date_format(last, rq->last), "count", count);
}

void clear_reply(const json_t *reply, struct clear_found *ret)
{
	*ret = (struct clear_found){.published = number(reply, "published"),
	                            .rows = number(reply, "rows"),
	                            .bytes = number(reply, "bytes"),
	                            .others = number(reply, "others")};
}

json_t *clear_encode(const struct clear_request *rq, const struct clear_found *found)
{
	char first[DATE_SIZE], last[DATE_SIZE];
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "name", rq->qname, "first", date_format(first, rq->first), "last",
	                 date_format(last, rq->last), "published", (json_int_t)found->published, "rows", (json_int_t)found->rows, "bytes",
	                 (json_int_t)found->bytes, "unpublished", (json_int_t)found->others, "recorded", (json_int_t)found->recorded);
}

static bool read_day(const json_t *json, const char *key, int32_t *ret)
{
	const char *text = json_string_value(json_object_get(json, key));
	*ret = DATE_NONE;
	return text && (!*text || date_parse_iso(text, strlen(text), ret));
}

int clear_decode(const json_t *json, struct clear_request *ret, struct err *err)
{
	ret->qname = json_string_value(json_object_get(json, "name"));
	if (!ret->qname || !strchr(ret->qname, '.') || !read_day(json, "first", &ret->first) || !read_day(json, "last", &ret->last) ||
	    (ret->first == DATE_NONE) != (ret->last == DATE_NONE))
		return err_set(err, ERR_PROTOCOL, "clear: what is to be removed is not said as it should be");
	return 0;
}

/* One statement, so one transaction. With the whole table go its columns: what is built next may have others. Its durations stay. */
static const char forget_sql[] =
	"WITH mine AS (SELECT FROM strata.scheduler WHERE lake_id = $1::integer AND epoch = $5::bigint),"
	" gone AS (DELETE FROM strata.partition" WHERE_MEANT " AND EXISTS (SELECT FROM mine)),"
	" columns AS (UPDATE strata.table_stat SET schema = NULL"
	" WHERE lake_id = $1::integer AND table_name = $2 AND $3 = '' AND EXISTS (SELECT FROM mine))"
	" SELECT CASE WHEN $6::bigint <> 0 THEN strata.command_end($1::integer, $5::bigint, $6::bigint, 'done', $7) END";

int clear_forget(PGconn *conn, const struct leader *leader, const struct clear_request *rq, int64_t command, struct clear_found *gone,
                 struct err *err)
{
	struct clear_said m = {0};
	char epoch[NUMBER_SIZE], id[NUMBER_SIZE];
	struct buf said = BUF_INIT(DETAIL_MAX);
	clear_say(&m, leader->lake_id, rq);
	snprintf(epoch, sizeof epoch, "%" PRId64, leader->epoch);
	snprintf(id, sizeof id, "%" PRId64, command);
	if (FAULT("clear.forget"))
		return err_errno(err, ERR_STATE, "remove the partitions of '%s' from the state", rq->qname);
	int rc = clear_count_recorded(conn, &m, &gone->recorded, err); /* nobody else changes them now */
	buf_addf(&said, "removed from '%s': ", rq->qname);
	clear_describe(gone, &said);
	const char *const values[] = {m.values[0], m.values[1], m.values[2], m.values[3], epoch, id, buf_cstr(&said)};
	if (rc == 0)
		rc = db_exec_params(conn, forget_sql, 7, values, err);
	buf_free(&said);
	return rc;
}
