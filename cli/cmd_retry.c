/* strata retry: what failed, once more. */
#include <stdio.h>
#include <string.h>

#include "cli/again.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/state.h"
#include "cli/task_name.h"

static int run(const struct invocation *inv, struct err *err)
{
	struct arena arena = {0};
	struct state s;
	struct run_row row;
	struct order again;
	struct task_name name = {0};
	json_t *args = NULL;
	bool over = false;
	int rc = state_open(inv, &s, err);
	if (rc == 0)
		rc = query_run(&s.query, inv->operands[0], &row, err);
	if (rc == 0 && inv->noperands > 1)
		rc = task_name_read(s.ws.project, inv->operands[1], inv->noperands > 2 ? inv->operands[2] : NULL, &name, err);
	if (rc == 0) {
		over = strcmp(row.state, run_state_name(RUN_DONE)) == 0;
		if (over)
			rc = again_whole(&row, &arena, &again, err);
		else if (inv->noperands == 1)
			rc = err_set(err, ERR_USAGE, "run '%s' is not over; name the task whose retry is to start now", row.run_id);
		else
			args = json_pack("{s:s, s:s, s:s}", "name", row.run_id, "table", name.table, "partition", name.partition);
	}
	if (rc == 0 && over)
		args = order_encode(&again);
	state_close(&s);
	if (rc == 0)
		rc = follow_command(inv, over ? "order" : "retry", args, err);
	arena_free(&arena);
	return rc;
}

const struct command command_retry = {
	.name = "retry",
	.group = "Keep tables up to date",
	.synopsis = "RUN [TABLE[@DATE]]",
	.summary = "what failed, once more",
	.details = "RUN is an id, the beginning of one, or 'latest'. A run of the scheduler that is over is started again under a new name, which is printed: what it has published is fresh, and the rest is built. In a run that is under way, the named task does not wait for the time of its next try; if it waits for its source, that is looked at now.",
	.examples = "strata retry daily-20130107T113000Z\n"
	            "strata retry latest dwd_flights@2013-01-06",
	.least_operands = 1,
	.most_operands = 3,
	.completes = {COMPLETES_RUN, COMPLETES_TABLE},
	.answers = {{.form = ANSWER_OBJECT, .fields = follow_fields}},
	.run = run,
};
