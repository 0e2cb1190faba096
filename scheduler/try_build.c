/* See try_build.h. */
#include "scheduler/try_build.h"

#include <stdlib.h>

#include "base/mem.h"
#include "core/date.h"
#include "scheduler/load.h"

enum { SQL_MAX = 64 << 20 };

/* The inputs of a try while plan_reads tells them. */
struct inputs {
	struct arena *arena;
	struct plan *plan;
	struct try_input *items;
	size_t len, cap;
};

static void add_schema(struct inputs *in, uint32_t up, struct try_input *ret)
{
	const struct table *t = &in->plan->in.project->tables[up];
	const struct part *newest = snapshot_newest_schema(in->plan->in.snapshot, up);
	if (newest && newest->nschema) {
		ret->schema = newest->schema;
		ret->nschema = newest->nschema;
	} else {
		ret->schema = try_columns_of(t, in->arena, &ret->nschema);
	}
}

static void add_input(void *ctx, uint32_t up, const int32_t *days, size_t ndays)
{
	struct inputs *in = ctx;
	const struct table *t = &in->plan->in.project->tables[up];
	const char **dates = arena_array(in->arena, ndays, sizeof *dates);
	const char **try_ids = arena_array(in->arena, ndays, sizeof *try_ids);
	size_t n = 0;
	for (size_t i = 0; i < ndays; i++) {
		const struct part *part = snapshot_part(in->plan->in.snapshot, up, days[i]);
		if (!part || part->empty)
			continue;
		char text[DATE_SIZE];
		dates[n] = arena_strdup(in->arena, date_format(text, days[i]));
		try_ids[n++] = part->try_id;
	}
	MEM_GROW(in->items, in->len, in->cap);
	struct try_input *input = &in->items[in->len++];
	*input = (struct try_input){.qname = t->qname,
	                            .partitioned = table_partitioned(t),
	                            .external_path = t->kind == TABLE_EXTERNAL ? t->path : NULL,
	                            .partitions = dates,
	                            .try_ids = try_ids,
	                            .npartitions = n};
	add_schema(in, up, input);
}

struct column *try_columns_of(const struct table *t, struct arena *arena, size_t *ret_n)
{
	struct column *columns = arena_array(arena, t->ncolumns, sizeof *columns);
	size_t n = 0;
	for (size_t i = 0; i < t->ncolumns; i++) {
		if (t->columns[i].type)
			columns[n++] = (struct column){t->columns[i].name, t->columns[i].type};
	}
	*ret_n = n;
	return columns;
}

/* Declared columns with and without a type, for the check that they are present. */
static struct column *declared(const struct table *t, struct arena *arena)
{
	struct column *columns = arena_array(arena, t->ncolumns, sizeof *columns);
	for (size_t i = 0; i < t->ncolumns; i++)
		columns[i] = (struct column){t->columns[i].name, t->columns[i].type};
	return columns;
}

static void add_checks(const struct table *t, struct arena *arena, struct try_request *rq)
{
	rq->primary_keys = t->primary_keys;
	rq->nprimary_keys = t->nprimary_keys;
	rq->timestamp_col = t->timestamp_col;
	rq->columns = declared(t, arena);
	rq->ncolumns = t->ncolumns;
	rq->allow_empty = t->policy.allow_empty;
}

bool try_has_checks(const struct table *t)
{
	return t->nprimary_keys || t->timestamp_col || t->ncolumns || !t->policy.allow_empty;
}

/* `expected`: the try_id of what is published, or "". */
static struct try_request check_of(const struct table *t, int32_t day, const char *expected, struct arena *arena)
{
	char text[DATE_SIZE];
	const char **partition = arena_alloc(arena, sizeof *partition), **try_id = arena_alloc(arena, sizeof *try_id);
	*partition = arena_strdup(arena, date_format(text, day));
	*try_id = expected;
	struct try_input *self = arena_alloc(arena, sizeof *self);
	*self = (struct try_input){.qname = t->qname, .partitioned = table_partitioned(t), .partitions = partition, .try_ids = try_id, .npartitions = 1};
	struct try_request rq = {.try_id = "check", .run_id = "", .qname = t->qname, .partition = *partition, .partitioned = self->partitioned,
	                         .engine = "duckdb", .sql = "", .inputs = self, .ninputs = 1};
	add_checks(t, arena, &rq);
	return rq;
}

struct try_request try_of_check(const struct table *t, int32_t day, struct arena *arena)
{
	return check_of(t, day, "", arena);
}

struct try_request try_build_check(struct arena *arena, const struct plan *plan, uint32_t slot, uint32_t date,
                                   const struct try_common *common, const char *try_id, uint64_t fence, uint32_t try_no)
{
	const struct table *t = &plan->in.project->tables[plan->tables[slot]];
	int32_t day = plan_day(plan, slot, date);
	const struct part *part = snapshot_part(plan->in.snapshot, t->index, day);
	struct try_request rq = check_of(t, day, part && !part->empty ? part->try_id : "", arena);
	rq.check_only = true;
	rq.try_id = try_id;
	rq.run_id = common->run_id;
	rq.fence = fence;
	rq.log_path = try_log_path(arena, common->log_dir, t, day, try_no);
	return rq;
}

struct try_source try_source_of(const struct source *s, const char *date, struct arena *arena)
{
	static const char *const formats[] = {"csv", "json", "parquet"};
	static const char *const missing[] = {"empty", "wait", "fail"};
	return (struct try_source){.view = arena_printf(arena, "tmp_%s", s->table),
	                           .path = s->path,
	                           .date = s->partitioned ? date : "",
	                           .format = formats[s->format],
	                           .missing = missing[s->missing],
	                           .wait_for = s->wait_for,
	                           .delim = s->delim,
	                           .nullstr = s->nullstr,
	                           .encoding = s->encoding,
	                           .header = s->header,
	                           .all_varchar = s->all_varchar,
	                           .columns = s->columns,
	                           .ncolumns = s->ncolumns};
}

char *try_log_path(struct arena *arena, const char *log_dir, const struct table *t, int32_t day, uint32_t try_no)
{
	char text[DATE_SIZE];
	date_format(text, day);
	return arena_printf(arena, "%s/%s%s%s.try-%u.log", log_dir, t->name, *text ? "/" : "", text, try_no);
}

int try_render(struct arena *arena, const struct project *p, const struct table *t, int32_t day, const char *run_id,
               struct rendered *ret, struct err *err)
{
	struct buf text = BUF_INIT(SQL_MAX);
	int rc = load_text(p, t, &text, err);
	if (rc == 0) {
		struct template_vars vars = {.day = day, .run_id = run_id, .env = p->env, .layer = t->layer->name, .table = t->name};
		const char *copy = arena_strndup(arena, buf_cstr(&text), text.len);
		rc = template_render(arena, copy, text.len, &vars, ret, err);
		if (rc < 0)
			err_wrap(err, "%s", t->file);
	}
	buf_free(&text);
	return rc;
}

int try_build(struct arena *arena, struct plan *plan, uint32_t slot, uint32_t date, const struct try_common *common,
              const char *try_id, uint64_t fence, uint32_t try_no, const char *fingerprint, struct try_request *ret,
              struct rendered *ret_rendered, struct err *err)
{
	const struct project *p = plan->in.project;
	uint32_t index = plan->tables[slot];
	const struct table *t = &p->tables[index];
	int32_t day = plan_day(plan, slot, date);
	char partition[DATE_SIZE], last[DATE_SIZE];
	date_format(partition, day);
	date_format(last, plan->in.last);
	*ret = (struct try_request){.try_id = try_id,
	                            .run_id = common->run_id,
	                            .fence = fence,
	                            .qname = t->qname,
	                            .partition = arena_strdup(arena, partition),
	                            .run_date = arena_strdup(arena, last),
	                            .partitioned = table_partitioned(t),
	                            .engine = t->kind == TABLE_EXEC ? "exec" : t->policy.engine,
	                            .project_dir = p->dir,
	                            .views = t->views,
	                            .nviews = t->nviews,
	                            .output_none = t->output_none,
	                            .keep_staging = common->keep_staging,
	                            .fingerprint = fingerprint,
	                            .git_commit = common->git_commit,
	                            .log_path = try_log_path(arena, common->log_dir, t, day, try_no)};
	const struct part *before = snapshot_part(plan->in.snapshot, index, day);
	ret->next_version = before ? before->version + 1 : 1;
	add_checks(t, arena, ret);
	*ret_rendered = (struct rendered){0};
	if (t->kind == TABLE_EXEC)
		ret->file = arena_printf(arena, "%s/%s", p->dir, t->file);
	else if (try_render(arena, p, t, day, common->run_id, ret_rendered, err) < 0)
		return err->code;
	else
		ret->sql = ret_rendered->text;
	if (t->source) {
		struct try_source *source = arena_alloc(arena, sizeof *source);
		*source = try_source_of(t->source, ret->partition, arena);
		ret->source = source;
	}
	struct inputs in = {.arena = arena, .plan = plan};
	plan_reads(plan, index, day, add_input, &in);
	ret->inputs = arena_copy(arena, in.items, in.len * sizeof *in.items);
	ret->ninputs = in.len;
	free(in.items);
	return 0;
}
