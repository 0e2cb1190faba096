/* A project from texts, for the tests of its reading. Included once by a test program. */
#ifndef STRATA_TESTS_PROJECT_FIXTURE_H
#define STRATA_TESTS_PROJECT_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "core/project.h"

enum { FIXTURE_FILES = 32 };

struct fixture {
	struct project *p;
	struct diags diags;
	struct buf printed; /* every diagnostic, sorted */
	struct project_file files[FIXTURE_FILES];
	const char *folders[FIXTURE_FILES];
	char text[2048]; /* what files and folders point into */
};

/* The environment of these tests. */
static const char *fixture_env(void *ctx, const char *name)
{
	(void)ctx;
	if (str_eq(name, "BUCKET"))
		return "b1";
	return str_eq(name, "EMPTY") ? "" : NULL;
}

/* `files`: "dwd/dwd_a.sql dwd/dwd_b.sh*", a star for executable; a lone "dwd/" is an empty folder. */
static struct project_input fixture_input(struct fixture *f, const char *config, const char *tables, const char *files)
{
	struct project_input in = {
		.dir = "/home/ada/flights",
		.config = config,
		.config_len = config ? strlen(config) : 0,
		.tables = tables,
		.tables_len = tables ? strlen(tables) : 0,
		.files = f->files,
		.folders = f->folders,
		.env = fixture_env,
	};
	size_t n = strlen(files);
	memcpy(f->text, files, n < sizeof f->text ? n + 1 : 0);
	for (char *p = f->text; *p;) {
		char *end = p + strcspn(p, " "), *slash = strchr(p, '/');
		char *next = *end ? end + 1 : end;
		*end = '\0';
		*slash = '\0';
		bool known = false;
		for (size_t i = 0; i < in.nfolders; i++)
			known |= str_eq(f->folders[i], p);
		if (!known)
			f->folders[in.nfolders++] = p;
		if (slash[1]) {
			bool executable = end[-1] == '*';
			if (executable)
				end[-1] = '\0';
			f->files[in.nfiles++] = (struct project_file){p, slash + 1, executable, 10};
		}
		p = next;
	}
	return in;
}

static void fixture_read(struct fixture *f, const char *config, const char *tables, const char *files)
{
	*f = (struct fixture){.printed = BUF_INIT(1 << 20)};
	struct project_input in = fixture_input(f, config, tables, files);
	f->p = project_read(&in, &f->diags);
	diags_sort(&f->diags);
	diags_print(&f->diags, DIAG_NOTE, &f->printed);
}

static void fixture_free(struct fixture *f)
{
	project_free(f->p);
	diags_free(&f->diags);
	buf_free(&f->printed);
}

#endif
