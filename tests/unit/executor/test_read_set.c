/* executor/analyze: what each query reads, word for word, and that it gives the same rows when it sees
 * nothing else. */
#include "read_set.h"
#include "read_set_cases.h"

static void each_query_reads_what_it_says(void **state)
{
	(void)state;
	struct buf refs = BUF_INIT(1 << 16), message = BUF_INIT(1 << 16);
	int bad = 0;
	for (size_t i = 0; i < sizeof read_set_cases / sizeof *read_set_cases; i++) {
		struct arena arena = {0};
		struct analysis a = lake_analyze(&arena, read_set_cases[i].sql);
		buf_clear(&refs);
		describe_refs(&a, &refs);
		if (!str_eq(buf_cstr(&refs), read_set_cases[i].reads)) {
			print_error("%s\n  reads %s\n  not   %s\n", read_set_cases[i].sql, buf_cstr(&refs), read_set_cases[i].reads);
			bad++;
		}
		for (int32_t day = 15706; day <= 15711 && !a.error; day++) {
			bool ran = false;
			buf_clear(&message);
			if (lake_agrees(&arena, &a, read_set_cases[i].sql, day, &ran, &message) && ran)
				continue;
			print_error("%s\n  on day %d%s\n", read_set_cases[i].sql, day, buf_cstr(&message));
			bad++;
			break;
		}
		arena_free(&arena);
	}
	buf_free(&refs);
	buf_free(&message);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_query_reads_what_it_says),
	};
	return cmocka_run_group_tests_name("read_set", tests, lake_open, lake_close);
}
