/* See garbage.h. Always: list first, ask the state and the locks after. Whoever made what was listed had its try on
 * record and held its lock by then, so what is not there is over, and a free lock means that its maker is gone. */
#include "scheduler/garbage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <jansson.h>
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
	bool workers;        /* one of them is a run's: where the lake is ours, of a scheduler that died */
};

struct search {
	struct garbage *found;
	const char *lake;
	struct locks locks;
	const struct garbage_options *options;
	PGresult *tries;     /* of those items that are a try's: see tries_sql */
	PGresult *runs;      /* that are remembered, of the folders with logs */
};

const char *garbage_kind_name(enum garbage_kind kind)
{
	static const char *const names[] = {"staging", "spill", "lock", "unfinished", "log"};
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

/* Staging of a query is "sql-<worker>-<pid>-<n>", of a removal "clear-…"; a spill folder "<worker>". Else it is a try's. */
static const char *worker_of(const char *name)
{
	static const char *const prefixes[] = {"sql-", "clear-"};
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		if (str_has_prefix(name, prefixes[i]))
			return name + strlen(prefixes[i]);
	}
	return name;
}

static bool made_by(const struct locks *l, const char *name)
{
	name = worker_of(name);
	for (size_t i = 0; i < l->len; i++) {
		size_t n = strlen(l->held[i]);
		if (strncmp(name, l->held[i], n) == 0 && (name[n] == '\0' || name[n] == '-'))
			return true;
	}
	return false;
}

enum { TRY_ID, TRY_OPEN, TRY_WORKER, TRY_KEPT, TRY_OLD };

/* The row of tries_sql of a folder; -1: its try is not on record (any more). */
static int try_of(const struct search *s, const char *name)
{
	for (int i = 0; i < PQntuples(s->tries); i++) {
		if (str_eq(PQgetvalue(s->tries, i, TRY_ID), name))
			return i;
	}
	return -1;
}

/* Why a try's staging stays; NULL: it is garbage, and *ret_why says of what kind. */
static const char *try_keeps(struct search *s, int row, const char **ret_why)
{
	bool open = row >= 0 && PQgetvalue(s->tries, row, TRY_OPEN)[0] == 't';
	const char *worker = row >= 0 ? PQgetvalue(s->tries, row, TRY_WORKER) : "";
	const char *kept = row >= 0 ? PQgetvalue(s->tries, row, TRY_KEPT) : "";
	*ret_why = "its try is over";
	if (!s->options->beside && s->locks.workers)
		return "a worker of a scheduler that died is still there; the next run ends it";
	if (s->options->beside && open)
		return "its try is under way";
	if (s->options->beside && row >= 0 && (*worker ? made_by(&s->locks, worker) : s->locks.workers))
		return "its worker is tidying"; /* or keeps the empty folder for its next try */
	if (!*kept)
		return NULL;
	kept = arena_strdup(&s->found->arena, kept);
	*ret_why = kept;
	if (s->options->drop_kept)
		return NULL;
	if (PQgetvalue(s->tries, row, TRY_OLD)[0] != 't')
		return kept;
	*ret_why = arena_printf(&s->found->arena, "%s; older than history.keep_days", kept);
	return NULL;
}

static void judge(struct search *s, struct garbage_item *item)
{
	const char *name = name_of(item), *why = "its worker is gone", *keeps = NULL;
	if (made_by(&s->locks, name))
		keeps = "a worker is using it";
	else if (item->kind == GARBAGE_STAGING && worker_of(name) == name)
		keeps = try_keeps(s, try_of(s, name), &why);
	item->kept = keeps;
	item->why = keeps ? keeps : why;
}

/* ---- locks of workers ---- */

static void look_at_lock(struct search *s, int dir, const char *folder, const char *name)
{
	struct stat st;
	if (!str_has_suffix(name, ".lock") || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return;
	/* No scheduler is starting workers while we hold the lake; who only looks may be. */
	bool run = str_has_suffix(folder, "/run");
	if (((run && !s->options->beside) || age_s(&st) >= LOCK_AGE_S) && lock_is_free(dir, name)) {
		add(s, GARBAGE_LOCK, folder, name, false)->why = "its worker is gone";
		return;
	}
	/* Held, or too young to tell. */
	struct locks *l = &s->locks;
	MEM_GROW(l->held, l->len, l->cap);
	l->held[l->len++] = mem_strndup(name, strlen(name) - strlen(".lock"));
	l->workers |= run;
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

/* ---- logs: a folder a run ---- */

static bool is_remembered(const struct search *s, const char *run_id)
{
	for (int i = 0; i < PQntuples(s->runs); i++) {
		if (str_eq(PQgetvalue(s->runs, i, 0), run_id))
			return true;
	}
	return false;
}

/* Listed at first, as all of them: the runs are asked for after. */
static void list_log(struct search *s, int dir, const char *folder, const char *name)
{
	struct stat st;
	int64_t before = s->options->before_us / 1000000;
	if (before && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) && st.st_mtime < before)
		add(s, GARBAGE_LOG, folder, name, false)->why = "its run is older than history.keep_days";
}

static void drop_remembered(struct search *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->found->len; i++) {
		struct garbage_item *item = &s->found->items[i];
		if (item->kind != GARBAGE_LOG || !is_remembered(s, name_of(item)))
			s->found->items[n++] = *item;
	}
	s->found->len = n;
}

/* ---- all of it ---- */

/* $1 lake, $2 names, $3 the moment before which history goes. */
static const char tries_sql[] =
	"SELECT t.try_id::text, t.state <> 'ended', t.worker,"
	" CASE WHEN t.staging = '' THEN '' ELSE format('%s of %s%s, run %s', CASE t.error_class WHEN 'check' THEN 'failed check'"
	" ELSE '--keep-staging' END, t.table_name, CASE WHEN t.partition <> '' THEN ' ' || t.partition ELSE '' END, t.run_id) END,"
	" coalesce(t.ended_at < to_timestamp($3::bigint / 1000000.0), false)"
	" FROM strata.try t WHERE lake_id = $1::integer AND try_id::text IN (SELECT jsonb_array_elements_text($2::jsonb))";
/* What retention leaves, of these names. */
static const char runs_sql[] =
	"SELECT run_id FROM strata.run WHERE lake_id = $1::integer AND run_id IN (SELECT jsonb_array_elements_text($2::jsonb))"
	" AND NOT (state = 'done' AND created_at < to_timestamp($3::bigint / 1000000.0) AND ended_at < to_timestamp($3::bigint / 1000000.0))";

/* What the state says of the items of a kind, by the names of their folders. */
static int ask_state(struct workspace *ws, struct search *s, enum garbage_kind kind, const char *sql, PGresult **ret, struct err *err)
{
	char lake[12], before[24];
	json_t *names = json_array();
	for (size_t i = 0; i < s->found->len; i++) {
		if (s->found->items[i].kind == kind)
			json_array_append_new(names, json_string(name_of(&s->found->items[i]))); /* no UTF-8: nobody's */
	}
	char *text = json_dumps(names, JSON_COMPACT);
	snprintf(lake, sizeof lake, "%d", ws->db.lake_id);
	snprintf(before, sizeof before, "%" PRId64, s->options->before_us);
	const char *const values[] = {lake, text, before};
	int rc = json_array_size(names) ? db_query(ws->db.conn, sql, 3, values, false, ret, err) : 0;
	free(text);
	json_decref(names);
	return rc;
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
		{".strata/staging", list_staging}, {".strata/tmp", list_spill}, {".strata/logs", list_log}, /* before state and locks */
		{".strata/workers/run", look_at_lock}, {".strata/workers/look", look_at_lock}, {".strata/workers", look_at_lock},
		{".strata", look_at_file}, {".strata/cache", look_at_file},
	};
	bool apart = !str_eq(ws->lake.dir, ws->project->dir);
	int rc = 0;
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
	if (rc == 0)
		rc = ask_state(ws, s, GARBAGE_STAGING, tries_sql, &s->tries, err);
	if (rc == 0)
		rc = ask_state(ws, s, GARBAGE_LOG, runs_sql, &s->runs, err);
	if (rc == 0)
		drop_remembered(s);
	for (size_t i = 0; rc == 0 && i < s->found->len; i++) {
		if (s->found->items[i].kind == GARBAGE_STAGING || s->found->items[i].kind == GARBAGE_SPILL)
			judge(s, &s->found->items[i]);
	}
	if (s->found->len)
		qsort(s->found->items, s->found->len, sizeof *s->found->items, by_kind_and_path);
	return rc;
}

int garbage_find(struct workspace *ws, const struct garbage_options *options, struct garbage *ret, struct err *err)
{
	struct search s = {.found = ret, .lake = ws->lake.dir, .options = options};
	int rc = search(ws, &s, err);
	for (size_t i = 0; i < s.locks.len; i++)
		free(s.locks.held[i]);
	free(s.locks.held);
	PQclear(s.tries);
	PQclear(s.runs);
	return rc;
}

int garbage_remove(const struct garbage_item *item, bool *ret_removed, struct err *err)
{
	*ret_removed = false;
	if (item->kind == GARBAGE_STAGING || item->kind == GARBAGE_SPILL || item->kind == GARBAGE_LOG) {
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
