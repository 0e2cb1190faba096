/* See probe.h. */
#include "executor/probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/jsonio.h"
#include "core/protocol.h"
#include "executor/source.h"
#include "executor/store_local.h"
#include "executor/store.h"

enum { SOURCES_BYTES = PROTOCOL_LINE_MAX / 2, MANIFEST_BYTES = PROTOCOL_LINE_MAX / 2, INPUTS_BYTES = PROTOCOL_LINE_MAX / 4 };
enum { NO_INPUTS = -1 };

/* Is every listed file there with its size? All through one descriptor: one version. */
static bool files_whole(int dir, const struct manifest *m)
{
	for (size_t i = 0; i < m->nfiles; i++) {
		struct stat st;
		if (fstatat(dir, m->files[i].name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_size != m->files[i].size)
			return false;
	}
	return true;
}

static void put_identity(json_t *out, const struct manifest *m)
{
	int64_t bytes = 0;
	for (size_t i = 0; i < m->nfiles; i++)
		bytes += m->files[i].size;
	jput_text(out, "try_id", m->try_id);
	jput_int(out, "version", (int64_t)m->version);
	jput_int(out, "fence", (int64_t)m->fence);
	jput_int(out, "rows", m->row_count);
	jput_int(out, "bytes", bytes);
	jput_text(out, "fingerprint", m->fingerprint);
}

bool probe_empty(struct arena *arena, const char *folder, struct buf *text, struct manifest *ret)
{
	char record[STORE_RECORD_MAX];
	return file_read(AT_FDCWD, store_empty_record(record, folder), text, NULL) == 0 &&
	       manifest_decode(arena, text->data, text->len, ret, NULL) == 0;
}

/* Who asks for a whole manifest will write down that it is published. Its try may have died between its exchange and the
 * sync of the folder above, so that this is done here; false: it could not be done. */
static bool stays(const char *folder)
{
	const char *slash = strrchr(folder, '/');
	char *above = slash ? mem_strndup(folder, (size_t)(slash - folder)) : mem_strdup(".");
	bool durable = dir_sync(above, NULL) == 0 || errno == ENOENT;
	free(above);
	return durable;
}

/* Of a manifest that is too long for a line: without its inputs, or with those from one on. */
static void cut_inputs(json_t *out, json_t *manifest, int64_t from)
{
	json_t *inputs = json_incref(json_object_get(manifest, "inputs")), *some = json_array();
	size_t i = from < 0 ? 0 : (size_t)from, bytes = 0;
	json_object_del(manifest, "inputs");
	for (; from >= 0 && i < json_array_size(inputs) && bytes < INPUTS_BYTES; i++) {
		json_t *one = json_array_get(inputs, i);
		bytes += json_dumpb(one, NULL, 0, JSON_COMPACT);
		json_array_append(some, one);
	}
	if (from >= 0 && i < json_array_size(inputs))
		jput_int(out, "inputs_next", (int64_t)i);
	if (from >= 0)
		json_object_set(manifest, "inputs", some);
	json_decref(some);
	json_decref(inputs);
}

static json_t *probe_partition(struct arena *arena, const char *path, bool whole, int64_t inputs_from)
{
	json_t *out = json_object();
	struct buf text = BUF_INIT(MANIFEST_MAX);
	struct manifest m = {0};
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || file_read(dir, "manifest.json", &text, NULL) < 0) {
		bool empty = probe_empty(arena, path, &text, &m) && (!whole || stays(path));
		jput_text(out, "state", empty ? "empty" : "missing");
		if (empty)
			put_identity(out, &m);
		if (empty && whole)
			json_object_set_new(out, "manifest", json_loadb(text.data, text.len, 0, NULL));
	} else if (manifest_decode(arena, text.data, text.len, &m, NULL) < 0 || (whole && !stays(path))) {
		jput_text(out, "state", "damaged");
	} else {
		jput_text(out, "state", files_whole(dir, &m) ? "ok" : "damaged");
		put_identity(out, &m);
		json_t *manifest = whole ? json_loadb(text.data, text.len, 0, NULL) : NULL;
		if (manifest && text.len > MANIFEST_BYTES)
			cut_inputs(out, manifest, inputs_from);
		if (manifest)
			json_object_set_new(out, "manifest", manifest);
	}
	if (dir >= 0)
		close(dir);
	buf_free(&text);
	return out;
}

/* [name, size, mtime_ns, ctime_ns, inode] each; the names without the first `cut` bytes of their paths. */
static json_t *files_json(const struct raw_files *f, size_t cut)
{
	json_t *files = json_array();
	for (size_t i = 0; i < f->len; i++) {
		const struct raw_file *one = &f->items[i];
		json_array_append_new(files, json_pack("[o, I, I, I, I]", json_text(one->path + cut), (json_int_t)one->size,
		                                       (json_int_t)one->mtime_ns, (json_int_t)one->ctime_ns, (json_int_t)one->inode));
	}
	return files;
}

/* The dates of a range that have files, as many as there is room for: at least one where the reply has nothing else. */
static int add_days(struct arena *arena, const json_t *req, const char *folder, size_t used, json_t *out, struct err *err)
{
	const char *first = json_string_value(json_object_get(req, "first")), *last = json_string_value(json_object_get(req, "last"));
	const char *format = json_string_value(json_object_get(req, "format")), *strays;
	const char *marker = json_string_value(json_object_get(req, "marker"));
	bool folders = json_is_true(json_object_get(req, "folders"));
	const char *const *dates;
	json_t *days = json_array();
	size_t n;
	json_object_set_new(out, "days", days);
	int rc = source_days(arena, folder, &dates, &n, &strays, err);
	for (size_t i = 0; rc == 0 && i < n && strcmp(dates[i], last) <= 0; i++) {
		struct raw_files f;
		if (strcmp(dates[i], first) < 0)
			continue;
		rc = source_list(arena, folder, dates[i], format ? format : "csv", &f, err);
		bool marked = rc == 0 && marker && source_marked(arena, folder, dates[i], marker);
		if (rc < 0 || (!f.len && !marked && !folders))
			continue;
		json_t *files = files_json(&f, strlen(folder) + strlen("/dt=YYYY-MM-DD/"));
		json_t *day = json_pack("{s:s, s:o}", "date", dates[i], "files", files);
		if (marker)
			jput_bool(day, "marked", marked);
		size_t bytes = json_dumpb(day, NULL, 0, JSON_COMPACT);
		if (used && used + bytes > SOURCES_BYTES) {
			json_decref(day);
			jput_text(out, "next", dates[i]);
			break;
		}
		used += bytes;
		json_array_append_new(days, day);
	}
	if (rc == 0)
		jput_text(out, "strays", strays);
	return rc;
}

static int probe_range(struct jget *g, const json_t *req, size_t used, json_t *out, struct err *err)
{
	const char *path = jget_text(g, req, "path"), *folder = source_folder(g->arena, path);
	struct stat st;
	jget_text(g, req, "first");
	jget_text(g, req, "last");
	if (g->result < 0)
		return g->result;
	jput_bool(out, "exists", stat(folder, &st) == 0);
	jput_text(out, "folder", folder);
	return add_days(g->arena, req, folder, used, out, err);
}

static int probe_date(struct jget *g, const json_t *req, json_t *out, struct err *err)
{
	const char *path = jget_text(g, req, "path"), *date = jget_text_or(g, req, "date", "");
	const char *format = jget_text_or(g, req, "format", "csv");
	const char *marker = jget_text_or(g, req, "marker", NULL);
	bool dates_too = jget_bool_or(g, req, "dates", false);
	struct raw_files f;
	int rc = g->result;
	if (rc == 0)
		rc = source_list(g->arena, path, date, format, &f, err);
	if (rc < 0)
		return rc;
	jput_bool(out, "exists", f.exists);
	json_object_set_new(out, "files", files_json(&f, 0));
	if (marker)
		jput_bool(out, "marked", source_marked(g->arena, path, date, marker));
	if (dates_too) {
		const char *const *dates;
		size_t n;
		rc = source_dates(g->arena, path, &dates, &n, err);
		if (rc == 0)
			jput_texts(out, "dates", dates, n);
	}
	return rc;
}

/* `used` bytes of the reply are taken. */
static int probe_source(struct jget *g, const json_t *req, size_t used, json_t **ret, struct err *err)
{
	json_t *out = json_object();
	int rc = json_object_get(req, "first") ? probe_range(g, req, used, out, err) : probe_date(g, req, out, err);
	if (rc < 0)
		json_decref(out);
	else
		*ret = out;
	return rc;
}

int probe_partitions(struct arena *arena, const char *qname, const char *const **ret_dates, size_t *ret_n, struct err *err)
{
	const char *dot = strchr(qname, '.');
	const char *folder = dot ? arena_printf(arena, "%.*s/%s", (int)(dot - qname), qname, dot + 1) : qname;
	static const char *const whole[] = {""};
	*ret_n = 0;
	if (access(arena_printf(arena, "%s/manifest.json", folder), F_OK) == 0) {
		*ret_dates = whole;
		*ret_n = 1;
		return 0;
	}
	const char *const *dates;
	size_t n, used = 0;
	int rc = source_dates(arena, folder, &dates, &n, err);
	if (rc < 0)
		return rc;
	const char **published = arena_array(arena, n, sizeof *published);
	for (size_t i = 0; i < n; i++) {
		if (access(arena_printf(arena, "%s/dt=%s/manifest.json", folder, dates[i]), F_OK) == 0)
			published[used++] = dates[i];
	}
	*ret_dates = published;
	*ret_n = used;
	return 0;
}

/* The dates of a table that were built without rows. */
static int empty_partitions(struct arena *arena, const char *qname, json_t **ret, struct err *err)
{
	const char *dot = strchr(qname, '.');
	const char *folder = dot ? arena_printf(arena, "%.*s/%s", (int)(dot - qname), qname, dot + 1) : qname;
	char record[STORE_RECORD_MAX];
	*ret = json_array();
	if (access(store_empty_record(record, folder), F_OK) == 0 &&
	    access(arena_printf(arena, "%s/manifest.json", folder), F_OK) < 0)
		json_array_append_new(*ret, json_string(""));
	const char *path = arena_printf(arena, ".strata/empty/%s", folder);
	DIR *d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : err_errno(err, ERR_LAKE, "list '%s'", path);
	struct dirent *e;
	while ((e = readdir(d))) {
		if (!str_has_prefix(e->d_name, "dt=") || !str_has_suffix(e->d_name, ".json"))
			continue;
		const char *name = arena_strndup(arena, e->d_name, strlen(e->d_name) - strlen(".json"));
		if (access(arena_printf(arena, "%s/%s/manifest.json", folder, name), F_OK) < 0)
			json_array_append_new(*ret, json_string(name + 3));
	}
	closedir(d);
	return 0;
}

static int probe_tables(struct jget *g, const json_t *req, json_t *list, struct err *err)
{
	size_t n, ndates;
	const char *const *names = jget_texts(g, req, "tables", &n);
	for (size_t i = 0; i < n; i++) {
		const char *const *dates;
		int rc = probe_partitions(g->arena, names[i], &dates, &ndates, err);
		if (rc < 0)
			return rc;
		json_t *one = json_object();
		jput_text(one, "qname", names[i]);
		jput_texts(one, "partitions", dates, ndates);
		json_t *empty;
		rc = empty_partitions(g->arena, names[i], &empty, err);
		json_object_set_new(one, "empty", empty);
		if (rc < 0) {
			json_decref(one);
			return rc;
		}
		json_array_append_new(list, one);
	}
	return g->result;
}

/* Has `qname` a partition whose manifest, or whose record of an empty result, says that it is this table's? */
static bool is_table(struct arena *arena, const char *qname)
{
	const char *const *dates;
	size_t n;
	json_t *empty = NULL;
	struct manifest m = {0};
	struct buf text = BUF_INIT(MANIFEST_MAX);
	const char *dot = strchr(qname, '.'), *date = NULL;
	if (probe_partitions(arena, qname, &dates, &n, NULL) == 0 && n)
		date = dates[0];
	else if (empty_partitions(arena, qname, &empty, NULL) == 0 && json_array_size(empty))
		date = json_string_value(json_array_get(empty, 0));
	const char *folder = date ? arena_printf(arena, "%.*s/%s%s%s", (int)(dot - qname), qname, dot + 1, *date ? "/dt=" : "", date) : "";
	char record[STORE_RECORD_MAX];
	const char *path = n ? arena_printf(arena, "%s/manifest.json", folder) : store_empty_record(record, folder);
	bool found = date && file_read(AT_FDCWD, path, &text, NULL) == 0 &&
	             manifest_decode(arena, text.data, text.len, &m, NULL) == 0 && str_eq(m.dest, qname);
	json_decref(empty);
	buf_free(&text);
	return found;
}

/* Each folder/name below `root` that could be layer/table, once. */
static int list_below(struct arena *arena, const char *root, json_t *ret, struct err *err)
{
	DIR *d = opendir(root);
	if (!d)
		return errno == ENOENT ? 0 : err_errno(err, ERR_LAKE, "list '%s'", root);
	struct dirent *layer, *table;
	while ((layer = readdir(d))) {
		DIR *sub = strchr(layer->d_name, '.') ? NULL : opendir(arena_printf(arena, "%s/%s", root, layer->d_name));
		while (sub && (table = readdir(sub))) {
			size_t n = strlen(table->d_name);
			n -= str_has_suffix(table->d_name, ".json") ? strlen(".json") : 0;
			if (!memchr(table->d_name, '.', n))
				json_object_set_new(ret, arena_printf(arena, "%s.%.*s", layer->d_name, (int)n, table->d_name), json_true());
		}
		if (sub)
			closedir(sub);
	}
	closedir(d);
	return 0;
}

/* Every table that the lake has something of, whoever's project it is. */
static int published_tables(struct arena *arena, json_t **ret, struct err *err)
{
	json_t *names = json_object(), *found = json_array();
	const char *name;
	json_t *value;
	int rc = list_below(arena, ".", names, err);
	if (rc == 0)
		rc = list_below(arena, ".strata/empty", names, err);
	json_object_foreach(names, name, value) {
		if (rc == 0 && is_table(arena, name))
			json_array_append_new(found, json_string(name));
	}
	json_decref(names);
	*ret = found;
	return rc;
}

int op_probe(const json_t *req, json_t **ret_reply, struct op_error *e)
{
	struct arena arena = {0};
	struct jget g = {.arena = &arena, .err = &e->err, .code = ERR_PROTOCOL};
	json_t *reply = json_object(), *parts = json_array(), *sources = json_array(), *tables = json_array();
	json_object_set_new(reply, "partitions", parts);
	json_object_set_new(reply, "sources", sources);
	json_object_set_new(reply, "tables", tables);
	jput_int(reply, "now_ns", clock_wall_us() * 1000);
	if (jget_bool_or(&g, req, "fences", false))
		jput_int(reply, "largest_fence", (int64_t)store_local_largest_fence());
	size_t n;
	const json_t *list = jget_objects(&g, req, "partitions", &n);
	for (size_t i = 0; i < n && g.result == 0; i++) {
		const json_t *one = json_array_get(list, i);
		const char *path = jget_text(&g, one, "path");
		json_array_append_new(parts, probe_partition(&arena, path, jget_bool_or(&g, one, "manifest", false),
		                                             jget_int_or(&g, one, "inputs_from", 0, INT32_MAX, NO_INPUTS)));
	}
	list = jget_objects(&g, req, "sources", &n);
	int rc = g.result;
	size_t bytes = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		json_t *one = NULL;
		rc = probe_source(&g, json_array_get(list, i), bytes, &one, &e->err);
		bool whole = !json_object_get(one, "next");
		bytes += json_dumpb(one, NULL, 0, JSON_COMPACT);
		if (i > 0 && whole && bytes > SOURCES_BYTES) {
			json_decref(one);
			break;
		}
		if (one)
			json_array_append_new(sources, one);
		if (!whole)
			break;
	}
	if (rc == 0)
		rc = probe_tables(&g, req, tables, &e->err);
	if (rc == 0 && jget_bool_or(&g, req, "published", false)) {
		json_t *names;
		rc = published_tables(&arena, &names, &e->err);
		json_object_set_new(reply, "published", names);
	}
	arena_free(&arena);
	if (rc < 0)
		json_decref(reply);
	else
		*ret_reply = reply;
	return rc;
}
