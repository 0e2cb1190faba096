/* core/graph: index, order and cycles, against brute force on random graphs, and on long ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/graph.h"

enum { MANY = 10000 };

/* A project of `n` tables t0, t1, … and no edges yet, with room for `room`. */
static struct project *make(uint32_t n, size_t room)
{
	struct project *p = mem_alloc(sizeof *p);
	p->tables = arena_array(&p->arena, n, sizeof *p->tables);
	p->ntables = n;
	p->edges = arena_array(&p->arena, room + 1, sizeof *p->edges);
	for (uint32_t i = 0; i < n; i++) {
		p->tables[i].index = i;
		p->tables[i].name = arena_printf(&p->arena, "t%u", i);
	}
	return p;
}

static void drop(struct project *p)
{
	struct arena arena = p->arena; /* the project itself is not in it */
	free(p);
	arena_free(&arena);
}

static void add(struct project *p, uint32_t down, uint32_t up)
{
	p->edges[p->nedges++] = (struct edge){.up = up, .down = down, .loc = {"x.sql", (int)down + 1, (int)up + 1}};
}

static void check_index(const struct project *p)
{
	size_t seen = 0;
	for (uint32_t t = 0; t < p->ntables; t++) {
		for (uint32_t i = p->up_first[t]; i < p->up_first[t + 1]; i++) {
			assert_int_equal(p->edges[i].down, t);
			assert_true(i == p->up_first[t] || p->edges[i - 1].up <= p->edges[i].up);
		}
		for (uint32_t i = p->down_first[t]; i < p->down_first[t + 1]; i++, seen++)
			assert_int_equal(p->edges[p->down_edge[i]].up, t);
	}
	assert_int_equal(seen, p->nedges);
	assert_int_equal(p->up_first[p->ntables], p->nedges);
}

/* Every table once; each after what it reads, if all could be placed. */
static void check_order(const struct project *p, size_t placed)
{
	uint32_t *place = mem_array(p->ntables, sizeof *place);
	for (uint32_t i = 0; i < p->ntables; i++) {
		assert_int_equal(place[p->order[i]], 0);
		place[p->order[i]] = i + 1;
	}
	for (size_t i = 0; i < p->nedges; i++) {
		const struct edge *e = &p->edges[i];
		if (e->up != e->down && place[e->down] <= placed)
			assert_true(place[e->up] < place[e->down]);
	}
	free(place);
}

/* Remove what has nothing left to wait for, again and again: what stays is on a cycle or behind one. */
static size_t brute_placeable(const struct project *p)
{
	bool gone[64] = {false};
	size_t placed = 0;
	for (bool again = true; again;) {
		again = false;
		for (uint32_t t = 0; t < p->ntables; t++) {
			bool waits = gone[t];
			for (size_t i = 0; i < p->nedges; i++)
				waits |= p->edges[i].down == t && p->edges[i].up != t && !gone[p->edges[i].up];
			if (!waits) {
				gone[t] = again = true;
				placed++;
			}
		}
	}
	return placed;
}

static void random_graphs(void **state)
{
	(void)state;
	srand(11);
	size_t cyclic = 0;
	for (int round = 0; round < 3000; round++) {
		uint32_t n = 1 + (uint32_t)rand() % 12;
		struct project *p = make(n, 40);
		struct diags diags = {0};
		bool taken[12][12] = {{false}};
		for (int i = rand() % 20; i > 0; i--) {
			uint32_t down = (uint32_t)rand() % n, up = (uint32_t)rand() % n;
			if (round % 2 && up > down)
				continue;
			if (!taken[down][up])
				add(p, down, up);
			taken[down][up] = true;
		}
		graph_sort(p);
		graph_index(p);
		check_index(p);
		size_t placed = graph_order(p, NULL), want = brute_placeable(p);
		assert_int_equal(placed, want);
		check_order(p, placed);
		graph_report_cycles(p, &diags);
		assert_int_equal(diags.errors > 0, want < n);
		cyclic += want < n;
		diags_free(&diags);
		drop(p);
	}
	assert_true(cyclic > 100);
}

static void ties_go_by_index_and_late_ones_last(void **state)
{
	(void)state;
	struct project *p = make(5, 3);
	bool late[5] = {true, false, false, false, false};
	add(p, 1, 4);
	add(p, 3, 0);
	graph_sort(p);
	graph_index(p);
	assert_int_equal(graph_order(p, NULL), 5);
	const uint32_t plain[] = {0, 2, 3, 4, 1}, delayed[] = {2, 4, 1, 0, 3};
	assert_memory_equal(p->order, plain, sizeof plain);
	assert_int_equal(graph_order(p, late), 5);
	assert_memory_equal(p->order, delayed, sizeof delayed);
	drop(p);
}

static void a_cycle_starts_at_its_least_table(void **state)
{
	(void)state;
	struct project *p = make(5, 8);
	struct diags diags = {0};
	add(p, 0, 3); /* leads into the cycle 1 → 4 → 3 → 1 */
	add(p, 3, 1);
	add(p, 4, 3);
	add(p, 1, 4);
	add(p, 2, 2); /* a self-read is none */
	graph_sort(p);
	graph_index(p);
	graph_report_cycles(p, &diags);
	assert_int_equal(diags.len, 1);
	assert_string_equal(diags.items[0].text,
	                    "tables depend on each other: t1 → t4 → t3 → t1 (t1 reads t4 at x.sql:2:5, t4 reads t3 at "
	                    "x.sql:5:4, t3 reads t1 at x.sql:4:2): remove one of these dependencies");
	diags_free(&diags);
	drop(p);
}

static void a_long_chain_and_a_long_cycle(void **state)
{
	(void)state;
	struct project *p = make(MANY, MANY);
	struct diags diags = {0};
	for (uint32_t i = 1; i < MANY; i++)
		add(p, i - 1, i);
	graph_sort(p);
	graph_index(p);
	assert_int_equal(graph_order(p, NULL), MANY);
	assert_int_equal(p->order[0], MANY - 1);
	graph_report_cycles(p, &diags);
	assert_int_equal(diags.len, 0);
	add(p, MANY - 1, 0);
	graph_sort(p);
	graph_index(p);
	assert_int_equal(graph_order(p, NULL), 0);
	graph_report_cycles(p, &diags);
	assert_int_equal(diags.len, 1);
	assert_non_null(strstr(diags.items[0].text, "t0 → t1 → t2 → "));
	assert_non_null(strstr(diags.items[0].text, " → t9999 → t0 (t0 reads t1"));
	diags_free(&diags);
	drop(p);
}

static void many_cycles_are_counted_in_the_end(void **state)
{
	(void)state;
	struct project *p = make(200, 200);
	struct diags diags = {0};
	for (uint32_t i = 0; i < 200; i += 2) {
		add(p, i, i + 1);
		add(p, i + 1, i);
	}
	graph_sort(p);
	graph_index(p);
	graph_report_cycles(p, &diags);
	assert_int_equal(diags.errors, CYCLES_MAX + 1);
	assert_string_equal(diags.items[CYCLES_MAX].text, "and 50 more cycles: remove those above first");
	diags_free(&diags);
	drop(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_graphs),
		cmocka_unit_test(ties_go_by_index_and_late_ones_last),
		cmocka_unit_test(a_cycle_starts_at_its_least_table),
		cmocka_unit_test(a_long_chain_and_a_long_cycle),
		cmocka_unit_test(many_cycles_are_counted_in_the_end),
	};
	return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
