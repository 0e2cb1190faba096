/* strata clear RUN: tasks of a run once more. strata clear --data TABLE: the only way in which published history goes but by a newer version of it. It says
 * what would go and asks; the lake's lock is taken only for the removal itself, not while somebody thinks. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/again.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/open.h"
#include "cli/state.h"
#include "core/date.h"
#include "scheduler/catalog.h"
#include "scheduler/clear.h"
#include "scheduler/control.h"
#include "scheduler/leader.h"

enum { NAME_SIZE = 256, LOOK_MS = 1000 };

static int read_day(const struct options *o, const char *option, int32_t *ret, struct err *err)
{
	const char *text = options_text(o, option, NULL);
	if (text && !date_parse(text, ret))
		return err_set(err, ERR_USAGE, "'--%s %s' is no date; write it YYYY-MM-DD or YYYYMMDD", option, text);
	return 0;
}

/* A removal guesses no end of a range. */
static int read_range(const struct options *o, struct clear_request *rq, struct err *err)
{
	bool one = options_flag(o, "partition"), start = options_flag(o, "start"), end = options_flag(o, "end");
	if (one && (start || end))
		return err_set(err, ERR_USAGE, "'--partition' is one day; leave it out or leave out '--start' and '--end'");
	if (start != end)
		return err_set(err, ERR_USAGE, "a range needs both '--start' and '--end'; for one day say '--partition'");
	rq->first = rq->last = DATE_NONE;
	int rc = read_day(o, one ? "partition" : "start", &rq->first, err);
	if (rc == 0)
		rc = read_day(o, one ? "partition" : "end", &rq->last, err);
	if (rc == 0 && rq->last < rq->first)
		rc = err_set(err, ERR_USAGE, "the range ends before it starts");
	return rc;
}

/* The table of the project, or one that it has no longer but that is recorded as published. */
static int find_table(struct state *s, const char *name, char out[NAME_SIZE], struct err *err)
{
	const struct project *p = s->ws.project;
	const struct table *t = project_table(p, name);
	if (t && clear_check(t, err) < 0)
		return err->code;
	if (t) {
		snprintf(out, NAME_SIZE, "%s", t->qname);
		return 0;
	}
	struct partition_row *rows;
	size_t n;
	const char *full = project_full_name(p, name, out, NAME_SIZE);
	int rc = query_partitions(&s->query, &full, 1, DATE_NONE, DATE_NONE, &rows, &n, err);
	if (rc < 0 || n > 0)
		return rc;
	const char *near = project_nearest(p, name);
	if (near)
		return err_set(err, ERR_USAGE, "there is no table '%s' (did you mean '%s'?)", name, near);
	return err_set(err, ERR_USAGE, "there is no table '%s'; 'strata list' shows them", name);
}

/* Yes by option, or by a person at a terminal. ERR_USAGE where nobody can be asked, ERR_CANCELED for a no. */
static int confirm(const struct invocation *inv, const char *qname, const char *what, struct err *err)
{
	char answer[16] = "";
	if (options_flag(inv->options, "yes"))
		return 0;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return err_set(err, ERR_USAGE, "this would remove from '%s' for good: %s; say --yes if it shall", qname, what);
	fprintf(stderr, "strata: this removes from '%s' for good: %s\nremove it? [y/N] ", qname, what);
	if (!fgets(answer, sizeof answer, stdin) || (answer[0] != 'y' && answer[0] != 'Y'))
		return err_set(err, ERR_CANCELED, "nothing was removed");
	return 0;
}

static int take_lake(struct workspace *ws, PGconn **ret_conn, struct leader *ret_leader, struct err *err)
{
	struct leader_holder h = {0};
	struct leader_claim claim = {.lake_id = ws->db.lake_id, .command = "strata clear"};
	int rc = db_connect(ws->db.conninfo, ret_conn, err);
	if (rc == 0)
		rc = leader_try(*ret_conn, &claim, ret_leader, &h, err);
	if (rc == ERR_LOCKED)
		return err_set(err, ERR_LOCKED, "the lake is held by '%s'%s%s (process %ld on %s); try again when it is done", h.command,
		        h.run_id[0] ? ", run " : "", h.run_id, h.pid, h.host);
	return rc < 0 ? rc : workspace_hold(ws, *ret_conn, ret_leader, err);
}

/* In this process, where no scheduler is up. */
static int remove_here(struct state *s, const struct clear_request *rq, const struct clear_found *found, bool loud, struct clear_found *ret_gone,
                       struct err *err)
{
	struct leader leader;
	PGconn *lock = NULL;
	int rc = take_lake(&s->ws, &lock, &leader, err);
	if (rc == 0)
		rc = clear_carry_out(&s->ws, lock, &leader, rq, state_user(), found, ret_gone, err);
	/* The views of what has gone go with it. */
	if (rc == 0)
		rc = catalog_refresh_if_stale(&s->ws, err);
	if (rc == 0 && loud) {
		struct buf what = BUF_INIT(4096);
		clear_describe(ret_gone, &what);
		fprintf(stderr, "strata: removed from '%s': %s\n", rq->qname, buf_cstr(&what));
		buf_free(&what);
	}
	PQfinish(lock);
	return rc;
}

/* Until the scheduler has done it, which may be when hours of work on these partitions are over; or is gone. */
static int await_scheduler(const struct control *c, int64_t id, struct control_answer *ret, bool loud, struct err *err)
{
	struct leader_holder holder;
	bool up;
	int rc = control_await(c, id, LOOK_MS, ret, err);
	if (rc == ERR_LOCKED && loud)
		fprintf(stderr, "strata: the scheduler removes it when what works on it has ended; Ctrl-C leaves that to it\n");
	for (int nobody = 0; rc == ERR_LOCKED && nobody < 2;) { /* one may follow the other */
		rc = control_find(c, &up, &holder, err);
		nobody = rc == 0 && !holder.pid ? nobody + 1 : 0;
		if (rc == 0)
			rc = control_await(c, id, LOOK_MS, ret, err);
		if (rc == ERR_LOCKED && nobody == 2)
			err_set(err, ERR_LOCKED, "the scheduler has ended before it was done; the next one goes on with it, or say the same again");
	}
	return rc;
}

/* By the scheduler that is up; *ret_asked false: there is none. */
static int ask_scheduler(struct state *s, const struct clear_request *rq, const struct clear_found *found, bool loud, bool *ret_asked,
                         struct err *err)
{
	static struct control_answer answer;
	struct control c = {.conn = s->ws.db.conn, .lake_id = s->ws.db.lake_id, .requested_by = state_user()};
	struct leader_holder holder;
	int64_t id;
	int rc = control_find(&c, ret_asked, &holder, err);
	if (rc < 0 || !*ret_asked)
		return rc;
	rc = control_send(&c, CLEAR_COMMAND, clear_encode(rq, found), &id, err);
	if (rc == 0)
		rc = await_scheduler(&c, id, &answer, loud, err);
	if (rc == 0 && answer.outcome != CONTROL_DONE)
		return err_set(err, answer.outcome == CONTROL_FAILED ? ERR_STATE : ERR_USAGE, "%s", answer.detail);
	if (rc == 0 && loud)
		fprintf(stderr, "strata: %s\n", answer.detail);
	return rc;
}

static const struct output_column fields[] = {
	{.name = "table", .help = "layer.table"},
	{.name = "partitions", .help = "that were published and are removed; beside a scheduler all figures are those of before it began"},
	{.name = "rows", .help = "of those"},
	{.name = "bytes", .help = "of all that was removed"},
	{.name = "others", .help = "folders that strata had not published and that went, too"},
	{0},
};

/* For programs; people are told on stderr. */
static void answer(const struct invocation *inv, const char *qname, const struct clear_found *gone)
{
	if (inv->globals->output != OUTPUT_TABLE)
		output_document(inv->globals->output, fields,
		                json_pack("{s:s, s:I, s:I, s:I, s:I}", "table", qname, "partitions", (json_int_t)gone->published, "rows",
		                          (json_int_t)gone->rows, "bytes", (json_int_t)gone->bytes, "others", (json_int_t)gone->others));
}

static int clear(const struct invocation *inv, struct state *s, const struct clear_request *rq, struct err *err)
{
	struct buf what = BUF_INIT(4096);
	struct clear_found found, gone;
	bool loud = inv->globals->verbosity >= 0, asked = false;
	int rc = clear_count(&s->ws, rq, &found, err);
	bool nothing = rc == 0 && clear_is_nothing(&found);
	if (nothing && loud)
		fprintf(stderr, "strata: of '%s' there is nothing to remove\n", rq->qname);
	if (nothing)
		answer(inv, rq->qname, &found);
	if (rc < 0 || nothing)
		return rc;
	clear_describe(&found, &what);
	rc = confirm(inv, rq->qname, buf_cstr(&what), err);
	if (rc == 0)
		rc = ask_scheduler(s, rq, &found, loud, &asked, err);
	if (rc == 0 && !asked)
		rc = remove_here(s, rq, &found, loud, &gone, err);
	if (rc == 0)
		answer(inv, rq->qname, asked ? &found : &gone);
	buf_free(&what);
	return rc;
}

/* Tasks of a run are done again by a new run: what was done stays on record. */
static int clear_tasks(const struct invocation *inv, const struct clear_request *rq, struct err *err)
{
	struct arena arena = {0};
	struct state s;
	struct run_row row;
	struct order o;
	json_t *args = NULL;
	int rc = state_open(inv, &s, err);
	if (rc == 0)
		rc = query_run(&s.query, inv->operands[0], &row, err);
	if (rc == 0)
		rc = again_tasks(&s, &row, options_flag(inv->options, "failed-only"), &arena, &o, err);
	if (rc == 0) {
		o.select = inv->operands + 1;
		o.nselect = inv->noperands - 1;
		o.downstream = options_flag(inv->options, "downstream");
		if (rq->first != DATE_NONE) {
			o.first = rq->first;
			o.last = rq->last;
		}
		args = order_encode(&o);
	}
	state_close(&s);
	if (rc == 0)
		rc = follow_command(inv, "order", args, err);
	arena_free(&arena);
	return rc;
}

static int run(const struct invocation *inv, struct err *err)
{
	struct state s;
	struct clear_request rq;
	char name[NAME_SIZE];
	const char *table = options_text(inv->options, "data", NULL);
	if (!table && !inv->noperands)
		return err_set(err, ERR_USAGE, "say which run's tasks are done again: strata clear RUN; or whose published data is removed: strata clear --data TABLE");
	if (table && inv->noperands)
		return err_set(err, ERR_USAGE, "'--data' removes what is published, whatever run made it; leave out '%s'", inv->operands[0]);
	int rc = read_range(inv->options, &rq, err);
	if (rc == 0 && !table)
		return clear_tasks(inv, &rq, err);
	if (rc < 0)
		return rc;
	rc = state_open(inv, &s, err);
	if (rc == 0)
		rc = find_table(&s, table, name, err);
	rq.qname = name;
	if (rc == 0)
		rc = clear(inv, &s, &rq, err);
	state_close(&s);
	return rc;
}

static const struct option options[] = {
	{.name = "failed-only", .help = "only tasks that failed or were withheld"},
	{.name = "downstream", .help = "and what reads them, where that is not fresh then"},
	{.name = "data", .value = "TABLE", .help = "the table whose published data is removed"},
	{.name = "partition", .value = "D", .help = "only this date"},
	{.name = "start", .value = "D", .help = "only the dates from this one on"},
	{.name = "end", .value = "D", .help = "up to this one, included"},
	{.name = "yes", .letter = 'y', .help = "do not ask"},
	{0},
};

const struct command command_clear = {
	.name = "clear",
	.group = "Keep tables up to date",
	.synopsis = "RUN [SELECT...] [--failed-only] [--downstream] | --data TABLE [--yes]  [--partition D | --start D --end D]",
	.summary = "have tasks of a run done again; or remove what is published",
	.details = "RUN, an id, the beginning of one, or 'latest': its tasks that have ended, also with success, are done again, all of them or those of the selected tables and dates. The scheduler makes a new run for that, whose name is printed: what the old run did stays on record, and a run that is under way goes on beside it. What reads them is left to the next run that selects it, or with --downstream built in the same run, for the dates of the old one. To build what failed and whatever else is not fresh, 'strata retry RUN' is enough.\n"
	           "\n"
	           "--data: Says what would go (partitions, rows, bytes) and asks; where there is no terminal it wants --yes. The table's folders leave the lake, whether it is published in dt= partitions or as one, and the state forgets them: 'strata plan' then calls the table new. A table that is partitioned now and was not before, or the other way round, is built only after this.\n"
	           "\n"
	           "RAW files, the project and the record of runs stay; who cleared what is kept. Tables that read it are built again by the next run that selects them. If it is interrupted, the same command goes on.\n"
	           "\n"
	           "Beside a scheduler that is up it is the scheduler who removes it: what works on these partitions comes to its end, what would begin waits until they are gone, and everything else goes on. A run that is under way does not make again what it had made of them, or had found fresh: what reads them there finds them never built. Without a scheduler it holds the lake while it works; beside a run in the foreground it removes nothing and exits with 5.",
	.examples = "strata clear latest dwd_flights --downstream\n"
	            "strata clear daily-20130107T113000Z --failed-only\n"
	            "strata clear --data dwd_flights\n"
	            "strata clear --data dwd_flights --partition 2013-01-03 --yes\n"
	            "strata clear --data dwd_flights --start 2013-01-01 --end 2013-01-31",
	.options = options,
	.most_operands = SIZE_MAX,
	.completes = {COMPLETES_RUN, COMPLETES_SELECTION},
	.answers = {{.form = ANSWER_OBJECT, .when = "with --data", .fields = fields}, {.form = ANSWER_OBJECT, .when = "of a run", .fields = follow_fields}},
	.run = run,
};
