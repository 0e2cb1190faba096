/* cli/pages, cli/man, cli/complete: what is made from the table of commands. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/complete.h"
#include "cli/pages.h"

static void cli_md_is_what_the_table_says(void **state)
{
	(void)state;
	struct buf want = BUF_INIT(1 << 20), got = BUF_INIT(1 << 20);
	pages_markdown(&want);
	assert_int_equal(file_read(AT_FDCWD, "docs/CLI.md", &got, NULL), 0);
	if (!str_eq(buf_cstr(&want), buf_cstr(&got)))
		fail_msg("docs/CLI.md differs from the table; build/debug/tests/helper/gen_cli_doc > docs/CLI.md");
	buf_free(&want);
	buf_free(&got);
}

/* Names are keys for programs: in lower case, once each, and said what they are. */
static void each_field_is_documented(void **state)
{
	(void)state;
	const struct command *c;
	for (size_t i = 0; (c = command_nth(i)); i++) {
		for (const struct answer *a = c->answers; a < c->answers + ANSWERS_MAX && a->form; a++) {
			assert_true((a->form == ANSWER_QUERY) == (a->fields == NULL));
			for (const struct output_column *f = a->fields; f && f->name; f++) {
				if (!f->help || !*f->help || f->name[strspn(f->name, "abcdefghijklmnopqrstuvwxyz_")])
					fail_msg("'%s' of 'strata %s' is not documented, or no name", f->name, c->name);
				for (const struct output_column *other = a->fields; other < f; other++)
					assert_string_not_equal(other->name, f->name);
			}
		}
	}
}

/* The least that a page must have; tests/golden/man.bats lets man itself judge it. */
static void each_command_has_a_man_page(void **state)
{
	(void)state;
	const struct command *c;
	for (size_t i = 0; (c = command_nth(i)); i++) {
		struct buf page = BUF_INIT(1 << 20);
		pages_man_command(c, &page);
		assert_non_null(strstr(buf_cstr(&page), ".SH NAME\nstrata\\-"));
		assert_non_null(strstr(buf_cstr(&page), ".SH EXIT STATUS\n.TP\n.B 0\n"));
		assert_non_null(strstr(buf_cstr(&page), ".SH EXAMPLES\n"));
		for (const struct option *o = c->options; o && o->name; o++) {
			char name[64];
			snprintf(name, sizeof name, "\\-\\-%.*s", (int)strcspn(o->name, "-"), o->name);
			assert_non_null(strstr(buf_cstr(&page), name));
		}
		buf_free(&page);
	}
}

static void a_line_of_a_topic_is_a_paragraph_or_a_pair(void **state)
{
	(void)state;
	struct arena arena = {0};
	const char *text = "Words.\n\n  tag:daily   of that tag\n  alone", *word, *rest;
	assert_true(pages_line(&text, &arena, &word, &rest));
	assert_null(word);
	assert_string_equal(rest, "Words.");
	assert_true(pages_line(&text, &arena, &word, &rest));
	assert_string_equal(rest, "");
	assert_true(pages_line(&text, &arena, &word, &rest));
	assert_string_equal(word, "tag:daily");
	assert_string_equal(rest, "of that tag");
	assert_true(pages_line(&text, &arena, &word, &rest));
	assert_string_equal(word, "alone");
	assert_string_equal(rest, "");
	assert_false(pages_line(&text, &arena, &word, &rest));
	arena_free(&arena);
}

/* The candidates for the last word of `line`, one blank between; what they are is left out. */
static void candidates(const char *line, char *out, size_t size)
{
	struct arena arena = {0};
	const char *words[16];
	size_t n = 0, used = 0;
	struct cursor c;
	struct buf lines = BUF_INIT(1 << 20);
	for (const char *p = line;; p += strcspn(p, " ") + 1) {
		words[n++] = arena_strndup(&arena, p, strcspn(p, " "));
		if (!p[strcspn(p, " ")])
			break;
	}
	cursor_read(words, n, &arena, &c);
	complete(&c, &lines);
	*out = '\0';
	for (const char *p = buf_cstr(&lines); *p; p += strcspn(p, "\n") + 1)
		used += (size_t)snprintf(out + used, size - used, "%s%.*s", used ? " " : "", (int)strcspn(p, "\t\n"), p);
	buf_free(&lines);
	arena_free(&arena);
}

static void the_cursor_knows_where_it_is(void **state)
{
	(void)state;
	static const struct {
		const char *line, *want;
	} cases[] = {
		{"val", "validate"},
		{"-C /nowhere val", "validate"},
		{"--dir=/nowhere val", "validate"},
		{"-v unp", "unpause"},
		{"complet", "completion"}, /* not the hidden one */
		{"nonsense ", ""},
		{"nonsense -", "--dir --db --lake --timezone --output --verbose --quiet --log-format --help --version"},
		{"db st", "start stop status"},
		{"-v db mi", "migrate"},
		{"callbacks -C /nowhere re", "retry"},
		{"catalog", "catalog"},
		{"validate --st", "--strict"},
		{"validate --output js", "json"},
		{"validate --output=js", "--output=json"},
		{"validate -o cs", "csv"},
		{"validate -vo cs", "csv"},
		{"-o cs", "csv"},
		{"graph --format=me", "--format=mermaid"},
		{"list -- --st", ""},
		{"validate ", ""}, /* it takes no operand */
		{"init ", ":folders"},
		{"-C ", ":folders"},
		{"catalog refresh --catalog ", ":files"},
		{"completion ", "bash zsh fish"},
		{"completion fish ", ""},
		{"help sel", "selection"},
		{"help db mig", "migrate"},
		{"run -C /nowhere d", ""}, /* no project, no names */
		{"tasks -C /nowhere ", ""},
		{"tasks --result ti", "timeout"},
		{"list -C dags/nowhere --exclude x --exc", "--exclude"},
	};
	char got[4096];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		candidates(cases[i].line, got, sizeof got);
		if (!str_eq(got, cases[i].want))
			fail_msg("'%s': '%s', not '%s'", cases[i].line, got, cases[i].want);
	}
}

/* Of the sample project, which lies where tests run. */
static void names_come_from_the_project(void **state)
{
	(void)state;
	static const struct {
		const char *line, *want;
	} cases[] = {
		{"render dwd_fl", "dwd_flight_weather dwd_flights"},
		{"render dwd.dwd_w", "dwd.dwd_weather"},
		{"list +dwd_w", "+dwd_weather"},
		{"list 2+dwd_w", "2+dwd_weather"},
		{"list @dwd_w", "@dwd_weather"},
		{"list dws,@dwd_w", "dws,@dwd_weather"},
		{"list tag:dai", "tag:daily"},
		{"list --exclude=dwd_w", "--exclude=dwd_weather"},
		{"list dwd_weather dw", "dwd_flight_weather dwd_flights dwd_weather dws_carrier_daily dws_plane_daily dws_route_daily dws_weather_daily dwd dws"},
	};
	char got[4096];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		candidates(cases[i].line, got, sizeof got);
		if (!str_eq(got, cases[i].want))
			fail_msg("'%s': '%s', not '%s'", cases[i].line, got, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cli_md_is_what_the_table_says),
		cmocka_unit_test(each_field_is_documented),
		cmocka_unit_test(each_command_has_a_man_page),
		cmocka_unit_test(a_line_of_a_topic_is_a_paragraph_or_a_pair),
		cmocka_unit_test(the_cursor_knows_where_it_is),
		cmocka_unit_test(names_come_from_the_project),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
