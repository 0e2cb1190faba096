/* See heap.h. */
#include "base/heap.h"

#include <stdlib.h>

#include "base/mem.h"

static bool before(const struct heap_item *a, const struct heap_item *b)
{
	return a->key != b->key ? a->key < b->key : a->order < b->order;
}

static void swap(struct heap_item *a, struct heap_item *b)
{
	struct heap_item t = *a;
	*a = *b;
	*b = t;
}

void heap_push(struct heap *h, int64_t key, uint64_t value)
{
	MEM_GROW(h->items, h->len, h->cap);
	size_t i = h->len++;
	h->items[i] = (struct heap_item){.key = key, .value = value, .order = h->pushed++};
	while (i && before(&h->items[i], &h->items[(i - 1) / 2])) {
		swap(&h->items[i], &h->items[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
}

bool heap_peek(const struct heap *h, struct heap_item *ret_item)
{
	if (!h->len)
		return false;
	*ret_item = h->items[0];
	return true;
}

bool heap_pop(struct heap *h, struct heap_item *ret_item)
{
	if (!heap_peek(h, ret_item))
		return false;
	h->items[0] = h->items[--h->len];
	for (size_t i = 0;;) {
		size_t least = i, left = 2 * i + 1;
		for (size_t c = left; c < left + 2 && c < h->len; c++) {
			if (before(&h->items[c], &h->items[least]))
				least = c;
		}
		if (least == i)
			return true;
		swap(&h->items[i], &h->items[least]);
		i = least;
	}
}

void heap_free(struct heap *h)
{
	free(h->items);
	*h = (struct heap){0};
}
