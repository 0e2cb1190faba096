/* Listing RAW files: one rule for the view, the probe and the manifest (source.h). */
#include "executor/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/str.h"
#include "core/date.h"

/* A path in the project is relative to the lake, with a leading slash too. */
static const char *relative(const char *path)
{
	while (*path == '/')
		path++;
	return *path ? path : ".";
}

enum { NAMED = 3 }; /* of what is not read, so many are named */

/* "A.CSV" is a CSV; DuckDB would not unpack an "A.CSV.GZ". */
static bool has_format(const char *name, const char *format)
{
	static const struct {
		const char *format, *suffix;
	} known[] = {
		{"csv", ".csv.gz"}, {"json", ".json"}, {"json", ".jsonl"}, {"json", ".ndjson"}, {"json", ".json.gz"}, {"parquet", ".parquet"},
	};
	size_t n = strlen(name);
	if (strcmp(format, "csv") == 0 && n > 4 && strcasecmp(name + n - 4, ".csv") == 0)
		return name[0] != '.';
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (strcmp(known[i].format, format) == 0 && str_has_suffix(name, known[i].suffix))
			return name[0] != '.';
	}
	return false;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts; "a, b, c and 4 more", NULL of none. */
static const char *name_some(struct arena *arena, const char **names, size_t n)
{
	const char *text = NULL;
	if (n)
		qsort(names, n, sizeof *names, by_text);
	for (size_t i = 0; i < n && i < NAMED; i++)
		text = text ? arena_printf(arena, "%s, %s", text, names[i]) : names[i];
	return n > NAMED ? arena_printf(arena, "%s and %zu more", text, n - NAMED) : text;
}

static void add_name(struct arena *arena, const char ***names, size_t *n, size_t *cap, const char *name)
{
	if (*n == *cap) {
		const char **more = arena_array(arena, *cap = *cap ? *cap * 2 : 16, sizeof *more);
		if (*n)
			memcpy(more, *names, *n * sizeof *more);
		*names = more;
	}
	(*names)[(*n)++] = arena_strdup(arena, name);
}

static void add(struct arena *arena, struct raw_files *f, const char *path, const struct stat *st)
{
	if (f->len == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 8;
		struct raw_file *more = arena_array(arena, f->cap, sizeof *more);
		if (f->len)
			memcpy(more, f->items, f->len * sizeof *more);
		f->items = more;
	}
	f->items[f->len++] = (struct raw_file){
		.path = path,
		.size = st->st_size,
		.mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
		.ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec,
		.inode = st->st_ino,
	};
}

static int by_path(const void *a, const void *b)
{
	const struct raw_file *x = a, *y = b;
	return strcmp(x->path, y->path);
}

/* A link to nothing (a mount that is away) counts as a file, so that reading it fails: the date is not empty. */
static bool is_file(int dir, const char *name, struct stat *ret)
{
	if (fstatat(dir, name, ret, 0) == 0)
		return S_ISREG(ret->st_mode);
	return fstatat(dir, name, ret, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(ret->st_mode);
}

static int list_folder(struct arena *arena, const char *folder, const char *format, struct raw_files *ret, struct err *err)
{
	DIR *d = opendir(folder);
	if (!d)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_errno(err, ERR_IO, "list '%s'", folder);
	struct dirent *e;
	const char **others = NULL;
	size_t cap = 0;
	while ((e = readdir(d))) {
		struct stat st;
		if (e->d_name[0] == '.' || !is_file(dirfd(d), e->d_name, &st))
			continue;
		if (has_format(e->d_name, format))
			add(arena, ret, arena_printf(arena, "%s/%s", folder, e->d_name), &st);
		else if (e->d_name[0] != '_')
			add_name(arena, &others, &ret->nothers, &cap, e->d_name);
	}
	closedir(d);
	ret->folder = folder;
	ret->others = name_some(arena, others, ret->nothers);
	if (ret->len)
		qsort(ret->items, ret->len, sizeof *ret->items, by_path);
	return 0;
}

/* The folder before a glob's first special character, with its slash; "" is the lake. */
static const char *glob_root(struct arena *arena, const char *pattern)
{
	size_t special = strcspn(pattern, "*?[");
	while (special > 0 && pattern[special - 1] != '/')
		special--;
	return arena_strndup(arena, pattern, special);
}

static int list_glob(struct arena *arena, const char *pattern, struct raw_files *ret, struct err *err)
{
	const char *root = glob_root(arena, pattern);
	struct stat root_st;
	ret->exists = !*root || stat(root, &root_st) == 0;
	glob_t found = {0};
	int rc = glob(pattern, 0, NULL, &found);
	for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++) {
		struct stat st;
		if (is_file(AT_FDCWD, found.gl_pathv[i], &st))
			add(arena, ret, arena_strdup(arena, found.gl_pathv[i]), &st);
	}
	globfree(&found);
	return rc == 0 || rc == GLOB_NOMATCH ? 0 : err_set(err, ERR_IO, "list '%s'", pattern);
}

const char *source_folder(struct arena *arena, const char *path)
{
	path = relative(path);
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	return arena_strndup(arena, path, n);
}

int source_list(struct arena *arena, const char *path, const char *date, const char *format, struct raw_files *ret,
                struct err *err)
{
	*ret = (struct raw_files){0};
	path = relative(path);
	if (!*date && strpbrk(path, "*?["))
		return list_glob(arena, path, ret, err);
	struct stat st;
	ret->exists = stat(path, &st) == 0;
	if (ret->exists && !*date && S_ISREG(st.st_mode)) {
		add(arena, ret, arena_strdup(arena, path), &st);
		return 0;
	}
	const char *folder = source_folder(arena, path);
	return list_folder(arena, *date ? arena_printf(arena, "%s/dt=%s", folder, date) : folder, format, ret, err);
}

bool source_marked(struct arena *arena, const char *path, const char *date, const char *name)
{
	struct stat st;
	path = relative(path);
	if (*date)
		path = arena_printf(arena, "%s/dt=%s/", path, date);
	else if (strpbrk(path, "*?["))
		path = glob_root(arena, path);
	else if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		path = strrchr(path, '/') ? arena_strndup(arena, path, (size_t)(strrchr(path, '/') - path) + 1) : "";
	else
		path = arena_printf(arena, "%s/", path);
	return stat(arena_printf(arena, "%s%s", path, name), &st) == 0;
}

int source_days(struct arena *arena, const char *path, const char *const **ret_dates, size_t *ret_n, const char **ret_strays,
                struct err *err)
{
	const char **dates = NULL, **strays = NULL;
	size_t n = 0, cap = 0, nstrays = 0, strays_cap = 0;
	DIR *d = opendir(relative(path));
	if (!d && errno != ENOENT && errno != ENOTDIR)
		return err_errno(err, ERR_IO, "list '%s'", path);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		int32_t day;
		const char *name = e->d_name;
		if (!str_has_prefix(name, "dt="))
			continue;
		if (date_parse_iso(name + 3, strlen(name + 3), &day))
			add_name(arena, &dates, &n, &cap, name + 3);
		else
			add_name(arena, &strays, &nstrays, &strays_cap, name);
	}
	if (d)
		closedir(d);
	if (n)
		qsort(dates, n, sizeof *dates, by_text);
	*ret_dates = dates;
	*ret_n = n;
	*ret_strays = name_some(arena, strays, nstrays);
	return 0;
}

int source_dates(struct arena *arena, const char *path, const char *const **ret_dates, size_t *ret_n, struct err *err)
{
	const char *strays;
	return source_days(arena, path, ret_dates, ret_n, &strays, err);
}

const char *source_identity(struct arena *arena, const struct raw_file *f)
{
	return arena_printf(arena, "%" PRId64 ":%" PRId64 ":%" PRId64 ":%" PRIu64, f->size, f->mtime_ns, f->ctime_ns, f->inode);
}
