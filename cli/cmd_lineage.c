/* strata lineage TABLE: what published partitions were made from, or what was made from them. */
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/select.h"
#include "cli/state.h"
#include "cli/task_name.h"
#include "core/date.h"

static const struct output_column columns[] = {
	{.name = "table", .help = "layer.table that was made"},
	{.name = "partition", .help = "its date; empty where it has none"},
	{.name = "version", .right = true, .help = "of the published partition"},
	{.name = "reads", .help = "layer.table that it was made from"},
	{.name = "read_partition", .help = "the date that was read"},
	{.name = "read_version", .right = true, .help = "the version that was read"},
	{.name = "now", .right = true, .help = "the version that is published now"},
	{.name = "read_identity", .detail = true, .help = "digest of what was read"},
	{0},
};

static void row(struct output *out, const struct lineage_row *r)
{
	output_text(out, r->table);
	output_text(out, r->partition);
	output_int(out, r->version);
	output_text(out, r->up_table);
	output_text(out, r->up_partition);
	output_int(out, r->up_version);
	state_number(out, r->up_version_now);
	output_text(out, r->up_identity);
}

static int run(const struct invocation *inv, struct err *err)
{
	struct state s;
	struct lineage_row *rows;
	size_t n;
	const char *partition = options_text(inv->options, "partition", NULL);
	int32_t day;
	char date[DATE_SIZE];
	if (partition && *partition) {
		if (!date_parse(partition, &day))
			return err_set(err, ERR_USAGE, "partition '%s' is no date; write YYYY-MM-DD", partition);
		partition = date_format(date, day);
	}
	int rc = state_open(inv, &s, err);
	/* A table that is gone from the project may have been published all the same. */
	const struct table *known = NULL;
	if (rc == 0) {
		char name[TASK_NAME_MAX];
		const char *table = project_full_name(s.ws.project, inv->operands[0], name, sizeof name);
		rc = options_flag(inv->options, "down") ? query_lineage_down(&s.query, table, partition, &rows, &n, err)
		                                        : query_lineage_up(&s.query, table, partition, &rows, &n, err);
	}
	if (rc == 0 && n == 0)
		rc = select_table(inv, s.ws.project, &known, err);
	if (rc == 0) {
		struct output out;
		output_begin(&out, inv->globals->output, columns);
		for (size_t i = 0; i < n; i++)
			row(&out, &rows[i]);
		output_end(&out);
	}
	state_close(&s);
	return rc;
}

static const struct option options[] = {
	{.name = "partition", .value = "D", .help = "only this date"},
	{.name = "down", .help = "what was made from it, instead of what it was made from"},
	{0},
};

const struct command command_lineage = {
	.name = "lineage",
	.group = "Look at what happened",
	.synopsis = "TABLE [--partition D] [--down]",
	.summary = "which versions a table's partitions were made from",
	.details = "Each line is one partition as it is published now and one thing that its try had pinned and read: a partition in a version, or a file of a source. NOW is the version that is published there today; where it differs, a run would build the reader again.",
	.examples = "strata lineage dwd_flights --partition 2013-01-03\n"
	            "strata lineage ods_flights --down --output json",
	.options = options,
	.least_operands = 1,
	.most_operands = 1,
	.completes = {COMPLETES_TABLE},
	.answers = {{.form = ANSWER_ROWS, .fields = columns}},
	.run = run,
};
