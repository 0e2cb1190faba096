/* core/definition on any bytes: statements come in their order and within the text, and what a definition says of
 * itself is where it says. */
#include "core/definition.h"

#include "base/str.h"
#include "core/sqltext.h"
#include "tests/fuzz/fuzz.h"

static bool is_table(const void *ctx, const char *qname)
{
	(void)ctx;
	return str_eq(qname, "dwd.dwd_x");
}

static void check(const struct definition *d, const char *text, size_t n, size_t before)
{
	FUZZ_CHECKF(d->start >= before && d->start < d->end && d->end <= n, "[%zu, %zu) of %zu", d->start, d->end, n);
	const char *why = definition_why_skip(d, is_table, NULL);
	FUZZ_CHECK(!why || why[0]);
	if (d->verb == DEFINITION_OTHER)
		return;
	if (d->verb == DEFINITION_CREATE || d->verb == DEFINITION_DROP) {
		FUZZ_CHECK(d->schema && d->name);
		FUZZ_CHECK(d->name_at >= d->start && d->name_at < d->end);
	}
	if (!d->query || d->overloaded)
		return;
	const char *second = strchr(d->query, '\n');
	FUZZ_CHECK(d->verb == DEFINITION_CREATE && second && d->query_at >= d->start && d->query_at <= d->end);
	size_t same = strlen(second + 1) < d->end - d->query_at ? strlen(second + 1) : d->end - d->query_at;
	same = same > 4 ? same - 4 : 0; /* what closes the query may follow at once */
	FUZZ_CHECKF(strncmp(second + 1, text + d->query_at, same) == 0, "%.100s", second + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_bytes(data, size);
	struct arena arena = {0};
	struct definition d;
	size_t at = 0, before = 0;
	while (definition_next(&arena, text, size, &at, &d)) {
		FUZZ_CHECKF(at > before && at <= size, "from %zu to %zu of %zu", before, at, size);
		check(&d, text, size, before);
		before = at;
	}
	arena_free(&arena);
	free(text);
	return 0;
}
