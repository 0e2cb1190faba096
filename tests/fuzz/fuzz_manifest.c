/* core/manifest and core/fingerprint on any bytes. A manifest that is accepted names files of its own folder
 * only, and says the same once it was written and read again: db rebuild depends on it. */
#include "core/manifest.h"

#include "base/str.h"
#include "core/fingerprint.h"
#include "tests/fuzz/fuzz.h"

static void check_fingerprint(const char *text)
{
	struct fingerprint f, g;
	struct buf once = BUF_INIT(1 << 16), twice = BUF_INIT(1 << 16);
	if (fingerprint_parse(text, &f)) {
		fingerprint_format(&f, &once);
		FUZZ_CHECKF(fingerprint_parse(buf_cstr(&once), &g), "%s", buf_cstr(&once));
		fingerprint_format(&g, &twice);
		FUZZ_CHECK(str_eq(buf_cstr(&once), buf_cstr(&twice)));
		enum fingerprint_part part = fingerprint_diff(&f, &g);
		FUZZ_CHECKF(part == FP_PARTS || part == FP_SOURCE, "differs from itself in part %d", (int)part);
	}
	buf_free(&once);
	buf_free(&twice);
}

static void check_manifest(const struct manifest *m, struct arena *arena)
{
	struct manifest again;
	struct err err = {0};
	struct buf once = BUF_INIT(64 << 20), twice = BUF_INIT(64 << 20);
	for (size_t i = 0; i < m->nfiles; i++)
		FUZZ_CHECK(m->files[i].name[0] && m->files[i].name[0] != '.' && !strchr(m->files[i].name, '/'));
	manifest_encode(m, &once);
	FUZZ_CHECKF(manifest_decode(arena, once.data, once.len, &again, &err) == 0, "%s", err.text);
	manifest_encode(&again, &twice);
	FUZZ_CHECK(str_eq(buf_cstr(&once), buf_cstr(&twice)));
	FUZZ_CHECK(again.fence == m->fence && again.version == m->version && again.partitioned == m->partitioned);
	check_fingerprint(m->fingerprint);
	buf_free(&once);
	buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = fuzz_bytes(data, size), *text = fuzz_text(data, size);
	struct arena arena = {0};
	struct manifest m;
	struct err err = {0};
	if (manifest_decode(&arena, bytes, size, &m, &err) == 0)
		check_manifest(&m, &arena);
	else
		FUZZ_CHECK(err.code < 0 && err.text[0]);
	check_fingerprint(text);
	arena_free(&arena);
	free(bytes);
	free(text);
	return 0;
}
