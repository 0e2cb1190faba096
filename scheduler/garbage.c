/* See garbage.h. Always: list first, ask the locks after. Whoever made what was listed held its lock by then,
 * so a free lock means that its maker is gone. */
#include "scheduler/garbage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "scheduler/db.h"

enum {
	LOCK_AGE_S = 60,          /* a worker makes its lock file and takes it a moment later */
	UNFINISHED_AGE_S = 3600,  /* a file that is replaced has its temporary one for milliseconds */
};

/* The locks below .strata/workers, as they were after the listing. */
struct locks {
	char **held;         /* names of the workers that live */
	size_t len, cap;
	bool orphans;        /* one of them has a try of a scheduler that died */
};

/* Staged data that stays on purpose. */
struct kept {
	PGresult *rows;      /* staging, run, table, partition */
};

struct search {
	struct garbage *found;
	const char *lake;
	struct locks locks;
	struct kept kept;
	bool drop_kept;
};

const char *garbage_kind_name(enum garbage_kind kind)
{
	static const char *const names[] = {"staging", "spill", "lock", "unfinished"};
	return names[kind];
}

/* A lock is free when nobody has its flock. Taking it for a moment disturbs nobody: a lock that was made
 * just now and is not yet taken is not asked (LOCK_AGE_S). */
static bool lock_is_free(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDWR | O_CLOEXEC);
	bool free = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
	if (fd >= 0)
		close(fd);
	return free;
}

static int64_t age_s(const struct stat *st)
{
	return (int64_t)(time(NULL) - st->st_mtime);
}

/* The bytes of a file, or of all that is in a folder. */
static int64_t bytes_of(const char *path)
{
	int64_t bytes = 0;
	char *paths[] = {(char *)(uintptr_t)path, NULL};
	FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	FTSENT *e;
	while (walk && (e = fts_read(walk))) {
		if (e->fts_info == FTS_F && e->fts_statp->st_nlink == 1)
			bytes += e->fts_statp->st_size;
	}
	if (walk)
		fts_close(walk);
	return bytes;
}

static struct garbage_item *add(struct search *s, enum garbage_kind kind, const char *folder, const char *name, bool kept)
{
	struct garbage *g = s->found;
	MEM_GROW(g->items, g->len, g->cap);
	struct garbage_item *item = &g->items[g->len++];
	*item = (struct garbage_item){.kind = kind, .path = arena_printf(&g->arena, "%s/%s", folder, name), .kept = kept};
	item->bytes = bytes_of(item->path);
	return item;
}

/* Call fn with each name in a folder but the dots; an absent folder has none. */
static int each_name(struct search *s, const char *folder, void (*fn)(struct search *s, int dir, const char *folder, const char *name),
                     struct err *err)
{
	DIR *d = opendir(folder);
	if (!d)
		return errno == ENOENT ? 0 : err_errno(err, ERR_LAKE, "open folder '%s'", folder);
	struct dirent *e;
	while ((e = readdir(d))) {
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			fn(s, dirfd(d), folder, e->d_name);
	}
	closedir(d);
	return 0;
}

/* ---- staging and spilled data: listed at first, judged when the locks are known ---- */

static void list_staging(struct search *s, int dir, const char *folder, const char *name)
{
	(void)dir;
	add(s, GARBAGE_STAGING, folder, name, false);
}

static void list_spill(struct search *s, int dir, const char *folder, const char *name)
{
	(void)dir;
	add(s, GARBAGE_SPILL, folder, name, false);
}

static const char *name_of(const struct garbage_item *item)
{
	return strrchr(item->path, '/') + 1;
}

/* Staging of a query is "sql-<worker>-<pid>-<n>", a spill folder "<worker>". */
static bool made_by(const struct locks *l, const char *name)
{
	name += str_has_prefix(name, "sql-") ? 4 : 0;
	for (size_t i = 0; i < l->len; i++) {
		size_t n = strlen(l->held[i]);
		if (strncmp(name, l->held[i], n) == 0 && (name[n] == '\0' || name[n] == '-'))
			return true;
	}
	return false;
}

static const char *kept_for(struct search *s, const char *name)
{
	for (int i = 0; i < PQntuples(s->kept.rows); i++) {
		const char *staging = PQgetvalue(s->kept.rows, i, 0), *slash = strrchr(staging, '/');
		if (!str_eq(slash ? slash + 1 : staging, name))
			continue;
		const char *partition = PQgetvalue(s->kept.rows, i, 3);
		return arena_printf(&s->found->arena, "%s of %s%s%s, run %s", PQgetvalue(s->kept.rows, i, 4),
		                    PQgetvalue(s->kept.rows, i, 2), *partition ? " " : "", partition, PQgetvalue(s->kept.rows, i, 1));
	}
	return NULL;
}

static void judge(struct search *s, struct garbage_item *item)
{
	const char *name = name_of(item);
	bool query = str_has_prefix(name, "sql-");
	const char *kept = item->kind == GARBAGE_STAGING ? kept_for(s, name) : NULL;
	if (made_by(&s->locks, name)) {
		item->kept = true;
		item->why = "a worker is using it";
	} else if (item->kind == GARBAGE_STAGING && !query && s->locks.orphans) {
		item->kept = true;
		item->why = "a worker of a scheduler that died is still there; the next run ends it";
	} else if (kept && !s->drop_kept) {
		item->kept = true;
		item->why = kept;
	} else {
		item->why = kept ? kept : item->kind == GARBAGE_SPILL || query ? "its worker is gone" : "its try is over";
	}
}

/* ---- locks of workers ---- */

static void look_at_lock(struct search *s, int dir, const char *folder, const char *name)
{
	struct stat st;
	if (!str_has_suffix(name, ".lock") || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return;
	/* No scheduler is starting workers while we hold the lake; who only looks may be. */
	bool run = str_has_suffix(folder, "/run");
	if ((run || age_s(&st) >= LOCK_AGE_S) && lock_is_free(dir, name)) {
		add(s, GARBAGE_LOCK, folder, name, false)->why = "its worker is gone";
		return;
	}
	/* Held, or too young to tell. */
	struct locks *l = &s->locks;
	MEM_GROW(l->held, l->len, l->cap);
	l->held[l->len++] = mem_strndup(name, strlen(name) - strlen(".lock"));
	l->orphans |= run;
}

/* ---- files that were not finished ---- */

static bool is_unfinished(const char *name)
{
	static const char *const marks[] = {".tmp-", ".duckdb.new-", "lake.json."};
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		if (strstr(name, marks[i]))
			return true;
	}
	return false;
}

static void look_at_file(struct search *s, int dir, const char *folder, const char *name)
{
	struct stat st;
	if (is_unfinished(name) && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	    age_s(&st) >= UNFINISHED_AGE_S)
		add(s, GARBAGE_UNFINISHED, folder, name, false)->why = "its writer died";
}

/* ---- all of it ---- */

static int find_kept(struct workspace *ws, struct search *s, struct err *err)
{
	char lake[12];
	snprintf(lake, sizeof lake, "%d", ws->db.lake_id);
	const char *const values[] = {lake};
	return db_query(ws->db.conn,
	                "SELECT staging, run_id, table_name, partition, CASE error_class WHEN 'check' THEN 'failed check'"
	                " ELSE '--keep-staging' END FROM strata.try WHERE lake_id = $1::integer AND staging <> ''",
	                1, values, false, &s->kept.rows, err);
}

static int by_kind_and_path(const void *a, const void *b)
{
	const struct garbage_item *x = a, *y = b;
	return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->path, y->path);
}

static int search(struct workspace *ws, struct search *s, struct err *err)
{
	static const struct {
		const char *folder;
		void (*fn)(struct search *s, int dir, const char *folder, const char *name);
	} places[] = {
		{".strata/staging", list_staging}, {".strata/tmp", list_spill}, /* before the locks */
		{".strata/workers/run", look_at_lock}, {".strata/workers/look", look_at_lock}, {".strata/workers", look_at_lock},
		{".strata", look_at_file}, {".strata/cache", look_at_file},
	};
	bool apart = !str_eq(ws->lake.dir, ws->project->dir);
	int rc = find_kept(ws, s, err);
	for (size_t i = 0; rc == 0 && i < sizeof places / sizeof *places; i++) {
		char *folder = mem_printf("%s/%s", s->lake, places[i].folder);
		rc = each_name(s, folder, places[i].fn, err);
		free(folder);
	}
	if (rc == 0 && apart) {
		char *cache = mem_printf("%s/.strata/cache", ws->project->dir);
		rc = each_name(s, cache, look_at_file, err);
		free(cache);
	}
	for (size_t i = 0; rc == 0 && i < s->found->len; i++) {
		if (s->found->items[i].kind == GARBAGE_STAGING || s->found->items[i].kind == GARBAGE_SPILL)
			judge(s, &s->found->items[i]);
	}
	if (s->found->len)
		qsort(s->found->items, s->found->len, sizeof *s->found->items, by_kind_and_path);
	return rc;
}

int garbage_find(struct workspace *ws, bool drop_kept, struct garbage *ret, struct err *err)
{
	struct search s = {.found = ret, .lake = ws->lake.dir, .drop_kept = drop_kept};
	int rc = search(ws, &s, err);
	for (size_t i = 0; i < s.locks.len; i++)
		free(s.locks.held[i]);
	free(s.locks.held);
	PQclear(s.kept.rows);
	return rc;
}

int garbage_remove(const struct garbage_item *item, bool *ret_removed, struct err *err)
{
	*ret_removed = false;
	if (item->kind == GARBAGE_STAGING || item->kind == GARBAGE_SPILL) {
		int rc = tree_remove(AT_FDCWD, item->path, err);
		*ret_removed = rc == 0;
		return rc;
	}
	/* Of a lock that somebody has taken since, nothing is removed. */
	if (item->kind == GARBAGE_LOCK && !lock_is_free(AT_FDCWD, item->path))
		return 0;
	if (unlink(item->path) < 0)
		return errno == ENOENT ? 0 : err_errno(err, ERR_LAKE, "remove '%s'", item->path);
	*ret_removed = true;
	return 0;
}

void garbage_free(struct garbage *g)
{
	free(g->items);
	arena_free(&g->arena);
}
