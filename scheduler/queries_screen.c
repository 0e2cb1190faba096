/* See queries_screen.h. */
#include "scheduler/queries_screen.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "core/date.h"
#include "core/jsonio.h"
#include "scheduler/pg_rows.h"
#include "scheduler/queries_internal.h"

#define COLUMN(row, name, type, field) {name, COLUMN_##type, offsetof(struct row, field)}
#define COUNT(a) (sizeof(a) / sizeof *(a))

static struct pg_param number(char out[24], int64_t n)
{
	snprintf(out, 24, "%" PRId64, n);
	return query_text(out);
}

int query_cells(const struct query *q, const char *run_id, const char *const *tables, size_t ntables, int32_t lo, int32_t hi,
                struct cell_row **ret_rows, size_t *ret_count, struct err *err)
{
	static const struct pg_column columns[] = {
		COLUMN(cell_row, "table_name", TEXT, table), COLUMN(cell_row, "partition", TEXT, partition), COLUMN(cell_row, "state", TEXT, state),
		COLUMN(cell_row, "result", TEXT, result), COLUMN(cell_row, "wait", TEXT, wait),
	};
	char lake[12], from[DATE_SIZE], to[DATE_SIZE];
	struct buf names = BUF_INIT(64 << 20);
	const struct pg_param params[] = {query_lake(q, lake), query_text(run_id), query_names(tables, ntables, &names),
	                                  query_text(date_format(from, lo)), query_text(date_format(to, hi))};
	int rc = pg_rows_select(q->conn, columns, COUNT(columns), sizeof **ret_rows,
	                        "FROM strata.task WHERE lake_id = $1::integer AND run_id = $2::text AND table_name = ANY($3::text[])"
	                        " AND (partition = '' OR (partition >= $4::text AND partition <= $5::text)) ORDER BY table_name, partition",
	                        params, COUNT(params), q->arena, ret_rows, ret_count, err);
	buf_free(&names);
	return rc;
}

int query_run_paused(const struct query *q, const char *run_id, bool *ret, struct err *err)
{
	struct paused_row {
		bool paused;
	} *rows;
	static const struct pg_column columns[] = {COLUMN(paused_row, "paused", BOOL, paused)};
	char lake[12];
	size_t n;
	const struct pg_param params[] = {query_lake(q, lake), query_text(run_id)};
	int rc = pg_rows_select(q->conn, columns, COUNT(columns), sizeof *rows, "FROM strata.run WHERE lake_id = $1::integer AND run_id = $2::text", params,
	                        COUNT(params), q->arena, &rows, &n, err);
	if (rc == 0)
		*ret = n && rows[0].paused;
	return rc;
}

int query_counts_by_table(const struct query *q, const char *run_id, struct table_count_row **ret_rows, size_t *ret_count, struct err *err)
{
	static const struct pg_column columns[] = {
		COLUMN(table_count_row, "table_name", TEXT, table), COLUMN(table_count_row, "state", TEXT, state),
		COLUMN(table_count_row, "result", TEXT, result), COLUMN(table_count_row, "wait", TEXT, wait), COLUMN(table_count_row, "count(*)", INT8, n),
	};
	char lake[12];
	const struct pg_param params[] = {query_lake(q, lake), query_text(run_id)};
	return pg_rows_select(q->conn, columns, COUNT(columns), sizeof **ret_rows,
	                      "FROM strata.task WHERE lake_id = $1::integer AND run_id = $2::text GROUP BY table_name, state, result, wait"
	                      " ORDER BY table_name, state, result, wait", params, COUNT(params), q->arena, ret_rows, ret_count, err);
}

int query_busy(const struct query *q, struct busy_row **ret_rows, size_t *ret_count, struct err *err)
{
	static const struct pg_column columns[] = {
		COLUMN(busy_row, "t.run_id", TEXT, run_id), COLUMN(busy_row, "t.table_name", TEXT, table), COLUMN(busy_row, "t.partition", TEXT, partition),
		COLUMN(busy_row, "t.worker", TEXT, worker), COLUMN(busy_row, "t.state", TEXT, state), COLUMN(busy_row, "t.try_no", INT4, try_no),
		COLUMN(busy_row, "t.started_at", TIME, started_us), COLUMN(busy_row, "t.running_at", TIME, running_us),
	};
	char lake[12];
	const struct pg_param params[] = {query_lake(q, lake)};
	return pg_rows_select(q->conn, columns, COUNT(columns), sizeof **ret_rows,
	                      "FROM strata.run r JOIN strata.task k USING (lake_id, run_id) JOIN strata.try t USING (lake_id, run_id, table_name, partition)"
	                      " WHERE lake_id = $1::integer AND r.state <> 'done' AND k.state = 'running' AND t.state <> 'ended' ORDER BY t.fence",
	                      params, COUNT(params), q->arena, ret_rows, ret_count, err);
}

static struct worker_row worker_of(struct jget *g, const json_t *o)
{
	return (struct worker_row){
		.worker = jget_text_or(g, o, "worker", ""),
		.memory = jget_int_or(g, o, "memory", 0, INT64_MAX, 0),
		.run_id = jget_text_or(g, o, "run", ""),
		.table = jget_text_or(g, o, "table", ""),
		.partition = jget_text_or(g, o, "partition", ""),
		.stage = jget_text_or(g, o, "stage", ""),
		.try_no = (int32_t)jget_int_or(g, o, "try", 0, INT32_MAX, 0),
		.since_us = jget_int_or(g, o, "since_ms", 0, INT64_MAX / 1000, 0) * 1000,
		.rows = jget_int_or(g, o, "rows", 0, INT64_MAX, -1),
		.percent = (int)jget_int_or(g, o, "percent", 0, 100, -1),
		.of_rows = jget_int_or(g, o, "of_rows", 0, INT64_MAX, -1),
		.written = jget_int_or(g, o, "written", 0, INT64_MAX, -1),
	};
}

static uint32_t slots_of(struct jget *g, const json_t *o, const char *key)
{
	return (uint32_t)jget_int_or(g, o, key, 0, UINT32_MAX, 0);
}

int query_workers(const struct query *q, struct worker_row **ret_rows, size_t *ret_count, struct lanes_row *ret_lanes, struct err *err)
{
	struct told_row {
		const char *workers, *lanes;
	} *told;
	static const struct pg_column columns[] = {COLUMN(told_row, "workers", JSON, workers), COLUMN(told_row, "lanes", JSON, lanes)};
	size_t n;
	char lake[12];
	const struct pg_param params[] = {query_lake(q, lake)};
	int rc = pg_rows_select(q->conn, columns, COUNT(columns), sizeof *told, "FROM strata.scheduler WHERE lake_id = $1::integer", params, COUNT(params),
	                        q->arena, &told, &n, err);
	if (rc < 0)
		return rc;
	json_t *list = n ? json_loads(told[0].workers, 0, NULL) : NULL, *lanes = n ? json_loads(told[0].lanes, 0, NULL) : NULL;
	struct jget g = {.arena = q->arena, .err = err, .code = ERR_STATE};
	*ret_count = json_array_size(list);
	*ret_rows = arena_array(q->arena, *ret_count, sizeof **ret_rows);
	for (size_t i = 0; i < *ret_count; i++)
		(*ret_rows)[i] = worker_of(&g, json_array_get(list, i));
	*ret_lanes = (struct lanes_row){slots_of(&g, lanes, "slots"), slots_of(&g, lanes, "kept"), slots_of(&g, lanes, "scheduled"), slots_of(&g, lanes, "other")};
	json_decref(list);
	json_decref(lanes);
	return g.result < 0 ? err_wrap(err, "strata.scheduler") : 0;
}

size_t lanes_list(const struct lanes_row *l, struct lane_slots ret[LANES_MOST])
{
	if (!l->slots)
		return 0;
	if (!l->kept) {
		ret[0] = (struct lane_slots){"all runs", l->scheduled + l->other, l->slots, 0};
		return 1;
	}
	ret[0] = (struct lane_slots){"scheduled runs", l->scheduled, l->slots, l->kept};
	ret[1] = (struct lane_slots){"other runs", l->other, l->slots > l->kept ? l->slots - l->kept : 0, 0};
	return 2;
}

char *worker_far(char out[WORKER_FAR_SIZE], const struct worker_row *w)
{
	char rows[32], bytes[32];
	int n = 0;
	out[0] = '\0';
	if (w->rows >= 0)
		n = snprintf(out, WORKER_FAR_SIZE, "%s row%s", str_count(rows, sizeof rows, w->rows), w->rows == 1 ? "" : "s");
	else if (w->percent >= 0)
		n = snprintf(out, WORKER_FAR_SIZE, "%d %% of some %s rows", w->percent, str_count(rows, sizeof rows, w->of_rows));
	if (w->written > 0)
		snprintf(out + n, WORKER_FAR_SIZE - (size_t)n, "%swrote %s", n ? ", " : "", str_bytes(bytes, sizeof bytes, w->written));
	return out;
}

int query_failures(const struct query *q, int64_t since_us, int64_t limit, struct failure_row **ret_rows, size_t *ret_count, struct err *err)
{
	static const struct pg_column columns[] = {
		COLUMN(failure_row, "f.run_id", TEXT, run_id), COLUMN(failure_row, "f.table_name", TEXT, table),
		COLUMN(failure_row, "f.partition", TEXT, partition), COLUMN(failure_row, "f.result", TEXT, result),
		COLUMN(failure_row, "f.error", TEXT, error), COLUMN(failure_row, "f.ended_at", TIME, ended_us),
		COLUMN(failure_row, "f.times", INT8, times), COLUMN(failure_row, "(p.version IS NOT NULL)", BOOL, mended),
	};
	char lake[12], since[24], most[24];
	const struct pg_param params[] = {query_lake(q, lake), number(since, since_us), number(most, limit)};
	/* By run first: their index is by time, and tasks have none. */
	return pg_rows_select(q->conn, columns, COUNT(columns), sizeof **ret_rows,
	                      "FROM (SELECT DISTINCT ON (k.table_name, k.partition) k.*, count(*) OVER (PARTITION BY k.table_name, k.partition) AS times"
	                      " FROM strata.run r JOIN strata.task k USING (lake_id, run_id) WHERE lake_id = $1::integer"
	                      " AND (r.state <> 'done' OR (r.result = 'failed' AND r.ended_at >= to_timestamp($2::bigint / 1000000.0)))"
	                      " AND r.created_at >= to_timestamp($2::bigint / 1000000.0) - interval '30 days'"
	                      " AND k.result IN ('failed', 'timeout') AND k.ended_at >= to_timestamp($2::bigint / 1000000.0)"
	                      " ORDER BY k.table_name, k.partition, k.ended_at DESC) f"
	                      " LEFT JOIN strata.partition p ON p.lake_id = f.lake_id AND p.table_name = f.table_name AND p.partition = f.partition"
	                      " AND greatest(p.published_at, p.checked_at) > f.ended_at"
	                      " ORDER BY p.version IS NOT NULL, f.ended_at DESC, f.table_name, f.partition LIMIT $3::bigint",
	                      params, COUNT(params), q->arena, ret_rows, ret_count, err);
}

int query_schedules(const struct query *q, struct schedule_row **ret_rows, size_t *ret_count, struct err *err)
{
	static const struct pg_column columns[] = {
		COLUMN(schedule_row, "s.name", TEXT, name), COLUMN(schedule_row, "i.run_id", TEXT, last_run), COLUMN(schedule_row, "s.paused", BOOL, paused),
		COLUMN(schedule_row, "i.at", TIME, last_us), COLUMN(schedule_row, "s.seen_at", TIME, seen_us),
	};
	char lake[12];
	const struct pg_param params[] = {query_lake(q, lake)};
	return pg_rows_select(q->conn, columns, COUNT(columns), sizeof **ret_rows,
	                      "FROM strata.schedule s LEFT JOIN LATERAL (SELECT run_id, at FROM strata.schedule_interval i WHERE i.lake_id = s.lake_id"
	                      " AND i.schedule = s.name ORDER BY at DESC LIMIT 1) i ON true WHERE s.lake_id = $1::integer ORDER BY s.name",
	                      params, COUNT(params), q->arena, ret_rows, ret_count, err);
}

int query_published_tables(const struct query *q, struct published_table_row **ret_rows, size_t *ret_count, struct err *err)
{
	static const struct pg_column columns[] = {
		COLUMN(published_table_row, "table_name", TEXT, table),
		COLUMN(published_table_row, "count(*)", INT8, partitions), COLUMN(published_table_row, "sum(rows)::bigint", INT8, rows),
		COLUMN(published_table_row, "sum(bytes)::bigint", INT8, bytes), COLUMN(published_table_row, "max(published_at)", TIME, published_us),
		COLUMN(published_table_row, "max(partition)", TEXT, newest),
	};
	char lake[12];
	const struct pg_param params[] = {query_lake(q, lake)};
	return pg_rows_select(q->conn, columns, COUNT(columns), sizeof **ret_rows,
	                      "FROM strata.partition WHERE lake_id = $1::integer GROUP BY table_name ORDER BY table_name",
	                      params, COUNT(params), q->arena, ret_rows, ret_count, err);
}

int query_past(const struct query *q, const char *table, int64_t limit, struct past_row **ret_rows, size_t *ret_count, struct err *err)
{
	static const struct pg_column columns[] = {
		COLUMN(past_row, "t.run_id", TEXT, run_id), COLUMN(past_row, "t.partition", TEXT, partition), COLUMN(past_row, "t.rows", INT8, rows),
		COLUMN(past_row, "t.bytes", INT8, bytes), COLUMN(past_row, "(extract(epoch FROM t.ended_at - t.running_at) * 1000000)::bigint", INT8, took_us),
		COLUMN(past_row, "t.ended_at", TIME, ended_us),
	};
	char lake[12], most[24];
	const struct pg_param params[] = {query_lake(q, lake), query_text(table), number(most, limit)};
	/* By run, newest first: the index of tries begins with the run. */
	return pg_rows_select(q->conn, columns, COUNT(columns), sizeof **ret_rows,
	                      "FROM (SELECT lake_id, run_id FROM strata.run WHERE lake_id = $1::integer ORDER BY created_at DESC LIMIT 1000) r"
	                      " JOIN strata.try t USING (lake_id, run_id) WHERE t.table_name = $2::text AND t.outcome = 'success' AND t.rows IS NOT NULL"
	                      " ORDER BY t.fence DESC LIMIT $3::bigint",
	                      params, COUNT(params), q->arena, ret_rows, ret_count, err);
}
