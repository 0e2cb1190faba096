/* See graph.h. */
#include "core/graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/heap.h"
#include "base/mem.h"

static uint32_t side(const struct edge *e, bool down)
{
	return down ? e->down : e->up;
}

/* first[t] = number of edges whose side is below t, for t = 0 .. ntables. */
static void count_below(const struct project *p, bool down, uint32_t *first)
{
	memset(first, 0, (p->ntables + 1) * sizeof *first);
	for (size_t i = 0; i < p->nedges; i++)
		first[side(&p->edges[i], down) + 1]++;
	for (size_t t = 0; t < p->ntables; t++)
		first[t + 1] += first[t];
}

/* One stable counting pass. */
static void sort_by(const struct project *p, bool down, const struct edge *in, struct edge *out, uint32_t *next)
{
	count_below(p, down, next);
	for (size_t i = 0; i < p->nedges; i++)
		out[next[side(&in[i], down)]++] = in[i];
}

static bool is_sorted(const struct project *p)
{
	for (size_t i = 1; i < p->nedges; i++) {
		const struct edge *a = &p->edges[i - 1], *b = &p->edges[i];
		if (a->down > b->down || (a->down == b->down && a->up > b->up))
			return false;
	}
	return true;
}

void graph_sort(struct project *p)
{
	if (is_sorted(p))
		return;
	struct edge *spare = mem_array(p->nedges, sizeof *spare);
	uint32_t *next = mem_array(p->ntables + 1, sizeof *next);
	sort_by(p, false, p->edges, spare, next);
	memcpy(p->edges, spare, p->nedges * sizeof *spare);
	sort_by(p, true, p->edges, spare, next);
	memcpy(p->edges, spare, p->nedges * sizeof *spare);
	free(spare);
	free(next);
}

void graph_index(struct project *p)
{
	size_t n = p->ntables + 1;
	p->up_first = arena_array(&p->arena, n, sizeof *p->up_first);
	p->down_first = arena_array(&p->arena, n, sizeof *p->down_first);
	p->down_edge = arena_array(&p->arena, p->nedges, sizeof *p->down_edge);
	count_below(p, true, p->up_first);
	count_below(p, false, p->down_first);
	uint32_t *next = mem_array(n, sizeof *next);
	memcpy(next, p->down_first, n * sizeof *next);
	for (size_t i = 0; i < p->nedges; i++)
		p->down_edge[next[p->edges[i].up]++] = (uint32_t)i;
	free(next);
}

static void push(struct heap *ready, const struct project *p, const bool *late, uint32_t t)
{
	int64_t behind = late && late[t] ? (int64_t)p->ntables : 0;
	heap_push(ready, behind + t, t);
}

size_t graph_order(struct project *p, const bool *late)
{
	uint32_t *waits = mem_array(p->ntables, sizeof *waits);
	struct heap ready = {0};
	struct heap_item item;
	size_t placed = 0, all;
	if (!p->order)
		p->order = arena_array(&p->arena, p->ntables, sizeof *p->order);
	for (size_t i = 0; i < p->nedges; i++)
		waits[p->edges[i].down] += p->edges[i].up != p->edges[i].down;
	for (uint32_t t = 0; t < p->ntables; t++)
		if (waits[t] == 0)
			push(&ready, p, late, t);
	while (heap_pop(&ready, &item)) {
		uint32_t t = (uint32_t)item.value;
		p->order[placed++] = t;
		for (uint32_t i = p->down_first[t]; i < p->down_first[t + 1]; i++) {
			uint32_t down = p->edges[p->down_edge[i]].down;
			if (down != t && --waits[down] == 0)
				push(&ready, p, late, down);
		}
	}
	all = placed;
	for (uint32_t t = 0; t < p->ntables && all < p->ntables; t++)
		if (waits[t] > 0)
			p->order[all++] = t;
	heap_free(&ready);
	free(waits);
	return placed;
}

enum { NEW, OPEN, DONE };

/* The walk: a stack of tables with the edge by which each was reached and how far its own are looked at. */
struct walk {
	const struct project *p;
	struct diags *diags;
	unsigned char *color;
	uint32_t *stack, *via, *next;
	size_t depth, cycles;
};

static void describe_arrow(struct buf *out, const struct project *p, const struct edge *e)
{
	buf_addf(out, "%s %s %s", p->tables[e->down].name, e->declared ? "needs" : "reads", p->tables[e->up].name);
	if (!e->loc.file)
		return;
	buf_addf(out, " at %s", e->loc.file);
	if (e->loc.line)
		buf_addf(out, ":%d", e->loc.line);
	if (e->loc.line && e->loc.col)
		buf_addf(out, ":%d", e->loc.col);
}

/* The cycle of `n` edges (each one's up is the next one's down), told from its least table on. */
static void report(struct walk *w, const uint32_t *cycle, size_t n)
{
	const struct project *p = w->p;
	struct buf path = BUF_INIT(1 << 24), arrows = BUF_INIT(1 << 24);
	size_t start = 0;
	for (size_t i = 1; i < n; i++)
		if (p->edges[cycle[i]].down < p->edges[cycle[start]].down)
			start = i;
	for (size_t k = 0; k < n; k++) {
		const struct edge *e = &p->edges[cycle[(start + k) % n]];
		buf_addf(&path, "%s → ", p->tables[e->down].name);
		buf_adds(&arrows, k ? ", " : "");
		describe_arrow(&arrows, p, e);
	}
	const struct edge *first = &p->edges[cycle[start]];
	diag_add(w->diags, DIAG_ERROR, first->loc, "tables depend on each other: %s%s (%s): remove one of these dependencies",
	         buf_cstr(&path), p->tables[first->down].name, buf_cstr(&arrows));
	buf_free(&path);
	buf_free(&arrows);
}

/* `closing` leads from the top of the stack back to a table on it. */
static void close_cycle(struct walk *w, uint32_t closing)
{
	if (++w->cycles > CYCLES_MAX)
		return;
	uint32_t up = w->p->edges[closing].up;
	size_t from = w->depth - 1;
	while (w->stack[from] != up)
		from--;
	size_t n = w->depth - from;
	uint32_t *cycle = mem_array(n, sizeof *cycle);
	memcpy(cycle, w->via + from + 1, (n - 1) * sizeof *cycle);
	cycle[n - 1] = closing;
	report(w, cycle, n);
	free(cycle);
}

static void enter(struct walk *w, uint32_t table, uint32_t via)
{
	w->color[table] = OPEN;
	w->next[table] = w->p->up_first[table];
	w->stack[w->depth] = table;
	w->via[w->depth++] = via;
}

static void walk_from(struct walk *w, uint32_t root)
{
	const struct project *p = w->p;
	enter(w, root, 0);
	while (w->depth > 0) {
		uint32_t t = w->stack[w->depth - 1];
		if (w->next[t] == p->up_first[t + 1]) {
			w->color[t] = DONE;
			w->depth--;
			continue;
		}
		uint32_t i = w->next[t]++, up = p->edges[i].up;
		if (up == t)
			continue;
		if (w->color[up] == OPEN)
			close_cycle(w, i);
		else if (w->color[up] == NEW)
			enter(w, up, i);
	}
}

void graph_report_cycles(const struct project *p, struct diags *diags)
{
	struct walk w = {.p = p, .diags = diags};
	w.color = mem_array(p->ntables, sizeof *w.color);
	w.stack = mem_array(p->ntables, sizeof *w.stack);
	w.via = mem_array(p->ntables, sizeof *w.via);
	w.next = mem_array(p->ntables, sizeof *w.next);
	for (uint32_t t = 0; t < p->ntables; t++)
		if (w.color[t] == NEW)
			walk_from(&w, t);
	if (w.cycles > CYCLES_MAX)
		diag_add(diags, DIAG_ERROR, (struct loc){0}, "and %zu more cycles: remove those above first",
		         w.cycles - CYCLES_MAX);
	free(w.color);
	free(w.stack);
	free(w.via);
	free(w.next);
}
