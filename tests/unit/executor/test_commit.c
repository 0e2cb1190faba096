/* Publishing: versions, fences, empty results, layouts, and dying at every seam. */
#include "lake.h"

static const char *const one_row = "SELECT 1 AS v";

static void publishes_data_manifest_and_success(void **state)
{
	struct lake *l = *state;
	struct try_result r = lake_publish(l, "dwd.dwd_x", "2013-01-03", "SELECT i, 'a' AS s FROM range(5) t(i)");
	assert_int_equal(r.manifest.version, 1);
	assert_int_equal(r.manifest.row_count, 5);
	assert_int_equal(r.bytes, r.manifest.files[0].size);
	assert_true(lake_has("dwd/dwd_x/dt=2013-01-03/_SUCCESS"));
	struct manifest m = lake_manifest(l, "dwd/dwd_x/dt=2013-01-03");
	assert_string_equal(m.try_id, r.manifest.try_id);
	assert_string_equal(m.files[0].name, "1-try-1-0.parquet");
	assert_string_equal(m.schema[0].type, "BIGINT");
	assert_string_equal(m.partition_date, "2013-01-03");
	assert_int_equal(strlen(m.files[0].sha256), 64);
	assert_int_equal(lake_count("dwd/dwd_x/dt=2013-01-03"), 3);
	assert_int_equal(lake_staged(l), 0);
	assert_int_equal(lake_number(l, "SELECT count(*) FROM read_parquet('dwd/dwd_x/*/*.parquet')"), 5);
}

static void replaces_the_whole_version(void **state)
{
	struct lake *l = *state;
	lake_publish(l, "dwd.dwd_x", "", "SELECT 1 AS v, 2 AS w");
	struct try_result r = lake_publish(l, "dwd.dwd_x", "", "SELECT 7 AS v FROM range(3)");
	assert_int_equal(r.manifest.version, 2);
	assert_string_equal(r.manifest.partition_date, "2013-01-09");
	assert_int_equal(lake_count("dwd/dwd_x"), 3);
	assert_int_equal(lake_number(l, "SELECT sum(v) FROM read_parquet('dwd/dwd_x/*.parquet')"), 21);
	struct try_request rq = lake_request(l, "dwd.dwd_x", "", one_row);
	rq.next_version = 40;
	assert_int_equal(lake_run(l, &rq).manifest.version, 40);
}

static void an_older_fence_changes_nothing(void **state)
{
	struct lake *l = *state;
	lake_publish(l, "dwd.dwd_x", "", one_row);
	struct try_result second = lake_publish(l, "dwd.dwd_x", "", "SELECT 2 AS v");
	struct try_request late = lake_request(l, "dwd.dwd_x", "", "SELECT 3 AS v");
	late.fence = 1;
	assert_int_equal(lake_run(l, &late).outcome, OUTCOME_FENCED);
	late.fence = 2;
	assert_int_equal(lake_run(l, &late).outcome, OUTCOME_FENCED);
	assert_string_equal(lake_manifest(l, "dwd/dwd_x").try_id, second.manifest.try_id);
	assert_int_equal(lake_staged(l), 0);
}

static void an_empty_result_clears_and_keeps_its_fence(void **state)
{
	struct lake *l = *state;
	lake_publish(l, "dwd.dwd_x", "2013-01-03", "SELECT 1 AS v FROM range(4)");
	struct try_result r = lake_publish(l, "dwd.dwd_x", "2013-01-03", "SELECT 1 AS v WHERE false");
	assert_true(r.empty);
	assert_int_equal(r.cleared_rows, 4);
	assert_int_equal(r.manifest.version, 2);
	assert_int_equal(r.manifest.nfiles, 0);
	assert_string_equal(r.manifest.schema[0].name, "v");
	assert_false(lake_has("dwd/dwd_x/dt=2013-01-03"));
	assert_int_equal(lake_publish(l, "dwd.dwd_x", "2013-01-03", "SELECT 1 AS v WHERE false").cleared_rows, -1);
	struct try_request late = lake_request(l, "dwd.dwd_x", "2013-01-03", one_row);
	late.fence = 2; /* older than the empty one, of which no manifest is left */
	assert_int_equal(lake_run(l, &late).outcome, OUTCOME_FENCED);
	assert_false(lake_has("dwd/dwd_x/dt=2013-01-03"));
	/* What the manifest would say is kept until there is one again, and the versions go on. */
	assert_true(lake_has(".strata/empty/dwd/dwd_x/dt=2013-01-03.json"));
	assert_int_equal(lake_publish(l, "dwd.dwd_x", "2013-01-03", one_row).manifest.version, 4);
	assert_false(lake_has(".strata/empty/dwd/dwd_x/dt=2013-01-03.json"));
}

static void no_rows_may_be_forbidden(void **state)
{
	struct lake *l = *state;
	lake_publish(l, "dwd.dwd_x", "", one_row);
	struct try_request rq = lake_request(l, "dwd.dwd_x", "", "SELECT 1 AS v WHERE false");
	rq.allow_empty = false;
	struct try_result r = lake_run(l, &rq);
	assert_int_equal(r.outcome, OUTCOME_ERROR);
	assert_string_equal(r.error.class, "check");
	assert_int_equal(lake_manifest(l, "dwd/dwd_x").version, 1);
}

static void a_change_of_layout_is_refused(void **state)
{
	struct lake *l = *state;
	lake_publish(l, "dwd.dwd_x", "2013-01-03", one_row);
	struct try_request rq = lake_request(l, "dwd.dwd_x", "", one_row);
	struct try_result r = lake_run(l, &rq);
	assert_int_equal(r.outcome, OUTCOME_ERROR);
	assert_string_equal(r.error.class, "permanent");
	assert_non_null(strstr(r.error.message, "strata clear --data dwd.dwd_x"));
	assert_true(lake_has("dwd/dwd_x/dt=2013-01-03/manifest.json"));

	lake_publish(l, "dwd.dwd_y", "", one_row);
	rq = lake_request(l, "dwd.dwd_y", "2013-01-03", one_row);
	assert_int_equal(lake_run(l, &rq).outcome, OUTCOME_ERROR);
	assert_true(lake_has("dwd/dwd_y/manifest.json"));
	assert_false(lake_has("dwd/dwd_y/dt=2013-01-03"));
}

static void a_leftover_of_the_same_try_is_replaced(void **state)
{
	struct lake *l = *state;
	lake_write(".strata/staging/try-1/out/junk.parquet", "junk");
	lake_publish(l, "dwd.dwd_x", "", one_row);
	assert_int_equal(lake_count("dwd/dwd_x"), 3);
}

static void a_damaged_manifest_does_not_stop_a_rebuild(void **state)
{
	struct lake *l = *state;
	lake_publish(l, "dwd.dwd_x", "", one_row);
	lake_write("dwd/dwd_x/manifest.json", "{\"vers");
	lake_publish(l, "dwd.dwd_x", "", one_row);
	assert_string_equal(lake_manifest(l, "dwd/dwd_x").try_id, "try-2");
}

/* ---- several dates at once ---- */

enum { DATES = 4 };

static const char *const days[DATES] = {"2013-01-03", "2013-01-04", "2013-01-05", "2013-01-06"};

/* Dates of dwd.dwd_b, as a worker takes them: each is staged, then all are published. */
struct together {
	struct try_request rq[DATES];
	struct try_result r[DATES];
	struct attempt t[DATES];
	atomic_bool canceled[DATES];
};

static void stage_all(struct lake *l, struct together *b, const char *sql)
{
	for (size_t i = 0; i < DATES; i++) {
		b->rq[i] = lake_request(l, "dwd.dwd_b", days[i], sql);
		attempt_init(&b->t[i], &l->w, &l->arena, &b->rq[i], &b->r[i]);
		b->t[i].canceled = &b->canceled[i];
		assert_true(attempt_stage(&b->t[i], NULL, NULL));
	}
}

static void publish_all(struct lake *l, struct together *b)
{
	struct attempt *tries[DATES];
	for (size_t i = 0; i < DATES; i++)
		tries[i] = &b->t[i];
	attempt_publish(tries, DATES);
	for (size_t i = 0; i < DATES; i++)
		attempt_end(&b->t[i]);
	attempt_tidy(&l->w);
}

static struct manifest day_manifest(struct lake *l, size_t i)
{
	return lake_manifest(l, arena_printf(&l->arena, "dwd/dwd_b/dt=%s", days[i]));
}

static void dates_are_published_together(void **state)
{
	struct lake *l = *state;
	struct together b = {0};
	stage_all(l, &b, one_row);
	assert_false(lake_has("dwd"));
	publish_all(l, &b);
	for (size_t i = 0; i < DATES; i++) {
		assert_int_equal(b.r[i].outcome, OUTCOME_SUCCESS);
		assert_string_equal(day_manifest(l, i).try_id, b.rq[i].try_id);
		assert_int_equal(b.r[i].manifest.version, 1);
		assert_int_equal(lake_count(arena_printf(&l->arena, "dwd/dwd_b/dt=%s", days[i])), 3);
	}
	assert_int_equal(lake_staged(l), 0);
	assert_int_equal(lake_number(l, "SELECT count(*) FROM read_parquet('dwd/dwd_b/*/*.parquet')"), DATES);
	/* Their stagings are taken by the next ones. */
	assert_int_equal(l->w.nspares, DATES);
	stage_all(l, &b, "SELECT 2 AS v");
	assert_int_equal(l->w.nspares, 0);
	publish_all(l, &b);
	for (size_t i = 0; i < DATES; i++)
		assert_int_equal(b.r[i].manifest.version, 2);
}

/* One is fenced, one canceled, one has no rows: each ends by itself. */
static void each_date_of_a_batch_has_its_own_end(void **state)
{
	struct lake *l = *state;
	struct together b = {0};
	stage_all(l, &b, one_row);
	publish_all(l, &b);
	stage_all(l, &b, "SELECT 2 AS v FROM range(CAST(CAST(now() AS VARCHAR) > '' AS INTEGER) * 2)");
	struct try_result newer = lake_publish(l, "dwd.dwd_b", days[0], "SELECT 3 AS v");
	atomic_store(&b.canceled[1], true);
	b.t[2].rows = 0; /* as if */
	publish_all(l, &b);
	const enum try_outcome ends[DATES] = {OUTCOME_FENCED, OUTCOME_KILLED, OUTCOME_SUCCESS, OUTCOME_SUCCESS};
	for (size_t i = 0; i < DATES; i++)
		assert_int_equal(b.r[i].outcome, ends[i]);
	assert_string_equal(day_manifest(l, 0).try_id, newer.manifest.try_id);
	assert_int_equal(day_manifest(l, 1).version, 1);
	assert_true(b.r[2].empty);
	assert_false(lake_has("dwd/dwd_b/dt=2013-01-05"));
	assert_string_equal(day_manifest(l, 3).try_id, b.rq[3].try_id);
	assert_int_equal(lake_staged(l), 0);
}

#ifdef STRATA_FAULTS

/* Each date is there as a whole, old or new; how many of them are new says the point. */
static void dying_in_a_batch_leaves_each_date_whole(void **state)
{
	struct lake *l = *state;
	static const struct {
		const char *point;
		int crossing;
		size_t published; /* of the first dates */
	} deaths[] = {
		{"commit.lock", 3, 0}, {"commit.manifest", 1, 0}, {"commit.manifest", 5, 0}, {"commit.fsync", 1, 0},
		{"commit.exchange", 1, 0}, {"commit.exchange", 3, 2}, {"commit.after_exchange", 1, 1}, {"commit.after_exchange", 4, 4},
		{"commit.fsync", 2, 4}, {"commit.sync_parent", 1, 4}, {"cleanup.remove", 2, 4},
	};
	for (size_t k = 0; k < sizeof deaths / sizeof *deaths; k++) {
		struct together old = {0}, new = {0};
		int status;
		pid_t pid = fork(); /* DuckDB must not be open here */
		if (pid == 0) {
			stage_all(l, &old, one_row);
			publish_all(l, &old);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		assert_int_equal(status, 0);
		l->fence += DATES;
		l->tries += DATES;
		pid = fork();
		if (pid == 0) {
			stage_all(l, &new, "SELECT 2 AS v FROM range(2)");
			fault_arm(arena_printf(&l->arena, "%s:%d:kill", deaths[k].point, deaths[k].crossing));
			publish_all(l, &new);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		for (size_t i = 0; i < DATES; i++) {
			struct manifest m = day_manifest(l, i);
			bool is_new = i < deaths[k].published;
			assert_int_equal(m.files[0].rows, is_new ? 2 : 1);
			assert_string_equal(m.try_id, arena_printf(&l->arena, "try-%zu", l->tries + 1 + i - (is_new ? 0 : DATES)));
			assert_int_equal(lake_count(arena_printf(&l->arena, "dwd/dwd_b/dt=%s", days[i])), 3);
		}
		l->fence += DATES;
		l->tries += DATES;
	}
}

/* A sync of everything tells of anybody's error: then each date is synced, and fails, by itself. */
static void an_error_in_a_batch_fails_its_own_date(void **state)
{
	struct lake *l = *state;
	static const struct {
		const char *fault;
		size_t failed; /* the date that is not published; DATES: all are */
		bool noted;
	} errors[] = {
		{"commit.lock:2:error", 1, false}, {"commit.manifest:5:error", 2, false}, {"commit.exchange:4:error", 3, false},
		{"commit.fsync:1:error", DATES, false}, {"commit.fsync:2:error", DATES, false}, {"commit.after_exchange:1:error", DATES, true},
	};
	for (size_t k = 0; k < sizeof errors / sizeof *errors; k++) {
		struct together b = {0};
		stage_all(l, &b, one_row);
		fault_arm(errors[k].fault);
		publish_all(l, &b);
		fault_arm(NULL);
		for (size_t i = 0; i < DATES; i++) {
			assert_int_equal(b.r[i].outcome, i == errors[k].failed ? OUTCOME_ERROR : OUTCOME_SUCCESS);
			assert_int_equal(strcmp(day_manifest(l, i).try_id ? day_manifest(l, i).try_id : "", b.rq[i].try_id) == 0, i != errors[k].failed);
		}
		assert_int_equal(b.r[0].note != NULL, errors[k].noted);
		assert_int_equal(lake_staged(l), 0);
	}
}

#endif

#ifdef STRATA_FAULTS

static void without_exchange_nothing_is_published(void **state)
{
	struct lake *l = *state;
	pid_t pid = fork();
	if (pid == 0) {
		fault_arm("commit.probe:1:error");
		struct try_request rq = lake_request(l, "dwd.dwd_x", "", one_row);
		struct try_result r = lake_run(l, &rq);
		_exit(r.outcome == OUTCOME_ERROR && strstr(r.error.message, "exchange") ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_false(lake_has("dwd/dwd_x"));
}

struct seam {
	const char *point;
	bool published; /* the new version is there after a death at this point */
};

static const struct seam seams[] = {
	{"stage.make", false}, {"stage.write", false}, {"validate.footer", false}, {"commit.lock", false},
	{"commit.manifest", false}, {"commit.fsync", false}, {"commit.exchange", false}, {"commit.after_exchange", true},
	{"commit.sync_parent", true}, {"cleanup.remove", true},
};

/* A try in a process of its own that dies, or fails, at `point`. */
static int child_try(struct lake *l, const char *point, const char *what, const struct try_request *rq)
{
	pid_t pid = fork();
	if (pid == 0) {
		fault_arm(arena_printf(&l->arena, "%s:1:%s", point, what));
		struct try_result r = lake_run(l, rq);
		_exit(r.outcome == OUTCOME_SUCCESS ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	return status;
}

static void dying_anywhere_leaves_one_whole_version(void **state)
{
	struct lake *l = *state;
	static const char *const how[] = {"kill", "error"};
	for (size_t i = 0; i < sizeof seams / sizeof *seams; i++) {
		for (size_t k = 0; k < sizeof how / sizeof *how; k++) {
			const char *qname = arena_printf(&l->arena, "dwd.t_%zu_%zu", i, k);
			const char *folder = arena_printf(&l->arena, "dwd/t_%zu_%zu", i, k);
			struct try_request first = lake_request(l, qname, "", one_row);
			assert_int_equal(child_try(l, "none", "kill", &first), 0);
			struct try_request rq = lake_request(l, qname, "", "SELECT 2 AS v FROM range(2)");
			int status = child_try(l, seams[i].point, how[k], &rq);
			if (k == 0)
				assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
			struct manifest m = lake_manifest(l, folder);
			assert_string_equal(m.try_id, seams[i].published ? rq.try_id : first.try_id);
			assert_int_equal(lake_count(folder), 3);
			assert_int_equal(m.files[0].rows, seams[i].published ? 2 : 1);
			struct try_request again = lake_request(l, qname, "", "SELECT 3 AS v FROM range(3)");
			assert_int_equal(child_try(l, "none", "kill", &again), 0);
			assert_string_equal(lake_manifest(l, folder).try_id, again.try_id);
		}
	}
}

/* Readers see it and its manifest names this try: whoever called it a failure would contradict the lake. */
static void an_error_after_the_switch_is_a_success(void **state)
{
	struct lake *l = *state;
	static const struct {
		const char *point, *sql;
	} cases[] = {{"commit.after_exchange", "SELECT 2 AS v"}, {"commit.sync_parent", "SELECT 3 AS v"},
	             {"commit.after_clear", "SELECT 1 AS v WHERE false"}};
	struct try_request first = lake_request(l, "dwd.dwd_x", "", one_row);
	assert_int_equal(child_try(l, "none", "kill", &first), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct try_request rq = lake_request(l, "dwd.dwd_x", "", cases[i].sql);
		fault_arm(arena_printf(&l->arena, "%s:1:error", cases[i].point));
		struct try_result r = lake_run(l, &rq);
		fault_arm(NULL);
		assert_int_equal(r.outcome, OUTCOME_SUCCESS);
		assert_non_null(strstr(r.note, "published, but"));
		if (r.empty)
			assert_false(lake_has("dwd/dwd_x"));
		else
			assert_string_equal(lake_manifest(l, "dwd/dwd_x").try_id, rq.try_id);
	}
}

static void dying_while_clearing_leaves_all_or_nothing(void **state)
{
	struct lake *l = *state;
	struct try_request first = lake_request(l, "dwd.dwd_x", "", one_row);
	assert_int_equal(child_try(l, "none", "kill", &first), 0);
	struct try_request rq = lake_request(l, "dwd.dwd_x", "", "SELECT 1 AS v WHERE false");
	assert_true(WIFSIGNALED(child_try(l, "commit.clear", "kill", &rq)));
	assert_string_equal(lake_manifest(l, "dwd/dwd_x").try_id, first.try_id);
	struct try_request again = lake_request(l, "dwd.dwd_x", "", one_row);
	assert_int_equal(child_try(l, "none", "kill", &again), 0);
	assert_string_equal(lake_manifest(l, "dwd/dwd_x").try_id, again.try_id);
}

/* Stopped before it takes the lock, overtaken, continued: it must not publish. */
static void a_stopped_try_that_goes_on_does_not_publish(void **state)
{
	struct lake *l = *state;
	struct try_request slow = lake_request(l, "dwd.dwd_x", "", one_row);
	struct try_request quick = lake_request(l, "dwd.dwd_x", "", "SELECT 2 AS v");
	pid_t pid = fork();
	if (pid == 0) {
		fault_arm("commit.lock:1:stop");
		struct try_result r = lake_run(l, &slow);
		_exit(r.outcome == OUTCOME_FENCED ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, WUNTRACED);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(child_try(l, "none", "kill", &quick), 0);
	kill(pid, SIGCONT);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_string_equal(lake_manifest(l, "dwd/dwd_x").try_id, quick.try_id);
}

#endif

/* One process publishes version after version, each of rows that all carry its number; a reader by glob
 * sees whole versions, or is told that a file has gone. */
static void a_glob_reader_never_sees_a_mix(void **state)
{
	struct lake *l = *state;
	enum { VERSIONS = 60, ROWS = 7 };
	pid_t pid = fork();
	if (pid == 0) {
		for (int i = 1; i <= VERSIONS; i++)
			lake_publish(l, "dwd.dwd_x", "2013-01-03", arena_printf(&l->arena, "SELECT %d AS v FROM range(%d)", i, ROWS));
		worker_close_duckdb(&l->w);
		_exit(0);
	}
	struct err err = {0};
	assert_int_equal(worker_duckdb(&l->w, 0, 0, &err), 0);
	int status = 0, whole = 0;
	bool over = false;
	while (!over) {
		over = waitpid(pid, &status, WNOHANG) == pid;
		int64_t seen;
		struct duck_error e;
		if (duck_int64(l->w.base, "SELECT count(*) * 1000 + count(DISTINCT v) FROM read_parquet('dwd/dwd_x/*/*.parquet')", &seen,
		               &e) == 0) {
			assert_int_equal(seen, ROWS * 1000 + 1);
			whole++;
		} else {
			assert_int_equal(e.type, DUCKDB_ERROR_IO);
		}
	}
	assert_int_equal(status, 0);
	assert_true(whole > 0);
	assert_int_equal(lake_manifest(l, "dwd/dwd_x/dt=2013-01-03").version, VERSIONS);
}

static int sum_of_pinned(struct attempt *t, void *ctx)
{
	struct duck_error e;
	return duck_int64(t->session.con, "SELECT count(*) * 1000 + count(DISTINCT v) FROM dwd.dwd_x", ctx, &e);
}

/* The same race for a try: a pin that is overtaken opens the folder again, and never fails. */
static void pinning_wins_its_race(void **state)
{
	struct lake *l = *state;
	enum { VERSIONS = 60, ROWS = 7 };
	static const char *const dates[] = {"2013-01-03"};
	struct try_request first = lake_request(l, "dwd.dwd_x", "2013-01-03", "SELECT 0 AS v FROM range(7)");
	pid_t pid = fork();
	if (pid == 0) {
		assert_int_equal(lake_run(l, &first).outcome, OUTCOME_SUCCESS);
		for (int i = 1; i <= VERSIONS; i++)
			lake_publish(l, "dwd.dwd_x", "2013-01-03", arena_printf(&l->arena, "SELECT %d AS v FROM range(%d)", i, ROWS));
		worker_close_duckdb(&l->w);
		_exit(0);
	}
	struct try_input in = lake_input("dwd.dwd_x", true, dates, 1);
	const struct column schema[] = {{"v", "INTEGER"}};
	in.schema = schema;
	in.nschema = 1;
	int status = 0;
	bool over = false;
	l->tries = 1000;
	while (!over) {
		over = waitpid(pid, &status, WNOHANG) == pid;
		struct try_request rq = lake_request(l, "sql.query", "", "");
		rq.inputs = &in;
		rq.ninputs = 1;
		int64_t seen = -1;
		struct try_result r;
		attempt_query(&l->w, &l->arena, &rq, sum_of_pinned, &seen, &r);
		attempt_tidy(&l->w);
		assert_int_equal(r.outcome, OUTCOME_SUCCESS);
		assert_true(seen == ROWS * 1000 + 1 || (seen == 0 && r.manifest.inputs[0].version == 0));
	}
	assert_int_equal(status, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, lake_setup, lake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef STRATA_FAULTS
		T(without_exchange_nothing_is_published), /* first: a process asks its filesystem once */
#endif
#ifdef STRATA_FAULTS
		T(dying_in_a_batch_leaves_each_date_whole),
#endif
		T(dates_are_published_together), T(each_date_of_a_batch_has_its_own_end),
		T(publishes_data_manifest_and_success), T(replaces_the_whole_version), T(an_older_fence_changes_nothing),
		T(an_empty_result_clears_and_keeps_its_fence), T(no_rows_may_be_forbidden), T(a_change_of_layout_is_refused),
		T(a_leftover_of_the_same_try_is_replaced), T(a_damaged_manifest_does_not_stop_a_rebuild),
#ifdef STRATA_FAULTS
		T(dying_anywhere_leaves_one_whole_version),
		T(an_error_after_the_switch_is_a_success), T(an_error_in_a_batch_fails_its_own_date),
		T(dying_while_clearing_leaves_all_or_nothing), T(a_stopped_try_that_goes_on_does_not_publish),
#endif
		T(a_glob_reader_never_sees_a_mix), T(pinning_wins_its_race),
	};
	return cmocka_run_group_tests_name("commit", tests, NULL, NULL);
}
