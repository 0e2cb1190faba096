/* See catalog.h. */
#include "executor/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/str.h"
#include "core/jsonio.h"
#include "executor/inputs.h"
#include "executor/probe.h"

enum { CATALOG_MAX = 256 << 20, CATALOG_PATH = 4096 };

struct entry {
	const char *qname, *layer, *name, *external_path;
	bool partitioned, published;
	const struct column *columns;
	size_t ncolumns;
};

static int run(duckdb_connection con, const char *sql, struct err *err)
{
	struct duck_error e;
	return duck_run(con, sql, &e) < 0 ? duck_err(&e, err) : 0;
}

/* Absolute paths, so that the views work from any working folder. */
static void read_select(const struct worker *w, struct arena *arena, const struct entry *e, struct buf *out)
{
	const char *path = e->external_path;
	if (!path)
		path = arena_printf(arena, "%s/%s/%s", w->lake, e->layer, e->name);
	else if (path[0] != '/' && !strstr(path, "://"))
		path = arena_printf(arena, "%s/%s", w->lake, path);
	struct stat st;
	if (!e->external_path || (stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
		path = arena_printf(arena, "%s%s/*.parquet", path, e->partitioned ? "/dt=*" : "");
	buf_adds(out, "SELECT * FROM read_parquet(");
	duck_literal(out, path);
	/* One try made all files of an unpartitioned table, with the same columns. */
	buf_addf(out, "%s, %s)", e->partitioned || e->external_path ? ", union_by_name = true" : "",
	         e->partitioned ? "hive_partitioning = true, hive_types_autocast = false" : "hive_partitioning = false");
}

/* What the view of e selects; false: nothing is published, and nothing tells its columns. */
static bool select_of(const struct worker *w, struct arena *arena, const struct entry *e, struct buf *out)
{
	if (!e->published && !e->external_path)
		return e->ncolumns > 0 && inputs_empty_select(e->columns, e->ncolumns, e->partitioned, out);
	read_select(w, arena, e, out);
	return true;
}

/* DuckDB binds what it defines: it opens what the view reads. */
static int add_entry(duckdb_connection con, struct arena *arena, const struct entry *e, const char *select, struct err *err)
{
	struct buf sql = BUF_INIT(1 << 24), schema = BUF_INIT(4096);
	duck_ident(&schema, e->layer);
	buf_addf(&sql, "CREATE OR REPLACE VIEW c.%s.", buf_cstr(&schema));
	duck_ident(&sql, e->name);
	buf_addf(&sql, " AS %s", select);
	if (e->partitioned) {
		buf_addf(&sql, "; CREATE OR REPLACE MACRO c.%s.", buf_cstr(&schema));
		duck_ident(&sql, arena_printf(arena, "%s_dt", e->name));
		buf_addf(&sql, "(d) AS TABLE SELECT * FROM (%s) WHERE dt = CAST(d AS VARCHAR)", select);
	}
	int rc = run(con, buf_cstr(&sql), err);
	if (rc < 0)
		rc = err_wrap(err, "catalog view of '%s'", e->qname);
	buf_free(&sql);
	buf_free(&schema);
	return rc;
}

/* All of them, and their names in one statement: a row of its own costs more than the view. */
static int add_entries(const struct worker *w, duckdb_connection con, struct arena *arena, const struct entry *entries, size_t n,
                       int64_t *ret_shown, struct err *err)
{
	struct buf names = BUF_INIT(1 << 26);
	const char *layer = "";
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct entry *e = &entries[i];
		struct buf select = BUF_INIT(1 << 22), schema = BUF_INIT(4096);
		bool shown = select_of(w, arena, e, &select);
		if (shown && strcmp(layer, e->layer) != 0) {
			buf_adds(&schema, "CREATE SCHEMA IF NOT EXISTS c.");
			duck_ident(&schema, layer = e->layer);
			rc = run(con, buf_cstr(&schema), err);
		}
		if (shown && rc == 0) {
			rc = add_entry(con, arena, e, buf_cstr(&select), err);
			buf_adds(&names, ++*ret_shown > 1 ? ", (" : "INSERT INTO c.catalog_meta.tables VALUES (");
			duck_literal(&names, e->qname);
			buf_addc(&names, ')');
		}
		buf_free(&select);
		buf_free(&schema);
	}
	if (rc == 0 && *ret_shown)
		rc = run(con, buf_cstr(&names), err);
	buf_free(&names);
	return rc;
}

/* Views of tables that were here and are no more, or have nothing that could be shown. */
static int drop_all(duckdb_connection con, struct arena *arena, struct err *err)
{
	struct buf names = BUF_INIT(1 << 24);
	struct duck_error e;
	int rc = duck_text(con, "SELECT string_agg(qname, chr(10)) FROM c.catalog_meta.tables", &names, &e) < 0 ? duck_err(&e, err) : 0;
	for (char *q = rc == 0 ? names.data : NULL, *next; q && *q && rc == 0; q = next) {
		next = q + strcspn(q, "\n");
		if (*next)
			*next++ = '\0';
		char *dot = strchr(q, '.');
		if (!dot)
			continue;
		*dot = '\0';
		struct buf sql = BUF_INIT(8192), schema = BUF_INIT(4096);
		duck_ident(&schema, q);
		buf_addf(&sql, "DROP VIEW IF EXISTS c.%s.", buf_cstr(&schema));
		duck_ident(&sql, dot + 1);
		buf_addf(&sql, "; DROP MACRO TABLE IF EXISTS c.%s.", buf_cstr(&schema));
		duck_ident(&sql, arena_printf(arena, "%s_dt", dot + 1));
		rc = run(con, buf_cstr(&sql), err);
		buf_free(&sql);
		buf_free(&schema);
	}
	buf_free(&names);
	return rc < 0 ? rc : run(con, "DELETE FROM c.catalog_meta.tables", err);
}

static const char meta[] =
	"CREATE SCHEMA IF NOT EXISTS c.catalog_meta; "
	"CREATE TABLE IF NOT EXISTS c.catalog_meta.tables (qname VARCHAR PRIMARY KEY); "
	"CREATE TABLE IF NOT EXISTS c.catalog_meta.schema_migrations (name VARCHAR PRIMARY KEY, checksum VARCHAR, applied_at TIMESTAMP)";

static bool has_files(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	bool found = false;
	while (d && !found && (e = readdir(d)))
		found = str_has_suffix(e->d_name, ".parquet");
	if (d)
		closedir(d);
	return found;
}

static int get_entries(struct jget *g, const json_t *req, struct entry **ret, size_t *ret_n)
{
	size_t n, ndates;
	const char *const *dates;
	const json_t *list = jget_objects(g, req, "tables", &n);
	struct entry *all = arena_array(g->arena, n, sizeof *all);
	for (size_t i = 0; i < n && g->result == 0; i++) {
		const json_t *one = json_array_get(list, i);
		struct entry *e = &all[i];
		e->qname = jget_text(g, one, "qname");
		e->partitioned = jget_bool_or(g, one, "partitioned", false);
		e->external_path = jget_text_or(g, one, "external_path", NULL);
		e->columns = jget_columns(g, one, "columns", &e->ncolumns);
		const char *dot = strchr(e->qname, '.');
		if (g->result == 0 && !dot)
			jget_fail(g, "qname", "is no layer.table");
		if (g->result < 0)
			break;
		e->layer = arena_strndup(g->arena, e->qname, (size_t)(dot - e->qname));
		e->name = dot + 1;
		int rc = e->external_path ? 0 : probe_partitions(g->arena, e->qname, &dates, &ndates, g->err);
		if (rc < 0)
			return rc;
		bool known = !e->external_path && ndates > 0;
		if (known)
			e->partitioned = *dates[0] != '\0';
		/* A manifest whose file somebody took away: a view over no file cannot be made, and must not keep the others away. */
		for (size_t d = 0; known && d < ndates && !e->published; d++)
			e->published = has_files(*dates[d] ? arena_printf(g->arena, "%s/%s/dt=%s", e->layer, e->name, dates[d])
			                                   : arena_printf(g->arena, "%s/%s", e->layer, e->name));
	}
	*ret = all;
	*ret_n = n;
	return g->result;
}

static int fill(struct worker *w, duckdb_connection con, struct jget *g, const json_t *req, json_t *reply, struct err *err)
{
	struct entry *entries;
	size_t n;
	int64_t shown = 0;
	const char *migrations = jget_text_or(g, req, "migrations", NULL);
	int rc = get_entries(g, req, &entries, &n);
	if (rc == 0)
		rc = run(con, meta, err);
	/* Without the optimizer, which has a fifth of the time and nothing to do. One transaction: the file would be
	 * synced for every statement, 0.5 s for 200 tables. */
	if (rc == 0)
		rc = run(con, "PRAGMA disable_optimizer; BEGIN", err);
	bool begun = rc == 0;
	if (rc == 0)
		rc = drop_all(con, g->arena, err);
	if (rc == 0)
		rc = add_entries(w, con, g->arena, entries, n, &shown, err);
	if (begun && rc == 0)
		rc = run(con, "COMMIT", err);
	else if (begun)
		run(con, "ROLLBACK", NULL);
	if (rc == 0 && migrations)
		rc = catalog_migrate(con, g->arena, migrations, json_object_get(req, "tables"), json_object_get(reply, "applied"),
		                     json_object_get(reply, "skipped"), err);
	jput_int(reply, "tables", shown);
	return rc;
}

static int copy_file(const char *from, const char *to, struct err *err)
{
	struct buf bytes = BUF_INIT(CATALOG_MAX);
	int rc = file_read(AT_FDCWD, from, &bytes, err);
	if (rc < 0 && errno == ENOENT)
		rc = 0; /* the first one */
	else if (rc == 0)
		rc = file_replace(AT_FDCWD, to, bytes.data, bytes.len, 0666, err);
	buf_free(&bytes);
	return rc;
}

static int swap_in(const char *built, const char *path, struct err *err)
{
	int fd = open(built, O_RDONLY | O_CLOEXEC);
	int rc = 0;
	if (fd < 0 || fsync(fd) < 0)
		rc = err_errno(err, ERR_IO, "sync '%s'", built);
	if (fd >= 0)
		close(fd);
	if (rc == 0 && (FAULT("catalog.rename") || rename(built, path) < 0))
		rc = err_errno(err, ERR_IO, "rename '%s' to '%s'", built, path);
	return rc;
}

static int build(struct worker *w, struct jget *g, const json_t *req, const char *path, json_t *reply, struct err *err)
{
	const char *built = arena_printf(g->arena, "%s.new-%ld", path, (long)getpid());
	int rc = copy_file(path, built, err);
	struct session s = {0};
	if (rc == 0)
		rc = session_open(w, 0, 0, &s, err);
	struct buf sql = BUF_INIT(CATALOG_PATH * 2);
	buf_adds(&sql, "ATTACH ");
	duck_literal(&sql, built);
	buf_adds(&sql, " AS c");
	bool attached = rc == 0 && (rc = run(s.con, buf_cstr(&sql), err)) == 0;
	buf_free(&sql);
	if (rc == 0)
		rc = fill(w, s.con, g, req, reply, err);
	if (attached) {
		int done = run(s.con, arena_printf(g->arena, "USE %s; DETACH c", s.catalog), rc == 0 ? err : NULL); /* writes all of it */
		rc = rc < 0 ? rc : done;
	}
	session_close(w, &s);
	if (rc == 0)
		rc = swap_in(built, path, err);
	if (rc < 0)
		unlink(built);
	unlink(arena_printf(g->arena, "%s.wal", built));
	return rc;
}

int op_catalog(struct worker *w, const json_t *req, json_t **ret_reply, struct op_error *e)
{
	struct arena arena = {0};
	struct jget g = {.arena = &arena, .err = &e->err, .code = ERR_PROTOCOL};
	const char *path = jget_text_or(&g, req, "path", arena_printf(&arena, "%s/.strata/catalog.duckdb", w->lake));
	json_t *reply = json_pack("{s:[], s:[]}", "applied", "skipped");
	int rc = g.result;
	int lock = rc < 0 ? rc : file_lock(AT_FDCWD, arena_printf(&arena, "%s.lock", path), true, &e->err);
	if (rc == 0)
		rc = lock < 0 ? lock : build(w, &g, req, path, reply, &e->err);
	if (lock >= 0)
		close(lock);
	arena_free(&arena);
	if (rc == 0)
		*ret_reply = reply;
	else
		json_decref(reply);
	return rc;
}
