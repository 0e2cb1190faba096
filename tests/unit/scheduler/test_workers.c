/* The pool of workers against a worker that does what it is told: this very program, started once more. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "core/protocol.h"
#include "scheduler/locks.h"
#include "scheduler/workers.h"

/* --- the worker --- */

static void say(const char *text)
{
	if (file_write_all(PROTOCOL_FD_OUT, text, strlen(text)) < 0)
		_exit(1);
}

/* An event and, in one breath with it, a reply of `size` bytes with its newline. */
static void say_much(json_int_t id, size_t size)
{
	char *text = malloc(size + 128);
	int n = snprintf(text, 128, "{\"id\":%lld,\"event\":\"running\"}\n", (long long)id);
	size_t end = (size_t)n + size;
	n += snprintf(text + n, 128, "{\"id\":%lld,\"ok\":true,\"text\":\"", (long long)id);
	memset(text + n, 'x', end - (size_t)n - 3);
	memcpy(text + end - 3, "\"}\n", 4);
	say(text);
	free(text);
}

/* Dies, and leaves a process that has its lock. */
static void leave_one(int lock_fd)
{
	if (flock(lock_fd, LOCK_EX) < 0)
		_exit(1);
	if (fork() > 0)
		kill(getpid(), SIGKILL);
	close(PROTOCOL_FD_IN);
	close(PROTOCOL_FD_OUT);
	for (;;)
		pause();
}

/* Dies, until as many have died as are to. */
static void die_by_turns(const json_t *rq)
{
	struct stat st;
	int fd = open(json_string_value(json_object_get(rq, "file")), O_WRONLY | O_APPEND | O_CREAT, 0666);
	if (fstat(fd, &st) == 0 && st.st_size < json_integer_value(json_object_get(rq, "deaths"))) {
		(void)!write(fd, ".", 1);
		kill(getpid(), SIGKILL);
	}
	close(fd);
}

static int be_worker(void)
{
	FILE *in = fdopen(PROTOCOL_FD_IN, "r");
	char *line = NULL;
	size_t cap = 0;
	int lock_fd = -1;
	while (getline(&line, &cap, in) > 0) {
		json_t *rq = json_loads(line, 0, NULL);
		const char *op = json_string_value(json_object_get(rq, "op"));
		json_int_t id = json_integer_value(json_object_get(rq, "id"));
		char reply[128], running[128];
		long long more = json_integer_value(json_object_get(rq, "more"));
		snprintf(reply, sizeof reply, "{\"id\":%lld,\"ok\":true,\"more\":%lld,\"pid\":%d}\n", (long long)id, more, (int)getpid());
		snprintf(running, sizeof running, "{\"id\":%lld,\"event\":\"running\"}\n", (long long)id);
		if (strcmp(op, "stage") == 0 || strcmp(op, "die at work") == 0)
			say(running);
		if (strcmp(op, "probe") == 0)
			die_by_turns(rq);
		if (strcmp(op, "hello") == 0)
			lock_fd = open(json_string_value(json_object_get(rq, "lock")), O_RDWR | O_CREAT, 0666);
		if (strcmp(op, "hello") == 0)
			say(getenv("TEST_WORKER_IS_MUTE") ? "" : "{\"version\":1,\"duckdb\":\"v0\",\"id\":0,\"ok\":true}\n");
		else if (strcmp(op, "stage") == 0) {
			snprintf(reply, sizeof reply, "{\"id\":%lld,\"event\":\"stage\",\"stage\":\"staged\"}\n", (long long)id);
			say(reply);
		} else if (strncmp(op, "die", 3) == 0)
			kill(getpid(), SIGKILL);
		else if (strcmp(op, "leave") == 0)
			leave_one(lock_fd);
		else if (strcmp(op, "much") == 0)
			say_much(id, (size_t)json_integer_value(json_object_get(rq, "size")));
		else if (strcmp(op, "cancel") != 0)
			say(reply);
		json_decref(rq);
	}
	free(line);
	return 0;
}

/* --- the tests --- */

struct fixture {
	uv_loop_t loop;
	struct workers *workers;
	char dir[64];
	char program[4096];
};

static int setup(void **state)
{
	struct fixture *f = *state = calloc(1, sizeof *f);
	snprintf(f->dir, sizeof f->dir, "/tmp/strata-workers-XXXXXX");
	ssize_t n = readlink("/proc/self/exe", f->program, sizeof f->program - 1);
	return !mkdtemp(f->dir) || n < 0 || uv_loop_init(&f->loop) < 0 ? -1 : 0;
}

static void start_most(struct fixture *f, const char *program, uint32_t most)
{
	f->workers = workers_new(&(struct workers_config){
		.loop = &f->loop, .program = program ? program : f->program, .lake = f->dir, .lock_dir = f->dir, .most = most});
}

static void start(struct fixture *f, const char *program)
{
	start_most(f, program, 1);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	workers_close(f->workers);
	while (!workers_gone(f->workers))
		uv_run(&f->loop, UV_RUN_ONCE);
	workers_free(f->workers);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	int rc = uv_loop_close(&f->loop);
	rc = tree_remove(AT_FDCWD, f->dir, NULL) < 0 ? -1 : rc;
	free(f);
	return rc;
}

struct answer {
	bool done, ok, died, blameless;
	int code, more, pid;
	char text[256];
};

static void on_answer(void *ctx, const struct worker_answer *a)
{
	struct answer *ret = ctx;
	assert_false(ret->done);
	*ret = (struct answer){.done = true, .ok = a->reply != NULL, .died = a->died, .blameless = a->blameless,
	                        .more = (int)json_integer_value(json_object_get(a->reply, "more")),
	                        .pid = (int)json_integer_value(json_object_get(a->reply, "pid")), .code = a->err ? a->err->code : 0};
	snprintf(ret->text, sizeof ret->text, "%s", a->err ? a->err->text : "");
}

static void wait_for(struct fixture *f, struct answer *a)
{
	while (!a->done)
		uv_run(&f->loop, UV_RUN_ONCE);
}

static struct answer ask(struct fixture *f, json_t *body)
{
	struct answer a = {0};
	workers_ask(f->workers, body, false, NULL, on_answer, &a);
	wait_for(f, &a);
	return a;
}

static void test_a_request_longer_than_a_line_is_refused(void **state)
{
	struct fixture *f = *state;
	start(f, NULL);
	char *text = malloc(PROTOCOL_LINE_MAX + 1);
	memset(text, 'x', PROTOCOL_LINE_MAX);
	text[PROTOCOL_LINE_MAX] = '\0';
	struct answer a = ask(f, json_pack("{s:s, s:s}", "op", "echo", "text", text));
	assert_int_equal(a.code, ERR_USAGE);
	assert_false(a.died);
	assert_non_null(strstr(a.text, "bytes long"));
	text[PROTOCOL_LINE_MAX - 100] = '\0';
	assert_true(ask(f, json_pack("{s:s, s:s}", "op", "echo", "text", text)).ok);
	free(text);
}

/* The reads of the pipe do not end where lines do. */
static void test_a_reply_of_almost_a_line_after_an_event_is_taken(void **state)
{
	struct fixture *f = *state;
	start(f, NULL);
	for (int less = 1; less < 70000; less += 6500) {
		struct answer a = ask(f, json_pack("{s:s, s:i}", "op", "much", "size", PROTOCOL_LINE_MAX - less));
		assert_string_equal(a.text, "");
		assert_true(a.ok);
	}
	struct answer a = ask(f, json_pack("{s:s, s:i}", "op", "much", "size", 2 * PROTOCOL_LINE_MAX));
	assert_true(a.died);
	assert_non_null(strstr(a.text, "longer than a line"));
	assert_true(ask(f, json_pack("{s:s}", "op", "echo")).ok);
}

static void test_death_fails_only_the_request_at_work(void **state)
{
	struct fixture *f = *state;
	struct answer first = {0}, second = {0}, third = {0};
	start(f, NULL);
	workers_ask(f->workers, json_pack("{s:s}", "op", "die"), false, NULL, on_answer, &first);
	workers_ask(f->workers, json_pack("{s:s}", "op", "echo"), false, NULL, on_answer, &second);
	uint64_t id = workers_ask(f->workers, json_pack("{s:s}", "op", "echo"), false, NULL, on_answer, &third);
	workers_cancel(f->workers, id);
	assert_true(third.done);
	assert_int_equal(third.code, ERR_CANCELED);
	wait_for(f, &first);
	assert_true(first.died);
	assert_non_null(strstr(first.text, "signal 9"));
	wait_for(f, &second);
	assert_true(second.ok);
}

/* One that is killed while a run is planned must not cost a schedule its interval. */
static void test_what_only_looks_outlives_its_worker(void **state)
{
	struct fixture *f = *state;
	char file[96];
	snprintf(file, sizeof file, "%s/deaths", f->dir);
	start(f, NULL);
	struct answer a = ask(f, json_pack("{s:s, s:s, s:i}", "op", "probe", "file", file, "deaths", 2));
	assert_true(a.ok);
	a = ask(f, json_pack("{s:s, s:s, s:i}", "op", "probe", "file", file, "deaths", 100));
	assert_true(a.died);
	assert_true(ask(f, json_pack("{s:s}", "op", "echo")).ok);
}

static void on_patience(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

/* Seen at once, not when the grace of a predecessor's worker is over, which may have an exchange under way. */
static void test_what_a_dead_worker_left_is_ended_at_once(void **state)
{
	struct fixture *f = *state;
	bool late = false;
	uv_timer_t patience;
	start(f, NULL);
	uv_timer_init(&f->loop, &patience);
	patience.data = &late;
	uv_timer_start(&patience, on_patience, LOCKS_GRACE_MS / 2, 0);
	struct answer a = ask(f, json_pack("{s:s}", "op", "leave"));
	assert_true(a.died);
	assert_false(late);
	uv_close((uv_handle_t *)&patience, NULL);
	assert_true(ask(f, json_pack("{s:s}", "op", "echo")).ok);
}

/* Each knows how many follow, and a worker that is idle does not get the rest of them. */
static void test_a_batch_goes_to_one_worker(void **state)
{
	struct fixture *f = *state;
	struct answer all[3] = {{0}}, other = {0}, before = {0};
	start_most(f, NULL, 2);
	workers_ask(f->workers, json_pack("{s:s}", "op", "echo"), false, NULL, on_answer, &before);
	workers_gather(f->workers, true);
	for (int i = 0; i < 3; i++)
		workers_ask(f->workers, json_pack("{s:s}", "op", "echo"), false, NULL, on_answer, &all[i]);
	workers_gather(f->workers, false);
	workers_ask(f->workers, json_pack("{s:s}", "op", "echo"), false, NULL, on_answer, &other);
	wait_for(f, &before);
	for (int i = 0; i < 3; i++) {
		wait_for(f, &all[i]);
		assert_true(all[i].ok);
		assert_int_equal(all[i].more, 2 - i);
		assert_int_equal(all[i].pid, all[0].pid);
	}
	wait_for(f, &other);
	assert_int_equal(other.more, 0);
}

static void test_a_kept_worker_is_not_for_the_modest(void **state)
{
	struct fixture *f = *state;
	struct answer first = {0}, second = {0}, other = {0};
	start_most(f, NULL, 2);
	workers_keep(f->workers, 1);
	workers_modest(f->workers, true);
	workers_ask(f->workers, json_pack("{s:s}", "op", "stage"), false, NULL, on_answer, &first); /* is not answered */
	uint64_t waiting = workers_ask(f->workers, json_pack("{s:s}", "op", "echo"), false, NULL, on_answer, &second);
	workers_modest(f->workers, false);
	for (int i = 0; i < 3; i++) { /* each of them passes it */
		other = (struct answer){0};
		workers_ask(f->workers, json_pack("{s:s}", "op", "echo"), false, NULL, on_answer, &other);
		wait_for(f, &other);
		assert_true(other.ok);
	}
	assert_false(second.done);
	assert_null(workers_holder(f->workers, waiting));
	workers_keep(f->workers, 0);
	wait_for(f, &second);
	assert_true(second.ok);
	workers_kill(f->workers);
	wait_for(f, &first);
	assert_true(first.died);
}

static void test_a_canceled_one_leaves_its_batch(void **state)
{
	struct fixture *f = *state;
	struct answer all[3] = {{0}};
	uint64_t ids[3];
	start(f, NULL);
	workers_gather(f->workers, true);
	for (int i = 0; i < 3; i++)
		ids[i] = workers_ask(f->workers, json_pack("{s:s}", "op", "echo"), false, NULL, on_answer, &all[i]);
	workers_cancel(f->workers, ids[1]);
	assert_int_equal(all[1].code, ERR_CANCELED);
	workers_gather(f->workers, false);
	wait_for(f, &all[2]);
	assert_int_equal(all[0].more, 1);
	assert_int_equal(all[2].more, 0);
}

static void test_death_blames_the_one_at_work_of_a_batch(void **state)
{
	struct fixture *f = *state;
	static const char *const ops[][3] = {{"stage", "die at work", "echo"}, {"stage", "stage", "die"}, {"die", "echo", "echo"}};
	static const int guilty[] = {1, 0, 0};
	start(f, NULL);
	for (size_t k = 0; k < 3; k++) {
		struct answer all[3] = {{0}};
		workers_gather(f->workers, true);
		for (int i = 0; i < 3; i++)
			workers_ask(f->workers, json_pack("{s:s}", "op", ops[k][i]), false, NULL, on_answer, &all[i]);
		workers_gather(f->workers, false);
		for (int i = 0; i < 3; i++) {
			wait_for(f, &all[i]);
			assert_true(all[i].died);
			assert_int_equal(all[i].blameless, i != guilty[k]);
		}
	}
	assert_true(ask(f, json_pack("{s:s}", "op", "echo")).ok);
}

static void test_a_program_that_cannot_start_fails_the_request(void **state)
{
	struct fixture *f = *state;
	start(f, "/nonexistent/strata-worker");
	struct answer a = ask(f, json_pack("{s:s}", "op", "echo"));
	assert_int_equal(a.code, ERR_IO);
	assert_false(a.died);
}

static void test_one_that_cannot_start_leaves_the_work_to_those_that_live(void **state)
{
	struct fixture *f = *state;
	struct answer first = {0}, second = {0};
	char link[96];
	snprintf(link, sizeof link, "%s/worker", f->dir);
	assert_int_equal(symlink(f->program, link), 0);
	start_most(f, link, 2);
	assert_true(ask(f, json_pack("{s:s}", "op", "echo")).ok);
	assert_int_equal(unlink(link), 0);
	workers_ask(f->workers, json_pack("{s:s}", "op", "echo"), false, NULL, on_answer, &first);
	workers_ask(f->workers, json_pack("{s:s}", "op", "echo"), false, NULL, on_answer, &second);
	assert_false(second.done);
	wait_for(f, &first);
	wait_for(f, &second);
	assert_true(first.ok && second.ok);
}

static void test_a_program_that_is_no_worker_fails_the_request(void **state)
{
	struct fixture *f = *state;
	start(f, "/bin/true");
	struct answer a = ask(f, json_pack("{s:s}", "op", "echo"));
	assert_int_equal(a.code, ERR_PROTOCOL);
	assert_false(a.died);
}

static void test_one_that_never_greets_is_killed(void **state)
{
	struct fixture *f = *state;
	struct answer a = {0};
	f->workers = workers_new(&(struct workers_config){
		.loop = &f->loop, .program = f->program, .lake = f->dir, .lock_dir = f->dir, .most = 1, .hello_ms = 20});
	setenv("TEST_WORKER_IS_MUTE", "1", 1);
	workers_ask(f->workers, json_pack("{s:s}", "op", "x"), false, NULL, on_answer, &a);
	wait_for(f, &a);
	unsetenv("TEST_WORKER_IS_MUTE");
	assert_false(a.ok);
	assert_int_equal(a.code, ERR_PROTOCOL);
	assert_non_null(strstr(a.text, "it did not say hello in time"));
}

int main(int argc, char **argv)
{
	(void)argv;
	signal(SIGPIPE, SIG_IGN); /* as strata does: a dead worker's pipe is an error, not our end */
	if (argc > 1)
		return be_worker();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_request_longer_than_a_line_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_reply_of_almost_a_line_after_an_event_is_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_death_fails_only_the_request_at_work, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_only_looks_outlives_its_worker, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_a_dead_worker_left_is_ended_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_batch_goes_to_one_worker, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_kept_worker_is_not_for_the_modest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_canceled_one_leaves_its_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_death_blames_the_one_at_work_of_a_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_program_that_cannot_start_fails_the_request, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_that_cannot_start_leaves_the_work_to_those_that_live, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_that_never_greets_is_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_program_that_is_no_worker_fails_the_request, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
