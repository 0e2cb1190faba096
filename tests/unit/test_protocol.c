/* core/protocol: requests, results and analyses as JSON, against their inverse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/jsonio.h"
#include "core/protocol.h"

static const char *maybe(const char *s)
{
	return rand() % 2 ? s : NULL;
}

static const struct column columns[] = {{"a", "BIGINT"}, {"b", NULL}};
static const char *const dates[] = {"2013-01-01", "2013-01-02"};
static const char *const ids[] = {"t1", "t2"};

static void requests_round_trip(void **state)
{
	(void)state;
	srand(1);
	for (int i = 0; i < 500; i++) {
		struct try_input inputs[2] = {
			{"dwd.a", true, NULL, dates, ids, 2, columns, 2},
			{"dim.b", false, maybe("ext/b"), dates, ids, (size_t)(rand() % 3), NULL, 0},
		};
		struct try_source source = {"tmp_ods_x", "raw/x", "2013-01-01", "csv", "wait", maybe("_SUCCESS"), maybe(";"), maybe("NA"),
		                            maybe("latin-1"), rand() % 3 - 1, rand() % 3 - 1, columns, (size_t)(rand() % 3)};
		const struct view views[] = {{.qname = "m.v", .ddl = "CREATE \"v\""}, {.qname = "f", .ddl = "CREATE f"}};
		const struct view *const uses[] = {&views[0], &views[1]};
		struct try_request r = {
			.views = uses, .nviews = (size_t)(rand() % 3),
			.try_id = "t", .run_id = "r", .fence = (uint64_t)rand(), .qname = "dwd.x", .partition = "",
			.run_date = "2013-01-07", .partitioned = rand() % 2, .engine = "duckdb", .sql = maybe("SELECT\n'\t'"),
			.file = maybe("/p/x.sh"), .project_dir = maybe("/p"), .inputs = inputs, .ninputs = (size_t)(rand() % 3),
			.source = rand() % 2 ? &source : NULL, .primary_keys = dates, .nprimary_keys = (size_t)(rand() % 3),
			.timestamp_col = maybe("ts"), .columns = columns, .ncolumns = (size_t)(rand() % 3),
			.allow_empty = rand() % 2, .output_none = rand() % 2, .keep_staging = rand() % 2, .check_only = rand() % 2,
			.fingerprint = "ff", .git_commit = "", .next_version = (uint64_t)rand(), .log_path = "/l",
			.memory_bytes = rand(), .threads = rand() % 9,
		};
		struct arena arena = {0};
		struct try_request back;
		struct err err = {0};
		json_t *json = try_request_encode(&r), *again;
		assert_int_equal(try_request_decode(&arena, json, &back, &err), 0);
		again = try_request_encode(&back);
		assert_true(json_equal(json, again));
		assert_int_equal(back.source != NULL, r.source != NULL);
		assert_int_equal(back.ninputs, r.ninputs);
		assert_int_equal(back.fence, r.fence);
		assert_int_equal(back.nviews, r.nviews);
		for (size_t k = 0; k < r.nviews; k++) {
			assert_string_equal(back.views[k]->qname, views[k].qname);
			assert_string_equal(back.views[k]->ddl, views[k].ddl);
		}
		assert_true(!back.sql == !r.sql && !back.timestamp_col == !r.timestamp_col);
		if (r.source) {
			assert_int_equal(back.source->header, source.header);
			assert_true(!back.source->delim == !source.delim);
		}
		json_decref(json);
		json_decref(again);
		arena_free(&arena);
	}
}

static void results_round_trip(void **state)
{
	(void)state;
	srand(2);
	for (int i = 0; i < 500; i++) {
		struct try_result r = {.outcome = (enum try_outcome)(1 + rand() % (TRY_OUTCOMES_END - 1)), .empty = rand() % 2,
		                       .bytes = rand(), .cleared_rows = rand() % 3 - 1, .checked = rand() % 2 ? "7c1f" : NULL, .prepare_us = rand(), .load_us = rand(),
		                       .validate_us = rand(), .commit_us = rand(), .cleanup_us = rand(),
		                       .staging = maybe("/s"), .note = maybe("no input")};
		if (r.outcome == OUTCOME_ERROR)
			r.error = (struct try_error){"sql", "Binder Error: \"x\"\nline two", rand() % 99, rand() % 99};
		if (r.outcome == OUTCOME_SUCCESS)
			r.manifest = (struct manifest){.dest = "a.b", .partition_date = "", .run_id = "r", .try_id = "t",
			                               .version = 1, .fence = 2, .status = "published", .source_prefix = "s",
			                               .target_prefix = "a/b", .generated_at = "g", .fingerprint = "",
			                               .git_commit = "", .schema = columns, .nschema = 2};
		struct arena arena = {0};
		struct try_result back;
		struct err err = {0};
		json_t *json = try_result_encode(&r), *again;
		assert_null(json_object_get(json, "error")); /* would read as a refused request */
		assert_int_equal(try_result_decode(&arena, json, &back, &err), 0);
		again = try_result_encode(&back);
		assert_true(json_equal(json, again));
		assert_int_equal(back.outcome, r.outcome);
		assert_int_equal(back.error.line, r.error.line);
		assert_int_equal(back.manifest.nschema, r.manifest.nschema);
		json_decref(json);
		json_decref(again);
		arena_free(&arena);
	}
}

static void analyses_round_trip(void **state)
{
	(void)state;
	struct span spans[] = {{{BOUND_REL, -6}, {BOUND_REL, 0}}, {{BOUND_ABS, 15706}, {BOUND_NONE, 0}}};
	struct ref refs[] = {{REF_TABLE, "dwd", "x", 3, 7, spans, 2, NULL}, {REF_MACRO, "", "y", 0, 0, spans + 1, 1, NULL},
	                     {REF_CALL, "m", "f", 2, 1, spans, 1, NULL}};
	for (int i = 0; i < 64; i++) {
		struct analysis a = {i & 1, i & 2, i & 4, i & 8, "hex", i & 16 ? "now()" : NULL, i & 32 ? "bad" : NULL,
		                     i, i + 1, &(struct analysis_error){"worse", 2, i}, (size_t)i % 2, refs, (size_t)i % 4};
		struct arena arena = {0};
		struct analysis back;
		struct err err = {0};
		json_t *json = analysis_to_json(&a), *again;
		assert_int_equal(analysis_from_json(&arena, json, &back, &err), 0);
		again = analysis_to_json(&back);
		assert_true(json_equal(json, again));
		assert_true(!back.error == !a.error && !back.volatile_by == !a.volatile_by);
		json_decref(json);
		json_decref(again);
		arena_free(&arena);
	}
}

/* Every required key missing and every key of another type is an error, never a crash. */
static void any_key_gone_or_wrong(json_t *whole, int (*decode)(const json_t *json, struct err *err))
{
	const char *key;
	json_t *value;
	struct err err;
	json_object_foreach(whole, key, value) {
		json_t *cut = json_copy(whole);
		json_object_del(cut, key);
		decode(cut, &err);
		json_object_set_new(cut, key, json_is_integer(value) ? json_string("x") : json_integer(-7));
		assert_int_equal(decode(cut, &err), ERR_PROTOCOL);
		assert_non_null(strstr(err.text, key));
		json_decref(cut);
	}
	json_decref(whole);
}

static int decode_request(const json_t *json, struct err *err)
{
	struct arena arena = {0};
	struct try_request r;
	int result = try_request_decode(&arena, json, &r, err);
	arena_free(&arena);
	return result;
}

static int decode_analysis(const json_t *json, struct err *err)
{
	struct arena arena = {0};
	struct analysis a;
	int result = analysis_from_json(&arena, json, &a, err);
	arena_free(&arena);
	return result;
}

static void wrong_types_name_the_key(void **state)
{
	(void)state;
	struct try_request r = {.try_id = "t", .run_id = "r", .qname = "q", .partition = "", .run_date = "", .engine = "duckdb",
	                        .sql = "x", .file = "f", .project_dir = "/", .timestamp_col = "t", .fingerprint = "",
	                        .git_commit = "", .log_path = "/"};
	any_key_gone_or_wrong(try_request_encode(&r), decode_request);
	struct analysis a = {.canonical = "", .volatile_by = "x", .error = "y"};
	any_key_gone_or_wrong(analysis_to_json(&a), decode_analysis);
	struct err err;
	assert_int_equal(decode_request(NULL, &err), ERR_PROTOCOL);
	assert_string_equal(err.text, "run request: 'try_id' is missing");
}

static void bytes_that_are_no_text_do_not_break_a_line(void **state)
{
	(void)state;
	json_t *text = json_text("a\xff\xc3\xbc\xe2\x82 \xed\xa0\x80\xc0\x80z");
	assert_string_equal(json_string_value(text), "a\xef\xbf\xbd\xc3\xbc\xef\xbf\xbd\xef\xbf\xbd "
	                                             "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
	struct buf line = BUF_INIT(PROTOCOL_LINE_MAX);
	json_t *list = json_pack("[os]", text, "x\ny");
	json_print(list, JSON_COMPACT, &line);
	assert_null(strchr(line.data, '\n'));
	buf_free(&line);
	json_decref(list);
}

static struct try_event event_of(const char *text)
{
	struct try_event e;
	json_t *json = json_loads(text, 0, NULL);
	try_event_decode(json, &e);
	json_decref(json); /* the numbers are their own */
	return e;
}

static void what_an_event_does_not_say_is_not_known(void **state)
{
	(void)state;
	struct try_event e = event_of("{\"event\":\"progress\",\"percent\":43,\"of_rows\":2800000,\"written\":4096}");
	assert_int_equal(e.percent, 43);
	assert_int_equal(e.of_rows, 2800000);
	assert_int_equal(e.written, 4096);
	assert_int_equal(e.rows, -1);
	e = event_of("{\"event\":\"stage\",\"stage\":\"validate\",\"rows\":0}");
	assert_int_equal(e.rows, 0);
	assert_int_equal(e.percent, -1);
	static const char *const wrong[] = {"{}", "{\"percent\":101}", "{\"percent\":\"43\"}", "{\"rows\":-7}", "{\"event\":7,\"stage\":[]}"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		e = event_of(wrong[i]);
		assert_string_equal(e.event, "");
		assert_string_equal(e.stage, "");
		assert_true(e.rows == -1 && e.percent == -1 && e.of_rows == -1 && e.written == -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_round_trip),
		cmocka_unit_test(results_round_trip),
		cmocka_unit_test(analyses_round_trip),
		cmocka_unit_test(wrong_types_name_the_key),
		cmocka_unit_test(bytes_that_are_no_text_do_not_break_a_line),
		cmocka_unit_test(what_an_event_does_not_say_is_not_known),
	};
	return cmocka_run_group_tests_name("protocol", tests, NULL, NULL);
}
