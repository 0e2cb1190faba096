/* See open.h. */
#include "cli/open.h"

#include <stdio.h>

#include "cli/problems.h"

void open_workspace(const struct invocation *inv, uint32_t jobs, struct workspace *ret)
{
	const struct globals *g = inv->globals;
	workspace_init(ret, &(struct workspace_options){
		.dir = g->dir, .lake = g->lake, .db = g->db, .timezone = g->timezone, .jobs = jobs});
}

enum diag_level open_diag_level(const struct invocation *inv)
{
	int verbosity = inv->globals->verbosity;
	return verbosity < 0 ? DIAG_ERROR : verbosity > 0 ? DIAG_NOTE : DIAG_WARNING;
}

void open_print_diags(const struct invocation *inv, const struct workspace *ws, size_t from)
{
	problems_print(inv, ws, from, open_diag_level(inv), stderr);
}

int open_project(const struct invocation *inv, struct workspace *ws, struct err *err)
{
	int r = workspace_project(ws, true, err);
	open_print_diags(inv, ws, 0);
	return r;
}

int open_db(const struct invocation *inv, struct workspace *ws, struct err *err)
{
	int r = workspace_db(ws, err);
	if (r == 0 && ws->db.started && inv->globals->verbosity >= 0)
		fprintf(stderr, "strata: started the private Postgres of this lake; it stays up until 'strata db stop'\n");
	return r;
}
