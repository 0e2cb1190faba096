/* strata doctor: does everything that a run needs work here? Each check stands alone, so that one that fails
 * hides no other. */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/open.h"
#include "scheduler/load.h"
#include "scheduler/zone.h"

enum {
	DETAIL_SIZE = 4400,
	GIB_SHIFT = 30,
	MIB_SHIFT = 20,
	FILES_LEAST = 1024,     /* of a worker: a query over a year of partitions keeps many open */
	PROCESSES_EACH = 16,    /* a worker, its threads, a program with a few children */
	SPACE_WARN_MIB = 1024,
	SPACE_FAIL_MIB = 32,    /* a database whose disk is full stops */
	CLOCKS_APART_S = 5,
	WATCHES_LEAST = 8192,
	INSTANCES_LEAST = 16,
	INODES_LEAST = 10000,   /* each published file has one, and each that a query spills */
};
/* 2024-01-01 and 2100-01-01: outside of these a clock was never set. */
static const int64_t clock_least_s = 1704067200, clock_most_s = 4102444800;

enum verdict { GOOD, WARNING, FAILED };

/* A check fills `detail`, what is not well with how to mend it, and says how it went; it may use what checks before it
 * have opened. */
typedef enum verdict (*check_fn)(struct workspace *ws, char detail[DETAIL_SIZE]);

static enum verdict fail(char detail[DETAIL_SIZE], const struct err *err)
{
	snprintf(detail, DETAIL_SIZE, "%s", err->text);
	return FAILED;
}

static enum verdict check_version(struct workspace *ws, char detail[DETAIL_SIZE])
{
	(void)ws;
	snprintf(detail, DETAIL_SIZE, "strata %s", STRATA_VERSION);
	return GOOD;
}

static enum verdict check_machine(struct workspace *ws, char detail[DETAIL_SIZE])
{
	double share = (double)workspace_memory(ws->jobs) / (double)(1 << GIB_SHIFT);
	bool scarce = share < 0.25;
	snprintf(detail, DETAIL_SIZE, "%" PRIu32 " core%s; %" PRIu32 " worker%s of %.1f GiB%s%s", load_cores(), load_cores() == 1 ? "" : "s",
	         ws->jobs, ws->jobs == 1 ? "" : "s", share, ws->jobs == 1 ? "" : " each",
	         scarce ? "; a large query may run out of memory: run with a smaller --jobs" : "");
	return scarce ? WARNING : GOOD;
}

/* A limit for people. */
static const char *limit_text(char out[32], rlim_t limit)
{
	if (limit == RLIM_INFINITY)
		return "any number of";
	snprintf(out, 32, "%ju", (uintmax_t)limit);
	return out;
}

static enum verdict check_limits(struct workspace *ws, char detail[DETAIL_SIZE])
{
	struct rlimit files, processes;
	char files_text[32], processes_text[32];
	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || getrlimit(RLIMIT_NPROC, &processes) < 0) {
		snprintf(detail, DETAIL_SIZE, "cannot be told");
		return WARNING;
	}
	uint32_t wanted = ws->jobs * PROCESSES_EACH;
	/* Root's processes are not limited by it. */
	bool few_files = files.rlim_cur < FILES_LEAST, few_processes = geteuid() != 0 && processes.rlim_cur < wanted;
	size_t n = (size_t)snprintf(detail, DETAIL_SIZE, "%s open files, %s processes", limit_text(files_text, files.rlim_cur),
	                            limit_text(processes_text, processes.rlim_cur));
	if (few_files)
		n += (size_t)snprintf(detail + n, DETAIL_SIZE - n, "; queries over many partitions may fail: 'ulimit -n %d'", FILES_LEAST * 4);
	if (few_processes)
		snprintf(detail + n, DETAIL_SIZE - n, "; %" PRIu32 " workers may not get theirs: 'ulimit -u %" PRIu32 "'", ws->jobs, wanted * 4);
	return few_files || few_processes ? WARNING : GOOD;
}

/* A number that the kernel keeps in a file; -1: it has no such. */
static long kernel_number(const char *path)
{
	struct buf text = BUF_INIT(64);
	int64_t n = -1;
	if (file_read(AT_FDCWD, path, &text, NULL) == 0) {
		char *s = mem_strndup(buf_cstr(&text), strcspn(buf_cstr(&text), "\n"));
		if (!str_to_i64(s, &n))
			n = -1;
		free(s);
	}
	buf_free(&text);
	return (long)n;
}

/* The scheduler watches the project's folders and those of sources that it waits for. */
static enum verdict check_file_events(struct workspace *ws, char detail[DETAIL_SIZE])
{
	(void)ws;
	long watches = kernel_number("/proc/sys/fs/inotify/max_user_watches"), instances = kernel_number("/proc/sys/fs/inotify/max_user_instances");
	if (watches < 0 || instances < 0) {
		snprintf(detail, DETAIL_SIZE, "the kernel tells of no file events; the scheduler may see changes late");
		return WARNING;
	}
	bool few = watches < WATCHES_LEAST, few_instances = instances < INSTANCES_LEAST;
	size_t n = (size_t)snprintf(detail, DETAIL_SIZE, "%ld watches, %ld watchers", watches, instances);
	if (few)
		n += (size_t)snprintf(detail + n, DETAIL_SIZE - n, "; changes of files may be seen late: 'sysctl fs.inotify.max_user_watches=%d'", WATCHES_LEAST * 8);
	if (few_instances)
		snprintf(detail + n, DETAIL_SIZE - n, "; the scheduler may get none: 'sysctl fs.inotify.max_user_instances=%d'", INSTANCES_LEAST * 8);
	return few || few_instances ? WARNING : GOOD;
}

static enum verdict check_clock(struct workspace *ws, char detail[DETAIL_SIZE])
{
	(void)ws;
	char iso[CLOCK_ISO_SIZE];
	int64_t now = clock_wall_us(), seconds = now / 1000000;
	clock_iso(iso, now);
	if (seconds < clock_least_s || seconds > clock_most_s) {
		snprintf(detail, DETAIL_SIZE, "%s cannot be; 'yesterday' would be a wrong date: set the clock", iso);
		return FAILED;
	}
	snprintf(detail, DETAIL_SIZE, "%s", iso);
	return GOOD;
}

static enum verdict check_project(struct workspace *ws, char detail[DETAIL_SIZE])
{
	struct err err = {0};
	int r = workspace_project(ws, false, &err);
	if (r < 0 && !ws->project)
		return fail(detail, &err);
	if (ws->diags.errors || ws->diags.warnings) {
		snprintf(detail, DETAIL_SIZE, "%s: %zu error%s, %zu warning%s; 'strata validate' tells them", ws->project->dir,
		         ws->diags.errors, ws->diags.errors == 1 ? "" : "s", ws->diags.warnings, ws->diags.warnings == 1 ? "" : "s");
		return ws->diags.errors ? FAILED : WARNING;
	}
	if (r < 0)
		return fail(detail, &err);
	snprintf(detail, DETAIL_SIZE, "%s: %zu table%s in %zu layer%s", ws->project->dir, ws->project->ntables,
	         ws->project->ntables == 1 ? "" : "s", ws->project->nlayers, ws->project->nlayers == 1 ? "" : "s");
	return GOOD;
}

/* Where nobody has named a zone it is the system's, whose name is the target of a link. */
static bool zone_is_guessed(const struct workspace *ws)
{
	struct stat st;
	const char *tz = getenv("TZ");
	bool named = ws->options.timezone || ws->project->timezone || (tz && strcmp(tz, zone_name()) == 0 && *tz);
	return !named && lstat("/etc/localtime", &st) == 0 && !S_ISLNK(st.st_mode);
}

static enum verdict check_zone(struct workspace *ws, char detail[DETAIL_SIZE])
{
	if (access("/usr/share/zoneinfo", R_OK) < 0) {
		snprintf(detail, DETAIL_SIZE, "%s; there is no time zone database, so that no other is known: install tzdata", zone_name());
		return WARNING;
	}
	if (zone_is_guessed(ws)) {
		snprintf(detail, DETAIL_SIZE, "%s, as /etc/localtime names none; name it: --timezone, STRATA_TIMEZONE or 'defaults.timezone'",
		         zone_name());
		return WARNING;
	}
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

static enum verdict space_of(const char *path, const char *hint, char detail[DETAIL_SIZE])
{
	struct statvfs st;
	if (statvfs(path, &st) < 0) {
		snprintf(detail, DETAIL_SIZE, "cannot be told of '%s'", path);
		return WARNING;
	}
	uint64_t mib = ((uint64_t)st.f_bavail * st.f_frsize) >> MIB_SHIFT;
	enum verdict verdict = mib < SPACE_FAIL_MIB ? FAILED : mib < SPACE_WARN_MIB ? WARNING : GOOD;
	size_t n = (size_t)snprintf(detail, DETAIL_SIZE, "%.1f GiB free", (double)mib / 1024);
	if (verdict != GOOD)
		n += (size_t)snprintf(detail + n, DETAIL_SIZE - n, ": make room on the filesystem of '%s'%s", path, hint);
	/* Some filesystems have as many as there is room for, and say none. */
	if (st.f_files && st.f_favail < INODES_LEAST) {
		snprintf(detail + n, DETAIL_SIZE - n, "; room for %ju more files only on the filesystem of '%s'", (uintmax_t)st.f_favail, path);
		return verdict == GOOD ? WARNING : verdict;
	}
	return verdict;
}

static enum verdict check_space(struct workspace *ws, char detail[DETAIL_SIZE])
{
	return space_of(ws->lake.dir, "; 'strata gc' may give some back", detail);
}

static enum verdict check_worker(struct workspace *ws, char detail[DETAIL_SIZE])
{
	struct err err = {0};
	json_t *reply = NULL, *nothing = json_pack("{s:s, s:[], s:[]}", "op", "probe", "partitions", "sources");
	if (workspace_ask(ws, nothing, &reply, &err) < 0)
		return fail(detail, &err);
	json_decref(reply);
	const char *version = workers_version(ws->workers);
	bool same = strcmp(version, STRATA_VERSION) == 0;
	snprintf(detail, DETAIL_SIZE, "strata-worker %s answers; DuckDB %s%s", version, workers_engine_version(ws->workers),
	         same ? "" : "; it is not of strata's version: install both from one build");
	return same ? GOOD : WARNING;
}

static enum verdict check_database(struct workspace *ws, char detail[DETAIL_SIZE])
{
	static const char *const sources[] = {"--db", "STRATA_DB", "private server"};
	struct err err = {0};
	if (workspace_db(ws, &err) < 0)
		return fail(detail, &err);
	int version = PQserverVersion(ws->db.conn);
	snprintf(detail, DETAIL_SIZE, "%s; PostgreSQL %d.%d; schema up to date%s%s%s", sources[ws->db.source], version / 10000, version % 10000,
	         ws->db.migrated ? " since now" : "", ws->db.started ? "; started now" : "", version < 150000 ? "; strata is made for 15 and newer: upgrade the server" : "");
	return version < 150000 ? WARNING : GOOD;
}

static enum verdict check_state_space(struct workspace *ws, char detail[DETAIL_SIZE])
{
	if (ws->db.source == DB_PRIVATE)
		return space_of(ws->db.cluster.data, "", detail);
	snprintf(detail, DETAIL_SIZE, "on its own server");
	return GOOD;
}

/* Times of the state come from both clocks. */
static enum verdict check_database_clock(struct workspace *ws, char detail[DETAIL_SIZE])
{
	struct err err = {0};
	PGresult *r;
	int64_t before = clock_wall_us();
	if (db_query(ws->db.conn, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint", 0, NULL, false, &r, &err) < 0)
		return fail(detail, &err);
	int64_t after = clock_wall_us(), theirs = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
	PQclear(r);
	/* Their reading was between ours. */
	int64_t apart = theirs < before ? before - theirs : theirs > after ? theirs - after : 0;
	bool far = apart > (int64_t)CLOCKS_APART_S * 1000000;
	snprintf(detail, DETAIL_SIZE, "%" PRId64 " ms from this machine's%s", apart / 1000,
	         far ? "; times of runs will not fit together: let both machines set their clocks by NTP" : "");
	return far ? WARNING : GOOD;
}

static const struct {
	const char *name;
	check_fn check;
	bool needs_project, needs_lake, needs_database;
} checks[] = {
	{"version", check_version, false, false, false},
	{"machine", check_machine, false, false, false},
	{"limits", check_limits, false, false, false},
	{"file events", check_file_events, false, false, false},
	{"clock", check_clock, false, false, false},
	{"project", check_project, false, false, false},
	{"time zone", check_zone, true, false, false},
	{"lake", check_lake, true, false, false},
	{"publish", check_publish, true, true, false},
	{"lake space", check_space, true, true, false},
	{"worker", check_worker, true, false, false},
	{"database", check_database, true, true, false},
	{"state space", check_state_space, true, true, true},
	{"state clock", check_database_clock, true, true, true},
};

static const struct output_column columns[] = {
	{.name = "check", .help = "what was looked at"},
	{.name = "status", .help = "'ok', 'warning' or 'failed'"},
	{.name = "detail", .help = "what it is, and what mends it"},
	{0},
};

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
		if ((checks[i].needs_project && !ws.project) || (checks[i].needs_lake && !ws.lake.uuid[0]) ||
		    (checks[i].needs_database && !ws.db.conn))
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
	.elsewhere = "debug",
	.group = "Start",
	.synopsis = "",
	.summary = "does all that a run needs work here",
	.details = "Looks at the machine and its limits, the project, the lake and its filesystem, starts a worker, and connects to the state database (the private server is started if need be). Changes nothing that is published. What is not well says how to mend it.\n"
	           "\n"
	           "The exit status is 2 if only the project is wrong, 3 if anything else failed; a warning alone is 0.",
	.examples = "strata doctor\n"
	            "strata -C shop doctor --output json",
	.answers = {{.form = ANSWER_ROWS, .fields = columns}},
	.run = run,
};
