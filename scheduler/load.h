/* Reading a project from disk: scan, YAML, analyses (from the cache or the workers), edges.
 *
 * Problems of the project go to diags, all of them; the return value is negative only when it could not
 * be read at all (ERR_PROJECT: no dags/ folder; ERR_IO, ERR_PROTOCOL: files or workers). */
#ifndef STRATA_SCHEDULER_LOAD_H
#define STRATA_SCHEDULER_LOAD_H

#include <stdbool.h>
#include <uv.h>

#include "base/err.h"
#include "core/diag.h"
#include "core/project.h"
#include "scheduler/turns.h"
#include "scheduler/workers.h"

struct load_options {
	const char *dir;         /* project folder; NULL: the current one */
	bool analyze;            /* else only YAML and file names: no edges */
	bool keep_texts;         /* with analyze: keep the SQL as it is now, for runs that begin when it has changed on disk */
	uint32_t jobs;           /* workers for what is not cached; 0: one a core */
	struct turns *turns;     /* with get_workers: use these; both NULL: its own for the duration */
	/* Asked for only when something is not cached, after the YAML is read: the lake may depend on it. */
	struct workers *(*get_workers)(void *ctx, const struct project *p, struct err *err);
	void *ctx;
};

/* The folder of the lake, absolute, in out: --lake, else STRATA_LAKE, else storage.base_uri, else the
 * project folder. ERR_USAGE for a URI that no store of this version serves, and for a folder that one of the first two
 * names and that is not there: only a lake that the project says is made on first use. */
int load_lake(const struct project *p, const char *option, char *out, size_t size, struct err *err);

int project_load(const struct load_options *options, struct project **ret, struct diags *diags, struct err *err);

/* The text of a table's file as it was analyzed; ERR_PROJECT when it has changed since and was not kept. Appends to out. */
int load_text(const struct project *p, const struct table *t, struct buf *out, struct err *err);

/* cores of this machine, at least 1 */
uint32_t load_cores(void);

#endif
