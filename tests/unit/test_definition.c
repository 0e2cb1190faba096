/* core/definition: statements of migrations, what they define and what of them is a query. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "core/definition.h"

static struct arena arena;

static struct definition first(const char *text)
{
	struct definition d = {0};
	size_t at = 0;
	assert_true(definition_next(&arena, text, strlen(text), &at, &d));
	return d;
}

static void names_are_folded_and_qualified(void **state)
{
	(void)state;
	static const struct {
		const char *text, *schema, *name;
		enum definition_verb verb;
		enum definition_thing thing;
	} cases[] = {
		{"CREATE VIEW V AS SELECT 1", "main", "v", DEFINITION_CREATE, THING_VIEW},
		{"create or replace temp view a.\"B \"\"c\" as select 1", "a", "b \"c", DEFINITION_CREATE, THING_VIEW},
		{"CREATE RECURSIVE VIEW IF NOT EXISTS c . a . v (n) AS SELECT 1", "a", "v", DEFINITION_CREATE, THING_VIEW},
		{"/* 1 */ CREATE -- 2\n FUNCTION /* ; */ f(x) AS x", "main", "f", DEFINITION_CREATE, THING_MACRO},
		{"CREATE MACRO a.f(x := ')') AS\nTABLE SELECT x", "a", "f", DEFINITION_CREATE, THING_TABLE_MACRO},
		{"CREATE SCHEMA IF NOT EXISTS Marts", "", "marts", DEFINITION_CREATE, THING_SCHEMA},
		{"DROP VIEW IF EXISTS a.v CASCADE", "a", "v", DEFINITION_DROP, THING_VIEW},
		{"DROP MACRO TABLE a.f", "a", "f", DEFINITION_DROP, THING_TABLE_MACRO},
		{"COMMENT ON VIEW v IS 'x'", NULL, NULL, DEFINITION_COMMENT, 0},
		{"CREATE TABLE t(a INT)", NULL, NULL, DEFINITION_OTHER, 0},
		{"INSERT INTO view VALUES (1)", NULL, NULL, DEFINITION_OTHER, 0},
		{"CREATE VIEW", NULL, NULL, DEFINITION_OTHER, THING_VIEW},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct definition d = first(cases[i].text);
		if (d.verb != cases[i].verb || d.thing != cases[i].thing || !str_eq(d.schema, cases[i].schema) ||
		    !str_eq(d.name, cases[i].name))
			fail_msg("%s: %d %d %s.%s", cases[i].text, d.verb, d.thing, d.schema, d.name);
	}
}

static void queries_hold_all_that_is_read(void **state)
{
	(void)state;
	static const struct {
		const char *text, *query;
	} cases[] = {
		{"CREATE VIEW v AS\n  SELECT ';' AS a -- end\n", "\nSELECT ';' AS a"},
		{"CREATE VIEW v(\"as\", b) AS (SELECT 1, (2) AS c)", "\n(SELECT 1, (2) AS c)"},
		{"CREATE VIEW v; AS SELECT 1", NULL},
		{"CREATE VIEW v AS ;", NULL},
		{"CREATE MACRO f(a, b := (1)) AS a + [b, (a)][1]", "SELECT (\na + [b, (a)][1]\n)"},
		{"CREATE MACRO f(a) AS a, (a, b) AS (SELECT max(x), (y) AS z FROM t)", "SELECT (\na\n), (\n(SELECT max(x), (y) AS z FROM t)\n)"},
		{"CREATE MACRO f(a) AS TABLE SELECT a, (a) AS b", "\nSELECT a, (a) AS b"},
		{"CREATE MACRO f() AS TABLE FROM t, (a) AS TABLE FROM u", "(\nFROM t\n) UNION ALL (\nFROM u\n)"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct definition d = first(cases[i].text);
		if (!str_eq(d.query, cases[i].query))
			fail_msg("%s: %s", cases[i].text, d.query ? d.query : "no query");
		if (d.query)
			assert_true(d.query_at > d.name_at && d.query_at < d.end);
	}
}

static bool is_table(const void *ctx, const char *qname)
{
	(void)ctx;
	return str_eq(qname, "dwd.dwd_x");
}

static void names_of_tables_are_taken(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool skipped;
	} cases[] = {
		{"CREATE VIEW dwd.dwd_x AS SELECT 1", true},    {"CREATE VIEW \"DWD\".dwd_x AS SELECT 1", true},
		{"CREATE MACRO dwd.dwd_x_dt(d) AS d", true},    {"DROP VIEW dwd.dwd_x", true},
		{"CREATE VIEW dwd.dwd_y AS SELECT 1", false},   {"CREATE VIEW dwd_x AS SELECT 1", false},
		{"CREATE SCHEMA dwd", false},                   {"COMMENT ON VIEW dwd.dwd_x IS ''", false},
		{"UPDATE dwd.dwd_y SET a = 1", true},           {"CREATE INDEX i ON t(a)", true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct definition d = first(cases[i].text);
		if (!definition_why_skip(&d, is_table, NULL) == cases[i].skipped)
			fail_msg("%s", cases[i].text);
	}
}

/* Whatever the text, statements follow each other within it, and what they define lies within them. */
static void any_text_comes_to_its_end(void **state)
{
	(void)state;
	static const char *const words[] = {"CREATE", "VIEW", "MACRO", "SCHEMA", "DROP", "AS", "TABLE", "(", ")", ",", ";", ".", "\"",
	                                    "'", "--", "\n", "/*", "*/", "$$", " ", "v", "IF", "NOT", "EXISTS", "OR", "REPLACE"};
	srand(1);
	for (int i = 0; i < 20000; i++) {
		char text[256] = "CREATE VIEW v";
		size_t len = strlen(text);
		for (int k = rand() % 24; k > 0; k--)
			len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", words[(size_t)rand() % (sizeof words / sizeof *words)],
			                        rand() % 2 ? " " : "");
		size_t n = len, at = 0, last = 0;
		struct definition d;
		char *exact = malloc(n); /* no byte behind the text */
		memcpy(exact, text, n);
		while (definition_next(&arena, exact, n, &at, &d)) {
			assert_true(d.start >= last && d.end > d.start && d.end <= at && at <= n);
			assert_true(!d.name || (d.name_at > d.start && d.name_at < d.end));
			assert_true(!d.query || (d.query_at > d.name_at && d.query_at < d.end));
			last = at;
		}
		free(exact);
		arena_free(&arena);
	}
}

static int done(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_folded_and_qualified),
		cmocka_unit_test(queries_hold_all_that_is_read),
		cmocka_unit_test(names_of_tables_are_taken),
		cmocka_unit_test(any_text_comes_to_its_end),
	};
	return cmocka_run_group_tests_name("definition", tests, NULL, done);
}
