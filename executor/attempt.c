/* See attempt.h. */
#include "executor/attempt.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "core/advice.h"
#include "core/date.h"
#include "executor/checks.h"
#include "executor/commit.h"
#include "executor/engine.h"
#include "executor/inputs.h"
#include "executor/recheck.h"
#include "executor/source.h"
#include "executor/staging.h"
#include "executor/verify.h"

enum { LOG_LINE_MAX = 64 << 10, NAME_MAX_LEN = 200 };

void attempt_log(struct attempt *t, const char *event, const char *fmt, ...)
{
	if (t->log_fd < 0)
		return;
	struct buf b = BUF_INIT(LOG_LINE_MAX);
	char iso[CLOCK_ISO_SIZE];
	buf_addf(&b, "%s %s%s", clock_iso(iso, clock_wall_us()), event, *fmt ? " " : "");
	char text[4096];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_adds(&b, text);
	buf_addc(&b, '\n');
	/* A log that cannot be written does not fail the try. */
	(void)file_write_all(t->log_fd, b.data, b.len);
	buf_free(&b);
}

bool attempt_stopped(const struct attempt *t)
{
	return t->canceled ? atomic_load(t->canceled) || stop_closed(&t->w->stop) : stop_wanted(&t->w->stop);
}

static int fail(struct attempt *t, const char *class, const char *message, int line, int col)
{
	struct try_result *r = t->result;
	if (attempt_stopped(t)) {
		r->outcome = OUTCOME_KILLED; /* what broke, broke because of that */
		return -1;
	}
	r->outcome = OUTCOME_ERROR;
	r->error = (struct try_error){.class = class, .message = arena_printf(t->arena, "%s%s", message, advice_for(message)),
	                               .line = line, .col = col};
	return -1;
}

int attempt_fail(struct attempt *t, const char *class, const char *fmt, ...)
{
	va_list ap;
	char text[4096];
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return fail(t, class, text, 0, 0);
}

int attempt_fail_err(struct attempt *t, const char *class, const struct err *err)
{
	return fail(t, class, err->text, 0, 0);
}

int attempt_fail_duck(struct attempt *t, const struct duck_error *e, int before)
{
	if (e->type == DUCKDB_ERROR_FATAL || e->type == DUCKDB_ERROR_INTERNAL)
		t->w->db_broken = true;
	if (e->full[0])
		attempt_log(t, "engine.error", "%s", e->full);
	bool placed = before >= 0 && e->line > before;
	/* DuckDB's own advice is to change settings that are not the query's to change. */
	const char *advice = e->type == DUCKDB_ERROR_OUT_OF_MEMORY ? strstr(e->message, "Possible solutions") : NULL;
	size_t n = advice ? (size_t)(advice - e->message) : strlen(e->message);
	while (n && isspace((unsigned char)e->message[n - 1]))
		n--;
	const char *text = arena_printf(t->arena, "%s%s%.*s%s%s", e->kind, e->kind[0] ? " Error: " : "", (int)n, e->message,
	                                e->candidates[0] ? "; candidates: " : "", e->candidates);
	return fail(t, duck_error_class(e), text, placed ? e->line - before : 0, placed ? e->col : 0);
}

void attempt_note_input(struct attempt *t, const char *table, const char *partition, uint64_t version, const char *try_id)
{
	if (t->ninputs == t->inputs_cap) {
		struct manifest_input *more = arena_array(t->arena, t->inputs_cap = t->inputs_cap ? t->inputs_cap * 2 : 8,
		                                          sizeof *more);
		if (t->ninputs)
			memcpy(more, t->inputs, t->ninputs * sizeof *more);
		t->inputs = more;
	}
	t->inputs[t->ninputs++] = (struct manifest_input){table, partition, version, try_id};
}

/* Names become parts of paths: nothing in them may lead out of their folder. */
static bool safe_name(const char *s)
{
	return *s && *s != '.' && strlen(s) <= NAME_MAX_LEN && !strpbrk(s, "/\\\n\t'\"");
}

static int set_target(struct attempt *t)
{
	const struct try_request *rq = t->rq;
	const char *dot = strchr(rq->qname, '.');
	int32_t day;
	if (!dot)
		return attempt_fail(t, "permanent", "'%s' is no layer.table", rq->qname);
	t->target = (struct target){
		.layer = arena_strndup(t->arena, rq->qname, (size_t)(dot - rq->qname)),
		.table = dot + 1,
		.partition = rq->partition,
		.partitioned = rq->partitioned,
	};
	if (!safe_name(t->target.layer) || !safe_name(t->target.table) || !safe_name(rq->try_id))
		return attempt_fail(t, "permanent", "'%s' or '%s' cannot be the name of a folder", rq->qname, rq->try_id);
	if (rq->partitioned && !date_parse_iso(rq->partition, strlen(rq->partition), &day))
		return attempt_fail(t, "permanent", "'%s' is no date", rq->partition);
	t->target.folder = rq->partitioned ? arena_printf(t->arena, "%s/%s/dt=%s", t->target.layer, t->target.table, rq->partition)
	                                   : arena_printf(t->arena, "%s/%s", t->target.layer, t->target.table);
	t->engine = engine_find(rq->engine);
	if (!t->engine)
		return attempt_fail(t, "permanent", "unknown engine '%s'", rq->engine);
	if (t->engine == &engine_duckdb && !rq->sql)
		return attempt_fail(t, "permanent", "'%s' has no SQL", rq->qname);
	return 0;
}

static void open_log(struct attempt *t)
{
	const char *path = t->rq->log_path;
	if (!path)
		return;
	int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
	t->log_fd = open(path, flags, 0666);
	if (t->log_fd < 0 && errno == ENOENT) {
		const char *slash = strrchr(path, '/');
		if (slash && slash != path && dir_make_all(arena_strndup(t->arena, path, (size_t)(slash - path)), 0777, NULL) == 0)
			t->log_fd = open(path, flags, 0666);
	}
}

static int make_staging(struct attempt *t)
{
	t->staging = arena_printf(t->arena, ".strata/staging/%s", t->rq->try_id);
	t->out = arena_printf(t->arena, "%s/out", t->staging);
	if (FAULT("stage.make"))
		return attempt_fail(t, "transient", "make '%s': %s", t->out, strerror(errno));
	struct err err = {0};
	return staging_make(t->w, t->staging, &err) < 0 ? attempt_fail_err(t, "transient", &err) : 0;
}

/* DuckDB 1.5.5 on a single thread never ends an ASOF RIGHT or FULL JOIN, and hears no interrupt meanwhile: whatever
 * has the word gets two. */
static int threads_for(const struct attempt *t)
{
	int threads = t->rq->threads > 0 ? t->rq->threads : t->w->threads;
	bool asof = t->rq->sql && strcasestr(t->rq->sql, "asof");
	for (size_t i = 0; i < t->rq->nviews; i++)
		asof = asof || strcasestr(t->rq->views[i]->ddl, "asof");
	return threads == 1 && asof ? 2 : threads;
}

static int prepare(struct attempt *t)
{
	const struct try_request *rq = t->rq;
	open_log(t);
	attempt_log(t, "task.start", "table=%s dt=%s run_id=%s try_id=%s fence=%" PRIu64 " engine=%s", rq->qname, rq->partition,
	            rq->run_id, rq->try_id, rq->fence, rq->engine);
	if (set_target(t) < 0)
		return -1;
	struct err err = {0};
	if (!rq->output_none && t->store->check_layout(&t->target, &err) < 0)
		return attempt_fail_err(t, "permanent", &err);
	bool reads = rq->ninputs > 0;
	if (rq->output_none && !reads && !t->engine->views)
		return 0;
	/* An action leaves nothing anywhere; what it reads is pinned in its staging. */
	if ((!rq->output_none || reads) && make_staging(t) < 0)
		return -1;
	if (t->engine->views) {
		int rc = session_open(t->w, threads_for(t), rq->memory_bytes, &t->session, &err);
		if (rc < 0)
			return attempt_fail_err(t, "transient", &err);
	}
	if (inputs_pin(t) < 0)
		return -1;
	return t->engine->views && rq->source ? source_view(t, rq->source) : 0;
}

static int load(struct attempt *t)
{
	return t->no_input ? 0 : t->engine->load(t);
}

static int validate(struct attempt *t)
{
	if (t->rq->output_none)
		return 0;
	if (t->rq->check_only)
		return recheck_run(t);
	if (!t->no_input && verify_staged(t) < 0)
		return -1;
	return checks_run(t);
}

void attempt_tidy(struct worker *w)
{
	session_close(w, &w->spent);
	staging_tidy(w);
}

/* The query is over. Of what an action is that reads nothing, its session knows nothing afterwards. */
static void release_session(struct attempt *t, bool good)
{
	session_close(t->w, &t->w->spent);
	stop_watch_query(&t->w->stop, NULL);
	bool untouched = good && !t->staging && !t->rq->source && t->rq->nviews == 0;
	*(untouched ? &t->w->untouched : &t->w->spent) = t->session;
	t->session = (struct session){0};
}

/* What stays of the staging, if anything: the staged data of a failed check, or all of it on request. */
static void cleanup(struct attempt *t)
{
	if (!t->staging)
		return;
	bool failed = t->result->outcome == OUTCOME_ERROR;
	t->keep = t->keep || (t->rq->keep_staging && t->result->outcome != OUTCOME_KILLED);
	if (t->keep)
		t->result->staging = t->staging;
	if (!t->keep)
		staging_trash(t->w, t->staging, true);
	else if (failed)
		staging_trash(t->w, arena_printf(t->arena, "%s/in", t->staging), false);
}

static void log_end(struct attempt *t)
{
	const struct try_result *r = t->result;
	if (r->outcome == OUTCOME_SUCCESS)
		attempt_log(t, "task.done",
		            "table=%s dt=%s run_id=%s location=%s file_count=%zu row_count=%" PRId64 " status=%s version=%" PRIu64
		            " bytes=%" PRId64 " prepare_us=%" PRId64 " load_us=%" PRId64 " validate_us=%" PRId64 " commit_us=%" PRId64,
		            t->rq->qname, t->rq->partition, t->rq->run_id, t->target.folder, r->manifest.nfiles,
		            r->manifest.row_count, t->rq->output_none ? "done" : r->checked ? "checked" : r->empty ? "empty" : "published",
		            r->manifest.version, r->bytes, r->prepare_us, r->load_us, r->validate_us, r->commit_us);
	else if (r->outcome == OUTCOME_ERROR)
		attempt_log(t, "task.failed", "class=%s line=%d col=%d %s", r->error.class, r->error.line, r->error.col,
		            r->error.message);
	else
		attempt_log(t, "task.stopped", "outcome=%s%s%s", try_outcome_name(r->outcome), r->note ? " " : "",
		            r->note ? r->note : "");
}

bool attempt_stage(struct attempt *t, attempt_event *event, void *ctx)
{
	struct try_result *r = t->result;
	const struct {
		const char *name, *event;
		int (*run)(struct attempt *);
		int64_t *us;
	} stages[] = {
		{"prepare", "running", prepare, &r->prepare_us},
		{"load", "load", load, &r->load_us},
		{"validate", "validate", validate, &r->validate_us},
	};
	int rc = 0;
	for (size_t i = 0; i < sizeof stages / sizeof *stages && rc == 0; i++) {
		if (t->rq->check_only && stages[i].run == load)
			continue;
		if (event && (i == 0 || !t->rq->output_none))
			event(ctx, stages[i].event, stages[i].run == validate && !t->rq->check_only ? t->loaded_rows : -1);
		int64_t start = clock_mono_us();
		if (stop_wanted(&t->w->stop)) {
			r->outcome = OUTCOME_KILLED;
			rc = -1;
		} else {
			rc = stages[i].run(t);
		}
		*stages[i].us = clock_mono_us() - start;
		if (rc == 0 && i > 0 && !t->rq->output_none)
			attempt_log(t, stages[i].name, "us=%" PRId64, *stages[i].us);
	}
	int64_t start = clock_mono_us();
	release_session(t, rc == 0);
	r->cleanup_us = clock_mono_us() - start;
	return rc == 0;
}

/* A stop that came after the last stage is seen by the commit, at its last moment. */
void attempt_publish(struct attempt *const *tries, size_t n)
{
	int64_t start = clock_mono_us();
	if (attempt_makes_nothing(tries[0]->rq))
		tries[0]->result->outcome = OUTCOME_SUCCESS;
	else
		commit_attempts(tries, n);
	int64_t each = (clock_mono_us() - start) / (int64_t)n;
	for (size_t i = 0; i < n; i++) {
		struct attempt *t = tries[i];
		t->result->commit_us = each;
		if (t->result->outcome == OUTCOME_SUCCESS && !attempt_makes_nothing(t->rq))
			attempt_log(t, "commit", "us=%" PRId64 "%s", each, n > 1 ? " of a batch" : "");
	}
}

/* A result that never reached its commit still says what it would have been. */
static void fill_result(struct attempt *t)
{
	struct try_result *r = t->result;
	struct manifest *m = &r->manifest;
	m->dest = m->dest ? m->dest : t->rq->qname;
	m->run_id = t->rq->run_id;
	m->try_id = t->rq->try_id;
	m->fence = t->rq->fence;
	m->checks = t->checks;
	m->nchecks = t->nchecks;
	m->inputs = t->inputs;
	m->ninputs = t->ninputs;
	if (r->outcome == OUTCOME_SUCCESS && !attempt_makes_nothing(t->rq))
		r->bytes = t->rows ? t->bytes : 0;
	if (t->no_input)
		r->note = arena_printf(t->arena, "no input: %s%s%s%s", t->no_input,
		                       strcmp(t->no_input, t->rq->qname) == 0 ? " itself; declare its columns in tables.yaml" : "",
		                       r->note ? "; " : "", r->note ? r->note : "");
}

void attempt_init(struct attempt *t, struct worker *w, struct arena *arena, const struct try_request *rq, struct try_result *ret)
{
	*ret = (struct try_result){.cleared_rows = -1};
	*t = (struct attempt){.w = w, .rq = rq, .arena = arena, .result = ret, .store = &store_local, .log_fd = -1,
	                      .only_files = rq->check_only};
}

void attempt_end(struct attempt *t)
{
	int64_t start = clock_mono_us();
	cleanup(t);
	fill_result(t);
	t->result->cleanup_us += clock_mono_us() - start;
	log_end(t);
	if (t->log_fd >= 0)
		close(t->log_fd);
}

void attempt_run(struct worker *w, struct arena *arena, const struct try_request *rq, attempt_event *event, void *ctx,
                 struct try_result *ret)
{
	struct attempt t, *one = &t;
	attempt_init(&t, w, arena, rq, ret);
	if (attempt_stage(&t, event, ctx)) {
		if (event && !attempt_makes_nothing(rq))
			event(ctx, "commit", t.rows);
		attempt_publish(&one, 1);
	}
	attempt_end(&t);
}

const char *attempt_query_id(const struct worker *w, struct arena *arena)
{
	static unsigned count;
	return arena_printf(arena, "sql-%s-%ld-%u", w->id ? w->id : "worker", (long)getpid(), ++count);
}

static void look_at(struct attempt *t, attempt_look *look, void *ctx)
{
	if (prepare(t) == 0 && (t->no_input || look(t, ctx) == 0))
		t->result->outcome = OUTCOME_SUCCESS;
	release_session(t, false);
	cleanup(t);
	fill_result(t);
}

void attempt_query(struct worker *w, struct arena *arena, const struct try_request *rq, attempt_look *query, void *ctx,
                   struct try_result *ret)
{
	struct attempt t;
	attempt_init(&t, w, arena, rq, ret);
	look_at(&t, query, ctx);
}

void attempt_read(struct worker *w, struct arena *arena, const struct try_request *rq, attempt_look *look, void *ctx,
                  struct try_result *ret)
{
	struct attempt t;
	attempt_init(&t, w, arena, rq, ret);
	t.only_files = true;
	look_at(&t, look, ctx);
}
