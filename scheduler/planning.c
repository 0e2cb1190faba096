/* See planning.h. */
#include "scheduler/planning.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "core/date.h"
#include "scheduler/bind.h"
#include "scheduler/lake_probe.h"
#include "scheduler/queries.h"

enum {
	TABLES_FIRST = 16, ROWS_MOST = 20000, /* of one question to the database */
	STEP_TASKS = 256,                     /* judged before the loop may turn */
};

/* The selected tables and whom they read directly: what a plan has to know. */
static const char **tables_to_know(const struct project *p, const bool *selected, struct arena *arena, size_t *ret_n)
{
	bool *known = arena_array(arena, p->ntables, sizeof *known);
	const char **names = arena_array(arena, p->ntables, sizeof *names);
	size_t n = 0;
	for (uint32_t t = 0; t < p->ntables; t++) {
		known[t] |= selected[t];
		for (uint32_t e = p->up_first[t]; selected[t] && e < p->up_first[t + 1]; e++)
			known[p->edges[e].up] = true;
	}
	for (uint32_t t = 0; t < p->ntables; t++) {
		if (known[t])
			names[n++] = p->tables[t].qname;
	}
	*ret_n = n;
	return names;
}

/* Made anew for each question: between two, the connection may have been lost and made again. */
static struct query query_of(const struct workspace *ws, struct snapshot *s)
{
	return (struct query){.conn = ws->db.conn, .lake_id = ws->db.lake_id, .arena = &s->arena};
}

static int load_some_parts(struct workspace *ws, const char *resumes, const char **tables, size_t n, struct snapshot *s, size_t *ret_rows,
                           struct err *err)
{
	struct query q = query_of(ws, s);
	struct partition_row *rows;
	size_t nrows = 0;
	int rc = query_partitions(&q, tables, n, DATE_NONE, DATE_NONE, &rows, &nrows, err);
	const struct table *t = NULL;
	*ret_rows = nrows;
	for (size_t i = 0; rc == 0 && i < nrows; i++) {
		const struct partition_row *r = &rows[i];
		if (!t || strcmp(t->qname, r->table) != 0)
			t = project_table(ws->project, r->table);
		/* A row of the other layout is no part of this table: the worker refuses to mix them. */
		if (!t || (r->day != DATE_NONE) != table_partitioned(t))
			continue;
		snapshot_put_part(s, t->index, r->day, &(struct part){.try_id = r->try_id,
		                                                      .version = (uint64_t)r->version,
		                                                      .fence = (uint64_t)r->fence,
		                                                      .rows = r->rows,
		                                                      .bytes = r->bytes,
		                                                      .empty = r->empty,
		                                                      .of_this_run = resumes && strcmp(resumes, r->run_id) == 0,
		                                                      .fingerprint = r->fingerprint});
	}
	return rc;
}

/* A few tables at a time, so that no answer of the database takes long: as many as the ones before let expect. */
static int load_parts(struct workspace *ws, const char *resumes, const char **tables, size_t n, struct snapshot *s, struct err *err)
{
	size_t some = TABLES_FIRST, nrows;
	int rc = 0;
	for (size_t from = 0; from < n && rc == 0;) {
		some = some < n - from ? some : n - from;
		rc = load_some_parts(ws, resumes, tables + from, some, s, &nrows, err);
		from += some;
		some = nrows > ROWS_MOST ? 1 + some * ROWS_MOST / nrows : some * 4;
		if (rc == 0)
			rc = turns_pass(&ws->turns, err);
	}
	return rc;
}

/* An action publishes nothing, so that it has no partition: what tells that it was done is its task in the run that
 * goes on. Once is enough for one run. */
static int load_actions(struct workspace *ws, const char *resumes, struct snapshot *s, struct err *err)
{
	struct query q = query_of(ws, s);
	struct task_row *rows;
	size_t n = 0;
	int rc = resumes ? query_tasks(&q, resumes, NULL, &rows, &n, err) : 0;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		const struct table *t = project_table(ws->project, rows[i].table);
		int32_t day = DATE_NONE;
		if (!t || !t->output_none || strcmp(rows[i].result, task_result_name(TASK_SUCCESS)) != 0 ||
		    (*rows[i].partition && !date_parse(rows[i].partition, &day)) || (day != DATE_NONE) != table_partitioned(t))
			continue;
		snapshot_put_part(s, t->index, day, &(struct part){.try_id = "", .empty = true, .of_this_run = true, .fingerprint = ""});
	}
	return rc;
}

/* The state keeps the schema of a table's newest publish, which is put to the newest part, and how long its tries took. */
static int load_stats(struct workspace *ws, const char **tables, size_t n, struct planning *p, struct err *err)
{
	struct query q = query_of(ws, p->snapshot);
	struct table_stat *rows;
	size_t nrows;
	int rc = query_table_stats(&q, tables, n, &rows, &nrows, err);
	struct snapshot *s = p->snapshot;
	p->duration_us = mem_array(ws->project->ntables ? ws->project->ntables : 1, sizeof *p->duration_us);
	for (size_t i = 0; rc == 0 && i < nrows; i++) {
		const struct table *t = project_table(ws->project, rows[i].table);
		if (t)
			p->duration_us[t->index] = rows[i].duration_us;
		size_t ndays = 0;
		const int32_t *days = t ? snapshot_days_of(s, t->index, &ndays) : NULL;
		if (!ndays)
			continue;
		struct part *newest = snapshot_part_mutable(s, t->index, days[ndays - 1]);
		newest->schema = rows[i].schema;
		newest->nschema = rows[i].nschema;
	}
	return rc;
}

static int load_snapshot(struct workspace *ws, const struct planning_request *rq, struct planning *p, struct err *err)
{
	struct snapshot *s = p->snapshot;
	size_t n;
	const char **tables = tables_to_know(ws->project, rq->selected, &s->arena, &n);
	int rc = load_parts(ws, rq->resumes, tables, n, s, err);
	if (rc == 0)
		rc = load_actions(ws, rq->resumes, s, err);
	return rc < 0 ? rc : load_stats(ws, tables, n, p, err);
}

/* The days that RAW has of one source, into p->raw_first and p->raw_last. */
static int look_for_days(struct workspace *ws, const struct source *s, struct planning *p, struct err *err)
{
	json_t *reply = NULL;
	int rc = workspace_ask(ws,
	                       json_pack("{s:s, s:[{s:s, s:s, s:s, s:b}]}", "op", "probe", "sources", "path", s->path, "date", "",
	                                 "format", "csv", "dates", 1),
	                       &reply, err);
	const json_t *dates = json_object_get(json_array_get(json_object_get(reply, "sources"), 0), "dates");
	for (size_t i = 0; i < json_array_size(dates); i++) {
		int32_t day;
		if (!date_parse(json_string_value(json_array_get(dates, i)), &day))
			continue;
		if (p->raw_first == DATE_NONE || day < p->raw_first)
			p->raw_first = day;
		if (p->raw_last == DATE_NONE || day > p->raw_last)
			p->raw_last = day;
	}
	json_decref(reply);
	return rc;
}

/* Does any source of the selection have a file in the range? If not, which days does RAW have? */
static int look_for_files(struct workspace *ws, const struct planning_request *rq, struct planning *p, struct err *err)
{
	const struct project *project = ws->project;
	bool any = false, found = false;
	for (uint32_t t = 0; t < project->ntables; t++) {
		const struct source *s = rq->selected[t] ? project->tables[t].source : NULL;
		for (int32_t day = rq->first; s && s->partitioned && day <= rq->last && !found; day++) {
			const struct source_files *files = snapshot_source(p->snapshot, t, day);
			found = files && files->nfiles;
		}
		any |= s && s->partitioned;
	}
	p->raw_first = p->raw_last = DATE_NONE;
	p->no_source_files = any && !found;
	int rc = 0;
	for (uint32_t t = 0; t < project->ntables && p->no_source_files && rc == 0; t++) {
		const struct source *s = rq->selected[t] ? project->tables[t].source : NULL;
		if (s && s->partitioned)
			rc = look_for_days(ws, s, p, err);
	}
	return rc;
}

/* Said once, not for each date: files in such a folder would be missing from every one. */
static void warn_of_strays(struct workspace *ws, const struct planning_request *rq, const struct snapshot *s)
{
	for (uint32_t t = 0; t < ws->project->ntables; t++) {
		const struct source *source = rq->selected[t] ? ws->project->tables[t].source : NULL;
		const struct source_files *files = source && source->partitioned ? snapshot_source(s, t, rq->first) : NULL;
		if (files && files->strays)
			diag_add(&ws->diags, DIAG_WARNING, source->loc, "in '%s', %s: no date dt=YYYY-MM-DD, so not read; rename what is one",
			         source->path, files->strays);
	}
}

static struct bound_schema published(void *ctx, uint32_t table)
{
	const struct part *newest = snapshot_newest_schema(ctx, table);
	return newest ? (struct bound_schema){newest->schema, newest->nschema} : (struct bound_schema){0};
}

/* The tables that have something to build or to check. */
static bool *tables_to_bind(const struct planning *p, struct arena *arena, bool *ret_any)
{
	const struct plan *plan = p->plan;
	bool *wanted = arena_array(arena, plan->in.project->ntables, sizeof *wanted);
	for (uint32_t s = 0; s < plan->ntables; s++) {
		for (uint32_t d = 0; d < plan->ndates && !wanted[plan->tables[s]]; d++) {
			uint8_t verdict = plan->tasks[(size_t)s * plan->ndates + d].verdict;
			wanted[plan->tables[s]] = verdict == PLAN_BUILD || verdict == PLAN_CHECK;
		}
		*ret_any |= wanted[plan->tables[s]];
	}
	return wanted;
}

static int check_types(struct workspace *ws, struct planning *p, struct err *err)
{
	struct arena arena = {0};
	struct bound_schema *schemas;
	bool any = false;
	size_t errors = ws->diags.errors;
	struct bind_request rq = {.project = ws->project,
	                          .wanted = tables_to_bind(p, &arena, &any),
	                          .lake = ws->lake.dir,
	                          .by_raw = DIAG_WARNING, /* a broken file fails what reads it, and nothing else */
	                          .turns = &ws->turns,
	                          .workers = ws->workers,
	                          .published = published,
	                          .ctx = p->snapshot};
	int rc = any ? bind_project(&rq, &arena, &schemas, &ws->diags, err) : 0;
	arena_free(&arena);
	errors = ws->diags.errors - errors;
	if (rc == 0 && errors)
		rc = err_set(err, ERR_PROJECT, "%zu error%s; nothing was started", errors, errors == 1 ? "" : "s");
	return rc;
}

/* The engine's version is part of every fingerprint, and a worker's greeting says it: where nothing had to be
 * looked at, none has greeted yet. */
static int know_engine(struct workspace *ws, struct err *err)
{
	json_t *reply = NULL;
	if (*workers_engine_version(ws->workers))
		return 0;
	int rc = workspace_ask(ws, json_pack("{s:s}", "op", "probe"), &reply, err);
	json_decref(reply);
	return rc;
}

static int fill(struct workspace *ws, const struct planning_request *rq, struct planning *p, struct err *err)
{
	int rc = load_snapshot(ws, rq, p, err);
	if (rc == 0)
		rc = workspace_workers(ws, err);
	int64_t wall_ns = clock_wall_us() * 1000; /* before the files are listed: doubt is wider */
	if (rc == 0)
		rc = lake_probe(&ws->turns, ws->workers, ws->project, rq->selected, rq->first, rq->last, p->snapshot, err);
	if (rc == 0 && rq->catch_up) /* the lake may have more than the state had */
		rq->catch_up(rq->catch_up_ctx, p->snapshot);
	if (rc == 0)
		rc = look_for_files(ws, rq, p, err);
	if (rc == 0)
		warn_of_strays(ws, rq, p->snapshot);
	if (rc == 0)
		rc = know_engine(ws, err);
	if (rc < 0)
		return rc;
	struct plan_input in = {.project = ws->project,
	                        .selected = rq->selected,
	                        .first = rq->first,
	                        .last = rq->last,
	                        .force = rq->force,
	                        .wish = rq->wish,
	                        .wish_ctx = rq->wish_ctx,
	                        .snapshot = p->snapshot,
	                        .lake = ws->lake.dir,
	                        .engine_version = workers_engine_version(ws->workers),
	                        .wall_ns = wall_ns};
	rc = plan_begin(&in, &p->plan, err);
	while (rc == 0 && plan_step(p->plan, STEP_TASKS))
		rc = turns_pass(&ws->turns, err);
	return rc == 0 && rq->bind ? check_types(ws, p, err) : rc;
}

int planning_make(struct workspace *ws, const struct planning_request *rq, struct planning *ret, struct err *err)
{
	*ret = (struct planning){.snapshot = snapshot_new((uint32_t)ws->project->ntables)};
	int rc = fill(ws, rq, ret, err);
	if (rc < 0) {
		planning_free(ret);
		*ret = (struct planning){0};
	}
	return rc;
}

void planning_free(struct planning *p)
{
	if (p->plan)
		plan_free(p->plan);
	if (p->snapshot)
		snapshot_free(p->snapshot);
	free(p->duration_us);
}
