/* strata explain: why a task is not running, or how it ended. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/state.h"
#include "cli/task_name.h"
#include "core/states.h"

/* A task of a run that is over, from its row. */
static int say_row(const struct state *s, const struct run_row *run, const struct task_name *name, struct err *err)
{
	struct task_row *rows;
	size_t n, said = 0;
	int rc = query_tasks(&s->query, run->run_id, name->table, &rows, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		const struct task_row *t = &rows[i];
		if (name->partition_given && strcmp(t->partition, name->partition) != 0)
			continue;
		said++;
		printf("%s%s%s is %s%s%s\n", t->table, *t->partition ? " " : "", t->partition, t->state, *t->result ? ": " : "", t->result);
		if (*t->reason)
			printf("  it was to be built because: %s\n", t->reason);
		if (*t->cause)
			printf("  because of: %s\n", t->cause);
		if (*t->error)
			printf("  after %" PRId32 " tr%s: %s\n", t->tries, t->tries == 1 ? "y" : "ies", t->error);
	}
	if (rc == 0 && said == 0)
		printf("%s%s%s was not built by run %s: it was fresh, or is no task of it ('strata plan' tells why)\n", name->table,
		       *name->partition ? " " : "", name->partition, run->run_id);
	return rc;
}

static int run(const struct invocation *inv, struct err *err)
{
	struct state s;
	struct run_row row;
	struct task_name name;
	bool over = false;
	json_t *args = NULL;
	int rc = state_open(inv, &s, err);
	if (rc == 0)
		rc = query_run(&s.query, inv->operands[0], &row, err);
	if (rc == 0)
		rc = task_name_read(s.ws.project, inv->operands[1], inv->noperands > 2 ? inv->operands[2] : NULL, &name, err);
	if (rc == 0) {
		over = strcmp(row.state, run_state_name(RUN_DONE)) == 0;
		args = json_pack("{s:s, s:s, s:s}", "name", row.run_id, "table", name.table, "partition", name.partition);
		rc = over ? say_row(&s, &row, &name, err) : 0;
	}
	state_close(&s);
	if (rc == 0 && !over)
		rc = follow_answer(inv, "explain", json_incref(args), stdout, err);
	json_decref(args);
	return rc;
}

const struct command command_explain = {
	.name = "explain",
	.group = "Keep tables up to date",
	.synopsis = "RUN TABLE[@DATE]",
	.summary = "why a task is not running, or how it ended",
	.details = "Of a task that waits: what it waits for, down to what must happen first, and when it may start. Of one that is over: why it was built, and what came of it. RUN may be 'latest'.",
	.examples = "strata explain latest dws_route\n"
	            "strata explain nightly-20130107T030000Z dwd_flights@2013-01-06",
	.least_operands = 2,
	.most_operands = 3,
	.run = run,
};
