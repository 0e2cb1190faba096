/* The line protocol between strata and strata-worker: one JSON object a line, at most 1 MiB, on two
 * descriptors that the worker inherits (3: requests in, 4: replies out). docs/PROTOCOL.md has examples.
 *
 * Every request has "op" and "id" (a number of the scheduler's); every reply repeats "id". A reply is
 * either {"id":1,"ok":true,...}, {"id":1,"error":{"class":"...","message":"...","line":3,"col":7}}, or, before the
 * last one of a `run`, {"id":1,"event":"running"|"stage"|"progress","stage":"load"}: struct try_event. One request is worked at a
 * time, in order; `cancel` is taken at once by the reader thread and has no reply of its own.
 *
 *   hello    {version, lake, lake_uuid, worker, threads, memory_bytes, lock}  -> {version, duckdb, strata, pid}
 *            first request; a version that differs is refused. The worker holds flock on `lock` from before its reply.
 *   analyze  {tables: [{qname, kind: "sql"|"exec", text}], macros: [schema.name]} -> {tables: [analysis]}
 *            macros: the analysts'; a call of one is a reference
 *   bind     {tables: [{qname, partitioned, sql, columns?, source?, views?}], keep} -> {tables: [{columns} | {error} | {unknown: why}]}
 *            in topological order; a table without sql only declares `columns`; keep: go on with the
 *            catalog of the bind before; types: [type]? -> types: [DuckDB's name | null]. Also `lake`, for a source's relative files; executor/bind.h has the fields.
 *   probe    {partitions: [{qname, path}], sources: [{path, date, format}]}   -> {partitions: [...], sources: [...]}
 *            what is published (identity) and which source files there are.
 *   run      struct try_request                                               -> struct try_result
 *   check    struct try_request whose one input is the partition itself        -> {state, version, rows, checks}
 *            the declared checks on what is published of it
 *   cancel   {id: of the run}
 *   sweep    {tries: [try_id] | all: true, keep: [try_id]}                    -> {removed}
 *   clear    {qname, first, last, count}                                      -> {published, rows, others, bytes}
 *            takes what is published of a table in the range ("": all) out of the lake; count: only says what
 *   catalog  {path, tables, migrations}                                       -> {applied, skipped}
 *   sql      {sql, limit, tables, views}                                      -> {columns, rows}
 */
#ifndef STRATA_CORE_PROTOCOL_H
#define STRATA_CORE_PROTOCOL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/manifest.h"
#include "core/project.h"
#include "core/states.h"

enum { PROTOCOL_LINE_MAX = 1 << 20, PROTOCOL_FD_IN = 3, PROTOCOL_FD_OUT = 4, PROTOCOL_VERSION = 1 };

/* One upstream table of a try with the partitions that the plan wants it to read. */
struct try_input {
	const char *qname;
	bool partitioned;
	const char *external_path;    /* an external table: read there, not pinned; else NULL */
	const char *const *partitions; /* dates, or one "" of an unpartitioned table; only those that have rows */
	const char *const *try_ids;    /* what is expected to be published in each */
	size_t npartitions;
	const struct column *schema;  /* last known, for the case of no rows; may be empty: unknown */
	size_t nschema;
};

struct try_source {
	const char *view;       /* "tmp_ods_flights" */
	const char *path;       /* relative to the lake */
	const char *date;       /* "" for partitioned: false */
	const char *format;     /* "csv", "json", "parquet" */
	const char *missing;    /* "empty", "wait", "fail" */
	const char *wait_for;   /* of "wait": the file that says that a date is whole, or NULL */
	const char *delim, *nullstr, *encoding; /* NULL: detect */
	int header, all_varchar; /* enum tristate */
	const struct column *columns; size_t ncolumns;
};

struct try_request {
	const char *try_id, *run_id;
	uint64_t fence;
	const char *qname;
	const char *partition;  /* "2013-01-03", or "" */
	const char *run_date;   /* the run's last date: the manifest's partition_date of an unpartitioned table */
	bool partitioned;
	const char *engine;     /* "duckdb" or "exec" */
	const char *sql;        /* rendered; duckdb */
	const char *file;       /* absolute path of the executable; exec */
	const char *project_dir; /* its working folder */
	const struct try_input *inputs; size_t ninputs;
	const struct view *const *views; size_t nviews; /* only qname and ddl; each after those that it reads */
	const struct try_source *source; /* or NULL */
	const char *const *primary_keys; size_t nprimary_keys;
	const char *timestamp_col; /* NULL: none */
	const struct column *columns; size_t ncolumns; /* declared; type NULL: only the name is checked */
	bool allow_empty, output_none, keep_staging;
	bool check_only;        /* its one input is the partition itself: that is checked as it is published, and nothing is made */
	const char *fingerprint, *git_commit;
	uint64_t next_version;  /* last known version + 1; the worker takes the larger of this and the manifest's + 1 */
	const char *log_path;   /* absolute; created by the worker */
	int64_t memory_bytes;   /* 0: the worker's own share */
	int threads;            /* 0: the worker's own share */
};

struct try_error {
	const char *class;   /* "sql", "check", "transient", "permanent" */
	const char *message; /* one line or more, without position */
	int line, col;       /* in the rendered SQL; 0: none */
};

struct try_result {
	enum try_outcome outcome;  /* SUCCESS, ERROR, KILLED (canceled) or FENCED */
	bool empty;
	struct try_error error;    /* outcome ERROR */
	struct manifest manifest;  /* outcome SUCCESS: as published; of an empty result what it would have been */
	int64_t bytes;             /* of the published files */
	int64_t cleared_rows;      /* rows that an empty result took away; -1: nothing was published before */
	int64_t prepare_us, load_us, validate_us, commit_us, cleanup_us;
	const char *checked;       /* of check_only: the try_id of what is published and passed its checks; else NULL */
	const char *staging;       /* kept staged data of a failed check or --keep-staging; NULL: removed */
	const char *note;          /* e.g. "no input"; NULL: none */
};

/* What a worker says of a try before its result. A field that an event does not have says that it is not known. */
struct try_event {
	const char *event;   /* "running", "stage", "progress"; "" of none of these. It and stage live as long as the JSON */
	const char *stage;   /* of "stage"; else "" */
	int64_t rows;        /* of "stage": that the try has made; -1: not known */
	int percent;         /* of "progress", from here on: of what the query is to read, as DuckDB estimates it; -1: it does not say */
	int64_t of_rows;     /* what percent is of, as DuckDB estimates it; -1 */
	int64_t written;     /* bytes of the result's file so far; -1 */
};

struct jget;
void try_event_decode(const json_t *json, struct try_event *ret);
json_t *try_views_encode(const struct view *const *views, size_t n); /* "views" of run, bind and sql */
const struct view *const *try_views_decode(struct jget *g, const json_t *obj, size_t *ret_n);
json_t *try_request_encode(const struct try_request *r);
int try_request_decode(struct arena *arena, const json_t *json, struct try_request *ret, struct err *err);
json_t *try_result_encode(const struct try_result *r);
int try_result_decode(struct arena *arena, const json_t *json, struct try_result *ret, struct err *err);

/* analysis as `analyze` replies it. */
json_t *analysis_to_json(const struct analysis *a);
int analysis_from_json(struct arena *arena, const json_t *json, struct analysis *ret, struct err *err);

#endif
