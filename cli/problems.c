/* See problems.h. */
#include "cli/problems.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/annotations.h"
#include "cli/excerpt.h"
#include "cli/output.h"

enum { DIAGS_MAX = 64 << 20 };

static const char *project_dir(const struct workspace *ws)
{
	return ws->project ? ws->project->dir : ws->options.dir ? ws->options.dir : ".";
}

/* As seen from the repository: GITHUB_WORKSPACE, of which the project may be a folder. */
static const char *file_in_repository(const char *dir, const char *file, char out[PATH_MAX])
{
	char whole[PATH_MAX], path[PATH_MAX];
	const char *root = getenv("GITHUB_WORKSPACE");
	size_t n = root ? strlen(root) : 0;
	if (n && path_join(path, sizeof path, dir, file) && realpath(path, whole) && str_has_prefix(whole, root) && whole[n] == '/')
		snprintf(out, PATH_MAX, "%s", whole + n + 1);
	else
		snprintf(out, PATH_MAX, "%s", file);
	return out;
}

void problems_annotate(const struct workspace *ws, size_t from, enum diag_level most)
{
	char file[PATH_MAX];
	for (size_t i = from; i < ws->diags.len && annotations_wanted(); i++) {
		const struct diag *d = &ws->diags.items[i];
		if (d->level <= most && d->level != DIAG_NOTE)
			annotation_print(stderr, &(struct annotation){.warning = d->level == DIAG_WARNING, .line = d->loc.line, .col = d->loc.col,
			                                              .file = d->loc.file ? file_in_repository(project_dir(ws), d->loc.file, file) : NULL,
			                                              .text = d->text});
	}
}

void problems_print(const struct invocation *inv, const struct workspace *ws, size_t from, enum diag_level most, FILE *file)
{
	struct buf text = BUF_INIT(DIAGS_MAX);
	bool explain = isatty(fileno(file)) || inv->globals->verbosity > 0;
	for (size_t i = from; i < ws->diags.len; i++) {
		struct diags one = {.items = &ws->diags.items[i], .len = 1};
		const struct loc *at = &one.items[0].loc;
		struct buf said = BUF_INIT(DIAGS_MAX);
		diags_print(&one, most, &said);
		output_add_message(&text, buf_cstr(&said));
		buf_free(&said);
		if (explain && one.items[0].level <= most && at->file && at->line)
			excerpt_add_file(&text, project_dir(ws), at->file, at->line, at->col, output_terminal_width(file), output_may_color(file));
	}
	fputs(buf_cstr(&text), file);
	buf_free(&text);
	problems_annotate(ws, from, most);
}
