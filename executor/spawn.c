/* See spawn.h. The child is made by vfork: it costs the same whether DuckDB is loaded or not.
 *
 * The lock descriptor of the worker is inherited, so that its lock is free only when the whole tree is
 * gone; the group's number is in the lock's file for people who look. */
#include "executor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"

static int null_fd(int flags)
{
	return open("/dev/null", flags | O_CLOEXEC);
}

/* The group of the running program, for the handler of SIGTERM; 0: none. */
static volatile sig_atomic_t running_group;

/* In the child, between vfork and exec: system calls only. Never returns. The memory is the worker's: the
 * group is on record before the program lives, because the worker's other threads may take SIGTERM at any
 * instant; one that dies before that line is not the parent any more below, and nothing is started. */
static void become(const struct spawn *s, int in, int out, pid_t worker, volatile int *ret_errno)
{
	char *const plain[] = {(char *)(uintptr_t)s->file, NULL};
	char *const shell[] = {(char *)(uintptr_t)"/bin/sh", (char *)(uintptr_t)s->file, NULL};
	struct sigaction def = {.sa_handler = SIG_DFL};
	sigset_t none;
	sigemptyset(&none);
	setpgid(0, 0);
	running_group = getpid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGPIPE, &def, NULL);
	sigaction(SIGTERM, &def, NULL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (getppid() == worker && dup2(in, 0) >= 0 && dup2(out, 1) >= 0 && dup2(out, 2) >= 0 &&
	    (!s->dir || chdir(s->dir) == 0)) {
		execve(s->file, plain, s->env);
		if (errno == ENOEXEC) /* a script without #! */
			execve(shell[0], shell, s->env);
	}
	*ret_errno = errno;
	_exit(127);
}

static void on_term(int signo)
{
	if (running_group > 0)
		kill(-(pid_t)running_group, SIGKILL);
	_exit(128 + signo);
}

void spawn_die_together(void)
{
	struct sigaction term = {.sa_handler = on_term};
	sigemptyset(&term.sa_mask);
	sigaction(SIGTERM, &term, NULL);
}

/* The child shares our memory until it is another program: no handler of ours may run in it. */
static pid_t start(const struct spawn *s, int in, int out, volatile int *ret_errno)
{
	pid_t worker = getpid();
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = vfork();
	if (pid == 0)
		become(s, in, out, worker, ret_errno);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

static void note_group(struct worker *w, pid_t group)
{
	if (w->lock_fd < 0)
		return;
	char text[32];
	int n = snprintf(text, sizeof text, "%-10ld %-10ld\n", (long)getpid(), (long)group);
	(void)!pwrite(w->lock_fd, text, (size_t)n, 0);
}

/* Its end is seen without being taken, so that its number stays ours until the group is empty. */
static int await(struct worker *w, pid_t pid)
{
	siginfo_t info;
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	stop_watch_group(&w->stop, 0);
	kill(-pid, SIGKILL);
	running_group = 0;
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* The kernel says "no such file" of the program too that the first line names; a Windows line end does that. */
static int exec_failed(const char *file, int reason, struct err *err)
{
	char line[256] = "";
	int fd = reason == ENOENT ? open(file, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd >= 0 ? read(fd, line, sizeof line - 1) : -1;
	if (fd >= 0)
		close(fd);
	if (n > 2 && line[0] == '#' && line[1] == '!') {
		size_t len = strcspn(line, "\n");
		bool windows = line[len - 1] == '\r';
		return err_set(err, ERR_ENGINE, "execute '%s': its first line, '%.*s', names a program that does not exist%s", file,
		               (int)(len - windows), line, windows ? ": it ends as Windows ends lines; save it with line ends of Unix" : "");
	}
	errno = reason;
	return err_errno(err, ERR_ENGINE, "execute '%s'", file);
}

int spawn_run(struct worker *w, const struct spawn *s, int *ret_status, struct err *err)
{
	int in = null_fd(O_RDONLY), out = s->log_fd >= 0 ? s->log_fd : null_fd(O_WRONLY);
	volatile int exec_errno = 0;
	pid_t pid = -1;
	errno = EIO;
	if (in >= 0 && out >= 0 && !FAULT("exec.spawn"))
		pid = start(s, in, out, &exec_errno);
	int rc = 0;
	if (pid < 0) {
		rc = err_errno(err, ERR_IO, "start '%s'", s->file);
	} else {
		if (!exec_errno) {
			note_group(w, pid);
			stop_watch_group(&w->stop, pid);
		}
		*ret_status = await(w, pid);
		if (exec_errno)
			rc = exec_failed(s->file, exec_errno, err);
	}
	if (in >= 0)
		close(in);
	if (out >= 0 && out != s->log_fd)
		close(out);
	return rc;
}
