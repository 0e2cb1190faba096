/* strata gc: remove what dead processes and failed tries have left. It holds the lake's lock meanwhile: no
 * run is under way whose staging it could mistake. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/open.h"
#include "cli/progress.h"
#include "scheduler/garbage.h"
#include "scheduler/leader.h"

static const struct output_column columns[] = {
	{.name = "kind"}, {.name = "path"}, {.name = "bytes", .right = true}, {.name = "outcome"}, {.name = "why"}, {0},
};

struct total {
	size_t n;
	int64_t bytes;
};

static void count(struct total *t, const struct garbage_item *item)
{
	t->n++;
	t->bytes += item->bytes;
}

/* People get the path in the lake. */
static void cell_path(struct output *out, const char *path, const char *lake)
{
	size_t n = strlen(lake);
	bool inside = strncmp(path, lake, n) == 0 && path[n] == '/';
	output_shown(out, inside ? path + n + 1 : path, json_string(path));
}

static void row(struct output *out, const struct garbage_item *item, const char *lake, const char *outcome, enum output_style style)
{
	output_text(out, garbage_kind_name(item->kind));
	cell_path(out, item->path, lake);
	output_int(out, item->bytes);
	output_styled(out, style, outcome);
	output_text(out, item->why);
}

static void say_totals(const struct total *gone, const struct total *kept, bool dry)
{
	char text[32];
	if (!gone->n && !kept->n) {
		fputs("strata: there is nothing to remove\n", stderr);
		return;
	}
	fprintf(stderr, "strata: %s %zu thing%s, %s", dry ? "would remove" : "removed", gone->n, gone->n == 1 ? "" : "s",
	        progress_bytes(text, sizeof text, gone->bytes));
	if (kept->n)
		fprintf(stderr, "; kept %zu, %s", kept->n, progress_bytes(text, sizeof text, kept->bytes));
	fputc('\n', stderr);
}

/* One that cannot be removed hides no other; the first error is the command's. */
static int remove_all(const struct invocation *inv, const struct workspace *ws, const struct garbage *g, struct err *err)
{
	bool dry = options_flag(inv->options, "dry-run");
	struct total gone = {0}, kept = {0};
	struct output out;
	int rc = 0;
	output_begin(&out, inv->globals->output, columns);
	for (size_t i = 0; i < g->len; i++) {
		const struct garbage_item *item = &g->items[i];
		struct err failure = {0};
		bool removed = dry;
		if (item->kept) {
			count(&kept, item);
			row(&out, item, ws->lake.dir, "kept", STYLE_DIM);
			continue;
		}
		if (!dry && garbage_remove(item, &removed, &failure) < 0) {
			row(&out, item, ws->lake.dir, "failed", STYLE_BAD);
			if (rc == 0)
				rc = err_set(err, failure.code, "%s", failure.text);
			continue;
		}
		if (!removed)
			continue; /* somebody else's by now */
		count(&gone, item);
		row(&out, item, ws->lake.dir, dry ? "would remove" : "removed", STYLE_GOOD);
	}
	output_end(&out);
	if (inv->globals->verbosity >= 0)
		say_totals(&gone, &kept, dry);
	return rc;
}

static int take_lake(struct workspace *ws, PGconn **ret_conn, struct err *err)
{
	struct leader leader;
	struct leader_holder h = {0};
	struct leader_claim claim = {.lake_id = ws->db.lake_id, .command = "strata gc"};
	int rc = db_connect(ws->db.conninfo, ret_conn, err);
	if (rc == 0)
		rc = leader_try(*ret_conn, &claim, &leader, &h, err);
	if (rc == ERR_LOCKED)
		return err_set(err, ERR_LOCKED, "the lake is held by '%s'%s%s (process %ld on %s), which may be staging; try again when it is done",
		        h.command, h.run_id[0] ? ", run " : "", h.run_id, h.pid, h.host);
	return rc < 0 ? rc : workspace_hold(ws, *ret_conn, &leader, err);
}

static int run(const struct invocation *inv, struct err *err)
{
	struct workspace ws;
	struct garbage garbage = {0};
	PGconn *lock = NULL;
	open_workspace(inv, 1, &ws);
	int rc = workspace_project(&ws, false, err);
	/* A project with errors still has a lake to clean. */
	if (rc == 0 || (rc == ERR_PROJECT && ws.project))
		rc = open_db(inv, &ws, err);
	if (rc == 0)
		rc = take_lake(&ws, &lock, err);
	if (rc == 0)
		rc = garbage_find(&ws, options_flag(inv->options, "kept"), &garbage, err);
	if (rc == 0)
		rc = remove_all(inv, &ws, &garbage, err);
	PQfinish(lock);
	garbage_free(&garbage);
	workspace_close(&ws);
	return rc;
}

static const struct option options[] = {
	{.name = "dry-run", .help = "remove nothing, only say what would be removed"},
	{.name = "kept", .help = "also the staged data that a failed check or --keep-staging left"},
	{0},
};

const struct command command_gc = {
	.name = "gc",
	.group = "State",
	.synopsis = "[--dry-run] [--kept]",
	.summary = "remove what dead processes and failed tries have left",
	.details = "Below .strata of the lake it removes: the staging of tries that are over and of queries whose worker is gone, what dead workers had spilled, their lock files, and files that their writers never finished. Nothing that is published, recorded or logged is touched.\n"
	           "\n"
	           "The staged data of a failed check, and of a run with --keep-staging, is kept for you to look at, and listed with its run; '--kept' removes it, too. BYTES are those that the removal gives back.\n"
	           "\n"
	           "It holds the lake while it works. Beside a run it removes nothing and exits with 5.",
	.examples = "strata gc --dry-run\n"
	            "strata gc\n"
	            "strata gc --kept --output json",
	.options = options,
	.run = run,
};
