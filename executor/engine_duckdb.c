/* Engine duckdb: the table's query runs in this process, on views of the pinned inputs. */
#include "executor/engine.h"

#include <string.h>

#include "executor/load.h"

static int duckdb_load(struct attempt *t)
{
	if (t->input_bytes >= PROGRESS_WORTH_BYTES)
		duck_measure(t->session.con);
	progress_begin(&t->w->progress, t->session.con, t->rq->output_none ? NULL : load_file(t));
	int rc = t->rq->output_none ? load_nothing(t, t->rq->sql) : load_query(t, t->rq->sql, false);
	progress_end(&t->w->progress);
	return rc;
}

const struct engine engine_duckdb = {.name = "duckdb", .views = true, .load = duckdb_load};

const struct engine *engine_find(const char *name)
{
	static const struct engine *const engines[] = {&engine_duckdb, &engine_exec};
	for (size_t i = 0; i < sizeof engines / sizeof *engines; i++) {
		if (strcmp(engines[i]->name, name) == 0)
			return engines[i];
	}
	return NULL;
}
