/* See state.h. */
#include "cli/state.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/open.h"
#include "scheduler/order.h"
#include "core/states.h"

enum { HOST_SIZE = 256, USER_SIZE = 512 };

int state_open(const struct invocation *inv, struct state *s, struct err *err)
{
	*s = (struct state){0};
	open_workspace(inv, 0, &s->ws);
	int rc = workspace_project(&s->ws, false, err);
	/* A project with errors still has a history. */
	if (rc == ERR_PROJECT && s->ws.project)
		rc = 0;
	if (rc == 0)
		rc = open_db(inv, &s->ws, err);
	s->query = (struct query){.conn = s->ws.db.conn, .lake_id = s->ws.db.lake_id, .arena = &s->arena};
	return rc;
}

void state_close(struct state *s)
{
	arena_free(&s->arena);
	workspace_close(&s->ws);
}

const char *state_user(void)
{
	static char who[USER_SIZE];
	char host[HOST_SIZE] = "";
	const struct passwd *pw = getpwuid(getuid());
	gethostname(host, sizeof host - 1);
	if (pw)
		snprintf(who, sizeof who, "%s@%s", pw->pw_name, host);
	else
		snprintf(who, sizeof who, "%ld@%s", (long)getuid(), host);
	return who;
}

const char *state_of_run(const struct run_row *r)
{
	if (r->alive || str_eq(r->state, run_state_name(RUN_DONE)))
		return r->state;
	return order_is(r->params) ? "no scheduler" : "interrupted";
}

void state_duration(struct output *out, int64_t start_us, int64_t end_us)
{
	char text[32];
	if (!start_us) {
		output_text(out, NULL);
		return;
	}
	int64_t us = (end_us ? end_us : clock_wall_us()) - start_us;
	output_shown(out, clock_human(text, sizeof text, us < 0 ? 0 : us), json_integer(us));
}

void state_number(struct output *out, int64_t n)
{
	if (n == PG_NULL64)
		output_text(out, NULL);
	else
		output_int(out, n);
}
