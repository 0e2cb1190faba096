/* strata validate: every problem of the project, all at once. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/open.h"
#include "cli/problems.h"
#include "scheduler/bind.h"

static const struct output_column columns[] = {
	{.name = "level", .help = "'error', 'warning' or 'note'"},
	{.name = "file", .help = "relative to the project; null: none"},
	{.name = "line", .help = "from 1; null: the file as a whole"},
	{.name = "column", .help = "from 1, in bytes; null: the line as a whole"},
	{.name = "message", .help = "what is wrong, and what to do"},
	{0},
};

static void list(const struct diags *diags, enum diag_level most, enum output_format format)
{
	static const char *const levels[] = {"error", "warning", "note"};
	struct output out;
	output_begin(&out, format, columns);
	for (size_t i = 0; i < diags->len; i++) {
		const struct diag *d = &diags->items[i];
		if (d->level > most)
			continue;
		output_text(&out, levels[d->level]);
		output_text(&out, d->loc.file);
		if (d->loc.line)
			output_int(&out, d->loc.line);
		else
			output_text(&out, NULL);
		if (d->loc.col)
			output_int(&out, d->loc.col);
		else
			output_text(&out, NULL);
		output_text(&out, d->text);
	}
	output_end(&out);
}

/* "2 errors and 1 warning", or "no problems". */
static void print_count(size_t errors, size_t warnings)
{
	if (!errors && !warnings)
		printf("no problems");
	if (errors)
		printf("%zu error%s", errors, errors == 1 ? "" : "s");
	if (errors && warnings)
		printf(" and ");
	if (warnings)
		printf("%zu warning%s", warnings, warnings == 1 ? "" : "s");
	putchar('\n');
}

static void print(const struct invocation *inv, const struct workspace *ws)
{
	const struct project *p = ws->project;
	const struct diags *diags = &ws->diags;
	problems_print(inv, ws, 0, open_diag_level(inv), stdout);
	printf("%zu table%s in %zu layer%s: ", p->ntables, p->ntables == 1 ? "" : "s", p->nlayers,
	       p->nlayers == 1 ? "" : "s");
	print_count(diags->errors, diags->warnings);
}

/* Types need to know who reads whom, so they are checked where that is known. */
static int check_types(struct workspace *ws, struct err *err)
{
	if (!ws->project->order || ws->project->ntables == 0)
		return 0;
	int r = workspace_workers(ws, err);
	if (r < 0)
		return r;
	struct arena arena = {0};
	struct bound_schema *schemas;
	struct bind_request request = {.project = ws->project, .lake = ws->lake.dir, .turns = &ws->turns, .workers = ws->workers};
	r = bind_project(&request, &arena, &schemas, &ws->diags, err);
	arena_free(&arena);
	diags_sort(&ws->diags);
	return r;
}

static int run(const struct invocation *inv, struct err *err)
{
	struct workspace ws;
	open_workspace(inv, 0, &ws);
	int r = workspace_project(&ws, true, err);
	/* The project's errors are what this command prints; any other failure is one of the command. */
	if (ws.project && (r == 0 || (r == ERR_PROJECT && ws.diags.errors)))
		r = check_types(&ws, err);
	if (r == 0 && inv->globals->output == OUTPUT_TABLE)
		print(inv, &ws);
	if (r == 0 && inv->globals->output != OUTPUT_TABLE) {
		list(&ws.diags, open_diag_level(inv), inv->globals->output);
		problems_annotate(&ws, 0, open_diag_level(inv));
	}
	if (r == 0 && (ws.diags.errors || (ws.diags.warnings && options_flag(inv->options, "strict"))))
		r = EXIT_USAGE;
	workspace_close(&ws);
	return r;
}

static const struct option options[] = {
	{.name = "strict", .help = "fail for warnings, too"},
	{0},
};

const struct command command_validate = {
	.name = "validate",
	.elsewhere = "parse lint",
	.group = "Look at the project",
	.synopsis = "[--strict]",
	.summary = "every problem of the project, in one pass",
	.details = "Reads dags/ and tables.yaml, parses every query that changed since the last time, checks its columns and types against what it reads and what tables.yaml declares, and prints what is wrong as file:line:column with what to do. Needs no database and changes nothing.\n"
	           "\n"
	           "A source without 'columns' has those of its newest file in RAW. A problem that rests on that file names it, and is an error only here: 'strata run' and the scheduler warn of it, and build what can be built.\n"
	           "\n"
	           "The exit status is 2 if there is an error; with --strict also if there is a warning. With -v it also says what could not be checked. On a terminal, and with -v, the line stands below each problem, with a caret at the place; in GitHub's CI (GITHUB_ACTIONS) each is an annotation of its file, too.",
	.examples = "strata validate\n"
	            "strata -C shop validate --strict\n"
	            "strata validate --output json",
	.options = options,
	.answers = {{.form = ANSWER_ROWS, .fields = columns}},
	.run = run,
};
