/* executor/dialect on any CSV: what it calls plain has its delimiter in it, and is plain with the delimiter given. */
#include "executor/dialect.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/fuzz/fuzz.h"

static char path[] = "/tmp/strata-fuzz-XXXXXX.csv";

static void remove_file(void)
{
	unlink(path);
}

/* The one file, empty. */
static int open_file(void)
{
	static int fd = -1;
	if (fd < 0) {
		fd = mkostemps(path, 4, O_CLOEXEC);
		FUZZ_CHECK(fd >= 0);
		atexit(remove_file);
	}
	FUZZ_CHECK(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char found = '\0', again = '\0', given[2] = "";
	FUZZ_CHECK(file_write_all(open_file(), data, size) == 0);
	if (dialect_plain(path, NULL, &found)) {
		FUZZ_CHECK(found && strchr(",;\t|", found) && memchr(data, found, size));
		given[0] = found;
		FUZZ_CHECK(dialect_plain(path, given, &again) && again == found);
		FUZZ_CHECK(dialect_plain(path, NULL, &again) && again == found);
	}
	return 0;
}
