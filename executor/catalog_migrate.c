/* The SQL files of catalog/migrations: each applied once, in the order of names, and recorded with its checksum.
 *
 * Only what defines something is taken: schemas, views, macros and comments. A statement that writes data
 * or takes the name of a strata table is skipped with a notice. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/str.h"
#include "core/digest.h"
#include "core/jsonio.h"
#include "executor/catalog.h"

enum { MIGRATION_MAX = 4 << 20, WORDS = 8, WORD_SIZE = 256 };

/* Past one comment, quoted text or dollar-quoted text at p, or past one byte. */
static const char *step(const char *p)
{
	const char *end = NULL;
	if (p[0] == '-' && p[1] == '-')
		return p + strcspn(p, "\n");
	if (p[0] == '/' && p[1] == '*')
		end = strstr(p + 2, "*/");
	else if (p[0] == '\'' || p[0] == '"')
		end = strchr(p + 1, p[0]);
	else if (p[0] == '$' && p[1] == '$')
		end = strstr(p + 2, "$$");
	else
		return p + 1;
	if (!end)
		return p + strlen(p);
	return end + (p[0] == '/' || p[0] == '$' ? 2 : 1);
}

/* The first words of a statement, comments left out, quotes of names taken off, in lower case. */
static size_t first_words(const char *p, const char *end, char words[WORDS][WORD_SIZE])
{
	size_t n = 0;
	while (p < end && n < WORDS) {
		if (isspace((unsigned char)*p) || (p[0] == '-' && p[1] == '-') || (p[0] == '/' && p[1] == '*')) {
			p = step(p);
			continue;
		}
		size_t len = 0;
		const char *start = p;
		while (p < end && !isspace((unsigned char)*p) && *p != '(' && *p != ';') {
			const char *past = *p == '"' ? step(p) : p + 1;
			for (; p < past; p++) {
				if (*p != '"' && len + 1 < WORD_SIZE)
					words[n][len++] = (char)tolower((unsigned char)*p);
			}
		}
		words[n++][len] = '\0';
		if (p == start)
			break;
	}
	return n;
}

static bool in_list(const char *word, const char *const *list)
{
	for (; *list; list++) {
		if (strcmp(word, *list) == 0)
			return true;
	}
	return false;
}

static bool is_table_name(const json_t *tables, const char *name)
{
	size_t i;
	json_t *one;
	json_array_foreach(tables, i, one) {
		const char *qname = json_string_value(json_object_get(one, "qname"));
		const char *dot = qname ? strchr(qname, '.') : NULL;
		size_t n = qname ? strlen(qname) : 0;
		if (dot && strncasecmp(name, qname, n) == 0 && (!name[n] || strcmp(name + n, "_dt") == 0))
			return true;
	}
	return false;
}

/* NULL: to be applied; else why not. */
static const char *why_skip(const char *p, const char *end, const json_t *tables)
{
	static const char *const verbs[] = {"create", "drop", "comment", NULL};
	static const char *const fillers[] = {"or", "replace", "if", "not", "exists", "temp", "temporary", "table", "recursive", NULL};
	static const char *const things[] = {"view", "macro", "function", "schema", NULL};
	char words[WORDS][WORD_SIZE];
	size_t n = first_words(p, end, words), i = 1;
	if (n == 0 || !in_list(words[0], verbs))
		return "only schemas, views, macros and comments belong into the catalog";
	if (strcmp(words[0], "comment") == 0)
		return NULL;
	while (i < n && in_list(words[i], fillers) && strcmp(words[i], "table") != 0)
		i++;
	if (i == n || !in_list(words[i], things))
		return "only schemas, views, macros and comments belong into the catalog";
	for (i++; i < n && in_list(words[i], fillers);)
		i++;
	return i < n && is_table_name(tables, words[i]) ? "that name is one of strata's tables" : NULL;
}

/* One file, statement by statement, in the transaction that its caller has begun. */
static int apply(duckdb_connection con, struct arena *arena, const char *file, const char *text, const json_t *tables,
                 json_t *skipped, struct err *err)
{
	for (const char *p = text, *end; *p; p = *end ? end + 1 : end) {
		for (end = p; *end && *end != ';';)
			end = step(end);
		char words[WORDS][WORD_SIZE];
		if (first_words(p, end, words) == 0)
			continue;
		const char *statement = arena_strndup(arena, p, (size_t)(end - p)), *why = why_skip(p, end, tables);
		if (why) {
			while (isspace((unsigned char)*statement))
				statement++;
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
