/* See staging.h. Invariant: each of w->spares is empty but for an empty `in`. */
#include "executor/staging.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/mem.h"

enum { MAX_PATH = 1024 };

static const char *inside(char out[MAX_PATH], const char *staging, const char *name)
{
	snprintf(out, MAX_PATH, "%s/%s", staging, name);
	return out;
}

static void forget_spare(struct worker *w)
{
	free(w->spares[--w->nspares]);
}

/* A spare folder becomes `staging`; false: there is none, or something has that name already. */
static bool take_spare(struct worker *w, const char *staging)
{
	while (w->nspares) {
		const char *spare = w->spares[w->nspares - 1];
		if (strcmp(spare, staging) == 0 || renameat2(AT_FDCWD, spare, AT_FDCWD, staging, RENAME_NOREPLACE) == 0) {
			forget_spare(w);
			return true;
		}
		if (errno == EEXIST)
			return false;
		tree_remove(AT_FDCWD, spare, NULL); /* somebody has swept it */
		forget_spare(w);
	}
	return false;
}

int staging_make(struct worker *w, const char *staging, struct err *err)
{
	char out[MAX_PATH];
	inside(out, staging, "out");
	if ((take_spare(w, staging) || mkdir(staging, 0777) == 0) && mkdir(out, 0777) == 0)
		return 0;
	/* A leftover of the same try (its worker died, and its scheduler with it) is nobody's. */
	int rc = tree_remove(AT_FDCWD, staging, err);
	return rc < 0 ? rc : dir_make_all(out, 0777, err);
}

void staging_trash(struct worker *w, const char *folder, bool whole)
{
	if (w->ntrash == TRASH_MAX)
		staging_tidy(w);
	w->trash[w->ntrash++] = (struct trash){mem_strdup(folder), whole};
}

/* Everything in `folder` goes but what is named `but`. */
static int remove_inside(const char *folder, const char *but)
{
	DIR *d = opendir(folder);
	if (!d)
		return errno == ENOENT ? 0 : -1;
	int rc = 0;
	struct dirent *e;
	while (rc == 0 && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && strcmp(e->d_name, but) != 0)
			rc = tree_remove(dirfd(d), e->d_name, NULL);
	}
	closedir(d);
	return rc;
}

static void tidy_one(struct worker *w, struct trash t)
{
	char in[MAX_PATH];
	if (FAULT("cleanup.remove")) {
		free(t.folder);
	} else if (!t.reuse || w->nspares == TRASH_MAX) {
		(void)tree_remove(AT_FDCWD, t.folder, NULL);
		free(t.folder);
	} else if (remove_inside(t.folder, "in") == 0 && remove_inside(inside(in, t.folder, "in"), "") == 0) {
		w->spares[w->nspares++] = t.folder;
	} else {
		free(t.folder);
	}
}

void staging_tidy(struct worker *w)
{
	while (w->ntrash)
		tidy_one(w, w->trash[--w->ntrash]);
}

void staging_rest(struct worker *w)
{
	while (w->nspares) {
		(void)tree_remove(AT_FDCWD, w->spares[w->nspares - 1], NULL);
		forget_spare(w);
	}
}
