/* See db_keeper.h. */
#include "scheduler/db_keeper.h"

#include "base/log.h"
#include "scheduler/turns.h"

void db_keeper_init(struct db_keeper *k, uv_loop_t *loop, const struct db *db)
{
	*k = (struct db_keeper){.loop = loop, .cluster = db->cluster, .ours = db->source == DB_PRIVATE, .idle = true};
}

/* In a thread of its own; nobody else touches the keeper until looked(). */
static void look(uv_work_t *work)
{
	struct db_keeper *k = work->data;
	k->err = (struct err){0};
	cluster_start(&k->cluster, &k->started, &k->err);
}

static void looked(uv_work_t *work, int status)
{
	struct db_keeper *k = work->data;
	(void)status;
	k->idle = true;
	if (k->err.code && !k->told)
		log_event(LOG_ERROR, "db.not_started", "error", k->err.text, NULL);
	else if (!k->err.code && k->started)
		log_event(LOG_WARN, "db.started_again", "data", k->cluster.data, NULL);
	k->told = k->err.code != 0;
}

void db_keeper_look(void *keeper)
{
	struct db_keeper *k = keeper;
	if (!k->ours || !k->idle)
		return;
	k->work.data = k;
	k->idle = uv_queue_work(k->loop, &k->work, look, looked) < 0;
}

void db_keeper_close(struct db_keeper *k)
{
	if (k->loop)
		loop_until(k->loop, &k->idle);
}
