/* strata complete -- WORD...: what the completion of the shells asks (cli/complete.h). */
#include <stdio.h>
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/complete.h"

enum { ANSWER_MAX = 64 << 20 };

static const char *environment(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

static int run(const struct invocation *inv, struct err *err)
{
	struct arena arena = {0};
	struct cursor c;
	struct buf out = BUF_INIT(ANSWER_MAX);
	(void)err;
	cursor_read(inv->operands, inv->noperands, &arena, &c);
	if (!c.db)
		c.db = environment("STRATA_DB");
	complete(&c, &out);
	fputs(buf_cstr(&out), stdout);
	buf_free(&out);
	arena_free(&arena);
	return 0;
}

const struct command command_complete = {
	.name = "complete",
	.group = "About strata",
	.synopsis = "-- WORD...",
	.summary = "what may stand at the last word",
	.most_operands = SIZE_MAX,
	.hidden = true,
	.run = run,
};
