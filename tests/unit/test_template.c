/* core/template, core/sqltext: what is replaced, what stays, what is an error, and the way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/sqltext.h"
#include "core/template.h"

static struct arena arena;

static struct template_vars vars_for(const char *date)
{
	struct template_vars v = {.day = DATE_NONE, .run_id = "r-7", .env = "prod", .layer = "dwd", .table = "dwd_x"};
	if (date)
		assert_true(date_parse(date, &v.day));
	return v;
}

static const char *render(const char *text)
{
	struct template_vars v = vars_for("2013-01-07");
	struct rendered r;
	struct err err = {0};
	if (template_render(&arena, text, strlen(text), &v, &r, &err) < 0)
		return arena_strdup(&arena, err.text);
	assert_int_equal(strlen(r.text), r.len);
	return r.text;
}

static void variables_are_replaced_everywhere(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"", ""},
		{"a", "a"},
		{"dt = '${PARTITION_DATE}'", "dt = '2013-01-07'"},
		{"'$PARTITION_DATE'", "'2013-01-07'"},
		{"'${PARTITION_DATE-6}' '${PARTITION_DATE+25}'", "'2013-01-01' '2013-02-01'"},
		{"${PARTITION_DATE-0}", "2013-01-07"},
		{"-- ${PARTITION_DATE}\n/* $TABLE */", "-- 2013-01-07\n/* dwd_x */"},
		{"$RUN_ID,${RUN_ID},$ENV,$LAYER.$TABLE", "r-7,r-7,prod,dwd.dwd_x"},
		{"$TABLE_", "1:1: unknown variable '$TABLE_' (did you mean 'TABLE'?); there are PARTITION_DATE, RUN_ID, ENV, "
		            "LAYER and TABLE, and '$$' is a plain '$'"},
		{"$TABLE-1 $TABLE.x ${TABLE}x", "dwd_x-1 dwd_x.x dwd_xx"},
		{"$$", "$"},
		{"$$$$", "$$"},
		{"$$$TABLE", "$dwd_x"},
		{"$$TABLE", "$TABLE"},
		{"$${TABLE}", "${TABLE}"},
		{"'$.a' '$[0]' '^x$' $1 $ {a} $", "'$.a' '$[0]' '^x$' $1 $ {a} $"},
		{"'${1}' ${} ${", "'${1}' ${} ${"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(render(cases[i][0]), cases[i][1]);
	arena_free(&arena);
}

static void what_cannot_be_replaced_is_an_error(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"a\n  ${ENVV}", "2:3: unknown variable '${ENVV}' (did you mean 'ENV'?)"},
		{"$partition_date", "1:1: unknown variable '$partition_date' (did you mean 'PARTITION_DATE'?)"},
		{"x $HOME", "1:3: unknown variable '$HOME'; there are"},
		{"${PATH-1}", "1:1: unknown variable '${PATH-1}'"},
		{"${PARTITION_DATE", "1:1: cannot read '${PARTITION_DATE'"},
		{"${PARTITION_DATE\n}", "1:1: cannot read '${PARTITION_DATE'"},
		{"${ PARTITION_DATE }", "1:1: cannot read '${ PARTITION_DATE }'"},
		{"${PARTITION_DATE-}", "1:1: cannot read"},
		{"${PARTITION_DATE-1d}", "1:1: cannot read"},
		{"${PARTITION_DATE - 1}", "1:1: cannot read"},
		{"${PARTITION_DATE*2}", "1:1: cannot read"},
		{"${PARTITION_DATE-36601}", "1:1: cannot read"},
		{"${PARTITION_DATE-99999999999999}", "1:1: cannot read"},
		{"${ENV-1}", "1:1: cannot read"},
		{"${ENV:-dev}", "1:1: cannot read"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *got = render(cases[i][0]);
		if (strncmp(got, cases[i][1], strlen(cases[i][1])) != 0)
			fail_msg("%s: %s", cases[i][0], got);
	}
	struct template_vars v = vars_for(NULL);
	struct rendered r;
	struct err err = {0};
	assert_int_equal(template_render(&arena, "$PARTITION_DATE", 15, &v, &r, &err), ERR_PROJECT);
	assert_int_equal(template_render(&arena, "$TABLE", 6, &v, &r, &err), 0);
	arena_free(&arena);
}

static struct template_facts facts(const char *text)
{
	struct template_facts f;
	assert_int_equal(template_scan(text, strlen(text), NULL, NULL, &f), 0);
	return f;
}

static void facts_know_comments_from_code(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool partitioned, comment_only;
	} cases[] = {
		{"SELECT 1", false, false},
		{"SELECT '$$PARTITION_DATE'", false, false},
		{"SELECT '${PARTITION_DATE-1}'", true, false},
		{"SELECT 1 -- ${PARTITION_DATE}", true, true},
		{"SELECT 1 -- ${PARTITION_DATE}\n, '$PARTITION_DATE'", true, false},
		{"SELECT 1 /* /* */ $PARTITION_DATE */", true, true},
		{"SELECT 1 /* */ + $PARTITION_DATE /* */", true, false},
		{"SELECT '--', '$PARTITION_DATE'", true, false},
		{"SELECT '/*', '$PARTITION_DATE' --*/", true, false},
		{"SELECT \"--\", '$PARTITION_DATE'", true, false},
		{"SELECT 'it''s -- ', '$PARTITION_DATE'", true, false},
		{"SELECT 'a\\', -- '$PARTITION_DATE'", true, true},
		{"SELECT e'a\\'', -- '$PARTITION_DATE'\n 1", true, true},
		{"SELECT e'a\\' -- $PARTITION_DATE'", true, false},
		{"SELECT $$$$ -- $$$$, '$PARTITION_DATE'", true, false},
		{"SELECT $$q$$ $$$$ -- $$q$$, '$PARTITION_DATE'", true, false},
		{"SELECT a$$b$$ -- $PARTITION_DATE", true, true}, /* a$b$ is a word */
		{"SELECT 1 - -1 /* $PARTITION_DATE", true, true},
		{"SELECT DATE '$PARTITION_DATE'-- $PARTITION_DATE", true, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct template_facts f = facts(cases[i].text);
		if (f.partitioned != cases[i].partitioned || f.comment_only != cases[i].comment_only)
			fail_msg("%s", cases[i].text);
	}
	struct template_facts f = facts("SELECT 1,\n 2 -- at $PARTITION_DATE");
	assert_int_equal(f.comment_line, 2);
	assert_int_equal(f.comment_col, 10);
	assert_true(facts("$RUN_ID").uses_run_id && !facts("$$RUN_ID").uses_run_id && facts("${ENV}").uses_env);
}

static void blank_is_no_query(void **state)
{
	(void)state;
	assert_true(facts("").blank && facts(" \n\t;-- x").blank && facts("/* $TABLE */;;\n").blank);
	assert_false(facts("x").blank || facts("''").blank || facts("$TABLE").blank || facts("-- a\n1").blank);
}

static void every_error_of_a_file_is_told(void **state)
{
	(void)state;
	struct diags diags = {0};
	struct template_facts f;
	const char *text = "SELECT $A,\n  '${PARTITION_DATE-x}', $TABLE, $b";
	assert_int_equal(template_scan(text, strlen(text), "dags/a/b.sql", &diags, &f), 3);
	assert_int_equal(diags.errors, 3);
	assert_string_equal(diags.items[1].loc.file, "dags/a/b.sql");
	assert_int_equal(diags.items[1].loc.line, 2);
	assert_int_equal(diags.items[1].loc.col, 4);
	assert_int_equal(diags.items[2].loc.col, 34);
	diags_free(&diags);
}

static void positions_lead_back_to_the_file(void **state)
{
	(void)state;
	const char *text = "SELECT '$PARTITION_DATE', $$,\n  $TABLE.x, y\n";
	struct template_vars v = vars_for("2013-01-07");
	struct rendered r;
	struct err err = {0};
	int line, col;
	assert_int_equal(template_render(&arena, text, strlen(text), &v, &r, &err), 0);
	assert_string_equal(r.text, "SELECT '2013-01-07', $,\n  dwd_x.x, y\n");
	static const struct { int line, col, want_line, want_col; } cases[] = {
		{1, 1, 1, 1}, {1, 8, 1, 8}, {1, 9, 1, 9}, {1, 18, 1, 9}, {1, 19, 1, 24}, {1, 22, 1, 27}, {1, 23, 1, 29},
		{2, 3, 2, 3}, {2, 7, 2, 3}, {2, 8, 2, 9}, {2, 12, 2, 13}, {3, 1, 3, 1}, {99, 1, 3, 1}, {1, 999, 1, 30},
		{0, 0, 0, 0}, {2, 0, 2, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		rendered_line_position(&r, cases[i].line, cases[i].col, &line, &col);
		if (line != cases[i].want_line || col != cases[i].want_col)
			fail_msg("%d:%d is %d:%d", cases[i].line, cases[i].col, line, col);
	}
	rendered_position(&r, strlen(r.text), &line, &col);
	assert_int_equal(line, 3);
	arena_free(&arena);
}

/* Random texts: bytes that were only copied are found where they were written. */
static void copied_bytes_map_to_themselves(void **state)
{
	(void)state;
	static const char *const words[] = {"$TABLE", "${PARTITION_DATE-3}", "$$", "\n", "$.", "a", "bc", " ", "${ENV}"};
	struct template_vars v = vars_for("2013-01-07");
	srand(5);
	for (int round = 0; round < 500; round++) {
		char text[512] = "";
		size_t n = 0;
		for (int i = rand() % 30; i > 0; i--)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s ", words[rand() % 9]);
		struct rendered r;
		struct err err = {0};
		assert_int_equal(template_render(&arena, text, n, &v, &r, &err), 0);
		for (size_t at = 0; at < r.len; at++) {
			int line, col;
			rendered_position(&r, at, &line, &col);
			size_t in = text_offset(text, n, line, col);
			assert_true(text[in] == r.text[at] || text[in] == '$');
		}
	}
	arena_free(&arena);
}

static void stand_in(const char *text, const char *date)
{
	char out[DATE_SIZE];
	assert_string_equal(date_format(out, template_standin_day(text, strlen(text))), date);
}

static void the_stand_in_is_no_date_of_the_text(void **state)
{
	(void)state;
	stand_in("", "8191-07-02");
	stand_in("dt > '2013-01-01' AND dt < '9999-12-31'", "8191-07-02");
	stand_in("8191", "7988-07-02");
	stand_in("8090", "7988-07-02");
	stand_in("8089", "8191-07-02");
	stand_in("8292", "7988-07-02");
	stand_in("8293", "8191-07-02");
	stand_in("819", "8191-07-02");
	stand_in("20130819101", "7988-07-02");
	stand_in("81 91", "8191-07-02");
	stand_in("8191 7988", "7785-07-02");
	char all[60000];
	size_t n = 0;
	for (int year = 0; year < 10000; year++)
		n += (size_t)snprintf(all + n, sizeof all - n, "%04d ", year);
	assert_int_equal(template_standin_day(all, n), DATE_NONE);
	int32_t offset, day = template_standin_day("", 0);
	assert_true(template_relative(day - 6, day, &offset) && offset == -6);
	assert_true(template_relative(day, day, &offset) && offset == 0);
	assert_false(template_relative(0, day, &offset) || template_relative(0, DATE_NONE, &offset));
	assert_false(template_relative(day + TEMPLATE_OFFSET_MAX + 1, day, &offset));
}

/* Every byte is in exactly one part, whatever the text. */
static void parts_cover_any_text(void **state)
{
	(void)state;
	srand(6);
	for (int round = 0; round < 20000; round++) {
		size_t n = (size_t)(rand() % 24);
		char *text = malloc(n + 1); /* of its own size, for the address sanitizer */
		for (size_t i = 0; i < n; i++)
			text[i] = "'\"$-/*\\eEa1 \n;"[rand() % 14];
		for (size_t at = 0; at < n;) {
			enum sql_part part;
			char *exact = malloc(n);
			memcpy(exact, text, n);
			size_t end = sql_part_end(exact, n, at, &part);
			free(exact);
			assert_true(end > at && end <= n);
			at = end;
		}
		struct template_facts f;
		text[n] = '\0';
		template_scan(text, n, NULL, NULL, &f);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_are_replaced_everywhere),
		cmocka_unit_test(what_cannot_be_replaced_is_an_error),
		cmocka_unit_test(facts_know_comments_from_code),
		cmocka_unit_test(blank_is_no_query),
		cmocka_unit_test(every_error_of_a_file_is_told),
		cmocka_unit_test(positions_lead_back_to_the_file),
		cmocka_unit_test(copied_bytes_map_to_themselves),
		cmocka_unit_test(the_stand_in_is_no_date_of_the_text),
		cmocka_unit_test(parts_cover_any_text),
	};
	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
