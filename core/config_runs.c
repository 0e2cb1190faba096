/* dw_config.yaml: sources, schedules and declared dependencies, which name tables. See
 * project_internal.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/cron.h"
#include "core/project_internal.h"

/* --- sources --- */

/* "/raw/flights/" → "raw/flights": a path below the lake, or a URI. "" when it is none (reported). */
static const char *source_path(struct reading *r, const struct source_in *in, const char *what)
{
	if (!in->path)
		return "";
	const char *text = in->path->text;
	if (str_has_prefix(text, "s3a://"))
		text = arena_printf(&r->p->arena, "s3://%s", text + 6);
	while (*text == '/')
		text++;
	size_t n = strlen(text);
	while (n > 0 && text[n - 1] == '/')
		n--;
	if (n == 0) {
		diag_add(r->diags, DIAG_ERROR, in->path->loc, "'path' of %s is empty: name a folder below the lake",
		         what);
		return "";
	}
	if (in->partitioned && strpbrk(text, "*?["))
		diag_add(r->diags, DIAG_ERROR, in->path->loc,
			"'path' of %s is a pattern, but it is partitioned: name the folder that holds dt=<date>/, or add "
			"'partitioned: false'",
			what);
	return arena_strndup(&r->p->arena, text, n);
}

static void read_source_columns(struct reading *r, struct source *s, const struct yaml *map, const char *what)
{
	struct column *columns = arena_array(&r->p->arena, map->len, sizeof *columns);
	char say[YAML_SAY_SIZE];
	size_t n = 0;
	keys_folded_twins(&r->keys, map, what);
	YAML_FOR_EACH(it, map) {
		if (it->kind == YAML_TEXT)
			columns[n++] = (struct column){arena_strdup(&r->p->arena, it->key),
			                               arena_strdup(&r->p->arena, it->text)};
		else
			diag_add(r->diags, DIAG_ERROR, it->loc, "column '%s' of %s must be an SQL type, not %s",
			         it->key, what, yaml_say(say, it));
	}
	s->columns = columns;
	s->ncolumns = n;
}

static void read_options(struct reading *r, struct source *s, const struct yaml *map, const char *what)
{
	static const char *const formats[] = {"csv", "json", "parquet"};
	struct options_in in;
	section_reset(&section_options, &in);
	if (map) {
		char where[NAME_MAX_BYTES + 48];
		snprintf(where, sizeof where, "the options of %s", what);
		section_read(&r->keys, &section_options, map, where, &in);
	}
	s->delim = in.delim;
	s->nullstr = in.nullstr;
	s->encoding = in.encoding;
	s->header = in.header;
	s->all_varchar = in.all_varchar;
	if (in.columns)
		read_source_columns(r, s, in.columns, what);
	if (!map || s->format == SOURCE_CSV)
		return;
	for (size_t i = 0; i < section_options.nkeys; i++) {
		const struct yaml *it = yaml_get(map, section_options.keys[i].name);
		if (it && it != in.columns && it->kind != YAML_NULL)
			diag_add(r->diags, DIAG_ERROR, it->key_loc,
			         "'%s' is for csv, and the files of %s are %s: remove it", it->key, what,
			         formats[s->format]);
	}
}

/* What says when a source has come; of one that is not waited for that means nothing. */
static void read_waiting(struct reading *r, struct source *s, const struct source_in *in, const struct yaml *map, const char *what)
{
	static const char *const of_waiting[] = {"wait_for", "settle"};
	for (size_t i = 0; i < 2 && s->missing != MISSING_WAIT; i++) {
		const struct yaml *it = yaml_get(map, of_waiting[i]);
		if (it && it->kind != YAML_NULL)
			diag_add(r->diags, DIAG_ERROR, it->key_loc, "'%s' of %s is for 'missing: wait': add that, or remove it", it->key, what);
	}
	if (!in->wait_for)
		return;
	s->wait_for = arena_strdup(&r->p->arena, in->wait_for->text);
	if (!*s->wait_for || strchr(s->wait_for, '/'))
		diag_add(r->diags, DIAG_ERROR, in->wait_for->loc, "'wait_for' of %s is the name of a file in the folder of a date, without '/'", what);
}

static void read_source(struct reading *r, const struct yaml *it, const struct table *t)
{
	struct project *p = r->p;
	struct source_in in;
	char what[NAME_MAX_BYTES + 24];
	snprintf(what, sizeof what, "source '%.*s'", NAME_MAX_BYTES, it->key);
	section_reset(&section_source, &in);
	section_read(&r->keys, &section_source, it, what, &in);
	/* Also a broken one is a source: its table is not told that it has none. */
	struct source *s = &p->sources[p->nsources++];
	*s = (struct source){
		.table = t ? t->name : arena_strdup(&p->arena, it->key),
		.path = source_path(r, &in, what),
		.format = (enum source_format)in.format,
		.partitioned = in.partitioned,
		.missing = (enum source_missing)in.missing,
		.settle_ms = in.settle_ms,
		.loc = it->key_loc,
	};
	read_waiting(r, s, &in, it, what);
	read_options(r, s, in.options, what);
	if (t)
		p->tables[t->index].source = s;
}

void config_read_sources(struct reading *r)
{
	struct project *p = r->p;
	const struct yaml *map = r->config.sources;
	if (!map)
		return;
	p->sources = arena_array(&p->arena, map->len, sizeof *p->sources);
	YAML_FOR_EACH(it, map) {
		int64_t i = project_find(p, it->key);
		const struct table *t = i < 0 ? NULL : &p->tables[i];
		char hint[160];
		if (!t)
			diag_add(r->diags, DIAG_WARNING, it->key_loc,
			         "source '%s' has no table of that name%s: rename or remove it", it->key,
			         table_hint(r->p, it->key, hint, sizeof hint));
		else if (t->kind == TABLE_EXTERNAL)
			diag_add(r->diags, DIAG_WARNING, it->key_loc,
			         "source '%s' is of an external table, which reads no files: remove it", it->key);
		if (t && t->source) {
			diag_add(r->diags, DIAG_ERROR, it->key_loc,
			         "table '%s' has a source on line %d already: keep one of them", t->name,
			         t->source->loc.line);
			continue;
		}
		read_source(r, it, t);
	}
}

/* --- schedules --- */

/* Count, and where `out` is given store, the words of a text. */
static size_t split_words(struct arena *a, const char *text, const char **out)
{
	size_t n = 0;
	for (const char *p = text + strspn(text, " \t\n"); *p; p += strspn(p, " \t\n")) {
		size_t len = strcspn(p, " \t\n");
		if (out)
			out[n] = arena_strndup(a, p, len);
		n++;
		p += len;
	}
	return n;
}

bool words_read(struct reading *r, const struct yaml *node, const char *key, struct words *ret)
{
	struct arena *a = &r->p->arena;
	struct texts texts = {0};
	const char *one = node->text;
	if (node->kind == YAML_TEXT)
		texts = (struct texts){&one, 1};
	else if (!keys_texts(&r->keys, node, key, &texts))
		return false;
	size_t n = 0;
	for (size_t i = 0; i < texts.len; i++)
		n += split_words(a, texts.items[i], NULL);
	const char **words = arena_array(a, n, sizeof *words);
	struct loc *places = arena_array(a, n, sizeof *places);
	const struct yaml *item = node->kind == YAML_TEXT ? node : node->first;
	*ret = (struct words){words, places, n};
	for (size_t i = 0; i < texts.len; i++, item = item->next) {
		size_t own = split_words(a, texts.items[i], words);
		words += own;
		for (; own > 0; own--)
			*places++ = item->loc;
	}
	return true;
}

static void read_schedule(struct reading *r, const struct yaml *it)
{
	struct project *p = r->p;
	struct schedule_in in;
	char what[NAME_MAX_BYTES + 24], say[YAML_SAY_SIZE];
	snprintf(what, sizeof what, "schedule '%.*s'", NAME_MAX_BYTES, it->key);
	section_reset(&section_schedule, &in);
	section_read(&r->keys, &section_schedule, it, what, &in);
	struct err err;
	if (in.cron && cron_check(in.cron->text, &err) < 0)
		diag_add(r->diags, DIAG_ERROR, in.cron->loc,
		         "'cron' of %s, %s: %s; write five fields such as '30 6 * * *', or @daily, @hourly and the like", what,
		         yaml_say(say, in.cron), err.text);
	/* Also a broken one is a schedule: what is wrong with its zone and selection is told as well, and callbacks may name it. */
	struct schedule *s = &p->schedules[p->nschedules++];
	*s = (struct schedule){
		.name = arena_strdup(&p->arena, it->key),
		.cron = arena_strdup(&p->arena, in.cron ? in.cron->text : ""),
		.timezone = timezone_read(r, in.timezone),
		.timezone_loc = in.timezone ? in.timezone->loc : it->key_loc,
		.date_offset = in.date_offset,
		.lookback = in.lookback,
		.catchup = (enum catchup)in.catchup,
		.catchup_window_ms = in.catchup_window_ms,
		.deadline_ms = in.deadline_ms,
		.timeout_ms = in.timeout_ms,
		.max_active_runs = in.max_active_runs,
		.start_date = in.start_date,
		.loc = it->key_loc,
	};
	const char *taken = layer_find(p, s->name) ? "layer" : project_table(p, s->name) ? "table" : NULL;
	if (taken)
		diag_add(r->diags, DIAG_WARNING, it->key_loc, "%s has the name of a %s, which 'strata trigger' takes for the schedule: rename the schedule",
		         what, taken);
	struct words words;
	if (in.select && words_read(r, in.select, "select", &words)) {
		s->select = words.items;
		s->select_loc = words.locs;
		s->nselect = words.len;
	}
}

void config_read_schedules(struct reading *r)
{
	struct project *p = r->p;
	const struct yaml *map = r->config.schedules;
	if (!map)
		return;
	p->schedules = arena_array(&p->arena, map->len, sizeof *p->schedules);
	YAML_FOR_EACH(it, map)
		read_schedule(r, it);
}

/* --- declared dependencies --- */

struct deps {
	struct declared_dep *items;
	size_t len, cap;
	uint32_t *named_by; /* [ntables]: the table, plus 1, whose list named it last */
};

static bool may_read(const struct table *down, const struct table *up)
{
	return up->kind == TABLE_EXTERNAL || up->layer == down->layer || down->layer->upstream[up->layer->index];
}

static void add_dep(struct reading *r, struct deps *d, const struct table *down, const struct yaml *it)
{
	const struct project *p = r->p;
	char say[YAML_SAY_SIZE], hint[160];
	if (it->kind != YAML_TEXT) {
		diag_add(r->diags, DIAG_ERROR, it->loc, "a dependency of '%s' must be a table's name, not %s",
		         down->name, yaml_say(say, it));
		return;
	}
	int64_t found = project_find(p, it->text);
	if (found < 0) {
		diag_add(r->diags, DIAG_ERROR, it->loc,
		         "unknown table '%s' among the dependencies of '%s'%s: name a table of the project", it->text,
		         down->name, table_hint(r->p, it->text, hint, sizeof hint));
		return;
	}
	const struct table *up = &p->tables[found];
	if (!may_read(down, up)) {
		diag_add(r->diags, DIAG_ERROR, it->loc,
			"table '%s' may not depend on '%s': layer '%s' is not upstream of '%s' in layer_dependencies",
			down->qname, up->qname, up->layer->name, down->layer->name);
		return;
	}
	if (d->named_by[up->index] == down->index + 1) {
		diag_add(r->diags, DIAG_WARNING, it->loc,
		         "'%s' stands twice among the dependencies of '%s': remove one", up->name, down->name);
		return;
	}
	d->named_by[up->index] = down->index + 1;
	MEM_GROW(d->items, d->len, d->cap);
	d->items[d->len++] = (struct declared_dep){
		down->layer->name, down->name, arena_strdup(&r->p->arena, it->text), it->loc};
}

static void read_table_deps(struct reading *r, struct deps *d, const struct layer *layer, const struct yaml *list)
{
	const struct project *p = r->p;
	char say[YAML_SAY_SIZE], hint[160];
	int64_t found = project_find(p, list->key);
	if (found < 0) {
		diag_add(r->diags, DIAG_ERROR, list->key_loc,
		         "unknown table '%s' in table_dependencies%s: name a table of layer '%s'", list->key,
		         table_hint(r->p, list->key, hint, sizeof hint), layer->name);
		return;
	}
	const struct table *down = &p->tables[found];
	if (down->layer != layer) {
		diag_add(r->diags, DIAG_ERROR, list->key_loc, "table '%s' is of layer '%s', not '%s': move it there",
		         down->name, down->layer->name, layer->name);
		return;
	}
	if (list->kind != YAML_LIST && list->kind != YAML_NULL) {
		diag_add(r->diags, DIAG_ERROR, list->loc,
		         "the dependencies of '%s' must be a list of tables, not %s%s", down->name,
		         yaml_say(say, list), list->kind == YAML_TEXT ? ": put it in [ ]" : "");
		return;
	}
	YAML_FOR_EACH(it, list)
		add_dep(r, d, down, it);
}

static bool has_tables(const struct project *p, const struct layer *layer)
{
	for (size_t i = 0; i < p->ntables; i++)
		if (p->tables[i].layer == layer)
			return true;
	return false;
}

static void read_layer_deps(struct reading *r, struct deps *d, const struct yaml *map)
{
	char say[YAML_SAY_SIZE], hint[160];
	const struct layer *layer = layer_find(r->p, map->key);
	if (!layer) {
		diag_add(r->diags, DIAG_ERROR, map->key_loc,
		         "unknown layer '%s' in table_dependencies%s: name a layer of layer_dependencies", map->key,
		         layer_hint(r->p, map->key, hint, sizeof hint));
		return;
	}
	if (map->kind != YAML_MAP && map->kind != YAML_NULL) {
		diag_add(r->diags, DIAG_ERROR, map->loc,
		         "table_dependencies of layer '%s' must be a map of table to tables, not %s", map->key,
		         yaml_say(say, map));
		return;
	}
	if (map->len > 0 && !has_tables(r->p, layer)) {
		diag_add(r->diags, DIAG_WARNING, map->key_loc,
		         "layer '%s' has no tables, so its table_dependencies do nothing: remove them", map->key);
		return;
	}
	YAML_FOR_EACH(it, map)
		read_table_deps(r, d, layer, it);
}

void config_read_deps(struct reading *r)
{
	struct project *p = r->p;
	if (!r->config.deps)
		return;
	struct deps d = {.named_by = mem_array(p->ntables + 1, sizeof *d.named_by)};
	YAML_FOR_EACH(it, r->config.deps)
		read_layer_deps(r, &d, it);
	p->declared = arena_copy(&p->arena, d.items, d.len * sizeof *d.items);
	p->ndeclared = d.len;
	free(d.items);
	free(d.named_by);
}
