/* strata list: the selected tables in the order in which they can be built. */
#include <stdlib.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/select.h"

static const struct output_column columns[] = {
	{.name = "table", .help = "layer.table"},
	{.name = "kind", .help = "what makes it: 'sql', 'exec', …"},
	{.name = "partitioned", .help = "whether it has a partition a day"},
	{.name = "tags", .help = "of tables.yaml, a list"},
	{.name = "reads", .help = "the tables that it reads, a list"},
	{.name = "read_by", .detail = true, .help = "the tables that read it, a list"},
	{.name = "layer", .detail = true, .help = "its layer"},
	{.name = "engine", .detail = true, .help = "what runs it"},
	{.name = "pool", .detail = true, .help = "whose slots it takes"},
	{.name = "owner", .detail = true, .help = "of tables.yaml"},
	{.name = "description", .detail = true, .help = "of tables.yaml"},
	{.name = "file", .detail = true, .help = "that makes it"},
	{.name = "source", .detail = true, .help = "path of its RAW files"},
	{0},
};

static void cell_reads(struct output *out, const struct project *p, uint32_t t)
{
	uint32_t first = p->up_first[t], n = p->up_first[t + 1] - first;
	const char **names = mem_array(n ? n : 1, sizeof *names);
	for (uint32_t i = 0; i < n; i++)
		names[i] = p->tables[p->edges[first + i].up].qname;
	output_list(out, names, n);
	free(names);
}

static void cell_read_by(struct output *out, const struct project *p, uint32_t t)
{
	uint32_t first = p->down_first[t], n = p->down_first[t + 1] - first;
	const char **names = mem_array(n ? n : 1, sizeof *names);
	for (uint32_t i = 0; i < n; i++)
		names[i] = p->tables[p->edges[p->down_edge[first + i]].down].qname;
	output_list(out, names, n);
	free(names);
}

static void row(struct output *out, const struct project *p, const struct table *t)
{
	static const char *const kinds[] = {"sql", "exec", "external"};
	output_text(out, t->qname);
	output_text(out, kinds[t->kind]);
	output_bool(out, table_partitioned(t));
	output_list(out, t->tags, t->ntags);
	cell_reads(out, p, t->index);
	cell_read_by(out, p, t->index);
	output_text(out, t->layer ? t->layer->name : NULL);
	output_text(out, t->policy.engine);
	output_text(out, t->policy.pool < p->npools ? p->pools[t->policy.pool].name : NULL);
	output_text(out, t->owner);
	output_text(out, t->description);
	output_text(out, t->file);
	output_text(out, t->source ? t->source->path : NULL);
}

static int run(const struct invocation *inv, struct err *err)
{
	struct workspace ws;
	bool *selected = NULL;
	open_workspace(inv, 0, &ws);
	int r = open_project(inv, &ws, err);
	if (r == 0)
		r = select_tables(inv, ws.project, &selected, err);
	if (r == 0) {
		struct output out;
		output_begin(&out, inv->globals->output, columns);
		for (size_t i = 0; i < ws.project->ntables; i++)
			if (selected[ws.project->order[i]])
				row(&out, ws.project, &ws.project->tables[ws.project->order[i]]);
		output_end(&out);
	}
	free(selected);
	workspace_close(&ws);
	return r;
}

static const struct option options[] = {OPTION_EXCLUDE, {0}};

const struct command command_list = {
	.name = "list",
	.elsewhere = "ls tables models dags",
	.group = "Look at the project",
	.synopsis = "[SELECT...] [--exclude SELECT]",
	.summary = "the selected tables, in the order of their building",
	.details = "READS and its partitioning are what strata found in the SQL itself. 'strata help selection' has the words for SELECT; without any, every table is listed.\n"
	           "\n"
	           "JSON and CSV also have: read_by, layer, engine, pool, owner, description, file, source.",
	.examples = "strata list\n"
	            "strata list +ads_delay_league\n"
	            "strata list tag:daily --exclude ods\n"
	            "strata list dws --output json",
	.options = options,
	.most_operands = SIZE_MAX,
	.completes = {COMPLETES_SELECTION, COMPLETES_SELECTION},
	.answers = {{.form = ANSWER_ROWS, .fields = columns}},
	.run = run,
};
