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

#define TOKEN "tok-0123456789-abcdefghijklmnopqrstuvwxyz"
static const char *const headers[] = {"Authorization: Bearer " TOKEN};

/* What came of it; the caller's to free. */
static char *attempt(uv_loop_t *loop, const struct callback *c)
{
	const struct message m = {.key = "k", .event = "failure", .body = "{}"};
	struct told told = {0};
	struct deliverer *d = deliverer_new(loop, "/");
	deliver(d, c, &m, on_told, &told);
	loop_until(loop, &told.done);
	deliverer_free(d);
	return told.problem;
}

static void loop_end(uv_loop_t *loop)
{
	uv_run(loop, UV_RUN_DEFAULT); /* its handles close */
	assert_int_equal(uv_loop_close(loop), 0);
}

/* Of a program of the shell. */
static char *tell(const char *script)
{
	const char *const argv[] = {"/bin/sh", "-c", script};
	const struct callback c = {.name = "c", .argv = argv, .nargv = 3, .headers = headers, .nheaders = 1, .timeout_ms = 60000};
	uv_loop_t loop;
	uv_loop_init(&loop);
	char *problem = attempt(&loop, &c);
	loop_end(&loop);
	return problem;
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

/* Wherever the cut falls, and with an end that is trimmed, too. */
static void no_half_of_a_secret_is_told_of_a_program(void **state)
{
	(void)state;
	for (int after = 240; after <= 320; after++) {
		char script[400];
		snprintf(script, sizeof script, "printf '%%0500d%s%%0%dd%%20s\\n' 0 0 '' >&2; exit 3", TOKEN, after);
		char *said = tell(script);
		assert_null(strpbrk(said + strlen("exited with status 3: "), "abcdefghijklmnopqrstuvwxyz-123456789"));
		assert_true(strlen(said) > 250);
		free(said);
	}
}

/* A receiver that gives each request one answer, and closes. */
struct receiver {
	uv_tcp_t listener, peer;
	uv_write_t write;
	char chunk[4096], answer[1024];
};

static void on_answered(uv_write_t *write, int status)
{
	struct receiver *v = write->data;
	(void)status;
	uv_close((uv_handle_t *)&v->peer, NULL);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct receiver *v = handle->data;
	(void)suggested;
	*ret = uv_buf_init(v->chunk, sizeof v->chunk);
}

static void on_request(uv_stream_t *peer, ssize_t n, const uv_buf_t *data)
{
	struct receiver *v = peer->data;
	(void)data;
	if (n == 0)
		return;
	uv_read_stop(peer);
	uv_buf_t answer = uv_buf_init(v->answer, (unsigned)strlen(v->answer));
	v->write.data = v;
	uv_write(&v->write, peer, &answer, 1, on_answered);
}

static void on_peer(uv_stream_t *listener, int status)
{
	struct receiver *v = listener->data;
	assert_int_equal(status, 0);
	uv_tcp_init(listener->loop, &v->peer);
	v->peer.data = v;
	assert_int_equal(uv_accept(listener, (uv_stream_t *)&v->peer), 0);
	uv_read_start((uv_stream_t *)&v->peer, on_room, on_request);
}

/* The URL of one that listens on a port of its own. */
static void receive(struct receiver *v, uv_loop_t *loop, char *url, size_t size)
{
	struct sockaddr_in at;
	int len = sizeof at;
	uv_ip4_addr("127.0.0.1", 0, &at);
	uv_tcp_init(loop, &v->listener);
	v->listener.data = v;
	assert_int_equal(uv_tcp_bind(&v->listener, (struct sockaddr *)&at, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&v->listener, 1, on_peer), 0);
	uv_tcp_getsockname(&v->listener, (struct sockaddr *)&at, &len);
	snprintf(url, size, "http://127.0.0.1:%d/", ntohs(at.sin_port));
}

static void no_half_of_a_secret_is_told_of_an_answer(void **state)
{
	(void)state;
	for (int before = 150; before <= 210; before++) {
		static struct receiver v;
		char url[64];
		uv_loop_t loop;
		uv_loop_init(&loop);
		receive(&v, &loop, url, sizeof url);
		snprintf(v.answer, sizeof v.answer, "HTTP/1.0 500 No\r\n\r\n%0*d%s%0300d", before, 0, TOKEN, 0);
		const struct callback c = {.name = "c", .url = url, .headers = headers, .nheaders = 1, .timeout_ms = 60000};
		char *said = attempt(&loop, &c);
		assert_null(strpbrk(said + strlen("answered with HTTP 500: "), "abcdefghijklmnopqrstuvwxyz-123456789"));
		assert_int_equal(strlen(said), strlen("answered with HTTP 500: ") + 200);
		assert_int_equal(strncmp(said, "answered with HTTP 500: ", strlen("answered with HTTP 500: ")), 0);
		free(said);
		uv_close((uv_handle_t *)&v.listener, NULL);
		loop_end(&loop);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_last_words_are_told),
		cmocka_unit_test(bytes_that_are_no_utf8_are_told_as_such),
		cmocka_unit_test(no_half_of_a_secret_is_told_of_a_program),
		cmocka_unit_test(no_half_of_a_secret_is_told_of_an_answer),
	};
	signal(SIGPIPE, SIG_IGN); /* as strata does: a program need not read what it is told */
	return cmocka_run_group_tests_name("deliver", tests, NULL, NULL);
}
