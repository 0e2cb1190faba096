/* core/fingerprint: what a fingerprint is made of, and what a difference is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/fingerprint.h"

static const int64_t second = 1000000000;

static struct project project(void)
{
	return (struct project){.env = "dev"};
}

static struct table table(struct analysis *a)
{
	*a = (struct analysis){.partitioned = true, .parsed = true, .canonical = "abc"};
	return (struct table){.name = "dwd_x", .qname = "dwd.dwd_x", .format = "parquet", .policy = {.engine = "duckdb"},
	                      .analysis = a};
}

static void the_text_round_trips_and_other_text_does_not(void **state)
{
	(void)state;
	struct analysis a;
	struct project p = project();
	struct table t = table(&a);
	struct fingerprint f, again;
	struct buf text = BUF_INIT(1024);
	fingerprint_table(&p, &t, "v1.5.5", &f);
	fingerprint_format(&f, &text);
	assert_true(fingerprint_parse(buf_cstr(&text), &again));
	assert_int_equal(fingerprint_diff(&f, &again), FP_PARTS);
	assert_non_null(strstr(buf_cstr(&text), " engine=duckdb@v1.5.5 source=- upstream=- checks="));
	buf_addc(&text, ' ');
	assert_false(fingerprint_parse(buf_cstr(&text), &again));
	assert_false(fingerprint_parse("", &again));
	assert_false(fingerprint_parse(NULL, &again));
	assert_false(fingerprint_parse("v1 sql= config=1 engine=1 source=- upstream=-", &again));
	assert_false(fingerprint_parse("v2 sql=1 config=1 engine=1 source=- upstream=-", &again));
	assert_false(fingerprint_parse("v1 sql=1 config=1 engine=1 source=-", &again));
	assert_false(fingerprint_parse("v1 sql=0123456789012345678901234567890 config=1 engine=1 source=- upstream=-", &again));
	buf_free(&text);
}

static void each_change_of_a_table_has_its_name(void **state)
{
	(void)state;
	struct analysis a;
	struct project p = project();
	struct table t = table(&a);
	struct fingerprint before, now;
	struct column_decl column = {.name = "id", .type = "BIGINT"};
	struct source source = {.path = "raw/x", .table = "dwd_x"};
	fingerprint_table(&p, &t, "v1.5.5", &before);

	t.description = "other words";
	fingerprint_table(&p, &t, "v1.5.5", &now);
	assert_int_equal(fingerprint_diff(&before, &now), FP_PARTS);

	fingerprint_table(&p, &t, "v1.5.6", &now);
	assert_int_equal(fingerprint_diff(&before, &now), FP_ENGINE);
	fingerprint_table(&p, &t, "a version of many words", &now);
	assert_int_equal(fingerprint_diff(&before, &now), FP_ENGINE);

	p.env = "prod";
	fingerprint_table(&p, &t, "v1.5.5", &now);
	assert_int_equal(fingerprint_diff(&before, &now), FP_CONFIG);
	p.env = "dev";

	t.columns = &column;
	t.ncolumns = 1;
	fingerprint_table(&p, &t, "v1.5.5", &now);
	assert_int_equal(fingerprint_diff(&before, &now), FP_CONFIG);
	struct fingerprint typed = now;
	column.type = "INTEGER";
	fingerprint_table(&p, &t, "v1.5.5", &now);
	assert_int_equal(fingerprint_diff(&typed, &now), FP_CONFIG);
	t.ncolumns = 0;

	t.source = &source;
	fingerprint_table(&p, &t, "v1.5.5", &now);
	struct fingerprint sourced = now;
	assert_int_equal(fingerprint_diff(&before, &now), FP_CONFIG);
	source.delim = ";";
	fingerprint_table(&p, &t, "v1.5.5", &now);
	assert_int_equal(fingerprint_diff(&sourced, &now), FP_CONFIG);
	t.source = NULL;

	a.canonical = "abd";
	fingerprint_table(&p, &t, "v1.5.5", &now);
	assert_int_equal(fingerprint_diff(&before, &now), FP_SQL);
	a.canonical = "abc";
	a.partitioned = false;
	fingerprint_table(&p, &t, "v1.5.5", &now);
	assert_int_equal(fingerprint_diff(&before, &now), FP_SQL);
}

/* What `now` asks for of what has passed `recorded`. */
static enum fingerprint_part asked(struct fingerprint recorded, const char *before, const char *now_is)
{
	struct fingerprint now = recorded;
	snprintf(recorded.part[FP_CHECKS], FP_TEXT, "%s", before);
	snprintf(now.part[FP_CHECKS], FP_TEXT, "%s", now_is);
	return fingerprint_diff(&recorded, &now);
}

static void a_check_more_is_told_last_and_one_less_is_no_change(void **state)
{
	(void)state;
	struct analysis a;
	struct project p = project();
	struct table t = table(&a);
	struct fingerprint none, keyed, now;
	const char *keys[] = {"id", "day"}, *same[] = {"DAY", "id", "Day"};
	t.policy.allow_empty = true;
	fingerprint_table(&p, &t, "v1.5.5", &none);
	assert_string_equal(none.part[FP_CHECKS], "-:-:-");

	t.primary_keys = keys;
	t.nprimary_keys = 2;
	fingerprint_table(&p, &t, "v1.5.5", &keyed);
	assert_int_equal(fingerprint_diff(&none, &keyed), FP_CHECKS);
	assert_int_equal(fingerprint_diff(&keyed, &none), FP_PARTS); /* what held still holds */
	assert_int_equal(fingerprint_diff(&keyed, &keyed), FP_PARTS);
	t.primary_keys = same;
	t.nprimary_keys = 3;
	fingerprint_table(&p, &t, "v1.5.5", &now);
	assert_string_equal(now.part[FP_CHECKS], keyed.part[FP_CHECKS]);

	t.nprimary_keys = 1;
	fingerprint_table(&p, &t, "v1.5.5", &now);
	assert_int_equal(fingerprint_diff(&keyed, &now), FP_CHECKS); /* a smaller key is another promise */
	t.nprimary_keys = 3;
	t.timestamp_col = "seen";
	fingerprint_table(&p, &t, "v1.5.5", &now);
	assert_int_equal(fingerprint_diff(&keyed, &now), FP_CHECKS);
	assert_int_equal(fingerprint_diff(&now, &keyed), FP_PARTS);
	t.timestamp_col = NULL;
	t.policy.allow_empty = false;
	fingerprint_table(&p, &t, "v1.5.5", &now);
	assert_int_equal(fingerprint_diff(&keyed, &now), FP_CHECKS);
	assert_int_equal(fingerprint_diff(&now, &keyed), FP_PARTS);

	assert_int_equal(asked(none, "11111111:22222222:e", "-:22222222:-"), FP_PARTS);
	assert_int_equal(asked(none, "11111111:22222222:e", "22222222:-:-"), FP_CHECKS);
	assert_int_equal(asked(none, "11111111:-:-", "-:11111111:-"), FP_CHECKS);
	assert_int_equal(asked(none, "11111111:-:-", "11111111:-:e"), FP_CHECKS);
	assert_int_equal(asked(none, "1", "1:-:e"), FP_CHECKS);

	a.canonical = "abd";
	fingerprint_table(&p, &t, "v1.5.5", &now);
	assert_int_equal(fingerprint_diff(&keyed, &now), FP_SQL);
}

/* Recorded by a version that had no such part. */
static void a_text_without_the_checks_asks_for_them_where_some_are_declared(void **state)
{
	(void)state;
	struct fingerprint recorded, now = {{"1", "2", "3", "-", "-", "-:-:-"}};
	assert_true(fingerprint_parse("v1 sql=1 config=2 engine=3 source=- upstream=-", &recorded));
	assert_int_equal(fingerprint_diff(&recorded, &now), FP_PARTS);
	memcpy(now.part[FP_CHECKS], "-:-:e", sizeof "-:-:e");
	assert_int_equal(fingerprint_diff(&recorded, &now), FP_CHECKS);
}

static void every_field_of_a_source_file_counts(void **state)
{
	(void)state;
	struct source_file files[2] = {{"raw/a.csv", 10, 1 * second, 2 * second, 7}, {"raw/b.csv", 10, 1 * second, 2 * second, 8}};
	struct source_files list = {.probed = true, .path_exists = true, .files = files, .nfiles = 2};
	struct fingerprint before = {{"a", "b", "c", "d", "e"}}, now = before;
	fingerprint_source(&list, 100 * second, &before);
	fingerprint_source(&list, 200 * second, &now);
	assert_int_equal(fingerprint_diff(&before, &now), FP_PARTS);

	const struct source_file kept = files[1];
	const struct source_file others[] = {
		{"raw/c.csv", 10, 1 * second, 2 * second, 8}, {"raw/b.csv", 11, 1 * second, 2 * second, 8},
		{"raw/b.csv", 10, 1 * second + 1, 2 * second, 8}, {"raw/b.csv", 10, 1 * second, 2 * second + 1, 8},
		{"raw/b.csv", 10, 1 * second, 2 * second, 9},
	};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		files[1] = others[i];
		fingerprint_source(&list, 100 * second, &now);
		assert_int_equal(fingerprint_diff(&before, &now), FP_SOURCE);
	}
	files[1] = kept;
	list.nfiles = 1;
	fingerprint_source(&list, 100 * second, &now);
	assert_int_equal(fingerprint_diff(&before, &now), FP_SOURCE);
	list.nfiles = 0;
	fingerprint_source(&list, 100 * second, &before);
	fingerprint_source(&list, 100 * second, &now);
	assert_int_equal(fingerprint_diff(&before, &now), FP_PARTS); /* no file is a state like any other */
}

static void a_young_or_unknown_source_is_never_the_same(void **state)
{
	(void)state;
	struct source_file file = {"raw/a.csv", 10, 50 * second, 98 * second + 1, 7}; /* copied with its old mtime */
	struct source_files list = {.probed = true, .path_exists = true, .files = &file, .nfiles = 1};
	struct fingerprint f = {{"a", "b", "c", "d", "e"}};
	fingerprint_source(&list, 100 * second, &f);
	assert_true(fingerprint_young(&f));
	assert_int_equal(fingerprint_diff(&f, &f), FP_SOURCE);
	file.ctime_ns = 98 * second;
	fingerprint_source(&list, 100 * second, &f);
	assert_false(fingerprint_young(&f));
	assert_int_equal(fingerprint_diff(&f, &f), FP_PARTS);
	fingerprint_source(NULL, 100 * second, &f);
	assert_int_equal(fingerprint_diff(&f, &f), FP_SOURCE);
	assert_false(fingerprint_young(&f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_text_round_trips_and_other_text_does_not),
		cmocka_unit_test(each_change_of_a_table_has_its_name),
		cmocka_unit_test(a_check_more_is_told_last_and_one_less_is_no_change),
		cmocka_unit_test(a_text_without_the_checks_asks_for_them_where_some_are_declared),
		cmocka_unit_test(every_field_of_a_source_file_counts),
		cmocka_unit_test(a_young_or_unknown_source_is_never_the_same),
	};
	return cmocka_run_group_tests_name("fingerprint", tests, NULL, NULL);
}
