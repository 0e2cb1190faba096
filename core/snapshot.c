/* See snapshot.h. Per table an array sorted by day, beside it pointers to what is known of each day, so that
 * the days of a range lie together and an object stays where it is when others come. */
#include "core/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/date.h"

struct snapshot_column {
	int32_t *days; /* ascending */
	void **items;
	size_t len, cap;
};

struct source_range {
	bool known;
	int32_t first, last;
	struct source_files absent;
};

struct snapshot *snapshot_new(uint32_t ntables)
{
	struct snapshot *s = mem_alloc(sizeof *s);
	s->ntables = ntables;
	s->parts = mem_array(ntables, sizeof *s->parts);
	s->sources = mem_array(ntables, sizeof *s->sources);
	s->ranges = mem_array(ntables, sizeof *s->ranges);
	return s;
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->ntables; i++) {
		free(s->parts[i].days);
		free(s->parts[i].items);
		free(s->sources[i].days);
		free(s->sources[i].items);
	}
	free(s->parts);
	free(s->sources);
	free(s->ranges);
	arena_free(&s->arena);
	free(s);
}

/* The first index whose day is not before `day`. */
static size_t lower_bound(const struct snapshot_column *c, int32_t day)
{
	if (c->len && c->days[c->len - 1] < day) /* most come in order */
		return c->len;
	size_t lo = 0, hi = c->len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (c->days[mid] < day)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void *column_get(const struct snapshot_column *c, int32_t day)
{
	size_t i = lower_bound(c, day);
	return i < c->len && c->days[i] == day ? c->items[i] : NULL;
}

/* Where the item of `day` is, made of `size` bytes in the arena when it is new. */
static void *column_put(struct snapshot *s, struct snapshot_column *c, int32_t day, size_t size)
{
	size_t i = lower_bound(c, day);
	if (i < c->len && c->days[i] == day)
		return c->items[i];
	if (c->len == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 4;
		c->days = mem_realloc(c->days, c->cap, sizeof *c->days);
		c->items = mem_realloc(c->items, c->cap, sizeof *c->items);
	}
	memmove(&c->days[i + 1], &c->days[i], (c->len - i) * sizeof *c->days);
	memmove(&c->items[i + 1], &c->items[i], (c->len - i) * sizeof *c->items);
	c->len++;
	c->days[i] = day;
	return c->items[i] = arena_alloc(&s->arena, size);
}

void snapshot_put_part(struct snapshot *s, uint32_t table, int32_t day, const struct part *part)
{
	*(struct part *)column_put(s, &s->parts[table], day, sizeof *part) = *part;
}

const struct part *snapshot_part(const struct snapshot *s, uint32_t table, int32_t day)
{
	return column_get(&s->parts[table], day);
}

void snapshot_drop_parts(struct snapshot *s, uint32_t table, int32_t first, int32_t last)
{
	struct snapshot_column *c = &s->parts[table];
	bool all = first == DATE_NONE;
	size_t from = all ? 0 : lower_bound(c, first), to = from;
	while (to < c->len && (all || c->days[to] <= last))
		to++;
	if (from == to)
		return;
	memmove(&c->days[from], &c->days[to], (c->len - to) * sizeof *c->days);
	memmove(&c->items[from], &c->items[to], (c->len - to) * sizeof *c->items);
	c->len -= to - from;
}

struct part *snapshot_part_mutable(struct snapshot *s, uint32_t table, int32_t day)
{
	return column_get(&s->parts[table], day);
}

const int32_t *snapshot_days_of(struct snapshot *s, uint32_t table, size_t *ret_n)
{
	*ret_n = s->parts[table].len;
	return s->parts[table].days;
}

void snapshot_put_source(struct snapshot *s, uint32_t table, int32_t day, const struct source_files *files)
{
	*(struct source_files *)column_put(s, &s->sources[table], day, sizeof *files) = *files;
}

void snapshot_put_source_range(struct snapshot *s, uint32_t table, int32_t first, int32_t last, const struct source_files *absent)
{
	s->ranges[table] = (struct source_range){true, first, last, *absent};
}

const struct source_files *snapshot_source(const struct snapshot *s, uint32_t table, int32_t day)
{
	const struct source_files *files = column_get(&s->sources[table], day);
	const struct source_range *r = &s->ranges[table];
	return files ? files : r->known && r->first <= day && day <= r->last ? &r->absent : NULL;
}

const struct part *snapshot_newest_schema(struct snapshot *s, uint32_t table)
{
	const struct snapshot_column *c = &s->parts[table];
	for (size_t i = c->len; i-- > 0;) {
		const struct part *p = c->items[i];
		if (p->nschema)
			return p;
	}
	return NULL;
}
