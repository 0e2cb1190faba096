/* See again.h. */
#include "cli/again.h"

#include <string.h>

#include "core/date.h"
#include "scheduler/runner.h"

int again_whole(const struct run_row *run, struct arena *arena, struct order *ret, struct err *err)
{
	json_t *json = json_loads(run->params, 0, NULL);
	int rc = order_decode(arena, json, ret, err);
	json_decref(json);
	if (rc < 0)
		return err_set(err, ERR_USAGE, "run '%s' was made in the foreground; give its own command again", run->run_id);
	ret->run_id = runner_make_id(arena_alloc(arena, RUN_ID_SIZE));
	ret->kind = RUN_MANUAL;
	ret->makes_good = ret->schedule ? ret->schedule : ret->makes_good;
	ret->schedule = NULL;
	ret->force = false;
	ret->paused = false;
	return 0;
}

static bool is_meant(const struct task_row *t, bool failed_only)
{
	static const enum task_result bad[] = {TASK_FAILED, TASK_TIMEOUT, TASK_UPSTREAM_FAILED};
	if (strcmp(t->state, task_state_name(TASK_DONE)) != 0)
		return false;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (strcmp(t->result, task_result_name(bad[i])) == 0)
			return true;
	}
	return !failed_only;
}

int again_tasks(const struct state *s, const struct run_row *run, bool failed_only, struct arena *arena, struct order *ret, struct err *err)
{
	struct task_row *rows;
	size_t n, nspans = 0;
	int rc = query_tasks(&s->query, run->run_id, NULL, &rows, &n, err);
	if (rc < 0)
		return rc;
	struct order_span *spans = arena_array(arena, n ? n : 1, sizeof *spans);
	for (size_t i = 0; i < n; i++) {
		struct order_span *last = nspans ? &spans[nspans - 1] : NULL;
		int32_t day = DATE_NONE;
		if (!is_meant(&rows[i], failed_only) || (*rows[i].partition && !date_parse(rows[i].partition, &day)))
			continue;
		if (last && strcmp(last->table, rows[i].table) == 0 && day == last->last + 1)
			last->last = day;
		else
			spans[nspans++] = (struct order_span){arena_strdup(arena, rows[i].table), day, day};
	}
	if (!nspans)
		return err_set(err, ERR_USAGE, "run '%s' has no task that %s; 'strata tasks %s' shows them", run->run_id,
		               failed_only ? "failed" : "has ended", run->run_id);
	*ret = (struct order){.run_id = runner_make_id(arena_alloc(arena, RUN_ID_SIZE)),
	                      .kind = RUN_MANUAL,
	                      .first = run->first_day,
	                      .last = run->last_day,
	                      .of = arena_strdup(arena, run->run_id),
	                      .again = spans,
	                      .nagain = nspans};
	return 0;
}
