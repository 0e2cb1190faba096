/* The SQL files of catalog/migrations: each applied once, in the order of names, and recorded with its checksum.
 *
 * Only what defines something is taken: schemas, views, macros and comments. A statement that writes data
 * or takes the name of a strata table is skipped with a notice. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "core/definition.h"
#include "core/digest.h"
#include "core/jsonio.h"
#include "executor/catalog.h"

enum { MIGRATION_MAX = 4 << 20 };

static bool is_table(const void *ctx, const char *qname)
{
	size_t i;
	const json_t *one;
	json_array_foreach((const json_t *)ctx, i, one)
		if (str_eq(json_string_value(json_object_get(one, "qname")), qname))
			return true;
	return false;
}

/* One file, statement by statement, in the transaction that its caller has begun. */
static int apply(duckdb_connection con, struct arena *arena, const char *file, const char *text, const json_t *tables,
                 json_t *skipped, struct err *err)
{
	size_t n = strlen(text), at = 0;
	struct definition d;
	while (definition_next(arena, text, n, &at, &d)) {
		const char *statement = arena_strndup(arena, text + d.start, d.end - d.start);
		const char *why = definition_why_skip(&d, is_table, tables);
		if (why) {
			json_t *one = json_object();
			jput_text(one, "file", file);
			jput_text(one, "statement", arena_strndup(arena, statement, strnlen(statement, 120)));
			jput_text(one, "why", why);
			json_array_append_new(skipped, one);
			continue;
		}
		struct duck_error e;
		if (duck_run(con, statement, &e) < 0) {
			duck_err(&e, err);
			return err_wrap(err, "%s", file);
		}
	}
	return 0;
}

/* One file in one transaction, recorded in it. */
static int migrate_one(duckdb_connection con, struct arena *arena, const char *file, const struct buf *text, const json_t *tables,
                       json_t *applied, json_t *skipped, struct err *err)
{
	char sum[DIGEST_HEX];
	struct buf sql = BUF_INIT(8192), before = BUF_INIT(256);
	struct duck_error e;
	digest_of(sum, text->len ? text->data : "", text->len);
	buf_adds(&sql, "SELECT checksum FROM c.catalog_meta.schema_migrations WHERE name = ");
	duck_literal(&sql, file);
	int rc = duck_text(con, buf_cstr(&sql), &before, &e) < 0 ? duck_err(&e, err) : 0;
	bool done = before.len > 0;
	if (rc == 0 && done && strcmp(buf_cstr(&before), sum) != 0)
		rc = err_set(err, ERR_PROJECT, "%s was applied and has changed since; undo the change and add a new file instead", file);
	buf_clear(&sql);
	buf_adds(&sql, "INSERT INTO c.catalog_meta.schema_migrations VALUES (");
	duck_literal(&sql, file);
	buf_addf(&sql, ", '%s', now()::TIMESTAMP); COMMIT", sum);
	if (rc == 0 && !done) {
		rc = duck_run(con, "USE c; BEGIN", &e) < 0 ? duck_err(&e, err) : 0;
		if (rc == 0)
			rc = apply(con, arena, file, buf_cstr(text), tables, skipped, err);
		if (rc == 0)
			rc = duck_run(con, buf_cstr(&sql), &e) < 0 ? duck_err(&e, err) : 0;
		else
			(void)duck_run(con, "ROLLBACK", &e);
		json_array_append_new(applied, json_text(file));
	}
	buf_free(&sql);
	buf_free(&before);
	return rc;
}

static int is_sql(const struct dirent *e)
{
	return e->d_name[0] != '.' && str_has_suffix(e->d_name, ".sql");
}

int catalog_migrate(duckdb_connection con, struct arena *arena, const char *folder, const json_t *tables, json_t *applied,
                    json_t *skipped, struct err *err)
{
	struct dirent **names = NULL;
	int n = scandir(folder, &names, is_sql, alphasort);
	if (n < 0)
		return errno == ENOENT ? 0 : err_errno(err, ERR_IO, "list '%s'", folder);
	int rc = 0;
	for (int i = 0; i < n; i++) {
		struct buf text = BUF_INIT(MIGRATION_MAX);
		if (rc == 0)
			rc = file_read(AT_FDCWD, arena_printf(arena, "%s/%s", folder, names[i]->d_name), &text, err);
		if (rc == 0)
			rc = migrate_one(con, arena, names[i]->d_name, &text, tables, applied, skipped, err);
		buf_free(&text);
		free(names[i]);
	}
	free(names);
	return rc;
}
