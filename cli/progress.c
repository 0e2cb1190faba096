/* See progress.h. */
#include "base/str.h"
#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/output.h"
#include "base/text.h"
#include "core/date.h"
#include "scheduler/zone.h"

enum { REDRAW_MS = 100, BAR = 20, BAR_NARROW = 8, NARROW = 60 /* columns */, LINE_MAX_BYTES = 1 << 16 };

static void add_name(struct buf *out, const struct table *t, int32_t day)
{
	char date[DATE_SIZE];
	date_format(date, day);
	buf_addf(out, "%s%s%s", t->qname, *date ? " " : "", date);
}

static void write_out(struct buf *line)
{
	(void)file_write_all(STDERR_FILENO, buf_cstr(line), line->len);
	buf_free(line);
}

void progress_wipe(struct progress *p)
{
	if (p->drawn)
		(void)file_write_all(STDERR_FILENO, "\r\033[K", 4);
	p->drawn = false;
}

static void add_bar(struct buf *out, uint64_t length, uint64_t done, uint64_t total)
{
	uint64_t full = total ? done * length / total : length;
	buf_addc(out, '[');
	for (uint64_t i = 0; i < length; i++)
		buf_addc(out, i < full ? '#' : '.');
	buf_addc(out, ']');
}

void progress_draw(struct progress *p)
{
	size_t width = output_terminal_width(stderr);
	struct buf text = BUF_INIT(LINE_MAX_BYTES), line = BUF_INIT(LINE_MAX_BYTES);
	char took[32];
	if (!p->live)
		return;
	add_bar(&text, width < NARROW ? BAR_NARROW : BAR, p->done, p->total);
	buf_addf(&text, " %" PRIu64 "/%" PRIu64 "  %s", p->done, p->total, clock_human(took, sizeof took, clock_mono_us() - p->started_us));
	if (p->left_us >= 0)
		buf_addf(&text, "  %s left", clock_human(took, sizeof took, p->left_us));
	if (p->failed)
		buf_addf(&text, "  %" PRIu64 " failed", p->failed);
	if (p->paused)
		buf_adds(&text, "  paused");
	for (size_t i = 0; i < p->nrunning; i++)
		buf_addf(&text, "%s%s", i ? ", " : "  ", p->running[i]);
	buf_adds(&line, "\r");
	text_add(&line, buf_cstr(&text), width > 1 ? width - 1 : 79);
	buf_adds(&line, "\033[K");
	buf_free(&text);
	write_out(&line);
	p->drawn = true;
	p->drawn_us = clock_mono_us();
}

static void on_timer(uv_timer_t *timer)
{
	progress_draw(timer->data);
}

/* One permanent line: "ok    dwd.dwd_flights 2013-01-03   842 rows  34 ms". */
static void say(struct progress *p, enum output_style style, const char *mark, const char *name, const char *rest)
{
	struct buf line = BUF_INIT(LINE_MAX_BYTES);
	char now[16];
	time_t at = (time_t)(clock_wall_us() / 1000000);
	struct tm tm;
	localtime_r(&at, &tm);
	strftime(now, sizeof now, "%H:%M:%S", &tm);
	progress_wipe(p);
	buf_addf(&line, "%s  %s%-8s%s %-44s %s\n", now, output_style_begin(style, p->color), mark, output_style_end(p->color), name, rest);
	write_out(&line);
}

void progress_started(struct progress *p, const char *name)
{
	MEM_GROW(p->running, p->nrunning, p->running_cap);
	p->running[p->nrunning++] = mem_strdup(name);
}

void progress_idle(struct progress *p)
{
	for (size_t i = 0; i < p->nrunning; i++)
		free(p->running[i]);
	p->nrunning = 0;
}

static void drop_running(struct progress *p, const char *name)
{
	for (size_t i = 0; i < p->nrunning; i++) {
		if (strcmp(p->running[i], name) == 0) {
			free(p->running[i]);
			memmove(&p->running[i], &p->running[i + 1], (p->nrunning - i - 1) * sizeof *p->running);
			p->nrunning--;
			return;
		}
	}
}

static void keep_failure(struct progress *p, const char *name, const struct try_report *r)
{
	MEM_GROW(p->failures, p->nfailures, p->failures_cap);
	p->failures[p->nfailures++] = (struct failure){.name = arena_strdup(&p->arena, name),
	                                               .error = arena_strdup(&p->arena, r->error ? r->error : try_outcome_name(r->outcome)),
	                                               .file = r->file,
	                                               .line = r->line,
	                                               .col = r->col,
	                                               .log_path = arena_strdup(&p->arena, r->log_path),
	                                               .staging = arena_strdup(&p->arena, r->staging)};
}

/* A later try of the same task replaces what is kept of the one before; a success clears it. */
static void forget_failure(struct progress *p, const char *name)
{
	for (size_t i = 0; i < p->nfailures; i++) {
		if (strcmp(p->failures[i].name, name) == 0) {
			memmove(&p->failures[i], &p->failures[i + 1], (p->nfailures - i - 1) * sizeof *p->failures);
			p->nfailures--;
			break;
		}
	}
}

static void say_success(struct progress *p, const struct try_end *e)
{
	char rows[32], cleared[32], took[32];
	struct buf rest = BUF_INIT(LINE_MAX_BYTES);
	if (e->action)
		buf_adds(&rest, "action");
	else if (e->checked)
		buf_adds(&rest, "checked");
	else if (!e->empty)
		buf_addf(&rest, "%s row%s", str_count(rows, sizeof rows, e->rows), e->rows == 1 ? "" : "s");
	else if (e->cleared_rows >= 0)
		buf_addf(&rest, "cleared: had %s row%s", str_count(cleared, sizeof cleared, e->cleared_rows),
		         e->cleared_rows == 1 ? "" : "s");
	else
		buf_adds(&rest, "no rows");
	if (e->empty && e->note && *e->note)
		buf_addf(&rest, ", %s", e->note);
	buf_addf(&rest, "  %s  (%s)", clock_human(took, sizeof took, e->duration_us), e->reason);
	say(p, STYLE_GOOD, e->empty ? "empty" : "ok", e->name, buf_cstr(&rest));
	buf_free(&rest);
}

/* The summary has all of it: here it is only to be recognised. */
static void say_failure(struct progress *p, const struct try_end *e)
{
	enum { SHOWN = 80 };
	const char *error = e->error ? e->error : "";
	size_t n = strcspn(error, "\n");
	bool cut = n > SHOWN || error[n];
	if (n > SHOWN)
		for (n = SHOWN; n > SHOWN / 2 && error[n] != ' ';)
			n--;
	while (n > 0 && ((unsigned char)error[n] & 0xC0) == 0x80)
		n--;
	struct buf text = BUF_INIT(LINE_MAX_BYTES);
	buf_add(&text, error, n);
	buf_adds(&text, cut ? " …" : "");
	say(p, STYLE_BAD, try_outcome_name(e->outcome), e->name, buf_cstr(&text));
	buf_free(&text);
}

bool progress_tells_each(const struct progress *p)
{
	return !p->live && !p->quiet;
}

/* What was killed is the cancel's work, and the summary counts it. */
void progress_ended(struct progress *p, const struct try_end *e)
{
	drop_running(p, e->name);
	if (e->outcome == OUTCOME_SUCCESS && progress_tells_each(p))
		say_success(p, e);
	else if (e->outcome != OUTCOME_SUCCESS && e->outcome != OUTCOME_KILLED)
		say_failure(p, e);
}

void progress_withheld(struct progress *p, const char *name, const char *cause)
{
	struct buf why = BUF_INIT(LINE_MAX_BYTES);
	if (!progress_tells_each(p))
		return;
	buf_addf(&why, "not run: %s failed", cause);
	say(p, STYLE_WARN, "withheld", name, buf_cstr(&why));
	buf_free(&why);
}

/* Once a source: there may be thousands of dates. */
void progress_awaits(struct progress *p, const char *table, const char *name, const char *why)
{
	for (size_t i = 0; i < p->nawaited; i++) {
		if (strcmp(p->awaited[i], table) == 0)
			return;
	}
	MEM_GROW(p->awaited, p->nawaited, p->awaited_cap);
	p->awaited[p->nawaited++] = arena_strdup(&p->arena, table);
	if (!p->quiet)
		say(p, STYLE_WARN, "waiting", name, why);
}

/* ---- what the runner of this process tells ---- */

static void try_started(void *ctx, const struct table *t, int32_t day, uint32_t try_no, const char *worker)
{
	struct buf name = BUF_INIT(LINE_MAX_BYTES);
	(void)try_no;
	(void)worker;
	add_name(&name, t, day);
	progress_started(ctx, buf_cstr(&name));
	buf_free(&name);
}

static void try_ended(void *ctx, const struct try_report *r)
{
	struct progress *p = ctx;
	struct buf name = BUF_INIT(LINE_MAX_BYTES);
	add_name(&name, r->table, r->day);
	forget_failure(p, buf_cstr(&name));
	if (r->outcome != OUTCOME_SUCCESS && r->outcome != OUTCOME_KILLED)
		keep_failure(p, buf_cstr(&name), r);
	progress_ended(p, &(struct try_end){.name = buf_cstr(&name),
	                                    .outcome = r->outcome,
	                                    .action = r->table->output_none,
	                                    .empty = r->empty,
	                                    .checked = r->checked,
	                                    .rows = r->rows,
	                                    .cleared_rows = r->cleared_rows,
	                                    .duration_us = r->duration_us,
	                                    .reason = r->reason,
	                                    .error = r->error,
	                                    .note = r->note});
	buf_free(&name);
}

static void task_ended(void *ctx, const struct task_report *r)
{
	struct buf name = BUF_INIT(LINE_MAX_BYTES), cause = BUF_INIT(LINE_MAX_BYTES);
	if (r->result != TASK_UPSTREAM_FAILED)
		return;
	add_name(&name, r->table, r->day);
	if (r->cause)
		add_name(&cause, r->cause, r->cause_day);
	progress_withheld(ctx, buf_cstr(&name), buf_cstr(&cause));
	buf_free(&name);
	buf_free(&cause);
}

static void source_awaited(void *ctx, const struct table *t, int32_t day, const char *why)
{
	struct buf name = BUF_INIT(LINE_MAX_BYTES);
	add_name(&name, t, day);
	progress_awaits(ctx, t->qname, buf_cstr(&name), why);
	buf_free(&name);
}

static void on_progress(void *ctx, const struct run_counts *counts)
{
	struct progress *p = ctx;
	p->done = counts->by_state[TASK_DONE];
	p->failed = counts->by_result[TASK_FAILED] + counts->by_result[TASK_TIMEOUT];
	if (p->live && clock_mono_us() - p->drawn_us > REDRAW_MS * 1000)
		progress_draw(p);
}

void progress_head(const char *run_id, int32_t first, int32_t last, uint64_t todo, uint64_t fresh)
{
	char from[DATE_SIZE], to[DATE_SIZE];
	date_format(from, first);
	date_format(to, last);
	fprintf(stderr, "run %s, %s%s%s (%s): %" PRIu64 " to run, %" PRIu64 " fresh\n", run_id, from, first != last ? " to " : "",
	        first != last ? to : "", zone_name(), todo, fresh);
}

void progress_begin(struct progress *p, uv_loop_t *loop, uint64_t total, bool quiet)
{
	*p = (struct progress){.loop = loop, .total = total, .quiet = quiet, .left_us = -1, .started_us = clock_mono_us()};
	p->live = !quiet && output_terminal_width(stderr) > 0;
	p->color = output_may_color(stderr);
	if (!loop)
		return;
	uv_timer_init(loop, &p->timer);
	p->timer.data = p;
	if (p->live) {
		uv_timer_start(&p->timer, on_timer, REDRAW_MS, REDRAW_MS);
		uv_unref((uv_handle_t *)&p->timer);
	}
}

struct runner_observer progress_observer(struct progress *p)
{
	return (struct runner_observer){.try_started = try_started,
	                                .try_ended = try_ended,
	                                .task_ended = task_ended,
	                                .source_awaited = source_awaited,
	                                .progress = on_progress,
	                                .ctx = p};
}

void progress_end(struct progress *p)
{
	if (p->loop) {
		uv_timer_stop(&p->timer);
		uv_close((uv_handle_t *)&p->timer, NULL);
		uv_run(p->loop, UV_RUN_NOWAIT);
	}
	progress_wipe(p);
}

void progress_free(struct progress *p)
{
	progress_idle(p);
	free(p->running);
	free(p->awaited);
	free(p->failures);
	arena_free(&p->arena);
}
