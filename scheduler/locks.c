/* See locks.h. A pid from a file may long be another process's: it is killed through a pidfd, and only
 * after /proc shows that this very process has the lock file open. */
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

static bool holds_open(int pid, const struct stat *lock)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/fd", pid);
	DIR *d = opendir(path);
	bool found = false;
	struct dirent *e;
	while (d && !found && (e = readdir(d))) {
		struct stat st;
		found = fstatat(dirfd(d), e->d_name, &st, 0) == 0 && st.st_dev == lock->st_dev && st.st_ino == lock->st_ino;
	}
	if (d)
		closedir(d);
	return found;
}

static void kill_holder(int pid, const struct stat *lock)
{
	int pidfd = pidfd_open(pid, 0);
	if (pidfd < 0)
		return;
	if (holds_open(pid, lock)) {
		log_event(LOG_WARN, "worker.orphan_killed", LOG_INT("pid", pid), NULL);
		pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	}
	close(pidfd);
}

static void kill_holders(int fd, const char *path)
{
	struct stat lock;
	struct buf text = BUF_INIT(1 << 16);
	if (fstat(fd, &lock) == 0 && file_read(AT_FDCWD, path, &text, NULL) == 0 && text.len) {
		char *save = NULL;
		for (char *line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
			int64_t pid;
			if (str_to_i64(line, &pid) && pid > 1 && pid < INT32_MAX)
				kill_holder((int)pid, &lock);
		}
	}
	buf_free(&text);
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
			kill_holders(fd, path);
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
