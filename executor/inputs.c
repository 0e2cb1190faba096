/* See inputs.h. The folder is opened once and everything is taken through that descriptor, so that the
 * files are those of the manifest, whatever is published meanwhile; if they are gone already, again. */
#include "executor/inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/str.h"
#include "executor/bind_type.h"
#include "executor/engine.h"
#include "executor/source.h"

enum { PIN_TRIES = 1000, PIN_NAME_MAX = 100, VIEW_MAX = 1 << 26 };

/* The files of one input, as the views need them. */
struct pinned {
	const struct try_input *in;
	const char **paths;    /* relative to the lake */
	const char **dates;    /* of each file; "" of an unpartitioned table */
	size_t len, cap;
	size_t nparts;         /* partitions that have files */
	const struct column *schema; /* of the first manifest */
	size_t nschema;
	bool same;             /* every manifest has that schema: files need no union */
};

static void add_file(struct attempt *t, struct pinned *p, const char *path, const char *date)
{
	if (p->len == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 8;
		const char **paths = arena_array(t->arena, p->cap, sizeof *paths), **dates = arena_array(t->arena, p->cap, sizeof *dates);
		if (p->len) {
			memcpy(paths, p->paths, p->len * sizeof *paths);
			memcpy(dates, p->dates, p->len * sizeof *dates);
		}
		p->paths = paths;
		p->dates = dates;
	}
	p->paths[p->len] = path;
	p->dates[p->len++] = date;
}

static bool same_schema(const struct column *a, size_t n, const struct column *b, size_t m)
{
	if (n != m)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(a[i].name, b[i].name) != 0 || strcmp(a[i].type, b[i].type) != 0)
			return false;
	}
	return true;
}

enum pin { PIN_DONE, PIN_ABSENT, PIN_RACE, PIN_FAILED = -1 };

/* Where a file of input number `index` is pinned: a folder for all tables, so that making folders does not cost more
 * than reading. The table's name is for who reads an error of the engine. */
static const char *pin_path(struct attempt *t, const struct pinned *p, const char *into, const char *file)
{
	const char *table = strchr(p->in->qname, '.') + 1;
	return arena_printf(t->arena, "%s/%td.%s%s%s", into, p->in - t->rq->inputs, strlen(table) > PIN_NAME_MAX ? "" : table,
	                    strlen(table) > PIN_NAME_MAX ? "" : ".", file);
}

/* Link what the manifest in `dir` lists into `into`; after a race nothing of it stays there. */
static enum pin link_listed(struct attempt *t, const struct pinned *p, int dir, const char *folder, const char *into,
                            struct manifest *m)
{
	struct buf text = BUF_INIT(MANIFEST_MAX);
	struct err err = {0};
	int rc = file_read(dir, "manifest.json", &text, &err);
	if (rc < 0) {
		int code = errno;
		buf_free(&text);
		return code == ENOENT ? PIN_ABSENT : (enum pin)attempt_fail_err(t, "transient", &err);
	}
	rc = manifest_decode(t->arena, text.data, text.len, m, &err);
	buf_free(&text);
	if (rc < 0)
		return (enum pin)attempt_fail(t, "permanent", "%s/manifest.json: %s; run its table again with --force", folder, err.text);
	for (size_t i = 0; i < m->nfiles; i++) {
		const char *name = m->files[i].name;
		if (strchr(name, '/'))
			return (enum pin)attempt_fail(t, "permanent", "%s/manifest.json lists '%s'", folder, name);
		if (FAULT("inputs.link"))
			return (enum pin)attempt_fail(t, "transient", "link '%s/%s': %s", folder, name, strerror(errno));
		if (linkat(dir, name, AT_FDCWD, pin_path(t, p, into, name), 0) == 0)
			continue;
		if (errno != ENOENT)
			return (enum pin)attempt_fail(t, "permanent", "link '%s/%s' into '%s': %s", folder, name, into, strerror(errno));
		while (i-- > 0)
			unlink(pin_path(t, p, into, m->files[i].name));
		return PIN_RACE;
	}
	return PIN_DONE;
}

static enum pin pin_once(struct attempt *t, const struct pinned *p, const char *folder, const char *into, struct manifest *m)
{
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return PIN_ABSENT;
		return (enum pin)attempt_fail(t, "transient", "open '%s': %s", folder, strerror(errno));
	}
	enum pin end = link_listed(t, p, dir, folder, into, m);
	close(dir);
	return end;
}

static int make_folder(struct attempt *t, const char *path)
{
	if (mkdir(path, 0777) == 0 || errno == EEXIST)
		return 0;
	return attempt_fail(t, "transient", "make folder '%s': %s", path, strerror(errno));
}

static int pin_partition(struct attempt *t, struct pinned *p, const char *date, const char *expected, const char *table_folder)
{
	const char *folder = *date ? arena_printf(t->arena, "%s/dt=%s", table_folder, date) : table_folder;
	/* Where there are several dates, the folder tells the engine which. */
	bool several = p->in->npartitions > 1;
	const char *into = several ? arena_printf(t->arena, "%s/in/dt=%s", t->staging, date) : arena_printf(t->arena, "%s/in", t->staging);
	if (several && make_folder(t, into) < 0)
		return -1;
	struct manifest m = {0};
	struct stat gone;
	enum pin end = PIN_RACE;
	for (int i = 0; i < PIN_TRIES && end == PIN_RACE; i++)
		end = pin_once(t, p, folder, into, &m);
	if (end == PIN_FAILED)
		return -1;
	if (end == PIN_RACE)
		return attempt_fail(t, "permanent", "'%s': its manifest lists files that are not there; `strata run --force %s`", folder,
		                    p->in->qname);
	if (end == PIN_ABSENT && *expected)
		return attempt_fail(t, "transient", "%s%s%s is not published any more (%s)", p->in->qname, *date ? " " : "", date,
		                    stat(folder, &gone) == 0 ? "its folder has no manifest.json" : "its folder is gone");
	attempt_note_input(t, p->in->qname, date, end == PIN_DONE ? m.version : 0, end == PIN_DONE ? m.try_id : "");
	if (end == PIN_ABSENT)
		return 0;
	if (p->nparts++ == 0) {
		p->schema = m.schema;
		p->nschema = m.nschema;
		p->same = true;
	} else if (p->same) {
		p->same = same_schema(p->schema, p->nschema, m.schema, m.nschema);
	}
	for (size_t i = 0; i < m.nfiles; i++) {
		add_file(t, p, pin_path(t, p, into, m.files[i].name), date);
		t->input_bytes += m.files[i].size;
	}
	return 0;
}

static int pin_table(struct attempt *t, struct pinned *p)
{
	const char *dot = strchr(p->in->qname, '.');
	if (!dot || strstr(p->in->qname, "..") || strchr(p->in->qname, '/'))
		return attempt_fail(t, "permanent", "'%s' is no layer.table", p->in->qname);
	const char *folder = arena_printf(t->arena, "%.*s/%s", (int)(dot - p->in->qname), p->in->qname, dot + 1);
	if (p->in->npartitions && make_folder(t, arena_printf(t->arena, "%s/in", t->staging)) < 0)
		return -1;
	for (size_t i = 0; i < p->in->npartitions; i++) {
		if (strchr(p->in->partitions[i], '/'))
			return attempt_fail(t, "permanent", "'%s' is no date", p->in->partitions[i]);
		if (stop_wanted(&t->w->stop))
			return attempt_fail(t, "transient", "stopped");
		if (pin_partition(t, p, p->in->partitions[i], p->in->try_ids[i], folder) < 0)
			return -1;
	}
	return 0;
}

/* An external table is read where it is: a file, a glob, or a folder of files or of dt= folders. */
static int list_external(struct attempt *t, struct pinned *p)
{
	const char *path = str_has_prefix(p->in->external_path, "file://") ? p->in->external_path + 7 : p->in->external_path;
	const char *pattern = path;
	struct stat st;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		pattern = arena_printf(t->arena, p->in->partitioned ? "%s/dt=*/*.parquet" : "%s/*.parquet", path);
	glob_t found = {0};
	int rc = glob(pattern, 0, NULL, &found);
	if (rc != 0 && rc != GLOB_NOMATCH) {
		globfree(&found);
		return attempt_fail(t, "transient", "list '%s'", pattern);
	}
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *file = arena_strdup(t->arena, found.gl_pathv[i]);
		const char *dt = p->in->partitioned ? strstr(file, "/dt=") : NULL;
		add_file(t, p, file, dt ? arena_strndup(t->arena, dt + 4, strcspn(dt + 4, "/")) : "");
		struct raw_file f = {.path = file};
		if (stat(file, &st) == 0)
			f = (struct raw_file){file, st.st_size, (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
			                         (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec, st.st_ino};
		attempt_note_input(t, arena_printf(t->arena, "source:%s", file), "", 0, source_identity(t->arena, &f));
		t->input_bytes += f.size;
	}
	p->nparts = found.gl_pathc;
	globfree(&found);
	return 0;
}

bool inputs_empty_select(const struct column *columns, size_t n, bool partitioned, struct buf *out)
{
	size_t used = 0;
	bool known = true;
	buf_adds(out, "SELECT ");
	for (size_t i = 0; i < n; i++) {
		if (partitioned && strcasecmp(columns[i].name, "dt") == 0)
			continue;
		bool typed = columns[i].type && *columns[i].type;
		known = known && !(typed && bind_type_nameless(columns[i].type));
		buf_addf(out, "%sCAST(NULL AS %s) AS ", used++ ? ", " : "", typed ? columns[i].type : "VARCHAR");
		duck_ident(out, columns[i].name);
	}
	if (partitioned)
		buf_addf(out, "%sCAST(NULL AS VARCHAR) AS dt", used ? ", " : "");
	buf_adds(out, " WHERE false");
	return used > 0 && known;
}

static void read_list(const struct pinned *p, bool one_date, struct buf *out)
{
	/* A list of one is bound as a call of a function, and each view is bound twice. */
	buf_adds(out, p->len > 1 ? "read_parquet([" : "read_parquet(");
	for (size_t i = 0; i < p->len; i++) {
		buf_adds(out, i ? "," : "");
		duck_literal(out, p->paths[i]);
	}
	buf_addf(out, "%s, hive_partitioning = %s%s)", p->len > 1 ? "]" : "",
	         p->in->partitioned && !one_date ? "true, hive_types_autocast = false" : "false",
	         p->len > 1 && !p->same ? ", union_by_name = true" : "");
}

/* The query of one view; false when nothing gives its columns. */
static bool view_select(const struct pinned *p, struct buf *out)
{
	if (p->len == 0)
		return inputs_empty_select(p->in->schema, p->in->nschema, p->in->partitioned, out);
	bool one_date = p->in->partitioned;
	for (size_t i = 1; i < p->len && one_date; i++)
		one_date = strcmp(p->dates[i], p->dates[0]) == 0;
	buf_adds(out, "SELECT *");
	if (one_date) {
		buf_adds(out, ", ");
		duck_literal(out, p->dates[0]);
		buf_adds(out, " AS dt");
	}
	buf_adds(out, " FROM ");
	read_list(p, one_date, out);
	return true;
}

/* In the query, or in a view that it reads. */
static bool is_mentioned(const struct attempt *t, const char *name)
{
	bool found = strcasestr(t->rq->sql, name);
	for (size_t i = 0; i < t->rq->nviews && !found; i++)
		found = strcasestr(t->rq->views[i]->ddl, name);
	return found;
}

/* Has an input before this one made its layer's schema? */
static bool layer_seen(const struct attempt *t, const struct try_input *in)
{
	size_t n = strcspn(in->qname, ".") + 1;
	for (const struct try_input *i = t->rq->inputs; i < in; i++) {
		if (strncasecmp(i->qname, in->qname, n) == 0)
			return true;
	}
	return false;
}

static bool add_view(struct attempt *t, const struct pinned *p, struct buf *sql)
{
	const char *dot = strchr(p->in->qname, '.');
	struct buf name = BUF_INIT(4096);
	duck_ident(&name, arena_strndup(t->arena, p->in->qname, (size_t)(dot - p->in->qname)));
	if (!layer_seen(t, p->in))
		buf_addf(sql, "CREATE SCHEMA IF NOT EXISTS %s; ", buf_cstr(&name));
	buf_addf(sql, "CREATE VIEW %s.", buf_cstr(&name));
	duck_ident(sql, dot + 1);
	buf_adds(sql, " AS ");
	bool known = view_select(p, sql);
	const char *macro = arena_printf(t->arena, "%s_dt", dot + 1);
	if (p->in->partitioned && is_mentioned(t, macro)) { /* its cost is that of the view, once more */
		buf_addf(sql, "; CREATE MACRO %s.", buf_cstr(&name));
		duck_ident(sql, macro);
		buf_addf(sql, "(d) AS TABLE SELECT * FROM %s.", buf_cstr(&name));
		duck_ident(sql, dot + 1);
		buf_adds(sql, " WHERE dt = CAST(d AS VARCHAR)");
	}
	buf_adds(sql, "; ");
	buf_free(&name);
	return known;
}

static struct pinned *pin_all(struct attempt *t)
{
	struct pinned *all = arena_array(t->arena, t->rq->ninputs, sizeof *all);
	for (size_t i = 0; i < t->rq->ninputs; i++) {
		all[i].in = &t->rq->inputs[i];
		if ((all[i].in->external_path ? list_external(t, &all[i]) : pin_table(t, &all[i])) < 0)
			return NULL;
	}
	return all;
}

/* For programs: which files there are to read. */
static int write_list(struct attempt *t, const struct pinned *all)
{
	json_t *root = json_object(), *tables = json_object();
	for (size_t i = 0; i < t->rq->ninputs; i++) {
		const struct pinned *p = &all[i];
		json_t *one = json_object(), *parts = json_object();
		for (size_t k = 0; k < p->len; k++) {
			json_t *files = json_object_get(parts, p->dates[k]);
			if (!files)
				json_object_set_new(parts, p->dates[k], files = json_array());
			bool absolute = p->paths[k][0] == '/';
			json_array_append_new(files, json_sprintf("%s%s%s", absolute ? "" : t->w->lake, absolute ? "" : "/", p->paths[k]));
		}
		json_object_set_new(one, "partitioned", json_boolean(p->in->partitioned));
		json_object_set_new(one, "partitions", parts);
		json_object_set_new(tables, p->in->qname, one);
	}
	json_object_set_new(root, "tables", tables);
	const char *path = inputs_file(t);
	int rc = json_dump_file(root, path, JSON_INDENT(1));
	json_decref(root);
	return rc < 0 ? attempt_fail(t, "transient", "write '%s'", path) : 0;
}

const char *inputs_file(struct attempt *t)
{
	return arena_printf(t->arena, "%s/%s/inputs.json", t->w->lake, t->staging);
}

/* The analysts', after those of the tables that they read. */
static int make_views(struct attempt *t)
{
	struct duck_error e;
	for (size_t i = 0; i < t->rq->nviews; i++) {
		const struct view *v = t->rq->views[i];
		if (duck_run(t->session.con, v->ddl, &e) < 0) {
			const char *text = arena_printf(t->arena, "'%s' of catalog/migrations: %s", v->qname, e.message);
			snprintf(e.message, sizeof e.message, "%s", text);
			return attempt_fail_duck(t, &e, -1);
		}
	}
	return 0;
}

int inputs_pin(struct attempt *t)
{
	struct pinned *all = pin_all(t);
	if (!all)
		return -1;
	if (!t->engine->views)
		return write_list(t, all);
	if (t->only_files)
		return 0;
	struct buf sql = BUF_INIT(VIEW_MAX);
	for (size_t i = 0; i < t->rq->ninputs && !t->no_input; i++) {
		if (!add_view(t, &all[i], &sql))
			t->no_input = all[i].in->qname;
	}
	struct duck_error e;
	int rc = 0;
	if (sql.overflow)
		rc = attempt_fail(t, "permanent", "'%s' reads more files than fit into %d bytes of names", t->rq->qname, VIEW_MAX);
	else if (!t->no_input && sql.len && duck_run(t->session.con, buf_cstr(&sql), &e) < 0)
		rc = attempt_fail_duck(t, &e, -1);
	buf_free(&sql);
	return rc < 0 || t->no_input ? rc : make_views(t);
}
