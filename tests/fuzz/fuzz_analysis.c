/* The cache's form of core/analysis on any bytes: a record that is accepted uses no more than there is, and
 * says the same once it was written and read again. */
#include "core/analysis.h"

#include "base/str.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = fuzz_bytes(data, size);
	struct arena arena = {0};
	size_t at = 0;
	for (;;) {
		struct analysis a, b;
		size_t used = analysis_decode(&arena, bytes + at, size - at, &a);
		if (!used)
			break;
		FUZZ_CHECK(used <= size - at);
		at += used;
		struct buf once = BUF_INIT(64 << 20), twice = BUF_INIT(64 << 20);
		analysis_encode(&a, &once);
		FUZZ_CHECKF(analysis_decode(&arena, once.data, once.len, &b) == once.len, "%s", buf_cstr(&once));
		analysis_encode(&b, &twice);
		FUZZ_CHECKF(str_eq(buf_cstr(&once), buf_cstr(&twice)), "%s%s", buf_cstr(&once), buf_cstr(&twice));
		FUZZ_CHECKF(analysis_decode(&arena, once.data, once.len - 1, &b) == 0, "half a record is none");
		for (size_t i = 0; i < a.nrefs; i++)
			FUZZ_CHECKF(a.refs[i].nspans > 0, "a reference without spans");
		buf_free(&once);
		buf_free(&twice);
	}
	arena_free(&arena);
	free(bytes);
	return 0;
}
