/* A random project: a small graph of tables over a few dates, read and resolved by core/project. */
#include <string.h>

#include "base/buf.h"
#include "core/date.h"
#include "scheduler/lake.h"
#include "scheduler/load.h"
#include "tests/sim/world.h"

/* The text that tries are made from; what is computed is told by the analysis. */
int load_text(const struct project *p, const struct table *t, struct buf *out, struct err *err)
{
	(void)p;
	if (trouble(TROUBLE_ERROR, 4))
		return err_set(err, ERR_PROJECT, "%s has changed since it was read", t->file);
	buf_addf(out, "SELECT 1 AS a -- %s", t->qname);
	return 0;
}

char *uuid_make(char out[UUID_SIZE])
{
	snprintf(out, UUID_SIZE, "%08x-%04x-4%03x-8%03x-%012" PRIx64, below(UINT32_MAX), below(1 << 16), below(1 << 12), below(1 << 12),
	         draw() >> 16);
	return out;
}

uint32_t world_find(const char *qname)
{
	for (uint32_t t = 0; t < world.ntables; t++) {
		if (str_eq(world.tables[t].qname, qname))
			return t;
	}
	CHECK(!"a table of this world");
	return 0;
}

uint32_t world_dates(uint32_t table)
{
	return world.tables[table].partitioned ? world.ndates : 1;
}

uint32_t world_date(const char *partition)
{
	int32_t day;
	if (!*partition)
		return 0;
	CHECK(date_parse(partition, &day) && day >= world.first_day && day < world.first_day + (int32_t)world.ndates);
	return (uint32_t)(day - world.first_day);
}

const char *world_partition(uint32_t table, uint32_t date)
{
	const char **name = &world.tables[table].partitions[date];
	char text[DATE_SIZE];
	if (!*name)
		*name = arena_strdup(&world.arena, date_format(text, world.tables[table].partitioned ? world.first_day + (int32_t)date : DATE_NONE));
	return *name;
}

static bool end_holds(struct bound b, bool dated, int64_t reader, int64_t up, bool low)
{
	if (b.kind == BOUND_NONE || (b.kind == BOUND_REL && !dated))
		return true;
	int64_t end = b.kind == BOUND_ABS ? b.day : reader + b.day;
	return low ? up >= end : up <= end;
}

bool world_reads(uint32_t table, uint32_t date, uint32_t ref, uint32_t up_date)
{
	const struct world_table *t = &world.tables[table];
	uint32_t up = t->refs[ref].up;
	if (!world.tables[up].partitioned)
		return true;
	if (up == table && up_date >= date)
		return false;
	int64_t day = world.first_day + (int64_t)date, up_day = world.first_day + (int64_t)up_date;
	const struct span *s = &t->refs[ref].span;
	return end_holds(s->lo, t->partitioned, day, up_day, true) && end_holds(s->hi, t->partitioned, day, up_day, false);
}

static struct span random_span(bool self, bool dated)
{
	int32_t lo = (int32_t)below(3);
	if (world.many) /* in a long world all of the past is too much to read for each day */
		return !dated ? SPAN_ALL : self ? (struct span){{BOUND_REL, -1}, {BOUND_REL, -1}} : (struct span){{BOUND_REL, -lo}, {BOUND_REL, 0}};
	if (!dated) /* its SQL has no date of its own */
		return chance(50) ? SPAN_ALL : (struct span){{BOUND_ABS, world.first_day - lo}, {BOUND_ABS, world.first_day + lo}};
	if (self)
		return (struct span){{BOUND_REL, -1 - lo}, {BOUND_REL, -1}};
	switch (below(4)) {
	case 0: return SPAN_ALL;
	case 1: return (struct span){{BOUND_REL, -lo}, {BOUND_REL, 0}};
	case 2: return (struct span){{BOUND_NONE, 0}, {BOUND_REL, 0}};
	default: return SPAN_SAME_DAY;
	}
}

static void random_refs(uint32_t t)
{
	struct world_table *table = &world.tables[t];
	for (uint32_t up = 0; up < t; up++) {
		if (chance(45) && !world.tables[up].action)
			table->refs[table->nrefs++] = (struct world_ref){up, random_span(false, table->partitioned)};
	}
	if (table->partitioned && chance(15)) {
		table->refs[table->nrefs++] = (struct world_ref){t, random_span(true, true)};
		table->past = true;
	}
}

static const char *canonical(uint32_t t)
{
	return arena_printf(&world.arena, "%064x", world.tables[t].sql_version * 16 + t + 1);
}

static void analyze(struct project *p, uint32_t t)
{
	struct world_table *table = &world.tables[t];
	struct arena *a = &world.arena;
	struct analysis *analysis = arena_alloc(a, sizeof *analysis);
	*analysis = (struct analysis){.partitioned = table->partitioned, .parsed = true, .canonical = canonical(t)};
	analysis->refs = arena_array(a, table->nrefs + 1, sizeof *analysis->refs);
	for (uint32_t i = 0; i < table->nrefs; i++) {
		const char *up = world.tables[table->refs[i].up].qname;
		analysis->refs[analysis->nrefs++] = (struct ref){.kind = REF_TABLE,
		                                                 .schema = arena_strndup(a, up, 3),
		                                                 .name = up + 4,
		                                                 .line = 1,
		                                                 .col = 1,
		                                                 .spans = arena_copy(a, &table->refs[i].span, sizeof(struct span)),
		                                                 .nspans = 1};
	}
	if (table->has_source)
		analysis->refs[analysis->nrefs++] = (struct ref){.kind = REF_TABLE,
		                                                 .schema = "",
		                                                 .name = arena_printf(a, "tmp_%s", table->name),
		                                                 .line = 1,
		                                                 .col = 1,
		                                                 .spans = arena_copy(a, &SPAN_ALL, sizeof(struct span)),
		                                                 .nspans = 1};
	for (size_t i = 0; i < p->ntables; i++) {
		if (str_eq(p->tables[i].qname, table->qname))
			p->tables[i].analysis = analysis;
	}
}

static void write_config(struct buf *config, struct buf *catalog)
{
	static const uint32_t delays[] = {1, 20, 300};
	buf_adds(config, "layer_dependencies:\n  ods: []\n  dwd: [ods]\npools:\n");
	for (uint32_t i = 0; i < world.npools; i++)
		buf_addf(config, "  p%u: %u\n", i, world.pools[i]);
	buf_adds(config, "sources:\n");
	buf_adds(catalog, "tables:\n");
	for (uint32_t t = 0; t < world.ntables; t++) {
		const struct world_table *table = &world.tables[t];
		if (table->has_source)
			buf_addf(config, "  %s: {path: raw/%s, partitioned: %s, missing: %s}\n", table->name, table->name,
			         table->partitioned ? "true" : "false", table->waits ? "wait" : "empty");
		buf_addf(catalog, "  %s: {pool: p%u, retries: %u, retry_delay: %ums, retry_backoff: 2", table->name, table->pool, below(4),
		         delays[below(3)]);
		if (chance(15))
			buf_addf(catalog, ", timeout: %" PRId64 "ms", (40 + below(400)) * world.slow);
		if (chance(15))
			buf_adds(catalog, ", retry_on: any");
		if (chance(10))
			buf_adds(catalog, ", allow_empty: false");
		if (table->action)
			buf_adds(catalog, ", output: none");
		buf_adds(catalog, "}\n");
	}
}

static const char *no_env(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return NULL;
}

struct project *world_read_project(const char *more)
{
	static const char *const folders[] = {"dwd", "ods"};
	struct buf config = BUF_INIT(1 << 16), catalog = BUF_INIT(1 << 16), problems = BUF_INIT(1 << 16);
	struct diags diags = {0};
	struct project_file *files = arena_array(&world.arena, world.ntables, sizeof *files);
	write_config(&config, &catalog);
	buf_adds(&config, more);
	for (uint32_t t = 0; t < world.ntables; t++)
		files[t] = (struct project_file){arena_strndup(&world.arena, world.tables[t].qname, 3),
		                                 arena_printf(&world.arena, "%s.%s", world.tables[t].name, world.tables[t].action ? "sh" : "sql"),
		                                 world.tables[t].action, 10};
	struct project_input in = {.dir = "/project",
	                           .config = buf_cstr(&config),
	                           .config_len = config.len,
	                           .tables = buf_cstr(&catalog),
	                           .tables_len = catalog.len,
	                           .files = files,
	                           .nfiles = world.ntables,
	                           .folders = folders,
	                           .nfolders = 2,
	                           .env = no_env};
	struct project *p = project_read(&in, &diags);
	for (uint32_t t = 0; t < world.ntables; t++)
		analyze(p, t);
	project_resolve(p, &diags);
	if (diags.errors) {
		diags_print(&diags, DIAG_NOTE, &problems);
		fprintf(stderr, "%s", buf_cstr(&problems));
		CHECK(!"the project of this world is whole");
	}
	diags_free(&diags);
	buf_free(&config);
	buf_free(&catalog);
	buf_free(&problems);
	return p;
}

/* Of many days the files of each come some time after its end, in whatever order. */
static int64_t sometime(uint32_t date)
{
	if (world.many)
		return 1000000 * (((int64_t)world.first_day + date + 1) * 86400 + (int64_t)below(chance(80) ? 8 * 3600 : 3 * 86400)) - world.wall_offset_us;
	return chance(40) ? world.now_us : world.now_us + (int64_t)below(20 * 1000000);
}

int64_t world_next_files(void)
{
	int64_t next = INT64_MAX;
	for (uint32_t t = 0; t < world.ntables; t++) {
		for (uint32_t d = 0; world.tables[t].waits && d < world.ndates; d++) {
			int64_t at = world.tables[t].comes_us[d];
			next = at > world.now_us && at < next ? at : next;
		}
	}
	return next;
}

void world_make_project(uint32_t ntables, uint32_t ndates)
{
	world.ntables = ntables;
	world.ndates = ndates;
	world.npools = 1 + below(3);
	for (uint32_t i = 0; i < world.npools; i++)
		world.pools[i] = 1 + below(4);
	for (uint32_t t = 0; t < world.ntables; t++) {
		struct world_table *table = &world.tables[t];
		*table = (struct world_table){.partitioned = chance(75), .pool = below(world.npools)};
		table->has_source = t == 0 || chance(20);
		table->name = arena_printf(&world.arena, "%s_t%u", table->has_source ? "ods" : "dwd", t);
		table->qname = arena_printf(&world.arena, "%.3s.%s", table->name, table->name);
		table->source_version = arena_array(&world.arena, world.ndates, sizeof *table->source_version);
		table->comes_us = arena_array(&world.arena, world.ndates, sizeof *table->comes_us);
		table->parts = arena_array(&world.arena, world.ndates, sizeof *table->parts);
		table->partitions = arena_array(&world.arena, world.ndates, sizeof *table->partitions);
		for (uint32_t d = 0; d < world.ndates; d++)
			table->source_version[d] = 1;
		table->waits = table->has_source && chance(world.many ? 15 : 30);
		for (uint32_t d = 0; d < world.ndates && table->waits; d++)
			table->comes_us[d] = sometime(d);
		table->action = !table->has_source && chance(5);
		if (!table->has_source && !table->action)
			random_refs(t);
	}
	if (!world.many)
		world.project = world_read_project("");
}

static struct table *project_own(const struct world_table *table)
{
	size_t i = 0;
	while (i < world.project->ntables && !str_eq(world.project->tables[i].qname, table->qname))
		i++;
	CHECK(i < world.project->ntables);
	return &world.project->tables[i];
}

void world_change(void)
{
	for (uint32_t t = 0; t < world.ntables; t++) {
		struct world_table *table = &world.tables[t];
		struct table *of = project_own(table);
		if (chance(15)) {
			table->sql_version++;
			struct analysis *changed = arena_copy(&world.arena, of->analysis, sizeof *changed);
			changed->canonical = canonical(t);
			of->analysis = changed;
		}
		if (chance(15))
			of->policy.allow_empty = !of->policy.allow_empty; /* a check comes or goes */
		if (table->has_source && chance(20))
			table->source_version[below(world.ndates)]++;
		uint32_t date = below(world.ndates);
		if (table->waits && chance(20)) /* it went, and comes again */
			table->comes_us[date] = sometime(date);
	}
}
