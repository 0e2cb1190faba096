/* The private cluster, the choice of the database, migrations, and the lake's row, on a real Postgres. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "core/states.h"
#include "tests/unit/scheduler/pg_fixture.h"
#include "scheduler/db_migrate.h"

static char *one(PGconn *conn, const char *sql)
{
	static char value[8192];
	PGresult *r = PQexec(conn, sql);
	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		fprintf(stderr, "%s: %s\n", sql, db_message(conn, r));
	assert_int_equal(PQresultStatus(r), PGRES_TUPLES_OK);
	assert_int_equal(PQntuples(r), 1);
	snprintf(value, sizeof value, "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	return value;
}

static void first_uses_at_once_share_one_cluster(void **state)
{
	(void)state;
	enum { PROCESSES = 4 };
	pid_t pids[PROCESSES];
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct db_options o = fixture_options();
			struct db db;
			struct err err = {0};
			int rc = db_open(&o, &db, &err);
			if (rc < 0)
				fprintf(stderr, "%s\n", err.text);
			_exit(rc < 0 ? 1 : db.started ? 10 : 0);
		}
	}
	int started = 0;
	for (int i = 0; i < PROCESSES; i++) {
		int status;
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status));
		assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 10);
		started += WEXITSTATUS(status) == 10;
	}
	assert_int_equal(started, 1);
	struct db db = fixture_open();
	assert_int_equal(db.source, DB_PRIVATE);
	assert_string_equal(one(db.conn, "SHOW listen_addresses"), "");
	assert_string_equal(one(db.conn, "SHOW fsync"), "on");
	struct stat st;
	assert_int_equal(stat(db.cluster.socket_dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(st.st_uid, db.cluster.uid);
	if (geteuid() == 0)
		assert_int_not_equal(st.st_uid, 0);
	db_close(&db);
}

static void a_killed_server_is_started_again_and_keeps_what_was_committed(void **state)
{
	(void)state;
	struct db db = fixture_open();
	struct cluster_status s;
	assert_int_equal(cluster_status(&db.cluster, &s, NULL), 0);
	assert_true(s.pid > 0);
	assert_int_equal(db_exec(db.conn, "INSERT INTO strata.audit (lake_id, actor, action) SELECT lake_id, 'me', 'test' FROM strata.lake", NULL), 0);
	db_close(&db);
	assert_int_equal(kill(s.pid, SIGKILL), 0);
	db = fixture_open();
	struct cluster_status again;
	assert_int_equal(cluster_status(&db.cluster, &again, NULL), 0);
	assert_int_not_equal(again.pid, s.pid);
	assert_string_equal(one(db.conn, "SELECT count(*) FROM strata.audit"), "1");
	db_close(&db);
}

/* Those who start and stop at once wait for a lock that a stop removes: each must find the one of that name. */
static void a_stop_leaves_no_lock_behind(void **state)
{
	(void)state;
	enum { CHILDREN = 4 };
	struct db db = fixture_open();
	struct cluster c = db.cluster;
	char path[PATH_MAX + 8];
	db_close(&db);
	snprintf(path, sizeof path, "%s.lock", c.data);
	pid_t children[CHILDREN];
	for (int i = 0; i < CHILDREN; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			bool started;
			int rc = i % 2 ? cluster_start(&c, &started, NULL) : cluster_stop(&c, NULL);
			_exit(rc < 0);
		}
	}
	for (int i = 0; i < CHILDREN; i++) {
		int status;
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(cluster_stop(&c, NULL), 0);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_stale_pid_of_somebody_else_is_no_obstacle(void **state)
{
	(void)state;
	struct db db = fixture_open();
	struct cluster c = db.cluster;
	db_close(&db);
	assert_int_equal(cluster_stop(&c, NULL), 0);
	/* A process of the server's own user that has taken the number: Postgres would refuse to start. */
	int p[2];
	assert_int_equal(pipe(p), 0);
	pid_t other = fork();
	if (other == 0) {
		close(p[1]);
		if (setgid(c.gid) < 0 || setuid(c.uid) < 0)
			_exit(1);
		char byte;
		_exit(read(p[0], &byte, 1) == 0 ? 0 : 1);
	}
	close(p[0]);
	char path[PATH_MAX + 32], text[256];
	snprintf(path, sizeof path, "%s/postmaster.pid", c.data);
	int n = snprintf(text, sizeof text, "%ld\n%s\n1\n5432\n%s\n", (long)other, "/nowhere", c.socket_dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && fchown(fd, c.uid, c.gid) == 0);
	assert_int_equal(write(fd, text, (size_t)n), n);
	close(fd);
	db = fixture_open();
	assert_true(db.started);
	db_close(&db);
	close(p[1]);
	assert_int_equal(waitpid(other, NULL, 0), other);
}

static void a_socket_folder_that_vanished_under_the_server_is_made_again(void **state)
{
	(void)state;
	struct db db = fixture_open();
	struct cluster c = db.cluster;
	db_close(&db);
	assert_int_equal(tree_remove(AT_FDCWD, c.socket_dir, NULL), 0);
	db = fixture_open();
	assert_true(db.started);
	db_close(&db);
}

static void a_long_path_has_a_short_socket(void **state)
{
	(void)state;
	char home[PATH_MAX];
	int n = snprintf(home, sizeof home, "%s/", fixture_home);
	while (n < 150)
		n += snprintf(home + n, sizeof home - (size_t)n, "a-long-folder/");
	assert_int_equal(dir_make_all(home, 0755, NULL), 0);
	char was[512];
	snprintf(was, sizeof was, "%s", getenv("XDG_RUNTIME_DIR"));
	setenv("XDG_RUNTIME_DIR", home, 1);
	struct cluster c;
	assert_int_equal(cluster_locate(&c, home, FIXTURE_UUID, NULL), 0);
	setenv("XDG_RUNTIME_DIR", was, 1);
	assert_true(strlen(c.socket_dir) + strlen("/.s.PGSQL.5432.lock") < 107);
}

static void a_log_that_says_why_is_in_the_error(void **state)
{
	(void)state;
	struct db db = fixture_open();
	struct cluster c = db.cluster;
	db_close(&db);
	assert_int_equal(cluster_stop(&c, NULL), 0);
	char path[PATH_MAX + 32], extra[PATH_MAX + 32];
	snprintf(path, sizeof path, "%s/postgresql.auto.conf", c.data);
	snprintf(extra, sizeof extra, "%s/auto.keep", c.data);
	assert_int_equal(rename(path, extra), 0);
	assert_int_equal(file_replace(AT_FDCWD, path, "work_mem = many\n", 16, 0644, NULL), 0);
	struct err err = {0};
	bool started;
	assert_int_equal(cluster_start(&c, &started, &err), ERR_STATE);
	assert_non_null(strstr(err.text, "work_mem"));
	assert_int_equal(rename(extra, path), 0);
}

static void the_flag_wins_over_the_environment(void **state)
{
	(void)state;
	struct db_options o = fixture_options();
	struct cluster c;
	enum db_source source;
	char *conninfo;
	setenv("STRATA_DB", "host=env", 1);
	assert_int_equal(db_choose(&o, &source, &c, &conninfo, NULL), 0);
	assert_int_equal(source, DB_ENVIRONMENT);
	free(conninfo);
	o.conninfo = "host=flag";
	assert_int_equal(db_choose(&o, &source, &c, &conninfo, NULL), 0);
	assert_int_equal(source, DB_FLAG);
	assert_string_equal(conninfo, "host=flag");
	free(conninfo);
	unsetenv("STRATA_DB");
	struct db db;
	struct err err = {0};
	o.conninfo = "host=/nonexistent";
	assert_int_equal(db_open(&o, &db, &err), ERR_STATE);
	assert_non_null(strstr(err.text, "/nonexistent"));
}

static void migrations_are_idempotent_and_guarded(void **state)
{
	(void)state;
	struct db db = fixture_open();
	assert_int_equal(db.migrated, 0); /* the first test's processes did it */
	struct migration list[32];
	size_t count;
	const struct migration *embedded = migrations_embedded(&count);
	assert_in_range(count, 1, 30);
	memcpy(list, embedded, count * sizeof *list);
	list[count] = (struct migration){embedded[count - 1].number + 1, "9998_test", (const unsigned char *)"CREATE TABLE strata.t2 (a int)", 30};
	list[count + 1] = (struct migration){embedded[count - 1].number + 2, "9999_broken", (const unsigned char *)"CREATE TABLE strata.t3 (a int); SELECT 1/0", 42};
	int applied = -1;
	struct err err = {0};
	assert_int_equal(migrations_apply(db.conn, list, count + 1, &applied, &err), 0);
	assert_int_equal(applied, 1);
	assert_int_equal(migrations_apply(db.conn, list, count + 1, &applied, &err), 0);
	assert_int_equal(applied, 0);
	/* A failing one leaves nothing behind. */
	assert_int_equal(migrations_apply(db.conn, list, count + 2, &applied, &err), ERR_STATE);
	assert_non_null(strstr(err.text, "9999_broken"));
	assert_string_equal(one(db.conn, "SELECT coalesce(to_regclass('strata.t3')::text, 'none')"), "none");
	/* Older program, newer schema. */
	assert_int_equal(db_migrate(db.conn, NULL, &err), ERR_STATE);
	assert_non_null(strstr(err.text, "newer (migration 9998_test)"));
	/* Changed after it was applied. */
	list[count].sql = (const unsigned char *)"CREATE TABLE strata.t2 (b int)";
	assert_int_equal(migrations_apply(db.conn, list, count + 1, &applied, &err), ERR_STATE);
	assert_non_null(strstr(err.text, "changed after"));
	assert_int_equal(db_exec(db.conn, "DROP TABLE strata.t2; DELETE FROM strata.migration WHERE name = '9998_test'", &err), 0);
	assert_int_equal(db_migrate(db.conn, &applied, &err), 0);
	assert_int_equal(applied, 0);
	db_close(&db);
}

static void lakes_are_told_apart_by_uuid(void **state)
{
	(void)state;
	struct db db = fixture_open();
	int same = 0, other = 0;
	struct lake_identity lake = fixture_options().lake;
	lake.uri = "moved";
	assert_int_equal(db_lake(db.conn, &lake, &same, NULL), 0);
	assert_int_equal(same, db.lake_id);
	lake.uuid = "00000000-0000-4000-8000-000000000001";
	assert_int_equal(db_lake(db.conn, &lake, &other, NULL), 0);
	assert_int_not_equal(other, db.lake_id);
	db_close(&db);
}

static void event_months_are_made_once(void **state)
{
	(void)state;
	struct db db = fixture_open();
	for (int i = 0; i < 2; i++)
		assert_int_equal(db_exec(db.conn, "SELECT strata.event_months('2013-11-05', '2014-01-31')", NULL), 0);
	assert_string_equal(one(db.conn, "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_inherits"
	                                 " JOIN pg_class c ON c.oid = inhrelid"
	                                 " WHERE inhparent = 'strata.event'::regclass AND relname < 'event_2015'"),
	                    "event_201311 event_201312 event_201401");
	db_close(&db);
}

/* The quoted words of the CHECK constraint on exactly this column, sorted, each followed by a comma. */
static const char *check_words(PGconn *conn, const char *table, const char *column)
{
	char sql[1024];
	snprintf(sql, sizeof sql,
	         "SELECT coalesce(string_agg(w[1] || ',', '' ORDER BY w[1] COLLATE \"C\"), '') FROM pg_constraint c,"
	         " regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]*)''', 'g') w"
	         " WHERE c.conrelid = 'strata.%s'::regclass AND c.contype = 'c' AND c.conkey = ARRAY[(SELECT attnum"
	         " FROM pg_attribute WHERE attrelid = c.conrelid AND attname = '%s')]", table, column);
	return one(conn, sql);
}

static int by_text(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;
	return strcmp(*x, *y);
}

static void assert_check(PGconn *conn, const char *table, const char *column, const char **names, size_t n)
{
	qsort(names, n, sizeof *names, by_text);
	char want[1024] = "";
	size_t len = 0;
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(want + len, sizeof want - len, "%s,", names[i]);
	assert_string_equal(check_words(conn, table, column), want);
}

#define NAME(id, name, doc) name,
#define ASSERT_CHECK(table, column, LIST)                                                    \
	do {                                                                                 \
		const char *names[] = {LIST(NAME)};                                          \
		assert_check(db.conn, table, column, names, sizeof names / sizeof *names);   \
	} while (0)

static void check_constraints_equal_the_tables_of_states(void **state)
{
	(void)state;
	struct db db = fixture_open();
	ASSERT_CHECK("run", "kind", RUN_KINDS);
	ASSERT_CHECK("run", "state", RUN_STATES);
	ASSERT_CHECK("run", "result", RUN_RESULTS);
	ASSERT_CHECK("task", "state", TASK_STATES);
	ASSERT_CHECK("task", "result", TASK_RESULTS);
	ASSERT_CHECK("task", "wait", TASK_WAITS);
	ASSERT_CHECK("try", "state", TRY_STATES);
	ASSERT_CHECK("try", "outcome", TRY_OUTCOMES);
	db_close(&db);
}

#ifdef STRATA_FAULTS
/* A first use that dies between initdb and its rename leaves nothing that looks like a cluster. */
static void a_first_use_that_was_killed_is_done_again(void **state)
{
	(void)state;
	struct db db = fixture_open();
	struct cluster c = db.cluster;
	db_close(&db);
	assert_int_equal(cluster_stop(&c, NULL), 0);
	assert_int_equal(tree_remove(AT_FDCWD, c.data, NULL), 0);
	pid_t pid = fork();
	if (pid == 0) {
		setenv("STRATA_FAULT", "cluster.rename:1:kill", 1);
		struct db_options o = fixture_options();
		_exit(db_open(&o, &db, NULL) == 0 ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	struct cluster_status s;
	assert_int_equal(cluster_status(&c, &s, NULL), 0);
	assert_false(s.exists);
	db = fixture_open();
	assert_true(db.started);
	size_t embedded;
	migrations_embedded(&embedded);
	assert_int_equal(db.migrated, embedded);
	db_close(&db);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_uses_at_once_share_one_cluster),
		cmocka_unit_test(a_killed_server_is_started_again_and_keeps_what_was_committed),
		cmocka_unit_test(a_stop_leaves_no_lock_behind),
		cmocka_unit_test(a_stale_pid_of_somebody_else_is_no_obstacle),
		cmocka_unit_test(a_socket_folder_that_vanished_under_the_server_is_made_again),
		cmocka_unit_test(a_long_path_has_a_short_socket),
		cmocka_unit_test(a_log_that_says_why_is_in_the_error),
		cmocka_unit_test(the_flag_wins_over_the_environment),
		cmocka_unit_test(migrations_are_idempotent_and_guarded),
		cmocka_unit_test(lakes_are_told_apart_by_uuid),
		cmocka_unit_test(event_months_are_made_once),
		cmocka_unit_test(check_constraints_equal_the_tables_of_states),
#ifdef STRATA_FAULTS
		cmocka_unit_test(a_first_use_that_was_killed_is_done_again),
#endif
	};
	return cmocka_run_group_tests_name("db", tests, fixture_start, fixture_stop);
}
