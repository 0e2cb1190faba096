/* What a person sees of a run while it works: on a terminal a line that lives, with what failed left above
 * it; on a pipe a line a task. All on stderr. */
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

struct running {
	const struct table *table;
	int32_t day;
	int64_t since_us;
};

struct progress {
	struct arena arena;
	uv_loop_t *loop;
	uv_timer_t timer;      /* redraws the living line while nothing happens */
	bool live, color, quiet;
	bool drawn;            /* the living line is on the screen */
	struct run_counts counts;
	uint64_t total;        /* tasks to build */
	struct running *running; size_t nrunning, running_cap;
	struct failure *failures; size_t nfailures, failures_cap;
	const struct table **awaited; size_t nawaited, awaited_cap; /* whose sources were said to be waited for */
	int64_t started_us, drawn_us;
};

void progress_begin(struct progress *p, uv_loop_t *loop, uint64_t total, bool quiet);
struct runner_observer progress_observer(struct progress *p);
void progress_end(struct progress *p); /* wipes the living line; failures stay */
void progress_free(struct progress *p);

#endif
