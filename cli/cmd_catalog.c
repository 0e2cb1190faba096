/* strata catalog refresh, migrate: the views of the published tables for anyone's DuckDB. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/open.h"
#include "scheduler/catalog.h"

/* The worker's folder is the lake, ours is the user's. */
static int absolute(const char *given, char *out, size_t size, struct err *err)
{
	char here[PATH_MAX];
	if (given[0] != '/' && !getcwd(here, sizeof here))
		return err_errno(err, ERR_IO, "find the current folder");
	bool fits = given[0] == '/' ? snprintf(out, size, "%s", given) < (int)size : path_join(out, size, here, given);
	return fits ? 0 : err_set(err, ERR_USAGE, "'%s' is too long a path", given);
}

static int refresh(const struct invocation *inv, struct workspace *ws, char path[PATH_MAX], json_t **ret_reply, struct err *err)
{
	const char *given = options_text(inv->options, "catalog", NULL);
	int rc = open_project(inv, ws, err);
	if (rc == 0)
		rc = open_db(inv, ws, err);
	if (rc == 0 && given)
		rc = absolute(given, path, PATH_MAX, err);
	else if (rc == 0)
		path_join(path, PATH_MAX, ws->lake.dir, ".strata/catalog.duckdb");
	return rc < 0 ? rc : catalog_refresh(ws, given ? path : NULL, ret_reply, err);
}

static const struct output_column refresh_columns[] = {
	{.name = "catalog", .help = "the file"},
	{.name = "tables", .right = true, .help = "views of tables in it"},
	{.name = "applied", .right = true, .help = "statements of migrations that were applied now"},
	{.name = "skipped", .right = true, .help = "statements of migrations that were skipped now"},
	{0},
};

static int run_refresh(const struct invocation *inv, struct err *err)
{
	struct workspace ws;
	char path[PATH_MAX];
	json_t *reply = NULL;
	open_workspace(inv, 1, &ws);
	int rc = refresh(inv, &ws, path, &reply, err);
	if (rc == 0) {
		struct output out;
		output_begin(&out, inv->globals->output, refresh_columns);
		output_text(&out, path);
		output_int(&out, json_integer_value(json_object_get(reply, "tables")));
		output_int(&out, (int64_t)json_array_size(json_object_get(reply, "applied")));
		output_int(&out, (int64_t)json_array_size(json_object_get(reply, "skipped")));
		output_end(&out);
	}
	json_decref(reply);
	workspace_close(&ws);
	return rc;
}

static const struct output_column migrate_columns[] = {
	{.name = "file", .help = "of catalog/migrations"},
	{.name = "outcome", .help = "'applied' or 'skipped'"},
	{.name = "statement", .help = "its beginning"},
	{.name = "why", .help = "why it was skipped"},
	{0},
};

static void show_migrations(enum output_format format, const json_t *reply)
{
	struct output out;
	size_t i;
	json_t *one;
	output_begin(&out, format, migrate_columns);
	json_array_foreach(json_object_get(reply, "applied"), i, one) {
		output_text(&out, json_string_value(one));
		output_styled(&out, STYLE_GOOD, "applied");
		output_text(&out, NULL);
		output_text(&out, NULL);
	}
	json_array_foreach(json_object_get(reply, "skipped"), i, one) {
		output_text(&out, json_string_value(json_object_get(one, "file")));
		output_styled(&out, STYLE_WARN, "skipped");
		output_text(&out, json_string_value(json_object_get(one, "statement")));
		output_text(&out, json_string_value(json_object_get(one, "why")));
	}
	output_end(&out);
}

static int run_migrate(const struct invocation *inv, struct err *err)
{
	struct workspace ws;
	char path[PATH_MAX];
	json_t *reply = NULL;
	open_workspace(inv, 1, &ws);
	int rc = refresh(inv, &ws, path, &reply, err);
	if (rc == 0) {
		show_migrations(inv->globals->output, reply);
		if (inv->globals->verbosity >= 0 && !json_array_size(json_object_get(reply, "applied")))
			fprintf(stderr, "strata: nothing in catalog/migrations is new to %s\n", path);
	}
	json_decref(reply);
	workspace_close(&ws);
	return rc;
}

static const struct option options[] = {
	{.name = "catalog", .value = "PATH", .help = "the file; default: .strata/catalog.duckdb of the lake"},
	{0},
};

const struct command command_catalog_refresh = {
	.name = "catalog refresh",
	.group = "Look at the data",
	.synopsis = "[--catalog PATH]",
	.summary = "make the views of the published tables anew, for any DuckDB",
	.details = "The file holds schemas, views and '_dt' macros only, no data: open it with any DuckDB and query layer.table. It is built beside the old one and takes its place at once; who has the old one open keeps it. A run does this by itself when tables or schemas have changed.\n"
	           "\n"
	           "What is new in catalog/migrations is applied, too; 'strata catalog migrate' tells what that was.",
	.examples = "strata catalog refresh\n"
	            "duckdb -readonly .strata/catalog.duckdb -c 'FROM ads.ads_delay_league'\n"
	            "# a copy of one's own\n"
	            "strata catalog refresh --catalog ~/flights.duckdb",
	.options = options,
	.answers = {{.form = ANSWER_ROWS, .fields = refresh_columns}},
	.run = run_refresh,
};

const struct command command_catalog_migrate = {
	.name = "catalog migrate",
	.group = "Look at the data",
	.synopsis = "[--catalog PATH]",
	.summary = "apply what is new in catalog/migrations to the catalog",
	.details = "Each file of catalog/migrations is applied once, in the order of names, and recorded with its checksum in catalog_meta.schema_migrations. A file that was applied and has changed since is an error.\n"
	           "\n"
	           "Only schemas, views, macros and comments are taken. A statement that writes data, or that takes the name of one of strata's tables, is skipped and listed with the reason.",
	.examples = "strata catalog migrate\n"
	            "strata catalog migrate --output json",
	.options = options,
	.answers = {{.form = ANSWER_ROWS, .fields = migrate_columns}},
	.run = run_migrate,
};
