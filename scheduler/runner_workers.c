/* What each worker does, for who looks on (runner_internal.h): its task, the stage, since when, how far, and how much memory it has;
 * and how many of the workers that there may be are at work for schedules, and for others.
 * Nothing waits for it; it is the journal's only to go with what is written anyway, by the scheduler that leads. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "core/date.h"
#include "core/jsonio.h"
#include "scheduler/runner_internal.h"

enum { REPORT_MAX = 1 << 18, LANES_MAX = 256, STATM_MAX = 256, ROUND = 1 << 20 };

/* Resident bytes, in whole MB so that a report changes only when that means something; 0: unknown. */
static int64_t memory_of(int pid)
{
	char path[64];
	struct buf text = BUF_INIT(STATM_MAX);
	int64_t pages = 0;
	snprintf(path, sizeof path, "/proc/%d/statm", pid);
	if (file_read(AT_FDCWD, path, &text, NULL) == 0 && sscanf(buf_cstr(&text), "%*s %" SCNd64, &pages) != 1)
		pages = 0;
	buf_free(&text);
	return pages * sysconf(_SC_PAGESIZE) / ROUND * ROUND;
}

static const struct live_try *try_of(const struct runner *r, uint64_t request)
{
	for (const struct live_try *lt = r->tries; lt && request; lt = lt->hh.next) {
		if (lt->request == request)
			return lt;
	}
	return NULL;
}

struct report {
	const struct runner *runner;
	json_t *list;
	uint32_t scheduled, other; /* workers at work on tries of such runs */
};

/* Only what its worker has said. */
static void put_number(json_t *o, const char *key, int64_t n)
{
	if (n >= 0)
		jput_int(o, key, n);
}

static void add_worker(void *ctx, const struct worker_info *info)
{
	struct report *report = ctx;
	const struct live_try *lt = try_of(report->runner, info->request);
	json_t *o = json_pack("{s:s, s:i, s:I}", "worker", info->name, "pid", info->pid, "memory", (json_int_t)memory_of(info->pid));
	if (lt) {
		char date[DATE_SIZE];
		int64_t began_us = lt->running_us ? clock_wall_us() - (clock_mono_us() - lt->running_us) : 0;
		json_object_set_new(o, "run", json_string(lt->run->request.run_id));
		json_object_set_new(o, "table", json_string(run_table(lt->run, lt->task)->qname));
		json_object_set_new(o, "partition", json_string(date_format(date, run_day(lt->run, lt->task))));
		json_object_set_new(o, "try", json_integer(lt->try_no));
		json_object_set_new(o, "stage", json_string(*lt->stage ? lt->stage : "prepare"));
		json_object_set_new(o, "since_ms", json_integer(began_us / 1000));
		put_number(o, "rows", lt->far.rows);
		put_number(o, "percent", lt->far.percent);
		put_number(o, "of_rows", lt->far.of_rows);
		put_number(o, "written", lt->far.written);
		*(lt->run->request.kind == RUN_SCHEDULED ? &report->scheduled : &report->other) += 1;
	}
	json_array_append_new(report->list, o);
}

/* Whether it is another text than the one before, which it replaces then. */
static bool is_news(char **told, struct buf *text)
{
	if (text->overflow || (*told && strcmp(buf_cstr(text), *told) == 0))
		return false;
	free(*told);
	*told = buf_steal(text);
	return true;
}

bool live_workers_tell(struct runner *r)
{
	struct report report = {.runner = r, .list = json_array()};
	struct buf workers = BUF_INIT(REPORT_MAX), lanes = BUF_INIT(LANES_MAX);
	workers_list(r->config.workers, add_worker, &report);
	json_print(report.list, JSON_COMPACT, &workers);
	json_decref(report.list);
	buf_addf(&lanes, "{\"slots\":%" PRIu32 ",\"kept\":%" PRIu32 ",\"scheduled\":%" PRIu32 ",\"other\":%" PRIu32 "}", r->config.jobs,
	         r->kept, report.scheduled, report.other);
	bool news = is_news(&r->workers_told, &workers);
	news |= is_news(&r->lanes_told, &lanes);
	if (news && r->workers_told)
		journal_workers(r->journal, r->workers_told, r->lanes_told);
	buf_free(&workers);
	buf_free(&lanes);
	return news;
}
