/* strata help: the overview, a command's page, a family's list, or a topic. */
#include <stdio.h>

#include "base/str.h"
#include "cli/commands.h"
#include "cli/pages.h"

enum { HELP_MAX = 1 << 20 };

/* Candidates for "did you mean": commands, then topics. */
static const char *page_at(const void *ctx, size_t i)
{
	const size_t *ncommands = ctx;
	return i < *ncommands ? command_nth(i)->name : topics[i - *ncommands].name;
}

static int unknown_page(const char *word, struct err *err)
{
	size_t ncommands = 0, ntopics = 0;
	while (command_nth(ncommands))
		ncommands++;
	while (topics[ntopics].name)
		ntopics++;
	const char *near = str_nearest(word, page_at, &ncommands, ncommands + ntopics);
	if (near)
		return err_set(err, ERR_USAGE, "no help for '%s' (did you mean '%s'?)", word, near);
	return err_set(err, ERR_USAGE, "no help for '%s'; 'strata help' lists the pages", word);
}

static int page(const struct invocation *inv, struct buf *out, struct err *err)
{
	size_t used;
	if (inv->noperands == 0) {
		help_overview(out, help_width());
		return 0;
	}
	const struct command *c = command_find(inv->operands, inv->noperands, &used);
	if (c && used == inv->noperands) {
		help_command(c, out, help_width());
		return 0;
	}
	if (inv->noperands == 1) {
		if (help_family(inv->operands[0], out, help_width()))
			return 0;
		for (const struct topic *t = topics; t->name; t++)
			if (str_eq(t->name, inv->operands[0])) {
				help_topic(t, out, help_width());
				return 0;
			}
		return unknown_page(inv->operands[0], err);
	}
	return err_set(err, ERR_USAGE, "no help for '%s %s'; 'strata help' lists the pages", inv->operands[0],
	               inv->operands[1]);
}

static int run(const struct invocation *inv, struct err *err)
{
	struct buf out = BUF_INIT(HELP_MAX);
	const char *man = options_text(inv->options, "man", NULL);
	if (man)
		return pages_man_write(man, err);
	int r = page(inv, &out, err);
	output_write(out.data, out.len);
	buf_free(&out);
	return r;
}

static const struct option options[] = {
	{.name = "man", .value = "DIR", .help = "write all pages into DIR, for man: strata.1, strata-run.1, ..."},
	{0},
};

const struct command command_help = {
	.name = "help",
	.group = "About strata",
	.synopsis = "[COMMAND | PAGE]",
	.summary = "what there is, and how each thing is used",
	.options = options,
	.examples = "strata help\n"
	            "strata help init\n"
	            "strata help selection",
	.most_operands = 2,
	.completes = {COMPLETES_PAGE, COMPLETES_PAGE},
	.run = run,
};
