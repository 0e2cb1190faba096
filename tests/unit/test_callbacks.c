/* Callbacks and clocks of runs: core/config_callbacks.c, core/callback.c, core/run_clock.c. What is said of mistakes is in
 * tests/golden/project/callbacks.golden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/run_clock.h"
#include "core/states.h"
#include "tests/unit/project_fixture.h"

static void callbacks_are_read(void **state)
{
	(void)state;
	struct fixture f;
	fixture_read(&f,
	             "layer_dependencies: {ods: []}\n"
	             "schedules:\n"
	             "  daily: {cron: '@daily', deadline: 2h, timeout: 90s}\n"
	             "callbacks:\n"
	             "  oncall:\n"
	             "    url: https://hooks.example/${BUCKET}/x\n"
	             "    headers: {Authorization: 'Bearer ${BUCKET}', X-Team: data}\n"
	             "    schedules: [daily]\n"
	             "  mail: {command: 'mail ${ONCALL}', on: [table_failure, success], kinds: scheduled backfill, tables: ods_a, timeout: 5s, retry_for: 2d}\n"
	             "  tell: {command: [./tell.sh, --loud]}\n"
	             "  off: {url: '${EMPTY:-}'}\n",
	             NULL, "ods/ods_a.sql");
	assert_string_equal(buf_cstr(&f.printed), "");
	const struct project *p = f.p;
	assert_int_equal(p->schedules[0].deadline_ms, 7200 * 1000);
	assert_int_equal(p->schedules[0].timeout_ms, 90 * 1000);
	assert_int_equal(p->ncallbacks, 4);
	const struct callback *oncall = &p->callbacks[0], *mail = &p->callbacks[1], *tell = &p->callbacks[2];
	assert_string_equal(oncall->url, "https://hooks.example/b1/x");
	assert_int_equal(oncall->nheaders, 2);
	assert_string_equal(oncall->headers[0], "Authorization: Bearer b1");
	assert_int_equal(oncall->events, CALLBACK_USUAL);
	assert_int_equal(oncall->kinds, (1 << RUN_KINDS_END) - 1);
	assert_int_equal(oncall->nschedules, 1);
	assert_int_equal(oncall->timeout_ms, 30 * 1000);
	assert_int_equal(oncall->retry_for_ms, 24 * 3600 * 1000);
	assert_null(mail->url);
	assert_int_equal(mail->nargv, 3);
	assert_string_equal(mail->argv[2], "mail ${ONCALL}"); /* the shell's to expand */
	assert_int_equal(mail->events, 1 << CALLBACK_TABLE_FAILURE | 1 << CALLBACK_SUCCESS);
	assert_int_equal(mail->kinds, 1 << RUN_SCHEDULED | 1 << RUN_BACKFILL);
	assert_int_equal(mail->ntables, 1);
	assert_int_equal(mail->timeout_ms, 5000);
	assert_int_equal(tell->nargv, 2);
	assert_string_equal(tell->argv[1], "--loud");
	assert_true(p->callbacks[3].off);
	assert_false(oncall->off);
	fixture_free(&f);
}

static void no_complaint_shows_what_a_variable_stands_for(void **state)
{
	(void)state;
	struct fixture f;
	fixture_read(&f, "callbacks:\n"
	                 "  a: {url: 'ftp://x/${BUCKET}'}\n"
	                 "  b: {url: 'http://x', headers: {A: \"${BUCKET}\\n\"}}\n", NULL, "");
	assert_non_null(strstr(buf_cstr(&f.printed), "${BUCKET}"));
	assert_null(strstr(buf_cstr(&f.printed), "b1"));
	fixture_free(&f);
}

static void secrets_are_starred_out(void **state)
{
	(void)state;
	static const char *const headers[] = {"Authorization: Bearer tok-123456", "X: ab"};
	const struct callback c = {.url = "https://ada:lovelace@hooks.example:8443/services/T0/B1?sig=9", .headers = headers, .nheaders = 2};
	char text[] = "hooks.example:8443 said /services/T0/B1?sig=9 to ada:lovelace with Bearer tok-123456, tok-123456; ab";
	callback_redact(&c, text);
	assert_string_equal(text, "hooks.example:8443 said ********************* to ************ with *****************, **********; ab");
	const struct callback plain = {.url = "http://hooks.example"};
	char untouched[] = "no route to hooks.example";
	callback_redact(&plain, untouched);
	assert_string_equal(untouched, "no route to hooks.example");
}

static void a_run_is_late_and_over_at_its_times(void **state)
{
	(void)state;
	struct run_clock c = run_clock_of(1000, 60 * 1000, 1030, 90 * 1000);
	int64_t wake = INT64_MAX;
	assert_int_equal(c.deadline, 1060); /* from the interval */
	assert_int_equal(c.end, 1120);      /* from when it was made */
	assert_int_equal(run_clock_look(&c, 1030, &wake), RUN_CLOCK_NOTHING);
	assert_int_equal(wake, 1060);
	wake = 1040;
	assert_int_equal(run_clock_look(&c, 1059, &wake), RUN_CLOCK_NOTHING);
	assert_int_equal(wake, 1040); /* somebody else's is earlier */
	wake = INT64_MAX;
	assert_int_equal(run_clock_look(&c, 1060, &wake), RUN_CLOCK_LATE);
	assert_int_equal(wake, 1120);
	c.told = true;
	wake = INT64_MAX;
	assert_int_equal(run_clock_look(&c, 1119, &wake), RUN_CLOCK_NOTHING);
	assert_int_equal(run_clock_look(&c, 5000, &wake), RUN_CLOCK_OVER);
	c.ended = true;
	wake = INT64_MAX;
	assert_int_equal(run_clock_look(&c, 5000, &wake), RUN_CLOCK_NOTHING);
	assert_int_equal(wake, INT64_MAX);
}

static void both_can_be_due_at_once_and_none_may_be_set(void **state)
{
	(void)state;
	int64_t wake = INT64_MAX;
	const struct run_clock none = run_clock_of(1000, 0, 1000, 0);
	assert_int_equal(run_clock_look(&none, INT64_MAX, &wake), RUN_CLOCK_NOTHING);
	assert_int_equal(wake, INT64_MAX);
	const struct run_clock slept = run_clock_of(1000, 1, 1000, 1500); /* parts of a second count as one */
	assert_int_equal(slept.deadline, 1001);
	assert_int_equal(slept.end, 1002);
	assert_int_equal(run_clock_look(&slept, 9000, &wake), RUN_CLOCK_LATE | RUN_CLOCK_OVER);
	const struct run_clock far = run_clock_of(INT64_MAX - 5, 60 * 1000, 0, 0);
	assert_int_equal(far.deadline, INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(callbacks_are_read),
		cmocka_unit_test(no_complaint_shows_what_a_variable_stands_for),
		cmocka_unit_test(secrets_are_starred_out),
		cmocka_unit_test(a_run_is_late_and_over_at_its_times),
		cmocka_unit_test(both_can_be_due_at_once_and_none_may_be_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
