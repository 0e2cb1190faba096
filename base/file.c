/* See file.h. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

int file_write_all(int fd, const void *data, size_t n)
{
	const char *p = data;
	while (n) {
		ssize_t w = write(fd, p, n);
		if (w < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

int file_read(int dirfd, const char *path, struct buf *out, struct err *err)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, ERR_IO, "open '%s'", path);
	char chunk[65536];
	int rc = 0;
	for (;;) {
		ssize_t r = read(fd, chunk, sizeof chunk);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			rc = err_errno(err, ERR_IO, "read '%s'", path);
		if (r <= 0)
			break;
		buf_add(out, chunk, (size_t)r);
		if (out->overflow) {
			rc = err_set(err, ERR_IO, "read '%s': larger than %zu bytes", path, out->max);
			break;
		}
	}
	close(fd);
	return rc;
}

bool path_find_program(const char *name, char *out, size_t size)
{
	const char *path = getenv("PATH");
	for (const char *at = path ? path : "/usr/bin:/bin"; *at; at += strspn(at, ":")) {
		size_t n = strcspn(at, ":");
		int w = snprintf(out, size, "%.*s/%s", (int)n, at, name);
		if (*at == '/' && w > 0 && (size_t)w < size && access(out, X_OK) == 0)
			return true;
		at += n;
	}
	return false;
}

bool path_join(char *out, size_t size, const char *dir, const char *name)
{
	size_t n = strlen(dir);
	bool slash = n && dir[n - 1] == '/';
	int w = snprintf(out, size, "%s%s%s", dir, slash || !n ? "" : "/", name);
	return w >= 0 && (size_t)w < size;
}

/* Does ".." after the folder `path` (of `n` bytes) not lead to the one before it? */
static bool leads_elsewhere(const char *path, size_t n)
{
	struct stat st;
	return (n > 2 && memcmp(path + n - 3, "/..", 3) == 0) || (lstat(path, &st) == 0 && S_ISLNK(st.st_mode));
}

void path_tidy(char *path)
{
	char *out = path; /* never beyond the '/' before `at` */
	for (const char *at = path + strspn(path, "/"); *at; at += strspn(at, "/")) {
		size_t n = strcspn(at, "/");
		bool here = n == 1 && at[0] == '.', back = n == 2 && memcmp(at, "..", 2) == 0;
		*out = '\0';
		if (back && !leads_elsewhere(path, (size_t)(out - path))) {
			while (out > path && *--out != '/')
				;
		} else if (!here) {
			*out++ = '/';
			memmove(out, at, n);
			out += n;
		}
		at += n;
	}
	if (out == path)
		*out++ = '/';
	*out = '\0';
}

/* The folder part of path: "." when there is none. The caller frees. */
static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return mem_strdup(".");
	return mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static int sync_dir_at(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int rc = fsync(fd);
	int saved = errno;
	close(fd);
	errno = saved;
	return rc;
}

int dir_sync(const char *path, struct err *err)
{
	if (sync_dir_at(AT_FDCWD, path) < 0)
		return err_errno(err, ERR_IO, "sync folder '%s'", path);
	return 0;
}

int dir_probe_exchange(const char *path, struct err *err)
{
	char *a = mem_printf("%s/.probe-%ld-a", path, (long)getpid());
	char *b = mem_printf("%s/.probe-%ld-b", path, (long)getpid());
	int rc = dir_make_all(a, 0777, err);
	if (rc == 0)
		rc = dir_make_all(b, 0777, err);
	if (rc == 0 && renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0)
		rc = err_errno(err, ERR_LAKE, "the filesystem of '%s' cannot exchange two folders, so that nothing can be published "
		                              "atomically; use ext4, xfs or btrfs", path);
	rmdir(a);
	rmdir(b);
	free(a);
	free(b);
	return rc;
}

int file_replace(int dirfd, const char *path, const void *data, size_t n, mode_t mode, struct err *err)
{
	char *dir = parent_of(path);
	char *tmp = mem_printf("%s.tmp-%ld", path, (long)getpid());
	int rc = 0;
	int fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0) {
		rc = err_errno(err, ERR_IO, "create '%s'", tmp);
	} else {
		bool ok = file_write_all(fd, data, n) == 0 && fsync(fd) == 0;
		int saved = errno;
		close(fd);
		errno = saved;
		if (!ok)
			rc = err_errno(err, ERR_IO, "write '%s'", tmp);
		else if (renameat(dirfd, tmp, dirfd, path) < 0)
			rc = err_errno(err, ERR_IO, "rename '%s' to '%s'", tmp, path);
		else if (sync_dir_at(dirfd, dir) < 0)
			rc = err_errno(err, ERR_IO, "sync folder '%s'", dir);
		if (rc < 0)
			unlinkat(dirfd, tmp, 0);
	}
	free(tmp);
	free(dir);
	return rc;
}

/* From its end, because mostly all that is above is there; `path` is cut for a while and then as before. */
static int make_upwards(char *path, mode_t mode, struct err *err)
{
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	char *slash = strrchr(path, '/');
	int rc = 0;
	if (errno == ENOENT && slash && slash != path) {
		*slash = '\0';
		rc = make_upwards(path, mode, err);
		*slash = '/';
		if (rc < 0 || mkdir(path, mode) == 0 || errno == EEXIST)
			return rc;
	}
	return err_errno(err, ERR_IO, "make folder '%s'", path);
}

int dir_make_all(const char *path, mode_t mode, struct err *err)
{
	char *copy = mem_strdup(path);
	int rc = make_upwards(copy, mode, err);
	free(copy);
	struct stat st;
	if (rc == 0 && (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)))
		rc = err_set(err, ERR_IO, "make folder '%s': exists and is no folder", path);
	return rc;
}

int tree_remove(int dirfd, const char *path, struct err *err)
{
	if (unlinkat(dirfd, path, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_errno(err, ERR_IO, "remove '%s'", path);
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) { /* or somebody else has removed it just now */
		int rc = errno == ENOENT ? 0 : err_errno(err, ERR_IO, "open folder '%s'", path);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	int rc = 0;
	struct dirent *e;
	while (rc == 0 && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = tree_remove(fd, e->d_name, err);
	}
	closedir(d);
	if (rc == 0 && unlinkat(dirfd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
		rc = err_errno(err, ERR_IO, "remove folder '%s'", path);
	return rc;
}

int file_lock(int dirfd, const char *path, bool wait, struct err *err)
{
	int fd = openat(dirfd, path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_errno(err, ERR_IO, "open lock '%s'", path);
	int rc;
	do
		rc = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
	while (rc < 0 && errno == EINTR);
	if (rc == 0)
		return fd;
	int code = errno == EWOULDBLOCK ? ERR_LOCKED : ERR_IO;
	rc = err_errno(err, code, "lock '%s'", path);
	close(fd);
	return rc;
}
