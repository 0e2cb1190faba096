/* See staging.h. Invariant: w->spare is empty but for an empty `in`. */
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

/* The spare folder becomes `staging`; false: there is none, or something has that name already. */
static bool take_spare(struct worker *w, const char *staging)
{
	if (!w->spare)
		return false;
	if (strcmp(w->spare, staging) != 0 && renameat2(AT_FDCWD, w->spare, AT_FDCWD, staging, RENAME_NOREPLACE) < 0) {
		if (errno != EEXIST)
			staging_rest(w); /* somebody has swept it */
		return false;
	}
	free(w->spare);
	w->spare = NULL;
	return true;
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
	free(w->trash);
	w->trash = mem_strdup(folder);
	w->reuse = whole;
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

void staging_tidy(struct worker *w)
{
	char in[MAX_PATH];
	if (w->trash && !FAULT("cleanup.remove")) {
		if (!w->reuse || w->spare) {
			(void)tree_remove(AT_FDCWD, w->trash, NULL);
		} else if (remove_inside(w->trash, "in") == 0 && remove_inside(inside(in, w->trash, "in"), "") == 0) {
			w->spare = w->trash;
			w->trash = NULL;
		}
	}
	free(w->trash);
	w->trash = NULL;
}

void staging_rest(struct worker *w)
{
	if (w->spare)
		(void)tree_remove(AT_FDCWD, w->spare, NULL);
	free(w->spare);
	w->spare = NULL;
}
