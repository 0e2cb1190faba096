/* The heap behind a lane's queues (machine_internal.h): 8 bytes an entry, and an order that no history of
 * insertions changes. */
#include "core/machine_internal.h"

#include "base/mem.h"

bool place_before(const struct run_spec *spec, struct place a, struct place b)
{
	int32_t wa = spec->tables[a.table].weight, wb = spec->tables[b.table].weight;
	if (wa != wb)
		return wa > wb;
	return a.date != b.date ? a.date < b.date : a.table < b.table;
}

void queue_push(struct queue *q, const struct run_spec *spec, struct place p)
{
	MEM_GROW(q->items, q->len, q->cap);
	size_t i = q->len++;
	for (; i && place_before(spec, p, q->items[(i - 1) / 2]); i = (i - 1) / 2)
		q->items[i] = q->items[(i - 1) / 2];
	q->items[i] = p;
}

bool queue_pop(struct queue *q, const struct run_spec *spec, struct place *ret_place)
{
	if (!q->len)
		return false;
	*ret_place = q->items[0];
	struct place last = q->items[--q->len];
	size_t i = 0;
	for (size_t c; (c = 2 * i + 1) < q->len; i = c) {
		if (c + 1 < q->len && place_before(spec, q->items[c + 1], q->items[c]))
			c++;
		if (!place_before(spec, q->items[c], last))
			break;
		q->items[i] = q->items[c];
	}
	q->items[i] = last;
	return true;
}
