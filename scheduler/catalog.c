/* See catalog.h. What the catalog was made for is kept beside it as a digest. */
#include "scheduler/catalog.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/digest.h"
#include "core/jsonio.h"
#include "scheduler/queries.h"

enum { DIGEST_FILE_MAX = 256 };

static int by_table(const void *key, const void *item)
{
	return strcmp(key, ((const struct table_stat *)item)->table);
}

int catalog_tables(struct workspace *ws, json_t **ret, struct err *err)
{
	struct arena arena = {0};
	struct query q = {.conn = ws->db.conn, .lake_id = ws->db.lake_id, .arena = &arena};
	struct table_stat *stats;
	size_t n;
	int rc = query_table_stats(&q, NULL, 0, &stats, &n, err);
	json_t *array = json_array();
	for (uint32_t t = 0; rc == 0 && t < ws->project->ntables; t++) {
		const struct table *table = &ws->project->tables[t];
		const struct table_stat *s = n ? bsearch(table->qname, stats, n, sizeof *stats, by_table) : NULL;
		bool external = table->kind == TABLE_EXTERNAL;
		if (table->output_none || (!s && !external))
			continue;
		json_t *o = json_pack("{s:s, s:b}", "qname", table->qname, "partitioned", table_partitioned(table));
		jput_columns(o, "columns", s ? s->schema : NULL, s ? s->nschema : 0);
		if (external)
			json_object_set_new(o, "external_path", json_string(table->path));
		json_array_append_new(array, o);
	}
	arena_free(&arena);
	*ret = array;
	return rc;
}

static char *migrations_dir(const struct workspace *ws)
{
	return mem_printf("%s/catalog/migrations", ws->project->dir);
}

static void digest_folder(struct digest *d, const char *path)
{
	struct dirent **names = NULL;
	int n = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		struct stat st;
		char *file = mem_printf("%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && stat(file, &st) == 0) {
			digest_text(d, names[i]->d_name);
			digest_int(d, st.st_size);
			digest_int(d, (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
		}
		free(file);
		free(names[i]);
	}
	free(names);
}

static void digest_inputs(const struct workspace *ws, const json_t *tables, char hex[DIGEST_HEX])
{
	struct digest d;
	char *text = json_dumps(tables, JSON_COMPACT), *migrations = migrations_dir(ws);
	digest_init(&d);
	digest_text(&d, STRATA_VERSION);
	digest_text(&d, text);
	digest_folder(&d, migrations);
	digest_hex(&d, hex);
	free(migrations);
	free(text);
}

static char *default_path(const struct workspace *ws)
{
	return mem_printf("%s/.strata/catalog.duckdb", ws->lake.dir);
}

static int refresh(struct workspace *ws, const char *path, json_t *tables, json_t **ret_reply, struct err *err)
{
	char *migrations = migrations_dir(ws), *own = path ? NULL : default_path(ws);
	json_t *reply = NULL;
	json_t *rq = json_pack("{s:s, s:s, s:O}", "op", "catalog", "path", path ? path : own, "tables", tables);
	if (access(migrations, R_OK) == 0)
		json_object_set_new(rq, "migrations", json_string(migrations));
	int rc = workspace_ask(ws, rq, &reply, err);
	if (rc < 0)
		err_wrap(err, "make the catalog");
	free(migrations);
	free(own);
	if (ret_reply)
		*ret_reply = reply;
	else
		json_decref(reply);
	return rc;
}

static void remember(const struct workspace *ws, const char *hex)
{
	struct err err = {0};
	char *path = mem_printf("%s/.strata/catalog.made-for", ws->lake.dir);
	if (file_replace(AT_FDCWD, path, hex, strlen(hex), 0666, &err) < 0)
		log_event(LOG_WARN, "catalog.not_remembered", "error", err.text, NULL);
	free(path);
}

static bool is_current(const struct workspace *ws, const char *hex)
{
	struct buf text = BUF_INIT(DIGEST_FILE_MAX);
	char *catalog = default_path(ws), *made_for = mem_printf("%s/.strata/catalog.made-for", ws->lake.dir);
	bool current = access(catalog, F_OK) == 0 && file_read(AT_FDCWD, made_for, &text, NULL) == 0 &&
	               strcmp(buf_cstr(&text), hex) == 0;
	free(made_for);
	free(catalog);
	buf_free(&text);
	return current;
}

int catalog_refresh(struct workspace *ws, const char *path, json_t **ret_reply, struct err *err)
{
	json_t *tables = NULL;
	char hex[DIGEST_HEX];
	int rc = catalog_tables(ws, &tables, err);
	if (rc == 0) {
		digest_inputs(ws, tables, hex);
		rc = refresh(ws, path, tables, ret_reply, err);
	}
	if (rc == 0 && !path)
		remember(ws, hex);
	json_decref(tables);
	return rc;
}

int catalog_refresh_if_stale(struct workspace *ws, struct err *err)
{
	json_t *tables = NULL;
	char hex[DIGEST_HEX];
	int rc = catalog_tables(ws, &tables, err);
	if (rc == 0) {
		digest_inputs(ws, tables, hex);
		if (!is_current(ws, hex))
			rc = refresh(ws, NULL, tables, NULL, err);
		if (rc == 0)
			remember(ws, hex);
	}
	json_decref(tables);
	return rc;
}
