/* Tables made by programs: their formats, their failures, their process groups, pure actions. */
#include "lake.h"

#include <pthread.h>
#include <signal.h>

static struct try_request program(struct lake *l, const char *qname, const char *date, const char *script)
{
	struct try_request rq = lake_request(l, qname, date, NULL);
	rq.engine = "exec";
	rq.file = arena_printf(&l->arena, "%s/%s.sh", l->path, rq.try_id);
	rq.log_path = arena_printf(&l->arena, "%s/logs/%s.log", l->path, rq.try_id);
	lake_write(rq.file, script);
	return rq;
}

static struct try_result run_program(struct lake *l, const char *date, const char *script)
{
	struct try_request rq = program(l, "ads.ads_x", date, script);
	return lake_run(l, &rq);
}

static void stores_csv_and_json_and_parquet(void **state)
{
	struct lake *l = *state;
	struct try_result r = run_program(l, "", "#!/bin/sh\nprintf 'a,b\\n1,x\\n2,y\\n' >$STRATA_OUTPUT_DIR/o.csv\n");
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_int_equal(r.manifest.row_count, 2);
	assert_string_equal(r.manifest.schema[0].type, "BIGINT");
	assert_int_equal(lake_count("ads/ads_x"), 3);
	r = run_program(l, "", "#!/bin/sh\necho '{\"a\": 1}' >$STRATA_OUTPUT_DIR/o.jsonl; echo '{\"b\": 1}' >$STRATA_OUTPUT_DIR/p.jsonl\n");
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_int_equal(r.manifest.nschema, 2);
	lake_number(l, "SELECT 1"); /* opens DuckDB */
	struct duck_error e;
	assert_int_equal(duck_run(l->w.base, "COPY (SELECT 7 AS a FROM range(9)) TO 'made.parquet' (FORMAT parquet)", &e), 0);
	r = run_program(l, "", "cp made.parquet $STRATA_OUTPUT_DIR/\n"); /* no #!: a shell script; it starts in the project */
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_int_equal(r.manifest.row_count, 9);
	assert_int_equal(r.manifest.version, 3);
}

static void is_audited_like_a_query(void **state)
{
	struct lake *l = *state;
	static const char *const keys[] = {"a"};
	struct try_request rq = program(l, "ads.ads_x", "", "#!/bin/sh\nprintf 'a\\n1\\n1\\n' >$STRATA_OUTPUT_DIR/o.csv\n");
	rq.primary_keys = keys;
	rq.nprimary_keys = 1;
	struct try_result r = lake_run(l, &rq);
	assert_string_equal(r.error.class, "check");
	r = run_program(l, "2013-01-03", "#!/bin/sh\nprintf 'a,dt\\n1,2013-01-04\\n' >$STRATA_OUTPUT_DIR/o.csv\n");
	assert_string_equal(r.error.class, "sql");
	r = run_program(l, "2013-01-03", "#!/bin/sh\nprintf 'a,dt\\n1,%s\\n' $STRATA_PARTITION_DATE >$STRATA_OUTPUT_DIR/o.csv\n");
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_int_equal(r.manifest.nschema, 1);
	assert_true(lake_has("ads/ads_x/dt=2013-01-03/_SUCCESS"));
	const struct column columns[] = {{"z", "VARCHAR"}};
	rq = program(l, "ads.ads_z", "", "#!/bin/sh\nprintf 'z,n\\n007,1\\n' >$STRATA_OUTPUT_DIR/o.csv\n");
	rq.columns = columns;
	rq.ncolumns = 1;
	assert_int_equal(lake_run(l, &rq).outcome, OUTCOME_SUCCESS);
	assert_int_equal(lake_number(l, "SELECT count(*) FROM read_parquet('ads/ads_z/*.parquet') WHERE z = '007' AND n = 1"), 1);
}

static void nothing_written_is_an_empty_result(void **state)
{
	struct lake *l = *state;
	assert_int_equal(run_program(l, "", "#!/bin/sh\necho a >$STRATA_OUTPUT_DIR/o.csv; echo 1 >>$STRATA_OUTPUT_DIR/o.csv\n").outcome, OUTCOME_SUCCESS);
	struct try_result r = run_program(l, "", "#!/bin/sh\n:\n");
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_true(r.empty);
	assert_int_equal(r.cleared_rows, 1);
	assert_false(lake_has("ads/ads_x"));
}

static void failures_say_what_the_program_said(void **state)
{
	struct lake *l = *state;
	struct try_result r = run_program(l, "", "#!/bin/sh\necho no disk in drive >&2; exit 3\n");
	assert_int_equal(r.outcome, OUTCOME_ERROR);
	assert_non_null(strstr(r.error.message, "exited with 3: no disk in drive"));
	r = run_program(l, "", "#!/bin/sh\nkill -SEGV $$\n");
	assert_non_null(strstr(r.error.message, "signal 11"));
	r = run_program(l, "", "#!/no/such/interpreter\n");
	assert_non_null(strstr(r.error.message, "its first line, '#!/no/such/interpreter', names a program that does not exist"));
	r = run_program(l, "", "#!/bin/sh\r\n:\r\n");
	assert_non_null(strstr(r.error.message, "'#!/bin/sh', names a program that does not exist: it ends as Windows"));
	r = run_program(l, "", "#!/bin/sh\necho x >$STRATA_OUTPUT_DIR/o.txt\n");
	assert_non_null(strstr(r.error.message, "'o.txt' in STRATA_OUTPUT_DIR"));
	r = run_program(l, "", "#!/bin/sh\necho a >$STRATA_OUTPUT_DIR/../o.csv; ln -s ../o.csv $STRATA_OUTPUT_DIR/o.csv\n");
	assert_non_null(strstr(r.error.message, "'o.csv' in STRATA_OUTPUT_DIR is a link"));
	r = run_program(l, "", "#!/bin/sh\necho a >$STRATA_OUTPUT_DIR/o.csv; echo '{}' >$STRATA_OUTPUT_DIR/o.json\n");
	assert_non_null(strstr(r.error.message, "one format"));
	assert_false(lake_has("ads/ads_x"));
	assert_int_equal(lake_staged(l), 0);
}

static void gets_its_inputs_as_a_file(void **state)
{
	struct lake *l = *state;
	static const char *const dates[] = {"2013-01-03"};
	lake_publish(l, "dwd.dwd_x", "2013-01-03", "SELECT 1 AS a FROM range(4)");
	struct try_input in = lake_input("dwd.dwd_x", true, dates, 1);
	struct try_request rq = program(l, "ads.ads_x", "",
	                                "#!/bin/sh\ncp $(grep -o '/[^\"]*.parquet' $STRATA_INPUTS) $STRATA_OUTPUT_DIR/\n"
	                                "echo $STRATA_TABLE $STRATA_RUN_ID $STRATA_PARTITION_DATE\n");
	rq.inputs = &in;
	rq.ninputs = 1;
	struct try_result r = lake_run(l, &rq);
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_int_equal(r.manifest.row_count, 4);
	assert_string_equal(r.manifest.inputs[0].partition, "2013-01-03");
	struct buf log = BUF_INIT(1 << 16);
	assert_int_equal(file_read(AT_FDCWD, rq.log_path, &log, NULL), 0);
	assert_non_null(strstr(log.data, "ads.ads_x run-1 2013-01-09\n"));
	buf_free(&log);
}

static void a_pure_action_leaves_nothing_in_the_lake(void **state)
{
	struct lake *l = *state;
	struct try_request rq = program(l, "ads.ads_x", "2013-01-03", "#!/bin/sh\nexit 0\n");
	rq.output_none = true;
	struct try_result r = lake_run(l, &rq);
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_false(r.empty);
	assert_false(lake_has("ads"));
	assert_false(lake_has(".strata/locks"));
	assert_null(l->w.db);
	rq = program(l, "ads.ads_x", "2013-01-03", "#!/bin/sh\nexit 9\n");
	rq.output_none = true;
	assert_int_equal(lake_run(l, &rq).outcome, OUTCOME_ERROR);
}

struct canceler {
	struct lake *l;
	const char *fifo;
	pthread_t thread;
	bool over;
};

/* Waits until the program says by the fifo that it runs. */
static void *cancel_running(void *ctx)
{
	struct canceler *c = ctx;
	char byte;
	int fd = open(c->fifo, O_RDONLY);
	(void)!read(fd, &byte, 1);
	stop_ask(&c->l->w.stop, false);
	while (!__atomic_load_n(&c->over, __ATOMIC_ACQUIRE))
		stop_poke(&c->l->w.stop);
	/* Ends when no process has the fifo open any more: the whole group is gone. */
	while (read(fd, &byte, 1) > 0)
		;
	close(fd);
	return NULL;
}

static void a_canceled_program_takes_its_group_along(void **state)
{
	struct lake *l = *state;
	struct canceler c = {.l = l, .fifo = arena_printf(&l->arena, "%s/fifo", l->path)};
	assert_int_equal(mkfifo(c.fifo, 0600), 0);
	struct try_request rq = program(l, "ads.ads_x", "",
	                                arena_printf(&l->arena, "#!/bin/sh\nexec 5>%s\n(trap '' TERM; sleep 1000) &\necho x >&5\nwait\n", c.fifo));
	pthread_create(&c.thread, NULL, cancel_running, &c);
	struct try_result r = lake_run(l, &rq);
	__atomic_store_n(&c.over, true, __ATOMIC_RELEASE);
	pthread_join(c.thread, NULL);
	assert_int_equal(r.outcome, OUTCOME_KILLED);
	assert_int_equal(lake_staged(l), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, lake_setup, lake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(stores_csv_and_json_and_parquet), T(is_audited_like_a_query), T(nothing_written_is_an_empty_result),
		T(failures_say_what_the_program_said), T(gets_its_inputs_as_a_file), T(a_pure_action_leaves_nothing_in_the_lake),
		T(a_canceled_program_takes_its_group_along),
	};
	return cmocka_run_group_tests_name("exec", tests, NULL, NULL);
}
