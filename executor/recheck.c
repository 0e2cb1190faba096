/* See recheck.h. The version that is published when the check begins is pinned into a staging of its own, and goes with it. */
#include "executor/recheck.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "core/jsonio.h"
#include "executor/checks.h"
#include "executor/probe.h"
#include "executor/store.h"
#include "executor/verify.h"

struct recheck {
	json_t *reply;
	bool found; /* something with rows is published */
};

static void put_state(json_t *reply, const char *state, uint64_t version, int64_t rows, const struct attempt *t)
{
	jput_text(reply, "state", state);
	jput_int(reply, "version", (int64_t)version);
	jput_int(reply, "rows", rows);
	manifest_put_checks(reply, &(struct manifest){.checks = t ? t->checks : NULL, .nchecks = t ? t->nchecks : 0});
}

/* What makes the partition anew. */
static const char *forced_run(const struct attempt *t)
{
	const struct try_request *rq = t->rq;
	return arena_printf(t->arena, "`strata run --force %s%s%s`", rq->qname, rq->partitioned ? " --date " : "", rq->partitioned ? rq->partition : "");
}

/* What was pinned is read as what a try has staged, and checked. What the engine cannot read is no fault of the project's text. */
static int check_files(struct attempt *t)
{
	t->out = arena_printf(t->arena, "%s/in", t->staging);
	if (verify_read(t) == 0 && checks_evaluate(t) == 0)
		return 0;
	if (t->result->outcome == OUTCOME_ERROR)
		t->result->error = (struct try_error){
			.class = "permanent",
			.message = arena_printf(t->arena, "what is published cannot be read: %s; %s", t->result->error.message, forced_run(t)),
		};
	return -1;
}

static int check_pinned(struct attempt *t, void *ctx)
{
	struct recheck *r = ctx;
	if (!*t->inputs[0].try_id)
		return 0;
	if (check_files(t) < 0)
		return -1;
	put_state(r->reply, "published", t->inputs[0].version, t->rows, t);
	r->found = true;
	return 0;
}

/* "dwd/dwd_x/dt=2013-01-03". The name is one that may stand in a path: attempt_read has seen to that, or nothing is opened. */
static const char *folder_of(struct arena *arena, const struct try_request *rq, bool partition)
{
	const char *dot = strchr(rq->qname, '.');
	return arena_printf(arena, "%.*s/%s%s%s", (int)(dot - rq->qname), rq->qname, dot + 1, partition ? "/dt=" : "",
	                    partition ? rq->partition : "");
}

/* Neither a date's folder nor the record of one without rows, nor the table in its other layout, which is an error. Told
 * without a session, so that a range of years costs little where days of it were built. The folder is looked for again: its
 * record may have gone as it came. */
static bool is_absent(struct arena *arena, const struct try_request *rq)
{
	char record[STORE_RECORD_MAX];
	if (!rq->partitioned || !strchr(rq->qname, '.'))
		return false;
	const char *folder = folder_of(arena, rq, true), *whole = arena_printf(arena, "%s/manifest.json", folder_of(arena, rq, false));
	return access(folder, F_OK) < 0 && access(store_empty_record(record, folder), F_OK) < 0 && access(folder, F_OK) < 0 &&
	       access(whole, F_OK) < 0;
}

/* Built without rows: there is only the record of it. */
static bool find_empty(struct arena *arena, const char *folder, struct manifest *ret)
{
	struct buf text = BUF_INIT(MANIFEST_MAX);
	bool found = probe_empty(arena, folder, &text, ret);
	buf_free(&text);
	return found;
}

int recheck_run(struct attempt *t)
{
	if (t->ninputs != 1)
		return attempt_fail(t, "permanent", "check_only: its one input must be the partition itself");
	struct manifest is = {.version = t->inputs[0].version, .try_id = t->inputs[0].try_id};
	char rows[32];
	if (!*is.try_id && !find_empty(t->arena, t->target.folder, &is))
		return attempt_fail(t, "transient", "nothing is published of it any more; %s", forced_run(t));
	if (*t->inputs[0].try_id ? check_files(t) < 0 : checks_evaluate(t) < 0)
		return -1;
	t->result->note = arena_printf(t->arena, "version %" PRIu64 " was checked, %s row%s", is.version,
	                               str_count(rows, sizeof rows, t->rows), t->rows == 1 ? "" : "s");
	t->result->manifest.version = is.version;
	t->result->manifest.row_count = t->rows;
	t->result->manifest.nfiles = t->nfiles;
	if (checks_verdict(t) < 0)
		return -1;
	t->result->checked = is.try_id;
	return 0;
}

static bool check_empty(struct worker *w, struct arena *arena, const struct try_request *rq, struct recheck *r)
{
	struct manifest m = {0};
	if (!find_empty(arena, folder_of(arena, rq, rq->partitioned), &m))
		return false;
	struct attempt t;
	struct try_result ignored;
	attempt_init(&t, w, arena, rq, &ignored);
	checks_evaluate(&t); /* without files it asks no engine */
	put_state(r->reply, "empty", m.version, 0, &t);
	return true;
}

static int check(struct worker *w, struct arena *arena, struct try_request *rq, struct recheck *r, struct op_error *e)
{
	/* Between the look for a folder and that for the record of an empty result, one may have taken the other's place. */
	for (int i = 0; i < 2 && !is_absent(arena, rq); i++) {
		struct try_result result;
		rq->try_id = attempt_query_id(w, arena);
		attempt_read(w, arena, rq, check_pinned, r, &result);
		int rc = op_error_of(&result, e);
		if (rc < 0 || r->found || check_empty(w, arena, rq, r))
			return rc;
	}
	put_state(r->reply, "absent", 0, 0, NULL);
	return 0;
}

int op_check(struct worker *w, const json_t *req, json_t **ret_reply, struct op_error *e)
{
	struct arena arena = {0};
	struct try_request rq;
	struct recheck r = {.reply = json_object()};
	int rc = try_request_decode(&arena, req, &rq, &e->err);
	if (rc == 0 && (rq.ninputs != 1 || rq.inputs[0].npartitions != 1))
		rc = err_set(&e->err, ERR_PROTOCOL, "check: its one input must be the partition itself");
	rq.log_path = NULL;
	rq.keep_staging = rq.output_none = false;
	if (rc == 0)
		rc = check(w, &arena, &rq, &r, e);
	arena_free(&arena);
	if (rc == 0)
		*ret_reply = r.reply;
	else
		json_decref(r.reply);
	return rc;
}
