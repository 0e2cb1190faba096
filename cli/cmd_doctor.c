/* strata doctor: does everything that a run needs work here? Each check stands alone, so that one that fails
 * hides no other. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/open.h"
#include "scheduler/load.h"
#include "scheduler/zone.h"

enum { DETAIL_SIZE = 4400, GIB_SHIFT = 30 };

enum verdict { GOOD, WARNING, FAILED };

/* A check fills `detail` and says how it went; it may use what checks before it have opened. */
typedef enum verdict (*check_fn)(struct workspace *ws, char detail[DETAIL_SIZE]);

static enum verdict fail(char detail[DETAIL_SIZE], const struct err *err)
{
	snprintf(detail, DETAIL_SIZE, "%s", err->text);
	return FAILED;
}

static enum verdict check_machine(struct workspace *ws, char detail[DETAIL_SIZE])
{
	double share = (double)workspace_memory(ws->jobs) / (double)(1 << GIB_SHIFT);
	snprintf(detail, DETAIL_SIZE, "%" PRIu32 " cores; %" PRIu32 " workers of %.1f GiB each", load_cores(), ws->jobs, share);
	return share < 0.25 ? WARNING : GOOD;
}

static enum verdict check_project(struct workspace *ws, char detail[DETAIL_SIZE])
{
	struct err err = {0};
	int r = workspace_project(ws, false, &err);
	if (r < 0 && !ws->project)
		return fail(detail, &err);
	if (ws->diags.errors || ws->diags.warnings) {
		snprintf(detail, DETAIL_SIZE, "%s: %zu errors, %zu warnings; 'strata validate' tells them", ws->project->dir,
		         ws->diags.errors, ws->diags.warnings);
		return ws->diags.errors ? FAILED : WARNING;
	}
	if (r < 0)
		return fail(detail, &err);
	snprintf(detail, DETAIL_SIZE, "%s: %zu tables in %zu layers", ws->project->dir, ws->project->ntables,
	         ws->project->nlayers);
	return GOOD;
}

static enum verdict check_zone(struct workspace *ws, char detail[DETAIL_SIZE])
{
	(void)ws;
	snprintf(detail, DETAIL_SIZE, "%s", zone_name());
	return GOOD;
}

static enum verdict check_lake(struct workspace *ws, char detail[DETAIL_SIZE])
{
	struct err err = {0};
	if (workspace_lake(ws, &err) < 0)
		return fail(detail, &err);
	snprintf(detail, DETAIL_SIZE, "%s (%s)", ws->lake.dir, ws->lake.uuid);
	return GOOD;
}

static enum verdict check_publish(struct workspace *ws, char detail[DETAIL_SIZE])
{
	struct err err = {0};
	char dir[PATH_MAX];
	if (!path_join(dir, sizeof dir, ws->lake.dir, ".strata"))
		return FAILED;
	if (dir_probe_exchange(dir, &err) < 0)
		return fail(detail, &err);
	snprintf(detail, DETAIL_SIZE, "the filesystem exchanges folders in one step");
	return GOOD;
}

static enum verdict check_space(struct workspace *ws, char detail[DETAIL_SIZE])
{
	struct statvfs st;
	if (statvfs(ws->lake.dir, &st) < 0) {
		snprintf(detail, DETAIL_SIZE, "cannot be told");
		return WARNING;
	}
	double gib = (double)st.f_bavail * (double)st.f_frsize / (double)(1 << GIB_SHIFT);
	snprintf(detail, DETAIL_SIZE, "%.1f GiB free", gib);
	return gib < 1 ? WARNING : GOOD;
}

static enum verdict check_worker(struct workspace *ws, char detail[DETAIL_SIZE])
{
	struct err err = {0};
	json_t *reply = NULL, *nothing = json_pack("{s:s, s:[], s:[]}", "op", "probe", "partitions", "sources");
	if (workspace_ask(ws, nothing, &reply, &err) < 0)
		return fail(detail, &err);
	json_decref(reply);
	snprintf(detail, DETAIL_SIZE, "strata-worker answers; DuckDB %s", workers_engine_version(ws->workers));
	return GOOD;
}

static enum verdict check_database(struct workspace *ws, char detail[DETAIL_SIZE])
{
	static const char *const sources[] = {"--db", "STRATA_DB", "private server"};
	struct err err = {0};
	if (workspace_db(ws, &err) < 0)
		return fail(detail, &err);
	int version = PQserverVersion(ws->db.conn);
	snprintf(detail, DETAIL_SIZE, "%s; PostgreSQL %d.%d%s", sources[ws->db.source], version / 10000, version % 10000,
	         ws->db.started ? "; started now" : "");
	return version < 150000 ? WARNING : GOOD;
}

static const struct {
	const char *name;
	check_fn check;
	bool needs_project, needs_lake;
} checks[] = {
	{"machine", check_machine, false, false},
	{"project", check_project, false, false},
	{"time zone", check_zone, true, false},
	{"lake", check_lake, true, false},
	{"publish", check_publish, true, true},
	{"space", check_space, true, true},
	{"worker", check_worker, true, false},
	{"database", check_database, true, true},
};

static const struct output_column columns[] = {{.name = "check"}, {.name = "status"}, {.name = "detail"}, {0}};

static int run(const struct invocation *inv, struct err *err)
{
	static const char *const names[] = {"ok", "warning", "failed"};
	static const enum output_style styles[] = {STYLE_GOOD, STYLE_WARN, STYLE_BAD};
	(void)err;
	struct workspace ws;
	struct output out;
	int status = 0;
	open_workspace(inv, 0, &ws);
	output_begin(&out, inv->globals->output, columns);
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
		char detail[DETAIL_SIZE] = "";
		if ((checks[i].needs_project && !ws.project) || (checks[i].needs_lake && !ws.lake.uuid[0]))
			continue;
		enum verdict verdict = checks[i].check(&ws, detail);
		output_text(&out, checks[i].name);
		output_styled(&out, styles[verdict], names[verdict]);
		output_text(&out, detail);
		if (verdict == FAILED)
			status = checks[i].check == check_project && !status ? EXIT_USAGE : EXIT_UNREACHABLE;
	}
	output_end(&out);
	workspace_close(&ws);
	return status;
}

const struct command command_doctor = {
	.name = "doctor",
	.group = "Start",
	.synopsis = "",
	.summary = "does all that a run needs work here",
	.details = "Looks at the project, the lake and its filesystem, starts a worker, and connects to the state database (the private server is started if need be). Changes nothing that is published.\n"
	           "\n"
	           "The exit status is 2 if only the project is wrong, 3 if anything else failed; a warning alone is 0.",
	.examples = "strata doctor\n"
	            "strata -C shop doctor --output json",
	.run = run,
};
