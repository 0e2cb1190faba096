/* See lake_probe.h. Requests and replies are those of executor/probe.h. */
#include "scheduler/lake_probe.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/date.h"
#include "scheduler/turns.h"

/* So that neither a request nor its reply outgrows a line of the protocol, and what is asked and not answered yet stays
 * small, however much there is to look at. */
enum { BATCH_PARTITIONS = 1000, BATCH_SOURCES = 100, OPEN_MOST = 32 };

/* A lookup goes to another worker when its own dies. */
enum { LOOKUPS_AGAIN = 3 };

/* What is still to be asked: parts of table after table, then sources. */
struct probing {
	const struct project *project;
	const bool *selected;
	struct snapshot *snapshot;
	struct turns *turns;
	struct workers *workers;
	int32_t first, last;         /* of the range */
	uint32_t part_table, source_table;
	size_t part;                 /* of part_table's days */
	size_t open;
	bool done;
	struct err err;
};

/* The things of one request, in the order of its reply. */
struct batch {
	struct probing *p;
	json_t *partitions, *sources; /* stolen by the request */
	struct thing {
		uint32_t table;
		int32_t first, last;  /* of a partition its day; DATE_NONE: of no date */
	} things[BATCH_PARTITIONS];
	size_t npartitions, nsources;
};

char *lake_partition_path(const char *qname, const char *partition)
{
	const char *dot = strchr(qname, '.');
	int layer = dot ? (int)(dot - qname) : 0;
	return mem_printf("%.*s/%s%s%s", layer, qname, dot ? dot + 1 : qname, *partition ? "/dt=" : "", partition);
}

static enum part_probe verdict(const struct part *part, const json_t *found)
{
	const char *state = json_string_value(json_object_get(found, "state"));
	const char *try_id = json_string_value(json_object_get(found, "try_id"));
	if (str_eq(state, "missing"))
		return part->empty ? PART_OK : PART_MISSING;
	if (str_eq(state, "empty"))
		return !part->empty ? PART_MISSING : str_eq(try_id, part->try_id) ? PART_OK : PART_DAMAGED;
	if (str_eq(state, "ok") && !part->empty && str_eq(try_id, part->try_id))
		return PART_OK;
	return PART_DAMAGED;
}

/* [name, size, mtime_ns, ctime_ns, inode] each. */
static void take_files(struct arena *arena, const json_t *files, const char *folder, struct source_files *ret)
{
	size_t n = json_array_size(files);
	struct source_file *copy = arena_array(arena, n, sizeof *copy);
	for (size_t i = 0; i < n; i++) {
		const json_t *f = json_array_get(files, i);
		const char *name = json_string_value(json_array_get(f, 0));
		copy[i] = (struct source_file){.path = arena_printf(arena, "%s%s", folder, name ? name : ""),
		                               .size = json_integer_value(json_array_get(f, 1)),
		                               .mtime_ns = json_integer_value(json_array_get(f, 2)),
		                               .ctime_ns = json_integer_value(json_array_get(f, 3)),
		                               .inode = (uint64_t)json_integer_value(json_array_get(f, 4))};
	}
	ret->files = copy;
	ret->nfiles = n;
}

/* One of the days of an answer; false: it is none. */
static bool take_day(struct arena *arena, const char *folder, const json_t *found, int32_t *ret_day, struct source_files *ret)
{
	const char *date = json_string_value(json_object_get(found, "date"));
	if (!date || !date_parse_iso(date, strlen(date), ret_day))
		return false;
	char *below = mem_printf("%s/dt=%s/", folder ? folder : "", date);
	take_files(arena, json_object_get(found, "files"), below, ret);
	free(below);
	ret->marked = json_is_true(json_object_get(found, "marked"));
	return true;
}

/* From which day on there is more of a range to ask for, or DATE_NONE. */
static int32_t next_day(const json_t *found, int32_t first, int32_t last)
{
	const char *next = json_string_value(json_object_get(found, "next"));
	int32_t more;
	return next && date_parse_iso(next, strlen(next), &more) && more >= first && more <= last ? more : DATE_NONE;
}

/* Returns the day from which on there is more to ask for, or DATE_NONE. */
static int32_t take_source(struct probing *p, const struct thing *thing, const json_t *found)
{
	struct snapshot *s = p->snapshot;
	const char *strays = json_string_value(json_object_get(found, "strays"));
	const char *folder = json_string_value(json_object_get(found, "folder"));
	const struct source_files none = {.probed = true,
	                                  .path_exists = json_is_true(json_object_get(found, "exists")),
	                                  .strays = strays ? arena_strdup(&s->arena, strays) : NULL};
	struct source_files files = none;
	if (thing->first == DATE_NONE) {
		take_files(&s->arena, json_object_get(found, "files"), "", &files);
		files.marked = json_is_true(json_object_get(found, "marked"));
		snapshot_put_source(s, thing->table, DATE_NONE, &files);
		return DATE_NONE;
	}
	snapshot_put_source_range(s, thing->table, p->first, p->last, &none);
	const json_t *days = json_object_get(found, "days");
	for (size_t i = 0; i < json_array_size(days); i++) {
		int32_t day;
		if (take_day(&s->arena, folder, json_array_get(days, i), &day, &files))
			snapshot_put_source(s, thing->table, day, &files);
	}
	return next_day(found, thing->first, thing->last);
}

static void ask_more(struct probing *p);
static void ask(struct batch *b);
static struct batch *batch_new(struct probing *p);
static void add_source(struct batch *b, const struct thing *thing);

static void take(struct batch *b, const json_t *reply)
{
	const json_t *partitions = json_object_get(reply, "partitions"), *sources = json_object_get(reply, "sources");
	struct probing *p = b->p;
	for (size_t i = 0; i < b->npartitions; i++) {
		struct part *part = snapshot_part_mutable(p->snapshot, b->things[i].table, b->things[i].first);
		part->probe = verdict(part, json_array_get(partitions, i));
	}
	size_t n = json_array_size(sources);
	if (b->nsources && !n) {
		err_set(&p->err, ERR_PROTOCOL, "a worker looked at no source of %zu", b->nsources);
		return;
	}
	struct batch *rest = NULL; /* for what the reply had no room */
	for (size_t i = 0; i < b->nsources; i++) {
		struct thing thing = b->things[i];
		int32_t next = i < n ? take_source(p, &thing, json_array_get(sources, i)) : thing.first;
		if (i < n && next == DATE_NONE)
			continue;
		thing.first = next;
		rest = rest ? rest : batch_new(p);
		add_source(rest, &thing);
	}
	if (rest)
		ask(rest);
}

static void on_answer(void *ctx, const struct worker_answer *a)
{
	struct batch *b = ctx;
	struct probing *p = b->p;
	if (a->reply)
		take(b, a->reply);
	else if (!p->err.code)
		err_set(&p->err, ERR_LAKE, "look at the lake: %s", a->err->text);
	free(b);
	p->open--;
	ask_more(p);
}

static struct batch *batch_new(struct probing *p)
{
	struct batch *b = mem_alloc(sizeof *b);
	b->p = p;
	b->partitions = json_array();
	b->sources = json_array();
	return b;
}

static void ask(struct batch *b)
{
	b->p->open++;
	workers_ask(b->p->workers, json_pack("{s:s, s:o, s:o}", "op", "probe", "partitions", b->partitions, "sources", b->sources),
	            false, NULL, on_answer, b);
}

/* The next of the days of the selected tables that are put and in the range. */
static bool next_part(struct probing *p, struct thing *ret)
{
	for (; p->part_table < p->project->ntables; p->part_table++, p->part = 0) {
		size_t n = 0;
		const int32_t *days = p->selected[p->part_table] ? snapshot_days_of(p->snapshot, p->part_table, &n) : NULL;
		while (p->part < n) {
			int32_t day = days[p->part++];
			*ret = (struct thing){p->part_table, day, day};
			if (day == DATE_NONE || (day >= p->first && day <= p->last))
				return true;
		}
	}
	return false;
}

static struct batch *batch_of_parts(struct probing *p)
{
	struct thing thing;
	if (!next_part(p, &thing))
		return NULL;
	struct batch *b = batch_new(p);
	do {
		char date[DATE_SIZE];
		char *path = lake_partition_path(p->project->tables[thing.table].qname, date_format(date, thing.first));
		json_array_append_new(b->partitions, json_pack("{s:s}", "path", path));
		free(path);
		b->things[b->npartitions++] = thing;
	} while (b->npartitions < BATCH_PARTITIONS && next_part(p, &thing));
	return b;
}

/* Of the days of a range, or with DATE_NONE of the source that has no dates. */
static json_t *source_question(const struct source *s, int32_t first, int32_t last)
{
	static const char *const formats[] = {"csv", "json", "parquet"};
	char text[DATE_SIZE];
	json_t *json = json_pack("{s:s, s:s}", "path", s->path, "format", formats[s->format]);
	if (first != DATE_NONE) {
		json_object_set_new(json, "first", json_string(date_format(text, first)));
		json_object_set_new(json, "last", json_string(date_format(text, last)));
	}
	if (s->wait_for)
		json_object_set_new(json, "marker", json_string(s->wait_for));
	return json;
}

static void add_source(struct batch *b, const struct thing *thing)
{
	json_array_append_new(b->sources, source_question(b->p->project->tables[thing->table].source, thing->first, thing->last));
	b->things[b->nsources++] = *thing;
}

/* A source without partitions has one answer, under DATE_NONE. */
static bool next_source(struct probing *p, struct thing *ret)
{
	const struct source *s = NULL;
	for (; p->source_table < p->project->ntables && !s; p->source_table++) {
		s = p->selected[p->source_table] ? p->project->tables[p->source_table].source : NULL;
		*ret = (struct thing){p->source_table, s && s->partitioned ? p->first : DATE_NONE, s && s->partitioned ? p->last : DATE_NONE};
	}
	return s != NULL;
}

static struct batch *batch_of_sources(struct probing *p)
{
	struct thing thing;
	if (!next_source(p, &thing))
		return NULL;
	struct batch *b = batch_new(p);
	do
		add_source(b, &thing);
	while (b->nsources < BATCH_SOURCES && next_source(p, &thing));
	return b;
}

static void ask_more(struct probing *p)
{
	while (p->open < OPEN_MOST && !p->err.code && turns_stopped(p->turns, &p->err) == 0) {
		struct batch *b = batch_of_parts(p);
		b = b ? b : batch_of_sources(p);
		if (!b)
			break;
		ask(b);
	}
	p->done = p->open == 0;
}

int lake_probe(struct turns *turns, struct workers *w, const struct project *project, const bool *selected, int32_t first, int32_t last,
               struct snapshot *snapshot, struct err *err)
{
	struct probing p = {.project = project, .selected = selected, .snapshot = snapshot, .turns = turns, .workers = w, .first = first, .last = last};
	ask_more(&p);
	turns_until(turns, &p.done);
	if (p.err.code && err)
		*err = p.err;
	return p.err.code;
}

struct lookup {
	lake_probe_try_fn fn;
	void *ctx;
	char *try_id, *path;
	struct workers *workers;
	int left; /* how often it may be asked again because the worker that looked has died */
};

static void look_up(struct lookup *l);

static void on_lookup(void *ctx, const struct worker_answer *a)
{
	struct lookup *l = ctx;
	struct arena arena = {0};
	struct err err = {0};
	if (a->died && l->left-- > 0) {
		look_up(l);
		return;
	}
	const json_t *found = json_array_get(json_object_get(a->reply, "partitions"), 0);
	const char *try_id = json_string_value(json_object_get(found, "try_id"));
	char *text = str_eq(try_id, l->try_id) ? json_dumps(json_object_get(found, "manifest"), 0) : NULL;
	struct try_result result = {.outcome = OUTCOME_SUCCESS, .cleared_rows = -1};
	if (!a->reply)
		l->fn(l->ctx, NULL, a->err);
	else if (!text)
		l->fn(l->ctx, NULL, NULL);
	else if (manifest_decode(&arena, text, strlen(text), &result.manifest, &err) < 0)
		l->fn(l->ctx, NULL, &err);
	else {
		result.bytes = json_integer_value(json_object_get(found, "bytes"));
		result.empty = str_eq(json_string_value(json_object_get(found, "state")), "empty");
		l->fn(l->ctx, &result, NULL);
	}
	free(text);
	free(l->try_id);
	free(l->path);
	free(l);
	arena_free(&arena);
}

static void look_up(struct lookup *l)
{
	json_t *partitions = json_pack("[{s:s, s:b}]", "path", l->path, "manifest", 1);
	workers_ask(l->workers, json_pack("{s:s, s:o}", "op", "probe", "partitions", partitions), true, NULL, on_lookup, l);
}

void lake_probe_try(struct workers *w, const char *qname, const char *partition, const char *try_id, lake_probe_try_fn fn,
                    void *ctx)
{
	struct lookup *l = mem_alloc(sizeof *l);
	*l = (struct lookup){.fn = fn, .ctx = ctx, .try_id = mem_strdup(try_id), .path = lake_partition_path(qname, partition),
	                     .workers = w, .left = LOOKUPS_AGAIN};
	look_up(l);
}

/* One source, looked at while a run waits for it. */
struct source_probe {
	struct workers *workers;
	const struct source *source;
	int32_t first, last; /* not looked at yet */
	lake_source_fn fn;
	void *ctx;
};

static void ask_source(struct source_probe *l);

static void on_source(void *ctx, const struct worker_answer *a)
{
	struct source_probe *l = ctx;
	struct arena arena = {0};
	const json_t *found = json_array_get(json_object_get(a->reply, "sources"), 0), *days = json_object_get(found, "days");
	const char *folder = json_string_value(json_object_get(found, "folder"));
	struct source_files files = {.probed = true,
	                             .path_exists = json_is_true(json_object_get(found, "exists")),
	                             .marked = json_is_true(json_object_get(found, "marked")),
	                             .wall_ns = json_integer_value(json_object_get(a->reply, "now_ns"))};
	take_files(&arena, json_object_get(found, "files"), "", &files);
	if (found)
		l->fn(l->ctx, DATE_NONE, &files, NULL);
	for (size_t i = 0; i < json_array_size(days); i++) {
		int32_t day;
		if (take_day(&arena, folder, json_array_get(days, i), &day, &files))
			l->fn(l->ctx, day, &files, NULL);
	}
	int32_t next = l->first == DATE_NONE ? DATE_NONE : next_day(found, l->first, l->last);
	arena_free(&arena);
	if (next != DATE_NONE) {
		l->first = next;
		ask_source(l);
		return;
	}
	l->fn(l->ctx, DATE_NONE, NULL, a->reply ? NULL : a->err);
	free(l);
}

static void ask_source(struct source_probe *l)
{
	json_t *question = source_question(l->source, l->first, l->last);
	if (l->first != DATE_NONE)
		json_object_set_new(question, "folders", json_true());
	workers_ask(l->workers, json_pack("{s:s, s:[o]}", "op", "probe", "sources", question), true, NULL, on_source, l);
}

void lake_probe_source(struct workers *w, const struct source *s, int32_t first, int32_t last, lake_source_fn fn, void *ctx)
{
	struct source_probe *l = mem_alloc(sizeof *l);
	*l = (struct source_probe){.workers = w, .source = s, .first = first, .last = last, .fn = fn, .ctx = ctx};
	ask_source(l);
}
