/* core/digest: known values, and frames that cannot be confused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/digest.h"

static void known_values(void **state)
{
	(void)state;
	char hex[DIGEST_HEX];
	assert_string_equal(digest_of(hex, "", 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_string_equal(digest_of(hex, "abc", 3),
	                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* Pieces of any size, around the gathering buffer's, are the same content. */
static void raw_pieces_are_the_whole(void **state)
{
	(void)state;
	static char data[70000];
	char whole[DIGEST_HEX], pieces[DIGEST_HEX];
	srand(3);
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)rand();
	digest_of(whole, data, sizeof data);
	for (int round = 0; round < 50; round++) {
		struct digest d;
		digest_init(&d);
		for (size_t at = 0; at < sizeof data;) {
			size_t n = (size_t)rand() % (round % 2 ? 1100 : 40);
			n = n > sizeof data - at ? sizeof data - at : n;
			digest_raw(&d, data + at, n);
			at += n;
		}
		assert_string_equal(digest_hex(&d, pieces), whole);
	}
}

static void parts(char out[DIGEST_HEX], const char *a, const char *b, const char *c)
{
	struct digest d;
	digest_init(&d);
	digest_text(&d, a);
	digest_text(&d, b);
	if (c)
		digest_text(&d, c);
	digest_hex(&d, out);
}

static void parts_are_framed(void **state)
{
	(void)state;
	char a[DIGEST_HEX], b[DIGEST_HEX];
	parts(a, "ab", "c", NULL);
	parts(b, "a", "bc", NULL);
	assert_string_not_equal(a, b);
	parts(a, "", NULL, NULL);
	parts(b, NULL, "", NULL);
	assert_string_not_equal(a, b);
	parts(a, "a", "", NULL);
	parts(b, "a", "", "");
	assert_string_not_equal(a, b);
	parts(a, "a", "b", NULL);
	parts(b, "a", "b", NULL);
	assert_string_equal(a, b);
}

static void numbers_are_no_texts(void **state)
{
	(void)state;
	char a[DIGEST_HEX], b[DIGEST_HEX];
	struct digest d;
	digest_init(&d);
	digest_int(&d, 0x6161616161616161);
	digest_hex(&d, a);
	digest_init(&d);
	digest_text(&d, "aaaaaaaa");
	digest_hex(&d, b);
	assert_string_not_equal(a, b);
	digest_init(&d);
	digest_int(&d, -1);
	digest_drop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values),
		cmocka_unit_test(raw_pieces_are_the_whole),
		cmocka_unit_test(parts_are_framed),
		cmocka_unit_test(numbers_are_no_texts),
	};
	return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
