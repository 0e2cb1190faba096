/* executor/bind on any JSON: every table of a request has its answer, columns, an error or why it is not known;
 * no SQL of a request runs, and the binder serves the next request as if nothing had been. */
#include "executor/bind.h"

#include "base/str.h"
#include "executor/duck.h"
#include "tests/fuzz/fuzz.h"

static duckdb_database db;
static struct binder *binder;

static void close_database(void)
{
	binder_free(binder);
	duckdb_close(&db);
}

/* Without a file system: what is tested is SQL, and a random path may be any. */
static void open_database(void)
{
	struct err err = {0};
	struct duck_error e = {0};
	duckdb_connection con;
	FUZZ_CHECKF(duck_open(&(struct duck_config){.threads = 1}, &db, &err) == 0, "%s", err.text);
	FUZZ_CHECKF(duck_connect(db, &con, &err) == 0, "%s", err.text);
	FUZZ_CHECKF(duck_run(con, "SET enable_external_access = false; SET lock_configuration = true", &e) == 0, "%s", e.message);
	duckdb_disconnect(&con);
	binder = binder_new(db);
	atexit(close_database);
}

static void check_answer(const json_t *answer)
{
	const json_t *columns = json_object_get(answer, "columns"), *error = json_object_get(answer, "error");
	const json_t *unknown = json_object_get(answer, "unknown"), *column;
	size_t i;
	FUZZ_CHECK((columns != NULL) + (error != NULL) + (unknown != NULL) == 1);
	json_array_foreach(columns, i, column)
		FUZZ_CHECK(json_is_string(json_object_get(column, "name"))); /* a type may be left undeclared */
	if (error)
		FUZZ_CHECK(json_is_string(json_object_get(error, "message")));
	if (unknown)
		FUZZ_CHECK(json_string_length(unknown) > 0);
}

static void check_next(void)
{
	struct err err = {0};
	json_t *reply = NULL, *req = json_pack("{s:[{s:s,s:b,s:s}]}", "tables", "qname", "dwd.dwd_y", "partitioned", 0, "sql", "SELECT 1 AS x");
	FUZZ_CHECKF(bind_request(binder, req, &reply, &err) == 0, "%s", err.text);
	const json_t *answer = json_array_get(json_object_get(reply, "tables"), 0);
	FUZZ_CHECK(json_array_size(json_object_get(answer, "columns")) == 1);
	json_decref(reply);
	json_decref(req);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = fuzz_bytes(data, size);
	struct err err = {0};
	json_t *req = json_loadb(bytes, size, 0, NULL), *reply = NULL;
	if (!binder)
		open_database();
	if (req) {
		const json_t *answers, *answer;
		size_t i;
		if (bind_request(binder, req, &reply, &err) == 0) {
			answers = json_object_get(reply, "tables");
			FUZZ_CHECK(json_array_size(answers) == json_array_size(json_object_get(req, "tables")));
			json_array_foreach(answers, i, answer)
				check_answer(answer);
		} else {
			FUZZ_CHECK(err.code < 0 && err.text[0] && !reply);
		}
		check_next();
	}
	json_decref(reply);
	json_decref(req);
	free(bytes);
	return 0;
}
