/* See journal_batch.h. Invariant: within one table of a batch, no two rows have the same key. */
#include "scheduler/journal_batch.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/states.h"

enum { PARAMS_MAX = 32, ARRAY_MAX = 512 << 20 };

/* The key of a row: up to three texts, or a number. */
struct key {
	const char *a, *b, *c;
	int64_t n;
};

static struct key key_of(enum journal_table table, const void *row)
{
	const struct run_new_row *run_new = row;
	const struct run_row *run = row;
	const struct task_row *task = row;
	const struct try_row *try = row;
	const struct published_row *partition = row;
	const struct checked_row *checked = row;
	const struct lineage_row *lineage = row;
	const struct check_row *check = row;
	const struct stat_row *stat = row;
	switch (table) {
	case JOURNAL_RUN_NEW: return (struct key){run_new->run_id, "", "", 0};
	case JOURNAL_RUN: return (struct key){run->run_id, "", "", 0};
	case JOURNAL_TASK: return (struct key){task->run_id, task->table, task->partition, 0};
	case JOURNAL_TRY: return (struct key){"", "", "", try->fence};
	case JOURNAL_PARTITION: return (struct key){partition->table, partition->partition, "", 0};
	case JOURNAL_CHECKED: return (struct key){checked->table, checked->partition, "", 0};
	case JOURNAL_LINEAGE: return (struct key){lineage->table, lineage->partition, "", lineage->fence};
	case JOURNAL_CHECK: return (struct key){check->name, "", "", check->fence};
	case JOURNAL_STAT: return (struct key){stat->table, "", "", 0};
	case JOURNAL_EVENT:
	case JOURNAL_SCHEDULER:
	case JOURNAL_TABLES: break;
	}
	return (struct key){"", "", "", 0};
}

static uint64_t hash_text(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return (h ^ 0xff) * 1099511628211u;
}

static uint64_t hash_key(const struct key *k)
{
	uint64_t h = hash_text(hash_text(hash_text(14695981039346656037u, k->a), k->b), k->c);
	h = (h ^ (uint64_t)k->n) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static bool same_key(const struct key *x, const struct key *y)
{
	return x->n == y->n && str_eq(x->a, y->a) && str_eq(x->b, y->b) && str_eq(x->c, y->c);
}

static void *row_at(const struct journal_batch *b, enum journal_table table, size_t i)
{
	return b->tables[table].rows + i * journal_tables[table].stride;
}

static void *row_append(struct journal_batch *b, enum journal_table table)
{
	struct journal_rows *t = &b->tables[table];
	size_t stride = journal_tables[table].stride;
	if (t->len == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 16;
		t->rows = mem_realloc(t->rows, t->cap, stride);
	}
	void *row = t->rows + t->len++ * stride;
	memset(row, 0, stride);
	b->changes++;
	return row;
}

static void rehash(struct journal_batch *b, enum journal_table table)
{
	struct journal_rows *t = &b->tables[table];
	free(t->slots);
	t->nslots = t->nslots ? t->nslots * 2 : 64;
	t->slots = mem_array(t->nslots, sizeof *t->slots);
	for (size_t i = 0; i < t->len; i++) {
		struct key k = key_of(table, row_at(b, table, i));
		size_t at = hash_key(&k) & (t->nslots - 1);
		while (t->slots[at])
			at = (at + 1) & (t->nslots - 1);
		t->slots[at] = (uint32_t)i + 1;
	}
}

/* The row of this key; NULL when there was none: then the caller appends it next (row_append), and the
 * slot is already taken for it. */
static void *row_find(struct journal_batch *b, enum journal_table table, const struct key *k)
{
	struct journal_rows *t = &b->tables[table];
	if (t->len * 2 >= t->nslots)
		rehash(b, table);
	size_t at = hash_key(k) & (t->nslots - 1);
	for (; t->slots[at]; at = (at + 1) & (t->nslots - 1)) {
		void *row = row_at(b, table, t->slots[at] - 1);
		struct key other = key_of(table, row);
		if (same_key(k, &other)) {
			b->changes++;
			return row;
		}
	}
	t->slots[at] = (uint32_t)t->len + 1;
	return NULL;
}

static const char *keep(struct journal_batch *b, const char *s)
{
	return s && *s ? arena_strdup(&b->arena, s) : "";
}

/* Replace `*field` where the new text says something. */
static void keep_if_said(struct journal_batch *b, const char **field, const char *s)
{
	if (s && *s)
		*field = arena_strdup(&b->arena, s);
}

void batch_run(struct journal_batch *b, const struct journal_run *run, int64_t epoch)
{
	struct key k = {run->run_id, "", "", 0};
	struct run_new_row *row = row_find(b, JOURNAL_RUN_NEW, &k);
	if (row)
		return;
	row = row_append(b, JOURNAL_RUN_NEW);
	*row = (struct run_new_row){
		.run_id = keep(b, run->run_id), .kind = run_kind_name(run->kind), .state = run_state_name(RUN_PLANNED),
		.selection = keep(b, run->selection), .params = run->params ? keep(b, run->params) : "{}",
		.git_commit = keep(b, run->git_commit), .requested_by = keep(b, run->requested_by),
		.first_day = run->first_day, .last_day = run->last_day, .force = run->force, .paused = run->paused, .tasks = run->tasks,
		.fresh = run->fresh, .epoch = epoch, .created_us = run->wall_us,
	};
}

static const char *counts_json(struct journal_batch *b, const struct run_counts *c)
{
	if (!c)
		return NULL;
	struct buf json = BUF_INIT(4096);
	buf_addf(&json, "{\"tasks\": %llu, \"tries\": %llu", (unsigned long long)c->tasks, (unsigned long long)c->tries);
	for (int i = 1; i < TASK_RESULTS_END; i++)
		buf_addf(&json, ", \"%s\": %llu", task_result_name((enum task_result)i), (unsigned long long)c->by_result[i]);
	buf_addc(&json, '}');
	const char *text = keep(b, buf_cstr(&json));
	buf_free(&json);
	return text;
}

static struct run_row *run_row_of(struct journal_batch *b, const char *run_id, int64_t epoch)
{
	struct key k = {run_id, "", "", 0};
	struct run_row *row = row_find(b, JOURNAL_RUN, &k);
	if (!row) {
		row = row_append(b, JOURNAL_RUN);
		row->run_id = keep(b, run_id);
	}
	row->epoch = epoch;
	return row;
}

/* Beside the results, of a run that is not done: what is at work, and how many an hour end. */
void batch_progress(struct journal_batch *b, const char *run_id, const struct run_counts *counts, int64_t per_hour, int64_t epoch)
{
	struct run_row *row = run_row_of(b, run_id, epoch);
	struct buf json = BUF_INIT(4096);
	buf_adds(&json, counts_json(b, counts));
	json.len--;
	buf_addf(&json, ", \"running\": %llu, \"per_hour\": %lld}", (unsigned long long)counts->by_state[TASK_RUNNING], (long long)per_hour);
	row->counts = keep(b, buf_cstr(&json));
	buf_free(&json);
}

void batch_pause(struct journal_batch *b, const char *run_id, bool pause, int64_t epoch)
{
	run_row_of(b, run_id, epoch)->pause = pause ? "t" : "f";
}

void batch_workers(struct journal_batch *b, const char *workers, const char *lanes)
{
	struct key k = {"", "", "", 0};
	struct scheduler_row *row = row_find(b, JOURNAL_SCHEDULER, &k);
	if (!row)
		row = row_append(b, JOURNAL_SCHEDULER);
	row->workers = keep(b, workers);
	row->lanes = keep(b, lanes);
}

static void run_transition(struct journal_batch *b, const struct transition *t, const struct journal_names *n, int64_t epoch)
{
	struct run_row *row = run_row_of(b, n->run_id, epoch);
	row->state = run_state_name((enum run_state)t->to);
	row->result = run_result_name((enum run_result)t->result);
	if (t->to == RUN_RUNNING && !row->started_us)
		row->started_us = n->wall_us;
	if (t->to == RUN_DONE) {
		row->ended_us = n->wall_us;
		row->counts = counts_json(b, n->counts);
	}
}

static void task_transition(struct journal_batch *b, const struct transition *t, const struct journal_names *n)
{
	struct key k = {n->run_id, n->table, n->partition ? n->partition : "", 0};
	struct task_row *row = row_find(b, JOURNAL_TASK, &k);
	if (!row) {
		row = row_append(b, JOURNAL_TASK);
		row->run_id = keep(b, n->run_id);
		row->table = keep(b, n->table);
		row->partition = keep(b, n->partition);
		row->rows = row->bytes = PG_NULL64;
	}
	row->state = task_state_name((enum task_state)t->to);
	row->result = task_result_name((enum task_result)t->result);
	row->wait = task_wait_name(t->wait);
	row->tries = (int32_t)t->try_no;
	row->cause = keep(b, n->cause);
	row->error = keep(b, n->error);
	keep_if_said(b, &row->reason, n->reason);
	row->retry_us = n->retry_at_us;
	if (t->to == TASK_READY)
		row->ready_us = n->wall_us;
	if (t->to == TASK_RUNNING && !row->started_us)
		row->started_us = n->wall_us;
	row->ended_us = t->to == TASK_DONE ? n->wall_us : 0;
	if (t->to == TASK_DONE && n->result && n->result->outcome == OUTCOME_SUCCESS && !n->result->checked) {
		row->rows = n->result->manifest.row_count;
		row->bytes = n->result->bytes;
	}
}

static const char *schema_json(struct journal_batch *b, const struct manifest *m)
{
	json_t *list = json_array();
	for (size_t i = 0; i < m->nschema; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", m->schema[i].name, "type",
		                                      m->schema[i].type ? m->schema[i].type : ""));
	char *text = json_dumps(list, JSON_COMPACT);
	const char *kept = text ? keep(b, text) : "[]";
	free(text);
	json_decref(list);
	return kept;
}

/* What planning wants to know of a table without looking at its history. */
static void learn(struct journal_batch *b, const char *table, const struct try_result *r, uint64_t fence)
{
	struct key k = {table, "", "", 0};
	struct stat_row *row = row_find(b, JOURNAL_STAT, &k);
	if (!row) {
		row = row_append(b, JOURNAL_STAT);
		row->table = keep(b, table);
	}
	int64_t us = r->prepare_us + r->load_us + r->validate_us + r->commit_us + r->cleanup_us;
	row->duration_us = (row->duration_us * row->built + us) / (row->built + 1);
	row->built++;
	if (r->manifest.nschema && (int64_t)fence > row->schema_fence) {
		row->schema_fence = (int64_t)fence;
		row->schema = schema_json(b, &r->manifest);
	}
}

static void try_result(struct journal_batch *b, struct try_row *row, const struct try_result *r)
{
	if (r->outcome == OUTCOME_SUCCESS && !r->checked) {
		row->rows = r->manifest.row_count;
		row->bytes = r->bytes;
		row->cleared_rows = r->empty ? r->cleared_rows : PG_NULL64;
		learn(b, row->table, r, (uint64_t)row->fence);
	}
	row->prepare_us = r->prepare_us;
	row->load_us = r->load_us;
	row->validate_us = r->validate_us;
	row->commit_us = r->commit_us;
	row->cleanup_us = r->cleanup_us;
	row->staging = keep(b, r->staging);
	row->note = keep(b, r->note);
	if (r->outcome == OUTCOME_ERROR) {
		row->error_class = keep(b, r->error.class);
		row->error = keep(b, r->error.message);
		row->error_line = r->error.line ? r->error.line : PG_NULL32;
		row->error_col = r->error.col ? r->error.col : PG_NULL32;
	}
}

static struct try_row *try_new(struct journal_batch *b, const struct transition *t, const struct journal_names *n)
{
	struct try_row *row = row_append(b, JOURNAL_TRY);
	row->fence = (int64_t)t->fence;
	row->try_id = keep(b, n->try_id);
	row->run_id = keep(b, n->run_id);
	row->table = keep(b, n->table);
	row->partition = keep(b, n->partition);
	row->try_no = (int32_t)t->try_no;
	row->error_line = row->error_col = PG_NULL32;
	row->rows = row->bytes = row->cleared_rows = PG_NULL64;
	row->prepare_us = row->load_us = row->validate_us = row->commit_us = row->cleanup_us = PG_NULL64;
	row->started_us = n->wall_us; /* kept only by the insert: when it was `starting` */
	return row;
}

static void try_transition(struct journal_batch *b, const struct transition *t, const struct journal_names *n)
{
	struct key k = {"", "", "", (int64_t)t->fence};
	struct try_row *row = row_find(b, JOURNAL_TRY, &k);
	if (!row)
		row = try_new(b, t, n);
	row->state = try_state_name((enum try_state)t->to);
	row->outcome = try_outcome_name((enum try_outcome)t->result);
	keep_if_said(b, &row->worker, n->worker);
	keep_if_said(b, &row->log_path, n->log_path);
	if (t->to == TRY_RUNNING)
		row->running_us = n->wall_us;
	if (t->to == TRY_ENDED) {
		row->ended_us = n->wall_us;
		row->error_class = keep(b, n->error_class);
		row->error = keep(b, n->error);
		if (n->result)
			try_result(b, row, n->result);
	}
	if (t->fence > b->max_fence)
		b->max_fence = t->fence;
}

static void add_event(struct journal_batch *b, const struct transition *t, const struct journal_names *n, int64_t epoch)
{
	struct event_row *row = row_append(b, JOURNAL_EVENT);
	row->at_us = n->wall_us;
	row->epoch = epoch;
	row->seq = (int64_t)t->seq;
	row->run_id = keep(b, n->run_id);
	row->cause = keep(b, n->cause);
	row->fence = t->object == OBJECT_TRY ? (int64_t)t->fence : PG_NULL64;
	row->try_no = t->object == OBJECT_RUN ? PG_NULL32 : (int32_t)t->try_no;
	if (t->object == OBJECT_RUN) {
		row->object = "run";
		row->from = run_state_name((enum run_state)t->from);
		row->to = run_state_name((enum run_state)t->to);
		row->result = run_result_name((enum run_result)t->result);
	} else {
		row->table = keep(b, n->table);
		row->partition = keep(b, n->partition);
	}
	if (t->object == OBJECT_TASK) {
		row->object = "task";
		row->from = task_state_name((enum task_state)t->from);
		row->to = task_state_name((enum task_state)t->to);
		row->result = task_result_name((enum task_result)t->result);
		row->wait = task_wait_name(t->wait);
	} else if (t->object == OBJECT_TRY) {
		row->object = "try";
		row->from = try_state_name((enum try_state)t->from);
		row->to = try_state_name((enum try_state)t->to);
		row->result = try_outcome_name((enum try_outcome)t->result);
	}
}

void batch_transition(struct journal_batch *b, const struct transition *t, const struct journal_names *n, int64_t epoch)
{
	switch (t->object) {
	case OBJECT_RUN: run_transition(b, t, n, epoch); break;
	case OBJECT_TASK: task_transition(b, t, n); break;
	case OBJECT_TRY: try_transition(b, t, n); break;
	}
	add_event(b, t, n, epoch);
	if (t->seq > b->seq)
		b->seq = t->seq;
	if (!b->first_us || n->wall_us < b->first_us)
		b->first_us = n->wall_us;
	if (n->wall_us > b->last_us)
		b->last_us = n->wall_us;
}

static void add_lineage(struct journal_batch *b, uint64_t fence, const struct manifest_input *input)
{
	const char *partition = input->partition ? input->partition : "";
	struct key k = {input->table, partition, "", (int64_t)fence};
	if (row_find(b, JOURNAL_LINEAGE, &k))
		return;
	struct lineage_row *row = row_append(b, JOURNAL_LINEAGE);
	row->fence = (int64_t)fence;
	row->table = keep(b, input->table);
	row->partition = keep(b, partition);
	row->version = (int64_t)input->version;
	row->identity = keep(b, input->try_id);
}

void batch_checks(struct journal_batch *b, uint64_t fence, const struct manifest_check *checks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct key k = {checks[i].name, "", "", (int64_t)fence};
		if (row_find(b, JOURNAL_CHECK, &k))
			continue;
		struct check_row *row = row_append(b, JOURNAL_CHECK);
		row->fence = (int64_t)fence;
		row->name = keep(b, checks[i].name);
		row->status = keep(b, checks[i].status);
		row->detail = keep(b, checks[i].detail);
	}
}

void batch_publish(struct journal_batch *b, const struct journal_publish *p)
{
	const struct manifest *m = &p->result->manifest;
	struct key k = {p->table, p->partition, "", 0};
	struct published_row *row = row_find(b, JOURNAL_PARTITION, &k);
	if (!row) {
		row = row_append(b, JOURNAL_PARTITION);
		row->table = keep(b, p->table);
		row->partition = keep(b, p->partition);
	}
	if ((int64_t)m->fence > row->fence) {
		row->grain = p->partitioned ? "day" : "";
		row->try_id = keep(b, m->try_id);
		row->run_id = keep(b, p->run_id);
		row->fingerprint = keep(b, m->fingerprint);
		row->schema = schema_json(b, m);
		row->git_commit = keep(b, m->git_commit);
		row->version = (int64_t)m->version;
		row->fence = (int64_t)m->fence;
		row->rows = m->row_count;
		row->bytes = p->result->bytes;
		row->files = p->result->empty ? 0 : (int32_t)m->nfiles;
		row->empty = p->result->empty;
		row->published_us = p->wall_us;
	}
	for (size_t i = 0; i < m->ninputs; i++)
		add_lineage(b, m->fence, &m->inputs[i]);
	batch_checks(b, m->fence, m->checks, m->nchecks);
}

void batch_checked(struct journal_batch *b, const char *table, const char *partition, const char *try_id, const char *fingerprint)
{
	struct key k = {table, partition, "", 0};
	struct checked_row *row = row_find(b, JOURNAL_CHECKED, &k);
	if (!row)
		row = row_append(b, JOURNAL_CHECKED);
	row->table = keep(b, table);
	row->partition = keep(b, partition);
	row->try_id = keep(b, try_id);
	row->fingerprint = keep(b, fingerprint);
}

void batch_free(struct journal_batch *b)
{
	for (int i = 0; i < JOURNAL_TABLES; i++) {
		free(b->tables[i].rows);
		free(b->tables[i].slots);
	}
	arena_free(&b->arena);
	*b = (struct journal_batch){0};
}

void batch_send(const struct journal_batch *b, int lake_id, struct pg *pg)
{
	const struct pg_statement *statements = journal_statements();
	uint32_t lake = htonl((uint32_t)lake_id);
	struct buf bytes = BUF_INIT(ARRAY_MAX);
	for (int i = 0; i < JOURNAL_TABLES; i++) {
		const struct journal_rows *t = &b->tables[i];
		if (t->len == 0)
			continue;
		size_t begin[PARAMS_MAX + 1];
		struct pg_param params[PARAMS_MAX + 1] = {{(const char *)&lake, sizeof lake, 1}};
		buf_clear(&bytes);
		for (size_t c = 0; c < journal_tables[i].ncolumns; c++) {
			begin[c] = bytes.len;
			pg_array_encode(&journal_tables[i].columns[c], t->rows, t->len, journal_tables[i].stride, &bytes);
		}
		begin[journal_tables[i].ncolumns] = bytes.len;
		for (size_t c = 0; c < journal_tables[i].ncolumns; c++)
			params[c + 1] = (struct pg_param){bytes.data + begin[c], (int)(begin[c + 1] - begin[c]), 1};
		pg_add(pg, &statements[i], params, (int)journal_tables[i].ncolumns + 1);
	}
	buf_free(&bytes);
}
