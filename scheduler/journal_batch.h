/* One transaction's rows of the journal. Several transitions of one thing in one batch are one row, so
 * that each statement meets each key once; events keep them all. For scheduler/journal.c only. */
#ifndef STRATA_SCHEDULER_JOURNAL_BATCH_H
#define STRATA_SCHEDULER_JOURNAL_BATCH_H

#include "base/arena.h"
#include "scheduler/journal.h"
#include "scheduler/journal_tables.h"
#include "scheduler/pg.h"

struct journal_rows {
	char *rows;      /* structs of one kind, journal_tables.h */
	size_t len, cap;
	uint32_t *slots; /* hash: row index + 1; 0: free */
	size_t nslots;   /* a power of two */
};

struct journal_batch {
	struct arena arena; /* all strings */
	struct journal_rows tables[JOURNAL_TABLES];
	uint64_t seq;       /* of the last transition */
	uint64_t max_fence;
	int64_t first_us, last_us; /* wall clock of its events; 0: none */
	size_t changes;     /* 0: empty */
};

void batch_run(struct journal_batch *b, const struct journal_run *run, int64_t epoch);
void batch_transition(struct journal_batch *b, const struct transition *t, const struct journal_names *n, int64_t epoch);
void batch_publish(struct journal_batch *b, const struct journal_publish *p);
void batch_progress(struct journal_batch *b, const char *run_id, const struct run_counts *counts, int64_t per_hour, int64_t epoch);
void batch_pause(struct journal_batch *b, const char *run_id, bool pause, int64_t epoch);
void batch_workers(struct journal_batch *b, const char *workers, const char *lanes);
void batch_checks(struct journal_batch *b, uint64_t fence, const struct manifest_check *checks, size_t n);
void batch_checked(struct journal_batch *b, const char *table, const char *partition, const char *try_id, const char *fingerprint);
void batch_free(struct journal_batch *b); /* empty again */

/* Add the statement of each table that has rows to the open group. */
void batch_send(const struct journal_batch *b, int lake_id, struct pg *pg);

#endif
