/* What goes on: who schedules the lake, unfinished runs, workers and what they are at, schedules, pools, what failed today. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "core/states.h"
#include "scheduler/queries_screen.h"
#include "scheduler/run_progress.h"
#include "scheduler/zone.h"
#include "ui-tui/listing_panel.h"

enum { FAILURES_MOST = 200, DAY_S = 86400 };

/* A line, of any kind. */
struct item {
	const char *kind, *name, *state, *detail;
	const char *calm;         /* detail without what changes each second, for who is read to; NULL: it is as calm as that */
	enum look look;           /* of the state */
	int64_t since_us;         /* how long since then is shown; 0: nothing */
	int64_t at_us;            /* a time instead; 0: none */
	const char *run, *table, *partition, *schedule; /* what it is about; "" where not */
	bool paused;              /* a run, a schedule */
	const char *opens;        /* the panel's name; NULL: none */
};

struct overview {
	struct item *items;
	size_t n, cap;
	struct arena *arena;
	bool lively;
};

static struct item *add(struct overview *o, const char *kind, const char *name)
{
	if (o->n == o->cap) {
		struct item *old = o->items;
		o->cap = o->cap ? 2 * o->cap : 64;
		o->items = arena_array(o->arena, o->cap, sizeof *o->items);
		if (o->n)
			memcpy(o->items, old, o->n * sizeof *old);
	}
	struct item *it = &o->items[o->n++];
	*it = (struct item){.kind = kind, .name = arena_strdup(o->arena, name), .state = "", .detail = "", .run = "", .table = "", .partition = "", .schedule = ""};
	return it;
}

static void add_scheduler(struct overview *o, const struct view_source *source)
{
	const struct leader_holder *h = &source->holder;
	char name[320];
	if (!h->pid) {
		struct item *it = add(o, "scheduler", "none");
		it->state = "down";
		it->look = LOOK_WARN;
		it->detail = "start one with 'strata scheduler'";
		return;
	}
	snprintf(name, sizeof name, "%ld on %s", h->pid, h->host);
	struct item *it = add(o, "scheduler", name);
	it->state = source->scheduler_up ? "up" : "run";
	it->look = source->scheduler_up ? LOOK_GOOD : LOOK_WARN;
	it->since_us = h->since_us;
	it->detail = arena_strdup(o->arena, h->command);
}

static void add_run(struct overview *o, const struct run_row *r)
{
	struct run_progress p;
	struct listing_cell bar = {.text = ""};
	char left[32];
	const struct sign *sign = sign_of_run(r->state, r->result, r->paused);
	struct item *it = add(o, "run", r->run_id);
	run_progress_of(r, r->alive, &p);
	cell_bar(&bar, p.done, p.total);
	it->state = p.failed ? arena_printf(o->arena, "%" PRId64 " failed", p.failed) : sign->word;
	it->look = p.failed ? LOOK_BAD : sign->style;
	it->since_us = r->started_us ? r->started_us : r->created_us;
	it->detail = arena_printf(o->arena, "%s%s%s%s  %s", bar.text, r->alive ? "" : "  nobody works on it", p.left_us == PG_NULL64 ? "" : "  left ",
	                          p.left_us == PG_NULL64 ? "" : clock_human(left, sizeof left, p.left_us), r->selection);
	it->run = it->name;
	it->paused = r->paused;
	it->opens = "map";
	o->lively = true;
}

static int add_runs(struct overview *o, const struct query *q, struct err *err)
{
	struct run_row *runs;
	size_t n;
	int rc = query_unfinished_runs(q, INT64_MAX, &runs, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		add_run(o, &runs[i]);
	return rc;
}

static const char *task_text(struct arena *arena, const char *table, const char *partition)
{
	return arena_printf(arena, "%s%s%s", table, *partition ? " " : "", partition);
}

static void add_worker(struct overview *o, const struct worker_row *w)
{
	struct arena *arena = o->arena;
	char far[WORKER_FAR_SIZE];
	struct listing_cell memory = {.text = ""};
	struct item *it = add(o, "worker", w->worker);
	cell_bytes(&memory, w->memory);
	if (!*w->table) {
		it->state = "idle";
		it->look = LOOK_DIM;
		it->detail = arena_strdup(arena, memory.text);
		it->calm = "";
		return;
	}
	it->run = w->run_id;
	it->table = w->table;
	it->partition = w->partition;
	it->state = w->stage;
	it->look = LOOK_RUNNING;
	it->since_us = w->since_us;
	worker_far(far, w);
	const char *task = task_text(arena, it->table, it->partition), *again = w->try_no > 1 ? arena_printf(arena, "  try %d", w->try_no) : "";
	it->detail = arena_printf(arena, "%s  %s%s%s  %s%s", task, far, *far ? "  " : "", memory.text, it->run, again);
	it->calm = arena_printf(arena, "%s  %s%s", task, it->run, again);
	it->opens = "task";
	o->lively = true;
}

static void add_lane(struct overview *o, const struct lane_slots *lane)
{
	struct item *it = add(o, "lane", lane->runs);
	it->state = arena_printf(o->arena, "%u of %u", lane->used, lane->slots);
	it->look = lane->used >= lane->slots ? LOOK_WARN : LOOK_TEXT;
	if (lane->kept)
		it->detail = arena_printf(o->arena, "%u kept for them", lane->kept);
}

/* The workers, and whose they are. */
static int add_workers(struct overview *o, const struct view_source *source, struct err *err)
{
	struct worker_row *rows;
	struct lanes_row lanes;
	struct lane_slots lane[LANES_MOST];
	size_t n;
	if (!source->holder.pid)
		return 0;
	int rc = query_workers(&source->query, &rows, &n, &lanes, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		add_worker(o, &rows[i]);
	n = rc == 0 ? lanes_list(&lanes, lane) : 0;
	for (size_t i = 0; i < n; i++)
		add_lane(o, &lane[i]);
	return rc;
}

static bool is_shown(const struct overview *o, const struct busy_row *b)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct item *it = &o->items[i];
		if (strcmp(it->table, b->table) == 0 && strcmp(it->partition, b->partition) == 0 && strcmp(it->run, b->run_id) == 0)
			return true;
	}
	return false;
}

/* What is being built and no worker has said so yet; and, by the way, how many slots of each pool all of it takes. */
static int add_busy(struct overview *o, const struct query *q, const struct project *p, uint32_t *used, struct err *err)
{
	struct busy_row *rows;
	size_t n;
	int rc = query_busy(q, &rows, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		const struct busy_row *b = &rows[i];
		const struct table *t = project_table(p, b->table);
		if (t)
			used[t->policy.pool]++;
		if (is_shown(o, b))
			continue;
		struct item *it = add(o, "task", task_text(o->arena, b->table, b->partition));
		it->state = b->running_us ? "running" : "starting";
		it->look = b->running_us ? LOOK_RUNNING : LOOK_READY;
		it->since_us = b->running_us ? b->running_us : b->started_us;
		it->detail = arena_printf(o->arena, "%s%s%s%s", b->worker, *b->worker ? "  " : "", b->run_id,
		                          b->try_no > 1 ? arena_printf(o->arena, "  try %d", b->try_no) : "");
		it->run = b->run_id;
		it->table = b->table;
		it->partition = b->partition;
		it->opens = "task";
		o->lively = true;
	}
	return rc;
}

static void add_pools(struct overview *o, const struct project *p, const uint32_t *used)
{
	for (size_t i = 0; i < p->npools; i++) {
		if (p->pools[i].slots == UINT32_MAX)
			continue;
		struct item *it = add(o, "pool", p->pools[i].name);
		it->state = arena_printf(o->arena, "%u of %u", used[i], p->pools[i].slots);
		it->look = used[i] >= p->pools[i].slots ? LOOK_WARN : LOOK_TEXT;
	}
}

static int add_schedules(struct overview *o, const struct query *q, const struct project *p, struct err *err)
{
	struct schedule_row *rows;
	size_t n;
	int rc = query_schedules(q, &rows, &n, err);
	for (size_t i = 0; rc == 0 && i < p->nschedules; i++) {
		const struct schedule *s = &p->schedules[i];
		const struct schedule_row *row = NULL;
		for (size_t k = 0; k < n && !row; k++)
			row = strcmp(rows[k].name, s->name) == 0 ? &rows[k] : NULL;
		bool paused = row && row->paused;
		struct item *it = add(o, "schedule", s->name);
		it->paused = paused;
		it->state = paused ? "paused" : "on";
		it->look = paused ? LOOK_WARN : LOOK_GOOD;
		it->at_us = paused ? 0 : zone_next_us(s, p, clock_wall_us());
		it->schedule = it->name;
		it->run = row ? row->last_run : "";
		it->opens = *it->run ? "map" : NULL;
		it->detail = arena_printf(o->arena, "%s%s%s", arena_strdup(o->arena, s->cron), *it->run ? "  last " : "", it->run);
	}
	return rc;
}

static int add_failures(struct overview *o, const struct query *q, struct err *err)
{
	struct failure_row *rows;
	size_t n;
	int rc = query_failures(q, clock_wall_us() - (int64_t)DAY_S * 1000000, FAILURES_MOST, &rows, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct item *it = add(o, "failure", task_text(o->arena, rows[i].table, rows[i].partition));
		it->state = rows[i].mended ? "mended" : rows[i].result;
		it->look = rows[i].mended ? LOOK_DIM : LOOK_BAD;
		it->at_us = rows[i].ended_us;
		it->detail = rows[i].times > 1 ? arena_printf(o->arena, "%" PRId64 " times; %s", rows[i].times, rows[i].error) : rows[i].error;
		it->run = rows[i].run_id;
		it->table = rows[i].table;
		it->partition = rows[i].partition;
		it->opens = "task";
	}
	return rc;
}

static void *load(const struct view_request *rq, const struct view_source *source, struct arena *arena, struct err *err)
{
	struct overview *o = arena_alloc(arena, sizeof *o);
	const struct project *p = source->project;
	uint32_t *used = arena_array(arena, p->npools + 1, sizeof *used);
	(void)rq;
	o->arena = arena;
	add_scheduler(o, source);
	int rc = add_runs(o, &source->query, err);
	if (rc == 0)
		rc = add_workers(o, source, err);
	if (rc == 0)
		rc = add_busy(o, &source->query, p, used, err);
	if (rc == 0)
		rc = add_schedules(o, &source->query, p, err);
	add_pools(o, p, used);
	if (rc == 0)
		rc = add_failures(o, &source->query, err);
	return rc < 0 ? NULL : o;
}

enum { COL_KIND, COL_NAME, COL_STATE, COL_TIME, COL_DETAIL };
static const struct listing_column columns[] = {
	{.title = "WHAT", .width = 9, .rank = 2},
	{.title = "NAME", .width = 30},
	{.title = "STATE", .width = 9},
	{.title = "TIME", .width = 14, .right = true, .rank = 1},
	{.title = "DETAIL", .width = 12, .grows = true, .told = true, .rank = 3},
	{0},
};

static void cell(const void *data, size_t row, size_t column, struct listing_cell *ret)
{
	const struct panel *p = data;
	const struct item *it = &((const struct overview *)p->data)->items[row];
	switch (column) {
	case COL_KIND: cell_text(ret, LOOK_DIM, it->kind); break;
	case COL_NAME: cell_text(ret, LOOK_TEXT, it->name); break;
	case COL_STATE: cell_text(ret, it->look, it->state); break;
	case COL_TIME:
		if (it->at_us)
			cell_time(ret, it->at_us);
		else
			cell_duration(ret, it->since_us ? p->now_us - it->since_us : -1);
		break;
	case COL_DETAIL: cell_text(ret, LOOK_TEXT, it->calm && !p->now_us ? it->calm : it->detail); break;
	default: break;
	}
}

static void key(const void *data, size_t row, char ret[LISTING_KEY_SIZE])
{
	const struct item *it = &((const struct overview *)((const struct panel *)data)->data)->items[row];
	snprintf(ret, LISTING_KEY_SIZE, "%s %s %s", it->kind, it->name, it->run);
}

static void update(struct panel *p)
{
	const struct overview *o = p->data;
	listing_update(p->state, &(struct listing_source){.columns = columns, .nrows = o->n, .data = p, .cell = cell, .key = key});
}

static void target(const struct panel *p, struct place *ret)
{
	int64_t row = listing_row(p->state);
	if (row < 0)
		return;
	const struct item *it = &((const struct overview *)p->data)->items[row];
	snprintf(ret->run, sizeof ret->run, "%s", it->run);
	snprintf(ret->table, sizeof ret->table, "%s", it->table);
	snprintf(ret->partition, sizeof ret->partition, "%s", it->partition);
	snprintf(ret->schedule, sizeof ret->schedule, "%s", it->schedule);
	ret->panel = it->opens ? panel_class_find(it->opens) : NULL;
}

static bool paused_at(const struct panel *p)
{
	const struct overview *o = p->data;
	int64_t row = listing_row(p->state);
	const struct item *at = row >= 0 ? &o->items[row] : NULL;
	/* Of a task: its run's line. */
	for (size_t i = 0; at && *at->table && i < o->n; i++) {
		if (!*o->items[i].table && !*o->items[i].schedule && strcmp(o->items[i].run, at->run) == 0)
			return o->items[i].paused;
	}
	return at && at->paused;
}

static void command_line(const struct panel *p, struct buf *out)
{
	(void)p;
	buf_adds(out, "strata status");
}

static bool lively(const struct panel *p)
{
	return ((const struct overview *)p->data)->lively;
}

const struct panel_class panel_overview = {
	.name = "overview",
	.title = "Overview",
	.scopes = SCOPE_LIST,
	.state_size = sizeof(struct listing),
	.load = load,
	.update = update,
	.target = target,
	.command_line = command_line,
	.paused = paused_at,
	.lively = lively,
	LISTING_PANEL,
};
