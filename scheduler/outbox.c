/* See outbox.h. Invariant: a row is in `letters` from the start of its attempt until the outcome of that is recorded, so
 * that no look at the table starts it twice. */
#include "scheduler/outbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/retry.h"
#include "scheduler/callbacks.h"
#include "scheduler/deliver.h"
#include "scheduler/load.h"
#include "scheduler/pg.h"

enum {
	AT_ONCE = 16,
	PER_CALLBACK = 2,       /* a slow receiver leaves room for others */
	FIRST_DELAY_MS = 1000,  /* then twice as long each time, to the most */
	MOST_DELAY_MS = 10 * 60 * 1000,
	AGAIN_MS = 2000,        /* until a refused statement is given once more */
	WAKE_MOST_MS = 24 * 3600 * 1000,
	NAMES_MAX = 1 << 16,
};

struct letter {
	struct list link;       /* in outbox.letters */
	struct outbox *outbox;
	char *key, *callback, *event, *run_id;
	int64_t tries, age_ms, began_ms, retry_for_ms;
	struct delivery *delivery; /* NULL: it has an outcome, which is to be recorded */
	bool recording;         /* and is on its way */
	const char *outcome;
	int64_t delay_ms;       /* outcome "": until the next attempt */
	char *error;
};

struct outbox {
	struct outbox_config config;
	const struct project *project;
	char *names;            /* of its callbacks, as an array of Postgres */
	struct pg *pg;          /* NULL: never had a callback */
	char listen[64];
	struct deliverer *deliverer;
	struct list letters;
	size_t nletters;
	uv_timer_t timer;
	bool looking, look_again;
	bool quiet;             /* the last look found nothing that is due */
	bool pg_closed, timer_closed;
};

static void look(struct outbox *o);

/* The first few of each callback, by outbox_due: an outage may leave very many. */
static const char look_sql[] =
	"SELECT o.key::text, o.callback, o.event, o.run_id, o.tries, o.body::text,"
	" greatest(0, ceil(extract(epoch FROM o.next_at - clock_timestamp()) * 1000))::bigint,"
	" (extract(epoch FROM clock_timestamp() - o.since) * 1000)::bigint"
	" FROM unnest($2::text[]) AS c (name), LATERAL (SELECT * FROM strata.outbox f"
	"  WHERE f.lake_id = $1::integer AND f.callback = c.name AND f.outcome = ''"
	"  AND f.seq = (SELECT e.seq FROM strata.outbox e WHERE e.lake_id = f.lake_id AND e.callback = f.callback AND e.subject = f.subject"
	"   AND e.outcome = '' ORDER BY e.seq LIMIT 1)"
	"  ORDER BY f.next_at, f.seq LIMIT 4) o"
	" ORDER BY o.next_at, o.seq";
static const char record_sql[] =
	"UPDATE strata.outbox SET tries = tries + 1, outcome = $3::text, ended_at = CASE WHEN $3::text = '' THEN NULL ELSE now() END,"
	" next_at = clock_timestamp() + $4::bigint * interval '1 ms', error = $5::text"
	" WHERE lake_id = $1::integer AND key = $2::uuid AND outcome = ''";
static const char forget_sql[] =
	"DELETE FROM strata.outbox WHERE lake_id = $1::integer AND outcome <> '' AND created_at < now() - interval '90 days'";
static const struct pg_statement looks = {"outbox_look", look_sql}, records = {"outbox_record", record_sql}, forgets = {"outbox_forget", forget_sql};

static int64_t now_ms(void)
{
	return (int64_t)(uv_hrtime() / 1000000);
}

static double jitter(void)
{
	uint32_t random = 0;
	(void)!getrandom(&random, sizeof random, 0);
	return (double)random / UINT32_MAX;
}

static struct pg_param text_param(const char *text)
{
	return (struct pg_param){text, (int)strlen(text), 0};
}

static void letter_free(struct letter *l)
{
	list_remove(&l->link);
	l->outbox->nletters--;
	free(l->key);
	free(l->callback);
	free(l->event);
	free(l->run_id);
	free(l->error);
	free(l);
}

static void wake_in(struct outbox *o, int64_t ms);

static void on_recorded(void *ctx, const struct pg_reply *reply)
{
	struct letter *l = ctx;
	struct outbox *o = l->outbox;
	l->recording = false;
	if (reply->status == PG_LOST)
		return; /* once more when it is up; if it was done, that changes nothing */
	if (reply->status == PG_REFUSED) {
		log_event(LOG_WARN, "callback.not_recorded", "callback", l->callback, "key", l->key, "error", reply->message, NULL);
		wake_in(o, AGAIN_MS);
		return;
	}
	letter_free(l);
	look(o);
}

static void record(struct letter *l)
{
	struct outbox *o = l->outbox;
	char lake[12], delay[24];
	snprintf(lake, sizeof lake, "%d", o->config.lake_id);
	snprintf(delay, sizeof delay, "%" PRId64, l->delay_ms);
	const struct pg_param params[] = {text_param(lake), text_param(l->key), text_param(l->outcome), text_param(delay),
	                                  text_param(l->error ? l->error : "")};
	if (l->recording || !pg_is_up(o->pg))
		return; /* else when it is */
	l->recording = true;
	pg_begin(o->pg);
	pg_add(o->pg, &records, params, 5);
	pg_add(o->pg, &forgets, params, 1);
	pg_end(o->pg, on_recorded, l);
}

static void on_delivered(void *ctx, const char *problem)
{
	struct letter *l = ctx;
	const struct retry_policy policy = {FIRST_DELAY_MS, MOST_DELAY_MS, 2};
	l->delivery = NULL;
	if (FAULT("outbox.delivered"))
		problem = "the fault point outbox.delivered";
	if (!problem) {
		l->outcome = "delivered";
		log_event(LOG_INFO, "callback.delivered", "callback", l->callback, "callback_event", l->event, "run", l->run_id, "key", l->key, NULL);
	} else {
		bool over = l->age_ms + (now_ms() - l->began_ms) >= l->retry_for_ms;
		l->outcome = over ? "given_up" : "";
		l->delay_ms = retry_delay_ms(&policy, (uint32_t)l->tries + 1, jitter());
		l->error = mem_strdup(problem);
		if (over || !l->outbox->config.quiet)
			log_event(over ? LOG_ERROR : LOG_WARN, over ? "callback.given_up" : "callback.not_delivered", "callback", l->callback, "callback_event", l->event,
			          "run", l->run_id, "key", l->key, "error", problem, NULL);
	}
	record(l);
}

static bool is_under_way(const struct outbox *o, const char *key)
{
	LIST_FOR_EACH(it, &o->letters) {
		if (strcmp(LIST_ENTRY(it, struct letter, link)->key, key) == 0)
			return true;
	}
	return false;
}

static size_t under_way_of(const struct outbox *o, const char *callback)
{
	size_t n = 0;
	LIST_FOR_EACH(it, &o->letters)
		n += strcmp(LIST_ENTRY(it, struct letter, link)->callback, callback) == 0;
	return n;
}

static void send_letter(struct outbox *o, const struct callback *c, PGresult *r, int row)
{
	struct letter *l = mem_alloc(sizeof *l);
	*l = (struct letter){.outbox = o,
	                     .key = mem_strdup(PQgetvalue(r, row, 0)),
	                     .callback = mem_strdup(PQgetvalue(r, row, 1)),
	                     .event = mem_strdup(PQgetvalue(r, row, 2)),
	                     .run_id = mem_strdup(PQgetvalue(r, row, 3)),
	                     .tries = strtoll(PQgetvalue(r, row, 4), NULL, 10),
	                     .age_ms = strtoll(PQgetvalue(r, row, 7), NULL, 10),
	                     .began_ms = now_ms(),
	                     .retry_for_ms = c->retry_for_ms};
	list_append(&o->letters, &l->link);
	o->nletters++;
	const struct message m = {.key = l->key, .event = l->event, .body = PQgetvalue(r, row, 5)};
	(void)FAULT("outbox.send");
	l->delivery = deliver(o->deliverer, c, &m, on_delivered, l);
}

static void on_looked(void *ctx, const struct pg_reply *reply)
{
	struct outbox *o = ctx;
	int64_t wake = INT64_MAX;
	bool quiet = true;
	o->looking = false;
	if (reply->status != PG_DONE) {
		if (reply->status == PG_REFUSED)
			log_event(LOG_WARN, "outbox.not_read", "error", reply->message, NULL);
		wake_in(o, AGAIN_MS);
		return;
	}
	PGresult *r = reply->results[0];
	for (int i = 0; i < PQntuples(r); i++) {
		int64_t in_ms = strtoll(PQgetvalue(r, i, 6), NULL, 10);
		const struct callback *c = callback_find(o->project, PQgetvalue(r, i, 1));
		if (!c || is_under_way(o, PQgetvalue(r, i, 0)))
			continue;
		if (in_ms > 0)
			wake = in_ms < wake ? in_ms : wake;
		else if (o->nletters < AT_ONCE && under_way_of(o, c->name) < PER_CALLBACK)
			send_letter(o, c, r, i);
		else
			quiet = false; /* when one that is under way has ended */
	}
	o->quiet = quiet && !o->look_again;
	if (wake < INT64_MAX)
		wake_in(o, wake);
	if (o->look_again)
		look(o);
}

static void look(struct outbox *o)
{
	char lake[12];
	if (o->looking || !o->pg || !pg_is_up(o->pg)) {
		o->look_again = true;
		return;
	}
	snprintf(lake, sizeof lake, "%d", o->config.lake_id);
	const struct pg_param params[] = {text_param(lake), text_param(o->names)};
	o->look_again = false;
	o->looking = true;
	pg_begin(o->pg);
	pg_add(o->pg, &looks, params, 2);
	pg_end(o->pg, on_looked, o);
}

/* Outcomes that wait for the database first: what follows them is due then. */
static void go_on(struct outbox *o)
{
	LIST_FOR_EACH(it, &o->letters) {
		struct letter *l = LIST_ENTRY(it, struct letter, link);
		if (!l->delivery)
			record(l);
	}
	look(o);
}

static void on_timer(uv_timer_t *timer)
{
	go_on(timer->data);
}

/* No later than that. */
static void wake_in(struct outbox *o, int64_t ms)
{
	if (uv_is_closing((uv_handle_t *)&o->timer))
		return;
	uint64_t in_ms = (uint64_t)(ms < WAKE_MOST_MS ? ms : WAKE_MOST_MS);
	if (uv_is_active((uv_handle_t *)&o->timer) && uv_timer_get_due_in(&o->timer) <= in_ms)
		return;
	uv_update_time(o->config.loop);
	uv_timer_start(&o->timer, on_timer, in_ms, 0);
}

static void on_up(void *ctx)
{
	struct outbox *o = ctx;
	const struct pg_statement listens = {"outbox_listen", o->listen};
	const struct pg_statement list[] = {looks, records, forgets, listens};
	pg_prepare(o->pg, list, sizeof list / sizeof *list);
	pg_begin(o->pg);
	pg_add(o->pg, &listens, NULL, 0);
	pg_end(o->pg, NULL, NULL);
	go_on(o);
}

static void on_down(void *ctx, const char *why)
{
	(void)ctx;
	log_event(LOG_WARN, "outbox.lost", "error", why, NULL);
}

static void on_notified(void *ctx)
{
	look(ctx);
}

struct outbox *outbox_new(const struct outbox_config *config)
{
	struct outbox *o = mem_alloc(sizeof *o);
	o->config = *config;
	list_init(&o->letters);
	snprintf(o->listen, sizeof o->listen, "LISTEN strata_outbox_%d", config->lake_id);
	uv_timer_init(config->loop, &o->timer);
	o->timer.data = o;
	return o;
}

/* Their names are letters, digits and a few signs: none that an array would want quoted. */
static char *names_of(const struct project *p)
{
	struct buf b = BUF_INIT(NAMES_MAX);
	buf_addc(&b, '{');
	for (size_t i = 0; i < p->ncallbacks; i++) {
		if (!p->callbacks[i].off)
			buf_addf(&b, "%s\"%s\"", b.len > 1 ? "," : "", p->callbacks[i].name);
	}
	buf_addc(&b, '}');
	return buf_steal(&b);
}

void outbox_project(struct outbox *o, const struct project *p)
{
	o->project = p;
	free(o->names);
	o->names = names_of(p);
	if (o->pg) {
		look(o);
		return;
	}
	if (p->ncallbacks == 0)
		return;
	o->deliverer = deliverer_new(o->config.loop, p->dir);
	o->pg = pg_new(o->config.loop, o->config.conninfo, &(struct pg_hooks){.up = on_up, .down = on_down, .notified = on_notified, .ctx = o});
	pg_connect(o->pg);
}

static void on_limit(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

static void on_limit_closed(uv_handle_t *handle)
{
	*(bool *)handle->data = true;
}

void outbox_settle(struct outbox *o, int64_t ms)
{
	uv_timer_t limit;
	bool over = false, closed = false;
	if (!o->pg)
		return;
	uv_timer_init(o->config.loop, &limit);
	limit.data = &over;
	uv_update_time(o->config.loop);
	uv_timer_start(&limit, on_limit, (uint64_t)ms, 0);
	o->quiet = false;
	look(o);
	while (!over && (!o->quiet || o->nletters || o->looking || o->look_again))
		uv_run(o->config.loop, UV_RUN_ONCE);
	limit.data = &closed;
	uv_close((uv_handle_t *)&limit, on_limit_closed);
	loop_until(o->config.loop, &closed);
}

static void on_pg_closed(void *ctx)
{
	((struct outbox *)ctx)->pg_closed = true;
}

static void on_timer_closed(uv_handle_t *handle)
{
	((struct outbox *)handle->data)->timer_closed = true;
}

void outbox_free(struct outbox *o)
{
	if (!o)
		return;
	LIST_FOR_EACH(it, &o->letters) {
		struct letter *l = LIST_ENTRY(it, struct letter, link);
		if (l->delivery)
			delivery_cancel(l->delivery);
	}
	if (o->pg) {
		pg_close(o->pg, on_pg_closed, o);
		uv_close((uv_handle_t *)&o->timer, on_timer_closed);
		loop_until(o->config.loop, &o->pg_closed);
	} else {
		uv_close((uv_handle_t *)&o->timer, on_timer_closed);
	}
	loop_until(o->config.loop, &o->timer_closed);
	while (!list_empty(&o->letters))
		letter_free(LIST_ENTRY(o->letters.next, struct letter, link));
	deliverer_free(o->deliverer);
	free(o->names);
	free(o);
}
