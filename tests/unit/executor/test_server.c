/* The line protocol as a scheduler speaks it, to a worker in a process of its own. */
#include "lake.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <sys/file.h>

#include "executor/server.h"

struct peer {
	pid_t pid;
	int to;
	FILE *from;
	json_int_t id;
	int events;       /* seen by the last call */
	json_t *last;     /* reply of the last call */
};

static void peer_start(struct peer *p)
{
	int in[2], out[2];
	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	p->pid = fork();
	if (p->pid == 0) {
		close(in[1]);
		close(out[0]);
		_exit(server_run(in[0], out[1]));
	}
	close(in[0]);
	close(out[1]);
	p->to = in[1];
	p->from = fdopen(out[0], "r");
	p->id = 0;
	p->last = NULL;
}

static json_int_t peer_send(struct peer *p, json_t *req)
{
	json_object_set_new(req, "id", json_integer(++p->id));
	char *text = json_dumps(req, JSON_COMPACT);
	json_decref(req);
	assert_int_equal(file_write_all(p->to, text, strlen(text)) | file_write_all(p->to, "\n", 1), 0);
	free(text);
	return p->id;
}

static json_t *peer_read(struct peer *p)
{
	char *line = NULL;
	size_t cap = 0;
	assert_true(getline(&line, &cap, p->from) > 0);
	json_t *json = json_loads(line, 0, NULL);
	assert_non_null(json);
	free(line);
	return json;
}

/* The reply to `id`; events before it are counted. Lives until the next call. */
static json_t *peer_reply(struct peer *p, json_int_t id)
{
	json_decref(p->last);
	p->events = 0;
	for (;;) {
		p->last = peer_read(p);
		assert_int_equal(json_integer_value(json_object_get(p->last, "id")), id);
		if (!json_object_get(p->last, "event"))
			return p->last;
		p->events++;
		json_decref(p->last);
	}
}

static json_t *peer_call(struct peer *p, json_t *req)
{
	return peer_reply(p, peer_send(p, req));
}

static json_t *hello(struct lake *l, int version)
{
	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:i, s:i, s:o}", "op", "hello", "version", version, "lake", l->path, "lake_uuid",
	                 "u", "worker", "w1", "threads", 1, "memory_bytes", 512 << 20, "lock",
	                 json_sprintf("%s/.strata/workers/w1.lock", l->path));
}

static void peer_hello(struct peer *p, struct lake *l)
{
	peer_start(p);
	json_t *r = peer_call(p, hello(l, PROTOCOL_VERSION));
	assert_true(json_is_true(json_object_get(r, "ok")));
	assert_string_equal(json_string_value(json_object_get(r, "duckdb")), "v1.5.5");
}

static int peer_close(struct peer *p)
{
	int status;
	close(p->to);
	waitpid(p->pid, &status, 0);
	fclose(p->from);
	json_decref(p->last);
	return status;
}

static json_t *try_json(struct lake *l, const char *qname, const char *sql)
{
	struct try_request rq = lake_request(l, qname, "", sql);
	json_t *json = try_request_encode(&rq);
	json_object_set_new(json, "op", json_string("run"));
	return json;
}

static const char *text_of(const json_t *json, const char *key)
{
	const char *s = json_string_value(json_object_get(json, key));
	return s ? s : "";
}

static bool lock_is_free(struct lake *l)
{
	struct err err = {0};
	int fd = file_lock(AT_FDCWD, arena_printf(&l->arena, "%s/.strata/workers/w1.lock", l->path), false, &err);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static const char *const forever = "SELECT sum(hash(a.range + b.range)) AS s FROM range(10000000) a, range(10000000) b";

static void shakes_hands_first(void **state)
{
	struct lake *l = *state;
	struct peer p;
	peer_start(&p);
	json_t *r = peer_call(&p, json_pack("{s:s, s:s}", "op", "sql", "sql", "SELECT 1"));
	assert_string_equal(text_of(json_object_get(r, "error"), "message"), "'sql' before hello");
	r = peer_call(&p, hello(l, PROTOCOL_VERSION + 1));
	assert_non_null(strstr(text_of(json_object_get(r, "error"), "message"), "version"));
	r = peer_call(&p, hello(l, PROTOCOL_VERSION));
	assert_true(json_is_true(json_object_get(r, "ok")));
	assert_false(lock_is_free(l));
	r = peer_call(&p, json_pack("{s:s}", "op", "dance"));
	assert_string_equal(text_of(json_object_get(r, "error"), "class"), "permanent");
	assert_int_equal(peer_close(&p), 0);
	assert_true(lock_is_free(l));
}

static void runs_a_try_with_its_events(void **state)
{
	struct lake *l = *state;
	struct peer p;
	peer_hello(&p, l);
	json_t *r = peer_call(&p, try_json(l, "dwd.dwd_x", "SELECT 1 AS a"));
	struct try_result result;
	struct err err = {0};
	assert_int_equal(try_result_decode(&l->arena, r, &result, &err), 0);
	assert_int_equal(result.outcome, OUTCOME_SUCCESS);
	assert_int_equal(result.manifest.row_count, 1);
	assert_int_equal(p.events, 4);
	r = peer_call(&p, try_json(l, "dwd.dwd_x", "SELECT nope"));
	assert_int_equal(try_result_decode(&l->arena, r, &result, &err), 0);
	assert_int_equal(result.outcome, OUTCOME_ERROR);
	assert_int_equal(result.error.line, 1);
	assert_int_equal(result.error.col, 8);
	assert_int_equal(peer_close(&p), 0);
}

static void probes_queries_and_sweeps(void **state)
{
	struct lake *l = *state;
	struct peer p;
	peer_hello(&p, l);
	peer_call(&p, try_json(l, "dwd.dwd_x", "SELECT 1 AS a, NULL AS b FROM range(3)"));
	lake_write(".strata/staging/dead/out/x.parquet", "x");
	lake_write(".strata/staging/kept/out/x.parquet", "x");
	lake_write("raw/x/dt=2013-01-03/a.csv", "a\n1\n");
	json_t *r = peer_call(&p, json_loads("{\"op\": \"probe\", \"partitions\": [{\"path\": \"dwd/dwd_x\"}, {\"path\": \"dwd/no\"}],"
	                                     "\"sources\": [{\"path\": \"/raw/x\", \"date\": \"2013-01-03\", \"format\": \"csv\", \"dates\": true},"
	                                     "{\"path\": \"raw/y\", \"date\": \"2013-01-03\", \"format\": \"csv\"}],"
	                                     "\"tables\": [\"dwd.dwd_x\"]}", 0, NULL));
	json_t *parts = json_object_get(r, "partitions"), *sources = json_object_get(r, "sources");
	assert_string_equal(text_of(json_array_get(parts, 0), "state"), "ok");
	assert_string_equal(text_of(json_array_get(parts, 0), "try_id"), "try-1");
	assert_string_equal(text_of(json_array_get(parts, 1), "state"), "missing");
	assert_int_equal(json_array_size(json_object_get(json_array_get(sources, 0), "files")), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(json_array_get(sources, 0), "dates"), 0)), "2013-01-03");
	assert_true(json_is_false(json_object_get(json_array_get(sources, 1), "exists")));

	assert_int_equal(truncate("dwd/dwd_x/1-try-1-0.parquet", 10), 0);
	r = peer_call(&p, json_loads("{\"op\": \"probe\", \"partitions\": [{\"path\": \"dwd/dwd_x\"}]}", 0, NULL));
	assert_string_equal(text_of(json_array_get(json_object_get(r, "partitions"), 0), "state"), "damaged");

	peer_call(&p, try_json(l, "dwd.dwd_x", "SELECT 1 AS a, NULL AS b FROM range(3)"));
	r = peer_call(&p, json_loads("{\"op\": \"sql\", \"sql\": \"SELECT a, b FROM dwd.dwd_x;\", \"limit\": 2, \"tables\": [{\"qname\": \"dwd.dwd_x\"}]}", 0, NULL));
	assert_int_equal(json_array_size(json_object_get(r, "rows")), 2);
	json_t *row = json_array_get(json_object_get(r, "rows"), 0);
	assert_string_equal(json_string_value(json_array_get(row, 0)), "1");
	assert_true(json_is_null(json_array_get(row, 1)));
	r = peer_call(&p, json_loads("{\"op\": \"sql\", \"sql\": \"DROP TABLE x\"}", 0, NULL));
	assert_string_equal(text_of(json_object_get(r, "error"), "class"), "sql");
	assert_string_equal(text_of(json_object_get(r, "error"), "message"), "only one SELECT can be run here");
	r = peer_call(&p, json_loads("{\"op\": \"sql\", \"sql\": \"SELECT 1; SELECT 2\"}", 0, NULL));
	assert_string_equal(text_of(json_object_get(r, "error"), "message"), "only one SELECT can be run here");
	r = peer_call(&p, json_loads("{\"op\": \"sql\", \"sql\": \"SELECT 1 FROM FROM\"}", 0, NULL));
	assert_non_null(strstr(text_of(json_object_get(r, "error"), "message"), "syntax error"));

	r = peer_call(&p, json_loads("{\"op\": \"sweep\", \"all\": true, \"keep\": [\"kept\"]}", 0, NULL));
	assert_int_equal(json_integer_value(json_object_get(r, "removed")), 1);
	assert_true(lake_has(".strata/staging/kept"));
	r = peer_call(&p, json_loads("{\"op\": \"sweep\", \"tries\": [\"kept\", \"never\"]}", 0, NULL));
	assert_int_equal(json_integer_value(json_object_get(r, "removed")), 1);
	r = peer_call(&p, json_loads("{\"op\": \"sweep\", \"tries\": [\"../../dwd\"]}", 0, NULL));
	assert_non_null(json_object_get(r, "error"));
	assert_true(lake_has("dwd/dwd_x/manifest.json"));
	assert_int_equal(peer_close(&p), 0);
}

enum { MANY_FILES = 1800 };

/* `n` files with long names, about 330 bytes each in a reply. */
static void write_many(struct lake *l, const char *folder, int n)
{
	char *first = arena_printf(&l->arena, "%s/0.csv", folder);
	lake_write(first, "a\n1\n");
	for (int i = 1; i < n; i++)
		assert_int_equal(link(first, arena_printf(&l->arena, "%s/%0200d.csv", folder, i)), 0);
}

/* A line has an end: what does not fit is told in the next reply, or is left where it also stands. */
static void many_files_do_not_outgrow_a_reply(void **state)
{
	struct lake *l = *state;
	struct peer p;
	peer_hello(&p, l);
	write_many(l, "raw/m/dt=2013-01-01", MANY_FILES);
	write_many(l, "raw/m/dt=2013-01-02", MANY_FILES);
	json_t *r = peer_call(&p, json_loads("{\"op\": \"probe\", \"sources\": [{\"path\": \"raw/m\", \"date\": \"2013-01-01\"},"
	                                     "{\"path\": \"raw/m\", \"date\": \"2013-01-02\"}]}", 0, NULL));
	json_t *sources = json_object_get(r, "sources");
	assert_int_equal(json_array_size(sources), 1);
	assert_int_equal(json_array_size(json_object_get(json_array_get(sources, 0), "files")), MANY_FILES);

	/* Of a range as many dates as fit, and from where to ask on; in the end each date once. */
	const char *from = "2013-01-01";
	size_t replies = 0, files = 0;
	while (from) {
		r = peer_call(&p, json_pack("{s:s, s:[{s:s, s:s, s:s, s:s}, {s:s, s:s, s:s, s:s}]}", "op", "probe", "sources", "path", "raw/m", "format",
		                            "csv", "first", from, "last", "2013-12-31", "path", "raw/m", "format", "csv", "first", "2013-01-01", "last",
		                            "2013-01-01"));
		sources = json_object_get(r, "sources");
		json_t *one = json_array_get(sources, 0), *days = json_object_get(one, "days"), *day;
		size_t i;
		json_array_foreach(days, i, day)
			files += json_array_size(json_object_get(day, "files"));
		from = json_string_value(json_object_get(one, "next"));
		assert_true(!from || strcmp(from, "2013-01-02") == 0);
		assert_string_equal(text_of(one, "folder"), "raw/m");
		replies++;
	}
	assert_int_equal(replies, 2);
	assert_int_equal(files, 2 * MANY_FILES);

	json_t *rq = try_json(l, "ods.ods_m", "SELECT 1 AS a");
	json_object_set_new(rq, "source", json_loads("{\"view\": \"tmp_ods_m\", \"path\": \"raw/m/*/*.csv\", \"date\": \"\","
	                                             "\"format\": \"csv\", \"missing\": \"empty\", \"header\": -1, \"all_varchar\": -1,"
	                                             "\"columns\": [{\"name\": \"a\", \"type\": \"BIGINT\"}]}", 0, NULL));
	r = peer_call(&p, rq);
	assert_null(json_object_get(r, "error"));
	assert_string_equal(text_of(r, "outcome"), "success");
	assert_non_null(strstr(text_of(r, "note"), "only in its manifest.json"));
	assert_int_equal(peer_close(&p), 0);
}

/* The first is interrupted at work, the second while it waits; the third runs. */
static void cancels_what_runs_and_what_waits(void **state)
{
	struct lake *l = *state;
	struct peer p;
	peer_hello(&p, l);
	json_int_t a = peer_send(&p, try_json(l, "dwd.dwd_a", forever));
	json_int_t b = peer_send(&p, try_json(l, "dwd.dwd_b", forever));
	json_int_t c = peer_send(&p, try_json(l, "dwd.dwd_c", "SELECT 1 AS a"));
	json_decref(peer_read(&p)); /* the first one runs */
	const json_int_t doomed[] = {b, a};
	for (int i = 0; i < 2; i++) {
		char line[64];
		int n = snprintf(line, sizeof line, "{\"op\":\"cancel\",\"id\":%d}\n", (int)doomed[i]);
		assert_int_equal(file_write_all(p.to, line, (size_t)n), 0);
	}
	assert_string_equal(text_of(peer_reply(&p, a), "outcome"), "killed");
	assert_string_equal(text_of(peer_reply(&p, b), "outcome"), "killed");
	assert_string_equal(text_of(peer_reply(&p, c), "outcome"), "success");
	assert_int_equal(peer_close(&p), 0);
	assert_int_equal(lake_count(".strata/staging"), 0);
}

/* One date of a batch, of which so many more follow. */
static json_t *date_json(struct lake *l, const char *date, const char *sql, int more)
{
	struct try_request rq = lake_request(l, "dwd.dwd_b", date, sql);
	json_t *json = try_request_encode(&rq);
	json_object_set_new(json, "op", json_string("run"));
	if (more)
		json_object_set_new(json, "more", json_integer(more));
	return json;
}

/* What is said next, as "id word": an event's or stage's name, or the outcome of a reply. */
static const char *peer_word(struct peer *p, char out[64])
{
	json_t *said = peer_read(p);
	const char *event = json_string_value(json_object_get(said, "event")), *stage = json_string_value(json_object_get(said, "stage"));
	snprintf(out, 64, "%d %s", (int)json_integer_value(json_object_get(said, "id")), stage ? stage : event ? event : text_of(said, "outcome"));
	json_decref(said);
	return out;
}

static void expect_words(struct peer *p, const char *const *words)
{
	char word[64];
	for (; *words; words++)
		assert_string_equal(peer_word(p, word), *words);
}

static void peer_cancel(struct peer *p, json_int_t id)
{
	char line[64];
	int n = snprintf(line, sizeof line, "{\"op\":\"cancel\",\"id\":%d}\n", (int)id);
	assert_int_equal(file_write_all(p->to, line, (size_t)n), 0);
}

/* The one that fails is answered at once and keeps nobody; the others when all of them are durable. */
static void a_batch_is_answered_try_by_try(void **state)
{
	struct lake *l = *state;
	struct peer p;
	peer_hello(&p, l);
	peer_send(&p, date_json(l, "2013-01-03", "SELECT 1 AS a", 2));
	peer_send(&p, date_json(l, "2013-01-04", "SELECT nothing", 1));
	peer_send(&p, date_json(l, "2013-01-05", "SELECT 3 AS a", 0));
	static const char *const words[] = {"2 running", "2 load", "2 validate", "2 staged", "3 running", "3 load", "3 error", "4 running", "4 load",
	                                    "4 validate", "4 staged", "2 commit", "4 commit", "2 success", "4 success", NULL};
	expect_words(&p, words);
	assert_true(lake_has("dwd/dwd_b/dt=2013-01-03/_SUCCESS") && lake_has("dwd/dwd_b/dt=2013-01-05/_SUCCESS"));
	assert_false(lake_has("dwd/dwd_b/dt=2013-01-04"));
	/* The last one fails, or is no try at all: those that wait are published all the same. */
	peer_send(&p, date_json(l, "2013-01-03", "SELECT 4 AS a", 1));
	peer_send(&p, date_json(l, "2013-01-04", "SELECT nothing", 0));
	static const char *const then[] = {"5 running", "5 load", "5 validate", "5 staged", "6 running", "6 load", "5 commit", "5 success", "6 error", NULL};
	expect_words(&p, then);
	peer_send(&p, date_json(l, "2013-01-03", "SELECT 5 AS a", 1));
	json_t *broken = date_json(l, "2013-01-04", "SELECT 1", 0);
	json_object_set_new(broken, "fence", json_string("no number"));
	peer_send(&p, broken);
	static const char *const last[] = {"7 running", "7 load", "7 validate", "7 staged", "7 commit", "7 success", NULL};
	expect_words(&p, last);
	json_t *refused = peer_read(&p);
	assert_non_null(json_object_get(refused, "error"));
	json_decref(refused);
	assert_int_equal(peer_close(&p), 0);
	assert_int_equal(lake_count(".strata/staging"), 0);
}

static void one_try_of_a_batch_is_canceled_alone(void **state)
{
	struct lake *l = *state;
	struct peer p;
	peer_hello(&p, l);
	json_int_t a = peer_send(&p, date_json(l, "2013-01-03", "SELECT 1 AS a", 3));
	peer_send(&p, date_json(l, "2013-01-04", "SELECT 2 AS a", 2));
	json_int_t c = peer_send(&p, date_json(l, "2013-01-05", forever, 1));
	peer_send(&p, date_json(l, "2013-01-06", "SELECT 4 AS a", 0));
	static const char *const words[] = {"2 running", "2 load", "2 validate", "2 staged", "3 running", "3 load", "3 validate", "3 staged",
	                                    "4 running", NULL};
	expect_words(&p, words);
	peer_cancel(&p, a); /* it waits for its batch */
	peer_cancel(&p, c); /* it is at work */
	char word[64];
	while (strcmp(peer_word(&p, word), "4 killed") != 0)
		assert_string_equal(word, "4 load");
	static const char *const then[] = {"5 running", "5 load", "5 validate", "5 staged", "2 commit", "3 commit", "5 commit", "2 killed",
	                                   "3 success", "5 success", NULL};
	expect_words(&p, then);
	assert_int_equal(peer_close(&p), 0);
	assert_int_equal(lake_count("dwd/dwd_b"), 2);
	assert_int_equal(lake_count(".strata/staging"), 0);
}

/* Its time-out, which is a cancel, comes while it is at work; those before it have done theirs. */
static void the_last_of_a_batch_is_canceled_alone(void **state)
{
	struct lake *l = *state;
	struct peer p;
	peer_hello(&p, l);
	peer_send(&p, date_json(l, "2013-01-03", "SELECT 1 AS a", 1));
	json_int_t last = peer_send(&p, date_json(l, "2013-01-04", forever, 0));
	static const char *const words[] = {"2 running", "2 load", "2 validate", "2 staged", "3 running", "3 load", NULL};
	expect_words(&p, words);
	peer_cancel(&p, last);
	static const char *const then[] = {"2 commit", "2 success", "3 killed", NULL};
	expect_words(&p, then);
	assert_int_equal(peer_close(&p), 0);
	assert_true(lake_has("dwd/dwd_b/dt=2013-01-03/_SUCCESS"));
	assert_int_equal(lake_count(".strata/staging"), 0);
}

/* More of it were promised, and something else comes. */
static void what_waits_is_published_before_anything_else(void **state)
{
	struct lake *l = *state;
	struct peer p;
	peer_hello(&p, l);
	peer_send(&p, date_json(l, "2013-01-03", "SELECT 1 AS a", 5));
	peer_send(&p, json_pack("{s:s, s:b, s:[]}", "op", "sweep", "all", 1, "keep"));
	static const char *const words[] = {"2 running", "2 load", "2 validate", "2 staged", "2 commit", "2 success", NULL};
	expect_words(&p, words);
	json_decref(peer_read(&p));
	/* The same date again must not wait for its own lock; and a batch has an end, whatever is promised. */
	peer_send(&p, date_json(l, "2013-01-03", "SELECT 2 AS a", 5));
	peer_send(&p, date_json(l, "2013-01-03", "SELECT 3 AS a", 0));
	static const char *const again[] = {"4 running", "4 load", "4 validate", "4 staged", "4 commit", "4 success",
	                                    "5 running", "5 load", "5 validate", "5 commit", "5 success", NULL};
	expect_words(&p, again);
	char word[64], want[64];
	for (int i = 0; i <= BATCH_MAX; i++) {
		json_int_t id = peer_send(&p, date_json(l, arena_printf(&l->arena, "2013-02-%02d", i + 1), "SELECT 1 AS a", 99));
		snprintf(want, sizeof want, "%d staged", (int)id);
		while (strcmp(peer_word(&p, word), want) != 0)
			;
	}
	assert_int_equal(lake_count("dwd/dwd_b"), 1 + BATCH_MAX);
	assert_int_equal(peer_close(&p), 0); /* nobody listens: the one that waits leaves nothing */
	assert_int_equal(lake_count("dwd/dwd_b"), 1 + BATCH_MAX);
	assert_int_equal(lake_count(".strata/staging"), 0);
	assert_true(lock_is_free(l));
}

static void the_end_of_the_pipe_ends_everything(void **state)
{
	struct lake *l = *state;
	struct peer p;
	peer_hello(&p, l);
	peer_send(&p, try_json(l, "dwd.dwd_a", forever));
	json_decref(peer_read(&p)); /* it runs */
	peer_send(&p, try_json(l, "dwd.dwd_b", "SELECT 1 AS a"));
	assert_int_equal(peer_close(&p), 0);
	assert_int_equal(lake_count(".strata/staging"), 0);
	assert_false(lake_has("dwd"));
	assert_true(lock_is_free(l));
}

/* A worker that dies takes its program along; only then is its lock free. */
static void program_dies_with_worker(struct lake *l, int signo, const char *script)
{
	struct peer p;
	const char *fifo = arena_printf(&l->arena, "%s/fifo", l->path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	peer_hello(&p, l);
	lake_write("./p.sh", arena_printf(&l->arena, "#!/bin/sh\nexec 5>%s\necho x >&5\n%s\n", fifo, script));
	struct try_request rq = lake_request(l, "ads.ads_x", "", NULL);
	rq.engine = "exec";
	rq.file = arena_printf(&l->arena, "%s/p.sh", l->path);
	rq.output_none = true;
	json_t *json = try_request_encode(&rq);
	json_object_set_new(json, "op", json_string("run"));
	peer_send(&p, json);
	char byte;
	int fd = open(fifo, O_RDONLY);
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_false(lock_is_free(l));
	kill(p.pid, signo);
	while (read(fd, &byte, 1) > 0)
		; /* until the program has let go of it */
	close(fd);
	int status = peer_close(&p);
	assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == signo : WEXITSTATUS(status) == 128 + signo);
	int lock = file_lock(AT_FDCWD, ".strata/workers/w1.lock", true, NULL); /* comes free, without anybody's help */
	assert_true(lock >= 0);
	close(lock);
}

static void a_killed_worker_takes_its_program_along(void **state)
{
	program_dies_with_worker(*state, SIGKILL, "exec sleep 1000");
}

static void a_terminated_worker_takes_the_whole_group_along(void **state)
{
	program_dies_with_worker(*state, SIGTERM, "(trap '' TERM; sleep 1000) & sleep 1000");
}

static void nonsense_ends_the_worker(void **state)
{
	struct lake *l = *state;
	struct peer p;
	peer_hello(&p, l);
	assert_int_equal(file_write_all(p.to, "not json\n", 9), 0);
	int status;
	waitpid(p.pid, &status, 0);
	assert_int_equal(status, 0);
	close(p.to);
	fclose(p.from);
	json_decref(p.last);
}

/* The next event of request `id` that has the key; it has not ended before. */
static json_t *event_with(struct peer *p, json_int_t id, const char *key)
{
	for (;;) {
		json_t *said = peer_read(p);
		assert_int_equal(json_integer_value(json_object_get(said, "id")), id);
		assert_non_null(json_object_get(said, "event"));
		if (json_object_get(said, key))
			return said;
		json_decref(said);
	}
}

/* Longer than anybody waits, over an input that is large enough to be measured; of a join with range() DuckDB tells nothing. */
static void a_long_query_tells_how_far_it_is(void **state)
{
	struct lake *l = *state;
	struct peer p;
	peer_hello(&p, l);
	json_int_t id = peer_send(&p, try_json(l, "dwd.dwd_big", "SELECT range AS i FROM range(4000000)"));
	json_t *said = event_with(&p, id, "rows");
	assert_string_equal(text_of(said, "stage"), "validate");
	assert_int_equal(json_integer_value(json_object_get(said, "rows")), 4000000);
	json_decref(said);
	assert_string_equal(text_of(peer_reply(&p, id), "outcome"), "success");

	const char *const whole[] = {""}, *const try_ids[] = {"try-1"};
	const struct try_input in = {.qname = "dwd.dwd_big", .partitions = whole, .try_ids = try_ids, .npartitions = 1};
	const char *digest = "i";
	for (int i = 0; i < 60; i++)
		digest = arena_printf(&l->arena, "md5(%s::VARCHAR)", digest);
	struct try_request rq = lake_request(l, "dwd.dwd_long", "", arena_printf(&l->arena, "SELECT i, %s AS m FROM dwd.dwd_big", digest));
	rq.inputs = &in;
	rq.ninputs = 1;
	json_t *req = try_request_encode(&rq);
	json_object_set_new(req, "op", json_string("run"));
	id = peer_send(&p, req);
	said = event_with(&p, id, "percent");
	assert_string_equal(text_of(said, "event"), "progress");
	assert_in_range(json_integer_value(json_object_get(said, "percent")), 0, 99);
	assert_true(json_integer_value(json_object_get(said, "of_rows")) >= 4000000);
	json_int_t before = json_integer_value(json_object_get(said, "written"));
	for (json_int_t now = before; now <= before;) { /* it grows, and is told again */
		json_decref(said);
		said = event_with(&p, id, "written");
		now = json_integer_value(json_object_get(said, "written"));
	}
	json_decref(said);
	peer_cancel(&p, id); /* it is heard beside all that is told */
	assert_string_equal(text_of(peer_reply(&p, id), "outcome"), "killed");
	assert_int_equal(peer_close(&p), 0);
	assert_int_equal(lake_count(".strata/staging"), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, lake_setup, lake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(shakes_hands_first), T(runs_a_try_with_its_events), T(probes_queries_and_sweeps),
		T(many_files_do_not_outgrow_a_reply), T(cancels_what_runs_and_what_waits), T(a_batch_is_answered_try_by_try),
		T(one_try_of_a_batch_is_canceled_alone), T(the_last_of_a_batch_is_canceled_alone),
		T(what_waits_is_published_before_anything_else), T(a_long_query_tells_how_far_it_is),
		T(the_end_of_the_pipe_ends_everything), T(a_killed_worker_takes_its_program_along),
		T(a_terminated_worker_takes_the_whole_group_along), T(nonsense_ends_the_worker),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
