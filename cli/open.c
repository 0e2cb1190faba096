/* See open.h. */
#include "cli/open.h"

#include <stdio.h>

#include "base/buf.h"
#include "scheduler/load.h"

enum { DIAGS_MAX = 64 << 20 };

char *open_count(char *out, size_t size, size_t errors, size_t warnings)
{
	if (!errors && !warnings)
		snprintf(out, size, "no problems");
	else if (!warnings)
		snprintf(out, size, "%zu error%s", errors, errors == 1 ? "" : "s");
	else if (!errors)
		snprintf(out, size, "%zu warning%s", warnings, warnings == 1 ? "" : "s");
	else
		snprintf(out, size, "%zu error%s and %zu warning%s", errors, errors == 1 ? "" : "s", warnings,
		         warnings == 1 ? "" : "s");
	return out;
}

static void show(struct diags *diags, int verbosity)
{
	struct buf text = BUF_INIT(DIAGS_MAX);
	diags_sort(diags);
	diags_print(diags, verbosity < 0 ? DIAG_ERROR : verbosity > 0 ? DIAG_NOTE : DIAG_WARNING, &text);
	fputs(buf_cstr(&text), stderr);
	buf_free(&text);
}

int open_project(const struct invocation *inv, struct project **ret, struct err *err)
{
	struct load_options load = {.dir = inv->globals->dir, .lake = inv->globals->lake, .analyze = true};
	struct project *project = NULL;
	struct diags diags = {0};
	int r = project_load(&load, &project, &diags, err);
	show(&diags, inv->globals->verbosity);
	if (r >= 0 && diags.errors) {
		char count[64];
		open_count(count, sizeof count, diags.errors, 0);
		r = err_set(err, ERR_PROJECT, "the project has %s; nothing was done", count);
	}
	diags_free(&diags);
	if (r < 0) {
		project_free(project);
		return r;
	}
	*ret = project;
	return 0;
}
