/* Sources that tasks wait for (`missing: wait`): notices when their files come, and says so.
 *
 * A source is watched as one thing, however many dates of it are waited for: its folder, or the nearest above it
 * that exists, and those of its dates' folders that are there and not whole yet. A change, once it is over, has the source
 * looked at through a worker; so does the time when files will have settled, and, in case a change was not told, every
 * five minutes (core/await.h). While nothing waits there is no watch and no timer.
 *
 * How changes are noticed is watch_source() in sensor.c and nothing else. A lake on S3 tells none: its poll belongs there, as
 * an interval instead of a watch. */
#ifndef STRATA_SCHEDULER_SENSOR_H
#define STRATA_SCHEDULER_SENSOR_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "core/machine.h"
#include "core/project.h"
#include "core/snapshot.h"
#include "scheduler/workers.h"

struct sensor_config {
	uv_loop_t *loop;
	struct workers *workers;
	const char *lake;      /* absolute folder */
	/* The task's source is there: its snapshot has the files. Not waited for any more. */
	void (*found)(void *ctx, struct task_id task);
	void *ctx;
};

/* One task that waits. What it points at stays until it is forgotten. */
struct sensor_wait {
	struct task_id task;
	const struct source *source;
	uint32_t table;        /* of the project: its files' place in the snapshot */
	int32_t day;           /* DATE_NONE: of an unpartitioned source */
	struct snapshot *snapshot;
};

struct sensor;
struct sensor *sensor_new(const struct sensor_config *config);

/* Wait for it; the source is looked at soon. */
void sensor_await(struct sensor *s, const struct sensor_wait *wait);
void sensor_forget(struct sensor *s, struct task_id task); /* also one that does not wait */
/* Somebody thinks that it has come. */
void sensor_look(struct sensor *s, struct task_id task);
/* "raw/x/dt=2013-01-20 has no files yet; awaited for 5 min, watching raw/x". False: the task does not wait. */
bool sensor_explain(const struct sensor *s, struct task_id task, struct buf *out);
int64_t sensor_since(const struct sensor *s, struct task_id task); /* wall clock; 0: it does not wait */

/* Nothing is looked at from here on, and no `found` follows. */
void sensor_stop(struct sensor *s);
bool sensor_busy(const struct sensor *s); /* a look has not ended: the loop must turn before sensor_free */
void sensor_free(struct sensor *s);

#endif
