/* Between the two halves of the store of a local lake: store_local.c publishes, store_remove.c takes away. */
#ifndef STRATA_EXECUTOR_STORE_LOCAL_H
#define STRATA_EXECUTOR_STORE_LOCAL_H

#include "executor/store.h"

/* What a partition's lock keeps, for when no manifest does; 0: nothing. */
struct kept {
	uint64_t fence;   /* of the last try that had no rows: an older one may not publish */
	uint64_t version; /* the last there was: a new one is larger, also after a removal */
};

/* Take the partition's lock; the descriptor, which close() gives back, or an ERR_*. */
int store_local_lock(const struct target *t, struct kept *ret, struct err *err);
int store_local_keep(int lock, const struct kept *kept, struct err *err);
/* The largest fence that any lock of the lake keeps; 0: none does. */
uint64_t store_local_largest_fence(void);

/* Members of store_local (store.h). */
int store_local_read(const struct target *t, struct arena *arena, struct manifest *ret, bool *ret_found, struct err *err);
int store_local_count(struct removal *r, struct err *err);
int store_local_remove(struct removal *r, struct err *err);

#endif
