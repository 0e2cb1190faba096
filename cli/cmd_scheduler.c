/* strata scheduler: the scheduler that stays up. */
#include "cli/commands.h"
#include "cli/lead.h"
#include "cli/open.h"
#include "cli/state.h"
#include "scheduler/daemon.h"

enum { JOBS_MAX = 512 };

/* The lake, at once or as a standby. *ret_stale: the project may be another by then. */
static int take_lake(const struct invocation *inv, struct workspace *ws, struct lead *lead, bool *ret_stale, struct err *err)
{
	bool no_wait = lead->no_wait;
	lead->no_wait = true;
	int rc = lead_take(inv, ws, lead, err);
	if (rc != ERR_LOCKED || no_wait || lead->elsewhere)
		return rc;
	*err = (struct err){0};
	lead->no_wait = false;
	*ret_stale = true;
	return lead_stand_by(inv, ws, lead, err);
}

/* Who loses the lake to another one is a standby then: no service manager has to start it anew. */
static int lead_and_stay(const struct invocation *inv, struct workspace *ws, struct err *err)
{
	struct lead lead = {.no_wait = options_flag(inv->options, "no-wait"), .replace = options_flag(inv->options, "replace")};
	bool stale = false;
	int rc = lead.replace ? lead_ask_to_end(ws, &lead, err) : 0;
	if (rc == 0)
		rc = take_lake(inv, ws, &lead, &stale, err);
	lead.replace = false;
	while (rc == 0) {
		rc = daemon_run(&(struct daemon_config){.ws = ws, .conn = lead.conn, .leader = &lead.leader, .requested_by = state_user(), .stale = stale}, err);
		if (rc != ERR_LOCKED)
			return rc;
		log_event(LOG_WARN, "scheduler.lost_the_lake", "why", err->text, NULL);
		workspace_unlead(ws);
		*err = (struct err){0};
		stale = true;
		rc = lead_stand_by(inv, ws, &lead, err);
	}
	return rc == ERR_CANCELED ? 0 : rc; /* a standby that was asked to end */
}

static int run(const struct invocation *inv, struct err *err)
{
	struct workspace ws;
	long jobs;
	int rc = options_number(inv->options, "jobs", 0, 1, JOBS_MAX, &jobs, err);
	if (rc < 0)
		return rc;
	log_setup(inv->globals->verbosity < 0 ? LOG_WARN : inv->globals->verbosity > 1 ? LOG_DEBUG : LOG_INFO, inv->globals->log_format);
	open_workspace(inv, (uint32_t)jobs, &ws);
	ws.options.keep_texts = true;
	rc = open_project(inv, &ws, err);
	if (rc == 0)
		rc = open_db(inv, &ws, err);
	if (rc == 0)
		rc = lead_and_stay(inv, &ws, err);
	workspace_close(&ws);
	return rc;
}

static const struct option options[] = {
	{.name = "jobs", .letter = 'j', .value = "N", .help = "tasks at a time; default: one a core"},
	{.name = "replace", .help = "take over from the scheduler that is up: it ends when what runs has ended"},
	{.name = "no-wait", .help = "if another scheduler or run holds the lake, exit with status 5 at once"},
	{0},
};

const struct command command_scheduler = {
	.name = "scheduler",
	.elsewhere = "daemon start serve",
	.group = "Keep tables up to date",
	.synopsis = "[--jobs N]",
	.summary = "stay up: start runs by schedule and by command",
	.details = "Stays in the foreground and logs an event a line to stderr; a service manager keeps it up (infra/strata-scheduler.service). It starts what 'schedules' in dags/dw_config.yaml say, takes what the commands ask ('run', 'backfill', 'trigger', 'pause', 'cancel'), and goes on with unfinished runs of the scheduler before it.\n"
	           "\n"
	           "SIGTERM or Ctrl-C ends it when what runs has ended; a second one stops that, too. SIGHUP reads the project again, as every change of its files does; a project with errors changes nothing, and 'strata status' tells about it.\n"
	           "\n"
	           "A second scheduler of the lake waits as a standby, and takes over as soon as the first one is gone. One that loses the lake, because its database was away and somebody else was faster, becomes a standby.",
	.examples = "strata scheduler\n"
	            "strata scheduler --jobs 8 --log-format json\n"
	            "strata scheduler --replace",
	.options = options,
	.run = run,
};
