/* Who reads whom as arrays: the index over project.edges, its topological order, its cycles.
 *
 * Nothing here recurses, and everything is linear in tables and edges (the order: times the logarithm of the
 * tables that are ready at once). A self-read is no cycle. */
#ifndef STRATA_CORE_GRAPH_H
#define STRATA_CORE_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/diag.h"
#include "core/project.h"

/* Sort p->edges by down, then up, keeping the order of equal ones. */
void graph_sort(struct project *p);

/* Fill up_first, down_edge and down_first from p->edges, which are sorted and each pair once. */
void graph_index(struct project *p);

/* Fill p->order: topological, the least index of those that are ready next; `late` (may be NULL) are taken
 * only when nothing else is ready. Returns how many tables could be placed; the rest, which is on cycles or
 * behind one, follows by index. */
size_t graph_order(struct project *p, const bool *late);

/* An error for each cycle that a depth-first walk closes, with its whole path and the place of each arrow:
 * without any one arrow of each there is no cycle left. At most CYCLES_MAX, then one that says so. */
enum { CYCLES_MAX = 50 };
void graph_report_cycles(const struct project *p, struct diags *diags);

#endif
