/* See lake_probe.h. Requests and replies are those of executor/probe.h. */
#include "scheduler/lake_probe.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/date.h"
#include "scheduler/load.h"

/* So that neither a request nor its reply outgrows a line of the protocol. */
enum { BATCH_PARTITIONS = 1000, BATCH_SOURCES = 200 };

/* A lookup goes to another worker when its own dies. */
enum { LOOKUPS_AGAIN = 3 };

struct probing {
	const struct project *project;
	struct snapshot *snapshot;
	struct workers *workers;
	int32_t first; /* of the range */
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
		int32_t day;
	} *things;
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

static void take_source(struct snapshot *s, const struct thing *thing, const json_t *found)
{
	const json_t *files = json_object_get(found, "files");
	size_t n = json_array_size(files);
	struct source_file *copy = arena_array(&s->arena, n, sizeof *copy);
	for (size_t i = 0; i < n; i++) {
		const json_t *f = json_array_get(files, i);
		const char *path = json_string_value(json_object_get(f, "path"));
		copy[i] = (struct source_file){.path = arena_strdup(&s->arena, path ? path : ""),
		                               .size = json_integer_value(json_object_get(f, "size")),
		                               .mtime_ns = json_integer_value(json_object_get(f, "mtime_ns")),
		                               .ctime_ns = json_integer_value(json_object_get(f, "ctime_ns")),
		                               .inode = (uint64_t)json_integer_value(json_object_get(f, "inode"))};
	}
	bool exists = json_is_true(json_object_get(found, "exists"));
	const char *strays = json_string_value(json_object_get(found, "strays"));
	snapshot_put_source(s, thing->table, thing->day,
	                    &(struct source_files){.probed = true, .path_exists = exists, .files = copy, .nfiles = n,
	                                            .strays = strays ? arena_strdup(&s->arena, strays) : NULL});
}

static void ask_rest(const struct batch *b, size_t from);

static void take(struct batch *b, const json_t *reply)
{
	const json_t *partitions = json_object_get(reply, "partitions"), *sources = json_object_get(reply, "sources");
	for (size_t i = 0; i < b->npartitions; i++) {
		struct part *part = snapshot_part_mutable(b->p->snapshot, b->things[i].table, b->things[i].day);
		part->probe = verdict(part, json_array_get(partitions, i));
	}
	size_t n = json_array_size(sources);
	for (size_t i = 0; i < b->nsources && i < n; i++)
		take_source(b->p->snapshot, &b->things[b->npartitions + i], json_array_get(sources, i));
	if (n < b->nsources)
		ask_rest(b, n);
}

static void on_answer(void *ctx, const struct worker_answer *a)
{
	struct batch *b = ctx;
	struct probing *p = b->p;
	if (a->reply)
		take(b, a->reply);
	else if (!p->err.code)
		err_set(&p->err, ERR_LAKE, "look at the lake: %s", a->err->text);
	free(b->things);
	free(b);
	p->done = --p->open == 0;
}

static struct batch *batch_new(struct probing *p)
{
	struct batch *b = mem_alloc(sizeof *b);
	*b = (struct batch){.p = p, .partitions = json_array(), .sources = json_array()};
	b->things = mem_array(BATCH_PARTITIONS + BATCH_SOURCES, sizeof *b->things);
	return b;
}

static void ask(struct batch *b)
{
	b->p->open++;
	workers_ask(b->p->workers, json_pack("{s:s, s:o, s:o}", "op", "probe", "partitions", b->partitions, "sources", b->sources),
	            false, NULL, on_answer, b);
}

static void probe_parts(struct probing *p, const bool *selected, int32_t first, int32_t last)
{
	const struct project *project = p->project;
	struct batch *b = NULL;
	for (uint32_t t = 0; t < project->ntables; t++) {
		size_t n = 0;
		const int32_t *days = selected[t] ? snapshot_days_of(p->snapshot, t, &n) : NULL;
		for (size_t i = 0; i < n; i++) {
			if (days[i] != DATE_NONE && (days[i] < first || days[i] > last))
				continue;
			if (!b)
				b = batch_new(p);
			char date[DATE_SIZE];
			char *path = lake_partition_path(project->tables[t].qname, date_format(date, days[i]));
			json_array_append_new(b->partitions, json_pack("{s:s}", "path", path));
			free(path);
			b->things[b->npartitions++] = (struct thing){t, days[i]};
			if (b->npartitions == BATCH_PARTITIONS) {
				ask(b);
				b = NULL;
			}
		}
	}
	if (b)
		ask(b);
}

static void add_source(struct batch *b, uint32_t table, int32_t day)
{
	static const char *const formats[] = {"csv", "json", "parquet"};
	const struct source *s = b->p->project->tables[table].source;
	char date[DATE_SIZE];
	json_array_append_new(b->sources, json_pack("{s:s, s:s, s:s, s:b}", "path", s->path, "date", date_format(date, day), "format",
	                                            formats[s->format], "strays", s->partitioned && day == b->p->first));
	b->things[b->npartitions + b->nsources++] = (struct thing){table, day};
}

/* The reply had only room for the first `from` sources. */
static void ask_rest(const struct batch *b, size_t from)
{
	if (from == 0) {
		err_set(&b->p->err, ERR_PROTOCOL, "a worker looked at no source of %zu", b->nsources);
		return;
	}
	struct batch *rest = batch_new(b->p);
	for (size_t i = from; i < b->nsources; i++)
		add_source(rest, b->things[b->npartitions + i].table, b->things[b->npartitions + i].day);
	ask(rest);
}

static void probe_sources(struct probing *p, const bool *selected, int32_t first, int32_t last)
{
	struct batch *b = NULL;
	for (uint32_t t = 0; t < p->project->ntables; t++) {
		const struct source *s = selected[t] ? p->project->tables[t].source : NULL;
		for (int32_t day = first; s && day <= last; day++) {
			if (!b)
				b = batch_new(p);
			/* A source without partitions has one answer, under DATE_NONE. */
			add_source(b, t, s->partitioned ? day : DATE_NONE);
			if (b->nsources == BATCH_SOURCES) {
				ask(b);
				b = NULL;
			}
			if (!s->partitioned)
				break;
		}
	}
	if (b)
		ask(b);
}

int lake_probe(uv_loop_t *loop, struct workers *w, const struct project *project, const bool *selected, int32_t first,
               int32_t last, struct snapshot *snapshot, struct err *err)
{
	struct probing p = {.project = project, .snapshot = snapshot, .workers = w, .open = 1, .first = first};
	probe_parts(&p, selected, first, last);
	probe_sources(&p, selected, first, last);
	p.done = --p.open == 0;
	loop_until(loop, &p.done);
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
