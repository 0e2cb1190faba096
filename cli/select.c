/* See select.h. */
#include "cli/select.h"

#include <stdlib.h>

#include "base/mem.h"
#include "core/selection.h"

int select_tables(const struct invocation *inv, const struct project *p, bool **ret, struct err *err)
{
	const char **excludes = NULL;
	size_t n = 0, cap = 0;
	for (const char *word; (word = options_nth(inv->options, "exclude", n));) {
		MEM_GROW(excludes, n, cap);
		excludes[n++] = word;
	}
	bool *selected = mem_array(p->ntables ? p->ntables : 1, sizeof *selected);
	int r = selection_eval(p, inv->operands, inv->noperands, excludes, n, selected, err);
	free(excludes);
	if (r < 0) {
		free(selected);
		return r;
	}
	*ret = selected;
	return 0;
}

int select_table(const struct invocation *inv, const struct project *p, const struct table **ret, struct err *err)
{
	const char *name = inv->operands[0];
	const struct table *t = project_table(p, name);
	if (t) {
		*ret = t;
		return 0;
	}
	const char *near = project_nearest(p, name);
	if (near)
		return err_set(err, ERR_USAGE, "there is no table '%s' (did you mean '%s'?)", name, near);
	return err_set(err, ERR_USAGE, "there is no table '%s'; 'strata list' shows them", name);
}
