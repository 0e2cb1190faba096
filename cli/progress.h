/* What a person sees of a run while it works: on a terminal a line that lives, with what failed left above
 * it; on a pipe a line a task. All on stderr.
 *
 * Whoever carries it out, the words are these: a run of this process tells by its runner (progress_observer), one that the
 * scheduler carries out by its record (cli/follow.c). */
#ifndef STRATA_CLI_PROGRESS_H
#define STRATA_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/arena.h"
#include "scheduler/runner.h"

/* A task that did not succeed, kept for the summary. */
struct failure {
	const char *name;  /* "dwd.dwd_flights 2013-01-03" */
	const char *error; /* may have several lines */
	const char *file;  /* the table's, relative to the project */
	int line, col;     /* 0: unknown */
	const char *log_path; /* NULL: it has none */
	const char *staging;  /* kept staged data, relative to the lake; NULL: none */
};

/* A try that has ended; names and texts are only read during the call. */
struct try_end {
	const char *name;       /* "dwd.dwd_flights 2013-01-03" */
	enum try_outcome outcome;
	bool action;            /* of a table without output */
	bool empty;
	bool checked;           /* nothing was made: what is published passed its checks */
	int64_t rows;
	int64_t cleared_rows;   /* of an empty success: rows that went away; -1: none were there */
	int64_t duration_us;
	const char *reason;     /* why it was built */
	const char *error, *note; /* or NULL */
};

struct progress {
	struct arena arena;
	uv_loop_t *loop;       /* NULL: who uses it redraws */
	uv_timer_t timer;      /* redraws the living line while nothing happens */
	bool live, color, quiet;
	bool drawn;            /* the living line is on the screen */
	uint64_t done, failed; /* tasks so far */
	uint64_t total;        /* tasks to run */
	bool paused;
	int64_t left_us;       /* until its end; negative: nobody has said */
	char **running; size_t nrunning, running_cap; /* names of tasks at work */
	struct failure *failures; size_t nfailures, failures_cap;
	const char **awaited; size_t nawaited, awaited_cap; /* tables whose sources were said to be waited for */
	int64_t started_us, drawn_us;
};

/* "run ID, 2013-01-01 to 2013-01-07 (UTC): 12 to run, 3 fresh" */
void progress_head(const char *run_id, int32_t first, int32_t last, uint64_t todo, uint64_t fresh);

void progress_begin(struct progress *p, uv_loop_t *loop, uint64_t total, bool quiet);
struct runner_observer progress_observer(struct progress *p);
void progress_started(struct progress *p, const char *name);
void progress_idle(struct progress *p); /* nothing is at work, as far as anybody knows */
void progress_ended(struct progress *p, const struct try_end *end); /* says it, where it is to be said */
void progress_withheld(struct progress *p, const char *name, const char *cause);
void progress_awaits(struct progress *p, const char *table, const char *name, const char *why); /* once a table */
bool progress_tells_each(const struct progress *p); /* a line for each task: also for successes, and for what is withheld */
void progress_draw(struct progress *p);
void progress_wipe(struct progress *p); /* before something else is written to the terminal */
void progress_end(struct progress *p); /* wipes the living line; failures stay */
void progress_free(struct progress *p);

#endif
