/* See load_views.h. */
#include "scheduler/load_views.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum { MIGRATION_MAX = 4 << 20 };
#define MIGRATIONS "catalog/migrations"

static int is_sql(const struct dirent *e)
{
	return e->d_name[0] != '.' && str_has_suffix(e->d_name, ".sql");
}

int load_views(struct project *p, struct diags *diags, struct err *err)
{
	struct dirent **names = NULL;
	char *folder = mem_printf("%s/" MIGRATIONS, p->dir);
	int n = scandir(folder, &names, is_sql, alphasort);
	int rc = n < 0 && errno != ENOENT ? err_errno(err, ERR_IO, "list '%s'", folder) : 0;
	for (int i = 0; i < n; i++) {
		char *path = mem_printf("%s/%s", folder, names[i]->d_name), *shown = mem_printf(MIGRATIONS "/%s", names[i]->d_name);
		struct buf text = BUF_INIT(MIGRATION_MAX);
		if (rc == 0)
			rc = file_read(AT_FDCWD, path, &text, err);
		if (rc == 0)
			project_add_views(p, shown, buf_cstr(&text), text.len, diags);
		buf_free(&text);
		free(shown);
		free(path);
		free(names[i]);
	}
	free(names);
	free(folder);
	return rc;
}

void load_view_text(const struct view *v, struct buf *out)
{
	for (const char *s = v->query; *s; s++) {
		buf_addc(out, *s);
		if (*s == '$')
			buf_addc(out, '$');
	}
}

json_t *load_macros(const struct project *p)
{
	json_t *names = NULL;
	for (size_t i = 0; i < p->nviews; i++) {
		const struct view *v = &p->views[i];
		if (v->thing == THING_VIEW)
			continue;
		if (!names)
			names = json_array();
		json_array_append_new(names, json_sprintf("%s.%s", v->schema, v->name));
	}
	return names;
}
