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

static void wipe(struct progress *p)
{
	if (p->drawn)
		(void)file_write_all(STDERR_FILENO, "\r\033[K", 4);
	p->drawn = false;
}

static uint64_t count_bad(const struct run_counts *c)
{
	return c->by_result[TASK_FAILED] + c->by_result[TASK_TIMEOUT];
}

static void add_bar(struct buf *out, uint64_t length, uint64_t done, uint64_t total)
{
	uint64_t full = total ? done * length / total : length;
	buf_addc(out, '[');
	for (uint64_t i = 0; i < length; i++)
		buf_addc(out, i < full ? '#' : '.');
	buf_addc(out, ']');
}

static void draw(struct progress *p)
{
	size_t width = output_terminal_width(stderr);
	struct buf text = BUF_INIT(LINE_MAX_BYTES), line = BUF_INIT(LINE_MAX_BYTES);
	char took[32];
	uint64_t done = p->counts.by_state[TASK_DONE];
	add_bar(&text, width < NARROW ? BAR_NARROW : BAR, done, p->total);
	buf_addf(&text, " %" PRIu64 "/%" PRIu64 "  %s", done, p->total, clock_human(took, sizeof took, clock_mono_us() - p->started_us));
	if (count_bad(&p->counts))
		buf_addf(&text, "  %" PRIu64 " failed", count_bad(&p->counts));
	for (size_t i = 0; i < p->nrunning; i++) {
		buf_adds(&text, i ? ", " : "  ");
		add_name(&text, p->running[i].table, p->running[i].day);
	}
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
	draw(timer->data);
}

/* One permanent line: "ok    dwd.dwd_flights 2013-01-03   842 rows  34 ms". */
static void say(struct progress *p, enum output_style style, const char *mark, const struct table *t, int32_t day,
                const char *rest)
{
	struct buf line = BUF_INIT(LINE_MAX_BYTES), name = BUF_INIT(LINE_MAX_BYTES);
	char now[16];
	time_t at = (time_t)(clock_wall_us() / 1000000);
	struct tm tm;
	localtime_r(&at, &tm);
	strftime(now, sizeof now, "%H:%M:%S", &tm);
	add_name(&name, t, day);
	wipe(p);
	buf_addf(&line, "%s  %s%-8s%s %-44s %s\n", now, output_style_begin(style, p->color), mark, output_style_end(p->color),
	         buf_cstr(&name), rest);
	buf_free(&name);
	write_out(&line);
}

static void try_started(void *ctx, const struct table *t, int32_t day, uint32_t try_no, const char *worker)
{
	struct progress *p = ctx;
	(void)try_no;
	(void)worker;
	MEM_GROW(p->running, p->nrunning, p->running_cap);
	p->running[p->nrunning++] = (struct running){t, day, clock_mono_us()};
}

static void drop_running(struct progress *p, const struct table *t, int32_t day)
{
	for (size_t i = 0; i < p->nrunning; i++) {
		if (p->running[i].table == t && p->running[i].day == day) {
			memmove(&p->running[i], &p->running[i + 1], (p->nrunning - i - 1) * sizeof *p->running);
			p->nrunning--;
			return;
		}
	}
}

static void keep_failure(struct progress *p, const struct try_report *r)
{
	struct buf name = BUF_INIT(LINE_MAX_BYTES);
	add_name(&name, r->table, r->day);
	MEM_GROW(p->failures, p->nfailures, p->failures_cap);
	p->failures[p->nfailures++] = (struct failure){.name = arena_strdup(&p->arena, buf_cstr(&name)),
	                                               .error = arena_strdup(&p->arena, r->error ? r->error : try_outcome_name(r->outcome)),
	                                               .file = r->file,
	                                               .line = r->line,
	                                               .col = r->col,
	                                               .log_path = arena_strdup(&p->arena, r->log_path),
	                                               .staging = arena_strdup(&p->arena, r->staging)};
	buf_free(&name);
}

/* A later try of the same task replaces what is kept of the one before; a success clears it. */
static void forget_failure(struct progress *p, const struct try_report *r)
{
	struct buf name = BUF_INIT(LINE_MAX_BYTES);
	add_name(&name, r->table, r->day);
	for (size_t i = 0; i < p->nfailures; i++) {
		if (strcmp(p->failures[i].name, buf_cstr(&name)) == 0) {
			memmove(&p->failures[i], &p->failures[i + 1], (p->nfailures - i - 1) * sizeof *p->failures);
			p->nfailures--;
			break;
		}
	}
	buf_free(&name);
}

static void say_success(struct progress *p, const struct try_report *r)
{
	char rows[32], cleared[32], took[32];
	struct buf rest = BUF_INIT(LINE_MAX_BYTES);
	if (r->table->output_none)
		buf_adds(&rest, "action");
	else if (!r->empty)
		buf_addf(&rest, "%s row%s", str_count(rows, sizeof rows, r->rows), r->rows == 1 ? "" : "s");
	else if (r->cleared_rows >= 0)
		buf_addf(&rest, "cleared: had %s row%s", str_count(cleared, sizeof cleared, r->cleared_rows),
		         r->cleared_rows == 1 ? "" : "s");
	else
		buf_adds(&rest, "no rows");
	if (r->empty && r->note)
		buf_addf(&rest, ", %s", r->note);
	buf_addf(&rest, "  %s  (%s)", clock_human(took, sizeof took, r->duration_us), r->reason);
	say(p, STYLE_GOOD, r->empty ? "empty" : "ok", r->table, r->day, buf_cstr(&rest));
	buf_free(&rest);
}

/* The summary has all of it: here it is only to be recognised. */
static void say_failure(struct progress *p, const struct try_report *r)
{
	enum { SHOWN = 80 };
	const char *error = r->error ? r->error : "";
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
	say(p, STYLE_BAD, try_outcome_name(r->outcome), r->table, r->day, buf_cstr(&text));
	buf_free(&text);
}

static void try_ended(void *ctx, const struct try_report *r)
{
	struct progress *p = ctx;
	drop_running(p, r->table, r->day);
	forget_failure(p, r);
	if (r->outcome == OUTCOME_SUCCESS) {
		if (!p->live && !p->quiet)
			say_success(p, r);
		return;
	}
	if (r->outcome != OUTCOME_KILLED) {
		keep_failure(p, r);
		say_failure(p, r);
	}
}

static void task_ended(void *ctx, const struct task_report *r)
{
	struct progress *p = ctx;
	if (p->live || p->quiet || r->result != TASK_UPSTREAM_FAILED)
		return;
	struct buf why = BUF_INIT(LINE_MAX_BYTES);
	buf_adds(&why, "not run: ");
	if (r->cause)
		add_name(&why, r->cause, r->cause_day);
	buf_adds(&why, " failed");
	say(p, STYLE_WARN, "withheld", r->table, r->day, buf_cstr(&why));
	buf_free(&why);
}

/* Once a source: there may be thousands of dates. */
static void source_awaited(void *ctx, const struct table *t, int32_t day, const char *why)
{
	struct progress *p = ctx;
	for (size_t i = 0; i < p->nawaited; i++) {
		if (p->awaited[i] == t)
			return;
	}
	MEM_GROW(p->awaited, p->nawaited, p->awaited_cap);
	p->awaited[p->nawaited++] = t;
	if (!p->quiet)
		say(p, STYLE_WARN, "waiting", t, day, why);
}

static void on_progress(void *ctx, const struct run_counts *counts)
{
	struct progress *p = ctx;
	p->counts = *counts;
	if (p->live && clock_mono_us() - p->drawn_us > REDRAW_MS * 1000)
		draw(p);
}

void progress_begin(struct progress *p, uv_loop_t *loop, uint64_t total, bool quiet)
{
	*p = (struct progress){.loop = loop, .total = total, .quiet = quiet, .started_us = clock_mono_us()};
	p->live = !quiet && output_terminal_width(stderr) > 0;
	p->color = output_may_color(stderr);
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
	uv_timer_stop(&p->timer);
	uv_close((uv_handle_t *)&p->timer, NULL);
	uv_run(p->loop, UV_RUN_NOWAIT);
	wipe(p);
}

void progress_free(struct progress *p)
{
	free(p->running);
	free(p->awaited);
	free(p->failures);
	arena_free(&p->arena);
}
