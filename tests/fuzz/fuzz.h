/* What every fuzz target shares. A target is one program, fuzz_<name>.c, with
 *
 *     int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);   always returns 0
 *
 * which aborts when what it promises does not hold. Its seeds are the files of corpus/<name>/, its words
 * dict/<name>.dict. Under MODE=fuzz libFuzzer calls it; in every other mode replay.c does, with the seeds. */
#ifndef STRATA_TESTS_FUZZ_H
#define STRATA_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* FUZZ_CHECKF also says something about it, as printf does. */
#define FUZZ_CHECKF(condition, ...)                                                                       \
	do {                                                                                              \
		if (!(condition)) {                                                                       \
			fprintf(stderr, "%s:%d: broken promise: %s\n  ", __FILE__, __LINE__, #condition); \
			fprintf(stderr, __VA_ARGS__);                                                     \
			fputc('\n', stderr);                                                              \
			abort();                                                                          \
		}                                                                                         \
	} while (0)
#define FUZZ_CHECK(condition) FUZZ_CHECKF(condition, "%s", __func__)

/* A copy of exactly these bytes, so that the sanitizers see a read behind them. free() it. */
static inline char *fuzz_bytes(const uint8_t *data, size_t size)
{
	char *p = malloc(size ? size : 1);
	if (!p)
		abort();
	if (size)
		memcpy(p, data, size);
	return p;
}

/* The same as text, up to its first NUL. free() it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	return size ? mem_strndup((const char *)data, strnlen((const char *)data, size)) : mem_strdup("");
}

#endif
