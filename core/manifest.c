/* See manifest.h. */
#include "core/manifest.h"

#include <string.h>

#include "core/jsonio.h"

static void put_files(json_t *obj, const struct manifest *m)
{
	json_t *list = json_array();
	for (size_t i = 0; i < m->nfiles; i++) {
		json_t *one = json_object();
		jput_text(one, "name", m->files[i].name);
		jput_int(one, "size", m->files[i].size);
		jput_int(one, "rows", m->files[i].rows);
		jput_text(one, "sha256", m->files[i].sha256);
		json_array_append_new(list, one);
	}
	json_object_set_new(obj, "files", list);
}

static void put_inputs(json_t *obj, const struct manifest *m)
{
	json_t *list = json_array();
	for (size_t i = 0; i < m->ninputs; i++) {
		json_t *one = json_object();
		jput_text(one, "table", m->inputs[i].table);
		jput_text(one, "partition", m->inputs[i].partition);
		jput_int(one, "version", (int64_t)m->inputs[i].version);
		jput_text(one, "try_id", m->inputs[i].try_id);
		json_array_append_new(list, one);
	}
	json_object_set_new(obj, "inputs", list);
}

void manifest_put_checks(json_t *obj, const struct manifest *m)
{
	json_t *list = json_array();
	for (size_t i = 0; i < m->nchecks; i++) {
		json_t *one = json_object();
		jput_text(one, "name", m->checks[i].name);
		jput_text(one, "status", m->checks[i].status);
		jput_text(one, "detail", m->checks[i].detail);
		json_array_append_new(list, one);
	}
	json_object_set_new(obj, "checks", list);
}

json_t *manifest_to_json(const struct manifest *m)
{
	json_t *obj = json_object();
	jput_text(obj, "dest", m->dest);
	jput_text(obj, "partition_date", m->partition_date);
	jput_text(obj, "run_id", m->run_id);
	jput_int(obj, "file_count", (int64_t)m->nfiles);
	jput_int(obj, "row_count", m->row_count);
	jput_text(obj, "status", m->status);
	jput_text(obj, "source_prefix", m->source_prefix);
	jput_text(obj, "target_prefix", m->target_prefix);
	jput_text(obj, "generated_at", m->generated_at);
	jput_bool(obj, "partitioned", m->partitioned);
	jput_int(obj, "version", (int64_t)m->version);
	jput_text(obj, "try_id", m->try_id);
	jput_int(obj, "fence", (int64_t)m->fence);
	put_files(obj, m);
	jput_columns(obj, "schema", m->schema, m->nschema);
	jput_text(obj, "fingerprint", m->fingerprint);
	put_inputs(obj, m);
	manifest_put_checks(obj, m);
	jput_text(obj, "git_commit", m->git_commit);
	return obj;
}

void manifest_encode(const struct manifest *m, struct buf *out)
{
	json_t *obj = manifest_to_json(m);
	json_print(obj, JSON_INDENT(2), out);
	buf_addc(out, '\n');
	json_decref(obj);
}

/* A name that stays inside the manifest's folder: it is opened and linked by whoever reads the manifest. */
static bool plain_name(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/');
}

static void get_files(struct jget *g, const json_t *obj, struct manifest *m)
{
	size_t n;
	const json_t *list = jget_objects(g, obj, "files", &n);
	struct manifest_file *files = arena_array(g->arena, n, sizeof *files);
	for (size_t i = 0; i < n; i++) {
		const json_t *one = json_array_get(list, i);
		files[i].name = jget_text(g, one, "name");
		files[i].size = jget_int(g, one, "size", 0, INT64_MAX);
		files[i].rows = jget_int(g, one, "rows", 0, INT64_MAX);
		files[i].sha256 = jget_text_or(g, one, "sha256", "");
		if (!plain_name(files[i].name))
			jget_fail(g, "files", "has a name that is no plain file name");
	}
	if (jget_int(g, obj, "file_count", 0, INT64_MAX) != (int64_t)n)
		jget_fail(g, "file_count", "is not the number of files");
	m->files = files;
	m->nfiles = n;
}

static void get_inputs(struct jget *g, const json_t *obj, struct manifest *m)
{
	const json_t *list = jget_objects(g, obj, "inputs", &m->ninputs);
	struct manifest_input *inputs = arena_array(g->arena, m->ninputs, sizeof *inputs);
	for (size_t i = 0; i < m->ninputs; i++) {
		const json_t *one = json_array_get(list, i);
		inputs[i].table = jget_text(g, one, "table");
		inputs[i].partition = jget_text_or(g, one, "partition", "");
		inputs[i].version = (uint64_t)jget_int_or(g, one, "version", 0, INT64_MAX, 0);
		inputs[i].try_id = jget_text_or(g, one, "try_id", "");
	}
	m->inputs = inputs;
}

void manifest_get_checks(struct jget *g, const json_t *obj, struct manifest *m)
{
	const json_t *list = jget_objects(g, obj, "checks", &m->nchecks);
	struct manifest_check *checks = arena_array(g->arena, m->nchecks, sizeof *checks);
	for (size_t i = 0; i < m->nchecks; i++) {
		const json_t *one = json_array_get(list, i);
		checks[i].name = jget_text(g, one, "name");
		checks[i].status = jget_text(g, one, "status");
		checks[i].detail = jget_text_or(g, one, "detail", "");
	}
	m->checks = checks;
}

/* Without the key "partitioned" the folder's own name tells. */
static bool partition_folder(const char *prefix)
{
	const char *slash = strrchr(prefix, '/');
	return strncmp(slash ? slash + 1 : prefix, "dt=", 3) == 0;
}

int manifest_from_json(struct arena *arena, const json_t *obj, int code, struct manifest *ret, struct err *err)
{
	struct jget g = {.arena = arena, .err = err, .code = code};
	struct manifest m = {0};
	if (!json_is_object(obj))
		return err_set(err, code, "a manifest must be a JSON object");
	m.dest = jget_text(&g, obj, "dest");
	m.partition_date = jget_text(&g, obj, "partition_date");
	m.run_id = jget_text(&g, obj, "run_id");
	m.row_count = jget_int(&g, obj, "row_count", 0, INT64_MAX);
	m.status = jget_text(&g, obj, "status");
	m.source_prefix = jget_text_or(&g, obj, "source_prefix", "");
	m.target_prefix = jget_text(&g, obj, "target_prefix");
	m.generated_at = jget_text(&g, obj, "generated_at");
	m.partitioned = jget_bool_or(&g, obj, "partitioned", partition_folder(m.target_prefix));
	m.version = (uint64_t)jget_int(&g, obj, "version", 0, INT64_MAX);
	m.try_id = jget_text(&g, obj, "try_id");
	m.fence = (uint64_t)jget_int(&g, obj, "fence", 0, INT64_MAX);
	get_files(&g, obj, &m);
	m.schema = jget_columns(&g, obj, "schema", &m.nschema);
	m.fingerprint = jget_text_or(&g, obj, "fingerprint", "");
	get_inputs(&g, obj, &m);
	manifest_get_checks(&g, obj, &m);
	m.git_commit = jget_text_or(&g, obj, "git_commit", "");
	if (g.result < 0)
		return err_wrap(err, "manifest");
	*ret = m;
	return 0;
}

int manifest_decode(struct arena *arena, const char *text, size_t n, struct manifest *ret, struct err *err)
{
	if (n > MANIFEST_MAX)
		return err_set(err, ERR_LAKE, "manifest: more than %d bytes", MANIFEST_MAX);
	json_error_t where;
	json_t *obj = json_loadb(text, n, JSON_REJECT_DUPLICATES, &where);
	if (!obj)
		return err_set(err, ERR_LAKE, "manifest: line %d: %s", where.line, where.text);
	int r = manifest_from_json(arena, obj, ERR_LAKE, ret, err);
	json_decref(obj);
	return r;
}
