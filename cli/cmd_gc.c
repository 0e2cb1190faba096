/* strata gc: remove what dead processes and failed tries have left, and history that is old (garbage.h, retention.h).
 * Where no scheduler is up it holds the lake's lock while it looks at the lake: no run is under way whose staging it could
 * mistake. Beside one, the state tells which tries are under way. Old history is nobody's to wait for: no lock of the lake. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/progress.h"
#include "cli/state.h"
#include "core/jsonio.h"
#include "scheduler/control.h"
#include "scheduler/garbage.h"
#include "scheduler/leader.h"
#include "scheduler/retention.h"

static const struct output_column columns[] = {
	{.name = "kind", .help = "what it is: staging, spill, lock, history, …"},
	{.name = "path", .help = "the file or folder, or which history"},
	{.name = "bytes", .right = true, .help = "what its removal gives back"},
	{.name = "outcome", .help = "'removed', 'would remove' or 'kept'"},
	{.name = "why", .help = "why it may go, or stays"},
	{0},
};

enum { DETAIL_MAX = 1024 };

struct total {
	int64_t n;
	int64_t bytes;
};

struct gc {
	const struct invocation *inv;
	struct workspace ws;
	struct output out;
	bool dry, listing;     /* listing: `out` has begun */
	int64_t before_us;     /* history that ended before goes; 0: none */
	struct total gone, kept;
	struct retention_report history;
};

/* People get the path in the lake. */
static void cell_path(struct output *out, const char *path, const char *lake)
{
	size_t n = strlen(lake);
	bool inside = strncmp(path, lake, n) == 0 && path[n] == '/';
	output_shown(out, inside ? path + n + 1 : path, json_string(path));
}

static void row(struct gc *gc, const struct garbage_item *item, const char *outcome, enum output_style style)
{
	output_text(&gc->out, garbage_kind_name(item->kind));
	cell_path(&gc->out, item->path, gc->ws.lake.dir);
	output_int(&gc->out, item->bytes);
	output_styled(&gc->out, style, outcome);
	output_text(&gc->out, item->why);
}

static const char *outcome_gone(const struct gc *gc)
{
	return gc->dry ? "would remove" : "removed";
}

static void say_totals(const struct gc *gc)
{
	char text[32];
	if (!gc->gone.n && !gc->kept.n) {
		fputs("strata: there is nothing to remove\n", stderr);
		return;
	}
	fprintf(stderr, "strata: %s %" PRId64 " thing%s, %s", outcome_gone(gc), gc->gone.n, gc->gone.n == 1 ? "" : "s",
	        str_bytes(text, sizeof text, gc->gone.bytes));
	if (gc->kept.n)
		fprintf(stderr, "; kept %" PRId64 ", %s", gc->kept.n, str_bytes(text, sizeof text, gc->kept.bytes));
	fputc('\n', stderr);
}

/* One that cannot be removed hides no other; the first error is the command's. */
static int remove_garbage(struct gc *gc, const struct garbage *g, struct err *err)
{
	int rc = 0;
	for (size_t i = 0; i < g->len; i++) {
		const struct garbage_item *item = &g->items[i];
		struct err failure = {0};
		bool removed = gc->dry;
		if (item->kept) {
			gc->kept.n++;
			gc->kept.bytes += item->bytes;
			row(gc, item, "kept", STYLE_DIM);
			continue;
		}
		if (!gc->dry && garbage_remove(item, &removed, &failure) < 0) {
			row(gc, item, "failed", STYLE_BAD);
			if (rc == 0)
				rc = err_set(err, failure.code, "%s", failure.text);
			continue;
		}
		if (!removed)
			continue; /* somebody else's by now */
		gc->gone.n++;
		gc->gone.bytes += item->bytes;
		row(gc, item, outcome_gone(gc), STYLE_GOOD);
	}
	return rc;
}

static int held_by(const struct leader_holder *h, struct err *err)
{
	return err_set(err, ERR_LOCKED, "the lake is held by '%s'%s%s (process %ld on %s), which may be staging; try again when it is done",
	               h->command, h->run_id[0] ? ", run " : "", h->run_id, h->pid, h->host);
}

/* *ret_beside: a scheduler is up here, and stays; else the lake is ours until *ret_conn is closed. */
static int take_lake(struct gc *gc, PGconn **ret_conn, bool *ret_beside, struct err *err)
{
	struct workspace *ws = &gc->ws;
	struct leader leader;
	struct leader_holder h = {0};
	struct leader_claim claim = {.lake_id = ws->db.lake_id, .command = "strata gc"};
	struct control control = {.conn = ws->db.conn, .lake_id = ws->db.lake_id};
	char here[sizeof h.host] = "";
	int rc = db_connect(ws->db.conninfo, ret_conn, err);
	if (rc == 0)
		rc = leader_try(*ret_conn, &claim, &leader, &h, err);
	if (rc == 0)
		return workspace_hold(ws, *ret_conn, &leader, err);
	if (rc != ERR_LOCKED)
		return rc;
	*err = (struct err){0};
	gethostname(here, sizeof here - 1);
	if (control_find(&control, ret_beside, &h, err) < 0)
		return err->code;
	*ret_beside = *ret_beside && strcmp(h.host, here) == 0; /* locks of another host's workers cannot be seen */
	return *ret_beside ? 0 : held_by(&h, err);
}

static int clean_lake(struct gc *gc, struct err *err)
{
	struct garbage garbage = {0};
	struct garbage_options options = {.drop_kept = options_flag(gc->inv->options, "kept"), .before_us = gc->before_us};
	PGconn *lock = NULL;
	int rc = take_lake(gc, &lock, &options.beside, err);
	gc->listing = rc == 0;
	if (rc == 0)
		output_begin(&gc->out, gc->inv->globals->output, columns);
	if (rc == 0)
		rc = garbage_find(&gc->ws, &options, &garbage, err);
	if (rc == 0)
		rc = remove_garbage(gc, &garbage, err);
	workspace_let_go(&gc->ws);
	PQfinish(lock);
	garbage_free(&garbage);
	return rc;
}

static const char *day_of(char out[CLOCK_ISO_SIZE], int64_t us)
{
	clock_iso(out, us);
	out[strlen("2013-01-31")] = '\0';
	return out;
}

/* Rows of the state; they give no bytes of a file back, but for whole months of events. */
static void history_row(struct gc *gc, const char *table, bool any, int64_t n, int64_t bytes, const char *why)
{
	if (!any)
		return;
	output_text(&gc->out, "history");
	output_text(&gc->out, table);
	output_int(&gc->out, bytes);
	output_styled(&gc->out, STYLE_GOOD, outcome_gone(gc));
	output_text(&gc->out, why);
	gc->gone.n += n;
	gc->gone.bytes += bytes;
}

static void say_history(struct gc *gc)
{
	const struct retention_report *h = &gc->history;
	char why[256], from[CLOCK_ISO_SIZE], to[CLOCK_ISO_SIZE];
	int n = snprintf(why, sizeof why, "%" PRId64 " run%s with %" PRId64 " tasks, %" PRId64 " tries, %" PRId64 " inputs", h->runs,
	                 h->runs == 1 ? "" : "s", h->tasks, h->tries, h->lineage);
	if (h->runs)
		snprintf(why + n, sizeof why - (size_t)n, "; ended %s to %s", day_of(from, h->oldest_us), day_of(to, h->newest_us));
	history_row(gc, "strata.run", h->runs || h->tasks || h->tries, h->runs, 0, why);
	snprintf(why, sizeof why, "%" PRId64 " commands and %" PRId64 " of their records", h->commands, h->audits);
	history_row(gc, "strata.command", h->commands || h->audits, h->commands, 0, why);
	snprintf(why, sizeof why, "%" PRId64 " intervals of schedules", h->intervals);
	history_row(gc, "strata.schedule_interval", h->intervals, h->intervals, 0, why);
	n = snprintf(why, sizeof why, "%" PRId64 " events", h->events);
	if (h->oldest_month_us)
		snprintf(why + n, sizeof why - (size_t)n, "; months %.7s to %.7s", clock_iso(from, h->oldest_month_us), clock_iso(to, h->newest_month_us));
	history_row(gc, "strata.event", h->months || h->events, h->months, h->event_bytes, why);
}

static int forget_history(struct gc *gc, struct err *err)
{
	struct retention rt = {.lake_id = gc->ws.db.lake_id, .before_us = gc->before_us, .actor = state_user()};
	if (!gc->before_us)
		return 0;
	rt.conn = gc->ws.db.conn;
	int rc = gc->dry ? retention_look(&rt, &gc->history, err) : retention_remove(&rt, &gc->history, err);
	say_history(gc);
	return rc;
}

/* What it came to, and when: the scheduler counts a day from here. */
static int record(const struct gc *gc, struct err *err)
{
	char detail[DETAIL_MAX];
	const struct retention_report *h = &gc->history;
	snprintf(detail, sizeof detail,
	         "{\"removed\": %" PRId64 ", \"bytes\": %" PRId64 ", \"runs\": %" PRId64 ", \"tasks\": %" PRId64 ", \"tries\": %" PRId64
	         ", \"lineage\": %" PRId64 ", \"commands\": %" PRId64 ", \"events\": %" PRId64 "}",
	         gc->gone.n, gc->gone.bytes, h->runs, h->tasks, h->tries, h->lineage, h->commands, h->events);
	return gc->dry ? 0 : retention_done(gc->ws.db.conn, gc->ws.db.lake_id, state_user(), detail, err);
}

static void say_end(const struct gc *gc, bool broken)
{
	if (gc->inv->globals->verbosity < 0 || !gc->listing)
		return;
	say_totals(gc);
	if (broken)
		fprintf(stderr, "strata: the project has errors, so its history is left alone; 'strata validate' tells them\n");
	if (gc->history.months_in_use)
		fprintf(stderr, "strata: %" PRId64 " months of events are being read, and stay for now\n", gc->history.months_in_use);
}

static int collect(struct gc *gc, struct err *err)
{
	int rc = clean_lake(gc, err);
	if (rc == 0)
		rc = forget_history(gc, err);
	if (gc->listing)
		output_end(&gc->out);
	return rc == 0 ? record(gc, err) : rc;
}

static int run(const struct invocation *inv, struct err *err)
{
	struct gc gc = {.inv = inv, .dry = options_flag(inv->options, "dry-run")};
	open_workspace(inv, 1, &gc.ws);
	int rc = workspace_project(&gc.ws, false, err);
	bool broken = rc == ERR_PROJECT && gc.ws.project;
	if (rc == 0 && gc.ws.project->keep_days)
		gc.before_us = clock_wall_us() - (int64_t)gc.ws.project->keep_days * 86400 * 1000000;
	/* A project with errors still has a lake to clean, but who knows what it says of history? */
	if (rc == 0 || broken)
		rc = open_db(inv, &gc.ws, err);
	if (rc == 0)
		rc = collect(&gc, err);
	say_end(&gc, broken);
	workspace_close(&gc.ws);
	return rc;
}

static const struct option options[] = {
	{.name = "dry-run", .help = "remove nothing, only say what would be removed"},
	{.name = "kept", .help = "also the staged data that a failed check or --keep-staging left"},
	{0},
};

const struct command command_gc = {
	.name = "gc",
	.elsewhere = "clean prune vacuum",
	.group = "State",
	.synopsis = "[--dry-run] [--kept]",
	.summary = "remove what the dead and the failed have left, and old history",
	.details = "Below .strata of the lake it removes: the staging of tries that are over and of queries whose worker is gone, what dead workers had spilled, their lock files, and files that their writers never finished.\n"
	           "\n"
	           "Of the state it removes what is older than 'history: {keep_days: 400}' in dags/dw_config.yaml says: runs that ended before, with their tasks, tries, events and logs, commands, and what schedules came to. What is published, its lineage, unfinished runs and the newest interval of each schedule stay whatever their age. 0 keeps all.\n"
	           "\n"
	           "The staged data of a failed check, and of a run with --keep-staging, is kept for you to look at as long as its run is, and listed with it; '--kept' removes it at once. BYTES are those that the removal gives back.\n"
	           "\n"
	           "The scheduler that stays up gives it once a day, and it may be given beside that. Beside a run in the foreground it removes nothing and exits with 5.",
	.examples = "strata gc --dry-run\n"
	            "strata gc\n"
	            "strata gc --kept --output json",
	.options = options,
	.answers = {{.form = ANSWER_ROWS, .fields = columns}},
	.run = run,
};
