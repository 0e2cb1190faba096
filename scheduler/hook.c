/* See hook.h. Freed when its last handle is closed; the loop must turn until then. */
#include "scheduler/hook.h"

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "scheduler/environment.h"

enum { SAID_MAX = 300, CHUNK = 4096, CHUNKS_LEFT = 256 /* more than a pipe holds */, GRACE_MS = 5000, HANDLES = 4 };

struct hook {
	uv_process_t process;
	uv_pipe_t input, words;
	uv_timer_t timer;
	uv_write_t write;
	char *text;              /* its input, until it is written */
	char chunk[CHUNK];
	const struct callback *secrets;
	size_t secret_max;
	char *said;              /* the end of its stderr */
	size_t nsaid, room;      /* more than is told: last_words */
	bool cut;                /* it had said more before */
	int64_t timeout_ms;
	bool late;               /* its time was over */
	int open;                /* handles that are not closed */
	hook_done *done;         /* NULL: nobody waits for it any more */
	void *ctx;
};

static void on_closed(uv_handle_t *handle)
{
	struct hook *k = handle->data;
	if (--k->open)
		return;
	free(k->text);
	free(k->said);
	free(k);
}

static void close_all(struct hook *k)
{
	uv_handle_t *const all[HANDLES] = {(uv_handle_t *)&k->process, (uv_handle_t *)&k->input, (uv_handle_t *)&k->words, (uv_handle_t *)&k->timer};
	for (size_t i = 0; i < HANDLES; i++) {
		if (!uv_is_closing(all[i]))
			uv_close(all[i], on_closed);
	}
}

/* The end of its last line that has something: first without secrets, then cut. What was kept may begin within a secret,
 * which ends before secret_max. */
static const char *last_words(struct hook *k)
{
	for (size_t i = 0; i < k->nsaid; i++)
		k->said[i] = k->said[i] ? k->said[i] : ' ';
	k->said[k->nsaid] = '\0';
	callback_redact(k->secrets, k->said);
	while (k->nsaid && (unsigned char)k->said[k->nsaid - 1] <= ' ')
		k->nsaid--;
	k->said[k->nsaid] = '\0';
	const char *nl = strrchr(k->said, '\n');
	size_t line = nl ? (size_t)(nl - k->said) + 1 : 0, whole = k->cut ? k->secret_max : 0;
	size_t from = line > whole ? line : whole, most = k->nsaid > SAID_MAX ? k->nsaid - SAID_MAX : 0;
	from = from > most ? from : most;
	return k->said + (from < k->nsaid ? from : k->nsaid);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct hook *k = handle->data;
	(void)suggested;
	*ret = uv_buf_init(k->chunk, sizeof k->chunk);
}

static void on_words(uv_stream_t *stream, ssize_t n, const uv_buf_t *data)
{
	struct hook *k = stream->data;
	if (n < 0)
		uv_read_stop(stream);
	if (n <= 0)
		return;
	size_t got = (size_t)n, skip = got > k->room ? got - k->room : 0;
	got -= skip;
	size_t drop = k->nsaid + got > k->room ? k->nsaid + got - k->room : 0;
	k->cut = k->cut || skip || drop;
	memmove(k->said, k->said + drop, k->nsaid - drop);
	k->nsaid -= drop;
	memcpy(k->said + k->nsaid, data->base + skip, got);
	k->nsaid += got;
}

/* What it left in its pipe is there when it has exited: read without waiting, whoever else still holds the other end, and
 * goes on writing. */
static void read_rest(struct hook *k)
{
	uv_os_fd_t fd;
	if (uv_fileno((uv_handle_t *)&k->words, &fd) < 0)
		return;
	ssize_t n;
	uv_buf_t chunk = uv_buf_init(k->chunk, sizeof k->chunk);
	uv_read_stop((uv_stream_t *)&k->words);
	for (int i = 0; i < CHUNKS_LEFT && (n = read(fd, k->chunk, sizeof k->chunk)) > 0; i++)
		on_words((uv_stream_t *)&k->words, n, &chunk);
}

static void on_exit_status(uv_process_t *process, int64_t status, int sig)
{
	struct hook *k = process->data;
	char text[SAID_MAX + 100];
	const char *problem = text;
	hook_done *done = k->done;
	void *ctx = k->ctx;
	read_rest(k);
	const char *words = done ? last_words(k) : "";
	if (k->late)
		snprintf(text, sizeof text, "took longer than %" PRId64 " ms and was stopped", k->timeout_ms);
	else if (sig)
		snprintf(text, sizeof text, "was killed by signal %d%s%s", sig, *words ? ": " : "", words);
	else if (status)
		snprintf(text, sizeof text, "exited with status %" PRId64 "%s%s", status, *words ? ": " : "", words);
	else
		problem = NULL;
	kill(-process->pid, SIGKILL); /* what it left behind */
	close_all(k);
	if (done)
		done(ctx, problem);
}

static void on_time(uv_timer_t *timer)
{
	struct hook *k = timer->data;
	kill(-k->process.pid, k->late ? SIGKILL : SIGTERM);
	k->late = true;
	uv_timer_start(timer, on_time, GRACE_MS, 0);
}

static void on_written(uv_write_t *write, int status)
{
	struct hook *k = write->data;
	(void)status; /* it need not read it */
	if (!uv_is_closing((uv_handle_t *)&k->input))
		uv_close((uv_handle_t *)&k->input, on_closed);
}

static struct hook *hook_new(uv_loop_t *loop, const struct hook_request *rq, hook_done *done, void *ctx)
{
	struct hook *k = mem_alloc(sizeof *k);
	k->text = mem_strdup(rq->input);
	k->timeout_ms = rq->timeout_ms;
	k->secrets = rq->secrets;
	k->secret_max = callback_secret_max(rq->secrets);
	k->room = SAID_MAX + k->secret_max;
	k->said = mem_alloc(k->room + 1);
	k->done = done;
	k->ctx = ctx;
	k->open = HANDLES;
	uv_pipe_init(loop, &k->input, 0);
	uv_pipe_init(loop, &k->words, 0);
	uv_timer_init(loop, &k->timer);
	k->input.data = k->words.data = k->timer.data = k->write.data = k;
	return k;
}

struct hook *hook_start(uv_loop_t *loop, const struct hook_request *rq, hook_done *done, void *ctx, struct err *err)
{
	struct hook *k = hook_new(loop, rq, done, ctx);
	char **argv = mem_array(rq->nargv + 1, sizeof *argv), **env = environment_of_child(rq->more);
	for (size_t i = 0; i < rq->nargv; i++)
		argv[i] = (char *)(uintptr_t)rq->argv[i];
	uv_stdio_container_t stdio[] = {
		{.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&k->input},
		{.flags = UV_IGNORE},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&k->words},
	};
	uv_process_options_t options = {.exit_cb = on_exit_status, .file = argv[0], .args = argv, .env = env, .cwd = rq->dir,
	                                .flags = UV_PROCESS_DETACHED, .stdio_count = 3, .stdio = stdio};
	int rc = uv_spawn(loop, &k->process, &options);
	k->process.data = k;
	free(argv);
	free(env);
	if (rc < 0) {
		err_set(err, ERR_IO, "start '%s': %s", rq->argv[0], uv_strerror(rc));
		close_all(k);
		return NULL;
	}
	uv_buf_t data = uv_buf_init(k->text, (unsigned)strlen(k->text));
	uv_read_start((uv_stream_t *)&k->words, on_alloc, on_words);
	uv_write(&k->write, (uv_stream_t *)&k->input, &data, 1, on_written);
	if (k->timeout_ms > 0)
		uv_timer_start(&k->timer, on_time, (uint64_t)k->timeout_ms, 0);
	return k;
}

/* Its exit frees it. */
void hook_kill(struct hook *k)
{
	k->done = NULL;
	kill(-k->process.pid, SIGKILL);
}
