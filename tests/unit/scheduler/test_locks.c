/* Worker locks: who outlives its scheduler is found and killed, whatever the lock's file says. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "scheduler/locks.h"

static char dir[64];
static char path[96];

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/strata-locks-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/w1.lock", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return tree_remove(AT_FDCWD, dir, NULL);
}

/* A process with the lock; with `heir`, one whose child has inherited it and which itself is gone. *ret_end
 * reads the end of file when all of them are gone. */
static pid_t hold(int heir, int *ret_end)
{
	int ready[2], end[2];
	char byte;
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(end), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(ready[0]);
		close(end[0]);
		int fd = file_lock(AT_FDCWD, path, false, NULL);
		char text[64];
		int n = snprintf(text, sizeof text, "%-10ld %-10d\n", (long)getpid(), 0); /* as a worker writes it */
		if (fd < 0 || pwrite(fd, text, (size_t)n, 0) != n || (heir && fork() > 0))
			_exit(fd < 0);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	close(end[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	*ret_end = end[0];
	return pid;
}

static void check_gone(int end)
{
	char byte;
	assert_int_equal(read(end, &byte, 1), 0);
	close(end);
}

static void test_a_worker_that_hangs_is_killed(void **state)
{
	(void)state;
	int end, status;
	pid_t pid = hold(0, &end);
	locks_await(path, 0);
	check_gone(end);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* The file names the worker, which is dead; its program's child has the lock. */
static void test_what_a_dead_worker_left_is_killed(void **state)
{
	(void)state;
	int end, status;
	pid_t pid = hold(1, &end);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	locks_await(path, 0);
	check_gone(end);
}

/* Two schedulers may wait for one lock: the second is no holder. */
static void test_who_only_waits_is_not_killed(void **state)
{
	(void)state;
	int end, status;
	char byte;
	pid_t pid = hold(0, &end);
	int waiter[2], go[2];
	assert_int_equal(pipe(waiter), 0);
	assert_int_equal(pipe(go), 0);
	pid_t other_pid = fork();
	if (other_pid == 0) {
		int fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0 || write(waiter[1], "", 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(read(waiter[0], &byte, 1), 1);
	locks_await(path, 0);
	check_gone(end);
	assert_int_equal(write(go[1], "", 1), 1);
	assert_int_equal(waitpid(other_pid, &status, 0), other_pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (int i = 0; i < 2; i++) {
		close(waiter[i]);
		close(go[i]);
	}
}

static bool say(void *answer)
{
	return *(bool *)answer;
}

/* A scheduler that has lost its database and lives: who leads now kills it, who leads no longer does not. */
static void test_a_scheduler_that_outlives_its_leadership(void **state)
{
	(void)state;
	int end, status;
	struct err err = {0};
	bool leads = false;
	pid_t pid = hold(0, &end);
	assert_int_equal(locks_hold(path, 0, say, &leads, &err), ERR_LOCKED);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	leads = true;
	int fd = locks_hold(path, 0, say, &leads, &err);
	assert_true(fd >= 0);
	check_gone(end);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

/* Our own second descriptor stands for a process of another host: it is nobody that may be killed. */
static void test_a_scheduler_that_cannot_be_seen(void **state)
{
	(void)state;
	struct err err = {0};
	bool leads = true;
	int other = file_lock(AT_FDCWD, path, false, &err);
	assert_true(other >= 0);
	assert_int_equal(locks_hold(path, 0, say, &leads, &err), ERR_LOCKED);
	assert_non_null(strstr(err.text, "another host"));
	close(other);
	int fd = locks_hold(path, 0, say, &leads, &err);
	assert_true(fd >= 0);
	close(fd);
}

static void test_free_locks_are_removed(void **state)
{
	(void)state;
	struct err err = {0};
	int fd = file_lock(AT_FDCWD, path, false, &err);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(locks_await_all(dir, 0, &err), 1);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(locks_await_all(dir, 0, &err), 0);
	assert_int_equal(locks_await_all("/nonexistent", 0, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_worker_that_hangs_is_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_a_dead_worker_left_is_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_only_waits_is_not_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_scheduler_that_outlives_its_leadership, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_scheduler_that_cannot_be_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_locks_are_removed, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
