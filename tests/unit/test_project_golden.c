/* Every complaint about a project's files, to the letter: tests/golden/project/NAME.golden has a project and
 * what is said of it. With STRATA_GOLDEN_UPDATE set, the files are rewritten instead: read the diff. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "core/keys.h"
#include "tests/unit/project_fixture.h"

#define FOLDER "tests/golden/project"

/* The text after the line "== name" up to the next such line; NULL when absent. free() it. */
static char *part(const char *text, const char *name)
{
	char *line = mem_printf("== %s\n", name), *found = NULL;
	const char *start = strstr(text, line);
	if (start) {
		start += strlen(line);
		const char *end = strncmp(start, "== ", 3) == 0 ? start : strstr(start, "\n== ");
		size_t n = !end ? strlen(start) : end == start ? 0 : (size_t)(end - start) + 1;
		found = mem_strndup(start, n);
	}
	free(line);
	return found;
}

static void check_file(const char *path)
{
	struct buf text = BUF_INIT(1 << 20);
	assert_int_equal(file_read(AT_FDCWD, path, &text, NULL), 0);
	char *config = part(buf_cstr(&text), FILE_CONFIG), *tables = part(buf_cstr(&text), FILE_TABLES);
	char *files = part(buf_cstr(&text), "files"), *want = part(buf_cstr(&text), "problems");
	assert_non_null(files);
	assert_non_null(want);
	for (char *p = files; *p; p++)
		if (*p == '\n')
			*p = p[1] ? ' ' : '\0';
	struct fixture f;
	fixture_read(&f, config, tables, files);
	const char *got = buf_cstr(&f.printed);
	if (getenv("STRATA_GOLDEN_UPDATE")) {
		const char *end = strstr(buf_cstr(&text), "== problems\n") + strlen("== problems\n");
		struct buf out = BUF_INIT(1 << 20);
		buf_add(&out, text.data, (size_t)(end - text.data));
		buf_adds(&out, got);
		assert_int_equal(file_replace(AT_FDCWD, path, out.data, out.len, 0644, NULL), 0);
		buf_free(&out);
	} else if (!str_eq(got, want)) {
		fail_msg("%s: wanted\n%sbut got\n%s", path, want, got);
	}
	fixture_free(&f);
	free(config);
	free(tables);
	free(files);
	free(want);
	buf_free(&text);
}

static void complaints_are_golden(void **state)
{
	(void)state;
	size_t n = 0;
	DIR *dir = opendir(FOLDER);
	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		if (!str_has_suffix(e->d_name, ".golden"))
			continue;
		char *path = mem_printf(FOLDER "/%s", e->d_name);
		check_file(path);
		free(path);
		n++;
	}
	closedir(dir);
	assert_true(n >= 10);
}

static void the_documentation_is_generated(void **state)
{
	(void)state;
	struct buf want = BUF_INIT(1 << 20), got = BUF_INIT(1 << 20);
	keys_doc(&want);
	assert_int_equal(file_read(AT_FDCWD, "docs/CONFIG.md", &got, NULL), 0);
	assert_string_equal(buf_cstr(&got), buf_cstr(&want));
	buf_free(&want);
	buf_free(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(complaints_are_golden),
		cmocka_unit_test(the_documentation_is_generated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
