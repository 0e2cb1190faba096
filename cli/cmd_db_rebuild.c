/* strata db rebuild, adopt: the state's index of what is published, made anew from the lake itself. Both hold
 * the lake's lock: no run is under way that publishes meanwhile. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/open.h"
#include "scheduler/leader.h"
#include "scheduler/load.h"
#include "scheduler/rebuild.h"

static const struct output_column columns[] = {
	{.name = "tables", .right = true, .help = "tables with something published"},
	{.name = "partitions", .right = true, .help = "partitions that the lake has"},
	{.name = "empty", .right = true, .help = "those of them without rows"},
	{.name = "rows", .right = true, .help = "rows of all"},
	{.name = "added", .right = true, .help = "partitions that the state did not know"},
	{.name = "changed", .right = true, .help = "partitions of which it knew another version"},
	{.name = "removed", .right = true, .help = "partitions that the lake does not have"},
	{.name = "damaged", .right = true, .help = "partitions that were left out, as their files are not whole"},
	{0},
};

static void say_damaged(void *ctx, const char *folder, const char *why)
{
	(void)ctx;
	fprintf(stderr, "strata: '%s' is left out: %s; the next run builds it again\n", folder, why);
}

static void say_left(void *ctx, const char *qname)
{
	const struct invocation *inv = ctx;
	if (inv->globals->verbosity >= 0)
		fprintf(stderr, "strata: '%s' is published and no file of the project builds it; it is recorded and stays until "
		                "'strata clear --data %s'\n", qname, qname);
}

static void show(const struct invocation *inv, const struct rebuild_report *r, bool dry)
{
	struct output out;
	const int64_t values[] = {r->tables, r->partitions, r->empty, r->rows, r->added, r->changed, r->removed, r->damaged};
	output_begin(&out, inv->globals->output, columns);
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		output_int(&out, values[i]);
	output_end(&out);
	if (inv->globals->verbosity >= 0)
		fputs(dry ? "strata: nothing was changed\n" : "strata: the state says what the lake has\n", stderr);
}

static int take_lake(struct workspace *ws, const char *command, PGconn **ret_conn, struct leader *ret_leader, struct err *err)
{
	struct leader_holder h = {0};
	struct leader_claim claim = {.lake_id = ws->db.lake_id, .command = command, .run_id = ""};
	int rc = db_connect(ws->db.conninfo, ret_conn, err);
	if (rc == 0)
		rc = leader_try(*ret_conn, &claim, ret_leader, &h, err);
	if (rc == ERR_LOCKED)
		return err_set(err, ERR_LOCKED, "the lake is held by '%s'%s%s (process %ld on %s), which may be publishing; try again when it is done",
		        h.command, h.run_id[0] ? ", run " : "", h.run_id, h.pid, h.host);
	return rc < 0 ? rc : workspace_hold(ws, *ret_conn, ret_leader, err);
}

static int rebuild(const struct invocation *inv, struct workspace *ws, const char *command, struct err *err)
{
	bool dry = options_flag(inv->options, "dry-run");
	struct rebuild_report report;
	struct leader leader;
	struct rebuild_observer observer = {say_damaged, say_left, (void *)(uintptr_t)inv};
	PGconn *conn = NULL;
	int rc = open_db(inv, ws, err);
	if (rc == 0)
		rc = take_lake(ws, command, &conn, &leader, err);
	if (rc == 0)
		rc = rebuild_partitions(ws, conn, &leader, dry, &observer, &report, err);
	if (rc == 0 && !dry && strcmp(command, "strata db adopt") == 0)
		rc = lake_claim(&ws->lake, err);
	PQfinish(conn);
	if (rc == 0)
		show(inv, &report, dry);
	return rc;
}

/* Whose the lake will be. The file changes last: who dies before that adopts again. */
static void claim(const struct invocation *inv, struct workspace *ws)
{
	char host[sizeof ws->lake.host] = "";
	gethostname(host, sizeof host - 1);
	if (inv->globals->verbosity >= 0 && strcmp(host, ws->lake.host) != 0)
		fprintf(stderr, "strata: the lake was of host '%s' and is of '%s' now\n", ws->lake.host, host);
	snprintf(ws->lake.host, sizeof ws->lake.host, "%s", host);
	if (options_flag(inv->options, "new-identity"))
		uuid_make(ws->lake.uuid);
}

static int run_rebuild(const struct invocation *inv, struct err *err)
{
	struct workspace ws;
	open_workspace(inv, 1, &ws);
	int rc = workspace_project(&ws, false, err);
	if (rc == 0)
		rc = rebuild(inv, &ws, "strata db rebuild", err);
	workspace_close(&ws);
	return rc;
}

/* Any other folder would become a lake. */
static int find_lake(struct workspace *ws, struct err *err)
{
	char dir[PATH_MAX];
	int rc = load_lake(ws->project, ws->options.lake, dir, sizeof dir, err);
	if (rc == 0 && !lake_known(dir))
		return err_set(err, ERR_USAGE, "'%s' is no lake: it has no .strata/lake.json; name the one to adopt with --lake, or, where that "
		                               "file is lost, let 'strata db rebuild' begin a new history from what is published", dir);
	return rc < 0 ? rc : workspace_lake(ws, err);
}

static int run_adopt(const struct invocation *inv, struct err *err)
{
	struct workspace ws;
	open_workspace(inv, 1, &ws);
	int rc = workspace_project(&ws, false, err);
	if (rc == 0)
		rc = find_lake(&ws, err);
	if (rc == 0 && !options_flag(inv->options, "dry-run"))
		claim(inv, &ws);
	if (rc == 0)
		rc = rebuild(inv, &ws, "strata db adopt", err);
	workspace_close(&ws);
	return rc;
}

#define OPTION_DRY_RUN {.name = "dry-run", .help = "change nothing, only say what would change"}

static const struct option rebuild_options[] = {OPTION_DRY_RUN, {0}};

static const struct option adopt_options[] = {
	OPTION_DRY_RUN,
	{.name = "new-identity", .help = "give the lake a new UUID: it is a copy, and the original lives on"},
	{0},
};

const struct command command_db_rebuild = {
	.name = "db rebuild",
	.group = "State",
	.synopsis = "[--dry-run]",
	.summary = "make the state's index of what is published anew from the lake",
	.details = "The manifests in the lake are the truth of what is published, and the state database is their index. When the database was lost, or restored from an older backup, this reads the manifests of all tables that are published and records what they say: versions, rows, fingerprints, schemas, checks and lineage. A table that is published and has left the project is named, recorded too, and stays. What is recorded and not published goes. Afterwards a run finds fresh what is fresh.\n"
	           "\n"
	           "Runs, tries and logs are history; what the database has of them stays, and what it lost is lost. A partition whose manifest is unreadable, or whose files are not all there, is named and left out; the next run builds it again.\n"
	           "\n"
	           "ADDED, CHANGED and REMOVED count partitions of the index. It holds the lake while it works, is one transaction, and may be repeated.",
	.examples = "strata db rebuild --dry-run\n"
	            "strata db rebuild\n"
	            "strata --db postgresql://db.example/strata db rebuild",
	.options = rebuild_options,
	.answers = {{.form = ANSWER_ROWS, .fields = columns}},
	.run = run_rebuild,
};

const struct command command_db_adopt = {
	.name = "db adopt",
	.group = "State",
	.synopsis = "[--dry-run] [--new-identity]",
	.summary = "take over a lake that comes from elsewhere",
	.details = "For a lake with manifests that was moved or copied to this host, or whose state is to be kept in another database from now on: the lake's .strata/lake.json is made out to this host, and the state is filled from the manifests as 'strata db rebuild' does.\n"
	           "\n"
	           "A copy of a lake that goes on elsewhere needs --new-identity: state is kept by the lake's UUID, and two lakes with one UUID would be mistaken for each other in one database.",
	.examples = "strata db adopt --dry-run\n"
	            "strata db adopt\n"
	            "strata --lake /mnt/copy db adopt --new-identity",
	.options = adopt_options,
	.answers = {{.form = ANSWER_ROWS, .fields = columns}},
	.run = run_adopt,
};
