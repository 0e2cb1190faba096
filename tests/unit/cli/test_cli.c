/* cli/options, cli/text, cli/output: command lines in, text out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/options.h"
#include "cli/output.h"
#include "scheduler/run_progress.h"
#include "base/text.h"

static const char *const colors[] = {"red", "blue", NULL};
static const struct option table[] = {
	{.name = "date", .value = "D"},
	{.name = "force", .letter = 'f'},
	{.name = "verbose", .letter = 'v', .repeat = true},
	{.name = "dir", .letter = 'C', .value = "DIR"},
	{.name = "color", .value = "C", .words = colors},
	{.name = "exclude", .value = "S", .repeat = true},
	{0},
};

static int parse(struct options *o, bool until_operand, struct err *err, const char *line)
{
	static char words[512];
	static char *argv[32];
	const struct option *const tables[] = {table, NULL};
	int argc = 0;
	snprintf(words, sizeof words, "%s", line);
	for (char *save, *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	return options_parse(o, tables, argc, argv, until_operand, err);
}

static void options_mix_with_operands(void **state)
{
	(void)state;
	struct options o = {0};
	struct err err = {0};
	assert_int_equal(parse(&o, false, &err, "a --date=1 -vfC/x b --exclude p --exclude=q -- --force -"), 10);
	assert_int_equal(o.noperands, 4);
	assert_string_equal(o.operands[1], "b");
	assert_string_equal(o.operands[2], "--force");
	assert_string_equal(o.operands[3], "-");
	assert_string_equal(options_text(&o, "date", ""), "1");
	assert_string_equal(options_text(&o, "dir", ""), "/x");
	assert_true(options_flag(&o, "force"));
	assert_false(options_flag(&o, "color"));
	assert_string_equal(options_nth(&o, "exclude", 1), "q");
	assert_null(options_nth(&o, "exclude", 2));
	options_free(&o);
}

static void the_last_value_wins(void **state)
{
	(void)state;
	struct options o = {0};
	assert_int_equal(parse(&o, false, NULL, "--date 1 --date 2"), 4);
	assert_string_equal(options_text(&o, "date", ""), "2");
	options_free(&o);
}

static void parsing_stops_before_the_first_operand(void **state)
{
	(void)state;
	struct options o = {0};
	assert_int_equal(parse(&o, true, NULL, "-C x run --date 1"), 2);
	assert_int_equal(o.noperands, 0);
	options_free(&o);
}

static void wrong_words_are_usage_errors(void **state)
{
	(void)state;
	static const struct {
		const char *line, *text;
	} cases[] = {
		{"--dat 1", "unknown option '--dat' (did you mean '--date'?)"},
		{"--zzzzzz", "unknown option '--zzzzzz'"},
		{"-vx", "unknown option '-x'"},
		{"--date", "'--date' needs a value: --date D"},
		{"-C", "'-C' needs a value: -C DIR"},
		{"--force=1", "'--force' takes no value"},
		{"--color rot", "'--color' cannot be 'rot'; it is one of: red blue"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct options o = {0};
		struct err err = {0};
		assert_int_equal(parse(&o, false, &err, cases[i].line), ERR_USAGE);
		assert_string_equal(err.text, cases[i].text);
		options_free(&o);
	}
}

static void numbers_have_a_range(void **state)
{
	(void)state;
	struct options o = {0};
	struct err err = {0};
	long n;
	assert_true(parse(&o, false, NULL, "--date 12") > 0);
	assert_int_equal(options_number(&o, "date", 3, 1, 12, &n, &err), 0);
	assert_int_equal(n, 12);
	assert_int_equal(options_number(&o, "dir", 3, 1, 12, &n, &err), 0);
	assert_int_equal(n, 3);
	assert_int_equal(options_number(&o, "date", 3, 1, 11, &n, &err), ERR_USAGE);
	assert_string_equal(err.text, "'--date' must be a number from 1 to 11, not '12'");
	options_free(&o);
}

static void signs_of_ours_are_ascii_where_no_utf8_is(void **state)
{
	(void)state;
	char *text = NULL;
	size_t n = 0;
	struct output o;
	struct buf b = BUF_INIT(100);
	output_begin(&o, OUTPUT_TABLE, (const struct output_column[]){{.name = "name"}, {0}});
	o.file = open_memstream(&text, &n);
	o.width = 12;
	o.ascii = true;
	output_text(&o, "dim_a → dim_b → dim_a");
	output_text(&o, "Zürich");
	output_end(&o);
	fclose(o.file);
	assert_string_equal(text, "NAME\ndim_a -> di~\nZürich\n");
	free(text);
	text_add_spelled(&b, "a … b→c – Zürich");
	assert_string_equal(buf_cstr(&b), "a ... b->c - Zürich");
	buf_free(&b);
}

static void text_is_measured_in_columns(void **state)
{
	(void)state;
	assert_int_equal(text_width("abc"), 3);
	assert_int_equal(text_width("Zürich"), 6);
	assert_int_equal(text_width("東京"), 4);
	assert_int_equal(text_width("e\xcc\x81"), 1); /* e and a combining accent */
	assert_int_equal(text_width("\xff\xfe"), 2);  /* no UTF-8 */
	struct buf b = BUF_INIT(100);
	assert_int_equal(text_add(&b, "東京都", 4), 3);
	assert_string_equal(buf_cstr(&b), "東…");
	buf_clear(&b);
	assert_int_equal(text_add(&b, "a\nb\xff", 9), 4);
	assert_string_equal(buf_cstr(&b), "a b?");
	buf_clear(&b);
	assert_int_equal(text_add(&b, "Zürich", 6), 6);
	assert_string_equal(buf_cstr(&b), "Zürich");
	buf_free(&b);
}

/* A path may be longer than a line, and than any word that one thinks of. */
static void a_long_word_is_wrapped_whole(void **state)
{
	enum { LONG = 600 };
	char text[LONG + 16], wanted[LONG + 16];
	struct buf b = BUF_INIT(2 * LONG);
	(void)state;
	snprintf(text, sizeof text, "see %0*d there", LONG, 7);
	snprintf(wanted, sizeof wanted, "see\n%0*d\nthere", LONG, 7);
	text_wrap(&b, text, 0, 0, 78);
	assert_string_equal(buf_cstr(&b), wanted);
	buf_free(&b);
}

static const struct output_column columns[] = {
	{.name = "table"}, {.name = "row_count", .right = true}, {.name = "note"}, {.name = "more", .detail = true}, {0},
};

/* Two rows, written in a format at a width; the caller frees. */
static char *listing(enum output_format format, size_t width, bool color)
{
	char *text = NULL;
	size_t n = 0;
	struct output o;
	output_begin(&o, format, columns);
	o.file = open_memstream(&text, &n);
	o.width = width;
	o.ascii = false;
	o.color = color;
	output_text(&o, "dwd.dwd_flights");
	output_int(&o, 12345);
	output_text(&o, NULL);
	output_bool(&o, true);
	output_text(&o, "ods.ods_a");
	output_int(&o, 7);
	output_styled(&o, STYLE_BAD, "said \"no\", twice");
	output_list(&o, (const char *const[]){"x", "y"}, 2);
	output_end(&o);
	fclose(o.file);
	return text;
}

static void expect(char *actual, const char *wanted)
{
	assert_string_equal(actual, wanted);
	free(actual);
}

static void a_table_is_aligned_and_has_no_trailing_blanks(void **state)
{
	(void)state;
	expect(listing(OUTPUT_TABLE, 0, false), "TABLE            ROW COUNT  NOTE\n"
	                                        "dwd.dwd_flights      12345\n"
	                                        "ods.ods_a                7  said \"no\", twice\n");
}

static void a_table_fits_its_terminal(void **state)
{
	(void)state;
	expect(listing(OUTPUT_TABLE, 36, false), "TABLE        ROW COUNT  NOTE\n"
	                                         "dwd.dwd_fl…      12345\n"
	                                         "ods.ods_a            7  said \"no\", …\n");
}

static void where_columns_do_not_fit_they_stand_below_each_other(void **state)
{
	(void)state;
	char *text = listing(OUTPUT_TABLE, 22, false);
	assert_string_equal(text, "TABLE      dwd.dwd_fl…\nROW COUNT  12345\n\nTABLE      ods.ods_a\nROW COUNT  7\nNOTE       said \"no\",…\n");
	free(text);
}

/* Many columns, numbers that cannot be cut among them, on a terminal of any width. */
static void no_line_is_wider_than_its_terminal(void **state)
{
	(void)state;
	static const struct output_column many[] = {
		{.name = "run"}, {.name = "kind"}, {.name = "selection_of_it"}, {.name = "tasks", .right = true}, {.name = "rows", .right = true},
		{.name = "bytes", .right = true}, {.name = "created"}, {.name = "duration", .right = true}, {0},
	};
	for (size_t width = 20; width <= 300; width++) {
		char *text = NULL;
		size_t n = 0;
		struct output o;
		output_begin(&o, OUTPUT_TABLE, many);
		o.file = open_memstream(&text, &n);
		o.width = width;
	o.ascii = false;
		for (int i = 0; i < 3; i++) {
			output_text(&o, "20130107-120301-k3f9");
			output_text(&o, "manual");
			output_text(&o, "+ads_delay_league 東京 and whatever else somebody has typed here");
			output_int(&o, 123456);
			output_int(&o, INT64_MAX);
			output_int(&o, 123456789);
			output_text(&o, "2013-01-07 12:03:01");
			output_text(&o, "1 h 20 min");
		}
		output_end(&o);
		fclose(o.file);
		for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
			assert_true(text_width(line) <= width);
		free(text);
	}
}

static void styles_need_colour(void **state)
{
	(void)state;
	char *text = listing(OUTPUT_TABLE, 0, true);
	assert_non_null(strstr(text, "\033[31msaid \"no\", twice\033[0m\n"));
	free(text);
}

static void json_keeps_types_and_every_column(void **state)
{
	(void)state;
	expect(listing(OUTPUT_JSON, 10, true),
	       "[\n"
	       "  {\"table\": \"dwd.dwd_flights\", \"row_count\": 12345, \"note\": null, \"more\": true},\n"
	       "  {\"table\": \"ods.ods_a\", \"row_count\": 7, \"note\": \"said \\\"no\\\", twice\", \"more\": [\"x\",\"y\"]}\n"
	       "]\n");
}

static void csv_quotes_what_needs_it(void **state)
{
	(void)state;
	expect(listing(OUTPUT_CSV, 10, true), "table,row_count,note,more\n"
	                                      "dwd.dwd_flights,12345,,true\n"
	                                      "ods.ods_a,7,\"said \"\"no\"\", twice\",x y\n");
}

static void no_rows_is_still_a_document(void **state)
{
	(void)state;
	static const char *const wanted[] = {"", "[]\n", "table,row_count,note,more\n"};
	for (enum output_format f = OUTPUT_TABLE; f <= OUTPUT_CSV; f++) {
		char *text = NULL;
		size_t n = 0;
		struct output o;
		output_begin(&o, f, columns);
		o.file = open_memstream(&text, &n);
		output_end(&o);
		fclose(o.file);
		expect(text, wanted[f]);
	}
}

/* What tables took before is the rate of a run that is at work, not of one that waits for a source or another run. */
static void a_run_that_waits_has_no_time_left(void **state)
{
	(void)state;
	char text[RUN_PROGRESS_SIZE];
	struct run_progress p;
	struct run_row run = {.state = "planned", .tasks = 3, .counts = "{\"per_hour\": 7200}"};
	run_progress_of(&run, true, &p);
	assert_string_equal(run_progress_text(text, &p), "0/3 done, time left unknown");
	run.counts = "{\"per_hour\": 7200, \"running\": 1}";
	run_progress_of(&run, true, &p);
	assert_string_equal(run_progress_text(text, &p), "0/3 done, 1 running, 120 a minute, 1.5 s left");
	run.counts = "{\"per_hour\": 7200, \"success\": 1}";
	run_progress_of(&run, true, &p);
	assert_string_equal(run_progress_text(text, &p), "1/3 done, 120 a minute, time left unknown");
}

static void a_word_can_be_typed_in_a_shell(void **state)
{
	(void)state;
	static const char *const wanted[][2] = {{"shop", "shop"}, {"/a/b-c_1.d", "/a/b-c_1.d"}, {"a b", "'a b'"}, {"it's", "'it'\\''s'"}, {"", "''"},
	                                        {"$x", "'$x'"}};
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		struct buf b = BUF_INIT(64);
		text_add_word(&b, wanted[i][0]);
		assert_string_equal(buf_cstr(&b), wanted[i][1]);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_mix_with_operands),
		cmocka_unit_test(the_last_value_wins),
		cmocka_unit_test(parsing_stops_before_the_first_operand),
		cmocka_unit_test(wrong_words_are_usage_errors),
		cmocka_unit_test(numbers_have_a_range),
		cmocka_unit_test(signs_of_ours_are_ascii_where_no_utf8_is),
		cmocka_unit_test(text_is_measured_in_columns), cmocka_unit_test(a_long_word_is_wrapped_whole),
		cmocka_unit_test(a_table_is_aligned_and_has_no_trailing_blanks),
		cmocka_unit_test(a_table_fits_its_terminal),
		cmocka_unit_test(where_columns_do_not_fit_they_stand_below_each_other),
		cmocka_unit_test(no_line_is_wider_than_its_terminal),
		cmocka_unit_test(styles_need_colour),
		cmocka_unit_test(json_keeps_types_and_every_column),
		cmocka_unit_test(csv_quotes_what_needs_it),
		cmocka_unit_test(no_rows_is_still_a_document),
		cmocka_unit_test(a_run_that_waits_has_no_time_left),
		cmocka_unit_test(a_word_can_be_typed_in_a_shell),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
