/* See journal.h. Invariant: a batch leaves `flight` only when its transaction is known to be committed;
 * ticks grow by one a batch, and strata.scheduler_tick lets each happen once. */
#include "scheduler/journal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/date.h"
#include "scheduler/db.h"
#include "scheduler/journal_batch.h"
#include "scheduler/pg.h"

enum {
	RETRY_MS = 200,
	SOON_MS = 20, /* what nobody waits for may gather so long */
};

enum journal_state {
	JOURNAL_READY,    /* nothing in flight */
	JOURNAL_FLYING,   /* `flight` is sent */
	JOURNAL_DOWN,     /* no connection, or not yet known what became of `flight` */
	JOURNAL_PAUSED,   /* the timer will try again */
	JOURNAL_LOST,
	JOURNAL_CLOSED,
};

struct journal {
	struct journal_config config;
	char *conninfo;
	struct pg *pg;
	uv_timer_t timer, soon;
	enum journal_state state;
	bool asked;         /* somebody waits for what gathers */
	bool soon_set;      /* the timer `soon` runs */
	struct journal_batch gathering, flight;
	int64_t tick;       /* of `flight`, or of the last one committed */
	uint64_t committed; /* seq of the last transition that is durable */
	int64_t down_since, transactions;
	int month_first, month_end; /* months after year 0 whose event partitions are known to exist */
	int want_first, want_end;   /* ... will exist once `flight` is committed */
	bool once_more;     /* `flight` was refused for its months, and is sent again */
	void (*closed)(void *ctx);
	void *closed_ctx;
	int handles; /* still to close */
};

static const struct pg_statement own[] = {
	{"journal_tick", "SELECT strata.scheduler_tick($1::integer, $2::bigint, $3::bigint, $4::bigint)"},
	{"journal_months", "SELECT strata.event_months($1::date, $2::date)"},
	{"journal_lock", LEADER_LOCK("pg_try_advisory_lock")},
	{"journal_where", "SELECT epoch, tick FROM strata.scheduler WHERE lake_id = $1::integer"},
};
enum { OWN_TICK, OWN_MONTHS, OWN_LOCK, OWN_WHERE, OWN_COUNT };

static void resume(struct journal *j);

static void prepare(struct journal *j)
{
	pg_prepare(j->pg, own, OWN_COUNT);
	pg_prepare(j->pg, journal_statements(), JOURNAL_TABLES);
}

static struct pg_param text_param(const char *s)
{
	return (struct pg_param){s, (int)strlen(s), 0};
}

static int month_of(int64_t wall_us)
{
	time_t s = (time_t)(wall_us / 1000000);
	struct tm tm;
	gmtime_r(&s, &tm);
	return (tm.tm_year + 1900) * 12 + tm.tm_mon;
}

/* Events of a new month need its partition: made in the same transaction, a month ahead. */
static void send_months(struct journal *j)
{
	const struct journal_batch *b = &j->flight;
	j->want_first = j->month_first;
	j->want_end = j->month_end;
	if (!b->first_us)
		return;
	int first = month_of(b->first_us), last = month_of(b->last_us);
	if (j->month_first <= first && last < j->month_end)
		return;
	if (j->month_first == j->month_end) {
		j->want_first = first;
		j->want_end = last + 2;
	} else {
		j->want_first = first < j->month_first ? first : j->month_first;
		j->want_end = last + 2 > j->month_end ? last + 2 : j->month_end;
	}
	char from[32], to[32];
	snprintf(from, sizeof from, "%04d-%02d-01", j->want_first / 12, j->want_first % 12 + 1);
	snprintf(to, sizeof to, "%04d-%02d-01", (j->want_end - 1) / 12, (j->want_end - 1) % 12 + 1);
	const struct pg_param params[] = {text_param(from), text_param(to)};
	pg_add(j->pg, &own[OWN_MONTHS], params, 2);
}

static void lost(struct journal *j, int code, const char *why)
{
	struct err err = {0};
	j->state = JOURNAL_LOST;
	err_set(&err, code, "%s", why);
	log_event(LOG_ERROR, "journal.lost", "error", why, NULL);
	j->config.on_lost(j->config.ctx, &err);
}

static void on_answer(void *ctx, const struct pg_reply *reply);

static void transmit(struct journal *j)
{
	char lake[12], epoch[24], tick[24], fence[24];
	snprintf(lake, sizeof lake, "%d", j->config.leader.lake_id);
	snprintf(epoch, sizeof epoch, "%lld", (long long)j->config.leader.epoch);
	snprintf(tick, sizeof tick, "%lld", (long long)j->tick);
	snprintf(fence, sizeof fence, "%llu", (unsigned long long)j->flight.max_fence + 1);
	const struct pg_param params[] = {text_param(lake), text_param(epoch), text_param(tick), text_param(fence)};
	if (FAULT("journal.send"))
		pg_cut(j->pg);
	j->state = JOURNAL_FLYING;
	pg_begin(j->pg);
	pg_add(j->pg, &own[OWN_TICK], params, 4);
	send_months(j);
	batch_send(&j->flight, j->config.leader.lake_id, j->pg);
	pg_end(j->pg, on_answer, j);
	if (FAULT("journal.sent"))
		pg_cut(j->pg);
}

static void send_gathered(struct journal *j)
{
	if (j->state != JOURNAL_READY || j->gathering.changes == 0 || !j->asked)
		return;
	uv_timer_stop(&j->soon);
	j->soon_set = j->asked = false;
	j->flight = j->gathering;
	j->gathering = (struct journal_batch){0};
	j->tick++;
	transmit(j);
}

static void note_up(struct journal *j)
{
	if (j->down_since)
		log_event(LOG_WARN, "journal.up", LOG_INT("away_ms", (clock_mono_us() - j->down_since) / 1000), NULL);
	j->down_since = 0;
}

static void committed(struct journal *j)
{
	(void)FAULT("journal.committed");
	j->state = JOURNAL_READY;
	j->once_more = false;
	note_up(j);
	j->month_first = j->want_first;
	j->month_end = j->want_end;
	j->transactions++;
	if (j->flight.seq)
		j->committed = j->flight.seq;
	batch_free(&j->flight);
	j->config.on_commit(j->config.ctx, j->committed);
	send_gathered(j);
}

static void note_down(struct journal *j, const char *why)
{
	if (j->down_since == 0) {
		j->down_since = clock_mono_us();
		log_event(LOG_WARN, "journal.down", "error", why, "then", "what runs goes on, and is recorded when the database is back", NULL);
		if (j->config.on_down)
			j->config.on_down(j->config.ctx);
	}
}

static void on_retry(uv_timer_t *timer)
{
	struct journal *j = timer->data;
	if (j->state == JOURNAL_PAUSED)
		resume(j);
}

static void pause_and_retry(struct journal *j, const char *why)
{
	note_down(j, why);
	j->state = JOURNAL_PAUSED;
	uv_timer_start(&j->timer, on_retry, RETRY_MS, 0);
}

/* What time may cure: no disk space or memory, deadlock, a server that is going down. */
static bool is_passing(const char *sqlstate)
{
	return strncmp(sqlstate, "53", 2) == 0 || strncmp(sqlstate, "40", 2) == 0 || strncmp(sqlstate, "57", 2) == 0 ||
	       strncmp(sqlstate, "58", 2) == 0;
}

/* A month that we know was dropped by a retention of whoever has a later clock (no partition for the row: 23514), or
 * another lake's scheduler is making the same one (42P07, 23505). Then the months are made again, once a batch. */
static bool is_about_months(struct journal *j, const char *sqlstate)
{
	if (j->once_more || (strcmp(sqlstate, "23514") != 0 && strcmp(sqlstate, "42P07") != 0 && strcmp(sqlstate, "23505") != 0))
		return false;
	j->month_first = j->month_end = 0;
	j->once_more = true;
	return true;
}

static void on_answer(void *ctx, const struct pg_reply *reply)
{
	struct journal *j = ctx;
	if (j->state != JOURNAL_FLYING)
		return;
	if (reply->status == PG_DONE || strcmp(reply->sqlstate, "ST002") == 0)
		committed(j);
	else if (reply->status == PG_LOST)
		j->state = JOURNAL_DOWN; /* the hook `down` follows */
	else if (strcmp(reply->sqlstate, "ST001") == 0)
		lost(j, ERR_LOCKED, "another scheduler has taken the lake");
	else if (is_passing(reply->sqlstate))
		pause_and_retry(j, reply->message);
	else if (is_about_months(j, reply->sqlstate))
		transmit(j);
	else
		lost(j, ERR_STATE, reply->message);
}

static void on_resumed(void *ctx, const struct pg_reply *reply)
{
	struct journal *j = ctx;
	if (j->state != JOURNAL_DOWN && j->state != JOURNAL_PAUSED)
		return;
	if (reply->status == PG_LOST)
		return;
	if (reply->status == PG_REFUSED) {
		pause_and_retry(j, reply->message);
		return;
	}
	bool locked = PQgetvalue(reply->results[0], 0, 0)[0] == 't';
	bool known = PQntuples(reply->results[1]) == 1;
	if (!known || strtoll(PQgetvalue(reply->results[1], 0, 0), NULL, 10) != j->config.leader.epoch) {
		lost(j, ERR_LOCKED, "another scheduler has taken the lake");
	} else if (!locked) {
		/* Our own lost session, which the server still sees, or somebody who is about to be leader. */
		pause_and_retry(j, "the lake's lock is held");
	} else if (j->flight.changes && strtoll(PQgetvalue(reply->results[1], 0, 1), NULL, 10) >= j->tick) {
		committed(j);
	} else if (j->flight.changes) {
		transmit(j);
	} else {
		j->state = JOURNAL_READY;
		note_up(j);
		send_gathered(j);
	}
}

/* Connected again, or a pause is over: the lock, then what became of the last tick. The second statement
 * has a newer snapshot than the first, so it sees what was committed before the lock was ours. */
static void resume(struct journal *j)
{
	if (!pg_is_up(j->pg)) {
		j->state = JOURNAL_DOWN;
		return;
	}
	char lake[12];
	snprintf(lake, sizeof lake, "%d", j->config.leader.lake_id);
	const struct pg_param param = text_param(lake);
	pg_begin(j->pg);
	pg_add(j->pg, &own[OWN_LOCK], &param, 1);
	pg_add(j->pg, &own[OWN_WHERE], &param, 1);
	pg_end(j->pg, on_resumed, j);
}

static void on_up(void *ctx)
{
	struct journal *j = ctx;
	if (j->state == JOURNAL_LOST)
		return;
	prepare(j);
	resume(j);
}

static void on_down(void *ctx, const char *why)
{
	struct journal *j = ctx;
	if (j->state == JOURNAL_LOST)
		return;
	note_down(j, why);
	j->state = JOURNAL_DOWN;
}

struct journal *journal_new(const struct journal_config *config)
{
	struct journal *j = mem_alloc(sizeof *j);
	j->config = *config;
	j->conninfo = mem_strdup(config->conninfo);
	j->config.conninfo = j->conninfo;
	j->tick = config->leader.tick;
	uv_timer_init(config->loop, &j->timer);
	uv_timer_init(config->loop, &j->soon);
	j->timer.data = j->soon.data = j;
	struct pg_hooks hooks = {.up = on_up, .down = on_down, .ctx = j};
	j->pg = pg_new(config->loop, j->conninfo, &hooks);
	if (pg_adopt(j->pg, config->conn) == 0) {
		prepare(j);
	} else {
		j->state = JOURNAL_DOWN;
		note_down(j, "the connection broke");
	}
	return j;
}

static bool is_writing(const struct journal *j)
{
	return j->state != JOURNAL_LOST && j->state != JOURNAL_CLOSED;
}

void journal_run(struct journal *j, const struct journal_run *run)
{
	if (is_writing(j))
		batch_run(&j->gathering, run, j->config.leader.epoch);
}

void journal_transition(struct journal *j, const struct transition *t, const struct journal_names *names)
{
	if (is_writing(j))
		batch_transition(&j->gathering, t, names, j->config.leader.epoch);
}

void journal_publish(struct journal *j, const struct journal_publish *p)
{
	if (is_writing(j))
		batch_publish(&j->gathering, p);
}

void journal_checks(struct journal *j, uint64_t fence, const struct manifest_check *checks, size_t n)
{
	if (is_writing(j))
		batch_checks(&j->gathering, fence, checks, n);
}

void journal_checked(struct journal *j, const char *table, const char *partition, const char *try_id, const char *fingerprint)
{
	if (is_writing(j))
		batch_checked(&j->gathering, table, partition, try_id, fingerprint);
}

void journal_progress(struct journal *j, const char *run_id, const struct run_counts *counts, int64_t per_hour)
{
	if (is_writing(j))
		batch_progress(&j->gathering, run_id, counts, per_hour, j->config.leader.epoch);
}

void journal_pause(struct journal *j, const char *run_id, bool pause)
{
	if (is_writing(j))
		batch_pause(&j->gathering, run_id, pause, j->config.leader.epoch);
}

void journal_workers(struct journal *j, const char *workers, const char *lanes)
{
	if (is_writing(j))
		batch_workers(&j->gathering, workers, lanes);
}

void journal_flush(struct journal *j)
{
	j->asked = j->asked || j->gathering.changes;
	send_gathered(j);
}

static void on_soon(uv_timer_t *timer)
{
	struct journal *j = timer->data;
	j->soon_set = false;
	journal_flush(j);
}

void journal_flush_soon(struct journal *j)
{
	if (j->gathering.changes == 0 || j->asked || j->soon_set)
		return;
	j->soon_set = true;
	uv_timer_start(&j->soon, on_soon, SOON_MS, 0);
}

bool journal_idle(const struct journal *j)
{
	return j->gathering.changes == 0 && j->flight.changes == 0;
}

int64_t journal_down_since(const struct journal *j)
{
	return j->down_since;
}

int64_t journal_mark(const struct journal *j)
{
	return j->transactions + (j->flight.changes != 0) + (j->gathering.changes != 0);
}

int64_t journal_transactions(const struct journal *j)
{
	return j->transactions;
}

static void one_closed(struct journal *j)
{
	if (--j->handles > 0)
		return;
	void (*closed)(void *) = j->closed;
	void *ctx = j->closed_ctx;
	batch_free(&j->gathering);
	batch_free(&j->flight);
	free(j->conninfo);
	free(j);
	if (closed)
		closed(ctx);
}

static void pg_closed(void *ctx)
{
	one_closed(ctx);
}

static void timer_closed(uv_handle_t *h)
{
	one_closed(h->data);
}

void journal_close(struct journal *j, void (*closed)(void *ctx), void *ctx)
{
	j->state = JOURNAL_CLOSED;
	j->closed = closed;
	j->closed_ctx = ctx;
	j->handles = 3;
	uv_close((uv_handle_t *)&j->timer, timer_closed);
	uv_close((uv_handle_t *)&j->soon, timer_closed);
	pg_close(j->pg, pg_closed, j);
}
