/* One attempt to tell a callback something: what is made of what programs say. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "scheduler/deliver.h"
#include "scheduler/turns.h"

struct told {
	bool done;
	char *problem;
};

static void on_told(void *ctx, const char *problem)
{
	struct told *t = ctx;
	t->problem = mem_strdup(problem ? problem : "");
	t->done = true;
}

/* What came of a program of the shell; the caller's to free. */
static char *tell(const char *script)
{
	const char *const argv[] = {"/bin/sh", "-c", script};
	const struct callback c = {.name = "c", .argv = argv, .nargv = 3, .timeout_ms = 60000};
	const struct message m = {.key = "k", .event = "failure", .body = "{}"};
	struct told told = {0};
	uv_loop_t loop;
	uv_loop_init(&loop);
	struct deliverer *d = deliverer_new(&loop, "/");
	deliver(d, &c, &m, on_told, &told);
	loop_until(&loop, &told.done);
	deliverer_free(d);
	uv_run(&loop, UV_RUN_DEFAULT); /* its handles close */
	assert_int_equal(uv_loop_close(&loop), 0);
	return told.problem;
}

static void expect(const char *script, const char *problem)
{
	char *said = tell(script);
	assert_string_equal(said, problem);
	free(said);
}

static void its_last_words_are_told(void **state)
{
	(void)state;
	expect("cat >/dev/null; echo 'any more' >&2", "");
	expect("echo no >&2; echo 'and no' >&2; exit 3", "exited with status 3: and no");
	expect("kill -9 $$", "was killed by signal 9");
}

/* The database would refuse them, and with them that it was tried. */
static void bytes_that_are_no_utf8_are_told_as_such(void **state)
{
	(void)state;
	expect("printf 'caf\\351' >&2; exit 3", "exited with status 3: caf\xef\xbf\xbd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_last_words_are_told),
		cmocka_unit_test(bytes_that_are_no_utf8_are_told_as_such),
	};
	signal(SIGPIPE, SIG_IGN); /* as strata does: a program need not read what it is told */
	return cmocka_run_group_tests_name("deliver", tests, NULL, NULL);
}
