/* See progress.h. */
#include "executor/progress.h"

#include <sys/stat.h>

#include "base/clock.h"

static const struct query_progress nothing = {.percent = -1};

void progress_init(struct progress *p)
{
	*p = (struct progress){.told = nothing};
	pthread_mutex_init(&p->mutex, NULL);
}

void progress_begin(struct progress *p, duckdb_connection con, const char *file)
{
	pthread_mutex_lock(&p->mutex);
	p->con = con;
	p->file = file;
	p->told = nothing;
	p->told_us = clock_mono_us();
	pthread_mutex_unlock(&p->mutex);
}

void progress_end(struct progress *p)
{
	pthread_mutex_lock(&p->mutex);
	p->con = NULL;
	p->file = NULL;
	pthread_mutex_unlock(&p->mutex);
}

static struct query_progress look(const struct progress *p)
{
	struct query_progress now = nothing;
	struct stat st;
	duckdb_query_progress_type said = duckdb_query_progress(p->con); /* three atomics: the query goes on meanwhile */
	if (said.percentage > 0) { /* 0 is also what it says of what it cannot measure */
		now.percent = said.percentage < 100 ? (int)said.percentage : 100;
		now.of_rows = said.total_rows_to_process < INT64_MAX ? (int64_t)said.total_rows_to_process : INT64_MAX;
	}
	if (p->file && stat(p->file, &st) == 0)
		now.written = st.st_size;
	return now;
}

void progress_look(struct progress *p, progress_fn *tell, void *ctx)
{
	pthread_mutex_lock(&p->mutex);
	int64_t now_us = clock_mono_us();
	if (p->con && now_us - p->told_us >= (int64_t)PROGRESS_EVERY_MS * 1000) {
		struct query_progress now = look(p);
		bool changed = now.percent != p->told.percent || now.of_rows != p->told.of_rows || now.written != p->told.written;
		if (changed && tell(ctx, &now)) {
			p->told = now;
			p->told_us = now_us;
		}
	}
	pthread_mutex_unlock(&p->mutex);
}
