/* Keeps the private cluster up for a run: who lost its connection says so, and if the server is gone it is
 * started again in a thread, since a start waits for what the dead one left behind, and the loop must not.
 *
 *     struct db_keeper keeper;
 *     db_keeper_init(&keeper, loop, &db);
 *     … db_keeper_look(&keeper), as often as one likes, while the connection is lost …
 *     db_keeper_close(&keeper);
 *
 * A database that is not the private cluster is nobody's to start: then all of this does nothing. */
#ifndef STRATA_SCHEDULER_DB_KEEPER_H
#define STRATA_SCHEDULER_DB_KEEPER_H

#include <stdbool.h>
#include <uv.h>

#include "base/err.h"
#include "scheduler/db.h"

struct db_keeper {
	uv_loop_t *loop;
	struct cluster cluster;
	bool ours;      /* it is the private cluster */
	bool started;   /* by the look that is under way */
	bool idle;      /* no look is under way */
	bool told;      /* that it cannot be started */
	uv_work_t work;
	struct err err; /* of the last look */
};

void db_keeper_init(struct db_keeper *k, uv_loop_t *loop, const struct db *db);
void db_keeper_look(void *keeper); /* returns at once */
void db_keeper_close(struct db_keeper *k); /* runs the loop until the last look is over */

#endif
