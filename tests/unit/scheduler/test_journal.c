/* The journal on a real Postgres: order of commits, rows of a whole task, the fence, interrupted commits,
 * lost leadership; and the lock that makes one scheduler the leader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/clock.h"
#include "core/date.h"
#include "scheduler/journal.h"
#include "tests/unit/scheduler/pg_fixture.h"

#define RUN "20130107T120301-test"
#define TABLE "dwd.dwd_flights"
#define WALL 1357560000000000 /* 2013-01-07T12:00:00Z */

static char *one(PGconn *conn, const char *sql)
{
	static char value[4096];
	PGresult *r = PQexec(conn, sql);
	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		fprintf(stderr, "%s: %s\n", sql, db_message(conn, r));
	assert_int_equal(PQresultStatus(r), PGRES_TUPLES_OK);
	snprintf(value, sizeof value, "%s", PQntuples(r) ? PQgetvalue(r, 0, 0) : "(no row)");
	PQclear(r);
	return value;
}

struct world {
	uv_loop_t loop;
	struct db db;     /* conn is the journal's */
	PGconn *side;     /* another client that looks on */
	struct leader leader;
	struct journal *journal;
	uint64_t seqs[64];
	size_t commits;
	struct err lost;
	bool closed;
	long backend;
};

static void on_commit(void *ctx, uint64_t seq)
{
	struct world *w = ctx;
	assert_true(w->commits < 64);
	w->seqs[w->commits++] = seq;
}

static void on_lost(void *ctx, const struct err *err)
{
	struct world *w = ctx;
	assert_int_equal(w->lost.code, 0);
	w->lost = *err;
}

static void on_closed(void *ctx)
{
	((struct world *)ctx)->closed = true;
}

static void world_open(struct world *w)
{
	memset(w, 0, sizeof *w);
	w->db = fixture_open();
	assert_int_equal(db_connect(w->db.conninfo, &w->side, NULL), 0);
	assert_int_equal(db_exec(w->side, "SET client_min_messages = error; TRUNCATE strata.run, strata.task, strata.try,"
	                         " strata.event, strata.partition, strata.lineage, strata.check_result, strata.table_stat", NULL), 0);
	struct leader_claim claim = {w->db.lake_id, "strata run test", RUN};
	struct err err = {0};
	assert_int_equal(leader_wait(w->db.conn, &claim, NULL, NULL, &w->leader, &err), 0);
	w->backend = PQbackendPID(w->db.conn);
	uv_loop_init(&w->loop);
	w->journal = journal_new(&(struct journal_config){.loop = &w->loop, .conn = w->db.conn, .conninfo = w->db.conninfo,
	                                                  .leader = w->leader, .on_commit = on_commit, .on_lost = on_lost, .ctx = w});
}

static void world_close(struct world *w)
{
	journal_close(w->journal, on_closed, w);
	while (uv_run(&w->loop, UV_RUN_ONCE)) {
	}
	assert_true(w->closed);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	PQfinish(w->side);
	w->db.conn = NULL;
	db_close(&w->db);
}

static void run_until_idle(struct world *w)
{
	while (!journal_idle(w->journal) && w->lost.code == 0)
		uv_run(&w->loop, UV_RUN_ONCE);
}

static struct journal_names names(void)
{
	return (struct journal_names){.run_id = RUN, .wall_us = WALL, .table = TABLE, .partition = "2013-01-03"};
}

static void add_run(struct world *w)
{
	journal_run(w->journal, &(struct journal_run){.run_id = RUN, .kind = RUN_MANUAL, .selection = "+ads", .first_day = 15706,
	                                             .last_day = 15708, .tasks = 3, .fresh = 2, .wall_us = WALL});
}

static void add_task(struct world *w, uint64_t seq, int from, int to, int result)
{
	struct journal_names n = names();
	n.reason = to == TASK_READY ? "sql changed" : NULL;
	struct transition t = {.seq = seq, .object = OBJECT_TASK, .from = from, .to = to, .result = result, .try_no = 1};
	journal_transition(w->journal, &t, &n);
}

static struct try_result result_of(uint64_t fence, uint64_t version, int64_t rows, bool empty)
{
	static const struct column schema[] = {{"carrier", "VARCHAR"}, {"quote\"d", "DECIMAL(18,3)"}};
	static const struct manifest_input inputs[] = {
		{"ods.ods_flights", "2013-01-03", 4, "11111111-2222-4333-8444-555555555555"},
		{"source:raw/x.csv", "", 0, "10:20:30:40"},
		{"ods.ods_absent", "2013-01-03", 0, ""},
	};
	static const struct manifest_check checks[] = {{"primary_keys", "passed", ""}};
	static char ids[8][40];
	snprintf(ids[fence % 8], sizeof ids[0], "aaaaaaaa-0000-4000-8000-%012llu", (unsigned long long)fence);
	struct try_result r = {.outcome = OUTCOME_SUCCESS, .empty = empty, .bytes = 100, .cleared_rows = -1,
	                       .prepare_us = 1, .load_us = 2, .validate_us = 3, .commit_us = 4, .cleanup_us = 5};
	r.manifest = (struct manifest){.dest = TABLE, .try_id = ids[fence % 8], .version = version, .fence = fence,
	                               .row_count = rows, .nfiles = 1, .schema = schema, .nschema = 2, .inputs = inputs,
	                               .ninputs = 3, .checks = checks, .nchecks = 1, .fingerprint = "f00d", .git_commit = "c0ffee"};
	return r;
}

static void add_try(struct world *w, uint64_t seq, uint64_t fence, int from, int to, const struct try_result *result)
{
	struct journal_names n = names();
	n.try_id = "aaaaaaaa-0000-4000-8000-000000000001";
	n.worker = to == TRY_STARTING ? NULL : "w1";
	n.result = result;
	struct transition t = {.seq = seq, .object = OBJECT_TRY, .from = from, .to = to, .fence = fence, .try_no = 1,
	                       .result = to == TRY_ENDED ? OUTCOME_SUCCESS : 0};
	journal_transition(w->journal, &t, &n);
}

static void publish(struct world *w, const struct try_result *r)
{
	journal_publish(w->journal, &(struct journal_publish){.run_id = RUN, .table = TABLE, .partition = "2013-01-03",
	                                                      .partitioned = true, .wall_us = WALL, .result = r});
}

static void a_whole_task_is_stored_and_commits_come_in_order(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	add_run(&w);
	add_task(&w, 1, TASK_WAITING, TASK_READY, 0);
	journal_flush(w.journal);
	/* Gathers while the first is in flight, and goes by itself. */
	add_task(&w, 2, TASK_READY, TASK_RUNNING, 0);
	add_try(&w, 3, 1, 0, TRY_STARTING, NULL);
	journal_flush(w.journal);
	run_until_idle(&w);
	assert_int_equal(w.commits, 2);
	assert_int_equal(w.seqs[0], 1);
	assert_int_equal(w.seqs[1], 3);
	assert_string_equal(one(w.side, "SELECT state || reason || tries FROM strata.task"), "runningsql changed1");
	struct try_result r = result_of(1, 7, 9, false);
	add_try(&w, 4, 1, TRY_STARTING, TRY_RUNNING, NULL);
	add_try(&w, 5, 1, TRY_RUNNING, TRY_ENDED, &r);
	publish(&w, &r);
	struct journal_names n = names();
	n.result = &r;
	journal_transition(w.journal, &(struct transition){.seq = 6, .object = OBJECT_TASK, .from = TASK_RUNNING,
	                                                   .to = TASK_DONE, .result = TASK_SUCCESS, .try_no = 1}, &n);
	struct run_counts counts = {.tasks = 3};
	counts.by_result[TASK_SUCCESS] = 3;
	n.counts = &counts;
	journal_transition(w.journal, &(struct transition){.seq = 7, .object = OBJECT_RUN, .from = RUN_PLANNED,
	                                                   .to = RUN_RUNNING}, &n);
	journal_transition(w.journal, &(struct transition){.seq = 8, .object = OBJECT_RUN, .from = RUN_RUNNING,
	                                                   .to = RUN_DONE, .result = RUN_SUCCESS}, &n);
	journal_flush(w.journal);
	run_until_idle(&w);
	assert_int_equal(w.seqs[2], 8);
	assert_string_equal(one(w.side, "SELECT format('%s %s %s %s %s %s', state, result, tasks, fresh, counts->>'success',"
	                                " started_at = ended_at) FROM strata.run"), "done success 3 2 3 t");
	assert_string_equal(one(w.side, "SELECT format('%s %s %s %s %s', state, result, reason, rows, bytes) FROM strata.task"),
	                    "done success sql changed 9 100");
	assert_string_equal(one(w.side, "SELECT format('%s %s %s %s %s', state, outcome, worker, rows, load_us) FROM strata.try"),
	                    "ended success w1 9 2");
	assert_string_equal(one(w.side, "SELECT format('%s %s %s %s %s %s', grain, version, fence, try_id, rows, fingerprint)"
	                                " FROM strata.partition"), "day 7 1 aaaaaaaa-0000-4000-8000-000000000001 9 f00d");
	assert_string_equal(one(w.side, "SELECT schema->1->>'name' FROM strata.table_stat WHERE built = 1 AND duration_us = 15"),
	                    "quote\"d");
	assert_string_equal(one(w.side, "SELECT string_agg(format('%s@%s', up_table, up_version), ' ' ORDER BY up_table)"
	                                " FROM strata.lineage"), "ods.ods_absent@0 ods.ods_flights@4 source:raw/x.csv@0");
	assert_string_equal(one(w.side, "SELECT name || status FROM strata.check_result"), "primary_keyspassed");
	assert_string_equal(one(w.side, "SELECT string_agg(seq || object || to_state, ' ' ORDER BY seq) FROM strata.event"),
	                    "1taskready 2taskrunning 3trystarting 4tryrunning 5tryended 6taskdone 7runrunning 8rundone");
	assert_string_equal(one(w.side, "SELECT next_fence FROM strata.scheduler WHERE run_id = '" RUN "'"), "2");
	world_close(&w);
}

static void what_nobody_waits_for_goes_with_the_next_flush_or_by_itself(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	add_run(&w);
	journal_flush(w.journal);
	run_until_idle(&w);
	add_task(&w, 1, TASK_WAITING, TASK_READY, 0);
	journal_flush_soon(w.journal);
	add_try(&w, 2, 1, 0, TRY_STARTING, NULL);
	journal_flush(w.journal);
	run_until_idle(&w);
	assert_int_equal(w.commits, 2);
	assert_int_equal(w.seqs[1], 2);
	add_try(&w, 3, 1, TRY_STARTING, TRY_RUNNING, NULL);
	journal_flush_soon(w.journal);
	journal_flush_soon(w.journal);
	run_until_idle(&w); /* nobody flushes */
	assert_int_equal(w.commits, 3);
	assert_string_equal(one(w.side, "SELECT string_agg(seq || object || to_state, ' ' ORDER BY seq) FROM strata.event"),
	                    "1taskready 2trystarting 3tryrunning");
	world_close(&w);
}

static void an_older_fence_never_replaces_a_newer_one(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	const uint64_t fences[] = {20, 19, 21};
	const char *const want[] = {"20 1", "20 1", "21 3"};
	for (uint64_t i = 0; i < 3; i++) {
		struct try_result r = result_of(fences[i], i + 1, 5, false);
		publish(&w, &r);
		journal_flush(w.journal);
		run_until_idle(&w);
		assert_string_equal(one(w.side, "SELECT fence || ' ' || version FROM strata.partition"), want[i]);
	}
	/* Both in one transaction, in either order. */
	struct try_result older = result_of(22, 4, 5, false), newer = result_of(23, 5, 0, true);
	publish(&w, &newer);
	publish(&w, &older);
	journal_flush(w.journal);
	run_until_idle(&w);
	assert_string_equal(one(w.side, "SELECT format('%s %s %s', fence, files, empty) FROM strata.partition"), "23 0 t");
	assert_string_equal(one(w.side, "SELECT count(*) FROM strata.lineage"), "15");
	world_close(&w);
}

static void texts_that_are_no_utf8_are_stored_all_the_same(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	struct journal_names n = names();
	n.error = "bad \xff\xc3( \xe2\x82\xac {\"},NULL";
	journal_transition(w.journal, &(struct transition){.seq = 1, .object = OBJECT_TASK, .from = TASK_WAITING,
	                                                   .to = TASK_DONE, .result = TASK_FAILED}, &n);
	journal_flush(w.journal);
	run_until_idle(&w);
	assert_int_equal(w.lost.code, 0);
	assert_string_equal(one(w.side, "SELECT error FROM strata.task"), "bad ?\?( \xe2\x82\xac {\"},NULL");
	world_close(&w);
}

static void terminate(struct world *w)
{
	char sql[128];
	snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%ld, 60000)", w->backend);
	assert_string_equal(one(w->side, sql), "t");
}

static void a_backend_killed_before_its_commit_loses_nothing(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	/* The first statement of the transaction hangs on this lock. */
	assert_int_equal(db_exec(w.side, "BEGIN; SELECT 1 FROM strata.scheduler FOR UPDATE", NULL), 0);
	add_task(&w, 1, TASK_WAITING, TASK_READY, 0);
	journal_flush(w.journal);
	uv_run(&w.loop, UV_RUN_NOWAIT);
	terminate(&w);
	while (journal_down_since(w.journal) == 0)
		uv_run(&w.loop, UV_RUN_ONCE);
	assert_int_equal(w.commits, 0);
	add_task(&w, 2, TASK_READY, TASK_RUNNING, 0); /* results keep gathering */
	journal_flush(w.journal);
	assert_int_equal(db_exec(w.side, "COMMIT", NULL), 0);
	run_until_idle(&w);
	assert_int_equal(w.commits, 2);
	assert_int_equal(w.seqs[0], 1);
	assert_int_equal(w.seqs[1], 2);
	assert_int_equal(journal_down_since(w.journal), 0);
	assert_string_equal(one(w.side, "SELECT string_agg(seq::text, ' ' ORDER BY seq) FROM strata.event"), "1 2");
	world_close(&w);
}

static void a_commit_whose_answer_is_lost_is_not_repeated(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	add_task(&w, 1, TASK_WAITING, TASK_READY, 0);
	journal_flush(w.journal);
	run_until_idle(&w);
	/* Sent whole; the server answers only after its commit; we take the answer off the socket. */
	add_task(&w, 2, TASK_READY, TASK_RUNNING, 0);
	journal_flush(w.journal);
	int fd = PQsocket(w.db.conn);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&p, 1, -1), 1);
	char stolen[65536];
	assert_true(recv(fd, stolen, sizeof stolen, 0) > 0);
	assert_string_equal(one(w.side, "SELECT count(*) FROM strata.event"), "2");
	assert_int_equal(shutdown(fd, SHUT_RDWR), 0);
	run_until_idle(&w);
	assert_int_equal(w.commits, 2);
	assert_int_equal(w.seqs[1], 2);
	assert_int_equal(journal_transactions(w.journal), 2);
	assert_string_equal(one(w.side, "SELECT count(*) FROM strata.event"), "2");
	char tick[32];
	snprintf(tick, sizeof tick, "%lld", (long long)w.leader.tick + 2);
	assert_string_equal(one(w.side, "SELECT tick FROM strata.scheduler WHERE run_id = '" RUN "'"), tick);
	world_close(&w);
}

static void a_server_that_is_away_for_a_while_costs_nothing(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	add_run(&w);
	journal_flush(w.journal);
	run_until_idle(&w);
	struct cluster c = w.db.cluster;
	assert_int_equal(cluster_stop(&c, NULL), 0);
	for (uint64_t seq = 1; seq <= 3; seq++) {
		add_task(&w, seq, TASK_WAITING, TASK_READY, 0);
		journal_flush(w.journal);
		uv_run(&w.loop, UV_RUN_ONCE);
	}
	while (journal_down_since(w.journal) == 0)
		uv_run(&w.loop, UV_RUN_ONCE);
	assert_int_equal(w.commits, 1);
	bool started;
	assert_int_equal(cluster_start(&c, &started, NULL), 0);
	assert_true(started);
	run_until_idle(&w);
	assert_int_equal(w.lost.code, 0);
	assert_int_equal(w.seqs[w.commits - 1], 3);
	PQreset(w.side);
	assert_string_equal(one(w.side, "SELECT string_agg(seq::text, ' ' ORDER BY seq) FROM strata.event"), "1 2 3");
	world_close(&w);
}

static void a_tick_happens_once_and_only_in_its_epoch(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	char sql[256];
	const struct {
		int epoch, tick;
		const char *code;
	} cases[] = {{0, 1, NULL}, {0, 1, "ST002"}, {0, 2, NULL}, {-1, 3, "ST001"}, {1, 3, "ST001"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(sql, sizeof sql, "SELECT strata.scheduler_tick(%d, %lld, %lld, 0)", w.db.lake_id,
		         (long long)w.leader.epoch + cases[i].epoch, (long long)w.leader.tick + cases[i].tick);
		PGresult *r = PQexec(w.side, sql);
		const char *code = PQresultErrorField(r, PG_DIAG_SQLSTATE);
		if (cases[i].code)
			assert_string_equal(code, cases[i].code);
		else
			assert_null(code);
		PQclear(r);
	}
	world_close(&w);
}

static void who_lost_the_lake_writes_nothing(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	assert_int_equal(db_exec(w.side, "UPDATE strata.scheduler SET epoch = epoch + 1", NULL), 0);
	add_task(&w, 1, TASK_WAITING, TASK_READY, 0);
	journal_flush(w.journal);
	run_until_idle(&w);
	assert_int_equal(w.lost.code, ERR_LOCKED);
	assert_int_equal(w.commits, 0);
	assert_string_equal(one(w.side, "SELECT count(*) FROM strata.event"), "0");
	world_close(&w);
}

static void add_task_at(struct world *w, uint64_t seq, int64_t wall_us)
{
	struct journal_names n = names();
	n.wall_us = wall_us;
	journal_transition(w->journal, &(struct transition){.seq = seq, .object = OBJECT_TASK, .from = TASK_WAITING, .to = TASK_READY}, &n);
	journal_flush(w->journal);
	run_until_idle(w);
	assert_int_equal(w->lost.code, 0);
}

static void a_scheduler_that_stays_up_for_months_writes_its_events(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	const int64_t day = INT64_C(86400) * 1000000;
	int64_t at = WALL;
	for (uint64_t seq = 1; seq <= 40; seq++, at += 11 * day) /* over the ends of fourteen months */
		add_task_at(&w, seq, at);
	add_task_at(&w, 41, at + 200 * day); /* it slept */
	add_task_at(&w, 42, at - 900 * day); /* the clock was set */
	assert_string_equal(one(w.side, "SELECT count(*) || ' ' || count(DISTINCT tableoid) FROM strata.event"), "42 17");
	world_close(&w);
}

/* The months that a journal knows are others' to drop: retention, and a lake beside it whose clock is right. */
static void a_month_that_was_dropped_is_made_again(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	add_task_at(&w, 1, WALL);
	assert_int_equal(db_exec(w.side, "DROP TABLE strata.event_201301", NULL), 0);
	add_task_at(&w, 2, WALL);
	assert_string_equal(one(w.side, "SELECT string_agg(seq::text, ' ') FROM strata.event"), "2");
	world_close(&w);
}

static void rows_that_the_database_refuses_are_reported(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	/* done without a result: the CHECK of the table. */
	add_task(&w, 1, TASK_RUNNING, TASK_DONE, TASK_RESULT_NONE);
	journal_flush(w.journal);
	run_until_idle(&w);
	assert_int_equal(w.lost.code, ERR_STATE);
	assert_non_null(strstr(w.lost.text, "task_check"));
	assert_int_equal(w.commits, 0);
	world_close(&w);
}

static bool stop_at_once(void *ctx)
{
	++*(int *)ctx;
	return true;
}

/* What the loop asks synchronously while a transaction of its own is half sent: that has the row, and waits for us. */
static void a_half_sent_transaction_is_not_waited_for_for_ever(void **state)
{
	enum { MORE_THAN_A_SOCKET_TAKES = 20000 };
	static const char sql[] = "UPDATE strata.scheduler SET draining = false";
	struct world w;
	struct err err = {0};
	(void)state;
	world_open(&w);
	struct db db = {.source = DB_FLAG, .conninfo = w.db.conninfo};
	assert_int_equal(db_revive(&db, false, &err), 0);
	for (uint64_t i = 1; i <= MORE_THAN_A_SOCKET_TAKES; i++)
		add_try(&w, i, i, -1, TRY_STARTING, NULL);
	journal_flush(w.journal);
	assert_int_equal(db_exec(db.conn, sql, &err), ERR_STATE);
	assert_non_null(strstr(err.text, "lock timeout"));
	run_until_idle(&w);
	assert_int_equal(db_exec(db.conn, sql, &err), 0);
	/* The same after it was lost. */
	assert_int_equal(db_exec(db.conn, "SELECT pg_terminate_backend(pg_backend_pid())", NULL), ERR_STATE);
	assert_int_equal(db_revive(&db, false, &err), 0);
	assert_string_equal(one(db.conn, "SHOW lock_timeout"), "2s");
	PQfinish(db.conn);
	world_close(&w);
}

static void the_lock_makes_one_leader(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	struct leader_claim claim = {w.db.lake_id, "strata backfill", NULL};
	struct leader second;
	struct leader_holder h;
	struct err err = {0};
	assert_int_equal(leader_try(w.side, &claim, &second, &h, &err), ERR_LOCKED);
	assert_int_equal(h.pid, getpid());
	assert_string_equal(h.command, "strata run test");
	assert_string_equal(h.run_id, RUN);
	assert_true(h.since_us > 0);
	assert_non_null(strstr(err.text, RUN));
	int asked = 0;
	assert_int_equal(leader_wait(w.side, &claim, stop_at_once, &asked, &second, &err), ERR_CANCELED);
	assert_true(asked > 0);
	/* A try that was recorded with a fence: no later leader uses it again. */
	add_try(&w, 1, 77, 0, TRY_STARTING, NULL);
	journal_workers(w.journal, "[{\"worker\": \"w1\"}]", "{\"slots\": 4}");
	journal_flush(w.journal);
	run_until_idle(&w);
	assert_string_equal(one(w.side, "SELECT jsonb_array_length(workers) FROM strata.scheduler"), "1");
	assert_string_equal(one(w.side, "SELECT lanes->>'slots' FROM strata.scheduler"), "4");
	struct leader first = w.leader;
	world_close(&w);
	struct db db = fixture_open();
	assert_int_equal(db_exec(db.conn, "UPDATE strata.scheduler SET next_fence = 1", NULL), 0); /* as if restored */
	assert_int_equal(leader_wait(db.conn, &claim, NULL, NULL, &second, &err), 0);
	assert_int_equal(second.epoch, first.epoch + 1);
	assert_true(second.tick > first.tick);
	assert_int_equal(second.next_fence, 78);
	assert_string_equal(one(db.conn, "SELECT workers || lanes::text FROM strata.scheduler"), "[]{}"); /* those were the other one's */
	db_close(&db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_task_is_stored_and_commits_come_in_order),
		cmocka_unit_test(what_nobody_waits_for_goes_with_the_next_flush_or_by_itself),
		cmocka_unit_test(an_older_fence_never_replaces_a_newer_one),
		cmocka_unit_test(texts_that_are_no_utf8_are_stored_all_the_same),
		cmocka_unit_test(a_backend_killed_before_its_commit_loses_nothing),
		cmocka_unit_test(a_commit_whose_answer_is_lost_is_not_repeated),
		cmocka_unit_test(a_server_that_is_away_for_a_while_costs_nothing),
		cmocka_unit_test(a_tick_happens_once_and_only_in_its_epoch),
		cmocka_unit_test(who_lost_the_lake_writes_nothing),
		cmocka_unit_test(a_scheduler_that_stays_up_for_months_writes_its_events),
		cmocka_unit_test(a_month_that_was_dropped_is_made_again),
		cmocka_unit_test(rows_that_the_database_refuses_are_reported),
		cmocka_unit_test(a_half_sent_transaction_is_not_waited_for_for_ever),
		cmocka_unit_test(the_lock_makes_one_leader),
	};
	return cmocka_run_group_tests_name("journal", tests, fixture_start, fixture_stop);
}
