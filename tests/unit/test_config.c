/* core/config, core/layers, core/project_files: dw_config.yaml and the listing, and what is said of their mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/date.h"
#include "tests/unit/project_fixture.h"


static void a_good_project_is_read(void **state)
{
	(void)state;
	struct fixture f;
	fixture_read(&f,
	             "layer_dependencies:\n"
	             "  ads: [dws]\n"
	             "  dws: [dwd]\n"
	             "  dwd: [ods]\n"
	             "  ods: []\n"
	             "table_dependencies:\n"
	             "  ads:\n"
	             "    ads_mail: [ads_report, ods.ods_a]\n"
	             "sources:\n"
	             "  ods_a:\n"
	             "    path: /raw/a/\n"
	             "    format: csv\n"
	             "    options: {delim: '|', header: true, nullstr: '', columns: {x: INTEGER, y: 'DECIMAL(18, 3)'}}\n"
	             "schedules:\n"
	             "  daily: {cron: '30 6 * * 1-5', select: +ads  ods_a, lookback: 2, start_date: 2013-01-01}\n"
	             "pools: {default: 9, reports: 2}\n"
	             "defaults: {retries: 3, retry_delay: 5, retry_backoff: 1.5, timeout: 2h, retry_on: any, timezone: UTC}\n",
	             NULL, "ads/ads_report.sql ads/ads_mail.sh* ods/ods_a.sql ods/_notes.sql ods/.x.sql ods/README.md");
	assert_string_equal(buf_cstr(&f.printed), "");
	const struct project *p = f.p;
	assert_string_equal(p->name, "flights");
	assert_string_equal(p->env, "dev");
	assert_int_equal(p->nlayers, 4);
	assert_string_equal(p->layers[0].name, "ods");
	assert_string_equal(p->layers[3].name, "ads");
	assert_true(p->layers[3].upstream[0]);
	assert_false(p->layers[0].upstream[3]);
	assert_false(p->layers[3].upstream[3]);
	assert_int_equal(p->ntables, 3);
	const struct table *mail = project_table(p, "ads.ads_mail"), *a = project_table(p, "ods_a");
	assert_non_null(mail);
	assert_int_equal(mail->kind, TABLE_EXEC);
	assert_string_equal(mail->policy.engine, "exec");
	assert_string_equal(mail->file, "dags/ads/ads_mail.sh");
	assert_int_equal(mail->policy.retries, 3);
	assert_int_equal(mail->policy.retry_delay_ms, 5000);
	assert_true(mail->policy.retry_backoff == 1.5);
	assert_int_equal(mail->policy.timeout_ms, 7200 * 1000);
	assert_true(mail->policy.retry_any);
	assert_true(mail->policy.allow_empty);
	assert_ptr_equal(p->tables, a);
	assert_string_equal(a->qname, "ods.ods_a");
	assert_null(project_table(p, "dwd.ods_a"));
	assert_string_equal(a->source->path, "raw/a");
	assert_string_equal(a->source->delim, "|");
	assert_string_equal(a->source->nullstr, "");
	assert_int_equal(a->source->header, TRI_TRUE);
	assert_int_equal(a->source->all_varchar, TRI_UNSET);
	assert_true(a->source->partitioned);
	assert_int_equal(a->source->ncolumns, 2);
	assert_string_equal(a->source->columns[1].type, "DECIMAL(18, 3)");
	assert_int_equal(p->npools, 2);
	assert_int_equal(p->pools[0].slots, 9);
	const struct schedule *s = &p->schedules[0];
	assert_int_equal(s->nselect, 2);
	assert_string_equal(s->select[1], "ods_a");
	assert_int_equal(s->date_offset, -1);
	assert_int_equal(s->max_active_runs, 1);
	assert_int_equal(s->start_date, 15706);
	assert_int_equal(p->ndeclared, 2);
	assert_string_equal(p->declared[1].needs, "ods.ods_a");
	assert_string_equal(p->timezone, "UTC");
	assert_string_equal(project_nearest(p, "ads_mial"), "ads_mail");
	fixture_free(&f);
}

static void nothing_at_all_is_a_project(void **state)
{
	(void)state;
	struct fixture f;
	fixture_read(&f, NULL, NULL, "");
	assert_string_equal(buf_cstr(&f.printed), "");
	assert_int_equal(f.p->npools, 1);
	assert_string_equal(f.p->pools[0].name, "default");
	assert_int_equal(f.p->pools[0].slots, UINT32_MAX);
	assert_null(project_table(f.p, "x"));
	assert_null(project_nearest(f.p, "x"));
	fixture_free(&f);
}

static void folders_are_layers_without_config(void **state)
{
	(void)state;
	struct fixture f;
	fixture_read(&f, "# nothing\n", NULL, "ods/ods_a.sql utils/helper.py* dwd/dwd_b.sql dwd/dwd_a.sql");
	assert_string_equal(buf_cstr(&f.printed), "");
	assert_int_equal(f.p->nlayers, 2);
	assert_true(f.p->layers[0].upstream[1]);
	assert_true(f.p->layers[1].upstream[0]);
	assert_int_equal(f.p->ntables, 3);
	assert_string_equal(f.p->tables[0].name, "dwd_a");
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_project_is_read),
		cmocka_unit_test(nothing_at_all_is_a_project),
		cmocka_unit_test(folders_are_layers_without_config),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
