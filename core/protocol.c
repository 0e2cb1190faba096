/* See protocol.h. Keys are the names of the fields. */
#include "core/protocol.h"

#include <string.h>

#include "core/jsonio.h"

static void put_input(json_t *list, const struct try_input *in)
{
	json_t *one = json_object();
	jput_text(one, "qname", in->qname);
	jput_bool(one, "partitioned", in->partitioned);
	jput_text(one, "external_path", in->external_path);
	jput_texts(one, "partitions", in->partitions, in->npartitions);
	jput_texts(one, "try_ids", in->try_ids, in->npartitions);
	jput_columns(one, "schema", in->schema, in->nschema);
	json_array_append_new(list, one);
}

json_t *try_views_encode(const struct view *const *views, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *one = json_object();
		jput_text(one, "name", views[i]->qname);
		jput_text(one, "ddl", views[i]->ddl);
		json_array_append_new(list, one);
	}
	return list;
}

const struct view *const *try_views_decode(struct jget *g, const json_t *obj, size_t *ret_n)
{
	const json_t *list = jget_objects(g, obj, "views", ret_n);
	struct view *views = arena_array(g->arena, *ret_n, sizeof *views);
	const struct view **ret = arena_array(g->arena, *ret_n, sizeof *ret);
	for (size_t i = 0; i < *ret_n; i++) {
		const json_t *one = json_array_get(list, i);
		views[i].qname = jget_text(g, one, "name");
		views[i].ddl = jget_text(g, one, "ddl");
		ret[i] = &views[i];
	}
	return ret;
}

static json_t *source_encode(const struct try_source *s)
{
	json_t *one = json_object();
	jput_text(one, "view", s->view);
	jput_text(one, "path", s->path);
	jput_text(one, "date", s->date);
	jput_text(one, "format", s->format);
	jput_text(one, "missing", s->missing);
	jput_text(one, "wait_for", s->wait_for);
	jput_text(one, "delim", s->delim);
	jput_text(one, "nullstr", s->nullstr);
	jput_text(one, "encoding", s->encoding);
	jput_int(one, "header", s->header);
	jput_int(one, "all_varchar", s->all_varchar);
	jput_columns(one, "columns", s->columns, s->ncolumns);
	return one;
}

json_t *try_request_encode(const struct try_request *r)
{
	json_t *obj = json_object(), *inputs = json_array();
	jput_text(obj, "try_id", r->try_id);
	jput_text(obj, "run_id", r->run_id);
	jput_int(obj, "fence", (int64_t)r->fence);
	jput_text(obj, "qname", r->qname);
	jput_text(obj, "partition", r->partition);
	jput_text(obj, "run_date", r->run_date);
	jput_bool(obj, "partitioned", r->partitioned);
	jput_text(obj, "engine", r->engine);
	jput_text(obj, "sql", r->sql);
	jput_text(obj, "file", r->file);
	jput_text(obj, "project_dir", r->project_dir);
	for (size_t i = 0; i < r->ninputs; i++)
		put_input(inputs, &r->inputs[i]);
	json_object_set_new(obj, "inputs", inputs);
	json_object_set_new(obj, "views", try_views_encode(r->views, r->nviews));
	if (r->source)
		json_object_set_new(obj, "source", source_encode(r->source));
	jput_texts(obj, "primary_keys", r->primary_keys, r->nprimary_keys);
	jput_text(obj, "timestamp_col", r->timestamp_col);
	jput_columns(obj, "columns", r->columns, r->ncolumns);
	jput_bool(obj, "allow_empty", r->allow_empty);
	jput_bool(obj, "output_none", r->output_none);
	jput_bool(obj, "keep_staging", r->keep_staging);
	if (r->check_only)
		jput_bool(obj, "check_only", true);
	jput_text(obj, "fingerprint", r->fingerprint);
	jput_text(obj, "git_commit", r->git_commit);
	jput_int(obj, "next_version", (int64_t)r->next_version);
	jput_text(obj, "log_path", r->log_path);
	jput_int(obj, "memory_bytes", r->memory_bytes);
	jput_int(obj, "threads", r->threads);
	return obj;
}

static void get_inputs(struct jget *g, const json_t *obj, struct try_request *r)
{
	const json_t *list = jget_objects(g, obj, "inputs", &r->ninputs);
	struct try_input *inputs = arena_array(g->arena, r->ninputs, sizeof *inputs);
	for (size_t i = 0; i < r->ninputs; i++) {
		const json_t *one = json_array_get(list, i);
		struct try_input *in = &inputs[i];
		size_t ids;
		in->qname = jget_text(g, one, "qname");
		in->partitioned = jget_bool(g, one, "partitioned");
		in->external_path = jget_text_or(g, one, "external_path", NULL);
		in->partitions = jget_texts(g, one, "partitions", &in->npartitions);
		in->try_ids = jget_texts(g, one, "try_ids", &ids);
		in->schema = jget_columns(g, one, "schema", &in->nschema);
		if (ids != in->npartitions)
			jget_fail(g, "try_ids", "must have one element for each of 'partitions'");
	}
	r->inputs = inputs;
}

static const struct try_source *get_source(struct jget *g, const json_t *obj)
{
	const json_t *one = jget_object(g, obj, "source");
	if (!one)
		return NULL;
	struct try_source *s = arena_alloc(g->arena, sizeof *s);
	s->view = jget_text(g, one, "view");
	s->path = jget_text(g, one, "path");
	s->date = jget_text_or(g, one, "date", "");
	s->format = jget_text(g, one, "format");
	s->missing = jget_text(g, one, "missing");
	s->wait_for = jget_text_or(g, one, "wait_for", NULL);
	s->delim = jget_text_or(g, one, "delim", NULL);
	s->nullstr = jget_text_or(g, one, "nullstr", NULL);
	s->encoding = jget_text_or(g, one, "encoding", NULL);
	s->header = (int)jget_int_or(g, one, "header", TRI_UNSET, TRI_TRUE, TRI_UNSET);
	s->all_varchar = (int)jget_int_or(g, one, "all_varchar", TRI_UNSET, TRI_TRUE, TRI_UNSET);
	s->columns = jget_columns(g, one, "columns", &s->ncolumns);
	return s;
}

int try_request_decode(struct arena *arena, const json_t *json, struct try_request *ret, struct err *err)
{
	struct jget g = {.arena = arena, .err = err, .code = ERR_PROTOCOL};
	struct try_request r = {0};
	r.try_id = jget_text(&g, json, "try_id");
	r.run_id = jget_text(&g, json, "run_id");
	r.fence = (uint64_t)jget_int(&g, json, "fence", 0, INT64_MAX);
	r.qname = jget_text(&g, json, "qname");
	r.partition = jget_text_or(&g, json, "partition", "");
	r.run_date = jget_text_or(&g, json, "run_date", "");
	r.partitioned = jget_bool(&g, json, "partitioned");
	r.engine = jget_text(&g, json, "engine");
	r.sql = jget_text_or(&g, json, "sql", NULL);
	r.file = jget_text_or(&g, json, "file", NULL);
	r.project_dir = jget_text_or(&g, json, "project_dir", NULL);
	get_inputs(&g, json, &r);
	r.views = try_views_decode(&g, json, &r.nviews);
	r.source = get_source(&g, json);
	r.primary_keys = jget_texts(&g, json, "primary_keys", &r.nprimary_keys);
	r.timestamp_col = jget_text_or(&g, json, "timestamp_col", NULL);
	r.columns = jget_columns(&g, json, "columns", &r.ncolumns);
	r.allow_empty = jget_bool(&g, json, "allow_empty");
	r.output_none = jget_bool_or(&g, json, "output_none", false);
	r.keep_staging = jget_bool_or(&g, json, "keep_staging", false);
	r.check_only = jget_bool_or(&g, json, "check_only", false);
	r.fingerprint = jget_text_or(&g, json, "fingerprint", "");
	r.git_commit = jget_text_or(&g, json, "git_commit", "");
	r.next_version = (uint64_t)jget_int(&g, json, "next_version", 0, INT64_MAX);
	r.log_path = jget_text_or(&g, json, "log_path", NULL);
	r.memory_bytes = jget_int_or(&g, json, "memory_bytes", 0, INT64_MAX, 0);
	r.threads = (int)jget_int_or(&g, json, "threads", 0, 1 << 16, 0);
	if (g.result < 0)
		return err_wrap(err, "run request");
	*ret = r;
	return 0;
}

/* Of a peer that says it wrong nothing is known: no try depends on it. */
void try_event_decode(const json_t *json, struct try_event *ret)
{
	struct err ignored = {0};
	struct jget g = {.err = &ignored, .code = ERR_PROTOCOL};
	const char *event = json_string_value(json_object_get(json, "event")), *stage = json_string_value(json_object_get(json, "stage"));
	*ret = (struct try_event){
		.event = event ? event : "",
		.stage = stage ? stage : "",
		.rows = jget_int_or(&g, json, "rows", 0, INT64_MAX, -1),
		.percent = (int)jget_int_or(&g, json, "percent", 0, 100, -1),
		.of_rows = jget_int_or(&g, json, "of_rows", 0, INT64_MAX, -1),
		.written = jget_int_or(&g, json, "written", 0, INT64_MAX, -1),
	};
}

/* states.h has the words; an outcome on the wire is its name. */
#define WORD(id, name, doc) name,
static const char *const outcomes[] = {TRY_OUTCOMES(WORD)};
#undef WORD

static enum try_outcome get_outcome(struct jget *g, const json_t *obj)
{
	const char *word = jget_text(g, obj, "outcome");
	for (int i = OUTCOME_NONE + 1; i < TRY_OUTCOMES_END; i++)
		if (strcmp(word, outcomes[i]) == 0)
			return (enum try_outcome)i;
	jget_fail(g, "outcome", "is no outcome");
	return OUTCOME_ERROR;
}

/* The failure is not called "error", which in a reply means that the request itself was refused. */
json_t *try_result_encode(const struct try_result *r)
{
	json_t *obj = json_object();
	jput_text(obj, "outcome", outcomes[r->outcome]);
	jput_bool(obj, "empty", r->empty);
	if (r->outcome == OUTCOME_ERROR) {
		json_t *failure = json_object();
		jput_text(failure, "class", r->error.class);
		jput_text(failure, "message", r->error.message);
		jput_int(failure, "line", r->error.line);
		jput_int(failure, "col", r->error.col);
		json_object_set_new(obj, "failure", failure);
	}
	/* Without a date there is no manifest, only what was checked: a failed try, a pure action, or check_only. */
	if (r->outcome == OUTCOME_SUCCESS && r->manifest.partition_date)
		json_object_set_new(obj, "manifest", manifest_to_json(&r->manifest));
	else
		manifest_put_checks(obj, &r->manifest);
	jput_int(obj, "bytes", r->bytes);
	jput_int(obj, "cleared_rows", r->cleared_rows);
	jput_int(obj, "prepare_us", r->prepare_us);
	jput_int(obj, "load_us", r->load_us);
	jput_int(obj, "validate_us", r->validate_us);
	jput_int(obj, "commit_us", r->commit_us);
	jput_int(obj, "cleanup_us", r->cleanup_us);
	jput_text(obj, "checked", r->checked);
	jput_text(obj, "staging", r->staging);
	jput_text(obj, "note", r->note);
	return obj;
}

static void get_failure(struct jget *g, const json_t *obj, struct try_error *ret)
{
	const json_t *one = jget_object(g, obj, "failure");
	if (!one) {
		jget_fail(g, "failure", "is missing");
		return;
	}
	ret->class = jget_text(g, one, "class");
	ret->message = jget_text(g, one, "message");
	ret->line = (int)jget_int_or(g, one, "line", 0, INT32_MAX, 0);
	ret->col = (int)jget_int_or(g, one, "col", 0, INT32_MAX, 0);
}

int try_result_decode(struct arena *arena, const json_t *json, struct try_result *ret, struct err *err)
{
	struct jget g = {.arena = arena, .err = err, .code = ERR_PROTOCOL};
	struct try_result r = {0};
	r.outcome = get_outcome(&g, json);
	r.empty = jget_bool_or(&g, json, "empty", false);
	if (r.outcome == OUTCOME_ERROR)
		get_failure(&g, json, &r.error);
	r.bytes = jget_int_or(&g, json, "bytes", 0, INT64_MAX, 0);
	r.cleared_rows = jget_int_or(&g, json, "cleared_rows", -1, INT64_MAX, -1);
	r.prepare_us = jget_int_or(&g, json, "prepare_us", 0, INT64_MAX, 0);
	r.load_us = jget_int_or(&g, json, "load_us", 0, INT64_MAX, 0);
	r.validate_us = jget_int_or(&g, json, "validate_us", 0, INT64_MAX, 0);
	r.commit_us = jget_int_or(&g, json, "commit_us", 0, INT64_MAX, 0);
	r.cleanup_us = jget_int_or(&g, json, "cleanup_us", 0, INT64_MAX, 0);
	r.checked = jget_text_or(&g, json, "checked", NULL);
	r.staging = jget_text_or(&g, json, "staging", NULL);
	r.note = jget_text_or(&g, json, "note", NULL);
	const json_t *manifest = jget_object(&g, json, "manifest");
	if (!manifest)
		manifest_get_checks(&g, json, &r.manifest);
	if (g.result < 0)
		return err_wrap(err, "run reply");
	if (manifest && manifest_from_json(arena, manifest, ERR_PROTOCOL, &r.manifest, err) < 0)
		return err_wrap(err, "run reply");
	*ret = r;
	return 0;
}

static const char *const ref_kinds[] = {[REF_TABLE] = "table", [REF_MACRO] = "macro", [REF_CALL] = "call"};

static json_t *ref_to_json(const struct ref *r)
{
	json_t *one = json_object(), *spans = json_array();
	char text[SPAN_SIZE];
	jput_text(one, "kind", ref_kinds[r->kind]);
	jput_text(one, "schema", r->schema);
	jput_text(one, "name", r->name);
	jput_int(one, "line", r->line);
	jput_int(one, "col", r->col);
	for (size_t i = 0; i < r->nspans; i++)
		json_array_append_new(spans, json_text(span_format(text, &r->spans[i])));
	json_object_set_new(one, "spans", spans);
	return one;
}

json_t *analysis_to_json(const struct analysis *a)
{
	json_t *obj = json_object(), *refs = json_array(), *more = json_array();
	jput_bool(obj, "partitioned", a->partitioned);
	jput_bool(obj, "comment_only", a->comment_only);
	jput_bool(obj, "uses_run_id", a->uses_run_id);
	jput_bool(obj, "parsed", a->parsed);
	jput_text(obj, "canonical", a->canonical);
	jput_text(obj, "volatile_by", a->volatile_by);
	jput_text(obj, "error", a->error);
	jput_int(obj, "error_line", a->error_line);
	jput_int(obj, "error_col", a->error_col);
	for (size_t i = 0; i < a->nmore; i++) {
		json_t *one = json_object();
		jput_text(one, "error", a->more[i].text);
		jput_int(one, "line", a->more[i].line);
		jput_int(one, "col", a->more[i].col);
		json_array_append_new(more, one);
	}
	json_object_set_new(obj, "more", more);
	for (size_t i = 0; i < a->nrefs; i++)
		json_array_append_new(refs, ref_to_json(&a->refs[i]));
	json_object_set_new(obj, "refs", refs);
	return obj;
}

static void get_ref(struct jget *g, const json_t *one, struct ref *r)
{
	const char *kind = jget_text(g, one, "kind");
	for (r->kind = REF_TABLE; r->kind < REF_CALL && strcmp(kind, ref_kinds[r->kind]) != 0;)
		r->kind++;
	if (strcmp(kind, ref_kinds[r->kind]) != 0)
		jget_fail(g, "kind", "must be 'table', 'macro' or 'call'");
	r->schema = jget_text_or(g, one, "schema", "");
	r->name = jget_text(g, one, "name");
	r->line = (int)jget_int_or(g, one, "line", 0, INT32_MAX, 0);
	r->col = (int)jget_int_or(g, one, "col", 0, INT32_MAX, 0);
	const char *const *texts = jget_texts(g, one, "spans", &r->nspans);
	r->spans = arena_array(g->arena, r->nspans, sizeof *r->spans);
	for (size_t i = 0; i < r->nspans; i++) {
		const char *end = span_parse(texts[i], &r->spans[i]);
		if (!end || *end)
			jget_fail(g, "spans", "has a text that is no span");
	}
	if (r->nspans == 0)
		jget_fail(g, "spans", "must have an element");
}

static const struct analysis_error *get_more(struct jget *g, const json_t *json, size_t *ret_n)
{
	const json_t *list = jget_objects(g, json, "more", ret_n);
	struct analysis_error *more = arena_array(g->arena, *ret_n, sizeof *more);
	for (size_t i = 0; i < *ret_n; i++) {
		const json_t *one = json_array_get(list, i);
		more[i].text = jget_text(g, one, "error");
		more[i].line = (int)jget_int_or(g, one, "line", 0, INT32_MAX, 0);
		more[i].col = (int)jget_int_or(g, one, "col", 0, INT32_MAX, 0);
	}
	return more;
}

int analysis_from_json(struct arena *arena, const json_t *json, struct analysis *ret, struct err *err)
{
	struct jget g = {.arena = arena, .err = err, .code = ERR_PROTOCOL};
	struct analysis a = {0};
	a.partitioned = jget_bool(&g, json, "partitioned");
	a.comment_only = jget_bool_or(&g, json, "comment_only", false);
	a.uses_run_id = jget_bool_or(&g, json, "uses_run_id", false);
	a.parsed = jget_bool(&g, json, "parsed");
	a.canonical = jget_text_or(&g, json, "canonical", "");
	a.volatile_by = jget_text_or(&g, json, "volatile_by", NULL);
	a.error = jget_text_or(&g, json, "error", NULL);
	a.error_line = (int)jget_int_or(&g, json, "error_line", 0, INT32_MAX, 0);
	a.error_col = (int)jget_int_or(&g, json, "error_col", 0, INT32_MAX, 0);
	a.more = get_more(&g, json, &a.nmore);
	const json_t *refs = jget_objects(&g, json, "refs", &a.nrefs);
	a.refs = arena_array(arena, a.nrefs, sizeof *a.refs);
	for (size_t i = 0; i < a.nrefs; i++)
		get_ref(&g, json_array_get(refs, i), &a.refs[i]);
	if (g.result < 0)
		return err_wrap(err, "analysis");
	*ret = a;
	return 0;
}
