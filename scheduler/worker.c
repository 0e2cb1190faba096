/* See worker.h. */
#include "scheduler/worker.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/protocol.h"
#include "scheduler/environment.h"
#include "scheduler/locks.h"

enum {
	IDLE_EXIT_MS = 60 * 1000,
	HELLO_MS = 30 * 1000,  /* a program on a dead mount, or a lock on one, would be waited for without end */
	GRACE_MS = 5 * 1000,   /* between cancel, SIGTERM and SIGKILL */
	ORPHANS_MS = 4,        /* its program is killed by the kernel as it dies; what that one had started is not */
	SERVED_MAX = 2000,     /* requests, then a new process: bounds whatever an engine leaks */
	RSS_CHECK_EVERY = 16,  /* requests between looks at its memory */
};
enum { CHUNK = 64 << 10 }; /* bytes of one read */
static const unsigned long RSS_MAX = 2UL << 30; /* bytes */

/* A process that never was: its handles close on the loop, and the last one frees it. */
static void free_unborn(struct worker *w, const char *why)
{
	(void)why;
	worker_free(w);
}
static const struct worker_hooks unborn = {.on_gone = free_unborn};

static void finish_if_gone(struct worker *w)
{
	if (!w->exited || !w->drained || !w->lock_free || w->open_handles)
		return;
	static const char out_of_memory[] = "; if that was the kernel for lack of memory (dmesg tells), run again with fewer --jobs";
	if (w->exit_signal && !w->why[0])
		snprintf(w->why, sizeof w->why, "its worker %s was killed by signal %d (%s)%s", w->name, w->exit_signal,
		         strsignal(w->exit_signal), w->exit_signal == SIGKILL ? out_of_memory : "");
	else if (!w->why[0])
		snprintf(w->why, sizeof w->why, "its worker %s exited with status %" PRId64, w->name, w->exit_status);
	if (!list_empty(&w->held) || (!w->greeted && w->hooks != &unborn))
		log_event(LOG_WARN, "worker.died", "worker", w->name, "why", w->why, NULL);
	w->hooks->on_gone(w, w->why);
}

static void on_closed(uv_handle_t *handle)
{
	struct worker *w = handle->data;
	w->open_handles--;
	finish_if_gone(w);
}

static void close_handle(uv_handle_t *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, on_closed);
}

/* Of a worker that is dead nothing is left that could still publish: who holds its lock has no grace. */
static void wait_for_lock(uv_work_t *work)
{
	struct worker *w = work->data;
	locks_await(w->lock_path, ORPHANS_MS);
}

static void lock_is_free(uv_work_t *work, int status)
{
	struct worker *w = work->data;
	(void)status;
	w->lock_free = true;
	unlink(w->lock_path);
	finish_if_gone(w);
}

/* Exit status and end of replies are both there: whoever it left behind must go, too. */
static void on_dead(struct worker *w)
{
	if (!w->exited || !w->drained)
		return;
	uv_timer_stop(&w->timer);
	close_handle((uv_handle_t *)&w->timer);
	close_handle((uv_handle_t *)&w->in);
	close_handle((uv_handle_t *)&w->out);
	close_handle((uv_handle_t *)&w->process);
	w->lock_wait.data = w;
	uv_queue_work(w->loop, &w->lock_wait, wait_for_lock, lock_is_free);
}

static void on_exit_status(uv_process_t *process, int64_t status, int sig)
{
	struct worker *w = process->data;
	w->exited = true;
	w->leaving = true;
	w->exit_status = status;
	w->exit_signal = sig;
	on_dead(w);
}

/* It broke the protocol: nothing it says can be trusted any more. */
static void give_up(struct worker *w, const char *why)
{
	snprintf(w->why, sizeof w->why, "its worker %s was given up: %s", w->name, why);
	w->leaving = true;
	if (!w->exited)
		uv_process_kill(&w->process, SIGKILL);
}

static void on_no_hello(uv_timer_t *timer)
{
	give_up(timer->data, "it did not say hello in time");
}

static bool grown_too_large(const struct worker *w)
{
	if (w->served >= SERVED_MAX)
		return true;
	if (w->served % RSS_CHECK_EVERY)
		return false;
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/statm", uv_process_get_pid(&w->process));
	FILE *f = fopen(path, "re");
	unsigned long pages = 0;
	if (f) {
		if (fscanf(f, "%*u %lu", &pages) != 1)
			pages = 0;
		fclose(f);
	}
	return pages * (unsigned long)sysconf(_SC_PAGESIZE) > RSS_MAX;
}

static void on_idle_too_long(uv_timer_t *timer)
{
	worker_dismiss(timer->data);
}

static void be_idle(struct worker *w)
{
	uv_timer_start(&w->timer, on_idle_too_long, IDLE_EXIT_MS, 0);
	uv_unref((uv_handle_t *)&w->timer); /* an idle worker never keeps the loop alive */
}

static void on_hello_reply(struct worker *w, const json_t *reply)
{
	json_int_t version = json_integer_value(json_object_get(reply, "version")); /* 0 of an error reply */
	const char *engine = json_string_value(json_object_get(reply, "duckdb"));
	const char *program = json_string_value(json_object_get(reply, "strata"));
	if (version != PROTOCOL_VERSION) {
		const char *message = json_string_value(json_object_get(json_object_get(reply, "error"), "message"));
		give_up(w, message ? message : "its version is not this program's");
		return;
	}
	w->greeted = true;
	be_idle(w);
	w->hooks->on_hello(w, engine ? engine : "", program ? program : "");
}

static struct request *request_of(struct list *link)
{
	return LIST_ENTRY(link, struct request, link);
}

struct request *worker_held(const struct worker *w, uint64_t id)
{
	LIST_FOR_EACH(it, &w->held) {
		if (request_of(it)->id == id)
			return request_of(it);
	}
	return NULL;
}

const struct request *worker_at_work(const struct worker *w)
{
	LIST_FOR_EACH(it, &w->held) {
		const struct request *r = request_of(it);
		if (r->running && !r->staged)
			return r;
	}
	return list_empty(&w->held) ? NULL : request_of(w->held.next);
}

static void on_grace_over(uv_timer_t *timer);

/* What else it holds goes on; a canceled one of these has its time from now on. */
static void be_less_busy(struct worker *w)
{
	bool canceled = false;
	LIST_FOR_EACH(it, &w->held)
		canceled = canceled || request_of(it)->canceled;
	w->interrupted = canceled;
	if (list_empty(&w->held))
		be_idle(w);
	else if (canceled)
		uv_timer_start(&w->timer, on_grace_over, GRACE_MS, 0);
	else
		uv_timer_stop(&w->timer);
}

static void on_last_reply(struct worker *w, struct request *r, const json_t *reply)
{
	list_remove(&r->link);
	w->served++;
	be_less_busy(w);
	if (list_empty(&w->held) && (w->leaving || grown_too_large(w)))
		worker_dismiss(w);
	w->hooks->on_reply(w, r, reply);
}

static void on_request_event(struct request *r, const json_t *reply)
{
	const char *stage = json_string_value(json_object_get(reply, "stage"));
	r->running = true; /* its first event says no more */
	r->staged = r->staged || (stage && strcmp(stage, "staged") == 0);
	if (r->on_event)
		r->on_event(r->ctx, reply);
}

static void take_line(struct worker *w, const char *line, size_t n)
{
	json_t *reply = json_loadb(line, n, 0, NULL);
	struct request *r = worker_held(w, (uint64_t)json_integer_value(json_object_get(reply, "id")));
	if (!json_is_object(reply))
		give_up(w, "a reply is no JSON object");
	else if (!w->greeted)
		on_hello_reply(w, reply);
	else if (!r)
		give_up(w, "a reply to no request");
	else if (!json_object_get(reply, "event"))
		on_last_reply(w, r, reply);
	else
		on_request_event(r, reply);
	json_decref(reply);
}

static void take_lines(struct worker *w)
{
	size_t from = 0;
	char *nl;
	while (from < w->replies.len && (nl = memchr(w->replies.data + from, '\n', w->replies.len - from))) {
		size_t n = (size_t)(nl - (w->replies.data + from));
		take_line(w, w->replies.data + from, n);
		from += n + 1;
	}
	buf_drop(&w->replies, from);
	if (w->replies.len >= PROTOCOL_LINE_MAX)
		give_up(w, "a reply is longer than a line may be");
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	static char shared[CHUNK]; /* one loop, one read at a time: copied out before the next */
	(void)handle;
	(void)suggested;
	*ret = uv_buf_init(shared, sizeof shared);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *data)
{
	struct worker *w = stream->data;
	if (n > 0) {
		buf_add(&w->replies, data->base, (size_t)n);
		take_lines(w);
	} else if (n < 0) {
		uv_read_stop(stream);
		w->drained = true;
		w->leaving = true;
		on_dead(w);
	}
}

struct send {
	uv_write_t write;
	char *line;
};

static void on_sent(uv_write_t *write, int status)
{
	struct send *s = write->data;
	(void)status; /* a broken pipe shows as its exit */
	free(s->line);
	free(s);
}

/* Takes line. */
static void send_line(struct worker *w, char *line, size_t size)
{
	struct send *s = mem_alloc(sizeof *s);
	s->line = line;
	s->write.data = s;
	uv_buf_t data = uv_buf_init(line, (unsigned)size);
	if (uv_write(&s->write, (uv_stream_t *)&w->in, &data, 1, on_sent) < 0)
		on_sent(&s->write, -1);
}

char *worker_line(const json_t *body, size_t *ret_size)
{
	char *text = json_dumps(body, JSON_COMPACT);
	if (!text)
		return NULL;
	size_t n = strlen(text);
	text = mem_realloc(text, n + 2, 1);
	text[n] = '\n';
	text[n + 1] = '\0';
	*ret_size = n + 1;
	return text;
}

static void send_json(struct worker *w, const json_t *body)
{
	size_t size = 0;
	char *line = worker_line(body, &size);
	if (line)
		send_line(w, line, size);
}

static void send_hello(struct worker *w, const struct workers_config *c)
{
	json_t *hello = json_pack("{s:s, s:i, s:i, s:s, s:s, s:i, s:I, s:s}", "op", "hello", "id", 0, "version",
	                          PROTOCOL_VERSION, "lake", c->lake, "worker", w->name, "threads", c->threads,
	                          "memory_bytes", (json_int_t)c->memory_bytes, "lock", w->lock_path);
	send_json(w, hello);
	json_decref(hello);
}

static struct worker *worker_new(const struct workers_config *c, struct workers *pool, const char *name,
                                 const struct worker_hooks *hooks)
{
	struct worker *w = mem_alloc(sizeof *w);
	w->pool = pool;
	w->hooks = hooks;
	w->loop = c->loop;
	snprintf(w->name, sizeof w->name, "%s", name);
	w->lock_path = mem_printf("%s/%s.lock", c->lock_dir, name);
	w->replies = BUF_INIT(PROTOCOL_LINE_MAX + CHUNK);
	uv_pipe_init(c->loop, &w->in, 0);
	uv_pipe_init(c->loop, &w->out, 0);
	uv_timer_init(c->loop, &w->timer);
	w->in.data = w->out.data = w->timer.data = w->process.data = w;
	w->open_handles = 4; /* with the process, which uv_spawn makes a handle even when it fails */
	list_init(&w->link);
	list_init(&w->held);
	return w;
}

struct worker *worker_spawn(const struct workers_config *c, struct workers *pool, const char *name,
                            const struct worker_hooks *hooks, struct err *err)
{
	if (dir_make_all(c->lock_dir, 0777, err) < 0)
		return NULL;
	struct worker *w = worker_new(c, pool, name, hooks);
	char *args[] = {(char *)(uintptr_t)c->program, w->name, NULL};
	uv_stdio_container_t stdio[] = {
		{.flags = UV_IGNORE},
		{.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
		{.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
		{.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&w->in},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&w->out},
	};
	char **env = environment_of_child(NULL); /* neither a worker nor an executable has any business in the database */
	uv_process_options_t options = {
		.exit_cb = on_exit_status,
		.env = env,
		.file = FAULT("worker.spawn") ? "/nonexistent" : c->program,
		.args = args,
		.flags = UV_PROCESS_DETACHED, /* its own session: Ctrl-C is the scheduler's to handle */
		.stdio_count = 5,
		.stdio = stdio,
	};
	int rc = uv_spawn(c->loop, &w->process, &options);
	free(env);
	w->process.data = w;
	if (rc < 0) {
		err_set(err, ERR_IO, "start '%s': %s", c->program, uv_strerror(rc));
		w->hooks = &unborn;
		w->exited = w->drained = true;
		on_dead(w);
		return NULL;
	}
	uv_read_start((uv_stream_t *)&w->out, on_alloc, on_read);
	uv_timer_start(&w->timer, on_no_hello, c->hello_ms ? c->hello_ms : HELLO_MS, 0);
	send_hello(w, c);
	return w;
}

bool worker_idle(const struct worker *w)
{
	return w->greeted && list_empty(&w->held) && !w->leaving;
}

/* Each but the last says how many more of its batch follow: "}\n" becomes ,"more":3}\n. */
static void say_more(struct request *r, unsigned more)
{
	r->line = mem_realloc(r->line, r->size + WORKER_MORE_MAX, 1);
	r->size -= 2;
	r->size += (size_t)snprintf(r->line + r->size, WORKER_MORE_MAX, ",\"more\":%u}\n", more);
}

void worker_give(struct worker *w, struct list *requests)
{
	unsigned more = 0;
	LIST_FOR_EACH(it, requests)
		more++;
	uv_timer_stop(&w->timer);
	while (!list_empty(requests)) {
		struct request *r = request_of(requests->next);
		list_remove(&r->link);
		if (--more)
			say_more(r, more);
		list_append(&w->held, &r->link);
		send_line(w, r->lives ? mem_strdup(r->line) : r->line, r->size);
		if (!r->lives)
			r->line = NULL;
	}
}

static void on_grace_over(uv_timer_t *timer)
{
	struct worker *w = timer->data;
	if (!w->interrupted || w->exited)
		return;
	if (!worker_at_work(w)->canceled) { /* what is canceled has no more to do than wait for its batch */
		uv_timer_start(&w->timer, on_grace_over, GRACE_MS, 0);
		return;
	}
	int sig = ++w->interrupted >= 3 ? SIGKILL : SIGTERM;
	log_event(LOG_WARN, "worker.signal", "worker", w->name, LOG_INT("signal", sig), NULL);
	kill(-uv_process_get_pid(&w->process), sig);
	uv_timer_start(&w->timer, on_grace_over, GRACE_MS, 0);
}

void worker_interrupt(struct worker *w, struct request *r)
{
	if (r->canceled)
		return;
	r->canceled = true;
	json_t *cancel = json_pack("{s:s, s:I}", "op", "cancel", "id", (json_int_t)r->id);
	send_json(w, cancel);
	json_decref(cancel);
	if (w->interrupted)
		return;
	w->interrupted = 1;
	uv_ref((uv_handle_t *)&w->timer);
	uv_timer_start(&w->timer, on_grace_over, GRACE_MS, 0);
}

void worker_kill(struct worker *w)
{
	w->leaving = true;
	if (!w->exited)
		kill(-uv_process_get_pid(&w->process), SIGKILL);
}

void worker_dismiss(struct worker *w)
{
	w->leaving = true;
	if (list_empty(&w->held) && w->greeted)
		close_handle((uv_handle_t *)&w->in); /* end of requests: it exits */
}

void worker_free(struct worker *w)
{
	buf_free(&w->replies);
	free(w->lock_path);
	free(w);
}
