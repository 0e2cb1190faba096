/* One try: prepare -> load -> validate -> commit -> cleanup.
 *
 * Whatever happens, the outcome is in the result and the try's staging is gone, unless it is kept on
 * purpose. A stop that is asked for before the switch ends in `killed`; after it the try is a success.
 *
 * The functions of the stages return 0, or -1 with the outcome and error in t->result: the first failure
 * ends the try. */
#ifndef STRATA_EXECUTOR_ATTEMPT_H
#define STRATA_EXECUTOR_ATTEMPT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/protocol.h"
#include "executor/duck.h"
#include "executor/store.h"
#include "executor/worker.h"

struct engine;

struct attempt {
	struct worker *w;
	const struct try_request *rq;
	struct arena *arena;
	struct try_result *result;
	const struct engine *engine;
	const struct store *store;
	struct target target;
	int log_fd;               /* the try's log; -1: none */
	const char *staging;      /* .strata/staging/<try_id>, relative to the lake; NULL: the try has none */
	const char *out;          /* <staging>/out: the folder that is to be published */
	struct session session;   /* open while session.con */
	const atomic_bool *canceled; /* of one that waits for its batch; NULL: it is at work, and the worker's stop is its own */

	/* prepare: what it reads, as pinned */
	struct manifest_input *inputs;
	size_t ninputs, inputs_cap;
	bool only_files;          /* no views are made of it */
	int64_t input_bytes;      /* the files that are read, together */
	const char *no_input;     /* name of an input whose schema nothing gives; NULL: all are known */

	/* load and validate: what it made */
	int64_t loaded_rows;      /* as the engine reported */
	struct manifest_file *files;
	size_t nfiles;
	int64_t rows, bytes;
	struct column *schema;    /* without dt of a partitioned table; NULL until known */
	size_t nschema;
	struct manifest_check *checks;
	size_t nchecks, checks_cap;
	bool keep;                /* the staged data stays: a check failed, or the request says so */
};

/* An action, or a check of what is there: it has nothing to commit. */
static inline bool attempt_makes_nothing(const struct try_request *rq)
{
	return rq->output_none || rq->check_only;
}

/* Called as stages begin: "running", then "load", "validate", "commit". rows: that were made; -1: not known yet. */
typedef void attempt_event(void *ctx, const char *stage, int64_t rows);

/* *ret lives in `arena`. Never fails itself. What is left to remove (staging, with the version that was
 * replaced, and the try's catalog) waits for attempt_tidy, so that nobody waits for it: call that when the
 * reply is out. Who dies between leaves a folder for a sweep. */
void attempt_run(struct worker *w, struct arena *arena, const struct try_request *rq, attempt_event *event, void *ctx,
                 struct try_result *ret);

/* Only prepare and `query`, which has the session with the views of what the try reads: nothing is made
 * or published. Without any input's schema `query` is not called and the note says so. */
typedef int attempt_look(struct attempt *t, void *ctx);
void attempt_query(struct worker *w, struct arena *arena, const struct try_request *rq, attempt_look *query, void *ctx,
                   struct try_result *ret);
/* The same without views: `look` has what is pinned as files in <staging>/in. It is always called. */
void attempt_read(struct worker *w, struct arena *arena, const struct try_request *rq, attempt_look *look, void *ctx,
                  struct try_result *ret);

/* An id for these two: recovery and gc know by it whose staging it is. Valid as long as `arena`. */
const char *attempt_query_id(const struct worker *w, struct arena *arena);

void attempt_tidy(struct worker *w);

/* The same in parts, for tries of one table that are published together. attempt_stage takes *t to where it could be
 * published, and says whether it is there: it has no session any more, and another try may be worked meanwhile.
 * attempt_publish ends those that are, attempt_end completes the result of every one; then attempt_tidy, as above. */
void attempt_init(struct attempt *t, struct worker *w, struct arena *arena, const struct try_request *rq, struct try_result *ret);
bool attempt_stage(struct attempt *t, attempt_event *event, void *ctx);
void attempt_publish(struct attempt *const *tries, size_t n); /* at most COMMIT_MAX */
void attempt_end(struct attempt *t);

/* Is it to be stopped? Of one that waits for its batch the worker's stop says nothing: that is of the request at work. */
bool attempt_stopped(const struct attempt *t);

/* For the stages. Each returns -1. */
int attempt_fail(struct attempt *t, const char *class, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int attempt_fail_err(struct attempt *t, const char *class, const struct err *err);
/* `before`: lines that we put before the user's text, or -1 where the text is ours alone: no position. */
int attempt_fail_duck(struct attempt *t, const struct duck_error *e, int before);

void attempt_log(struct attempt *t, const char *event, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Note one thing that was read; strings are kept as they are. */
void attempt_note_input(struct attempt *t, const char *table, const char *partition, uint64_t version, const char *try_id);

#endif
