/* Deadlines and timeouts of runs (daemon_internal.h): what core/run_clock.h says is due. A deadline that is over is put on
 * record for the callbacks (sql/0003_callbacks.sql), once by its key, whoever finds it; the run goes on. */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "scheduler/daemon_internal.h"
#include "scheduler/db.h"

static int record_late(struct daemon *d, const struct job *j, struct err *err)
{
	char lake[12], epoch[24];
	snprintf(lake, sizeof lake, "%d", d->ws->db.lake_id);
	snprintf(epoch, sizeof epoch, "%" PRId64, d->config.leader->epoch);
	const char *const values[] = {lake, epoch, j->order.run_id};
	int rc = db_exec_params(d->ws->db.conn, "SELECT strata.deadline_passed($1::integer, $2::bigint, $3)", 3, values, err);
	return rc < 0 ? err_wrap(err, "record that run '%s' is late", j->order.run_id) : 0;
}

static int look(struct daemon *d, struct job *j, int64_t now, int64_t *wake, struct err *err)
{
	int due = run_clock_look(&j->clock, now, wake), rc = 0;
	if (due & RUN_CLOCK_OVER) {
		log_event(LOG_ERROR, "run.timeout", "run", j->order.run_id, LOG_INT("ms", j->order.timeout_ms), NULL);
		j->clock.ended = true;
		runner_time_out(d->runner, j->run);
	}
	if (due & RUN_CLOCK_LATE) {
		rc = record_late(d, j, err);
		j->clock.told = rc == 0;
		if (rc == 0)
			log_event(LOG_WARN, "run.late", "run", j->order.run_id, NULL);
	}
	return rc;
}

int clocks_look(struct daemon *d, int64_t now, int64_t *wake, struct err *err)
{
	int rc = 0;
	LIST_FOR_EACH(it, &d->jobs) {
		struct job *j = LIST_ENTRY(it, struct job, link);
		if (rc == 0 && j->state == JOB_ACTIVE && j->recorded)
			rc = look(d, j, now, wake, err);
	}
	return rc;
}
