/* See spawn.h. */
#include "ui-tui/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

enum { OUTPUT_MAX = 256 << 10, ARGS_MAX = SPAWN_WORDS + 16 };

static const char self[] = "/proc/self/exe";

void words_add(struct command_words *w, const char *word)
{
	if (w->n < SPAWN_WORDS)
		w->word[w->n++] = mem_strdup(word);
}

void words_free(struct command_words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->word[i]);
	w->n = 0;
}

void words_line(const struct command_words *w, struct buf *out)
{
	buf_adds(out, "strata");
	for (size_t i = 0; i < w->n; i++) {
		buf_addc(out, ' ');
		text_add_word(out, w->word[i]);
	}
}

static void fill_args(const struct spawner *s, const struct command_words *w, char *args[ARGS_MAX + 1])
{
	size_t n = 0;
	args[n++] = (char *)(uintptr_t)"strata";
	for (size_t i = 0; s->global[i] && n < ARGS_MAX - SPAWN_WORDS; i++)
		args[n++] = (char *)(uintptr_t)s->global[i];
	for (size_t i = 0; i < w->n; i++)
		args[n++] = w->word[i];
	args[n] = NULL;
}

/* One that runs; it ends when the process and both of its pipes have. */
struct child {
	uv_process_t process;
	uv_pipe_t pipes[2];
	struct buf text[2]; /* stdout, stderr */
	char chunk[4096];
	int status, open;   /* open: handles that are not closed yet */
	spawn_done_fn *done;
	void *ctx;
};

static void on_closed(uv_handle_t *handle)
{
	struct child *c = handle->data;
	if (--c->open)
		return;
	struct buf all = BUF_INIT(2 * OUTPUT_MAX);
	for (int i = 0; i < 2; i++) {
		buf_adds(&all, buf_cstr(&c->text[i]));
		buf_free(&c->text[i]);
	}
	c->done(c->ctx, c->status, buf_cstr(&all));
	buf_free(&all);
	free(c);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
	struct child *c = handle->data;
	(void)size;
	*ret = uv_buf_init(c->chunk, sizeof c->chunk);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct child *c = stream->data;
	if (n < 0)
		uv_close((uv_handle_t *)stream, on_closed);
	else
		buf_add(&c->text[stream == (uv_stream_t *)&c->pipes[1]], buf->base, (size_t)n);
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal_number)
{
	struct child *c = process->data;
	c->status = signal_number ? 128 + signal_number : (int)status;
	uv_close((uv_handle_t *)process, on_closed);
}

void spawn_command(const struct spawner *s, const struct command_words *w, spawn_done_fn *done, void *ctx)
{
	struct child *c = mem_alloc(sizeof *c);
	char *args[ARGS_MAX + 1];
	c->done = done;
	c->ctx = ctx;
	c->open = 3;
	c->process.data = c;
	for (int i = 0; i < 2; i++) {
		c->text[i] = BUF_INIT(OUTPUT_MAX);
		uv_pipe_init(s->loop, &c->pipes[i], 0);
		c->pipes[i].data = c;
	}
	fill_args(s, w, args);
	uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE},
	                                 {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->pipes[0]},
	                                 {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->pipes[1]}};
	/* A group of its own: Ctrl-C is the screen's. */
	const uv_process_options_t options = {.file = self, .args = args, .exit_cb = on_exit_of, .stdio = stdio, .stdio_count = 3, .flags = UV_PROCESS_DETACHED};
	int rc = uv_spawn(s->loop, &c->process, &options);
	if (rc < 0) {
		buf_addf(&c->text[1], "cannot start: %s", uv_strerror(rc));
		c->status = -1;
		uv_close((uv_handle_t *)&c->process, on_closed);
		for (int i = 0; i < 2; i++)
			uv_close((uv_handle_t *)&c->pipes[i], on_closed);
		return;
	}
	for (int i = 0; i < 2; i++)
		uv_read_start((uv_stream_t *)&c->pipes[i], on_alloc, on_read);
}

int spawn_in_pager(const struct spawner *s, const struct command_words *w)
{
	/* The shell knows how PAGER is written ("less -R"); the words go to it as they are, not through its grammar. */
	static const char script[] = "\"$@\" | ${PAGER:-less -R}";
	char *args[ARGS_MAX + 5] = {(char *)(uintptr_t)"sh", (char *)(uintptr_t)"-c", (char *)(uintptr_t)script, (char *)(uintptr_t)"sh"};
	char own[4096];
	ssize_t n = readlink(self, own, sizeof own - 1);
	if (n < 0)
		return -1;
	own[n] = '\0';
	fill_args(s, w, args + 4);
	args[4] = own;
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before_int, before_quit;
	sigaction(SIGINT, &ignore, &before_int);
	sigaction(SIGQUIT, &ignore, &before_quit);
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGINT, SIG_DFL);
		signal(SIGQUIT, SIG_DFL);
		signal(SIGPIPE, SIG_DFL);
		execvp("sh", args);
		_exit(127);
	}
	int status = -1;
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	sigaction(SIGINT, &before_int, NULL);
	sigaction(SIGQUIT, &before_quit, NULL);
	return pid < 0 ? -1 : status;
}
