/* What must hold of the whole scheduler, told by the model database, by what schedulers log, and by the plans that the
 * runner is given; and what must happen within a time while nothing is in the way. */
#include <string.h>
#include <time.h>
#include <uthash.h>

#include "base/mem.h"
#include "core/date.h"
#include "tests/sim/daemon.h"
#include "tests/sim/world_worker.h"

#define SECOND INT64_C(1000000)
enum {
	AT_ONCE_S = 5,         /* a rule that holds from a moment on holds of what begins so much later */
	SOON_S = 20 * 60,      /* an undisturbed scheduler has done by then what needs nobody else */
};

/* What a run was planned to build. */
struct planned {
	UT_hash_handle hh;
	bool silent;
	bool *todo;            /* [ntables * ndates] */
	char run_id[];
};
static struct planned *plans;

/* An interval that a scheduler has ordered; its row comes later, or never, if that one dies. */
struct ordered {
	uint32_t life;
	char run_id[64];
	const struct rule *rule;
	struct firing firing;
	bool refused;          /* no plan could be made: its row says so */
};
static struct ordered *ordered;
static size_t nordered, cap_ordered;

/* What people have had the word for. */
struct held {
	const char *run;
	int64_t since_us;
	bool canceled;         /* else it is paused */
};
static struct held *held;
static size_t nheld, cap_held;

static int64_t disturbed_us;
static int64_t journal_up_us; /* a journal came back, with rows of before */

void check_reset(void)
{
	struct planned *p, *next;
	HASH_ITER(hh, plans, p, next) {
		HASH_DEL(plans, p);
		free(p->todo);
		free(p);
	}
	nordered = nheld = 0;
	disturbed_us = journal_up_us = 0;
}

void check_disturbed(void)
{
	disturbed_us = world.now_us;
}

/* ---- plans ---- */

static struct planned *planned(const char *run_id)
{
	struct planned *p;
	HASH_FIND_STR(plans, run_id, p);
	return p;
}

uint32_t __real_runner_begin(struct runner *r, struct plan *plan, const struct runner_request *rq, const struct runner_observer *observer,
                             runner_done_fn *done, void *ctx);
uint32_t __wrap_runner_begin(struct runner *r, struct plan *plan, const struct runner_request *rq, const struct runner_observer *observer,
                             runner_done_fn *done, void *ctx);

uint32_t __wrap_runner_begin(struct runner *r, struct plan *plan, const struct runner_request *rq, const struct runner_observer *observer,
                             runner_done_fn *done, void *ctx)
{
	struct planned *known = planned(rq->run_id);
	if (!known) {
		known = mem_alloc(sizeof *known + strlen(rq->run_id) + 1);
		memcpy(known->run_id, rq->run_id, strlen(rq->run_id) + 1);
		known->todo = mem_array((size_t)world.ntables * world.ndates, sizeof *known->todo);
		HASH_ADD_STR(plans, run_id, known);
	}
	memset(known->todo, 0, (size_t)world.ntables * world.ndates * sizeof *known->todo);
	known->silent = rq->quiet;
	for (uint32_t slot = 0; slot < plan->ntables; slot++) {
		uint32_t t = world_find(plan->in.project->tables[plan->tables[slot]].qname);
		for (uint32_t d = 0; d < plan->ndates; d++) {
			uint8_t verdict = plan->tasks[(size_t)slot * plan->ndates + d].verdict;
			uint32_t date = world.tables[t].partitioned ? d + (uint32_t)(plan->in.first - world.first_day) : 0;
			CHECK(date < world.ndates);
			if (plan_is_todo(verdict))
				known->todo[(size_t)t * world.ndates + date] = true;
		}
	}
	return __real_runner_begin(r, plan, rq, observer, done, ctx);
}

bool world_todo(const char *run_id, uint32_t table, uint32_t date)
{
	const struct planned *p = planned(run_id);
	return p && p->todo[(size_t)table * world.ndates + date];
}

bool world_silent(const char *run_id)
{
	const struct planned *p = planned(run_id);
	return p && p->silent;
}

/* ---- intervals ---- */

static bool is_of(const struct db_run *run, const char *schedule)
{
	size_t n = strlen(schedule);
	return str_eq(run->kind, "scheduled") && strncmp(run->id, schedule, n) == 0 && run->id[n] == '-';
}

static uint32_t under_way(const char *schedule)
{
	uint32_t n = 0;
	for (size_t i = 0; i < db.nruns; i++)
		n += !str_eq(db.runs[i].state, "done") && !db.runs[i].refused && is_of(&db.runs[i], schedule);
	for (size_t i = 0; i < nordered; i++)
		n += str_eq(ordered[i].rule->name, schedule) && !ordered[i].refused && !db_run(ordered[i].run_id);
	return n;
}

static bool is_ordered(const struct rule *r, int64_t at)
{
	for (size_t i = 0; i < nordered; i++) {
		if (str_eq(ordered[i].rule->name, r->name) && ordered[i].firing.at == at)
			return true;
	}
	return false;
}

/* What an order leaves behind it: all before it is over, also while its row is not there yet. */
static int64_t over_now(const struct rule *r, int64_t now)
{
	int64_t over = rule_over(r, now);
	for (size_t i = 0; i < nordered; i++) {
		if (str_eq(ordered[i].rule->name, r->name) && ordered[i].firing.at <= now && ordered[i].firing.at > over)
			over = ordered[i].firing.at;
	}
	return over;
}

static int64_t interval_of(const char *run_id)
{
	struct tm tm = {0};
	const char *text = strrchr(run_id, '-');
	CHECK(text && sscanf(text, "-%4d%2d%2dT%2d%2d%2dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec) == 6);
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return (int64_t)timegm(&tm);
}

static void check_order(const struct host *h, const char *schedule, const char *run_id)
{
	const struct rule *r = edition_rule(h->edition, schedule);
	int64_t at = interval_of(run_id), now = wall_now();
	CHECK(r && !h->draining && h->holds);
	const struct firing *f = rule_at(r, at);
	CHECK(f);                                   /* it comes then */
	int64_t over = over_now(r, now);
	CHECK(rule_owes(r, f, over, now) && !is_ordered(r, at));
	for (const struct firing *g = f; r->catchup == CATCHUP_ALL && g-- > r->firings && g->at > over;)
		CHECK(!rule_owes(r, g, over, now) || is_ordered(r, g->at)); /* oldest first, none is passed over */
	const struct db_schedule *s = ddb_schedule(schedule);
	CHECK(s && !s->paused);
	CHECK(r->max_active == 0 || under_way(schedule) < r->max_active);
	MEM_GROW(ordered, nordered, cap_ordered);
	struct ordered *o = &ordered[nordered++];
	*o = (struct ordered){.life = h->life, .rule = r, .firing = *f};
	snprintf(o->run_id, sizeof o->run_id, "%s", run_id);
}

static void forget_ordered(size_t i)
{
	ordered[i] = ordered[--nordered];
}

/* ---- what people have the word for ---- */

static void hold(const char *run, bool canceled)
{
	MEM_GROW(held, nheld, cap_held);
	held[nheld++] = (struct held){arena_strdup(&world.arena, run), world.now_us, canceled};
}

static void release(const char *run)
{
	for (size_t i = nheld; i-- > 0;) {
		if (str_eq(held[i].run, run) && !held[i].canceled)
			held[i] = held[--nheld];
	}
}

static bool is_held(const char *run, bool canceled, int64_t *ret_since_us)
{
	for (size_t i = 0; i < nheld; i++) {
		if (str_eq(held[i].run, run) && held[i].canceled == canceled) {
			*ret_since_us = held[i].since_us;
			return true;
		}
	}
	return false;
}

/* Its row is there: from now on the ledger says it. */
void check_run_inserted(const struct db_run *run, bool paused)
{
	if (paused)
		hold(run->id, false);
	for (size_t i = 0; i < nordered; i++) {
		if (!str_eq(ordered[i].run_id, run->id))
			continue;
		CHECK(run->first == ordered[i].firing.first && run->last == ordered[i].firing.last);
		forget_ordered(i);
		return;
	}
	CHECK(!str_eq(run->kind, "scheduled"));
}

void check_host_gone(struct host *h)
{
	for (size_t i = nordered; i-- > 0;) {
		if (ordered[i].life == h->life && !db_run(ordered[i].run_id))
			forget_ordered(i);
	}
	check_disturbed();
}

/* Whoever leads next goes by the run's row, or by its order while it has none. */
static bool is_on_record(const char *name, bool paused)
{
	const struct db_run *run = db_run(name);
	for (size_t i = 0; !run && i < ddb.ncommands; i++) {
		const struct db_command *c = &ddb.commands[i];
		if (*c->outcome || !str_eq(c->kind, "order") || !str_eq(c->name, name))
			continue;
		json_t *args = json_loads(c->args, 0, NULL);
		bool says = json_is_true(json_object_get(args, "paused"));
		json_decref(args);
		return says == paused;
	}
	return run && run->paused == paused;
}

void check_answer(struct db_command *c)
{
	bool schedule = ddb_schedule(c->name) != NULL;
	if (!str_eq(c->outcome, "done"))
		return;
	if (str_eq(c->kind, "order"))
		CHECK(db_run(c->name)); /* who asks next finds it */
	if (str_eq(c->kind, "pause") || str_eq(c->kind, "unpause")) {
		bool pause = str_eq(c->kind, "pause");
		if (schedule)
			CHECK(ddb_schedule(c->name)->paused == pause);
		else
			CHECK(is_on_record(c->name, pause));
		if (schedule)
			return;
		if (pause)
			hold(c->name, false);
		else
			release(c->name);
	}
	if (str_eq(c->kind, "cancel"))
		hold(c->name, true);
}

/* It may go on as soon as somebody has asked for it, and is told so when that is on record. */
static bool is_let_go(const char *run)
{
	for (size_t i = 0; i < ddb.ncommands; i++) {
		if (!*ddb.commands[i].outcome && str_eq(ddb.commands[i].kind, "unpause") && str_eq(ddb.commands[i].name, run))
			return true;
	}
	return false;
}

void world_try_made(const struct db_try *t)
{
	int64_t since_us = 0;
	if (journal_up_us && world.now_us < journal_up_us + AT_ONCE_S * SECOND)
		return; /* it may have been made before, and is sent to nobody */
	CHECK(!is_held(t->run, false, &since_us) || is_let_go(t->run) || world.now_us < since_us + AT_ONCE_S * SECOND); /* what is paused starts nothing */
	CHECK(!is_held(t->run, true, &since_us) || world.now_us < since_us + AT_ONCE_S * SECOND);
}

/* ---- what schedulers say ---- */

static const char *value(const struct world_field *fields, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq(fields[i].name, name))
			return fields[i].value;
	}
	CHECK(!"the field is there");
	return "";
}

/* Recovery has ended what a dead scheduler left running; what goes on waits. */
static void check_ready(void)
{
	for (size_t i = 0; i < db.ntries; i++)
		CHECK(str_eq(db.tries[i].state, "ended"));
	for (size_t i = 0; i < db.ntasks; i++)
		CHECK(!str_eq(db.tasks[i].state, "running"));
	check_lake_and_state();
}

/* Who edits and then orders means the edited project; what is broken may be passed over. */
static void check_edition(const struct host *h, const char *run_id)
{
	for (size_t i = 0; i < ddb.ncommands; i++) {
		const struct db_command *c = &ddb.commands[i];
		if (str_eq(c->kind, "order") && str_eq(c->name, run_id) && edition_broken < c->edition)
			CHECK(h->edition->number >= c->edition);
	}
}

void check_logged(struct host *h, const char *event, const struct world_field *fields, size_t n)
{
	if (str_eq(event, "schedule.due")) {
		check_order(h, value(fields, n, "schedule"), value(fields, n, "run"));
	} else if (str_eq(event, "run.begin")) {
		CHECK(!h->draining);
		check_edition(h, value(fields, n, "run"));
	} else if (str_eq(event, "run.refused")) {
		const char *why = value(fields, n, "error"); /* what workers do to a plan passes */
		CHECK(!strstr(why, "the worker died") && !strstr(why, "worker can be started") && !strstr(why, "start a worker"));
		struct db_run *run = db_run(value(fields, n, "run"));
		if (run)
			run->refused = true;
		for (size_t i = 0; i < nordered; i++)
			ordered[i].refused |= str_eq(ordered[i].run_id, value(fields, n, "run"));
	} else if (str_eq(event, "scheduler.ready")) {
		check_ready();
		check_disturbed();
	} else if (str_eq(event, "journal.up")) {
		journal_up_us = world.now_us;
	} else if (str_eq(event, "project.read")) {
		check_disturbed();
	}
}

/* ---- what must happen in time ---- */

/* Has a scheduler been up for so long, with nothing in its way? */
static bool is_well(int64_t for_s)
{
	const struct host *h = host_leader();
	int64_t then = world.now_us - for_s * SECOND;
	return h && !h->draining && h->signals == 0 && h->ready_us <= then && disturbed_us <= then && h->frozen_until_us <= then &&
	       db.away_until_us <= then;
}

/* As long as a try may take at all: its stages, and the workers' own troubles. */
static int64_t longest_try_s(void)
{
	return 60 + world.slow * 6 / 50;
}

static void check_owed(const struct rule *r)
{
	const struct db_schedule *s = ddb_schedule(r->name);
	int64_t then = wall_now() - SOON_S, over = rule_over(r, then);
	if (!s || s->paused || s->touched_us > world.now_us - SOON_S * SECOND || (r->max_active && under_way(r->name) >= r->max_active))
		return;
	for (size_t i = 0; i < db.nruns; i++) {
		if (is_of(&db.runs[i], r->name) && db.runs[i].moved_us > world.now_us - 2 * SOON_S * SECOND)
			return; /* there may have been no room */
	}
	for (size_t i = 0; i < r->nfirings && r->firings[i].at <= then; i++) {
		const struct firing *f = &r->firings[i];
		bool passed = r->catchup != CATCHUP_ALL && f[1].at <= wall_now() && i + 1 < r->nfirings;
		if (passed || !rule_owes(r, f, over, then))
			continue;
		trace("%s owes %" PRId64 ", over %" PRId64 ", now %" PRId64, r->name, f->at, over, wall_now());
		CHECK(!"an interval that is owed has its run in time");
	}
}

static int urgency(const struct db_run *run)
{
	return str_eq(run->kind, "scheduled") ? 2 : str_eq(run->kind, "manual") ? 1 : 0;
}

/* A partition is built for one run at a time. The others wait for that one, unless it only wants to, and is less urgent. */
static bool may_wait_for(const struct db_run *run, const struct db_run *other)
{
	const struct planned *mine = planned(run->id), *theirs = planned(other->id);
	if (run == other || str_eq(other->state, "done") || urgency(other) < urgency(run) || !mine || !theirs)
		return false;
	for (size_t i = 0; i < (size_t)world.ntables * world.ndates; i++) {
		if (mine->todo[i] && theirs->todo[i])
			return true;
	}
	return false;
}

static int64_t moved_us(const struct db_run *run)
{
	int64_t at = run->moved_us;
	for (size_t i = 0; i < db.nruns; i++) {
		if (db.runs[i].moved_us > at && may_wait_for(run, &db.runs[i]))
			at = db.runs[i].moved_us;
	}
	return at;
}

/* It has a source whose files have not come, or so lately that nobody may have looked. */
static bool awaits_files(const struct db_run *run, int64_t since_us)
{
	const struct planned *p = planned(run->id);
	for (uint32_t t = 0; p && t < world.ntables; t++) {
		for (uint32_t d = 0; world.tables[t].waits && d < world.ndates; d++) {
			if (p->todo[(size_t)t * world.ndates + d] && world.tables[t].comes_us[d] > since_us)
				return true;
		}
	}
	return false;
}

/* Whatever it waits for, its turn comes. */
static void check_moves(void)
{
	uint32_t scheduled = 0, all = 0;
	for (size_t i = 0; i < db.nruns; i++) {
		bool open = !str_eq(db.runs[i].state, "done");
		all += open;
		scheduled += open && str_eq(db.runs[i].kind, "scheduled");
	}
	for (size_t i = 0; i < db.nruns; i++) {
		const struct db_run *run = &db.runs[i];
		int64_t since_us;
		if (str_eq(run->state, "done") || run->paused || is_held(run->id, false, &since_us))
			continue;
		uint32_t ahead = str_eq(run->kind, "scheduled") ? scheduled : all;
		int64_t most_s = SOON_S + 2 * longest_try_s() * (1 + ahead);
		if (awaits_files(run, world.now_us - most_s * SECOND))
			continue;
		if (is_well(most_s) && run->moved_us < world.now_us - most_s * SECOND && moved_us(run) < world.now_us - most_s * SECOND) {
			trace("%s has not moved for %" PRId64 " s", run->id, (world.now_us - run->moved_us) / SECOND);
			CHECK(!"a run that may go on goes on");
		}
	}
}

static void check_commands(void)
{
	uint32_t waiting = 0;
	for (size_t i = 0; i < ddb.ncommands; i++)
		waiting += !*ddb.commands[i].outcome;
	int64_t most_s = SOON_S + 2 * longest_try_s() * (1 + waiting + (int64_t)nordered);
	for (size_t i = 0; i < ddb.ncommands; i++) {
		const struct db_command *c = &ddb.commands[i];
		if (*c->outcome || !is_well(most_s) || c->asked_us > world.now_us - most_s * SECOND)
			continue;
		trace("command %" PRId64 " is not answered", c->id);
		CHECK(!"a command is answered");
	}
}

/* A row that says "waiting" of a run that is over says so for ever. */
static void check_rows(void)
{
	for (size_t i = 0; i < db.ntasks; i++) {
		const struct db_task *t = &db.tasks[i];
		if (str_eq(t->state, "done") || !str_eq(db_run(t->run)->state, "done"))
			continue;
		trace("%s %s of %s is %s", t->table, t->partition, t->run, t->state);
		CHECK(!"what a run leaves behind is done");
	}
}

void check_inspect(void)
{
	const struct host *h = host_leader();
	check_moves();
	check_rows();
	check_commands();
	if (!is_well(SOON_S))
		return;
	CHECK(disk->broken || h->edition == disk); /* what is written down is what is scheduled */
	for (size_t i = 0; i < h->edition->nrules; i++)
		check_owed(h->edition->rules[i]);
}

bool check_is_quiet(int64_t before_us)
{
	for (size_t i = 0; i < ddb.ncommands; i++) {
		if (!*ddb.commands[i].outcome)
			return false;
	}
	for (size_t i = 0; i < db.nruns; i++) {
		if (!str_eq(db.runs[i].state, "done") && db.runs[i].moved_us < before_us)
			return false;
	}
	return true;
}

void check_end(void)
{
	for (size_t i = 0; i < ddb.ncommands; i++) {
		const struct db_command *c = &ddb.commands[i];
		if (str_eq(c->kind, "order") && str_eq(c->outcome, "done"))
			CHECK(db_run(c->name));
	}
	for (size_t i = 0; i < db.ntries; i++)
		CHECK(str_eq(db.tries[i].state, "ended"));
	check_lake_and_state();
}
