/* core/manifest: the written form, its inverse, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/manifest.h"

static const struct manifest_file files[] = {{"3-a1-0.parquet", 1024, 10, "aa"}, {"3-a1-1.parquet", 0, 0, ""}};
static const struct column schema[] = {{"carrier", "VARCHAR"}, {"late \"x\"", "DECIMAL(18,3)"}};
static const struct manifest_input inputs[] = {{"ods.ods_flights", "2013-01-03", 7, "a0"},
                                               {"source:raw/a.csv", "", 0, "12:34:56:78"}};
static const struct manifest_check checks[] = {{"primary_keys", "passed", ""}};

static struct manifest sample(void)
{
	return (struct manifest){
		.dest = "dwd.dwd_flights", .partition_date = "2013-01-03", .partitioned = true, .run_id = "r1",
		.try_id = "a1", .version = 3, .fence = 1ull << 60, .row_count = 10, .status = "published",
		.source_prefix = ".strata/staging/a1", .target_prefix = "dwd/dwd_flights/dt=2013-01-03",
		.generated_at = "2013-01-04T00:00:00.000Z", .files = files, .nfiles = 2, .schema = schema, .nschema = 2,
		.fingerprint = "ff", .inputs = inputs, .ninputs = 2, .checks = checks, .nchecks = 1, .git_commit = "",
	};
}

static void keys_keep_their_order(void **state)
{
	(void)state;
	static const char *const keys[] = {"dest", "partition_date", "run_id", "file_count", "row_count", "status",
	                                   "source_prefix", "target_prefix", "generated_at", "partitioned", "version",
	                                   "try_id", "fence", "files", "schema", "fingerprint", "inputs", "checks",
	                                   "git_commit"};
	struct buf out = BUF_INIT(MANIFEST_MAX);
	struct manifest m = sample();
	manifest_encode(&m, &out);
	const char *at = out.data;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		char line[64];
		snprintf(line, sizeof line, "\n  \"%s\": ", keys[i]);
		at = strstr(at, line);
		assert_non_null(at);
	}
	assert_non_null(strstr(out.data, "\"file_count\": 2,"));
	assert_string_equal(out.data + out.len - 2, "}\n");
	buf_free(&out);
}

static void round_trip(void **state)
{
	(void)state;
	struct arena arena = {0};
	struct err err = {0};
	struct buf out = BUF_INIT(MANIFEST_MAX), again = BUF_INIT(MANIFEST_MAX);
	struct manifest m = sample(), back;
	manifest_encode(&m, &out);
	assert_int_equal(manifest_decode(&arena, out.data, out.len, &back, &err), 0);
	manifest_encode(&back, &again);
	assert_string_equal(out.data, again.data);
	assert_true(back.fence == 1ull << 60 && back.partitioned && back.nfiles == 2 && back.ninputs == 2);
	assert_int_equal(back.files[0].size, 1024);
	assert_string_equal(back.schema[1].name, "late \"x\"");
	assert_string_equal(back.inputs[1].try_id, "12:34:56:78");
	buf_free(&out);
	buf_free(&again);
	arena_free(&arena);
}

static int decode(const char *text, struct manifest *ret, struct err *err)
{
	static struct arena arena;
	arena_free(&arena);
	return manifest_decode(&arena, text, strlen(text), ret, err);
}

/* The sample's text with the first `from` replaced by `to`; freed by the caller. */
static char *edited(const char *from, const char *to)
{
	struct buf out = BUF_INIT(MANIFEST_MAX), changed = BUF_INIT(MANIFEST_MAX);
	struct manifest m = sample();
	manifest_encode(&m, &out);
	const char *at = strstr(out.data, from);
	assert_non_null(at);
	buf_add(&changed, out.data, (size_t)(at - out.data));
	buf_adds(&changed, to);
	buf_adds(&changed, at + strlen(from));
	buf_free(&out);
	return buf_steal(&changed);
}

static void refusals_name_the_key(void **state)
{
	(void)state;
	static const char *const cases[][3] = {
		{"\"dest\": \"dwd.dwd_flights\"", "\"dest\": 1", "'dest' must be a string"},
		{"\"dest\"", "\"dest_\"", "'dest' is missing"},
		{"\"run_id\": \"r1\"", "\"run_id\": null", "'run_id' is missing"},
		{"\"row_count\": 10", "\"row_count\": -1", "'row_count' is out of range"},
		{"\"row_count\": 10", "\"row_count\": 1.5", "'row_count' must be a whole number"},
		{"\"file_count\": 2", "\"file_count\": 3", "'file_count' is not the number of files"},
		{"\"partitioned\": true", "\"partitioned\": 1", "'partitioned' must be true or false"},
		{"3-a1-0.parquet", "../../x", "'files' has a name that is no plain file name"},
		{"3-a1-0.parquet", "", "'files' has a name that is no plain file name"},
		{"\"checks\": [", "\"checks\": [3,", "'checks' must be a list of objects"},
		{"\"git_commit\": \"\"", "\"git_commit\": []", "'git_commit' must be a string"},
		{"\"status\": \"published\"", "\"status\": \"a\\u0000b\"", "line"},
		{"\"status\": \"published\"", "\"status\": \"a\", \"status\": \"b\"", "duplicate"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *text = edited(cases[i][0], cases[i][1]);
		struct err err = {0};
		struct manifest m;
		assert_int_equal(decode(text, &m, &err), ERR_LAKE);
		if (!strstr(err.text, cases[i][2]))
			fail_msg("%zu: %s", i, err.text);
		free(text);
	}
	struct manifest m;
	struct err err = {0};
	assert_int_equal(decode("[]", &m, &err), ERR_LAKE);
	assert_int_equal(decode("", &m, &err), ERR_LAKE);
}

static void unknown_keys_are_ignored(void **state)
{
	(void)state;
	struct manifest m;
	struct err err = {0};
	char *text = edited("\"partitioned\": true", "\"of_a_later_release\": {\"x\": [1]}");
	assert_int_equal(decode(text, &m, &err), 0);
	assert_true(m.partitioned); /* by the folder's name */
	free(text);
}

static void a_cut_manifest_is_refused(void **state)
{
	(void)state;
	struct buf out = BUF_INIT(MANIFEST_MAX);
	struct manifest m = sample(), back;
	struct err err;
	manifest_encode(&m, &out);
	for (size_t n = 0; n + 2 < out.len; n++) {
		struct arena arena = {0};
		assert_int_equal(manifest_decode(&arena, out.data, n, &back, &err), ERR_LAKE);
		arena_free(&arena);
	}
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_keep_their_order),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(refusals_name_the_key),
		cmocka_unit_test(unknown_keys_are_ignored),
		cmocka_unit_test(a_cut_manifest_is_refused),
	};
	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
