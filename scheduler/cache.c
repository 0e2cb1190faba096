/* See cache.h. Format: a header line, then for each file a line of its stamp and the record of
 * analysis_encode(). */
#include "scheduler/cache.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

enum { CACHE_MAX = 256 << 20 }; /* bytes */

struct slot {
	struct cache_entry entry;
	UT_hash_handle hh;
};

struct cache {
	struct slot *slots;
};

static void cache_path(const char *dir, char **ret)
{
	*ret = mem_printf("%s/.strata/cache/analysis", dir);
}

/* The next tab-separated field of a line, cut off in place; NULL at the end. */
static char *field(char **at)
{
	char *start = *at;
	if (!start)
		return NULL;
	char *tab = strchr(start, '\t');
	if (tab)
		*tab = '\0';
	*at = tab ? tab + 1 : NULL;
	return start;
}

static bool number(char **at, int64_t *ret)
{
	char *text = field(at), *end = NULL;
	if (!text || !*text)
		return false;
	*ret = strtoll(text, &end, 10);
	return *end == '\0';
}

static bool parse_stamp(char *line, struct cache_entry *e)
{
	int64_t inode;
	e->path = field(&line);
	if (!e->path || !number(&line, &e->stamp.size) || !number(&line, &e->stamp.mtime_ns) ||
	    !number(&line, &e->stamp.ctime_ns) || !number(&line, &inode) || !number(&line, &e->read_at_ns))
		return false;
	e->stamp.inode = (uint64_t)inode;
	e->sha256 = field(&line);
	return e->sha256 && strlen(e->sha256) == 64;
}

static void parse(struct arena *arena, struct cache *c, char *text, size_t n, const char *identity)
{
	char *end = text + n, *nl = memchr(text, '\n', n);
	if (!nl)
		return;
	*nl = '\0';
	if (strcmp(text, identity) != 0)
		return;
	for (char *at = nl + 1; at < end && (nl = memchr(at, '\n', (size_t)(end - at)));) {
		*nl = '\0';
		struct slot *s = arena_alloc(arena, sizeof *s);
		if (!parse_stamp(at, &s->entry))
			return;
		size_t used = analysis_decode(arena, nl + 1, (size_t)(end - nl - 1), &s->entry.analysis);
		if (!used)
			return;
		HASH_ADD_KEYPTR(hh, c->slots, s->entry.path, strlen(s->entry.path), s);
		at = nl + 1 + used;
	}
}

struct cache *cache_open(struct arena *arena, const char *dir, const char *identity)
{
	struct cache *c = mem_alloc(sizeof *c);
	char *path;
	cache_path(dir, &path);
	struct buf text = BUF_INIT(CACHE_MAX);
	if (file_read(AT_FDCWD, path, &text, NULL) == 0 && text.len)
		parse(arena, c, arena_strndup(arena, text.data, text.len), text.len, identity);
	buf_free(&text);
	free(path);
	return c;
}

const struct cache_entry *cache_find(const struct cache *c, const char *path)
{
	struct slot *s;
	HASH_FIND_STR(c->slots, path, s);
	return s ? &s->entry : NULL;
}

void cache_store(const char *dir, const char *identity, const struct cache_entry *const *entries, size_t n)
{
	struct buf text = BUF_INIT(CACHE_MAX);
	buf_addf(&text, "%s\n", identity);
	for (size_t i = 0; i < n; i++) {
		const struct cache_entry *e = entries[i];
		buf_addf(&text, "%s\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRIu64 "\t%" PRId64 "\t%s\n", e->path,
		         e->stamp.size, e->stamp.mtime_ns, e->stamp.ctime_ns, e->stamp.inode, e->read_at_ns, e->sha256);
		analysis_encode(&e->analysis, &text);
	}
	char *folder = mem_printf("%s/.strata/cache", dir);
	char *path;
	cache_path(dir, &path);
	struct err err = {0};
	if (text.overflow)
		log_event(LOG_WARN, "cache.too_large", "path", path, NULL);
	else if (dir_make_all(folder, 0777, &err) < 0 || file_replace(AT_FDCWD, path, text.data, text.len, 0666, &err) < 0)
		log_event(LOG_INFO, "cache.not_written", "error", err.text, NULL);
	free(path);
	free(folder);
	buf_free(&text);
}

void cache_close(struct cache *c)
{
	HASH_CLEAR(hh, c->slots);
	free(c);
}
