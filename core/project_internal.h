/* What the readers of a project share. Private to core/project_read.c and the files it calls, in their
 * order of work: layers, tables from the listing, catalog, config. */
#ifndef STRATA_CORE_PROJECT_INTERNAL_H
#define STRATA_CORE_PROJECT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/keys.h"
#include "core/project.h"
#include "core/yaml.h"

enum { LAYERS_MAX = 256, NAME_MAX_BYTES = 128 };

struct reading {
	const struct project_input *in;
	struct project *p;
	struct diags *diags;
	struct arena scratch;     /* the YAML trees: gone when the project is read */
	struct keys_reader keys;  /* texts of values go into the project's arena */
	struct config_in config;
	struct catalog_in catalog;
	struct storage_in storage;
	bool pools_known;         /* false: dw_config.yaml is broken there, so no pool is called unknown */
	struct table *tables;     /* grows here, then moves into the project */
	size_t ntables, cap;
};

/* layers.c: p->layers, from layer_dependencies or else from the listing. */
void layers_read(struct reading *r);
struct layer *layer_find(const struct project *p, const char *name);
/* " (did you mean 'x'?)" or "". Returns out. */
const char *layer_hint(const struct project *p, const char *name, char *out, size_t size);

/* project_files.c: r->tables from the listing, sorted by name, each name once. */
void files_read(struct reading *r);
bool file_is_named_for(const struct project_file *f); /* <folder>_*.sql */
/* Lower-case letters, digits and '_', not beginning with a digit, at most NAME_MAX_BYTES. */
bool name_is_safe(const char *name);

/* catalog.c. `root` is tables.yaml. */
void catalog_read_head(struct reading *r, struct yaml *root); /* variables, project, storage */
void catalog_add_external(struct reading *r); /* entries that have a path and no file join r->tables */
void catalog_apply(struct reading *r);        /* every entry onto its table in r->p */
/* A text with the values of its variables, in the project's arena. False, and reported, when one has none. */
bool variables_expand(struct reading *r, const struct yaml *node, const char **ret);

/* config.c */
void config_read_head(struct reading *r, const struct yaml *root); /* pools, defaults */
/* Letters, digits, '_', '-' and '.', at most NAME_MAX_BYTES. */
bool label_is_safe(const char *name);
void policy_resolve(struct reading *r, const struct policy_in *in, enum table_kind kind, struct table_policy *policy);

/* config_runs.c: what names tables, so after them. */
void config_read_sources(struct reading *r);
void config_read_schedules(struct reading *r);
void config_read_deps(struct reading *r);

/* Words of a text or of a list of texts, `select: +dws +ads`, and where each stands. False, and reported, when it is neither. */
struct words {
	const char *const *items;
	const struct loc *locs;
	size_t len;
};
bool words_read(struct reading *r, const struct yaml *node, const char *key, struct words *ret);

/* config_callbacks.c: what names schedules, so after them. */
void config_read_callbacks(struct reading *r);

/* An IANA zone by its shape, in the project's arena; NULL when absent or wrong (reported). */
const char *timezone_read(struct reading *r, const struct yaml *node);

/* views.c: put what views and macros read into the analyses of the tables that use them. */
void views_expand(struct project *p, struct diags *diags);

/* project_read.c */
int64_t project_find(const struct project *p, const char *name); /* index of a table, or -1; both forms of names */
/* " (did you mean 'x'?)" among the tables, or "". Returns out. */
const char *table_hint(const struct project *p, const char *name, char *out, size_t size);

#endif
