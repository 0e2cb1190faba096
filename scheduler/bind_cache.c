/* See bind_cache.h. Format: a header line, then a line an entry: key, then name and type of each column,
 * all separated by tabs. A name with a tab or newline in it is not cached. */
#include "scheduler/bind_cache.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

enum { SCHEMAS_MAX = 256 << 20 };
static const char header[] = "strata schemas 1 " STRATA_VERSION;

struct entry {
	const char *key;
	struct bound_schema schema;
	bool used;
	UT_hash_handle hh;
};

struct bind_cache {
	struct arena *arena;
	struct entry *entries;
	char *dir;
	bool changed;
};

static struct entry *put(struct bind_cache *c, const char *key, const struct bound_schema *schema)
{
	struct entry *e;
	HASH_FIND_STR(c->entries, key, e);
	if (!e) {
		e = arena_alloc(c->arena, sizeof *e);
		e->key = key;
		HASH_ADD_KEYPTR(hh, c->entries, e->key, strlen(e->key), e);
	}
	e->schema = *schema;
	return e;
}

static void parse_line(struct bind_cache *c, char *line)
{
	size_t tabs = 0;
	for (const char *p = line; *p; p++)
		tabs += *p == '\t';
	struct column *columns = arena_array(c->arena, tabs / 2, sizeof *columns);
	char *save = NULL, *key = strtok_r(line, "\t", &save), *name, *type;
	size_t n = 0;
	while ((name = strtok_r(NULL, "\t", &save)) && (type = strtok_r(NULL, "\t", &save)))
		columns[n++] = (struct column){name, type};
	if (key && n)
		put(c, key, &(struct bound_schema){columns, n});
}

struct bind_cache *bind_cache_open(struct arena *arena, const char *project_dir)
{
	struct bind_cache *c = mem_alloc(sizeof *c);
	c->arena = arena;
	c->dir = mem_printf("%s/.strata/cache", project_dir);
	char *path = mem_printf("%s/schemas", c->dir);
	struct buf text = BUF_INIT(SCHEMAS_MAX);
	if (file_read(AT_FDCWD, path, &text, NULL) == 0 && text.len) {
		char *save = NULL, *copy = arena_strndup(arena, text.data, text.len);
		char *line = strtok_r(copy, "\n", &save);
		if (line && strcmp(line, header) == 0) {
			while ((line = strtok_r(NULL, "\n", &save)))
				parse_line(c, line);
		}
	}
	buf_free(&text);
	free(path);
	return c;
}

bool bind_cache_find(struct bind_cache *c, const char *key, struct bound_schema *ret)
{
	struct entry *e;
	HASH_FIND_STR(c->entries, key, e);
	if (!e)
		return false;
	e->used = true;
	*ret = e->schema;
	return true;
}

static bool plain(const struct bound_schema *s)
{
	for (size_t i = 0; i < s->ncolumns; i++) {
		const struct column *c = &s->columns[i];
		if (!*c->name || !*c->type || strpbrk(c->name, "\t\n") || strpbrk(c->type, "\t\n"))
			return false;
	}
	return s->ncolumns > 0;
}

void bind_cache_add(struct bind_cache *c, const char *key, const struct bound_schema *schema)
{
	if (!plain(schema))
		return;
	put(c, arena_strdup(c->arena, key), schema)->used = true;
	c->changed = true;
}

static void write_entries(const struct bind_cache *c)
{
	struct buf text = BUF_INIT(SCHEMAS_MAX);
	buf_addf(&text, "%s\n", header);
	for (const struct entry *e = c->entries; e; e = e->hh.next) {
		if (!e->used)
			continue;
		buf_adds(&text, e->key);
		for (size_t i = 0; i < e->schema.ncolumns; i++)
			buf_addf(&text, "\t%s\t%s", e->schema.columns[i].name, e->schema.columns[i].type);
		buf_addc(&text, '\n');
	}
	char *path = mem_printf("%s/schemas", c->dir);
	struct err err = {0};
	if (text.overflow || dir_make_all(c->dir, 0777, &err) < 0 ||
	    file_replace(AT_FDCWD, path, text.data, text.len, 0666, &err) < 0)
		log_event(LOG_INFO, "cache.not_written", "error", err.text, NULL);
	free(path);
	buf_free(&text);
}

void bind_cache_close(struct bind_cache *c)
{
	if (c->changed)
		write_entries(c);
	HASH_CLEAR(hh, c->entries);
	free(c->dir);
	free(c);
}
