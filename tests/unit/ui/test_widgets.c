/* ui-tui without a terminal: canvas, listing, line, textview, keys, words of a command. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "ui-tui/dialog.h"
#include "ui-tui/listing.h"
#include "ui-tui/panel.h"
#include "ui-tui/textview.h"

static const char *row(const struct canvas *c, int y)
{
	static char text[512];
	struct buf out = BUF_INIT(sizeof text - 1);
	canvas_row(c, y, &out);
	snprintf(text, sizeof text, "%s", buf_cstr(&out));
	buf_free(&out);
	return text;
}

static void text_is_cut_at_the_edges_of_its_area(void **state)
{
	struct canvas c = {0};
	(void)state;
	canvas_resize(&c, 10, 3);
	struct area inner = area_columns(area_rows(canvas_area(&c), 1, 1), 2, 5);
	assert_int_equal(area_text(inner, 0, 0, 100, LOOK_TEXT, "dwd_flights"), 5);
	area_text(inner, 0, 1, 100, LOOK_TEXT, "below it");
	area_text(inner, -3, 0, 2, LOOK_TEXT, "x");
	assert_string_equal(row(&c, 0), "");
	assert_string_equal(row(&c, 1), "  dwd_…");
	assert_string_equal(row(&c, 2), "");
	canvas_free(&c);
}

static void a_part_of_an_area_lies_within_it(void **state)
{
	struct canvas c = {0};
	(void)state;
	canvas_resize(&c, 4, 3);
	for (int first = -5; first <= 5; first++) {
		for (int n = -2; n <= 9; n++) {
			struct area rows = area_rows(canvas_area(&c), first, n), columns = area_columns(canvas_area(&c), first, n);
			int begin = first < 0 ? 0 : first, end = first + n;
			int rows_in = (end < 3 ? end : 3) - begin, columns_in = (end < 4 ? end : 4) - begin;
			assert_int_equal(rows.height, rows_in > 0 ? rows_in : 0);
			assert_int_equal(columns.width, columns_in > 0 ? columns_in : 0);
			assert_in_range(rows.y, 0, 3);
			assert_in_range(columns.x, 0, 4);
		}
	}
	area_text(area_rows(canvas_area(&c), 3 - 5, 5), 0, 4, 4, LOOK_TEXT, "x"); /* the foot of a screen that has no room for it */
	canvas_resize(&c, 4, 0);
	area_text(area_rows(canvas_area(&c), -2, 2), 0, 0, 4, LOOK_TEXT, "x");
	canvas_free(&c);
}

static void wide_and_combining_characters_keep_their_columns(void **state)
{
	struct canvas c = {0};
	(void)state;
	canvas_resize(&c, 8, 2);
	struct area a = canvas_area(&c);
	assert_int_equal(area_text(a, 0, 0, 8, LOOK_TEXT, "日本e\xcc\x81!"), 6);
	assert_string_equal(row(&c, 0), "日本e\xcc\x81!");
	area_text(a, 1, 0, 1, LOOK_TEXT, "x"); /* over the second half of the first one */
	assert_string_equal(row(&c, 0), " x本e\xcc\x81!");
	assert_int_equal(area_text(a, 7, 1, 8, LOOK_TEXT, "日"), 1); /* no room for half of it */
	assert_string_equal(row(&c, 1), "       …");
	canvas_free(&c);
}

/* Rows "a 3", "b 20", "c 100", … of two columns. */
struct data {
	const char *names[4];
	int64_t numbers[4];
};
static void cell(const void *data, size_t r, size_t column, struct listing_cell *ret)
{
	const struct data *d = data;
	if (column == 0) {
		snprintf(ret->text, sizeof ret->text, "%s", d->names[r]);
		return;
	}
	snprintf(ret->text, sizeof ret->text, "%d", (int)d->numbers[r]);
	ret->order = (double)d->numbers[r];
	ret->by_number = true;
}

static void key(const void *data, size_t r, char ret[LISTING_KEY_SIZE])
{
	snprintf(ret, LISTING_KEY_SIZE, "%s", ((const struct data *)data)->names[r]);
}

static const struct listing_column columns[] = {{.title = "NAME", .width = 6, .grows = true}, {.title = "N", .width = 4, .right = true, .rank = 1}, {0}};

static void a_listing_sorts_filters_and_keeps_its_cursor(void **state)
{
	struct data d = {{"delta", "alpha", "beta", "gamma"}, {20, 3, 100, 5}};
	struct listing l;
	struct canvas c = {0};
	(void)state;
	listing_init(&l);
	listing_update(&l, &(struct listing_source){columns, 4, &d, cell, key});
	listing_command(&l, CMD_DOWN, 10); /* alpha */
	listing_command(&l, CMD_SORT, 10); /* by name */
	assert_int_equal(listing_row(&l), 1);
	assert_int_equal(l.cursor, 0);
	listing_command(&l, CMD_SORT, 10); /* by number, as numbers */
	canvas_resize(&c, 12, 5);
	listing_draw(&l, canvas_area(&c));
	assert_string_equal(row(&c, 0), "NAME      N▲");
	assert_string_equal(row(&c, 1), "alpha      3");
	assert_string_equal(row(&c, 4), "beta     100");
	listing_command(&l, CMD_REVERSE, 10);
	assert_int_equal(l.cursor, 3); /* it goes with its row */
	listing_filter(&l, "TA");
	assert_int_equal(l.shown, 2);
	listing_filter(&l, "");
	d = (struct data){{"alpha", "new", "beta", "gamma"}, {1, 2, 3, 4}}; /* a new snapshot */
	listing_command(&l, CMD_LAST, 10);
	listing_update(&l, &(struct listing_source){columns, 4, &d, cell, key});
	canvas_resize(&c, 8, 5); /* too narrow for both columns */
	listing_draw(&l, canvas_area(&c));
	assert_string_equal(row(&c, 0), "NAME");
	canvas_free(&c);
	listing_free(&l);
}

static void a_listing_without_rows_has_no_row(void **state)
{
	struct data d = {{NULL}, {0}};
	struct listing l;
	(void)state;
	listing_init(&l);
	assert_int_equal(listing_row(&l), -1);
	assert_false(listing_command(&l, CMD_DOWN, 10));
	listing_update(&l, &(struct listing_source){columns, 0, &d, cell, key});
	assert_true(listing_command(&l, CMD_LAST, 10));
	assert_int_equal(listing_row(&l), -1);
	assert_false(listing_click(&l, 1));
	listing_free(&l);
}

static const char *candidate(const void *ctx, size_t i)
{
	static const char *const words[] = {"graph", "grid", "überblick"};
	(void)ctx;
	return i < 3 ? words[i] : NULL;
}

static void a_line_is_edited_by_character_and_completed(void **state)
{
	struct line l = {.text = ""};
	(void)state;
	line_key(&l, 0xfc); /* ü */
	line_key(&l, 'b');
	assert_string_equal(l.text, "\xc3\xbc" "b");
	assert_int_equal(line_column(&l), 2);
	assert_int_equal(line_complete(&l, candidate, NULL), 1);
	assert_string_equal(l.text, "überblick");
	line_key(&l, TERM_HOME);
	line_key(&l, TERM_DELETE);
	assert_string_equal(l.text, "berblick");
	line_set(&l, "open g");
	assert_int_equal(line_complete(&l, candidate, NULL), 2);
	assert_string_equal(l.text, "open gr");
	line_key(&l, TERM_CTRL('w'));
	assert_string_equal(l.text, "open ");
	assert_false(line_key(&l, TERM_ENTER));
}

static void a_text_is_searched_round_its_end_and_wrapped(void **state)
{
	static const char text[] = "one two three\nfour\nTWO five\n";
	struct textview t = {.wrap = true};
	struct canvas c = {0};
	(void)state;
	textview_set(&t, text, sizeof text - 1);
	assert_int_equal(t.nlines, 3);
	canvas_resize(&c, 8, 4);
	textview_draw(&t, canvas_area(&c));
	assert_string_equal(row(&c, 0), "one two");
	assert_string_equal(row(&c, 1), "three");
	assert_string_equal(row(&c, 2), "four");
	textview_search(&t, "two");
	assert_int_equal(t.top, 0);
	textview_command(&t, CMD_NEXT, 4);
	assert_int_equal(t.top, 2);
	textview_command(&t, CMD_NEXT, 4);
	assert_int_equal(t.top, 0);
	textview_command(&t, CMD_PREVIOUS, 4);
	assert_int_equal(t.top, 2);
	t.follow = true;
	canvas_resize(&c, 20, 2);
	textview_draw(&t, canvas_area(&c));
	assert_string_equal(row(&c, 1), "TWO five");
	canvas_free(&c);
	textview_free(&t);
}

/* Within what can hold at once, a key has one meaning. */
static void a_key_means_one_thing(void **state)
{
	const struct binding *a, *b;
	(void)state;
	for (size_t i = 0; (a = binding_nth(i)); i++) {
		assert_non_null(a->help);
		for (size_t k = i + 1; (b = binding_nth(k)); k++) {
			bool together = ((a->scope | b->scope) & SCOPE_ALL) || (a->scope & b->scope);
			/* lists, texts and maps are never about anything that has the other's keys */
			for (int x = 0; x < 3; x++) {
				for (int y = 0; y < 3; y++) {
					if (together && a->keys[x] && a->keys[x] == b->keys[y] && a->command != b->command)
						fail_msg("'%s' and '%s' are one key", a->help, b->help);
				}
			}
		}
	}
}

static void panels_have_names_of_their_own_and_keys_find_them(void **state)
{
	static const char *const opened_by_key[] = {"overview", "runs", "tables", "map", "tasks", "log", NULL};
	const struct panel_class *class;
	(void)state;
	for (size_t i = 0; (class = panel_class_nth(i)); i++)
		assert_ptr_equal(panel_class_find(class->name), class);
	for (size_t i = 0; opened_by_key[i]; i++)
		assert_non_null(panel_class_find(opened_by_key[i]));
}

static void a_dialog_makes_the_command_that_it_shows(void **state)
{
	struct dialog d = {.nfields = 2, .fields = {{.label = "first date", .option = "--start"}, {.label = "tables"}}};
	struct command_words words = {0};
	struct buf line = BUF_INIT(1024);
	(void)state;
	words_add(&d.words, "backfill");
	for (const char *c = "2013-01-01"; *c; c++)
		dialog_key(&d, *c);
	assert_int_equal(dialog_key(&d, TERM_TAB), DIALOG_OPEN);
	for (const char *c = "+ads it's"; *c; c++)
		dialog_key(&d, *c);
	dialog_words(&d, &words);
	words_line(&words, &line);
	assert_string_equal(buf_cstr(&line), "strata backfill --start 2013-01-01 +ads 'it'\\''s'");
	assert_int_equal(dialog_key(&d, TERM_ENTER), DIALOG_YES);
	words_free(&words);
	dialog_free(&d);
	buf_free(&line);
}

static void states_have_signs(void **state)
{
	(void)state;
	assert_int_equal(sign_of_task("done", "success", "")->letter, 'S');
	assert_int_equal(sign_of_task("waiting", "", "retry")->letter, 'r');
	assert_int_equal(sign_of_task("waiting", "", "dependencies")->letter, '.');
	assert_int_equal(sign_of_task("unheard", "", "")->letter, '?');
	assert_string_equal(sign_of_run("running", "", true)->word, "paused");
	assert_string_equal(sign_of_run("done", "failed", true)->word, "failed");
	for (size_t i = 0; sign_nth(i); i++) {
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(sign_nth(i)->letter, sign_nth(k)->letter);
	}
}

static bool page_has(const struct buf *page, const char *left, const char *right)
{
	char line[256];
	snprintf(line, sizeof line, "| `%s` | %s |\n", left, right);
	return strstr(buf_cstr(page), line) != NULL;
}

static void the_docs_have_every_key_and_sign(void **state)
{
	struct buf page = BUF_INIT(1 << 20);
	struct err err;
	const struct binding *b;
	const struct sign *sign;
	(void)state;
	assert_int_equal(file_read(AT_FDCWD, "docs/TOP.md", &page, &err), 0);
	for (size_t i = 0; (b = binding_nth(i)); i++) {
		if (!page_has(&page, b->shown, b->help))
			fail_msg("docs/TOP.md lacks: | `%s` | %s |", b->shown, b->help);
	}
	for (size_t i = 0; (sign = sign_nth(i)); i++) {
		if (!page_has(&page, (const char[]){sign->letter, '\0'}, sign->word))
			fail_msg("docs/TOP.md lacks the sign '%c' of %s", sign->letter, sign->word);
	}
	buf_free(&page);
}

static bool is_not_map(void *ctx, enum ui_command command)
{
	(void)ctx;
	return command != CMD_GRID;
}

static void a_key_without_effect_is_not_hinted_at(void **state)
{
	struct buf out = BUF_INIT(1024);
	(void)state;
	keys_hints(SCOPE_MAP | SCOPE_RUN, is_not_map, NULL, 200, &out);
	assert_non_null(strstr(buf_cstr(&out), "d graph"));
	assert_null(strstr(buf_cstr(&out), "m map"));
	assert_null(strstr(buf_cstr(&out), "fold")); /* of layers, which not every map has */
	buf_free(&out);
}

static bool is_any(void *ctx, enum ui_command command)
{
	(void)ctx;
	(void)command;
	return true;
}

static void a_hint_is_whole_or_not_there(void **state)
{
	struct buf all = BUF_INIT(1024), out = BUF_INIT(1024);
	(void)state;
	keys_hints(SCOPE_LIST, is_any, NULL, 1000, &all);
	for (int most = 0; most < 100; most++) {
		out.len = 0;
		keys_hints(SCOPE_LIST, is_any, NULL, most, &out);
		size_t n = out.len ? strlen(buf_cstr(&out)) : 0;
		assert_true((int)n <= most);
		assert_memory_equal(buf_cstr(&all), buf_cstr(&out), n);
		const char *rest = buf_cstr(&all) + n; /* between two hints are two blanks, in one is one */
		assert_true(n == 0 || !*rest || strncmp(rest, "  ", 2) == 0);
	}
	buf_free(&all);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_cut_at_the_edges_of_its_area),
		cmocka_unit_test(a_part_of_an_area_lies_within_it),
		cmocka_unit_test(wide_and_combining_characters_keep_their_columns),
		cmocka_unit_test(a_listing_sorts_filters_and_keeps_its_cursor),
		cmocka_unit_test(a_listing_without_rows_has_no_row),
		cmocka_unit_test(a_line_is_edited_by_character_and_completed),
		cmocka_unit_test(a_text_is_searched_round_its_end_and_wrapped),
		cmocka_unit_test(a_key_means_one_thing),
		cmocka_unit_test(panels_have_names_of_their_own_and_keys_find_them),
		cmocka_unit_test(a_dialog_makes_the_command_that_it_shows),
		cmocka_unit_test(states_have_signs),
		cmocka_unit_test(the_docs_have_every_key_and_sign),
		cmocka_unit_test(a_key_without_effect_is_not_hinted_at),
		cmocka_unit_test(a_hint_is_whole_or_not_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
