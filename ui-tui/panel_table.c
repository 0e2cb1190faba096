/* One table: what is published of it, its columns, and how its builds went, as sparklines. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "core/date.h"
#include "scheduler/queries_screen.h"
#include "ui-tui/listing_panel.h"
#include "ui-tui/text_panel.h"

enum { PAST_MOST = 60, LISTED = 20, PAGE_MAX = 1 << 20 };

/* The oldest on the left, between the least and the most. */
static void sparkline(struct buf *out, const char *label, const struct past_row *rows, size_t n, int64_t (*value)(const struct past_row *))
{
	static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	int64_t least = INT64_MAX, most = INT64_MIN;
	for (size_t i = 0; i < n; i++) {
		int64_t v = value(&rows[i]);
		least = v < least ? v : least;
		most = v > most ? v : most;
	}
	buf_addf(out, "  %-*s", PAGE_LABEL, label);
	for (size_t i = n; i-- > 0;) {
		double part = most > least ? (double)(value(&rows[i]) - least) / (double)(most - least) : 0.5;
		buf_adds(out, blocks[(size_t)(part * 7 + 0.5)]);
	}
}

static int64_t rows_of(const struct past_row *r)
{
	return r->rows == PG_NULL64 ? 0 : r->rows;
}

static int64_t took_of(const struct past_row *r)
{
	return r->took_us == PG_NULL64 ? 0 : r->took_us;
}

static void write_table(const struct table *t, const struct table_stat *stat, struct buf *out)
{
	char text[64];
	page_field(out, "is", t->description);
	page_field(out, "owner", t->owner);
	page_field(out, "made by", t->file);
	for (size_t i = 0; i < t->ntags; i++)
		page_field(out, i ? "" : "tags", t->tags[i]);
	for (size_t i = 0; i < t->nprimary_keys; i++)
		page_field(out, i ? "" : "key", t->primary_keys[i]);
	if (stat)
		page_field(out, "takes", clock_human(text, sizeof text, stat->duration_us));
}

static void write_columns(const struct table_stat *stat, struct buf *out)
{
	buf_adds(out, "\nColumns, as published last\n");
	for (size_t i = 0; i < stat->nschema; i++)
		buf_addf(out, "  %-30s %s\n", stat->schema[i].name, stat->schema[i].type);
}

static void write_past(const struct past_row *past, size_t n, struct buf *out)
{
	char took[32];
	buf_addf(out, "\nThe last %zu builds\n", n);
	sparkline(out, "rows", past, n, rows_of);
	buf_addf(out, "  %" PRId64 " last\n", rows_of(&past[0]));
	sparkline(out, "time", past, n, took_of);
	buf_addf(out, "  %s last\n\n", clock_human(took, sizeof took, took_of(&past[0])));
	for (size_t i = 0; i < n && i < LISTED; i++) {
		struct listing_cell at = {.text = ""};
		cell_time(&at, past[i].ended_us);
		buf_addf(out, "  %s  %-10s %10" PRId64 " rows %9s  %s\n", at.text, past[i].partition, rows_of(&past[i]),
		         clock_human(took, sizeof took, took_of(&past[i])), past[i].run_id);
	}
}

static void *load(const struct view_request *rq, const struct view_source *source, struct arena *arena, struct err *err)
{
	const char *name = rq->place.table;
	const struct table *t = project_table(source->project, name);
	struct buf out = BUF_INIT(PAGE_MAX);
	struct table_stat *stats;
	struct partition_row *parts;
	struct past_row *past;
	size_t nstats, nparts, npast;
	if (query_table_stats(&source->query, &name, 1, &stats, &nstats, err) < 0 ||
	    query_partitions(&source->query, &name, 1, DATE_NONE, DATE_NONE, &parts, &nparts, err) < 0 ||
	    query_past(&source->query, name, PAST_MOST, &past, &npast, err) < 0)
		return NULL;
	buf_addf(&out, "%s\n", name);
	if (t)
		write_table(t, nstats ? &stats[0] : NULL, &out);
	int64_t rows = 0, bytes = 0;
	for (size_t i = 0; i < nparts; i++) {
		rows += parts[i].rows;
		bytes += parts[i].bytes;
	}
	struct listing_cell size = {.text = ""};
	cell_bytes(&size, bytes);
	buf_addf(&out, "  %-*s%zu partition%s, %" PRId64 " rows, %s\n", PAGE_LABEL, "published", nparts, nparts == 1 ? "" : "s", rows, size.text);
	if (npast)
		write_past(past, npast, &out);
	if (nstats && stats[0].nschema)
		write_columns(&stats[0], &out);
	return text_page_of(&out, arena);
}

static void command_line(const struct panel *p, struct buf *out)
{
	buf_addf(out, "strata history %s", p->request.place.table);
}

const struct panel_class panel_table = {
	.name = "table",
	.title = "Table",
	.scopes = SCOPE_TEXT | SCOPE_TABLE,
	.state_size = sizeof(struct textview),
	.load = load,
	.command_line = command_line,
	TEXT_PAGE,
};
