/* Postgres on the loop: order of answers, a refused group between good ones, large data both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <uv.h>

#include "base/mem.h"
#include "scheduler/pg.h"
#include "tests/unit/scheduler/pg_fixture.h"

struct world {
	uv_loop_t loop;
	struct db db;
	struct pg *pg;
	char log[1024]; /* one word per answer or hook */
	size_t answers;
};

static void note(struct world *w, const char *word)
{
	size_t n = strlen(w->log);
	snprintf(w->log + n, sizeof w->log - n, "%s ", word);
}

static void on_answer(void *ctx, const struct pg_reply *r)
{
	struct world *w = ctx;
	w->answers++;
	if (r->status == PG_DONE)
		note(w, PQntuples(r->results[0]) ? PQgetvalue(r->results[0], 0, 0) : "ok");
	else
		note(w, r->status == PG_REFUSED ? r->sqlstate : "lost");
}

static void on_up(void *ctx)
{
	note(ctx, "up");
}

static void on_down(void *ctx, const char *why)
{
	assert_true(*why != '\0');
	note(ctx, "down");
}

static const struct pg_statement statements[] = {
	{"insert", "INSERT INTO strata.audit (lake_id, actor, action) SELECT lake_id, 'me', $1::text FROM strata.lake"},
	{"count", "SELECT count(*)::text FROM strata.audit"},
	{"divide", "SELECT (1 / $1::integer)::text"},
	{"length", "SELECT length($1::text)::text, $1::text"},
	{"warn", "DO $$ BEGIN RAISE WARNING 'unasked'; END $$"},
};
enum { INSERT, COUNT, DIVIDE, LENGTH, WARN };

static void world_open(struct world *w)
{
	memset(w, 0, sizeof *w);
	w->db = fixture_open();
	assert_int_equal(db_exec(w->db.conn, "TRUNCATE strata.audit", NULL), 0);
	uv_loop_init(&w->loop);
	struct pg_hooks hooks = {.up = on_up, .down = on_down, .ctx = w};
	w->pg = pg_new(&w->loop, w->db.conninfo, &hooks);
	assert_int_equal(pg_adopt(w->pg, w->db.conn), 0);
	w->db.conn = NULL;
	pg_prepare(w->pg, statements, 5);
}

static void world_close(struct world *w)
{
	pg_close(w->pg, NULL, NULL);
	while (uv_run(&w->loop, UV_RUN_ONCE)) {
	}
	assert_int_equal(uv_loop_close(&w->loop), 0);
	db_close(&w->db);
}

static void add(struct world *w, int statement, const char *text)
{
	struct pg_param p = {text, text ? (int)strlen(text) : 0, 0};
	pg_add(w->pg, &statements[statement], &p, text ? 1 : 0);
}

static void run_until(struct world *w, size_t answers)
{
	while (w->answers < answers)
		uv_run(&w->loop, UV_RUN_ONCE);
}

static void a_refused_group_takes_nothing_with_it(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	for (int i = 0; i < 3; i++) {
		pg_begin(w.pg);
		add(&w, INSERT, "a");
		add(&w, DIVIDE, i == 1 ? "0" : "1"); /* after the insert: it must be rolled back */
		pg_end(w.pg, on_answer, &w);
	}
	pg_begin(w.pg);
	add(&w, COUNT, NULL);
	pg_end(w.pg, on_answer, &w);
	run_until(&w, 4);
	assert_string_equal(w.log, "ok 22012 ok 2 ");
	world_close(&w);
}

static void megabytes_go_both_ways(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	enum { SIZE = 20 << 20 };
	char *big = mem_alloc(SIZE + 1);
	memset(big, 'x', SIZE);
	for (int i = 0; i < 2; i++) {
		pg_begin(w.pg);
		add(&w, LENGTH, big);
		pg_end(w.pg, on_answer, &w);
	}
	free(big);
	run_until(&w, 2);
	assert_string_equal(w.log, "20971520 20971520 ");
	world_close(&w);
}

/* libpq would write it to stderr, in the middle of the log. */
static void what_the_server_says_unasked_is_not_written(struct world *w)
{
	int before = dup(STDERR_FILENO), said[2];
	assert_int_equal(pipe(said), 0);
	dup2(said[1], STDERR_FILENO);
	pg_begin(w->pg);
	add(w, WARN, NULL);
	pg_end(w->pg, on_answer, w);
	run_until(w, w->answers + 1);
	dup2(before, STDERR_FILENO);
	close(before);
	close(said[1]);
	char text[256];
	assert_int_equal(read(said[0], text, sizeof text), 0);
	close(said[0]);
}

static void a_lost_connection_answers_all_then_comes_back(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	struct cluster c = w.db.cluster;
	assert_int_equal(cluster_stop(&c, NULL), 0);
	pg_begin(w.pg);
	add(&w, COUNT, NULL);
	pg_end(w.pg, on_answer, &w);
	pg_begin(w.pg);
	add(&w, COUNT, NULL);
	pg_end(w.pg, on_answer, &w);
	while (pg_is_up(w.pg))
		uv_run(&w.loop, UV_RUN_ONCE);
	assert_string_equal(w.log, "lost lost down ");
	bool started;
	assert_int_equal(cluster_start(&c, &started, NULL), 0);
	while (!pg_is_up(w.pg))
		uv_run(&w.loop, UV_RUN_ONCE);
	assert_string_equal(w.log, "lost lost down up ");
	pg_prepare(w.pg, statements, 5);
	pg_begin(w.pg);
	add(&w, COUNT, NULL);
	pg_end(w.pg, on_answer, &w);
	run_until(&w, 3);
	assert_string_equal(w.log, "lost lost down up 0 ");
	what_the_server_says_unasked_is_not_written(&w); /* also of the connection that was made anew */
	world_close(&w);
}

static void closing_answers_what_is_open(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	pg_begin(w.pg);
	add(&w, COUNT, NULL);
	pg_end(w.pg, on_answer, &w);
	world_close(&w);
	assert_string_equal(w.log, "lost ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refused_group_takes_nothing_with_it),
		cmocka_unit_test(megabytes_go_both_ways),
		cmocka_unit_test(a_lost_connection_answers_all_then_comes_back),
		cmocka_unit_test(closing_answers_what_is_open),
	};
	return cmocka_run_group_tests_name("pg", tests, fixture_start, fixture_stop);
}
