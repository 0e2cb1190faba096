/* See sweep.h. */
#include "executor/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "core/jsonio.h"

static const char staging[] = ".strata/staging";

static bool listed(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static int remove_one(int dir, const char *name, int64_t *removed, struct err *err)
{
	if (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || !*name)
		return err_set(err, ERR_PROTOCOL, "sweep: '%s' is no try", name);
	if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	int rc = tree_remove(dir, name, err);
	*removed += rc == 0;
	return rc;
}

static int remove_all(const char *const *keep, size_t nkeep, int64_t *removed, struct err *err)
{
	DIR *d = opendir(staging);
	if (!d)
		return errno == ENOENT ? 0 : err_errno(err, ERR_IO, "list '%s'", staging);
	int rc = 0;
	struct dirent *e;
	while (rc == 0 && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && !listed(keep, nkeep, e->d_name))
			rc = remove_one(dirfd(d), e->d_name, removed, err);
	}
	closedir(d);
	return rc;
}

int op_sweep(const json_t *req, json_t **ret_reply, struct op_error *e)
{
	struct arena arena = {0};
	struct jget g = {.arena = &arena, .err = &e->err, .code = ERR_PROTOCOL};
	size_t ntries, nkeep;
	const char *const *tries = jget_texts(&g, req, "tries", &ntries), *const *keep = jget_texts(&g, req, "keep", &nkeep);
	bool all = jget_bool_or(&g, req, "all", false);
	int64_t removed = 0;
	int rc = g.result;
	if (rc == 0 && all)
		rc = remove_all(keep, nkeep, &removed, &e->err);
	int dir = rc == 0 && ntries ? open(staging, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	for (size_t i = 0; i < ntries && rc == 0 && dir >= 0; i++)
		rc = remove_one(dir, tries[i], &removed, &e->err);
	if (dir >= 0)
		close(dir);
	if (rc == 0)
		*ret_reply = json_pack("{s:I}", "removed", (json_int_t)removed);
	arena_free(&arena);
	return rc;
}
