/* See rebuild.h. The manifests come from a worker in batches that fit into a line, and go to Postgres as they
 * are: one statement a table of the state takes them apart. */
#include "scheduler/rebuild.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/str.h"
#include "scheduler/db.h"
#include "scheduler/lake_probe.h"
#include "scheduler/locks.h"

enum { BATCH = 32, TABLES_BATCH = 20 };

struct rebuild {
	struct workspace *ws;
	PGconn *conn;
	char lake[12];
	json_int_t fence; /* the largest of all manifests, of those that are damaged, too: commits compare with it */
	const struct rebuild_observer *observer;
	struct rebuild_report report;
};

/* $1 lake, $2 array of {partition, bytes, empty, manifest}. What is recorded of a fence is never written twice. */
static const char insert_partitions[] =
	"INSERT INTO strata.partition (lake_id, table_name, partition, grain, version, fence, try_id, run_id, empty, rows, bytes,"
	" files, fingerprint, schema, git_commit, published_at)"
	" SELECT $1::integer, m->>'dest', p->>'partition', CASE WHEN p->>'partition' = '' THEN '' ELSE 'day' END,"
	" (m->>'version')::bigint, (m->>'fence')::bigint, (m->>'try_id')::uuid, m->>'run_id', (p->>'empty')::boolean,"
	" (m->>'row_count')::bigint, (p->>'bytes')::bigint, (m->>'file_count')::integer, coalesce(m->>'fingerprint', ''),"
	" coalesce(m->'schema', '[]'), coalesce(m->>'git_commit', ''), (m->>'generated_at')::timestamptz"
	" FROM jsonb_array_elements($2::jsonb) p, LATERAL (SELECT p->'manifest' AS m) x";
static const char insert_lineage[] =
	"INSERT INTO strata.lineage (lake_id, fence, up_table, up_partition, up_version, up_identity)"
	" SELECT $1::integer, (p->'manifest'->>'fence')::bigint, i->>'table', coalesce(i->>'partition', ''),"
	" coalesce((i->>'version')::bigint, 0), coalesce(i->>'try_id', '')"
	" FROM jsonb_array_elements($2::jsonb) p, jsonb_array_elements(coalesce(p->'manifest'->'inputs', '[]')) i"
	" ON CONFLICT DO NOTHING";
static const char insert_checks[] =
	"INSERT INTO strata.check_result (lake_id, fence, name, status, detail)"
	" SELECT $1::integer, (p->'manifest'->>'fence')::bigint, c->>'name', c->>'status', coalesce(c->>'detail', '')"
	" FROM jsonb_array_elements($2::jsonb) p, jsonb_array_elements(coalesce(p->'manifest'->'checks', '[]')) c"
	" ON CONFLICT DO NOTHING";
/* The schema of the newest publish that had columns; durations are learned again. */
static const char insert_stats[] =
	"INSERT INTO strata.table_stat AS s (lake_id, table_name, built, duration_us, schema, schema_fence)"
	" SELECT $1::integer, m->>'dest', count(*), 0, (array_agg(m->'schema' ORDER BY (m->>'fence')::bigint DESC))[1],"
	" max((m->>'fence')::bigint) FROM jsonb_array_elements($2::jsonb) p, LATERAL (SELECT p->'manifest' AS m) x"
	" WHERE m->'schema' <> '[]' GROUP BY 1, 2"
	" ON CONFLICT (lake_id, table_name) DO UPDATE SET schema = CASE WHEN excluded.schema_fence >= s.schema_fence"
	" THEN excluded.schema ELSE s.schema END, schema_fence = greatest(s.schema_fence, excluded.schema_fence)";

static const char compare[] =
	"SELECT count(*) FILTER (WHERE b.table_name IS NULL), count(*) FILTER (WHERE p.table_name IS NULL),"
	" count(*) FILTER (WHERE p.try_id <> b.try_id OR p.version <> b.version OR p.fingerprint <> b.fingerprint),"
	" count(DISTINCT p.table_name), count(p.table_name), count(*) FILTER (WHERE p.empty), coalesce(sum(p.rows), 0)"
	" FROM (SELECT * FROM strata.partition WHERE lake_id = $1::integer) p"
	" FULL JOIN partition_before b ON (b.table_name, b.partition) = (p.table_name, p.partition)";

/* A larger fence than any that the lake knows. */
static const char raise_fence[] =
	"UPDATE strata.scheduler SET next_fence = greatest(next_fence, (SELECT coalesce(max(fence), 0) + 1 FROM strata.partition"
	" WHERE lake_id = $1::integer), $3::bigint + 1) WHERE lake_id = $1::integer AND epoch = $2::bigint";

static int insert(struct rebuild *r, const json_t *list, struct err *err)
{
	static const char *const statements[] = {insert_partitions, insert_lineage, insert_checks, insert_stats};
	if (json_array_size(list) == 0)
		return 0;
	char *text = json_dumps(list, JSON_COMPACT);
	const char *const values[] = {r->lake, text};
	int rc = 0;
	for (size_t i = 0; i < sizeof statements / sizeof *statements && rc == 0; i++)
		rc = db_exec_params(r->conn, statements[i], 2, values, err);
	free(text);
	return rc < 0 ? err_wrap(err, "record what is published") : 0;
}

static bool is_uuid(const char *s)
{
	return s && strlen(s) == 36 && strspn(s, "0123456789abcdefABCDEF-") == 36;
}

/* Why a partition cannot be recorded; NULL: it can. */
static const char *refusal(const char *qname, const json_t *found, const json_t *manifest)
{
	const char *state = json_string_value(json_object_get(found, "state"));
	if (!str_eq(state, "ok") && !str_eq(state, "empty"))
		return str_eq(state, "missing") ? "its manifest went away" : "its manifest is unreadable, or a file that it lists is missing";
	if (!manifest)
		return "its manifest is too long";
	if (!str_eq(json_string_value(json_object_get(manifest, "dest")), qname))
		return "its manifest is another table's";
	return is_uuid(json_string_value(json_object_get(manifest, "try_id"))) ? NULL : "its try_id is no UUID";
}

static json_t *ask_for(const char *qname, const char *partition, int64_t inputs_from)
{
	char *path = lake_partition_path(qname, partition);
	json_t *one = json_pack("{s:s, s:b, s:I}", "path", path, "manifest", 1, "inputs_from", (json_int_t)inputs_from);
	free(path);
	return one;
}

/* What was read of a partition whose manifest is longer than a line: the inputs from `next` on. */
static int read_inputs(struct rebuild *r, const char *qname, const char *partition, json_int_t next, struct err *err)
{
	int rc = 0;
	while (rc == 0 && next > 0) {
		json_t *reply = NULL;
		rc = workspace_ask(r->ws, json_pack("{s:s, s:[o]}", "op", "probe", "partitions", ask_for(qname, partition, next)), &reply, err);
		if (rc < 0)
			return err_wrap(err, "look at %s", qname);
		const json_t *found = json_array_get(json_object_get(reply, "partitions"), 0);
		json_t *list = json_pack("[{s:O}]", "manifest", json_object_get(found, "manifest"));
		next = json_integer_value(json_object_get(found, "inputs_next"));
		char *text = json_dumps(list, JSON_COMPACT);
		const char *const values[] = {r->lake, text};
		rc = db_exec_params(r->conn, insert_lineage, 2, values, err);
		free(text);
		json_decref(list);
		json_decref(reply);
	}
	return rc;
}

static int take(struct rebuild *r, const char *qname, const json_t *dates, const json_t *reply, struct err *err)
{
	json_t *list = json_array();
	for (size_t i = 0; i < json_array_size(dates); i++) {
		const char *partition = json_string_value(json_array_get(dates, i));
		const json_t *found = json_array_get(json_object_get(reply, "partitions"), i);
		json_t *manifest = json_object_get(found, "manifest");
		const char *why = refusal(qname, found, manifest);
		json_int_t fence = json_integer_value(json_object_get(found, "fence"));
		r->fence = fence > r->fence ? fence : r->fence;
		if (why) {
			char *folder = lake_partition_path(qname, partition);
			r->report.damaged++;
			r->observer->damaged(r->observer->ctx, folder, why);
			free(folder);
			continue;
		}
		bool empty = str_eq(json_string_value(json_object_get(found, "state")), "empty");
		json_array_append_new(list, json_pack("{s:s, s:I, s:b, s:O}", "partition", partition, "bytes",
		                                      json_integer_value(json_object_get(found, "bytes")), "empty", empty,
		                                      "manifest", manifest));
	}
	int rc = insert(r, list, err);
	json_decref(list);
	for (size_t i = 0; rc == 0 && i < json_array_size(dates); i++) {
		const json_t *found = json_array_get(json_object_get(reply, "partitions"), i);
		rc = read_inputs(r, qname, json_string_value(json_array_get(dates, i)),
		                 json_integer_value(json_object_get(found, "inputs_next")), err);
	}
	return rc;
}

/* The manifests of some partitions of one table; halves of them when the reply is longer than a line. */
static int read_some(struct rebuild *r, const char *qname, json_t *dates, struct err *err)
{
	size_t n = json_array_size(dates);
	json_t *partitions = json_array(), *reply = NULL;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(partitions, ask_for(qname, json_string_value(json_array_get(dates, i)), 0));
	int rc = workspace_ask(r->ws, json_pack("{s:s, s:o}", "op", "probe", "partitions", partitions), &reply, err);
	if (rc == 0) {
		rc = take(r, qname, dates, reply, err);
		json_decref(reply);
		return rc;
	}
	if (n < 2 || rc != ERR_ENGINE)
		return err_wrap(err, "look at %s", qname);
	json_t *half = json_array();
	rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		json_array_append(half, json_array_get(dates, i));
		if (i + 1 == n / 2 || i + 1 == n) {
			rc = read_some(r, qname, half, err);
			json_array_clear(half);
		}
	}
	json_decref(half);
	return rc;
}

static int read_table(struct rebuild *r, const char *qname, const json_t *dates, struct err *err)
{
	json_t *some = json_array();
	int rc = 0;
	for (size_t i = 0; i < json_array_size(dates) && rc == 0; i++) {
		json_array_append(some, json_array_get(dates, i));
		if (json_array_size(some) == BATCH || i + 1 == json_array_size(dates)) {
			rc = read_some(r, qname, some, err);
			json_array_clear(some);
		}
	}
	json_decref(some);
	return rc;
}

/* Which partitions a few tables have; then their manifests. Steals `names`. */
static int read_tables(struct rebuild *r, json_t *names, struct err *err)
{
	json_t *reply = NULL, *one;
	size_t i;
	int rc = workspace_ask(r->ws, json_pack("{s:s, s:o}", "op", "probe", "tables", names), &reply, err);
	if (rc < 0)
		return err_wrap(err, "list what is published");
	json_array_foreach(json_object_get(reply, "tables"), i, one) {
		const char *qname = json_string_value(json_object_get(one, "qname"));
		rc = read_table(r, qname, json_object_get(one, "partitions"), err);
		if (rc == 0)
			rc = read_table(r, qname, json_object_get(one, "empty"), err);
		if (rc < 0)
			break;
	}
	json_decref(reply);
	return rc;
}

static int read_one(struct rebuild *r, json_t **names, const char *qname, struct err *err)
{
	json_array_append_new(*names, json_string(qname));
	if (json_array_size(*names) < TABLES_BATCH)
		return 0;
	json_t *full = *names;
	*names = json_array();
	return read_tables(r, full, err);
}

static bool is_built(const struct project *p, const char *qname)
{
	const struct table *t = project_table(p, qname);
	return t && t->kind != TABLE_EXTERNAL && !t->output_none;
}

/* Those of the project, and whatever else is published: it stays, so the index knows it, too. */
static int read_lake(struct rebuild *r, struct err *err)
{
	const struct project *p = r->ws->project;
	json_t *names = json_array(), *reply = NULL, *name;
	size_t i;
	int rc = workspace_ask(r->ws, json_pack("{s:s, s:b}", "op", "probe", "published", 1), &reply, err);
	for (uint32_t t = 0; t < p->ntables && rc == 0; t++) {
		if (is_built(p, p->tables[t].qname))
			rc = read_one(r, &names, p->tables[t].qname, err);
	}
	json_array_foreach(json_object_get(reply, "published"), i, name) {
		const char *qname = json_string_value(name);
		if (rc < 0 || is_built(p, qname))
			continue;
		r->observer->left(r->observer->ctx, qname);
		rc = read_one(r, &names, qname, err);
	}
	json_decref(reply);
	if (rc == 0 && json_array_size(names))
		return read_tables(r, names, err);
	json_decref(names);
	return rc;
}

static int sum_up(struct rebuild *r, struct err *err)
{
	const char *const values[] = {r->lake};
	PGresult *rows;
	int rc = db_query(r->conn, compare, 1, values, false, &rows, err);
	if (rc < 0)
		return rc;
	int64_t *const fields[] = {&r->report.added, &r->report.removed, &r->report.changed, &r->report.tables,
	                           &r->report.partitions, &r->report.empty, &r->report.rows};
	for (int i = 0; i < (int)(sizeof fields / sizeof *fields); i++)
		*fields[i] = strtoll(PQgetvalue(rows, 0, i), NULL, 10);
	PQclear(rows);
	return 0;
}

/* The largest fence, also of those that only locks keep: of results without rows, whose record may be gone. */
static int ask_fence(struct rebuild *r, char *out, size_t size, struct err *err)
{
	json_t *reply = NULL;
	int rc = workspace_ask(r->ws, json_pack("{s:s, s:b}", "op", "probe", "fences", 1), &reply, err);
	json_int_t kept = json_integer_value(json_object_get(reply, "largest_fence"));
	snprintf(out, size, "%" JSON_INTEGER_FORMAT, kept > r->fence ? kept : r->fence);
	json_decref(reply);
	return rc;
}

static int fill(struct rebuild *r, const struct leader *leader, struct err *err)
{
	char epoch[24], fence[24];
	snprintf(epoch, sizeof epoch, "%" PRId64, leader->epoch);
	const char *const values[] = {r->lake, epoch, fence};
	int rc = db_exec_params(r->conn, "CREATE TEMP TABLE partition_before (LIKE strata.partition) ON COMMIT DROP", 0, NULL, err);
	if (rc == 0)
		rc = db_exec_params(r->conn, "WITH gone AS (DELETE FROM strata.partition WHERE lake_id = $1::integer RETURNING *)"
		                             " INSERT INTO partition_before SELECT * FROM gone", 1, values, err);
	if (rc == 0)
		rc = read_lake(r, err);
	if (rc == 0)
		rc = ask_fence(r, fence, sizeof fence, err);
	if (rc == 0)
		rc = db_exec_params(r->conn, raise_fence, 3, values, err);
	return rc == 0 ? sum_up(r, err) : rc;
}

int rebuild_partitions(struct workspace *ws, PGconn *conn, const struct leader *leader, bool dry_run,
                       const struct rebuild_observer *observer, struct rebuild_report *ret, struct err *err)
{
	struct rebuild r = {.ws = ws, .conn = conn, .observer = observer};
	snprintf(r.lake, sizeof r.lake, "%d", leader->lake_id);
	/* A worker of a scheduler that died may still be publishing. */
	char *locks = mem_printf("%s/.strata/workers/run", ws->lake.dir);
	int rc = locks_await_all(locks, LOCKS_GRACE_MS, err);
	free(locks);
	if (rc >= 0)
		rc = db_exec(conn, "BEGIN", err);
	if (rc < 0)
		return rc;
	rc = fill(&r, leader, err);
	if (rc == 0 && FAULT("rebuild.commit"))
		rc = err_errno(err, ERR_STATE, "commit");
	if (rc == 0)
		rc = db_exec(conn, dry_run ? "ROLLBACK" : "COMMIT", err);
	else
		db_exec(conn, "ROLLBACK", NULL);
	*ret = r.report;
	return rc;
}
