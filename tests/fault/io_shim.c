/* A library for LD_PRELOAD between a program and the file system below one folder.
 *
 *   IO_SHIM_ROOT=<absolute folder>   what is below it is watched
 *   IO_SHIM_SHARED=<file>            a lock and counters for all processes of a run; made by the first of them
 *   IO_SHIM_LOG=<file>               record: each change, fsync and reply of a worker, in order (power_loss.py)
 *   IO_SHIM_FAIL=<n>:<eio|enospc|kill>:<once|on>[:<program>]
 *                                    the n-th call that writes fails, or it and all after it, or kills its process;
 *                                    n counts the calls of all processes, or of that program; 0 only counts
 *   IO_SHIM_ONLY=<text>              only calls count whose name or path has this text: "write .strata/staging"
 *   IO_SHIM_HIT=<file>               one line for each call that was made to fail
 *   IO_SHIM_NO_EXCHANGE=1            folders below the root cannot be exchanged
 *   IO_SHIM_CLOCK=<seconds>:<rate>:<file>  while the file is there the wall clock is so many seconds off, and the
 *                                    monotonic clock goes so many times as fast; for all programs, without a root
 *
 * Invariant: a change and its record are one step under the shared lock, so that the log's order is that of the
 * file system. Calls within libc (fopen, mkstemp) are not seen: power_loss.py compares the end of the log with the
 * folder as it is, which would show one. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum op { OP_CREATE = 1, OP_MKDIR, OP_WRITE, OP_TRUNCATE, OP_LINK, OP_UNLINK, OP_RENAME, OP_SYNC, OP_SYNCFS, OP_REPLY };

/* What stands before each record's two names and data. */
struct record {
	uint32_t op, name1, name2, data; /* lengths */
	uint64_t dir1, dir2, ino, off;   /* of a rename `off` has the flags, of a truncation the size */
};

struct shared {
	pthread_mutex_t lock;
	uint64_t crossings;
};

#define REAL(name) (__extension__(__typeof__(&name)) real(#name))

static struct shared *shared;
static char root[PATH_MAX];
static size_t root_len;
static int log_fd = -1, hit_fd = -1;
static unsigned long fail_at;
static int fail_code;
static bool fail_on, no_exchange;
static const char *only, *clock_file;
static long clock_offset, clock_rate;

static void *real(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);
	if (!f)
		abort();
	return f;
}

static int open_high(const char *path, int flags)
{
	int fd = REAL(open)(path, flags | O_CLOEXEC, 0666);
	int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 500); /* out of the way of descriptors with a meaning */
	if (fd >= 0)
		close(fd);
	return high;
}

static void map_shared(const char *path)
{
	int fd = open_high(path, O_RDWR | O_CREAT);
	struct stat st;
	if (fd < 0 || flock(fd, LOCK_EX) < 0 || fstat(fd, &st) < 0)
		abort();
	bool first = st.st_size == 0;
	if (first && REAL(ftruncate)(fd, sizeof *shared) < 0)
		abort();
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		abort();
	if (first) {
		pthread_mutexattr_t a;
		pthread_mutexattr_init(&a);
		pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
		pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
		pthread_mutex_init(&shared->lock, &a);
	}
	flock(fd, LOCK_UN); /* the mapping would keep it */
	close(fd);
}

/* "<seconds>:<rate>:<file>" */
static void parse_clock(const char *spec)
{
	char *end;
	clock_offset = strtol(spec, &end, 10);
	clock_rate = *end == ':' ? strtol(end + 1, &end, 10) : 0;
	if (*end != ':' || clock_rate < 1)
		abort();
	clock_file = end + 1;
}

static void parse_fail(const char *spec)
{
	char what[16] = "", how[8] = "", program[64] = "";
	if (sscanf(spec, "%lu:%15[a-z]:%7[a-z]:%63s", &fail_at, what, how, program) < 3)
		abort();
	fail_code = strcmp(what, "kill") == 0 ? 0 : strcmp(what, "enospc") == 0 ? ENOSPC : EIO;
	fail_on = strcmp(how, "on") == 0;
	if (*program && strcmp(program, program_invocation_short_name) != 0)
		fail_at = 0;
	else if (fail_at == 0)
		fail_at = ULONG_MAX; /* counted only */
}

__attribute__((constructor)) static void start(void)
{
	const char *r = getenv("IO_SHIM_ROOT"), *s = getenv("IO_SHIM_SHARED"), *l = getenv("IO_SHIM_LOG");
	const char *f = getenv("IO_SHIM_FAIL"), *h = getenv("IO_SHIM_HIT"), *c = getenv("IO_SHIM_CLOCK");
	if (c)
		parse_clock(c);
	only = getenv("IO_SHIM_ONLY");
	no_exchange = getenv("IO_SHIM_NO_EXCHANGE") != NULL;
	if (!r || !s || strlen(r) >= sizeof root)
		return;
	map_shared(s);
	if (l)
		log_fd = open_high(l, O_WRONLY | O_CREAT | O_APPEND);
	if (h)
		hit_fd = open_high(h, O_WRONLY | O_CREAT | O_APPEND);
	if (f)
		parse_fail(f);
	root_len = strlen(r);
	memcpy(root, r, root_len + 1);
}

static void lock(void)
{
	if (pthread_mutex_lock(&shared->lock) == EOWNERDEAD)
		pthread_mutex_consistent(&shared->lock);
}

static void unlock(void)
{
	int saved = errno;
	pthread_mutex_unlock(&shared->lock);
	errno = saved;
}

/* --- what is below the root --- */

static bool below(const char *path)
{
	return root_len && strncmp(path, root, root_len) == 0 && (path[root_len] == '/' || path[root_len] == '\0');
}

static bool fd_path(int fd, char out[PATH_MAX])
{
	char link[64];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, out, PATH_MAX - 1);
	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool fd_below(int fd, uint64_t *ret_ino)
{
	char path[PATH_MAX];
	struct stat st;
	if (!root_len || !fd_path(fd, path) || !below(path) || fstat(fd, &st) < 0)
		return false;
	*ret_ino = st.st_ino;
	return true;
}

/* A name in its folder. */
struct place {
	bool watched;
	uint64_t dir;
	char name[NAME_MAX + 1];
};

static struct place place_of(int dirfd, const char *path)
{
	struct place p = {0};
	char base[PATH_MAX] = "", joined[PATH_MAX * 2], full[PATH_MAX];
	if (!root_len)
		return p;
	if (path[0] != '/' && !(dirfd == AT_FDCWD ? getcwd(base, sizeof base) != NULL : fd_path(dirfd, base)))
		return p;
	snprintf(joined, sizeof joined, "%s%s%s", base, *base ? "/" : "", path);
	size_t n = strlen(joined);
	while (n > 1 && joined[n - 1] == '/')
		joined[--n] = '\0';
	char *slash = strrchr(joined, '/');
	if (!slash || strlen(slash + 1) > NAME_MAX)
		return p;
	snprintf(p.name, sizeof p.name, "%s", slash + 1);
	*slash = '\0';
	struct stat st;
	if (!realpath(*joined ? joined : "/", full) || !below(full) || stat(full, &st) < 0)
		return p;
	p.watched = true;
	p.dir = st.st_ino;
	return p;
}

/* --- the log and the failures --- */

static void put(struct record r, const char *name1, const char *name2, const void *data)
{
	if (log_fd < 0)
		return;
	int saved = errno;
	size_t n1 = name1 ? strlen(name1) : 0, n2 = name2 ? strlen(name2) : 0, size = sizeof r + n1 + n2 + r.data;
	char *all = malloc(size), *at = all;
	r.name1 = (uint32_t)n1;
	r.name2 = (uint32_t)n2;
	memcpy(at, &r, sizeof r);
	at += sizeof r;
	if (n1)
		memcpy(at, name1, n1);
	if (n2)
		memcpy(at + n1, name2, n2);
	if (r.data)
		memcpy(at + n1 + n2, data, r.data);
	if (REAL(write)(log_fd, all, size) != (ssize_t)size)
		abort();
	free(all);
	errno = saved;
}

/* The next crossing; true: this call fails, errno is set. Under the lock. */
static bool fails(const char *call, const char *name)
{
	if (!fail_at)
		return false;
	char line[PATH_MAX];
	int len = snprintf(line, sizeof line, "%s %s %s\n", program_invocation_short_name, call, name);
	if (only && !strstr(line, only))
		return false;
	uint64_t n = ++shared->crossings;
	if (n != fail_at && !(fail_on && n > fail_at))
		return false;
	if (hit_fd >= 0)
		(void)!REAL(write)(hit_fd, line, (size_t)len);
	if (fail_code == 0)
		kill(getpid(), SIGKILL);
	errno = fail_code;
	return true;
}

static bool fd_fails(const char *call, int fd)
{
	char path[PATH_MAX];
	return fail_at && fails(call, fd_path(fd, path) ? path + root_len : "");
}

/* --- files --- */

static int open_at(int dirfd, const char *path, int flags, mode_t mode)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC));
	struct place p = writes ? place_of(dirfd, path) : (struct place){0};
	if (!p.watched)
		return REAL(openat)(dirfd, path, flags, mode);
	struct stat st;
	lock();
	if (fails("open", path)) {
		unlock();
		return -1;
	}
	bool was = fstatat(dirfd, path, &st, 0) == 0;
	int fd = REAL(openat)(dirfd, path, flags, mode);
	if (fd >= 0 && fstat(fd, &st) == 0) {
		if (!was)
			put((struct record){.op = OP_CREATE, .dir1 = p.dir, .ino = st.st_ino}, p.name, NULL, NULL);
		else if (flags & O_TRUNC)
			put((struct record){.op = OP_TRUNCATE, .ino = st.st_ino}, NULL, NULL, NULL);
	}
	unlock();
	return fd;
}

static mode_t mode_of(int flags, va_list args)
{
	return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(args, int) : 0;
}

int open(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = mode_of(flags, args);
	va_end(args);
	return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int openat(int dirfd, const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = mode_of(flags, args);
	va_end(args);
	return open_at(dirfd, path, flags, mode);
}

int openat64(int dirfd, const char *path, int flags, ...) __attribute__((alias("openat")));

ssize_t write(int fd, const void *data, size_t n)
{
	uint64_t ino;
	if (!fd_below(fd, &ino)) {
		if (log_fd >= 0 && n > 12 && n < 1 << 20 && memmem(data, n, "\"outcome\":", 10)) {
			lock(); /* before it is sent: what the scheduler does with it comes later */
			put((struct record){.op = OP_REPLY, .data = (uint32_t)n}, NULL, NULL, data);
			unlock();
		}
		return REAL(write)(fd, data, n);
	}
	lock();
	ssize_t w = fd_fails("write", fd) ? -1 : REAL(write)(fd, data, n);
	if (w > 0)
		put((struct record){.op = OP_WRITE, .ino = ino, .off = (uint64_t)(lseek(fd, 0, SEEK_CUR) - w), .data = (uint32_t)w}, NULL,
		    NULL, data);
	unlock();
	return w;
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t off)
{
	uint64_t ino;
	if (!fd_below(fd, &ino))
		return REAL(pwrite)(fd, data, n, off);
	lock();
	ssize_t w = fd_fails("pwrite", fd) ? -1 : REAL(pwrite)(fd, data, n, off);
	if (w > 0)
		put((struct record){.op = OP_WRITE, .ino = ino, .off = (uint64_t)off, .data = (uint32_t)w}, NULL, NULL, data);
	unlock();
	return w;
}

ssize_t pwrite64(int fd, const void *data, size_t n, off_t off) __attribute__((alias("pwrite")));

int ftruncate(int fd, off_t size)
{
	uint64_t ino;
	if (!fd_below(fd, &ino))
		return REAL(ftruncate)(fd, size);
	lock();
	int rc = fd_fails("ftruncate", fd) ? -1 : REAL(ftruncate)(fd, size);
	if (rc == 0)
		put((struct record){.op = OP_TRUNCATE, .ino = ino, .off = (uint64_t)size}, NULL, NULL, NULL);
	unlock();
	return rc;
}

int ftruncate64(int fd, off_t size) __attribute__((alias("ftruncate")));

int fallocate(int fd, int mode, off_t off, off_t len)
{
	uint64_t ino;
	if (!fd_below(fd, &ino))
		return REAL(fallocate)(fd, mode, off, len);
	(void)off;
	errno = EOPNOTSUPP; /* as on some file systems; so the log need not know it */
	return -1;
}

int fallocate64(int fd, int mode, off_t off, off_t len) __attribute__((alias("fallocate")));

static int sync_fd(int fd, const char *call, int (*sync)(int))
{
	uint64_t ino;
	if (!fd_below(fd, &ino))
		return sync(fd);
	lock();
	/* The log keeps what is durable; the disk of the test need not be waited for. */
	int rc = fd_fails(call, fd) ? -1 : log_fd >= 0 ? 0 : sync(fd);
	if (rc == 0)
		put((struct record){.op = OP_SYNC, .ino = ino}, NULL, NULL, NULL);
	unlock();
	return rc;
}

int fsync(int fd)
{
	return sync_fd(fd, "fsync", REAL(fsync));
}

int fdatasync(int fd)
{
	return sync_fd(fd, "fdatasync", REAL(fdatasync));
}

int syncfs(int fd)
{
	uint64_t ino;
	if (!fd_below(fd, &ino))
		return REAL(syncfs)(fd);
	lock();
	int rc = fd_fails("syncfs", fd) ? -1 : log_fd >= 0 ? 0 : REAL(syncfs)(fd);
	if (rc == 0)
		put((struct record){.op = OP_SYNCFS}, NULL, NULL, NULL);
	unlock();
	return rc;
}

/* --- names --- */

int mkdirat(int dirfd, const char *path, mode_t mode)
{
	struct place p = place_of(dirfd, path);
	if (!p.watched)
		return REAL(mkdirat)(dirfd, path, mode);
	lock();
	int rc = fails("mkdir", path) ? -1 : REAL(mkdirat)(dirfd, path, mode);
	struct stat st;
	if (rc == 0 && fstatat(dirfd, path, &st, 0) == 0)
		put((struct record){.op = OP_MKDIR, .dir1 = p.dir, .ino = st.st_ino}, p.name, NULL, NULL);
	unlock();
	return rc;
}

int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

int linkat(int fromfd, const char *from, int tofd, const char *to, int flags)
{
	struct place p = place_of(tofd, to);
	if (!p.watched)
		return REAL(linkat)(fromfd, from, tofd, to, flags);
	lock();
	int rc = fails("link", to) ? -1 : REAL(linkat)(fromfd, from, tofd, to, flags);
	struct stat st;
	if (rc == 0 && fstatat(tofd, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
		put((struct record){.op = OP_LINK, .dir1 = p.dir, .ino = st.st_ino}, p.name, NULL, NULL);
	unlock();
	return rc;
}

int link(const char *from, const char *to)
{
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlinkat(int dirfd, const char *path, int flags)
{
	struct place p = place_of(dirfd, path);
	if (!p.watched)
		return REAL(unlinkat)(dirfd, path, flags);
	lock();
	int rc = fails("unlink", path) ? -1 : REAL(unlinkat)(dirfd, path, flags);
	if (rc == 0)
		put((struct record){.op = OP_UNLINK, .dir1 = p.dir}, p.name, NULL, NULL);
	unlock();
	return rc;
}

int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int remove(const char *path)
{
	int rc = unlink(path);
	return rc < 0 && errno == EISDIR ? rmdir(path) : rc;
}

int renameat2(int fromfd, const char *from, int tofd, const char *to, unsigned flags)
{
	struct place a = place_of(fromfd, from), b = place_of(tofd, to);
	if (!a.watched && !b.watched)
		return REAL(renameat2)(fromfd, from, tofd, to, flags);
	if (no_exchange && (flags & RENAME_EXCHANGE)) {
		errno = EINVAL;
		return -1;
	}
	lock();
	int rc = fails("rename", to) ? -1 : REAL(renameat2)(fromfd, from, tofd, to, flags);
	if (rc == 0 && a.watched && b.watched)
		put((struct record){.op = OP_RENAME, .dir1 = a.dir, .dir2 = b.dir, .off = flags}, a.name, b.name, NULL);
	unlock();
	return rc;
}

int renameat(int fromfd, const char *from, int tofd, const char *to)
{
	return renameat2(fromfd, from, tofd, to, 0);
}

int rename(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* --- time --- */

static _Atomic int64_t rate_since; /* ns; when the monotonic clock began to go faster, 0: it does not */

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc = REAL(clock_gettime)(id, ts);
	if (rc < 0 || !clock_file || REAL(access)(clock_file, F_OK) < 0)
		return rc;
	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) {
		ts->tv_sec += clock_offset;
	} else if (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE || id == CLOCK_BOOTTIME) {
		int64_t now = (int64_t)ts->tv_sec * 1000000000 + ts->tv_nsec, none = 0;
		atomic_compare_exchange_strong(&rate_since, &none, now);
		now = rate_since + (now > rate_since ? (now - rate_since) * clock_rate : 0);
		ts->tv_sec = (time_t)(now / 1000000000);
		ts->tv_nsec = (long)(now % 1000000000);
	}
	return rc;
}
