/* Taking a table's published data out of a local lake (store.h, `count` and `remove`).
 *
 * Each folder leaves by one rename into the staging, under its partition's lock, so that a reader finds a
 * version as a whole or none, and a death in between leaves nothing but staging for gc. */
#include "executor/store_local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/str.h"
#include "core/date.h"

/* The table's folders in the range: those named dt=…, and its own when that has a manifest. */
struct folders {
	const char **names; /* "dt=2013-01-03", or "" for the table's own */
	size_t len, cap;
};

static void add(struct removal *r, struct folders *f, const char *name)
{
	if (f->len == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 16;
		const char **more = arena_array(r->arena, f->cap, sizeof *more);
		if (f->len)
			memcpy(more, f->names, f->len * sizeof *more);
		f->names = more;
	}
	f->names[f->len++] = arena_strdup(r->arena, name);
}

static bool is_date(const char *s)
{
	int32_t day;
	return date_parse_iso(s, strlen(s), &day);
}

/* ISO dates are in order as texts. A dt= folder that is no date goes with everything only. */
static bool in_range(const struct removal *r, const char *date)
{
	if (!*r->first && !*r->last)
		return true;
	return is_date(date) && strcmp(date, r->first) >= 0 && strcmp(date, r->last) <= 0;
}

static int list(struct removal *r, struct folders *ret, struct err *err)
{
	const char *table = arena_printf(r->arena, "%s/%s", r->layer, r->table);
	DIR *d = opendir(table);
	if (!d)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_errno(err, ERR_LAKE, "list '%s'", table);
	struct dirent *e;
	bool own = false;
	while ((e = readdir(d))) {
		struct stat st;
		own |= strcmp(e->d_name, "manifest.json") == 0;
		if (str_has_prefix(e->d_name, "dt=") && in_range(r, e->d_name + 3) &&
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
			add(r, ret, e->d_name);
	}
	closedir(d);
	/* Last, because it takes with it whatever is in it. */
	if (own && !*r->first && !*r->last)
		add(r, ret, "");
	return 0;
}

static struct target target_of(const struct removal *r, const char *name)
{
	return (struct target){.layer = r->layer,
	                       .table = r->table,
	                       .partition = *name ? name + 3 : "",
	                       .partitioned = *name != '\0',
	                       .folder = arena_printf(r->arena, "%s/%s%s%s", r->layer, r->table, *name ? "/" : "", name)};
}

/* Of the files, not of folders in it. */
static int64_t bytes_in(const char *folder)
{
	int64_t bytes = 0;
	DIR *d = opendir(folder);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		struct stat st;
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			bytes += st.st_size;
	}
	if (d)
		closedir(d);
	return bytes;
}

/* Adds the folder to the results; *ret_version is its manifest's, 0 without a readable one. */
static int count_one(struct removal *r, const struct target *t, uint64_t *ret_version, struct err *err)
{
	struct arena arena = {0};
	struct manifest m = {0};
	bool found;
	int rc = store_local_read(t, &arena, &m, &found, err);
	if (rc == 0) {
		bool published = found || access(arena_printf(&arena, "%s/manifest.json", t->folder), F_OK) == 0;
		r->published += published;
		r->others += !published;
		r->rows += found ? m.row_count : 0;
		r->bytes += bytes_in(t->folder);
		*ret_version = found ? m.version : 0;
	}
	arena_free(&arena);
	return rc;
}

int store_local_count(struct removal *r, struct err *err)
{
	struct folders f = {0};
	uint64_t version;
	int rc = list(r, &f, err);
	for (size_t i = 0; rc == 0 && i < f.len; i++) {
		struct target t = target_of(r, f.names[i]);
		rc = count_one(r, &t, &version, err);
	}
	return rc;
}

static int move_locked(struct removal *r, const struct target *t, size_t i, int lock, struct kept *kept, struct err *err)
{
	uint64_t version = 0;
	int rc = count_one(r, t, &version, err);
	if (rc == 0 && version > kept->version) {
		kept->version = version;
		rc = store_local_keep(lock, kept, err);
	}
	if (rc < 0)
		return rc;
	const char *into = arena_printf(r->arena, "%s/%zu", r->away, i);
	if (FAULT("clear.move") || renameat2(AT_FDCWD, t->folder, AT_FDCWD, into, RENAME_NOREPLACE) < 0)
		return err_errno(err, ERR_LAKE, "move '%s' away", t->folder);
	return 0;
}

/* A dt= folder that is no date can be nobody's partition, so it has no lock. */
static int move(struct removal *r, const struct target *t, size_t i, struct err *err)
{
	struct kept kept = {0};
	bool lockable = !t->partitioned || is_date(t->partition);
	int lock = lockable ? store_local_lock(t, &kept, err) : -1;
	if (lockable && lock < 0)
		return lock;
	int rc = move_locked(r, t, i, lock, &kept, err);
	if (lock >= 0)
		close(lock);
	return rc;
}

/* What empty partitions were goes too: nothing of them is to be found again. */
static void drop_records(struct removal *r)
{
	char record[STORE_RECORD_MAX];
	const char *table = arena_printf(r->arena, "%s/%s", r->layer, r->table);
	if (!*r->first && !*r->last)
		unlink(store_empty_record(record, table));
	DIR *d = opendir(arena_printf(r->arena, ".strata/empty/%s", table));
	struct dirent *e;
	while (d && (e = readdir(d))) {
		size_t n = strlen(e->d_name);
		if (str_has_prefix(e->d_name, "dt=") && str_has_suffix(e->d_name, ".json") &&
		    in_range(r, arena_strndup(r->arena, e->d_name + 3, n - strlen("dt=.json"))))
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
}

int store_local_remove(struct removal *r, struct err *err)
{
	struct folders f = {0};
	drop_records(r);
	int rc = list(r, &f, err), end = STORE_DONE;
	if (rc < 0 || f.len == 0)
		return rc;
	rc = dir_make_all(r->away, 0777, err);
	for (size_t i = 0; rc == 0 && i < f.len; i++) {
		if (r->stopped(r->ctx)) {
			end = STORE_STOPPED;
			break;
		}
		struct target t = target_of(r, f.names[i]);
		rc = move(r, &t, i, err);
	}
	const char *table = arena_printf(r->arena, "%s/%s", r->layer, r->table);
	/* Gone for good before anybody is told; an empty table has no folder. */
	if (rc == 0 && access(table, F_OK) == 0)
		rc = dir_sync(table, err);
	rmdir(table);
	if (rc == 0)
		rc = dir_sync(r->layer, err);
	if (rc == 0 && FAULT("clear.remove"))
		rc = err_errno(err, ERR_IO, "remove '%s'", r->away);
	if (rc == 0)
		rc = tree_remove(AT_FDCWD, r->away, err);
	return rc < 0 ? rc : end;
}
