/* See analyses.h. */
#include "scheduler/analyses.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/protocol.h"

/* A batch is small enough for a line of the protocol even if every byte is escaped, and for the workers
 * to share the work. */
enum { BATCH_BYTES = 96 << 10, BATCH_FILES = 128 };

struct gathering {
	struct arena *arena;
	struct workers *workers;
	const json_t *macros;
	size_t open;    /* batches not answered */
	bool done;
	struct err err; /* the first failure */
};

struct batch {
	struct gathering *g;
	struct analysis_job *jobs;
	size_t n;
};

static void ask(struct gathering *g, struct analysis_job *jobs, size_t n);

static bool is_text(const char *text, size_t n)
{
	json_t *json = memchr(text, '\0', n) ? NULL : json_stringn(text, n);
	bool ok = json != NULL;
	json_decref(json);
	return ok;
}

/* Where the first line is that is no text; SQL only: an executable may hold anything. */
static bool refuse_bytes(const struct analysis_job *job)
{
	int line = 1;
	const char *start = job->text, *end = job->text + job->n;
	if (job->exec || is_text(start, job->n))
		return false;
	for (const char *stop; (stop = memchr(start, '\n', (size_t)(end - start))) && is_text(start, (size_t)(stop - start)); line++)
		start = stop + 1;
	*job->out = (struct analysis){.canonical = "", .error = "not UTF-8 text: save the file as UTF-8", .error_line = line, .error_col = 1};
	return true;
}

static void take(struct batch *b, const json_t *reply)
{
	const json_t *tables = json_object_get(reply, "tables");
	struct gathering *g = b->g;
	if (json_array_size(tables) != b->n) {
		if (!g->err.code)
			err_set(&g->err, ERR_PROTOCOL, "a worker analyzed %zu tables of %zu", json_array_size(tables), b->n);
		return;
	}
	for (size_t i = 0; i < b->n && !g->err.code; i++) {
		if (!refuse_bytes(&b->jobs[i]))
			analysis_from_json(g->arena, json_array_get(tables, i), b->jobs[i].out, &g->err);
	}
}

/* Its worker died. Alone, the file is to blame; in company, each gets a try of its own. */
static void take_death(struct batch *b)
{
	struct gathering *g = b->g;
	if (b->n == 1) {
		*b->jobs->out = (struct analysis){
			.canonical = "", .error = "the SQL parser crashed on this file; simplify the query and report this as a defect"};
		return;
	}
	for (size_t i = 0; i < b->n; i++)
		ask(g, &b->jobs[i], 1);
}

static void on_answer(void *ctx, const struct worker_answer *a)
{
	struct batch *b = ctx;
	struct gathering *g = b->g;
	if (a->reply)
		take(b, a->reply);
	else if (a->died)
		take_death(b);
	else if (!g->err.code) {
		g->err = *a->err;
		if (b->n == 1)
			err_wrap(&g->err, "%s", b->jobs->qname);
	}
	free(b);
	g->done = --g->open == 0;
}

static void ask(struct gathering *g, struct analysis_job *jobs, size_t n)
{
	json_t *tables = json_array();
	for (size_t i = 0; i < n; i++) {
		/* What is no text is an executable, or refused when the answer comes. */
		size_t len = is_text(jobs[i].text, jobs[i].n) ? jobs[i].n : 0;
		json_array_append_new(tables, json_pack("{s:s, s:s, s:o}", "qname", jobs[i].qname, "kind",
		                                        jobs[i].exec ? "exec" : "sql", "text", json_stringn(jobs[i].text, len)));
	}
	struct batch *b = mem_alloc(sizeof *b);
	*b = (struct batch){.g = g, .jobs = jobs, .n = n};
	g->open++;
	json_t *rq = json_pack("{s:s, s:o}", "op", "analyze", "tables", tables);
	if (g->macros)
		json_object_set(rq, "macros", (json_t *)(uintptr_t)g->macros);
	workers_ask(g->workers, rq, false, NULL, on_answer, b);
}

int analyses_get(struct arena *arena, struct turns *turns, struct workers *workers, struct analysis_job *jobs, size_t n,
                 const json_t *macros, struct err *err)
{
	struct gathering g = {.arena = arena, .workers = workers, .macros = macros, .open = 1};
	for (size_t from = 0; from < n;) {
		size_t bytes = 0, count = 0;
		do
			bytes += jobs[from + count++].n;
		while (from + count < n && count < BATCH_FILES && bytes + jobs[from + count].n < BATCH_BYTES);
		ask(&g, jobs + from, count);
		from += count;
	}
	g.done = --g.open == 0;
	turns_until(turns, &g.done);
	if (g.err.code && err)
		*err = g.err;
	return g.err.code;
}
