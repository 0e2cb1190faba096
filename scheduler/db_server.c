/* See db_server.h. Invariant: a child gets no descriptor of ours but its output, no variable of ours
 * but PATH, and no privilege of root. */
#include "scheduler/db_server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"

enum { ORPHAN_LIMIT_MS = 20000, OUTPUT_MAX = 1200 };

int server_program(const char *name, char *ret_path, size_t size, struct err *err)
{
	if (path_find_program(name, ret_path, size))
		return 0;
	char pattern[128];
	snprintf(pattern, sizeof pattern, "/usr/lib/postgresql/*/bin/%s", name);
	glob_t g;
	long best = -1;
	if (glob(pattern, 0, NULL, &g) == 0) {
		for (size_t i = 0; i < g.gl_pathc; i++) {
			long version = strtol(g.gl_pathv[i] + strlen("/usr/lib/postgresql/"), NULL, 10);
			if (version > best && access(g.gl_pathv[i], X_OK) == 0 && strlen(g.gl_pathv[i]) < size) {
				memcpy(ret_path, g.gl_pathv[i], strlen(g.gl_pathv[i]) + 1);
				best = version;
			}
		}
		globfree(&g);
	}
	if (best >= 0)
		return 0;
	return err_set(err, ERR_STATE, "'%s' is neither in PATH nor in /usr/lib/postgresql/*/bin: install postgresql, or "
		"name a database with --db or STRATA_DB", name);
}

/* In the child: become the user, forget everything of ours, become the program. */
static void become(uid_t uid, gid_t gid, const char *dir, int out_fd, const char *const *argv)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	int null_fd = open("/dev/null", O_RDONLY);
	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(out_fd, STDOUT_FILENO) < 0 ||
	    dup2(out_fd, STDERR_FILENO) < 0)
		_exit(126);
	syscall(SYS_close_range, 3u, ~0u, 0u);
	umask(077);
	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setgid(gid) < 0 || setuid(uid) < 0)) {
		perror("become the server's user");
		_exit(126);
	}
	if (chdir(dir) < 0) {
		perror(dir);
		_exit(126);
	}
	char path[4096];
	snprintf(path, sizeof path, "PATH=%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
	char *const env[] = {path, (char[]){"LC_ALL=C"}, NULL};
	union { const char *const *in; char *const *out; } args = {.in = argv}; /* execve's historical const */
	execve(argv[0], args.out, env);
	perror(argv[0]);
	_exit(127);
}

static void trim_end(struct buf *b)
{
	while (b->len && (b->data[b->len - 1] == '\n' || b->data[b->len - 1] == ' '))
		b->data[--b->len] = '\0';
}

/* All that the pipe says, keeping the last OUTPUT_MAX bytes: the error is at the end. */
static void read_tail(int fd, struct buf *out)
{
	char chunk[512];
	ssize_t n;
	while ((n = read(fd, chunk, sizeof chunk)) != 0) {
		if (n < 0 && errno != EINTR)
			break;
		if (n > 0) {
			buf_add(out, chunk, (size_t)n);
			if (out->len > OUTPUT_MAX)
				buf_drop(out, out->len - OUTPUT_MAX);
		}
	}
	trim_end(out);
}

int server_run(uid_t uid, gid_t gid, const char *dir, const char *const *argv, struct err *err)
{
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_errno(err, ERR_STATE, "make a pipe");
	pid_t pid = fork();
	if (pid == 0)
		become(uid, gid, dir, p[1], argv);
	close(p[1]);
	struct buf out = BUF_INIT(2 * OUTPUT_MAX);
	int status = -1, rc = 0;
	if (pid < 0) {
		rc = err_errno(err, ERR_STATE, "fork for '%s'", argv[0]);
	} else {
		read_tail(p[0], &out);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
		}
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			rc = err_set(err, ERR_STATE, "'%s' failed: %s", argv[0], buf_cstr(&out));
	}
	close(p[0]);
	buf_free(&out);
	return rc;
}

int server_spawn(uid_t uid, gid_t gid, const char *dir, const char *const *argv, struct server_start *ret,
                 struct err *err)
{
	char log[PATH_MAX];
	int n = snprintf(log, sizeof log, "%s/log", dir);
	int p[2], fd = -1;
	if (n > 0 && (size_t)n < sizeof log)
		fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(err, ERR_STATE, "open '%s'", log);
	if ((geteuid() == 0 && fchown(fd, uid, gid) < 0) || pipe2(p, O_CLOEXEC) < 0) {
		err_errno(err, ERR_STATE, "prepare '%s'", log);
		close(fd);
		return ERR_STATE;
	}
	off_t begin = lseek(fd, 0, SEEK_END);
	/* Twice, so that init is its parent: our loop never meets a child that it does not know. */
	pid_t middle = fork();
	if (middle == 0) {
		setsid();
		pid_t pid = fork();
		if (pid == 0)
			become(uid, gid, dir, fd, argv);
		_exit(write(p[1], &pid, sizeof pid) == sizeof pid ? 0 : 1);
	}
	close(fd);
	close(p[1]);
	pid_t pid = -1;
	if (middle > 0) {
		while (read(p[0], &pid, sizeof pid) < 0 && errno == EINTR) {
		}
		while (waitpid(middle, NULL, 0) < 0 && errno == EINTR) {
		}
	}
	close(p[0]);
	if (pid <= 0)
		return err_set(err, ERR_STATE, "cannot fork for '%s'", argv[0]);
	ret->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	ret->log_begin = begin;
	return 0;
}

bool server_works_in(pid_t pid, const char *dir)
{
	char link[64], cwd[PATH_MAX], real[PATH_MAX];
	snprintf(link, sizeof link, "/proc/%ld/cwd", (long)pid);
	ssize_t n = readlink(link, cwd, sizeof cwd - 1);
	if (n <= 0 || !realpath(dir, real))
		return false;
	cwd[n] = '\0';
	return strcmp(cwd, real) == 0;
}

static int wait_for_orphan(pid_t pid, const char *dir)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return 0;
	int rc = 1;
	if (server_works_in(pid, dir)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		rc = poll(&p, 1, ORPHAN_LIMIT_MS);
	}
	close(fd);
	return rc > 0 ? 0 : -1;
}

int server_clear_stale(const char *dir, struct err *err)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "%s/postmaster.pid", dir);
	if (n < 0 || (size_t)n >= sizeof path || access(path, F_OK) < 0)
		return 0;
	DIR *d = opendir("/proc");
	if (!d)
		return err_errno(err, ERR_STATE, "open '/proc'");
	struct dirent *e;
	int rc = 0;
	while (rc == 0 && (e = readdir(d))) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		if (pid > 0 && pid != getpid() && server_works_in(pid, dir) && wait_for_orphan(pid, dir) < 0)
			rc = err_set(err, ERR_STATE, "process %ld works in '%s' and does not end: end it, then try again", (long)pid, dir);
	}
	closedir(d);
	if (rc == 0 && unlink(path) < 0 && errno != ENOENT)
		rc = err_errno(err, ERR_STATE, "remove stale '%s'", path);
	return rc;
}

int server_clear_socket(const char *socket_dir, int port, struct err *err)
{
	char path[PATH_MAX], data[PATH_MAX] = "";
	snprintf(path, sizeof path, "%s/.s.PGSQL.%d.lock", socket_dir, port);
	struct buf b = BUF_INIT(2 * PATH_MAX);
	if (access(path, F_OK) < 0 || file_read(AT_FDCWD, path, &b, NULL) < 0) {
		buf_free(&b);
		return 0;
	}
	pid_t pid = (pid_t)strtol(buf_cstr(&b), NULL, 10);
	const char *line = strchr(buf_cstr(&b), '\n');
	size_t n = line ? strcspn(line + 1, "\n") : 0;
	if (n < sizeof data)
		memcpy(data, line ? line + 1 : "", n);
	buf_free(&b);
	if (pid > 0 && server_works_in(pid, data))
		return err_set(err, ERR_STATE, "process %ld, the Postgres of '%s', has its socket in '%s': stop it first", (long)pid,
		               data, socket_dir);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_errno(err, ERR_STATE, "remove stale '%s'", path);
	path[strlen(path) - strlen(".lock")] = '\0';
	if (unlink(path) < 0 && errno != ENOENT)
		return err_errno(err, ERR_STATE, "remove stale '%s'", path);
	return 0;
}

int server_add_log_tail(const char *dir, off_t begin, struct err *err)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "%s/log", dir);
	if (n < 0 || (size_t)n >= sizeof path)
		return err->code;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err->code;
	struct buf tail = BUF_INIT(2 * OUTPUT_MAX);
	lseek(fd, begin, SEEK_SET);
	read_tail(fd, &tail);
	char said[512];
	size_t len = strlen(err->text) < sizeof said ? strlen(err->text) : sizeof said - 1;
	memcpy(said, err->text, len);
	said[len] = '\0';
	int rc = err_set(err, err->code, "%s; the end of '%s':\n%s", said, path, buf_cstr(&tail));
	buf_free(&tail);
	close(fd);
	return rc;
}
