/* A binary min-heap of (key, value) pairs: least key first, equal keys in order of insertion. */
#ifndef STRATA_BASE_HEAP_H
#define STRATA_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_item {
	int64_t key;
	uint64_t value;
	uint64_t order; /* set by heap_push: makes the heap stable */
};

struct heap {
	struct heap_item *items;
	size_t len, cap;
	uint64_t pushed;
};

void heap_push(struct heap *h, int64_t key, uint64_t value);
bool heap_peek(const struct heap *h, struct heap_item *ret_item);  /* false when empty */
bool heap_pop(struct heap *h, struct heap_item *ret_item);         /* false when empty */
void heap_free(struct heap *h);

#endif
