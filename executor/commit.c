/* See commit.h. */
#include "executor/commit.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"

static bool stopped(void *ctx)
{
	struct attempt *t = ctx;
	return stop_wanted(&t->w->stop);
}

static void fill_manifest(struct attempt *t, struct manifest *m)
{
	const struct try_request *rq = t->rq;
	char iso[CLOCK_ISO_SIZE];
	*m = (struct manifest){
		.dest = rq->qname,
		.partition_date = rq->partitioned ? rq->partition : rq->run_date,
		.partitioned = rq->partitioned,
		.run_id = rq->run_id,
		.try_id = rq->try_id,
		.fence = rq->fence,
		.row_count = t->rows,
		.status = "published",
		.source_prefix = t->out,
		.target_prefix = t->target.folder,
		.generated_at = arena_strdup(t->arena, clock_iso(iso, clock_wall_us())),
		.files = t->rows ? t->files : NULL,
		.nfiles = t->rows ? t->nfiles : 0,
		.schema = t->schema,
		.nschema = t->nschema,
		.fingerprint = rq->fingerprint ? rq->fingerprint : "",
		.inputs = t->inputs,
		.ninputs = t->ninputs,
		.checks = t->checks,
		.nchecks = t->nchecks,
		.git_commit = rq->git_commit ? rq->git_commit : "",
	};
}

int commit_attempt(struct attempt *t)
{
	struct manifest *m = &t->result->manifest;
	fill_manifest(t, m);
	struct publication p = {
		.target = &t->target,
		.staged = t->out,
		.manifest = m,
		.files = t->files,
		.next_version = t->rq->next_version,
		.arena = t->arena,
		.stopped = stopped,
		.ctx = t,
	};
	struct err err = {0};
	t->result->empty = t->rows == 0;
	int end = t->rows > 0 ? t->store->publish(&p, &err) : t->store->clear(&p, &err);
	t->result->cleared_rows = t->result->empty && p.had ? p.had_rows : -1;
	if (end < 0 && p.switched) {
		/* The manifest is the truth of what is published, and it says this try. */
		t->result->note = arena_printf(t->arena, "published, but after a loss of power the version before may be back: %s", err.text);
		return 0;
	}
	if (end < 0)
		return attempt_fail_err(t, err.code == ERR_LAKE ? "permanent" : "transient", &err);
	if (end == STORE_STOPPED) {
		t->result->outcome = OUTCOME_KILLED;
		return -1;
	}
	if (end == STORE_FENCED) {
		t->result->outcome = OUTCOME_FENCED;
		t->result->note = arena_printf(t->arena, "a try with fence %" PRIu64 " has published; this one has %" PRIu64,
		                               p.had_fence, m->fence);
		return -1;
	}
	return 0;
}
