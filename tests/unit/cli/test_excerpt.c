/* cli/excerpt: the line of an error, with a caret below it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/text.h"
#include "cli/excerpt.h"

static void check(const char *text, int line, int col, size_t width, const char *want)
{
	struct buf out = BUF_INIT(1 << 16);
	excerpt_add(&out, text, line, col, width, false);
	assert_string_equal(buf_cstr(&out), want);
	buf_free(&out);
}

static void the_caret_stands_below_the_column(void **state)
{
	(void)state;
	check("SELECT 1,\n  amuont\nFROM t\n", 2, 3, 0, "        2 |   amuont\n              ^\n");
	check("SELECT 1", 1, 1, 0, "        1 | SELECT 1\n            ^\n");
	check("a\r\nb\r\n", 1, 2, 0, "        1 | a\n             ^\n");
	check("SELECT 1", 1, 0, 0, "        1 | SELECT 1\n"); /* no column, no caret */
	check("SELECT", 1, 99, 0, "        1 | SELECT\n                  ^\n");
	check("SELECT 1", 2, 1, 0, "");
	check("SELECT 1\n", 0, 1, 0, "");
	check("", 1, 1, 0, "        1 | \n            ^\n");
}

/* The column counts bytes, the caret columns of the terminal. */
static void wide_and_combining_characters_keep_the_caret_right(void **state)
{
	(void)state;
	check("'東京' x", 1, 10, 0, "        1 | '東京' x\n                   ^\n");
	check("'e\xcc\x81' x", 1, 7, 0, "        1 | 'e\xcc\x81' x\n                ^\n");
	check("\tx", 1, 2, 0, "        1 |  x\n             ^\n");
	check("\x1b[31m x", 1, 7, 0, "        1 |  [31m x\n                  ^\n"); /* what is in a file commands no terminal */
}

static void a_long_line_is_cut_around_the_caret(void **state)
{
	(void)state;
	char line[1001];
	memset(line, 'a', 1000);
	line[1000] = '\0';
	for (size_t width = 20; width <= 300; width++) {
		for (int col = 1; col <= 1000; col += 37) {
			struct buf out = BUF_INIT(1 << 16);
			line[col - 1] = 'X';
			excerpt_add(&out, line, 1, col, width, false);
			char *text = out.data, *caret = strchr(text, '\n') + 1;
			*strchr(text, '\n') = '\0';
			*strchr(caret, '\n') = '\0';
			assert_true(text_width(text) <= (width > 32 ? width : 32));
			assert_int_equal(text[strlen(caret) - 1], 'X');
			assert_int_equal(caret[strlen(caret) - 1], '^');
			line[col - 1] = 'a';
			buf_free(&out);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_caret_stands_below_the_column),
		cmocka_unit_test(wide_and_combining_characters_keep_the_caret_right),
		cmocka_unit_test(a_long_line_is_cut_around_the_caret),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
