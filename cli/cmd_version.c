/* strata version: what this program is and what it was linked with. */
#include <git2.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <uv.h>

#include "cli/commands.h"

static const struct output_column columns[] = {
	{.name = "name", .help = "the program or library"},
	{.name = "version", .help = "its version"},
	{0},
};

static void row(struct output *o, const char *name, const char *version)
{
	output_text(o, name);
	output_text(o, version);
}

static int run(const struct invocation *inv, struct err *err)
{
	(void)err;
	if (inv->globals->output == OUTPUT_TABLE && inv->globals->verbosity <= 0) {
		puts("strata " STRATA_VERSION);
		return 0;
	}
	int major, minor, patch, pq = PQlibVersion();
	char git[32], libpq[32];
	git_libgit2_version(&major, &minor, &patch);
	snprintf(git, sizeof git, "%d.%d.%d", major, minor, patch);
	snprintf(libpq, sizeof libpq, "%d.%d", pq / 10000, pq % 10000);
	struct output o;
	output_begin(&o, inv->globals->output, columns);
	row(&o, "strata", STRATA_VERSION);
	row(&o, "libpq", libpq);
	row(&o, "libuv", uv_version_string());
	row(&o, "libgit2", git);
	row(&o, "jansson", jansson_version_str());
	output_end(&o);
	return 0;
}

const struct command command_version = {
	.name = "version",
	.group = "About strata",
	.synopsis = "",
	.summary = "the version; with -v those of its libraries",
	.examples = "strata version\n"
	            "strata version --output json",
	.answers = {{.form = ANSWER_ROWS, .fields = columns}},
	.run = run,
};
