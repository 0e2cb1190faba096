/* The analysis cache as a file of any bytes: it opens always, and what it has is whole. A cache that was written
 * from what was read is read as the same. */
#include "scheduler/cache.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "tests/fuzz/fuzz.h"

static char dir[] = "/tmp/strata-fuzz-cache-XXXXXX";

static void remove_folder(void)
{
	tree_remove(AT_FDCWD, dir, NULL);
}

static void make_folder(void)
{
	char path[256];
	struct err err = {0};
	FUZZ_CHECK(mkdtemp(dir));
	atexit(remove_folder);
	FUZZ_CHECK(path_join(path, sizeof path, dir, ".strata/cache"));
	FUZZ_CHECKF(dir_make_all(path, 0700, &err) == 0, "%s", err.text);
}

static void write_cache(const void *data, size_t size)
{
	char path[256];
	FUZZ_CHECK(path_join(path, sizeof path, dir, ".strata/cache/analysis"));
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FUZZ_CHECK(fd >= 0 && file_write_all(fd, data, size) == 0);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = {"dags/dwd/dwd_a.sql", "dags/ods/ods_x.sql", "x", ""};
	static bool ready;
	struct arena arena = {0};
	if (!ready)
		make_folder();
	ready = true;
	write_cache(data, size);
	struct cache *c = cache_open(&arena, dir, "strata 1 worker");
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		const struct cache_entry *e = cache_find(c, paths[i]);
		if (!e)
			continue;
		FUZZ_CHECK(str_eq(e->path, paths[i]) && strlen(e->sha256) == 64);
		struct buf once = BUF_INIT(64 << 20), twice = BUF_INIT(64 << 20);
		analysis_encode(&e->analysis, &once);
		cache_store(dir, "strata 1 worker", &e, 1);
		struct cache *written = cache_open(&arena, dir, "strata 1 worker");
		const struct cache_entry *again = cache_find(written, paths[i]);
		FUZZ_CHECKF(again, "%s was stored and is not there", paths[i]);
		FUZZ_CHECK(again->stamp.size == e->stamp.size && again->stamp.mtime_ns == e->stamp.mtime_ns &&
		           again->stamp.ctime_ns == e->stamp.ctime_ns && again->read_at_ns == e->read_at_ns);
		analysis_encode(&again->analysis, &twice);
		FUZZ_CHECK(str_eq(buf_cstr(&once), buf_cstr(&twice)));
		cache_close(written);
		buf_free(&once);
		buf_free(&twice);
	}
	cache_close(c);
	arena_free(&arena);
	return 0;
}
