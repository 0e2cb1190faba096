/* Tables from the listing of dags/. See project_internal.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/project_internal.h"

bool name_is_safe(const char *name)
{
	size_t n = strlen(name);
	if (n == 0 || n > NAME_MAX_BYTES || (*name >= '0' && *name <= '9'))
		return false;
	for (const char *p = name; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_'))
			return false;
	return true;
}

static bool has_layer_prefix(const char *name, const char *layer)
{
	size_t n = strlen(layer);
	return strncmp(name, layer, n) == 0 && name[n] == '_' && name[n + 1];
}

bool file_is_named_for(const struct project_file *f)
{
	return has_layer_prefix(f->name, f->folder) && str_has_suffix(f->name, ".sql");
}

static int by_place(const void *a, const void *b)
{
	const struct project_file *x = *(const struct project_file *const *)a;
	const struct project_file *y = *(const struct project_file *const *)b;
	int c = strcmp(x->folder, y->folder);
	return c ? c : strcmp(x->name, y->name);
}

static struct loc place_of(struct reading *r, const struct project_file *f)
{
	return (struct loc){arena_printf(&r->p->arena, "dags/%s/%s", f->folder, f->name), 0, 0};
}

/* Only letters and digits: an extension becomes part of no name, but of a path in the protocol. */
static bool extension_is_safe(const char *dot)
{
	for (const char *p = dot + 1; *p; p++)
		if (!isalnum((unsigned char)*p))
			return false;
	return true;
}

static void add_file(struct reading *r, const struct layer *layer, const struct project_file *f)
{
	bool sql = str_has_suffix(f->name, ".sql");
	if (f->name[0] == '.' || f->name[0] == '_' || !(sql || f->executable))
		return;
	struct project *p = r->p;
	struct loc loc = place_of(r, f);
	if (!has_layer_prefix(f->name, layer->name)) {
		diag_add(r->diags, DIAG_WARNING, loc,
		         "ignored, because its name does not begin with '%s_': rename it to '%s_%s' to make it a "
		         "table, or to '_%s' to keep it out",
		         layer->name, layer->name, f->name, f->name);
		return;
	}
	const char *dot = strrchr(f->name, '.');
	size_t n = dot ? (size_t)(dot - f->name) : strlen(f->name);
	const char *name = arena_strndup(&p->arena, f->name, n);
	if (!name_is_safe(name) || (dot && !extension_is_safe(dot))) {
		diag_add(r->diags, DIAG_ERROR, loc,
		         "table name '%s' is not usable: it names a view and a folder, so rename the file with "
		         "lower-case letters, digits and '_', at most 128",
		         name);
		return;
	}
	MEM_GROW(r->tables, r->ntables, r->cap);
	r->tables[r->ntables++] = (struct table){
		.name = name,
		.qname = arena_printf(&p->arena, "%s.%s", layer->name, name),
		.layer = layer,
		.kind = sql ? TABLE_SQL : TABLE_EXEC,
		.file = loc.file,
		.loc = loc,
		.format = "parquet",
	};
}

/* A folder that looks like a layer and is none was probably forgotten in layer_dependencies. */
static void warn_no_layer(struct reading *r, const struct project_file *f)
{
	char hint[160];
	const char *place = arena_printf(&r->p->arena, "dags/%s", f->folder);
	diag_add(r->diags, DIAG_WARNING, (struct loc){place, 0, 0},
	         "holds '%s' but is no layer%s: add '%s: []' to layer_dependencies in " FILE_CONFIG
	         ", or rename the folder",
	         f->name, layer_hint(r->p, f->folder, hint, sizeof hint), f->folder);
}

static int by_name(const void *a, const void *b)
{
	const struct table *x = a, *y = b;
	int c = strcmp(x->name, y->name);
	if (c)
		return c;
	return strcmp(x->file, y->file);
}

/* Names are unique over the whole project; the first file of a name stays. */
static void drop_twins(struct reading *r)
{
	size_t kept = 0;
	if (r->ntables == 0)
		return;
	qsort(r->tables, r->ntables, sizeof *r->tables, by_name);
	for (size_t i = 0; i < r->ntables; i++) {
		const struct table *t = &r->tables[i];
		if (kept == 0 || strcmp(r->tables[kept - 1].name, t->name) != 0) {
			r->tables[kept++] = *t;
			continue;
		}
		diag_add(r->diags, DIAG_ERROR, t->loc, "a second file for table '%s', beside %s: rename or remove one",
		         t->name, r->tables[kept - 1].file);
	}
	r->ntables = kept;
}

void files_read(struct reading *r)
{
	const struct project_input *in = r->in;
	const struct project_file **files = mem_array(in->nfiles + 1, sizeof *files);
	for (size_t i = 0; i < in->nfiles; i++)
		files[i] = &in->files[i];
	qsort(files, in->nfiles, sizeof *files, by_place);
	const struct layer *layer = NULL;
	bool warned = false;
	for (size_t i = 0; i < in->nfiles; i++) {
		if (i == 0 || strcmp(files[i]->folder, files[i - 1]->folder) != 0) {
			layer = layer_find(r->p, files[i]->folder);
			warned = false;
		}
		if (layer) {
			add_file(r, layer, files[i]);
		} else if (!warned && file_is_named_for(files[i])) {
			warn_no_layer(r, files[i]);
			warned = true;
		}
	}
	free(files);
	drop_twins(r);
}
