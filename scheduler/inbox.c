/* See inbox.h. */
#include "scheduler/inbox.h"

#include <stdio.h>

#include "base/log.h"
#include "scheduler/db.h"

enum { AGAIN_MS = 2000 };

static void listen_anew(struct inbox *in);

static void on_again(uv_timer_t *timer)
{
	listen_anew(timer->data);
}

static void lose(struct inbox *in)
{
	if (in->polling)
		uv_poll_stop(&in->poll);
	PQfinish(in->conn);
	in->conn = NULL;
	uv_timer_start(&in->again, on_again, AGAIN_MS, 0);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct inbox *in = poll->data;
	PGnotify *n;
	bool mail = false;
	(void)events;
	if (status < 0 || !PQconsumeInput(in->conn)) {
		log_event(LOG_WARN, "inbox.lost", NULL);
		lose(in);
		return;
	}
	while ((n = PQnotifies(in->conn))) {
		mail = true;
		PQfreemem(n);
	}
	if (mail)
		in->on_mail(in->ctx);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct inbox *in = handle->data;
	in->polling = false;
	if (!in->closed)
		listen_anew(in);
}

/* The socket of a new connection needs a new handle: libuv's poll keeps its descriptor. */
static void listen_anew(struct inbox *in)
{
	struct err err;
	char sql[64];
	if (in->polling) {
		if (!uv_is_closing((uv_handle_t *)&in->poll))
			uv_close((uv_handle_t *)&in->poll, on_poll_closed);
		return;
	}
	snprintf(sql, sizeof sql, "LISTEN strata_command_%d", in->lake_id);
	if (db_connect(in->conninfo, &in->conn, &err) < 0 || db_exec(in->conn, sql, &err) < 0) {
		lose(in);
		return;
	}
	uv_poll_init(in->loop, &in->poll, PQsocket(in->conn));
	in->poll.data = in;
	in->polling = true;
	uv_poll_start(&in->poll, UV_READABLE, on_readable);
	in->on_mail(in->ctx); /* what came before anybody listened */
}

void inbox_open(struct inbox *in, uv_loop_t *loop, const char *conninfo, int lake_id, void (*on_mail)(void *ctx), void *ctx)
{
	*in = (struct inbox){.loop = loop, .conninfo = conninfo, .lake_id = lake_id, .on_mail = on_mail, .ctx = ctx};
	uv_timer_init(loop, &in->again);
	in->again.data = in;
	listen_anew(in);
}

void inbox_close(struct inbox *in)
{
	in->closed = true;
	uv_close((uv_handle_t *)&in->again, NULL);
	if (in->polling && !uv_is_closing((uv_handle_t *)&in->poll))
		uv_close((uv_handle_t *)&in->poll, NULL);
	PQfinish(in->conn);
	in->conn = NULL;
}
