/* See source_header.h. */
#include "scheduler/source_header.h"

#include <dirent.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/date.h"

static bool take(struct arena *arena, const char *path, struct source_header *ret)
{
	struct stat st;
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	*ret = (struct source_header){.path = arena_strdup(arena, path),
	                              .size = st.st_size,
	                              .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec};
	return true;
}

/* The first regular file that a shell pattern finds, in order of names. */
static bool first_of(struct arena *arena, const char *pattern, struct source_header *ret)
{
	glob_t g = {0};
	bool found = false;
	if (glob(pattern, 0, NULL, &g) == 0) {
		for (size_t i = 0; i < g.gl_pathc && !found; i++)
			found = take(arena, g.gl_pathv[i], ret);
	}
	globfree(&g);
	return found;
}

static int newest_first(const struct dirent **a, const struct dirent **b)
{
	return -strcmp((*a)->d_name, (*b)->d_name);
}

static int is_date_folder(const struct dirent *e)
{
	int32_t day;
	return str_has_prefix(e->d_name, "dt=") && date_parse_iso(e->d_name + 3, strlen(e->d_name + 3), &day);
}

void source_header_find(struct arena *arena, const char *lake, const struct source *s, struct source_header *ret)
{
	static const char *const endings[] = {"[cC][sS][vV]*", "json*", "parquet"};
	const char *relative = s->path[0] == '/' ? s->path + 1 : s->path;
	char *root = mem_printf("%s/%s", lake, relative);
	if (s->partitioned) {
		struct dirent **folders = NULL;
		int n = scandir(root, &folders, is_date_folder, newest_first);
		bool found = false;
		for (int i = 0; i < n; i++) {
			char *pattern = mem_printf("%s/%s/*.%s", root, folders[i]->d_name, endings[s->format]);
			found = found || first_of(arena, pattern, ret);
			free(pattern);
			free(folders[i]);
		}
		free(folders);
	} else if (!take(arena, root, ret) && !first_of(arena, root, ret)) {
		char *pattern = mem_printf("%s/*.%s", root, endings[s->format]);
		first_of(arena, pattern, ret);
		free(pattern);
	}
	free(root);
}
