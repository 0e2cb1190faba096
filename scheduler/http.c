/* See http.h. Invariant: each socket that libcurl watches has one uv_poll_t, which libcurl knows by curl_multi_assign. */
#include "scheduler/http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/load.h"

enum { ANSWER_MAX = 200, PROBLEM_MAX = CURL_ERROR_SIZE + ANSWER_MAX + 64, CONNECT_MS = 10 * 1000 };

struct http {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;
	size_t open;  /* handles that are not closed yet */
	bool closing, closed;
};

struct http_socket {
	uv_poll_t poll;
	struct http *http;
	curl_socket_t fd;
};

struct http_post {
	struct http *http;
	CURL *easy;
	struct curl_slist *headers;
	http_done *done;
	void *ctx;
	char error[CURL_ERROR_SIZE];
	const struct callback *secrets;
	char *answer;                /* its beginning */
	size_t nanswer, room;        /* more than is told: clean_answer */
};

static void post_free(struct http_post *p)
{
	curl_multi_remove_handle(p->http->multi, p->easy);
	curl_easy_cleanup(p->easy);
	curl_slist_free_all(p->headers);
	free(p->answer);
	free(p);
}

/* First without secrets, then cut: none that was kept in part begins in what is left. */
static void clean_answer(struct http_post *p)
{
	for (size_t i = 0; i < p->nanswer; i++)
		p->answer[i] = p->answer[i] ? p->answer[i] : ' ';
	callback_redact(p->secrets, p->answer);
	p->nanswer = p->nanswer < ANSWER_MAX ? p->nanswer : ANSWER_MAX;
	p->answer[p->nanswer] = '\0';
	for (size_t i = 0; i < p->nanswer; i++) {
		if ((unsigned char)p->answer[i] < ' ')
			p->answer[i] = ' ';
	}
}

static void finish(struct http_post *p, CURLcode code)
{
	char text[PROBLEM_MAX];
	const char *problem = text;
	long status = 0;
	curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
	clean_answer(p);
	if (code != CURLE_OK)
		snprintf(text, sizeof text, "%s", *p->error ? p->error : curl_easy_strerror(code));
	else if (status < 200 || status > 299)
		snprintf(text, sizeof text, "answered with HTTP %ld%s%s", status, p->nanswer ? ": " : "", p->answer);
	else
		problem = NULL;
	http_done *done = p->done;
	void *ctx = p->ctx;
	post_free(p);
	done(ctx, problem);
}

static void take_finished(struct http *h)
{
	CURLMsg *msg;
	int left;
	while ((msg = curl_multi_info_read(h->multi, &left))) {
		struct http_post *p;
		CURLcode code = msg->data.result; /* the message goes with its handle */
		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&p);
		finish(p, code);
	}
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct http_socket *s = poll->data;
	struct http *h = s->http;
	int running, what = status < 0 ? CURL_CSELECT_ERR : 0;
	what |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
	what |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
	curl_multi_socket_action(h->multi, s->fd, what, &running);
	take_finished(h);
}

static void on_timer(uv_timer_t *timer)
{
	struct http *h = timer->data;
	int running;
	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	take_finished(h);
}

static void count_closed(struct http *h)
{
	h->closed = --h->open == 0;
}

static void on_socket_closed(uv_handle_t *handle)
{
	struct http_socket *s = handle->data;
	count_closed(s->http);
	free(s);
}

static void on_timer_closed(uv_handle_t *handle)
{
	count_closed(handle->data);
}

/* libcurl wants to know of a socket, or not any more. */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
	struct http *h = ctx;
	struct http_socket *s = known;
	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s)
			uv_close((uv_handle_t *)&s->poll, on_socket_closed);
		curl_multi_assign(h->multi, fd, NULL);
		return 0;
	}
	if (!s) {
		s = mem_alloc(sizeof *s);
		s->http = h;
		s->fd = fd;
		if (uv_poll_init_socket(h->loop, &s->poll, fd) < 0) {
			free(s);
			return -1;
		}
		s->poll.data = s;
		h->open++;
		curl_multi_assign(h->multi, fd, s);
	}
	int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	return uv_poll_start(&s->poll, events, on_socket);
}

static int want_timer(CURLM *multi, long ms, void *ctx)
{
	struct http *h = ctx;
	(void)multi;
	if (h->closing)
		return 0;
	if (ms < 0)
		return uv_timer_stop(&h->timer);
	uv_update_time(h->loop);
	return uv_timer_start(&h->timer, on_timer, (uint64_t)ms, 0);
}

static size_t take_answer(char *data, size_t one, size_t n, void *ctx)
{
	struct http_post *p = ctx;
	size_t room = p->room - p->nanswer, most = n < room ? n : room;
	(void)one;
	memcpy(p->answer + p->nanswer, data, most);
	p->nanswer += most;
	return n;
}

struct http *http_new(uv_loop_t *loop)
{
	struct http *h = mem_alloc(sizeof *h);
	h->loop = loop;
	h->open = 1;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	h->multi = curl_multi_init();
	if (!h->multi)
		abort(); /* out of memory */
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	uv_timer_init(loop, &h->timer);
	h->timer.data = h;
	return h;
}

struct http_post *http_post(struct http *h, const struct http_request *rq, http_done *done, void *ctx)
{
	struct http_post *p = mem_alloc(sizeof *p);
	*p = (struct http_post){.http = h, .easy = curl_easy_init(), .done = done, .ctx = ctx, .secrets = rq->secrets,
	                        .room = ANSWER_MAX + callback_secret_max(rq->secrets)};
	p->answer = mem_alloc(p->room + 1);
	if (!p->easy)
		abort(); /* out of memory */
	for (size_t i = 0; i < rq->nheaders; i++)
		p->headers = curl_slist_append(p->headers, rq->headers[i]);
	p->headers = curl_slist_append(p->headers, "Content-Type: application/json");
	p->headers = curl_slist_append(p->headers, "Expect:"); /* a hook is not asked beforehand */
	curl_easy_setopt(p->easy, CURLOPT_URL, rq->url);
	curl_easy_setopt(p->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(p->easy, CURLOPT_HTTPHEADER, p->headers);
	curl_easy_setopt(p->easy, CURLOPT_USERAGENT, "strata/" STRATA_VERSION);
	curl_easy_setopt(p->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(rq->body));
	curl_easy_setopt(p->easy, CURLOPT_COPYPOSTFIELDS, rq->body);
	curl_easy_setopt(p->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(p->easy, CURLOPT_TIMEOUT_MS, (long)rq->timeout_ms);
	curl_easy_setopt(p->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(p->easy, CURLOPT_ERRORBUFFER, p->error);
	curl_easy_setopt(p->easy, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(p->easy, CURLOPT_WRITEDATA, p);
	curl_easy_setopt(p->easy, CURLOPT_PRIVATE, (char *)p);
	curl_multi_add_handle(h->multi, p->easy); /* its timer begins it, from the loop */
	return p;
}

void http_cancel(struct http_post *p)
{
	post_free(p);
}

void http_free(struct http *h)
{
	if (!h)
		return;
	h->closing = true;
	curl_multi_cleanup(h->multi); /* closes connections that were kept: their sockets are removed */
	uv_close((uv_handle_t *)&h->timer, on_timer_closed);
	loop_until(h->loop, &h->closed);
	free(h);
}
