/* See scan.h. */
#include "scheduler/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { DOUBT_NS = 2000000000 };

struct found {
	struct project_file file;
	struct stamp stamp;
};

struct findings {
	struct found *items;
	size_t len, cap;
};

bool stamp_equal(const struct stamp *a, const struct stamp *b)
{
	return a->size == b->size && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns && a->inode == b->inode;
}

bool stamp_in_doubt(const struct stamp *s, int64_t read_at_ns)
{
	int64_t changed = s->mtime_ns > s->ctime_ns ? s->mtime_ns : s->ctime_ns;
	return changed > read_at_ns - DOUBT_NS;
}

static int64_t ns(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_folder_and_name(const void *a, const void *b)
{
	const struct project_file *x = &((const struct found *)a)->file, *y = &((const struct found *)b)->file;
	int c = strcmp(x->folder, y->folder);
	return c ? c : strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void scan_folder(struct arena *arena, int dags, const char *folder, struct findings *found)
{
	int fd = openat(dags, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	struct dirent *e;
	while ((e = readdir(d))) {
		struct stat st;
		if (e->d_name[0] == '.' || e->d_name[0] == '_' || fstatat(fd, e->d_name, &st, 0) < 0 || !S_ISREG(st.st_mode))
			continue;
		MEM_GROW(found->items, found->len, found->cap);
		found->items[found->len++] = (struct found){
			.file = {.folder = folder,
		                 .name = arena_strdup(arena, e->d_name),
		                 .executable = (st.st_mode & 0111) != 0,
		                 .size = (size_t)st.st_size},
			.stamp = {.size = st.st_size, .mtime_ns = ns(st.st_mtim), .ctime_ns = ns(st.st_ctim), .inode = st.st_ino},
		};
	}
	closedir(d);
}

static bool is_folder(int dags, const struct dirent *e)
{
	struct stat st;
	if (e->d_name[0] == '.')
		return false;
	if (e->d_type == DT_DIR)
		return true;
	return (e->d_type == DT_LNK || e->d_type == DT_UNKNOWN) && fstatat(dags, e->d_name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

static void list_folders(struct arena *arena, DIR *d, struct scan *ret)
{
	const char **names = NULL;
	size_t n = 0, cap = 0;
	struct dirent *e;
	while ((e = readdir(d))) {
		if (!is_folder(dirfd(d), e))
			continue;
		MEM_GROW(names, n, cap);
		names[n++] = arena_strdup(arena, e->d_name);
	}
	if (n)
		qsort(names, n, sizeof *names, by_name);
	ret->folders = arena_copy(arena, names, n * sizeof *names);
	ret->nfolders = n;
	free(names);
}

int scan_project(struct arena *arena, const char *dir, struct scan *ret, struct err *err)
{
	char *path = mem_printf("%s/dags", dir);
	DIR *d = opendir(path);
	int saved = errno;
	free(path);
	if (!d && saved == ENOENT)
		return err_set(err, ERR_PROJECT, "no project in '%s': it has no folder 'dags' (start one with: strata init %s)", dir, dir);
	errno = saved;
	if (!d)
		return err_errno(err, ERR_PROJECT, "open '%s/dags'", dir);
	*ret = (struct scan){0};
	list_folders(arena, d, ret);
	struct findings found = {0};
	for (size_t i = 0; i < ret->nfolders; i++)
		scan_folder(arena, dirfd(d), ret->folders[i], &found);
	closedir(d);
	if (found.len)
		qsort(found.items, found.len, sizeof *found.items, by_folder_and_name);
	ret->nfiles = found.len;
	ret->files = arena_array(arena, found.len, sizeof *ret->files);
	ret->stamps = arena_array(arena, found.len, sizeof *ret->stamps);
	for (size_t i = 0; i < found.len; i++) {
		ret->files[i] = found.items[i].file;
		ret->stamps[i] = found.items[i].stamp;
	}
	free(found.items);
	return 0;
}
