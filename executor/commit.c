/* See commit.h. */
#include "executor/commit.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"

static bool stopped(void *ctx)
{
	return attempt_stopped(ctx);
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

static void finish(struct attempt *t, const struct publication *p, int end, const struct err *err)
{
	struct try_result *r = t->result;
	r->cleared_rows = r->empty && p->had ? p->had_rows : -1;
	if (end < 0 && p->switched) {
		/* The manifest is the truth of what is published, and it says this try. */
		r->note = arena_printf(t->arena, "published, but after a loss of power the version before may be back: %s", err->text);
		end = STORE_DONE;
	}
	if (end < 0) {
		attempt_fail_err(t, err->code == ERR_LAKE ? "permanent" : "transient", err);
	} else if (end == STORE_STOPPED) {
		r->outcome = OUTCOME_KILLED;
	} else if (end == STORE_FENCED) {
		r->outcome = OUTCOME_FENCED;
		r->note = arena_printf(t->arena, "a try with fence %" PRIu64 " has published; this one has %" PRIu64, p->had_fence,
		                       r->manifest.fence);
	} else {
		r->outcome = OUTCOME_SUCCESS;
	}
}

void commit_attempts(struct attempt *const *tries, size_t n)
{
	struct publication all[COMMIT_MAX], *some[COMMIT_MAX];
	struct attempt *whose[COMMIT_MAX];
	struct err errs[COMMIT_MAX] = {0};
	int ends[COMMIT_MAX];
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		struct attempt *t = tries[i];
		fill_manifest(t, &t->result->manifest);
		all[i] = (struct publication){.target = &t->target, .staged = t->out, .manifest = &t->result->manifest, .files = t->files,
		                              .next_version = t->rq->next_version, .arena = t->arena, .stopped = stopped, .ctx = t};
		t->result->empty = t->rows == 0;
		if (t->rows > 0) {
			some[k] = &all[i];
			whose[k++] = t;
			continue;
		}
		struct err err = {0};
		int end = t->store->clear(&all[i], &err);
		finish(t, &all[i], end, &err);
	}
	if (k == 1)
		ends[0] = whose[0]->store->publish(some[0], &errs[0]);
	else if (k > 1)
		whose[0]->store->publish_all(some, k, ends, errs);
	for (size_t i = 0; i < k; i++)
		finish(whose[i], some[i], ends[i], &errs[i]);
}
