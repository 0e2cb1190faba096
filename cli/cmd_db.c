/* strata db start, stop, status, migrate: the state database itself. The private server belongs to a lake; a
 * database of somebody else's is asked and migrated, but never started or stopped. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/open.h"

/* Which database it is, by options, environment and lake; nothing is started. */
struct chosen {
	struct workspace ws;
	enum db_source source;
	struct cluster cluster;
	char *conninfo;
};

static void release(struct chosen *c)
{
	free(c->conninfo);
	workspace_close(&c->ws);
}

/* A project with errors still has a lake, and its server must be stoppable. */
static int choose(const struct invocation *inv, struct chosen *c, struct err *err)
{
	*c = (struct chosen){0};
	open_workspace(inv, 0, &c->ws);
	int r = workspace_project(&c->ws, false, err);
	if (r < 0 && !(r == ERR_PROJECT && c->ws.project))
		return r;
	r = workspace_lake(&c->ws, err);
	if (r < 0)
		return r;
	struct db_options o = {.conninfo = inv->globals->db,
	                       .home = c->ws.lake.dir,
	                       .lake = {.uuid = c->ws.lake.uuid, .uri = c->ws.lake.dir, .host = c->ws.lake.host}};
	return db_choose(&o, &c->source, &c->cluster, &c->conninfo, err);
}

static int refuse_foreign(const struct chosen *c, const char *what, struct err *err)
{
	if (c->source == DB_PRIVATE)
		return 0;
	return err_set(err, ERR_USAGE, "the state is in the database of %s, which strata does not %s",
	               c->source == DB_FLAG ? "--db" : "STRATA_DB", what);
}

static const struct output_column start_fields[] = {
	{.name = "conninfo", .help = "for libpq and psql"},
	{.name = "started", .help = "whether it was down before"},
	{0},
};

static int run_start(const struct invocation *inv, struct err *err)
{
	struct chosen c;
	bool started = false;
	char conninfo[CLUSTER_CONNINFO_MAX];
	int r = choose(inv, &c, err);
	if (r == 0)
		r = refuse_foreign(&c, "start", err);
	if (r == 0)
		r = cluster_start(&c.cluster, &started, err);
	if (r == 0) {
		if (inv->globals->verbosity >= 0)
			fprintf(stderr, started ? "the private Postgres is up\n" : "the private Postgres was up\n");
		if (inv->globals->output == OUTPUT_TABLE)
			puts(cluster_conninfo(&c.cluster, conninfo));
		else
			output_document(inv->globals->output, start_fields,
			                json_pack("{s:s, s:b}", "conninfo", cluster_conninfo(&c.cluster, conninfo), "started", started));
	}
	release(&c);
	return r;
}

static const struct output_column stop_fields[] = {{.name = "stopped", .help = "whether it was up before"}, {0}};

static int run_stop(const struct invocation *inv, struct err *err)
{
	struct chosen c;
	struct cluster_status status = {0};
	int r = choose(inv, &c, err);
	if (r == 0)
		r = refuse_foreign(&c, "stop", err);
	if (r == 0)
		r = cluster_status(&c.cluster, &status, err);
	if (r == 0 && status.pid)
		r = cluster_stop(&c.cluster, err);
	if (r == 0 && inv->globals->output != OUTPUT_TABLE)
		output_document(inv->globals->output, stop_fields, json_pack("{s:b}", "stopped", status.pid != 0));
	else if (r == 0 && inv->globals->verbosity >= 0)
		fprintf(stderr, status.pid ? "the private Postgres is down\n" : "the private Postgres was down\n");
	release(&c);
	return r;
}

/* The value of a libpq keyword in a conninfo or URI, "" when absent; the caller frees. Never the password. */
static char *keyword(const char *conninfo, const char *word)
{
	PQconninfoOption *all = PQconninfoParse(conninfo, NULL), *o = all;
	while (o && o->keyword && !str_eq(o->keyword, word))
		o++;
	char *value = mem_strdup(o && o->keyword && o->val ? o->val : "");
	PQconninfoFree(all);
	return value;
}

static const struct output_column status_columns[] = {
	{.name = "name", .help = "database, server, pid, data, socket; host, port, dbname, user; lake, lake_uuid: those that there are"},
	{.name = "value", .help = "its value, as text"},
	{0},
};

static void pair(struct output *out, const char *name, const char *value)
{
	output_text(out, name);
	output_text(out, value);
}

static void show_private(struct output *out, const struct chosen *c, const struct cluster_status *status)
{
	char pid[24];
	snprintf(pid, sizeof pid, "%ld", (long)status->pid);
	pair(out, "database", "private");
	pair(out, "server", status->pid ? "up" : status->exists ? "down" : "not made yet");
	pair(out, "pid", status->pid ? pid : NULL);
	pair(out, "data", c->cluster.data);
	pair(out, "socket", c->cluster.socket_dir);
}

static void show_foreign(struct output *out, const struct chosen *c, bool reachable)
{
	static const char *const words[] = {"host", "port", "dbname", "user"};
	pair(out, "database", c->source == DB_FLAG ? "--db" : "STRATA_DB");
	pair(out, "server", reachable ? "up" : "out of reach");
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		char *value = keyword(c->conninfo, words[i]);
		if (*value)
			pair(out, words[i], value);
		free(value);
	}
}

static int run_status(const struct invocation *inv, struct err *err)
{
	struct chosen c;
	struct cluster_status status = {0};
	struct err unreachable;
	PGconn *conn = NULL;
	struct output out;
	int r = choose(inv, &c, err);
	if (r == 0 && c.source == DB_PRIVATE)
		r = cluster_status(&c.cluster, &status, err);
	if (r == 0) {
		output_begin(&out, inv->globals->output, status_columns);
		if (c.source == DB_PRIVATE) {
			show_private(&out, &c, &status);
		} else {
			bool reachable = db_connect(c.conninfo, &conn, &unreachable) == 0;
			show_foreign(&out, &c, reachable);
			if (reachable)
				PQfinish(conn);
		}
		pair(&out, "lake", c.ws.lake.dir);
		pair(&out, "lake_uuid", c.ws.lake.uuid);
		output_end(&out);
	}
	release(&c);
	return r;
}

static const struct output_column migrate_fields[] = {{.name = "applied", .help = "migrations that were applied now"}, {0}};

static int run_migrate(const struct invocation *inv, struct err *err)
{
	struct workspace ws;
	open_workspace(inv, 0, &ws);
	int r = workspace_project(&ws, false, err);
	if (r == 0 || (r == ERR_PROJECT && ws.project))
		r = workspace_db(&ws, err);
	if (r == 0 && inv->globals->output != OUTPUT_TABLE)
		output_document(inv->globals->output, migrate_fields, json_pack("{s:i}", "applied", ws.db.migrated));
	else if (r == 0)
		printf("%d migration%s applied\n", ws.db.migrated, ws.db.migrated == 1 ? "" : "s");
	workspace_close(&ws);
	return r;
}

const struct command command_db_start = {
	.name = "db start",
	.group = "State",
	.synopsis = "",
	.summary = "start the lake's private Postgres; prints how to connect",
	.details = "Every command that needs it starts it, too. It listens on a unix socket only and stays up until 'strata db stop'.",
	.examples = "strata db start\n"
	            "psql \"$(strata db start)\" -c 'SELECT * FROM strata.run'",
	.answers = {{.form = ANSWER_OBJECT, .fields = start_fields}},
	.run = run_start,
};

const struct command command_db_stop = {
	.name = "db stop",
	.group = "State",
	.synopsis = "",
	.summary = "stop the lake's private Postgres",
	.details = "What is committed stays. A run that is under way loses its database and ends.",
	.examples = "strata db stop",
	.answers = {{.form = ANSWER_OBJECT, .fields = stop_fields}},
	.run = run_stop,
};

const struct command command_db_status = {
	.name = "db status",
	.group = "State",
	.synopsis = "",
	.summary = "which database has the state, and whether it is up",
	.examples = "strata db status\n"
	            "strata db status --output json",
	.answers = {{.form = ANSWER_ROWS, .fields = status_columns}},
	.run = run_status,
};

const struct command command_db_migrate = {
	.name = "db migrate",
	.group = "State",
	.synopsis = "",
	.summary = "bring the schema of the state database up to date",
	.details = "Every command that needs the database does this first; by itself it is for a database that others prepare.",
	.examples = "strata db migrate\n"
	            "strata --db postgresql://db.example/strata db migrate",
	.answers = {{.form = ANSWER_OBJECT, .fields = migrate_fields}},
	.run = run_migrate,
};
