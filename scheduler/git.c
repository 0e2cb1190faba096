/* See git.h. */
#include "scheduler/git.h"

#include <git2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* The project's folder relative to the repository's, with a slash at its end; "" for the same folder. */
static char *prefix_of(git_repository *repo, const char *dir)
{
	const char *root = git_repository_workdir(repo);
	size_t n = root ? strlen(root) : 0;
	if (n && strncmp(dir, root, n) == 0)
		return mem_printf("%s/", dir + n);
	return mem_strdup("");
}

static bool is_dirty(git_repository *repo, const char *dir)
{
	char *prefix = prefix_of(repo, dir);
	char *dags = mem_printf("%sdags", prefix), *tables = mem_printf("%stables.yaml", prefix);
	char *paths[] = {dags, tables};
	git_status_options o;
	git_status_options_init(&o, GIT_STATUS_OPTIONS_VERSION);
	o.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_DISABLE_PATHSPEC_MATCH;
	o.pathspec = (git_strarray){paths, 2};
	git_status_list *list = NULL;
	bool dirty = git_status_list_new(&list, repo, &o) == 0 && git_status_list_entrycount(list) > 0;
	git_status_list_free(list);
	free(dags);
	free(tables);
	free(prefix);
	return dirty;
}

char *git_commit_of(const char *dir, char out[GIT_COMMIT_SIZE])
{
	git_repository *repo = NULL;
	git_oid head;
	char hex[GIT_OID_HEXSZ + 1];
	out[0] = '\0';
	git_libgit2_init();
	/* As root, a checkout of somebody else's is still what runs. */
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	if (git_repository_open_ext(&repo, dir, 0, NULL) == 0 && git_reference_name_to_id(&head, repo, "HEAD") == 0) {
		git_oid_tostr(hex, sizeof hex, &head);
		snprintf(out, GIT_COMMIT_SIZE, "%s%s", hex, is_dirty(repo, dir) ? "-dirty" : "");
	}
	git_repository_free(repo);
	git_libgit2_shutdown();
	return out;
}
