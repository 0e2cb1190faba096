/* What tries have published, for who reads it (runner_internal.h). Runs that have begun hear of it at once. One that is
 * planned beside them has read the state some time ago, and what is published since, or was on its way into the state then,
 * would be missing from its snapshot for good: it would pin versions that are gone. So each publish is kept until the state
 * has it and nobody plans who might have read the state before. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "scheduler/runner_internal.h"

struct heard {
	struct list link;   /* in runner.heard, oldest first */
	struct arena arena;
	int64_t mark;       /* of the journal: then the state has it */
	const char *table;  /* qualified */
	bool partitioned;
	int32_t day;
	struct part part;
};

static bool same_schema(const struct part *a, const struct part *b)
{
	bool same = a && a->nschema == b->nschema;
	for (size_t i = 0; same && i < a->nschema; i++)
		same = str_eq(a->schema[i].name, b->schema[i].name) && str_eq(a->schema[i].type, b->schema[i].type);
	return same;
}

static struct part copy_part(struct arena *arena, const struct part *part, const struct column *schema)
{
	struct part copy = *part;
	copy.try_id = arena_strdup(arena, part->try_id);
	copy.fingerprint = arena_strdup(arena, part->fingerprint);
	copy.schema = schema;
	if (schema)
		return copy;
	struct column *own = arena_array(arena, part->nschema, sizeof *own);
	for (size_t i = 0; i < part->nschema; i++)
		own[i] = (struct column){arena_strdup(arena, part->schema[i].name), arena_strdup(arena, part->schema[i].type)};
	copy.schema = own;
	return copy;
}

/* The dates of a table share one schema as long as it is the same: a year of them must not cost a year of copies. */
static void put(struct snapshot *s, uint32_t table, int32_t day, const struct part *part)
{
	const struct part *newest = snapshot_newest_schema(s, table);
	struct part copy = copy_part(&s->arena, part, same_schema(newest, part) ? newest->schema : NULL);
	snapshot_put_part(s, table, day, &copy);
}

/* The table of that name as this project has it; NULL: not one that could have published it. */
static const struct table *reader_of(const struct project *p, const char *qname, bool partitioned)
{
	const struct table *t = project_table(p, qname);
	return t && !t->output_none && table_partitioned(t) == partitioned ? t : NULL;
}

static struct part part_of(const struct live_try *lt)
{
	const struct try_result *result = lt->result;
	const struct manifest *m = &result->manifest;
	return (struct part){.try_id = lt->try_id,
	                     .version = m->version,
	                     .fence = lt->fence,
	                     .rows = m->row_count,
	                     .bytes = result->bytes,
	                     .empty = result->empty,
	                     .probe = PART_OK,
	                     .fingerprint = m->fingerprint ? m->fingerprint : "",
	                     .schema = m->schema,
	                     .nschema = m->nschema};
}

/* The table of the try as a run's project has it; NULL: not there. */
static const struct table *table_in(const struct live_run *run, const struct live_try *lt)
{
	const struct table *own = run_table(lt->run, lt->task);
	return run == lt->run ? own : reader_of(run->plan->in.project, own->qname, table_partitioned(own));
}

void heard_tell_runs(const struct live_try *lt)
{
	struct part part = part_of(lt);
	for (struct live_run *run = lt->runner->runs; run; run = run->hh.next) {
		const struct table *t = table_in(run, lt);
		if (t)
			put(run->plan->in.snapshot, t->index, run_day(lt->run, lt->task), &part);
	}
}

void heard_tell_checked(const struct live_try *lt)
{
	for (struct live_run *run = lt->runner->runs; run; run = run->hh.next) {
		const struct table *t = table_in(run, lt);
		struct snapshot *s = run->plan->in.snapshot;
		struct part *part = t ? snapshot_part_mutable(s, t->index, run_day(lt->run, lt->task)) : NULL;
		if (part && str_eq(part->try_id, lt->result->checked))
			part->fingerprint = arena_strdup(&s->arena, lt->fingerprint);
	}
}

static void forget(struct heard *h)
{
	list_remove(&h->link);
	arena_free(&h->arena);
	free(h);
}

/* Those that the state has; they come in the order of the journal. */
static void forget_written(struct runner *r)
{
	while (!r->listeners && !list_empty(&r->heard)) {
		struct heard *h = LIST_ENTRY(r->heard.next, struct heard, link);
		if (!runner_has_written(r, h->mark))
			return;
		forget(h);
	}
}

void heard_keep(struct runner *r, const struct live_try *lt, int64_t mark)
{
	const struct table *t = run_table(lt->run, lt->task);
	struct part part = part_of(lt);
	struct heard *h = mem_alloc(sizeof *h);
	forget_written(r);
	h->mark = mark;
	h->table = arena_strdup(&h->arena, t->qname);
	h->partitioned = table_partitioned(t);
	h->day = run_day(lt->run, lt->task);
	h->part = copy_part(&h->arena, &part, NULL);
	list_append(&r->heard, &h->link);
}

void heard_close(struct runner *r)
{
	while (!list_empty(&r->heard))
		forget(LIST_ENTRY(r->heard.next, struct heard, link));
}

void runner_listen(struct runner *r, bool on)
{
	forget_written(r); /* before: what the state has now is read from there */
	if (on)
		r->listeners++;
	else
		r->listeners--;
}

void runner_tell(const struct runner *r, const struct project *p, struct snapshot *s)
{
	LIST_FOR_EACH(it, &r->heard) {
		const struct heard *h = LIST_ENTRY(it, struct heard, link);
		const struct table *t = reader_of(p, h->table, h->partitioned);
		const struct part *known = t ? snapshot_part(s, t->index, h->day) : NULL;
		if (t && !(known && known->fence >= h->part.fence))
			put(s, t->index, h->day, &h->part);
	}
}
