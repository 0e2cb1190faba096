/* The main of a fuzz target without libFuzzer: runs it once on every file that is named, or is in a folder
 * that is named. Says which file is next before it starts, so that the last one said is the one that broke. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "tests/fuzz/fuzz.h"

static size_t inputs;

static int replay_file(const char *path)
{
	struct buf text = BUF_INIT(16 << 20);
	struct err err = {0};
	if (file_read(AT_FDCWD, path, &text, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	printf("%s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput((const uint8_t *)buf_cstr(&text), text.len);
	buf_free(&text);
	inputs++;
	return 0;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int replay(const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, visible, alphasort), result = 0;
	if (n < 0)
		return replay_file(path);
	for (int i = 0; i < n; i++) {
		char *file = mem_printf("%s/%s", path, names[i]->d_name);
		if (replay_file(file) < 0)
			result = -1;
		free(file);
		free(names[i]);
	}
	free(names);
	return result;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (replay(argv[i]) < 0)
			return 1;
	printf("%zu inputs\n", inputs);
	return inputs > 0 ? 0 : 1;
}
