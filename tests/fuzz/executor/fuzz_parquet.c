/* executor/parquet on any footer: a number of rows or a refusal, in time linear in its bytes, and never a number
 * from half of it; columns that all have a name and a type, or none. A seed may be text: hexadecimal digits stand for bytes. */
#include "executor/parquet.h"

#include <ctype.h>

#include "tests/fuzz/fuzz.h"

static int digit(int c)
{
	return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

/* In place; the length, or `size` when it is no such text. */
static size_t from_text(char *bytes, size_t size)
{
	size_t n = 0, digits = 0;
	for (size_t i = 0; i < size; i++)
		if (!isxdigit((unsigned char)bytes[i]) && bytes[i] != ' ' && bytes[i] != '\n')
			return size;
	for (size_t i = 0; i < size; i++) {
		if (!isxdigit((unsigned char)bytes[i]))
			continue;
		int value = digit(bytes[i]);
		if (digits++ % 2 == 0)
			bytes[n] = (char)(value << 4);
		else
			bytes[n++] |= (char)value;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_bytes(data, size);
	size_t n = from_text(text, size);
	char *bytes = fuzz_bytes((const uint8_t *)text, n);
	int64_t rows = -1, half = -1;
	int result = parquet_footer_rows((const unsigned char *)bytes, n, &rows);
	FUZZ_CHECK(result == 0 || result == -1);
	FUZZ_CHECK((result == 0) == (rows >= 0));
	if (result == 0)
		FUZZ_CHECK(parquet_footer_rows((const unsigned char *)bytes, n - 1, &half) < 0 && half == -1);
	struct arena arena = {0};
	struct column *columns = NULL;
	size_t ncolumns = 0;
	if (parquet_footer_plain((const unsigned char *)bytes, n, &arena, &columns, &ncolumns) == 0)
		for (size_t i = 0; i < ncolumns; i++)
			FUZZ_CHECK(columns[i].name[0] && columns[i].type[0]);
	else
		FUZZ_CHECK(!columns && !ncolumns);
	arena_free(&arena);
	free(bytes);
	free(text);
	return 0;
}
