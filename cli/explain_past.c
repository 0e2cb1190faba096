/* What is on record of a task (explain.h): how it came to its state, and what it has made. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/explain.h"
#include "core/date.h"

static bool is_good(const struct task_row *t)
{
	static const enum task_result good[] = {TASK_SUCCESS, TASK_EMPTY, TASK_FRESH};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		if (strcmp(t->result, task_result_name(good[i])) == 0)
			return true;
	}
	return false;
}

static const struct task_row *row_of(const struct task_row *rows, size_t n, const char *partition)
{
	size_t i = 0;
	while (i < n && strcmp(rows[i].partition, partition) != 0)
		i++;
	return i < n ? &rows[i] : NULL;
}

/* Has it dates? Its SQL, which would say so, is not read here. */
static int has_dates(const struct state *s, const struct run_row *run, const struct task_row *rows, size_t n, const char *table, bool *ret,
                     struct err *err)
{
	struct partition_row *published;
	size_t npublished = 0;
	int rc = n ? 0 : query_partitions(&s->query, &table, 1, run->first_day, run->last_day, &published, &npublished, err);
	*ret = n ? *rows[0].partition != '\0' : npublished && *published[0].partition;
	return rc;
}

/* Where no date was said: the first one that is not well done, else the first. One that waits has no row. */
static void choose_partition(const struct run_row *run, const struct task_row *rows, size_t n, struct task_name *name)
{
	char date[DATE_SIZE];
	bool over = explain_is_done(run->state);
	date_format(name->partition, run->first_day);
	for (int32_t day = run->first_day; day <= run->last_day; day++) {
		const struct task_row *row = row_of(rows, n, date_format(date, day));
		if (row ? !is_good(row) : !over) {
			snprintf(name->partition, sizeof name->partition, "%s", date);
			return;
		}
	}
}

int explain_find_row(const struct state *s, const struct run_row *run, struct task_name *name, const struct task_row **ret, struct err *err)
{
	struct task_row *rows;
	size_t n;
	int rc = query_tasks(&s->query, run->run_id, name->table, &rows, &n, err);
	bool dates = false;
	*ret = NULL;
	if (rc == 0 && n == 0 && name->near)
		return err_set(err, ERR_USAGE, "there is no table '%s' (did you mean '%s'?)", name->typed, name->near);
	if (rc == 0 && !name->partition_given && run->first_day != DATE_NONE)
		rc = has_dates(s, run, rows, n, name->table, &dates, err);
	if (rc < 0)
		return rc;
	if (dates)
		choose_partition(run, rows, n, name);
	*ret = row_of(rows, n, name->partition);
	return 0;
}

static int put_inputs(const struct state *s, int64_t fence, json_t *doc, struct err *err)
{
	struct input_row *rows;
	size_t n;
	json_t *inputs = json_array();
	int rc = query_inputs(&s->query, fence, &rows, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		json_t *o = json_object();
		jput_text(o, "table", rows[i].table);
		jput_text(o, "partition", rows[i].partition);
		jput_int(o, "version", rows[i].version);
		json_array_append_new(inputs, o);
	}
	json_object_set_new(doc, "inputs", inputs);
	return rc;
}

static json_t *try_json(const struct try_row *t)
{
	json_t *o = json_object();
	jput_int(o, "try", t->try_no);
	jput_text(o, "state", t->state);
	jput_text(o, "outcome", t->outcome);
	jput_text(o, "error", t->error);
	jput_text(o, "note", t->note);
	jput_text(o, "worker", t->worker);
	jput_text(o, "log", t->log_path);
	if (t->rows != PG_NULL64)
		jput_int(o, "rows", t->rows);
	explain_time(o, "started", t->started_us);
	explain_time(o, "ended", t->ended_us);
	if (t->ended_us)
		jput_int(o, "us", t->ended_us - (t->running_us ? t->running_us : t->started_us));
	return o;
}

/* *ret_fence: of the one that succeeded, and made something; 0: none did. */
static int put_tries(const struct state *s, const struct run_row *run, const struct task_name *name, json_t *doc, int64_t *ret_fence,
                     struct err *err)
{
	struct try_row *tries;
	struct check_row *checks = NULL;
	size_t n, nchecks = 0;
	json_t *list = json_array(), *tested = json_array();
	int rc = query_tries(&s->query, run->run_id, name->table, name->partition, &tries, &n, err);
	if (rc == 0 && n)
		rc = query_checks(&s->query, run->run_id, &checks, &nchecks, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		json_array_append_new(list, try_json(&tries[i]));
		if (strcmp(tries[i].outcome, try_outcome_name(OUTCOME_SUCCESS)) == 0 && tries[i].rows != PG_NULL64)
			*ret_fence = tries[i].fence;
		for (size_t k = 0; i + 1 == n && k < nchecks; k++) {
			if (checks[k].fence != tries[i].fence)
				continue;
			json_t *o = json_object();
			jput_text(o, "name", checks[k].name);
			jput_text(o, "status", checks[k].status);
			jput_text(o, "detail", checks[k].detail);
			json_array_append_new(tested, o);
		}
	}
	json_object_set_new(doc, "tries", list);
	json_object_set_new(doc, "checks", tested);
	return rc;
}

/* What is published there now. */
static int put_published(const struct state *s, const struct task_name *name, json_t *doc, int64_t *ret_fence, struct err *err)
{
	struct partition_row *rows;
	const char *table = name->table;
	size_t n;
	int32_t day = DATE_NONE;
	if (*name->partition)
		date_parse(name->partition, &day);
	int rc = query_partitions(&s->query, &table, 1, day, day, &rows, &n, err);
	if (rc < 0 || !n)
		return rc;
	json_t *o = json_object();
	jput_int(o, "version", rows[0].version);
	jput_text(o, "run", rows[0].run_id);
	jput_int(o, "rows", rows[0].rows);
	explain_time(o, "at", rows[0].published_us);
	json_object_set_new(doc, "published", o);
	*ret_fence = rows[0].fence;
	return 0;
}

static int64_t count_of(const json_t *counts, enum task_result result)
{
	return json_integer_value(json_object_get(counts, task_result_name(result)));
}

/* A task without a row, of a run that is over: fresh, or withheld or canceled with many others, which is in the counts
 * only. What is not published was not fresh. */
static int put_rowless(const struct state *s, const struct run_row *run, const struct task_name *name, json_t *doc, struct err *err)
{
	char cause[2 * TASK_NAME_MAX];
	json_t *counts = json_loads(run->counts, 0, NULL);
	int64_t withheld = count_of(counts, TASK_UPSTREAM_FAILED), canceled = count_of(counts, TASK_CANCELED);
	bool published = json_object_get(doc, "published");
	struct task_row *failed;
	size_t n = 0;
	int rc = withheld ? query_failed_tasks(&s->query, run->run_id, name->partition, 1, &failed, &n, err) : 0;
	json_decref(counts);
	if (rc < 0)
		return rc;
	if (published && !withheld && !canceled) {
		jput_text(doc, "result", task_result_name(TASK_FRESH));
	} else if (!published && withheld && !canceled) {
		jput_text(doc, "result", task_result_name(TASK_UPSTREAM_FAILED));
		if (n) {
			snprintf(cause, sizeof cause, "%s%s%s", failed[0].table, *failed[0].partition ? " " : "", failed[0].partition);
			jput_text(doc, "cause", cause);
		}
	} else if (!published && canceled && !withheld) {
		jput_text(doc, "result", task_result_name(TASK_CANCELED));
	} else if (withheld || canceled) {
		jput_int(doc, "withheld", withheld);
		jput_int(doc, "canceled", canceled);
	}
	return 0;
}

int explain_put_record(const struct state *s, const struct run_row *run, const struct task_name *name, const struct task_row *row,
                       json_t *doc, struct err *err)
{
	int64_t read_by = 0, published_by = 0;
	bool over = explain_is_done(run->state);
	jput_text(doc, "run", run->run_id);
	jput_text(doc, "table", name->table);
	jput_text(doc, "partition", name->partition);
	jput_text(doc, "state", row ? row->state : over ? task_state_name(TASK_DONE) : task_state_name(TASK_WAITING));
	jput_text(doc, "result", row ? row->result : "");
	jput_text(doc, "wait", row ? row->wait : "");
	jput_text(doc, "reason", row ? row->reason : "");
	jput_text(doc, "cause", row ? row->cause : "");
	jput_text(doc, "error", row ? row->error : "");
	json_object_set_new(doc, "blockers", json_array());
	int rc = put_tries(s, run, name, doc, &read_by, err);
	if (rc == 0)
		rc = put_published(s, name, doc, &published_by, err);
	if (rc == 0)
		rc = put_inputs(s, read_by ? read_by : published_by, doc, err);
	if (rc == 0 && !row && over)
		rc = put_rowless(s, run, name, doc, err);
	return rc;
}
