/* Files and folders: whole reads, commit-or-rollback writes, folder trees, locks.
 *
 * Every function reports through struct err with ERR_IO unless said otherwise. Paths are bytes;
 * none may contain a newline where a protocol carries them. */
#ifndef STRATA_BASE_FILE_H
#define STRATA_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Append the whole file to `out`; more than out->max is an error, nothing is cut. ENOENT is an error
 * like any other (errno is kept). `dirfd` may be AT_FDCWD. */
int file_read(int dirfd, const char *path, struct buf *out, struct err *err);

/* Replace `path` as a whole: temporary file beside it, fsync, rename, fsync of the folder.
 * After a crash there is the old content or the new. */
int file_replace(int dirfd, const char *path, const void *data, size_t n, mode_t mode, struct err *err);

int file_write_all(int fd, const void *data, size_t n);  /* 0 or -1 with errno; restarts on EINTR */

int dir_make_all(const char *path, mode_t mode, struct err *err); /* mkdir -p; 0 when it exists */
int dir_sync(const char *path, struct err *err);                  /* fsync a folder by path */

/* Can the filesystem of folder `path` (made when absent) exchange two folders in one step? ERR_LAKE when not;
 * leaves nothing behind. */
int dir_probe_exchange(const char *path, struct err *err);

/* rm -rf below an open folder, without following links; 0 when there was nothing. */
int tree_remove(int dirfd, const char *path, struct err *err);

/* Open (create) `path` and take an exclusive flock. The lock lasts until the descriptor and all its
 * copies close, so it also lasts as long as any child that inherited it. Returns the descriptor
 * (O_CLOEXEC), or ERR_LOCKED when `wait` is false and another holds it. */
int file_lock(int dirfd, const char *path, bool wait, struct err *err);

/* Where PATH has the program `name`: the first that may be executed, in a folder that is named from the root (what else is in
 * PATH depends on where somebody stands). False: nowhere. */
bool path_find_program(const char *name, char *out, size_t size);

/* dir + "/" + name into out (truncated: returns false). */
bool path_join(char *out, size_t size, const char *dir, const char *name);
/* In place, without empty parts, "." and a final '/'. ".." goes with the folder before it, unless that is a link, which
 * leads elsewhere. The path is absolute. */
void path_tidy(char *path);

#endif
