/* See locks.h. Who holds a lock is asked of the kernel, never of a pid in a file, which may long be another
 * process's: /proc shows whose descriptor has the lock, and a pidfd pins the process while it is looked at. */
#include "scheduler/locks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum { UNSEEN_MAX = 3 }; /* times that nobody is found who holds a lock that is held */

/* Is the lock this descriptor's, by its own opening of the file or an inherited one? One that only waits for
 * it, as we do, has the file open too. */
static bool has_flock(int pid, const char *fd)
{
	char path[64];
	struct buf text = BUF_INIT(1 << 16);
	snprintf(path, sizeof path, "/proc/%d/fdinfo/%.20s", pid, fd);
	bool found = file_read(AT_FDCWD, path, &text, NULL) == 0 && strstr(buf_cstr(&text), "FLOCK");
	buf_free(&text);
	return found;
}

static bool holds(int pid, const struct stat *lock)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/fd", pid);
	DIR *d = opendir(path);
	bool found = false;
	struct dirent *e;
	while (d && !found && (e = readdir(d))) {
		struct stat st;
		found = fstatat(dirfd(d), e->d_name, &st, 0) == 0 && st.st_dev == lock->st_dev && st.st_ino == lock->st_ino &&
		        has_flock(pid, e->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

static bool kill_holder(int pid, const struct stat *lock, const char *event)
{
	if (!holds(pid, lock))
		return false;
	int pidfd = pidfd_open(pid, 0);
	if (pidfd < 0)
		return false;
	bool found = holds(pid, lock); /* still: now the descriptor says who */
	if (found) {
		log_event(LOG_WARN, event, LOG_INT("pid", pid), NULL);
		pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	}
	close(pidfd);
	return found;
}

/* A worker, its program, and whatever that program has started and left: all inherited the descriptor. Returns how many. */
static int kill_holders(int fd, const char *event)
{
	int killed = 0;
	struct stat lock;
	DIR *d = fstat(fd, &lock) == 0 ? opendir("/proc") : NULL;
	struct dirent *e;
	while (d && (e = readdir(d))) {
		int64_t pid;
		if (str_to_i64(e->d_name, &pid) && pid > 1 && pid < INT32_MAX && pid != getpid())
			killed += kill_holder((int)pid, &lock, event);
	}
	if (d)
		closedir(d);
	return killed;
}

void locks_await(const char *path, int grace_ms)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	int64_t deadline = clock_mono_us() + (int64_t)grace_ms * 1000;
	/* flock has no timeout; the holder is a process about to exit, so the poll is short-lived. */
	while (flock(fd, LOCK_EX | LOCK_NB) < 0 && (errno == EWOULDBLOCK || errno == EINTR)) {
		if (clock_mono_us() > deadline) {
			kill_holders(fd, "worker.orphan_killed");
			deadline = clock_mono_us() + 1000000;
		}
		poll(NULL, 0, 5);
	}
	close(fd);
}

int locks_await_all(const char *dir, int grace_ms, struct err *err)
{
	DIR *d = opendir(dir);
	if (!d)
		return errno == ENOENT ? 0 : err_errno(err, ERR_LAKE, "open folder '%s'", dir);
	int n = 0;
	struct dirent *e;
	while ((e = readdir(d))) {
		if (!str_has_suffix(e->d_name, ".lock"))
			continue;
		char *path = mem_printf("%s/%s", dir, e->d_name);
		locks_await(path, grace_ms);
		unlink(path);
		free(path);
		n++;
	}
	closedir(d);
	return n;
}

bool locks_held(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	if (fd >= 0)
		close(fd);
	return held;
}

int locks_hold(const char *path, int grace_ms, bool (*may_kill)(void *ctx), void *ctx, struct err *err)
{
	int64_t deadline = clock_mono_us() + (int64_t)grace_ms * 1000;
	for (int unseen = 0;;) {
		int fd = file_lock(AT_FDCWD, path, false, err);
		if (fd >= 0 || err->code != ERR_LOCKED)
			return fd;
		if (clock_mono_us() > deadline) {
			if (!may_kill(ctx))
				return err_set(err, ERR_LOCKED, "another scheduler has taken the lake; run again to wait for it");
			if (unseen == UNSEEN_MAX)
				return err_set(err, ERR_LOCKED, "'%s' is held by a process that cannot be seen from here: is a strata of another host "
				                                "or container at work in this lake?", path);
			fd = open(path, O_RDWR | O_CLOEXEC);
			unseen += fd >= 0 && kill_holders(fd, "scheduler.killed") == 0; /* or it has just ended */
			if (fd >= 0)
				close(fd);
			deadline = clock_mono_us() + 1000000;
		}
		poll(NULL, 0, 5);
	}
}
