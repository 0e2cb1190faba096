/* The declared checks on what is published: the same words as those of a try, and nothing changes. */
#include "lake.h"

#include <jansson.h>

#include "executor/recheck.h"

static const char *const keys[] = {"a", "b"};

/* The request of one partition; the test declares what must hold. */
static struct try_request request(struct lake *l, const char *qname, const char *date)
{
	static const char *dates[1];
	static struct try_input self;
	dates[0] = date;
	self = lake_input(qname, *date != '\0', dates, 1);
	struct try_request rq = lake_request(l, qname, date, "");
	rq.inputs = &self;
	rq.ninputs = 1;
	return rq;
}

static int ask(struct lake *l, const struct try_request *rq, json_t **ret, struct op_error *e)
{
	json_t *req = try_request_encode(rq);
	*e = (struct op_error){.class = "permanent"};
	int rc = op_check(&l->w, req, ret, e);
	attempt_tidy(&l->w);
	json_decref(req);
	assert_int_equal(lake_staged(l), 0);
	return rc;
}

static void assert_reply(struct lake *l, const struct try_request *rq, const char *want)
{
	json_t *reply = NULL;
	struct op_error e;
	if (ask(l, rq, &reply, &e) < 0)
		fail_msg("%s", e.err.text);
	char *text = json_dumps(reply, JSON_COMPACT);
	assert_string_equal(text, want);
	free(text);
	json_decref(reply);
}

static void assert_error(struct lake *l, const struct try_request *rq, const char *part)
{
	json_t *reply = NULL;
	struct op_error e;
	assert_true(ask(l, rq, &reply, &e) < 0);
	assert_null(reply);
	if (!strstr(e.err.text, part))
		fail_msg("'%s' is not in '%s'", part, e.err.text);
}

static void says_of_a_published_partition_what_a_try_would_say(void **state)
{
	struct lake *l = *state;
	const char *sql = "SELECT * FROM (VALUES (1, NULL, NULL), (1, 'x', now()), (1, 'x', now())) t(a, b, seen)";
	const struct column columns[] = {{"a", "int"}, {"b", NULL}, {"gone", "DATE"}};
	lake_publish(l, "dwd.dwd_x", "2013-01-03", sql);
	struct try_request rq = request(l, "dwd.dwd_x", "2013-01-03");
	rq.primary_keys = keys;
	rq.nprimary_keys = 2;
	rq.timestamp_col = "seen";
	rq.columns = columns;
	rq.ncolumns = 3;
	rq.allow_empty = false;
	json_t *reply = NULL;
	struct op_error e;
	assert_int_equal(ask(l, &rq, &reply, &e), 0);
	struct try_request again = rq;
	again.try_id = "again";
	again.sql = sql;
	again.ninputs = 0;
	struct try_result tried = lake_run(l, &again);
	assert_failed(&tried, "check", "for example a = 1, b = x in 2 rows");
	json_t *said = json_object();
	manifest_put_checks(said, &tried.manifest);
	assert_int_equal(tried.manifest.nchecks, 4);
	assert_true(json_equal(json_object_get(reply, "checks"), json_object_get(said, "checks")));
	assert_int_equal(json_integer_value(json_object_get(reply, "version")), 1);
	assert_int_equal(json_integer_value(json_object_get(reply, "rows")), 3);
	json_decref(said);
	json_decref(reply);
	tree_remove(AT_FDCWD, ".strata/staging/again", NULL);
}

static void an_example_is_one_line_and_not_long(void **state)
{
	struct lake *l = *state;
	lake_publish(l, "dwd.dwd_x", "", "SELECT 'a' || chr(10) || 'ü' || repeat('y', 1000) AS a, {'k': [1, NULL]} AS b FROM range(2)");
	struct try_request rq = request(l, "dwd.dwd_x", "");
	rq.primary_keys = keys;
	rq.nprimary_keys = 2;
	char want[512], y[58];
	memset(y, 'y', 57);
	y[57] = '\0';
	snprintf(want, sizeof want, "{\"state\":\"published\",\"version\":1,\"rows\":2,\"checks\":[{\"name\":\"primary_keys\",\"status\":\"failed\",\"detail\":\"1 value of "
	         "(\\\"a\\\", \\\"b\\\") is there more than once; for example a = a ü%s, b = {'k': [1, NULL]} in 2 rows\"}]}", y);
	assert_reply(l, &rq, want);
}

static void empty_and_absent_are_told_apart(void **state)
{
	struct lake *l = *state;
	struct try_request rq = request(l, "dwd.dwd_x", "2013-01-03");
	rq.primary_keys = keys;
	rq.nprimary_keys = 1;
	assert_reply(l, &rq, "{\"state\":\"absent\",\"version\":0,\"rows\":0,\"checks\":[]}");
	lake_publish(l, "dwd.dwd_x", "2013-01-03", "SELECT 1 AS a WHERE false");
	assert_reply(l, &rq, "{\"state\":\"empty\",\"version\":1,\"rows\":0,\"checks\":[]}");
	rq.allow_empty = false;
	assert_reply(l, &rq, "{\"state\":\"empty\",\"version\":1,\"rows\":0,\"checks\":[{\"name\":\"allow_empty\",\"status\":\"failed\",\"detail\":\"the result has no rows\"}]}");
	lake_publish(l, "dwd.dwd_x", "2013-01-03", "SELECT 1 AS a");
	assert_reply(l, &rq, "{\"state\":\"published\",\"version\":2,\"rows\":1,\"checks\":[{\"name\":\"allow_empty\",\"status\":\"passed\",\"detail\":\"\"},"
	                     "{\"name\":\"primary_keys\",\"status\":\"passed\",\"detail\":\"\"}]}");
}

static void what_cannot_be_read_is_an_error(void **state)
{
	struct lake *l = *state;
	lake_publish(l, "dwd.dwd_x", "", "SELECT 1 AS a");
	struct try_request rq = request(l, "dwd.dwd_x", "");
	rq.allow_empty = false;
	assert_int_equal(truncate("dwd/dwd_x/1-try-1-0.parquet", 10), 0);
	assert_error(l, &rq, "what is published cannot be read: ");
	assert_int_equal(unlink("dwd/dwd_x/1-try-1-0.parquet"), 0);
	assert_error(l, &rq, "its manifest lists files that are not there; `strata run --force dwd.dwd_x`");
	rq = request(l, "dwd.dwd_x", "2013-01-03");
	assert_error(l, &rq, "published as one unpartitioned table but is partitioned now");
	rq = request(l, "dwd", "");
	assert_error(l, &rq, "'dwd' is no layer.table");
	rq = request(l, "dwd.dwd_x", "");
	rq.ninputs = 0;
	assert_error(l, &rq, "its one input must be the partition itself");
}

/* Of dwd.dwd_x, whose key is "a". */
static struct try_request keyed_request(struct lake *l, const char *date)
{
	struct try_request rq = request(l, "dwd.dwd_x", date);
	rq.primary_keys = keys;
	rq.nprimary_keys = 1;
	return rq;
}

/* A try that only checks, of what `expected` has published. */
static struct try_result try_it(struct lake *l, struct try_request rq, const char *expected)
{
	static const char *ids[1];
	struct try_input self = rq.inputs[0];
	ids[0] = expected;
	self.try_ids = ids;
	rq.inputs = &self;
	rq.check_only = true;
	struct try_result r = lake_run(l, &rq);
	assert_int_equal(lake_staged(l), 0);
	return r;
}

static void a_try_that_only_checks_leaves_the_lake_alone(void **state)
{
	struct lake *l = *state;
	struct try_result made = lake_publish(l, "dwd.dwd_x", "2013-01-03", "SELECT * FROM (VALUES (1, 'x'), (2, 'y')) t(a, b)");
	struct try_request rq = keyed_request(l, "2013-01-03");
	struct try_result r = try_it(l, rq, made.manifest.try_id);
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_string_equal(r.checked, made.manifest.try_id);
	assert_string_equal(r.note, "version 1 was checked, 2 rows");
	assert_int_equal(r.manifest.nchecks, 1);
	assert_string_equal(r.manifest.checks[0].status, "passed");
	assert_null(r.manifest.partition_date); /* there is no manifest of it */
	assert_int_equal(r.bytes, 0);
	struct manifest after = lake_manifest(l, "dwd/dwd_x/dt=2013-01-03");
	assert_string_equal(after.try_id, made.manifest.try_id);
	assert_int_equal(after.version, 1);
}

static void a_try_that_only_checks_fails_with_its_check_and_keeps_nothing(void **state)
{
	struct lake *l = *state;
	struct try_result made = lake_publish(l, "dwd.dwd_x", "", "SELECT 1 AS a FROM range(2)");
	struct try_request rq = keyed_request(l, "");
	struct try_result r = try_it(l, rq, made.manifest.try_id);
	assert_failed(&r, "check", "check primary_keys failed: 1 value of (\"a\") is there more than once; for example a = 1 in 2 rows; this is what is published, and it stays");
	assert_int_equal(r.manifest.nchecks, 1);
	assert_null(r.checked);
	assert_null(r.staging);
	assert_string_equal(lake_manifest(l, "dwd/dwd_x").try_id, made.manifest.try_id);
}

static void a_try_that_only_checks_knows_what_is_empty_and_what_is_gone(void **state)
{
	struct lake *l = *state;
	struct try_request rq = request(l, "dwd.dwd_x", "2013-01-03");
	struct try_request nothing = rq;
	nothing.check_only = true;
	nothing.ninputs = 0;
	struct try_result r = lake_run(l, &nothing);
	assert_failed(&r, "permanent", "its one input must be the partition itself");
	r = try_it(l, rq, "");
	assert_failed(&r, "transient", "nothing is published of it any more");
	r = try_it(l, rq, "try-of-before");
	assert_failed(&r, "transient", "dwd.dwd_x 2013-01-03 is not published any more");
	struct try_result made = lake_publish(l, "dwd.dwd_x", "2013-01-03", "SELECT 1 AS a WHERE false");
	r = try_it(l, rq, "");
	assert_int_equal(r.outcome, OUTCOME_SUCCESS);
	assert_string_equal(r.checked, made.manifest.try_id);
	assert_false(r.empty);
	rq.allow_empty = false;
	r = try_it(l, rq, "");
	assert_failed(&r, "check", "check allow_empty failed: the result has no rows; this is what is published");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(says_of_a_published_partition_what_a_try_would_say, lake_setup, lake_teardown),
		cmocka_unit_test_setup_teardown(an_example_is_one_line_and_not_long, lake_setup, lake_teardown),
		cmocka_unit_test_setup_teardown(empty_and_absent_are_told_apart, lake_setup, lake_teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_read_is_an_error, lake_setup, lake_teardown),
		cmocka_unit_test_setup_teardown(a_try_that_only_checks_leaves_the_lake_alone, lake_setup, lake_teardown),
		cmocka_unit_test_setup_teardown(a_try_that_only_checks_fails_with_its_check_and_keeps_nothing, lake_setup, lake_teardown),
		cmocka_unit_test_setup_teardown(a_try_that_only_checks_knows_what_is_empty_and_what_is_gone, lake_setup, lake_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
