/* strata graph: who reads whom among the selected tables, and which dates of it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/select.h"
#include "core/date.h"

enum { SPANS_MAX = 1 << 16 };

static void add_bound(struct buf *out, const struct bound *b, const char *none)
{
	char date[DATE_SIZE];
	if (b->kind == BOUND_NONE)
		buf_adds(out, none);
	else if (b->kind == BOUND_ABS)
		buf_adds(out, date_format(date, b->day));
	else if (b->day == 0)
		buf_adds(out, "dt");
	else
		buf_addf(out, "dt%+" PRId32, b->day);
}

/* "dt", "dt-6..dt", "2013-01-01..", "all"; several with ", ". */
static void add_spans(struct buf *out, const struct edge *e)
{
	for (size_t i = 0; i < e->nspans; i++) {
		const struct span *s = &e->spans[i];
		if (i)
			buf_adds(out, ", ");
		if (s->lo.kind == BOUND_NONE && s->hi.kind == BOUND_NONE) {
			buf_adds(out, "all");
			continue;
		}
		add_bound(out, &s->lo, "");
		if (s->lo.kind == s->hi.kind && s->lo.day == s->hi.day)
			continue;
		buf_adds(out, "..");
		add_bound(out, &s->hi, "");
	}
}

/* What is drawn beside an edge; "" where the upstream table has no dates to tell. */
static const char *edge_label(const struct project *p, const struct edge *e, struct buf *out)
{
	buf_clear(out);
	if (e->declared)
		buf_adds(out, "declared");
	else if (table_partitioned(&p->tables[e->up]))
		add_spans(out, e);
	return buf_cstr(out);
}

typedef void (*table_fn)(const struct project *p, const struct table *t, const bool *shown);
typedef void (*edge_fn)(const struct project *p, const struct edge *e, const char *label);

static void each_table(const struct project *p, const bool *shown, table_fn fn)
{
	for (size_t i = 0; i < p->ntables; i++)
		if (shown[p->order[i]])
			fn(p, &p->tables[p->order[i]], shown);
}

static void each_edge(const struct project *p, const bool *shown, edge_fn fn)
{
	struct buf label = BUF_INIT(SPANS_MAX);
	for (size_t i = 0; i < p->nedges; i++)
		if (shown[p->edges[i].up] && shown[p->edges[i].down])
			fn(p, &p->edges[i], edge_label(p, &p->edges[i], &label));
	buf_free(&label);
}

static void text_table(const struct project *p, const struct table *t, const bool *shown)
{
	struct buf label = BUF_INIT(SPANS_MAX);
	puts(t->qname);
	for (uint32_t i = p->up_first[t->index]; i < p->up_first[t->index + 1]; i++) {
		const struct edge *e = &p->edges[i];
		if (!shown[e->up])
			continue;
		edge_label(p, e, &label);
		printf("  <- %s%s%s%s\n", p->tables[e->up].qname, label.len ? " [" : "", buf_cstr(&label), label.len ? "]" : "");
	}
	buf_free(&label);
}

static void dot_table(const struct project *p, const struct table *t, const bool *shown)
{
	(void)p, (void)shown;
	printf("  \"%s\"%s;\n", t->qname, table_partitioned(t) ? "" : " [style=rounded]");
}

static void dot_edge(const struct project *p, const struct edge *e, const char *label)
{
	printf("  \"%s\" -> \"%s\"", p->tables[e->up].qname, p->tables[e->down].qname);
	if (*label)
		printf(" [label=\"%s\"%s]", label, e->declared ? ", style=dashed" : "");
	puts(";");
}

static void mermaid_table(const struct project *p, const struct table *t, const bool *shown)
{
	(void)p, (void)shown;
	printf("  t%" PRIu32 "[\"%s\"]\n", t->index, t->qname);
}

static void mermaid_edge(const struct project *p, const struct edge *e, const char *label)
{
	(void)p;
	printf("  t%" PRIu32 " %s%s%s%s t%" PRIu32 "\n", e->up, e->declared ? "-.->" : "-->", *label ? "|\"" : "", label,
	       *label ? "\"|" : "", e->down);
}

static const struct output_column fields[] = {
	{.name = "tables", .help = "in the order of their building: a list of {table, layer, partitioned}"},
	{.name = "edges", .help = "who reads whom: a list of {from, to, dates, declared}; CSV has these alone"},
	{0},
};

static const struct output_column edge_fields[] = {{.name = "from"}, {.name = "to"}, {.name = "dates"}, {.name = "declared"}, {0}};

static void graph_for_programs(const struct project *p, const bool *shown, bool csv)
{
	json_t *tables = json_array(), *edges = json_array();
	struct buf label = BUF_INIT(SPANS_MAX);
	for (size_t i = 0; i < p->ntables; i++) {
		const struct table *t = &p->tables[p->order[i]];
		if (shown[t->index])
			json_array_append_new(tables, json_pack("{s:s, s:s?, s:b}", "table", t->qname, "layer",
			                                        t->layer ? t->layer->name : NULL, "partitioned",
			                                        table_partitioned(t)));
	}
	for (size_t i = 0; i < p->nedges; i++) {
		const struct edge *e = &p->edges[i];
		if (!shown[e->up] || !shown[e->down])
			continue;
		buf_clear(&label);
		add_spans(&label, e);
		json_array_append_new(edges, json_pack("{s:s, s:s, s:s, s:b}", "from", p->tables[e->up].qname, "to",
		                                       p->tables[e->down].qname, "dates", buf_cstr(&label), "declared",
		                                       e->declared));
	}
	buf_free(&label);
	if (csv)
		json_decref(tables);
	output_document(csv ? OUTPUT_CSV : OUTPUT_JSON, csv ? edge_fields : fields,
	                csv ? edges : json_pack("{s:o, s:o}", "tables", tables, "edges", edges));
}

static void print(const struct project *p, const bool *shown, const char *format)
{
	if (str_eq(format, "json") || str_eq(format, "csv")) {
		graph_for_programs(p, shown, str_eq(format, "csv"));
	} else if (str_eq(format, "dot")) {
		puts("digraph strata {\n  rankdir=LR;\n  node [shape=box];");
		each_table(p, shown, dot_table);
		each_edge(p, shown, dot_edge);
		puts("}");
	} else if (str_eq(format, "mermaid")) {
		puts("flowchart LR");
		each_table(p, shown, mermaid_table);
		each_edge(p, shown, mermaid_edge);
	} else {
		each_table(p, shown, text_table);
	}
}

static int run(const struct invocation *inv, struct err *err)
{
	static const char *const fallbacks[] = {[OUTPUT_TABLE] = "text", [OUTPUT_JSON] = "json", [OUTPUT_CSV] = "csv"};
	struct workspace ws;
	bool *shown = NULL;
	open_workspace(inv, 0, &ws);
	int r = open_project(inv, &ws, err);
	if (r == 0)
		r = select_tables(inv, ws.project, &shown, err);
	if (r == 0)
		print(ws.project, shown, options_text(inv->options, "format", fallbacks[inv->globals->output]));
	free(shown);
	workspace_close(&ws);
	return r;
}

static const char *const formats[] = {"text", "dot", "mermaid", "json", "csv", NULL};
static const struct option options[] = {
	{.name = "format", .value = "FORMAT", .help = "text, dot (Graphviz), mermaid, json, or csv of the edges", .words = formats},
	OPTION_EXCLUDE,
	{0},
};

const struct command command_graph = {
	.name = "graph",
	.elsewhere = "dag tree",
	.group = "Look at the project",
	.synopsis = "[SELECT...] [--format FORMAT]",
	.summary = "who reads whom, and which dates",
	.details = "Tables in the order of their building, each with what it reads. Beside a partitioned table stand the dates that are read: 'dt' is the reader's own date, 'dt-6..dt' its last seven days, 'all' every published one. A dependency that stands only in table_dependencies is 'declared'.",
	.examples = "strata graph\n"
	            "strata graph +ads_delay_league\n"
	            "strata graph --format dot | dot -Tsvg > graph.svg",
	.options = options,
	.most_operands = SIZE_MAX,
	.completes = {COMPLETES_SELECTION, COMPLETES_SELECTION},
	.answers = {{.form = ANSWER_OBJECT, .fields = fields}},
	.run = run,
};
