/* core/protocol: a line of any bytes read as a request, a result and an analysis. What is accepted says the
 * same once it was written and read again. */
#include "core/protocol.h"

#include "base/str.h"
#include "core/jsonio.h"
#include "tests/fuzz/fuzz.h"

/* Read as one kind and write it; NULL, with `err` set, when it is none. */
typedef json_t *(*reread_fn)(struct arena *arena, const json_t *json, struct err *err);

static json_t *reread_request(struct arena *arena, const json_t *json, struct err *err)
{
	struct try_request r;
	return try_request_decode(arena, json, &r, err) < 0 ? NULL : try_request_encode(&r);
}

static json_t *reread_result(struct arena *arena, const json_t *json, struct err *err)
{
	struct try_result r;
	return try_result_decode(arena, json, &r, err) < 0 ? NULL : try_result_encode(&r);
}

static json_t *reread_analysis(struct arena *arena, const json_t *json, struct err *err)
{
	struct analysis a;
	return analysis_from_json(arena, json, &a, err) < 0 ? NULL : analysis_to_json(&a);
}

static void check(reread_fn reread, const json_t *json)
{
	struct arena arena = {0};
	struct err err = {0}, again = {0};
	struct buf line = BUF_INIT(64 << 20);
	json_t *once = reread(&arena, json, &err);
	FUZZ_CHECKF((once == NULL) == (err.code < 0 && err.text[0]), "code %d, '%s'", err.code, err.text);
	if (once) {
		json_print(once, JSON_COMPACT, &line);
		FUZZ_CHECKF(!memchr(line.data, '\n', line.len), "a message of two lines");
		json_t *parsed = json_loadb(line.data, line.len, 0, NULL);
		FUZZ_CHECKF(parsed, "not JSON: %.400s", buf_cstr(&line));
		json_t *twice = reread(&arena, parsed, &again);
		FUZZ_CHECKF(twice, "%s: %.400s", again.text, buf_cstr(&line));
		FUZZ_CHECKF(json_equal(once, twice), "%.400s", buf_cstr(&line));
		json_decref(parsed);
		json_decref(twice);
	}
	json_decref(once);
	buf_free(&line);
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = fuzz_bytes(data, size);
	json_t *json = json_loadb(bytes, size, JSON_DECODE_ANY, NULL);
	if (json) {
		check(reread_request, json);
		check(reread_result, json);
		check(reread_analysis, json);
	}
	json_decref(json);
	free(bytes);
	return 0;
}
