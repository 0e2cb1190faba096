/* strata init: a working sample project. It never overwrites: a file that is there with other content stops it
 * before anything is written, and a second run over its own files changes nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/sample.h"

enum { SAMPLE_MAX = 1 << 16, PATH_SIZE = 4096 };

static int sample_path(char out[PATH_SIZE], const char *dir, const struct sample_file *f, struct err *err)
{
	if (!path_join(out, PATH_SIZE, dir, f->path))
		return err_set(err, ERR_USAGE, "'%s' is too long for a path", dir);
	return 0;
}

/* 1: there, as we would write it; 0: absent; ERR_USAGE: something else is there. */
static int present(const char *path, const struct sample_file *f, struct err *err)
{
	struct buf have = BUF_INIT(SAMPLE_MAX);
	struct err ignored;
	errno = 0;
	int r = file_read(AT_FDCWD, path, &have, &ignored);
	bool absent = r < 0 && errno == ENOENT;
	bool same = r >= 0 && str_eq(buf_cstr(&have), f->text);
	buf_free(&have);
	if (absent || same)
		return same;
	return err_set(err, ERR_USAGE, "'%s' exists already; choose another folder: strata init DIR", path);
}

static int write_sample(const char *dir, const struct sample_file *f, struct err *err)
{
	char path[PATH_SIZE], folder[PATH_SIZE];
	if (sample_path(path, dir, f, err) < 0)
		return ERR_USAGE;
	snprintf(folder, sizeof folder, "%s", path);
	char *slash = strrchr(folder, '/');
	if (slash) {
		*slash = '\0';
		int r = dir_make_all(folder, 0777, err);
		if (r < 0)
			return r;
	}
	return file_replace(AT_FDCWD, path, f->text, strlen(f->text), 0666, err);
}

static int run(const struct invocation *inv, struct err *err)
{
	const char *base = inv->globals->dir, *name = inv->noperands ? inv->operands[0] : ".";
	char dir[PATH_SIZE], path[PATH_SIZE];
	if (str_eq(base, ".") || name[0] == '/')
		snprintf(dir, sizeof dir, "%s", name);
	else if (str_eq(name, "."))
		snprintf(dir, sizeof dir, "%s", base);
	else if (!path_join(dir, sizeof dir, base, name))
		return err_set(err, ERR_USAGE, "'%s' is too long for a path", name);
	bool whole = true;
	for (const struct sample_file *f = sample_files; f->path; f++) {
		int r = sample_path(path, dir, f, err);
		if (r < 0 || (r = present(path, f, err)) < 0)
			return r;
		whole = whole && r;
	}
	for (const struct sample_file *f = sample_files; f->path && !whole; f++) {
		int r = write_sample(dir, f, err);
		if (r < 0)
			return r;
	}
	if (inv->globals->verbosity >= 0)
		fputs(whole ? "The shop is there already, and nothing was changed. Build it:\n\n"
		            : "A shop with 5 tables in 3 layers, and RAW files of 3 days. Build it:\n\n", stderr);
	struct buf line = BUF_INIT(2 * PATH_SIZE);
	buf_adds(&line, "strata");
	if (!str_eq(dir, ".")) {
		buf_adds(&line, " -C ");
		text_add_word(&line, dir);
	}
	printf("%s run --start " SAMPLE_START " --end " SAMPLE_END "\n", buf_cstr(&line));
	buf_free(&line);
	return 0;
}

const struct command command_init = {
	.name = "init",
	.group = "Start",
	.synopsis = "[DIR]",
	.summary = "make a working sample project and print its first command",
	.details = "Writes a small shop: two ODS tables over RAW CSV files, a typed and joined table, a table of daily figures and one over all days. Nothing that exists is overwritten.",
	.examples = "strata init shop\n"
	            "strata -C shop run --start " SAMPLE_START " --end " SAMPLE_END,
	.most_operands = 1,
	.completes = {COMPLETES_FOLDER},
	.run = run,
};
